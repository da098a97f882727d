"""What tcb-admin-node signs: pairs of sent and signed texts, taken from tcb-admin-node@1.22.0 driven by wx-server-sdk@1.8.3."""

from __future__ import annotations

import json

import pytest

from yunbox.protocols.tcb.signed_forms import signed_forms

PAIRS = [
    (
        '{"portrait":{"$all":[{"$elemMatch":{"share":{"$eq":0}}}]}}',
        '{"portrait":{"$all":[{"$elemMatch":{"share":{"operator":"eq","operands":[0],"fieldName":{}}}}]}}',
    ),
    (
        '{"list":{"$elemMatch":{"st":{"list":{"$elemMatch":{"s":{"$in":["b"]}}}}}}}',
        '{"list":{"$elemMatch":{"st":{"list":{"$elemMatch":{"s":{"operator":"in","operands":["b"],"fieldName":{}}}}}}}}',
    ),
    ('{"l":{"$elemMatch":{"d":{"$gt":"1970-01-01T00:00:00.005Z"}}}}', '{"l":{"$elemMatch":{"d":{"$gt":{}}}}}'),
    (
        '{"l":{"$elemMatch":{"d":{"operator":"and","operands":[{"$gt":1},{"$lt":5}],"fieldName":{}}}}}',
        '{"l":{"$elemMatch":{"d":{"operator":"and","operands":[{"operator":"gt","operands":[1],"fieldName":{}},'
        '{"operator":"lt","operands":[5],"fieldName":{}}],"fieldName":{}}}}}',
    ),
    (
        '{"$max":{"a":"1970-01-01T00:00:00.005Z"},"$push":{"b":{"$each":[{"$date":7}]}},'
        '"$set":{"c":{"d":"1970-01-01T00:00:00.009Z"},"e":{"offset":0},"f":{"type":"Buffer","data":[97]}},'
        '"$pull":{"g":{"k":{"$gt":5}},"h":{"$gt":1}}}',
        '{"$max":{"a":{}},"$push":{"b":{"$each":[{"$date":7}]}},"$set":{"c":{"d":{}},"e":{"offset":0},"f":{"0":97}},'
        '"$pull":{"g":{"k":{"$gt":5}},"h":{"$gt":1}}}',
    ),
    ('{"a":"2020-01-01T00:00:00.000Z","b":"2020-01-01T00:00:00.000Z"}', '{"a":"2020-01-01T00:00:00.000Z","b":{}}'),
    (
        '{"n":1e21,"m":1.50,"text":"文\\u0001\\"","at":"1970-01-01T00:00:00.005Z"}',
        '{"n":1e21,"m":1.50,"text":"文\\u0001\\"","at":{}}',
    ),
]


@pytest.mark.parametrize(("sent", "signed"), PAIRS)
def test_the_signed_text_is_among_the_forms(sent: str, signed: str) -> None:
    assert {"data": signed} in list(signed_forms({"data": sent}))


def test_nothing_else_is_signed_differently() -> None:
    assert list(signed_forms({"data": '{"a":{"$gt":1},"b":[1,null,true],"c":"2020-01-01"}', "query": "[]"})) == []


def test_the_number_of_forms_is_bounded() -> None:
    date = "2020-01-01T00:00:00.000Z"
    assert len(list(signed_forms({"data": json.dumps([date] * 6)}))) == 63
    assert len(list(signed_forms({"data": json.dumps([date] * 1000)}))) == 1
    assert len(list(signed_forms({"data": json.dumps([date, date, "x" * 100_000])}))) == 1
    kinds = [date, {"type": "Buffer", "data": [1]}]
    assert len(list(signed_forms({"data": json.dumps([*kinds, "x" * 500_000])}))) == 3
    assert len(list(signed_forms({"data": json.dumps([*kinds, "x" * 4_000_000])}))) == 1
    assert list(signed_forms({"data": "[" * 100_000 + "]" * 100_000})) == []
