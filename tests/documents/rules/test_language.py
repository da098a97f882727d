from __future__ import annotations

import random

import pytest

from yunbox.documents.rules.language import (
    Both,
    Compare,
    Either,
    Get,
    In,
    ListOf,
    Literal,
    Member,
    Not,
    Template,
    Variable,
    parse,
)
from yunbox.errors import InvalidRequest

DOC, AUTH = Variable("doc"), Variable("auth")


def member(of: Variable, name: str) -> Member:
    return Member(of, Literal(name))


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("true", Literal(True)),
        (" -1.5 ", Literal(-1.5)),
        ("'it\\'s'", Literal("it's")),
        ('"a"', Literal("a")),
        ("auth != null", Compare("!=", AUTH, Literal(None))),
        ("doc._openid === auth.openid", Compare("==", member(DOC, "_openid"), member(AUTH, "openid"))),
        ("doc['a'] !== 1", Compare("!=", member(DOC, "a"), Literal(1))),
        ("!doc.a && doc.b || doc.c", Either(Both(Not(member(DOC, "a")), member(DOC, "b")), member(DOC, "c"))),
        ("doc.a && (doc.b || doc.c)", Both(member(DOC, "a"), Either(member(DOC, "b"), member(DOC, "c")))),
        ("doc.a in ['x', 1]", In(member(DOC, "a"), ListOf((Literal("x"), Literal(1))))),
        ("!(doc.a in [])", Not(In(member(DOC, "a"), ListOf(())))),
        (
            "get(`database.c.${doc.x}`)",
            Get(Template((Literal("database.c."), member(DOC, "x"), Literal("")))),
        ),
    ],
)
def test_what_is_read(text: str, tree: object) -> None:
    assert parse(text) == tree


@pytest.mark.parametrize(
    "text",
    [
        "",
        "doc.",
        "doc.a ==",
        "doc.a = 1",
        "a == b",
        "process.exit",
        "doc.a == 1 2",
        "(doc.a",
        "doc.a)",
        "get(",
        "get()",
        "'open",
        "`${doc.a`",
        "`${}`",
        "doc[",
        "[1,,2]",
        "-doc.a",
        "1 + 1",
        "doc.a ? 1 : 2",
        "doc.a; true",
        "x" * 1025,
        "(" * 80 + "true" + ")" * 80,
        "!" * 200 + "true",
        "get('a.b.c') && get('a.b.c') && get('a.b.c') && get('a.b.c')",
        "get(get(get('database.a.b').c).d)",
    ],
)
def test_what_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest):
        parse(text)


def test_nonsense_is_refused_and_nothing_else() -> None:
    pieces = [
        "doc",
        ".a",
        "auth",
        "==",
        "&&",
        "||",
        "!",
        "(",
        ")",
        "[",
        "]",
        "'x'",
        "1",
        "in",
        "get",
        "`",
        "${",
        "}",
        ",",
        "true",
    ]
    chance = random.Random(7)
    for _ in range(3000):
        text = " ".join(chance.choice(pieces) for _ in range(chance.randint(1, 12)))
        try:
            parse(text)
        except InvalidRequest:
            continue
