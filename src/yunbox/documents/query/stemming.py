"""English word stems (the Porter2 algorithm that MongoDB's text search uses) and stop words."""

from __future__ import annotations

import re
from functools import lru_cache

_VOWELS = "aeiouy"
_DOUBLES = ("bb", "dd", "ff", "gg", "mm", "nn", "pp", "rr", "tt")
_LI_ENDINGS = "cdeghkmnrt"

_COMMON = """
    a about above after again against all am an and any are aren't as at be because been before being below between both
    but by can't cannot could couldn't did didn't do does doesn't doing don't down during each few for from further had
    hadn't has hasn't have haven't having he he'd he'll he's her here here's hers herself him himself his how how's i i'd
    i'll i'm i've if in into is isn't it it's its itself let's me more most mustn't my myself no nor not of off on once only
    or other ought our ours ourselves out over own same shan't she she'd she'll she's should shouldn't so some such than
    that that's the their theirs them themselves then there there's these they they'd they'll they're they've this those
    through to too under until up very was wasn't we we'd we'll we're we've were weren't what what's when when's where
    where's which while who who's whom why why's with won't would wouldn't you you'd you'll you're you've your yours
    yourself yourselves
"""
STOP_WORDS = frozenset(_COMMON.split())

_SPECIAL = {
    "skis": "ski",
    "skies": "sky",
    "dying": "die",
    "lying": "lie",
    "tying": "tie",
    "idly": "idl",
    "gently": "gentl",
    "ugly": "ugli",
    "early": "earli",
    "only": "onli",
    "singly": "singl",
}
_UNCHANGED = frozenset({"sky", "news", "howe", "atlas", "cosmos", "bias", "andes"})
_AFTER_PLURAL = frozenset({"inning", "outing", "canning", "herring", "earring", "proceed", "exceed", "succeed"})

_STEP2 = (
    ("ization", "ize"),
    ("ational", "ate"),
    ("fulness", "ful"),
    ("ousness", "ous"),
    ("iveness", "ive"),
    ("tional", "tion"),
    ("biliti", "ble"),
    ("lessli", "less"),
    ("entli", "ent"),
    ("ation", "ate"),
    ("alism", "al"),
    ("aliti", "al"),
    ("ousli", "ous"),
    ("iviti", "ive"),
    ("fulli", "ful"),
    ("enci", "ence"),
    ("anci", "ance"),
    ("abli", "able"),
    ("izer", "ize"),
    ("ator", "ate"),
    ("alli", "al"),
    ("bli", "ble"),
)
_STEP3 = (
    ("ational", "ate"),
    ("tional", "tion"),
    ("alize", "al"),
    ("icate", "ic"),
    ("iciti", "ic"),
    ("ical", "ic"),
    ("ness", ""),
    ("ful", ""),
)
_STEP4 = (
    "ement", "ance", "ence", "able", "ible", "ment", "ant", "ent", "ism", "ate", "iti", "ous", "ive", "ize", "al", "er", "ic",
)  # fmt: skip


@lru_cache(maxsize=16384)
def stem(word: str) -> str:
    """The stem of a lower-case English word."""
    if len(word) <= 2 or not word.isascii():
        return word
    if word in _SPECIAL:
        return _SPECIAL[word]
    if word in _UNCHANGED:
        return word
    word = _mark_consonant_y(word.lstrip("'"))
    first, second = _regions(word)
    word = _plural(_possessive(word))
    if word in _AFTER_PLURAL:
        return word
    word = _final_y(_past(word, first))
    word = _replace(word, _STEP2, first)
    word = _step2_rest(word, first)
    word = _replace(word, _STEP3, first)
    if word.endswith("ative") and len(word) - 5 >= second:
        word = word[:-5]
    return _final_e(_step4(word, second), first, second).replace("Y", "y")


def _mark_consonant_y(word: str) -> str:
    word = re.sub("^y", "Y", word)
    return re.sub("([aeiouy])y", r"\1Y", word)


def _regions(word: str) -> tuple[int, int]:
    for prefix in ("gener", "commun", "arsen"):
        if word.startswith(prefix):
            first = len(prefix)
            break
    else:
        first = _after_vowel_consonant(word, 0)
    return first, _after_vowel_consonant(word, first)


def _after_vowel_consonant(word: str, start: int) -> int:
    for index in range(start + 1, len(word)):
        if word[index] not in _VOWELS and word[index - 1] in _VOWELS:
            return index + 1
    return len(word)


def _possessive(word: str) -> str:
    for suffix in ("'s'", "'s", "'"):
        if word.endswith(suffix):
            return word[: -len(suffix)]
    return word


def _has_vowel(text: str) -> bool:
    return any(letter in _VOWELS for letter in text)


def _plural(word: str) -> str:
    if word.endswith("sses"):
        return word[:-2]
    if word.endswith(("ied", "ies")):
        return word[:-2] if len(word) > 4 else word[:-1]
    if word.endswith(("us", "ss")) or not word.endswith("s"):
        return word
    return word[:-1] if _has_vowel(word[:-2]) else word


def _past(word: str, first: int) -> str:
    for suffix in ("eedly", "eed"):
        if word.endswith(suffix):
            return word[: -len(suffix)] + "ee" if len(word) - len(suffix) >= first else word
    for suffix in ("ingly", "edly", "ing", "ed"):
        if word.endswith(suffix):
            base = word[: -len(suffix)]
            return _restore_e(base, first) if _has_vowel(base) else word
    return word


def _restore_e(base: str, first: int) -> str:
    if base.endswith(("at", "bl", "iz")):
        return base + "e"
    if base.endswith(_DOUBLES):
        return base[:-1]
    return base + "e" if first >= len(base) and _short_ending(base) else base


def _short_ending(word: str) -> bool:
    if len(word) == 2:
        return word[0] in _VOWELS and word[1] not in _VOWELS
    return len(word) > 2 and word[-1] not in _VOWELS + "wxY" and word[-2] in _VOWELS and word[-3] not in _VOWELS


def _final_y(word: str) -> str:
    if len(word) > 2 and word[-1] in "yY" and word[-2] not in _VOWELS:
        return word[:-1] + "i"
    return word


def _replace(word: str, table: tuple[tuple[str, str], ...], first: int) -> str:
    for suffix, replacement in table:
        if word.endswith(suffix):
            return word[: -len(suffix)] + replacement if len(word) - len(suffix) >= first else word
    return word


def _step2_rest(word: str, first: int) -> str:
    if word.endswith("ogi") and len(word) - 3 >= first and word[-4:-3] == "l":
        return word[:-1]
    if word.endswith("li") and len(word) - 2 >= first and word[-3:-2] in _LI_ENDINGS and word[-3:-2]:
        return word[:-2]
    return word


def _step4(word: str, second: int) -> str:
    for suffix in _STEP4:
        if word.endswith(suffix):
            return word[: -len(suffix)] if len(word) - len(suffix) >= second else word
    if word.endswith(("sion", "tion")) and len(word) - 3 >= second:
        return word[:-3]
    return word


def _final_e(word: str, first: int, second: int) -> str:
    at = len(word) - 1
    if word.endswith("e") and (at >= second or (at >= first and not _short_ending(word[:-1]))):
        return word[:-1]
    if word.endswith("ll") and at >= second:
        return word[:-1]
    return word
