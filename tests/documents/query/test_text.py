from __future__ import annotations

from typing import Any

import pytest

from yunbox.documents.query.match import compile_filter
from yunbox.documents.query.stemming import stem
from yunbox.errors import QueryError


@pytest.mark.parametrize(
    ("search", "text", "found"),
    [
        ("cat", "These are Cats", True),
        ("cat", "catatonic", False),
        ("running shoes", "he runs", True),
        ("the", "the cat", False),
        ('"black cat"', "a black cat", True),
        ('"black cat"', "a cat, black", False),
        ("cat -black", "a black cat", False),
        ('cat -"black dog"', "black cat and a dog", True),
        ("cafe", "Café", True),
        ("北京", "我爱北京天安门", True),
        ("北门", "我爱北京天安门", False),
        ("小程序 云", "微信小程序开发", True),
        ("iphone手机", "新手机", True),
        ("-cat", "dog", False),
    ],
)
def test_searches(search: str, text: str, found: bool) -> None:
    assert compile_filter({"$text": {"$search": search}})({"a": {"b": [text]}}) is found


@pytest.mark.parametrize(
    ("options", "text", "found"),
    [
        ({"$caseSensitive": True}, "Cafes", False),
        ({"$diacriticSensitive": True}, "café", False),
        ({"$language": "none"}, "cafes", False),
        ({"$language": "french"}, "cafe", True),
    ],
)
def test_options(options: dict[str, Any], text: str, found: bool) -> None:
    assert compile_filter({"$text": {"$search": "cafe", **options}})({"a": text}) is found


@pytest.mark.parametrize(
    ("operand", "number"),
    [
        ("x", 2),
        ({}, 4),
        ({"$search": 1}, 14),
        ({"$search": "a", "$fuzzy": 1}, 2),
        ({"$search": "a", "$language": "klingon"}, 2),
        ({"$search": "a", "$caseSensitive": 1}, 14),
    ],
)
def test_refused_searches(operand: Any, number: int) -> None:
    with pytest.raises(QueryError) as caught:
        compile_filter({"$text": operand})
    assert caught.value.number == number


def test_scores_follow_frequency_share_and_weights() -> None:
    search = compile_filter({"$text": {"$search": "milk"}}).text
    assert search is not None
    assert search.score({"a": "milk"}) == pytest.approx(1.1)
    assert search.score({"a": "milk cake"}) == pytest.approx(0.75)
    assert search.score({"a": "milk milk cake"}) == pytest.approx(1.5 * (0.5 * 2 / 3 + 0.5))
    search.weights = {"title": 10.0}
    assert search.score({"title": "milk", "body": "milk"}) == pytest.approx(11)
    assert not search.matches({"body": "milk"})


@pytest.mark.parametrize(
    ("word", "root"),
    [
        ("caresses", "caress"),
        ("ponies", "poni"),
        ("agreed", "agre"),
        ("hopping", "hop"),
        ("hoping", "hope"),
        ("relational", "relat"),
        ("generously", "generous"),
        ("consistency", "consist"),
        ("berries", "berri"),
        ("sky", "sky"),
        ("dying", "die"),
    ],
)
def test_stems(word: str, root: str) -> None:
    assert stem(word) == root
