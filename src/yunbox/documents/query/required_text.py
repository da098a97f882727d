"""What text a regular expression cannot match without: finding that is much cheaper than running the expression."""

from __future__ import annotations

import re
from typing import NamedTuple

# One character or class, and how often it comes. What this does not know (groups, alternatives, other escapes) ends the search.
_ITEM = re.compile(
    r"""
    (?: (?P<plain> [^\\\[\](){}|^$.*+?] )
      | \\(?P<escaped> [^\w\s] )
      | [.^$] | \\[dDwWsSbB] | \[(?!\^?\])\^?(?:[^\\\[\]]|\\[^\[\]])+\]
    )
    (?P<quantifier> (?:[*+?] | \{\d+(?:,\d*)?\})[+?]? )?
    """,
    re.VERBOSE | re.DOTALL,
)


class Required(NamedTuple):
    """What a text needs to match: what it begins with, as it is, and after that texts that it contains one after the other,
    but for the case of ASCII letters. Both may be empty.
    """

    prefix: str = ""
    texts: tuple[str, ...] = ()


def required_text(pattern: str, options: str) -> Required:
    """What a pattern cannot match without, as far as that is easily seen."""
    if "x" in options:
        return Required()
    # In a pattern with other letters those of ASCII have partners outside: the Kelvin sign is a k.
    folds = "i" in options and not pattern.isascii()
    texts, position = [""], 0
    while position < len(pattern):
        item = _ITEM.match(pattern, position)
        if item is None:
            return Required()
        character, quantifier = item["plain"] or item["escaped"] or "", item["quantifier"] or ""
        if folds and _has_cases(character):
            character = ""
        if character and quantifier[:1] in ("", "+"):
            texts[-1] += character
        if not character or quantifier:
            texts.append("")
        position = item.end()
    anchored = re.match(r"\^[^*+?{]", pattern) and "m" not in options and "i" not in options
    prefix = texts.pop(1) if anchored else ""
    return Required(prefix, tuple(filter(None, texts)))


def _has_cases(character: str) -> bool:
    return not character == character.lower() == character.upper()
