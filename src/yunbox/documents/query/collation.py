"""Collations: how strings compare when a query says so.

Strings are compared by keys made with Unicode decomposition and case folding, which is what the strengths mean for languages
that share the root order. Letters keep their code point order; Chinese (``zh``) characters of GB 2312's first level are in
Pinyin order, as that character set has them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from yunbox.errors import QueryError

from .predicates import truncated
from .values import Collation, is_number

_FIELDS = frozenset(
    {
        "locale",
        "strength",
        "caseLevel",
        "caseFirst",
        "numericOrdering",
        "alternate",
        "maxVariable",
        "normalization",
        "backwards",
        "version",
    }
)
_SWITCHES = ("caseLevel", "numericOrdering", "normalization", "backwards")
_CHOICES = {
    "caseFirst": ("off", "upper", "lower"),
    "alternate": ("non-ignorable", "shifted"),
    "maxVariable": ("punct", "space"),
}
_BINARY = ("simple", "en_US_POSIX")
_LANGUAGES = (
    " simple af am ar as az be bg bn bo bs ca chr cs cy da de dsb dz ee el en eo es et fa fi fil fo fr ga gl gu ha haw he hi hr"
    " hsb hu hy id ig is it ja ka kk kl km kn ko kok ky lb lkt ln lo lt lv mk ml mn mr ms mt my nb ne nl nn no om or pa pl ps"
    " pt ro root ru se si sk sl smn sq sr sv sw ta te th to tr ug uk ur uz vi wae yi yo zh zu "
)
_SPACE, _PUNCTUATION, _DIGIT, _HAN, _LETTER = range(5)
# The root order of what has one in ASCII; 255, where `find` is -1, comes after these.
_ASCII_PUNCTUATION = "_-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$"
_DIGITS = re.compile(r"(\d+)")


class UnicodeCollation:
    """Comparison by decomposed, case-folded keys; see `compile_collation`."""

    __slots__ = (
        "_key",
        "_variable",
        "backwards",
        "case_first",
        "case_level",
        "chinese",
        "numeric",
        "shifted",
        "strength",
    )

    def __init__(self, spec: Mapping[str, Any]) -> None:
        self.chinese = spec["locale"].startswith("zh")
        self.strength = truncated(spec.get("strength", 3)) or 3
        self.case_level = bool(spec.get("caseLevel", False))
        self.case_first = spec.get("caseFirst", "off")
        self.numeric = bool(spec.get("numericOrdering", False))
        self.backwards = bool(spec.get("backwards", False))
        self.shifted = spec.get("alternate") == "shifted"
        self._variable = "Z" if spec.get("maxVariable") == "space" else "ZP"
        self._key = lru_cache(maxsize=4096)(self._make_key)

    @property
    def identity(self) -> tuple[Any, ...]:
        """What two collations have in common that order all strings alike."""
        variable = self._variable if self.shifted else ""
        order = (self.chinese, self.numeric, self.backwards, self.case_level, self.case_first, self.shifted, variable)
        return (self.strength, *order)

    def key(self, text: str) -> tuple[Any, ...]:
        """The sort key of a string under this collation; equal keys mean equal strings."""
        return self._key(text)

    def _make_key(self, text: str) -> tuple[Any, ...]:
        letters = unicodedata.normalize("NFKD", text)
        ignored = ""
        if self.shifted:
            ignored = "".join(letter for letter in letters if self._is_variable(letter))
            letters = "".join(letter for letter in letters if not self._is_variable(letter))
        bases = "".join(letter for letter in letters if not unicodedata.combining(letter))
        key: list[Any] = [self._primary(bases)]
        if self.strength >= 2:
            accents = _accents(letters)
            key.append(accents[::-1] if self.backwards else accents)
        if self.case_level or self.strength >= 3:
            key.append(self._case(bases))
        if self.strength >= 4:
            key.append(ignored)
        if self.strength >= 5:
            key.append(text)
        return tuple(key)

    def _is_variable(self, letter: str) -> bool:
        return unicodedata.category(letter)[0] in self._variable

    def _primary(self, bases: str) -> tuple[Any, ...]:
        folded = bases.casefold()
        if not self.numeric:
            return tuple(self._weight(letter) for letter in folded)
        weights: list[Any] = []
        for index, piece in enumerate(_DIGITS.split(folded)):
            if index % 2:
                weights.append((_DIGIT, int(piece)))
            else:
                weights.extend(self._weight(letter) for letter in piece)
        return tuple(weights)

    def _weight(self, letter: str) -> tuple[int, Any]:
        """White space, punctuation, symbols, digits, letters: the order of the root collation."""
        category = unicodedata.category(letter)
        if category[0] in "ZC":
            return (_SPACE, letter)
        if category[0] in "PS":
            return (_PUNCTUATION, (_ASCII_PUNCTUATION.find(letter) % 256, letter))
        if category == "Nd":
            return (_DIGIT, unicodedata.digit(letter))
        if self.chinese and "\u4e00" <= letter <= "\u9fff":
            return (_HAN, letter.encode("gb2312", "ignore") or b"\xff" + letter.encode())
        return (_LETTER, letter)

    def _case(self, bases: str) -> tuple[int, ...]:
        upper = 0 if self.case_first == "upper" else 2
        return tuple(upper if letter.isupper() else 1 for letter in bases)


def _accents(decomposed: str) -> tuple[Any, ...]:
    """Per base letter the combining marks that follow it."""
    marks: list[str] = []
    for letter in decomposed:
        if unicodedata.combining(letter) and marks:
            marks[-1] += letter
        else:
            marks.append("")
    return tuple(marks)


def compile_collation(spec: Any) -> Collation | None:
    """A collation from its document (``{locale, strength, caseLevel, caseFirst, numericOrdering, alternate}``); ``None`` for
    none and for ``{locale: "simple"}``. A compiled collation is returned as it is. Raises `QueryError` for a wrong document.
    """
    if spec is None or isinstance(spec, UnicodeCollation):
        return spec
    if not isinstance(spec, Mapping):
        raise QueryError("collation must be an object", number=14, name="TypeMismatch")
    if not spec:
        return None
    _check(spec)
    if spec["locale"] in _BINARY:
        return None
    return UnicodeCollation(spec)


def _is_known(locale: str) -> bool:
    return f" {re.split('[_@-]', locale)[0]} " in _LANGUAGES


def _check(spec: Mapping[str, Any]) -> None:
    for name in spec:
        if name not in _FIELDS:
            raise QueryError(f"BSON field 'collation.{name}' is an unknown field.", number=40415, name="Location40415")
    locale = spec.get("locale")
    if locale is None:
        raise QueryError(
            "BSON field 'collation.locale' is missing but a required field", number=40414, name="Location40414"
        )
    if not isinstance(locale, str):
        raise QueryError("BSON field 'collation.locale' is the wrong type", number=14, name="TypeMismatch")
    if not re.fullmatch(r"[A-Za-z]{2,8}([_@-][A-Za-z0-9=_@-]+)?", locale) or not _is_known(locale):
        raise QueryError(f"Field 'locale' is invalid in: {dict(spec)}", number=2, name="BadValue")
    strength = spec.get("strength", 3)
    if not is_number(strength):
        raise QueryError("BSON field 'collation.strength' is the wrong type", number=14, name="TypeMismatch")
    if truncated(strength) not in (1, 2, 3, 4, 5):
        raise QueryError(f"collation strength must be 1 to 5, not {strength}", number=51024, name="Location51024")
    for name in _SWITCHES:
        if not isinstance(spec.get(name, False), bool):
            raise QueryError(f"BSON field 'collation.{name}' is the wrong type", number=14, name="TypeMismatch")
    for name, choices in _CHOICES.items():
        if spec.get(name, choices[0]) not in choices:
            raise QueryError(
                f"BSON field 'collation.{name}' must be one of {', '.join(choices)}", number=2, name="BadValue"
            )
