"""What text a regular expression cannot match without: finding that is much cheaper than running the expression."""

from __future__ import annotations

import re

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


def required_texts(pattern: str, options: str) -> tuple[str, ...]:
    """Texts that every match of a pattern contains, one after the other; none when none are known. With the option ``i`` the
    letters of ASCII may have the other case, and all else is as it is.
    """
    if "x" in options:
        return ()
    # In a pattern with other letters those of ASCII have partners outside: the Kelvin sign is a k.
    folds = "i" in options and not pattern.isascii()
    texts, position = [""], 0
    while position < len(pattern):
        item = _ITEM.match(pattern, position)
        if item is None:
            return ()
        character, quantifier = item["plain"] or item["escaped"] or "", item["quantifier"] or ""
        if folds and _has_cases(character):
            character = ""
        if character and quantifier[:1] in ("", "+"):
            texts[-1] += character
        if not character or quantifier:
            texts.append("")
        position = item.end()
    return tuple(filter(None, texts))


def _has_cases(character: str) -> bool:
    return not character == character.lower() == character.upper()
