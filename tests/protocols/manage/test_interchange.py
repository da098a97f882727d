"""Reading and writing documents as people and other clouds write them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from bson import Decimal128, Int64

from yunbox.protocols.manage.interchange import read_csv, read_json, readable, write_csv, write_json

DATE = datetime(2018, 8, 31, 17, 30, 0, 882000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param('{"a": 1}\n{"a": 2}\n', [(1, {"a": 1}), (2, {"a": 2})], id="lines"),
        pytest.param('\ufeff{"a": 1}\r\n\r\n{"a": 2}', [(1, {"a": 1}), (3, {"a": 2})], id="mark-and-blank-lines"),
        pytest.param('[{"a": 1},\n {"a": 2}]', [(1, {"a": 1}), (2, {"a": 2})], id="array"),
        pytest.param('{\n "a": 1\n}\n{\n "a": 2\n}', [(1, {"a": 1}), (4, {"a": 2})], id="spread-out"),
        pytest.param('{"a": 1}{"a": 2}', [(1, {"a": 1}), (1, {"a": 2})], id="without-separator"),
        pytest.param("", [], id="empty"),
        pytest.param("[]", [], id="empty-array"),
        pytest.param('{"t": {"$date": "2018-08-31T17:30:00.882Z"}}', [(1, {"t": DATE})], id="date"),
        pytest.param(
            '{"_id": {"$oid": "5f0000000000000000000001"}}',
            [(1, {"_id": "5f0000000000000000000001"})],
            id="oid",
        ),
        pytest.param('{"n": {"$numberLong": "5"}}', [(1, {"n": Int64(5)})], id="long"),
    ],
)
def test_json(text: str, expected: list[tuple[int, Any]]) -> None:
    assert list(read_json(text)) == expected


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ('{"a": 1}\nnot json\n{"a": 2}', {2: "not valid JSON"}),
        ('5\n"text"', {1: "not int", 2: "not str"}),
        ('{".a": 1}\n{"a.": 1}\n{"a..b": 1}', {1: "dot", 2: "dot", 3: "two in a row"}),
        ('{"a": {"b": 1}, "a.b": 2}', {1: "ambiguous"}),
        ('{"a": ' * 30_000, {1: "not valid JSON"}),
    ],
)
def test_bad_json_is_told_by_line(text: str, problems: dict[int, str]) -> None:
    told = {line: problem for line, problem in read_json(text) if isinstance(problem, str)}
    assert told.keys() == problems.keys()
    for line, words in problems.items():
        assert words in told[line]


def test_csv() -> None:
    text = '\ufeffname,age,address.city,phone,ok,note\r\n张三,30,上海,013800000000,true,"a, ""b"""\n李四,,,,false,\n'
    assert list(read_csv(text)) == [
        (
            2,
            {
                "name": "张三",
                "age": 30,
                "address": {"city": "上海"},
                "phone": "013800000000",
                "ok": True,
                "note": 'a, "b"',
            },
        ),
        (3, {"name": "李四", "ok": False}),
    ]


def test_csv_numbers_and_rows_that_do_not_fit() -> None:
    rows = list(read_csv("a,b\n1.5,-2\n12345678901234567890,1\n1,2,3\n"))
    assert rows[0] == (2, {"a": 1.5, "b": -2})
    assert rows[1] == (3, {"a": "12345678901234567890", "b": 1})
    assert rows[2] == (4, "the line has 3 cells for 2 keys")
    assert list(read_csv("")) == []


def test_what_is_written_reads_back() -> None:
    document = {"_id": "a", "t": DATE, "d": Decimal128("1.10"), "n": [1, 2.5, None, {"x": "文"}], "ok": True}
    assert [row for _, row in read_json(write_json([document]).decode())] == [document]
    assert readable(document)["t"] == {"$date": "2018-08-31T17:30:00.882Z"}


def test_csv_is_written() -> None:
    documents: list[dict[str, Any]] = [{"a": {"b": 1}, "t": DATE, "l": [1]}, {"a": "x,y"}]
    assert write_csv(documents, ["a.b", "t", "l", "a"]).decode() == (
        '1,2018-08-31T17:30:00.882Z,[1],"{""b"":1}"\n,,,"x,y"\n'
    )
