"""Text indexes: the words of each document in an FTS5 table.

Words are made in Python, so that Chinese is found by single characters and by pairs of them, and are written as letters
and digits that no tokenizer takes apart. The index over-selects; the search itself decides.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

from yunbox.documents.query.paths import split, values
from yunbox.documents.query.stemming import stem

_CJK = "\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
_RUN = re.compile(f"[{_CJK}]+")
_WORD = re.compile(f"[{_CJK}]+|(?:(?![{_CJK}])[\\w'])+")


def weights_of(definition: Mapping[str, Any]) -> dict[str, float]:
    """The paths of a text index with their weights (1 unless set)."""
    given = definition.get("weights") or {}
    paths = [path for path, kind in definition["key"].items() if kind == "text"]
    return {path: given.get(path, 1) for path in [*paths, *(path for path in given if path not in paths)]}


def document_words(document: Mapping[str, Any], weights: Mapping[str, float]) -> str:
    """What the table holds of a document; empty when it has no text."""
    words: set[str] = set()
    for text in _texts(document, weights):
        words |= _words(text)
    return " ".join(sorted(words))


def _texts(document: Mapping[str, Any], weights: Mapping[str, float]) -> Iterator[str]:
    if "$**" in weights:
        yield from _strings(document)
        return
    for path in weights:
        for value in values(document, split(path)):
            if isinstance(value, str):
                yield value


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _strings(item)


def _words(text: str) -> set[str]:
    found = set()
    # To who minds diacritics, a combining one may stand between two words, and stems may differ.
    for form in {text.casefold(), _fold(text)}:
        for word in _WORD.findall(form):
            if _RUN.fullmatch(word):
                found |= {_spelled(character) for character in word}
                found |= {_spelled(word[place : place + 2]) for place in range(len(word) - 1)}
            else:
                found |= {_spelled(_fold(word)), _spelled(_fold(stem(word)))}
    return found


def _fold(text: str) -> str:
    text = text.casefold()
    if text.isascii():
        return text
    decomposed = unicodedata.normalize("NFD", text)
    return unicodedata.normalize("NFC", "".join(letter for letter in decomposed if not unicodedata.combining(letter)))


def _spelled(word: str) -> str:
    return "w" + word.encode().hex()


def match_expression(terms: frozenset[str]) -> str:
    """The FTS5 expression for the documents that may have one of the terms; empty when there are none."""
    alternatives = []
    for term in sorted(terms):
        folded = _fold(term)
        if _RUN.fullmatch(folded) and len(folded) > 1:
            pairs = [_spelled(folded[place : place + 2]) for place in range(len(folded) - 1)]
            alternatives.append("(" + " AND ".join(pairs) + ")")
        else:
            alternatives.append(_spelled(folded))
    return " OR ".join(alternatives)
