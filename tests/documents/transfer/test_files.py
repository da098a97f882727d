"""Reading and writing documents as people and other clouds write them."""

from __future__ import annotations

import gzip
import io
from datetime import UTC, datetime
from typing import Any

import bson
import pytest
from bson import Decimal128, Int64, ObjectId

from yunbox.documents.query.ejson import dumps
from yunbox.documents.transfer import Format, read_records, readable, write_documents
from yunbox.documents.transfer.reading import CHUNK
from yunbox.errors import InvalidRequest

Told = list[tuple[int, dict[str, Any] | str]]


def read(data: bytes | str, format: Format = "json") -> Told:
    """The records of a file: their lines and contents."""
    file = io.BytesIO(data.encode() if isinstance(data, str) else data)
    return [(line, content) for line, content, _ in read_records(file, format)]


def written(documents: list[dict[str, Any]], format: Format, fields: tuple[str, ...] = ()) -> bytes:
    file = io.BytesIO()
    assert write_documents(map(dumps, documents), file, format, fields) == len(documents)
    return file.getvalue()


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
    assert read(text) == expected


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
    told = {line: problem for line, problem in read(text) if isinstance(problem, str)}
    assert told.keys() == problems.keys()
    for line, words in problems.items():
        assert words in told[line]


def test_csv() -> None:
    text = '\ufeffname,age,address.city,phone,ok,note\r\n张三,30,上海,013800000000,true,"a, ""b"""\n李四,,,,false,\n'
    assert read(text, "csv") == [
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
    rows = read("a,b\n1.5,-2\n12345678901234567890,1\n1,2,3\n", "csv")
    assert rows[0] == (2, {"a": 1.5, "b": -2})
    assert rows[1] == (3, {"a": "12345678901234567890", "b": 1})
    assert rows[2] == (4, "the line has 3 cells for 2 keys")
    assert read("", "csv") == []


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("007", "007"),
        ("007.5", "007.5"),
        ("0.5", 0.5),
        ("-0.5", -0.5),
        ("²", "²"),
        ("1e5", "1e5"),
        ("true", True),
        ("True", "True"),
        ('"[1,{""a"":2}]"', [1, {"a": 2}]),
        ("{not json", "{not json"),
        ('"{""$date"":""2018-08-31T17:30:00.882Z""}"', DATE),
        ("ObjectId(5f0000000000000000000001)", "5f0000000000000000000001"),
    ],
)
def test_cells_have_types(cell: str, value: Any) -> None:
    assert read(f"a\n{cell}\n", "csv") == [(2, {"a": value})]


@pytest.mark.parametrize(
    ("header", "problem"),
    [("a,b,a", "twice"), ("a,a.b", "ambiguous"), (".a", "dot"), ("a,,", "twice")],
)
def test_a_csv_header_that_cannot_be(header: str, problem: str) -> None:
    ((line, content),) = read(f"{header}\n1,2,3\n", "csv")
    assert line == 1
    assert problem in str(content)


def test_csv_lines_are_where_a_record_starts() -> None:
    rows = read('a,b\n"one\ntwo",1\nx,y,z\n"open', "csv")
    assert rows[:2] == [(2, {"a": "one\ntwo", "b": 1}), (4, "the line has 3 cells for 2 keys")]
    assert "not valid CSV" in str(rows[2][1])


def test_what_is_written_reads_back() -> None:
    document = {"_id": "a", "t": DATE, "d": Decimal128("1.10"), "n": [1, 2.5, None, {"x": "文"}], "ok": True}
    other = {"_id": "b", "$esc": {"$date": 5}, "long": Int64(5)}
    assert read(written([document], "json")) == [(1, document)]
    assert read(written([document, document], "array")) == [(2, document), (3, document)]
    assert read(written([], "array")) == []
    assert read(written([document], "bson"), "bson") == [(1, document)]
    assert read(written([other], "json"))[0][1] == "the key `$esc` starts with a $"
    assert readable(document)["t"] == {"$date": "2018-08-31T17:30:00.882Z"}


def test_csv_is_written() -> None:
    documents: list[dict[str, Any]] = [{"a": {"b": 1}, "t": DATE, "l": [1]}, {"a": "x,y"}]
    assert written(documents, "csv", ("a.b", "t", "l", "a")).decode() == (
        'a.b,t,l,a\n1,2018-08-31T17:30:00.882Z,[1],"{""b"":1}"\n,,,"x,y"\n'
    )
    with pytest.raises(InvalidRequest, match="fields"):
        written(documents, "csv")


def test_a_dump_of_mongodump() -> None:
    id = ObjectId("5f0000000000000000000001")
    dump = bson.encode({"_id": id, "at": DATE, "friends": [id], "long": Int64(2**40)}) + bson.encode({"_id": 2})
    expected: Told = [(1, {"_id": str(id), "at": DATE, "friends": [str(id)], "long": 2**40}), (2, {"_id": 2})]
    assert read(dump, "bson") == expected
    assert read(gzip.compress(dump), "bson") == expected
    assert read(dump[:-3], "bson")[1] == (2, "not valid BSON: the file ends inside a document, or is no BSON")
    damaged = bytearray(dump)
    damaged[4] = 0x42
    assert "not valid BSON" in str(read(bytes(damaged), "bson")[0][1])
    assert read(bytes(damaged), "bson")[1] == expected[1]


def test_files_that_are_not_what_they_seem() -> None:
    with pytest.raises(InvalidRequest, match="UTF-16"):
        read("{}".encode("utf-16"))
    lines = b'{"a": 1}\n{"a": "\xff"}\n{"a": 3}\n'
    assert [line for line, content in read(lines) if isinstance(content, str)] == [2]
    assert read(b"a\n\xff\nb\n", "csv")[1] == (3, {"a": "b"})
    packed = gzip.compress(b'{"a": 1}\n' * 9)
    assert read(packed)[8] == (9, {"a": 1})
    assert "damaged" in str(read(packed[:-12])[-1][1])


def test_duplicate_and_dotted_keys() -> None:
    told = read('{"a": 1, "a": 2}\n{"x": {"b": 1, "b": 1}}\n{"a.b": 1, "a.c": {"d.e": 2}}\n{"x": {"a": 1, "a.b": 2}}')
    assert "twice" in str(told[0][1])
    assert "twice" in str(told[1][1])
    assert told[2][1] == {"a": {"b": 1, "c": {"d": {"e": 2}}}}
    assert "ambiguous" in str(told[3][1])


@pytest.mark.parametrize("filler", ["x" * 40, "文" * 30, '\\" \\u6587 ' * 9])
def test_records_across_the_pieces_of_a_file(filler: str) -> None:
    line = f'{{"a": "{filler}", "b": [1.25, true, null, {{"c": -17}}]}}\n'
    count = 2 * CHUNK // len(line.encode()) + 5
    told = read(line * (count // 2) + "broken\n" + line * (count - count // 2))
    assert [number for number, content in told if isinstance(content, str)] == [count // 2 + 1]
    assert len(told) == count + 1
    assert told[0][1] == told[-1][1]


def test_one_long_record() -> None:
    text = "x" * (3 * CHUNK)
    assert read(f'{{"a": "{text}"}}\n{{"b": 1}}') == [(1, {"a": text}), (2, {"b": 1})]
