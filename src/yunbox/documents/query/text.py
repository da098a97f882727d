"""``$text``: words, phrases and exclusions, searched in the strings of a document.

Words are compared by their English stems unless the language is ``none``. Chinese, Japanese and Korean are not written with
spaces: a run of such characters is found wherever it stands.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from yunbox.errors import QueryError

from .paths import split, values
from .predicates import bad_value
from .stemming import STOP_WORDS, stem
from .values import Document, type_name

_CJK = "\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
_CJK_RUN = re.compile(f"[{_CJK}]+")
_WORD = re.compile(f"[{_CJK}]+|(?:(?![{_CJK}])[\\w'])+")
_CLAUSE = re.compile(r'(?P<minus>(?<!\S)-)?(?:"(?P<phrase>[^"]*)"?|(?P<words>[^\s"]+))')


@dataclass(frozen=True, slots=True)
class _Style:
    """How words are made equal."""

    english: bool
    case_sensitive: bool
    diacritic_sensitive: bool

    def fold(self, text: str) -> str:
        """The text without the differences that do not count."""
        if not self.case_sensitive:
            text = text.casefold()
        if not self.diacritic_sensitive and not text.isascii():
            decomposed = unicodedata.normalize("NFD", text)
            text = unicodedata.normalize("NFC", "".join(c for c in decomposed if not unicodedata.combining(c)))
        return text

    def terms(self, text: str) -> list[str]:
        """The words of a text that count, as stems; a run of CJK characters is one term."""
        result = []
        for word in _WORD.findall(text):
            lowered = word.casefold()
            if self.english and lowered in STOP_WORDS:
                continue
            folded = self.fold(word)
            result.append(stem(folded) if self.english else folded)
        return result


class TextSearch:
    """A compiled ``$text``: whether a document has the words, and how well it fits.

    ``weights`` maps the paths of a text index to their weights; empty: every string in the document counts once.
    """

    __slots__ = ("_negated", "_negated_phrases", "_phrases", "_style", "_terms", "weights")

    def __init__(self, search: str, style: _Style) -> None:
        self.weights: Mapping[str, float] = {}
        self._style = style
        self._terms: set[str] = set()
        self._negated: set[str] = set()
        self._phrases: list[str] = []
        self._negated_phrases: list[str] = []
        for clause in _CLAUSE.finditer(search):
            self._add(clause)

    def _add(self, clause: re.Match[str]) -> None:
        negated = clause["minus"] is not None
        if clause["phrase"] is not None:
            phrases = self._negated_phrases if negated else self._phrases
            phrases.append(self._style.fold(clause["phrase"]))
            if not negated:
                self._terms.update(self._style.terms(clause["phrase"]))
            return
        words = self._style.terms(clause["words"])
        (self._negated if negated else self._terms).update(words)

    @property
    def terms(self) -> frozenset[str]:
        """The words of which a matching document has at least one."""
        return frozenset(self._terms)

    def matches(self, document: Document) -> bool:
        """Whether the document has one of the words, all of the phrases and none of what is excluded."""
        texts = [self._style.fold(text) for text, _ in self._texts(document)]
        if not all(any(phrase in text for text in texts) for phrase in self._phrases):
            return False
        if any(phrase in text for phrase in self._negated_phrases for text in texts):
            return False
        found = [set(self._style.terms(text)) for text in texts]
        if any(
            self._occurs(term, text, words) for term in self._negated for text, words in zip(texts, found, strict=True)
        ):
            return False
        return any(
            self._occurs(term, text, words) for term in self._terms for text, words in zip(texts, found, strict=True)
        )

    def _occurs(self, term: str, text: str, words: set[str]) -> bool:
        return term in words or (_CJK_RUN.fullmatch(term) is not None and term in text)

    def score(self, document: Document) -> float:
        """MongoDB's text score: frequency of the words, weighted by field and by the share of the text they make up."""
        return sum(weight * self._text_score(text) for text, weight in self._texts(document))

    def _text_score(self, text: str) -> float:
        words = self._style.terms(text)
        total = 0.0
        for term in self._terms:
            count = words.count(term) or (text.count(term) if _CJK_RUN.fullmatch(term) else 0)
            if not count:
                continue
            # Each further occurrence counts half as much as the one before.
            frequency = 2 - 2.0 ** (1 - count)
            share = 0.5 * count / max(len(words), 1) + 0.5
            whole = 1.1 if self._style.fold(text) == term else 1.0
            total += frequency * share * whole
        return total

    def _texts(self, document: Document) -> Iterator[tuple[str, float]]:
        if not self.weights or "$**" in self.weights:
            weight = self.weights.get("$**", 1.0)
            yield from ((text, weight) for text in _strings(document))
            return
        for path, weight in self.weights.items():
            for value in values(document, split(path)):
                if isinstance(value, str):
                    yield value, weight


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _strings(item)


def compile_text(operand: Any) -> TextSearch:
    """The search of a ``$text`` operand (``$search $language $caseSensitive $diacriticSensitive``). Raises `QueryError`."""
    if not isinstance(operand, dict):
        raise bad_value(f"$text expects an object, not {type_name(operand)}")
    for name, kind in _OPTIONS.items():
        if name in operand and not isinstance(operand[name], kind):
            raise QueryError(f"{name} has the wrong type {type_name(operand[name])}", number=14, name="TypeMismatch")
    if "$search" not in operand:
        raise QueryError('Missing expected field "$search"', number=4, name="NoSuchKey")
    unknown = [name for name in operand if name not in _OPTIONS]
    if unknown:
        raise bad_value(f"extra fields in $text: {', '.join(unknown)}")
    style = _Style(
        _is_english(operand.get("$language", "english")),
        operand.get("$caseSensitive", False),
        operand.get("$diacriticSensitive", False),
    )
    return TextSearch(operand["$search"], style)


_OPTIONS: dict[str, type] = {"$search": str, "$language": str, "$caseSensitive": bool, "$diacriticSensitive": bool}
_LANGUAGES = {
    "danish": "da", "dutch": "nl", "english": "en", "finnish": "fi", "french": "fr", "german": "de", "hungarian": "hu",
    "italian": "it", "norwegian": "nb", "portuguese": "pt", "romanian": "ro", "russian": "ru", "spanish": "es",
    "swedish": "sv", "turkish": "tr", "none": "none",
}  # fmt: skip


def _is_english(language: str) -> bool:
    name = language.lower()
    if name not in _LANGUAGES and name not in _LANGUAGES.values():
        raise bad_value(f"Language specifier in $text is not supported: '{language}'")
    return name in ("english", "en")
