from __future__ import annotations

import time

import pytest

from yunbox.documents.query.regex import compile_regex
from yunbox.documents.query.required_text import required_text
from yunbox.errors import QueryError


@pytest.mark.parametrize(
    ("pattern", "options", "text", "found"),
    [
        ("b+", "", "abbb", True),
        ("^B", "i", "bx", True),
        ("^b$", "m", "a\nb\nc", True),
        ("a.c", "s", "a\nc", True),
        ("a b # comment", "x", "ab", True),
        ("/x", "giu", "/X", True),
        (r"\Qa.b\E+", "", "xa.bb", True),
        (r"\Qa.b", "", "axb", False),
        (r"\x{4e2d}", "", "中", True),
        (r"end\z", "", "end\n", False),
        (r"end\Z", "", "end\n", True),
        (r"(?<n>a)\k<n>", "", "aa", True),
        (r"(a)\g{1}", "", "aa", True),
        (r"^\w+$", "", "中文", False),
        (r"^\d+$", "", "１２", False),
        (r"^\p{Han}+$", "", "中文", True),
        (r"^\p{Xan}+$", "", "é1", True),
        (r"^\p{L}\w$", "", "éé", False),
        ("ÉCOLE", "i", "école", True),
        ("[[:digit:]]+x", "", "12x", True),
        ("[]a]", "", "]", True),
        ("[[a]", "", "[", True),
        ("[a&&b]", "", "&", True),
        (r"\y", "", "y", True),
        ("a++b", "", "aab", True),
        ("(?i)abc", "", "ABC", True),
        (r"foo\Kbar", "", "foobar", True),
        ("(*UTF8)x", "", "x", True),
        (r"\h", "", "\t", True),
        ("", "", "", True),
    ],
)
def test_patterns(pattern: str, options: str, text: str, found: bool) -> None:
    assert compile_regex(pattern, options).test(text) is found


@pytest.mark.parametrize(
    "pattern", ["(", "a{2}{3}*", "[", "(?P<", "\\", "*a", r"\x{", r"\x{g}", r"\x{110000}", "\0", "(?<a"]
)
def test_refused_patterns(pattern: str) -> None:
    with pytest.raises(QueryError):
        compile_regex(pattern)


def test_hard_time_limit() -> None:
    started = time.monotonic()
    with pytest.raises(QueryError, match="took longer") as caught:
        compile_regex("(a|aa)+$").test("a" * 60 + "b")
    assert caught.value.number == 51156
    assert time.monotonic() - started < 10


@pytest.mark.parametrize(
    ("pattern", "options", "prefix", "texts"),
    [
        ("r[0-9]*7[0-9]*3$", "", "", ("r", "7", "3")),
        ("^user\\.name.*z", "", "user.name", ("z",)),
        ("^ab?c", "", "a", ("c",)),
        ("^a+b", "s", "a", ("b",)),
        ("^a*b", "", "", ("b",)),
        ("^.a", "", "", ("a",)),
        ("^ab", "m", "", ("ab",)),
        ("^ab", "i", "", ("ab",)),
        ("ab?c+d{2}e", "", "", ("a", "c", "e")),
        ("ab??c*+d", "", "", ("a", "d")),
        ("a{0}b{,2}", "", "", ()),
        ("张三 a1", "i", "", ("张三 ", "1")),
        ("Ab1+", "i", "", ("Ab1",)),
        ("a b", "x", "", ()),
        *(
            (pattern, "", "", ())
            for pattern in ("", "^", "ab|c", "^a|b", "(ab)?", r"\x61b", r"\Qab\E", "[^]]b", "[[:alpha:]]b", "(?i)ab")
        ),
    ],
)
def test_what_a_match_needs(pattern: str, options: str, prefix: str, texts: tuple[str, ...]) -> None:
    assert required_text(pattern, options) == (prefix, texts)
