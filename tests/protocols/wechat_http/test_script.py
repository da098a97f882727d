"""The database script: what it accepts, what it refuses and where (DBA-7)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bson import Regex

from yunbox.protocols.wechat_http.evaluate import Operation, evaluate
from yunbox.protocols.wechat_http.lexer import ScriptError
from yunbox.protocols.wechat_http.operators import aggregate_value, changes, condition

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def run(text: str) -> Operation:
    return evaluate(text, NOW)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("db.collection('a').get()", Operation("a", "get")),
        ('db.collection("a").doc("x").get();', Operation("a", "get", document_id="x")),
        ("db.collection('a').count() // how many", Operation("a", "count")),
        ("/* all */ db.collection('a').where({}).remove()", Operation("a", "remove", where={}, has_where=True)),
        (
            "db.collection('a').add({data: {n: -1.5, s: 'q\\u4e91'}})",
            Operation("a", "add", data={"n": -1.5, "s": "q云"}),
        ),
        ("db.collection('a').add({data: {u: undefined, n: null}})", Operation("a", "add", data={"n": None})),
        ("db.collection('a').doc(5).set({data: {}})", Operation("a", "set", document_id=5, data={})),
        ("const c = db.collection('a')\nc.limit(3).skip(2).get()", Operation("a", "get", limit=3, skip=2)),
        (
            "db.collection('a').orderBy('x','asc').orderBy('y','desc').field({x: true}).get()",
            Operation("a", "get", order=(("x", 1), ("y", -1)), fields={"x": True}),
        ),
        (
            "db.collection('a').aggregate().match({n: 1}).limit(10).end()",
            Operation("a", "end", stages=(("$match", {"n": 1}), ("$limit", 10))),
        ),
        (
            "const { Point } = db.Geo\ndb.collection('a').add({data: {at: new Point(1, 2), b: Point(3, 4)}})",
            Operation(
                "a",
                "add",
                data={
                    "at": {"type": "Point", "coordinates": [1, 2]},
                    "b": {"type": "Point", "coordinates": [3, 4]},
                },
            ),
        ),
        (
            "db.collection('a').add({data: {now: db.serverDate({offset: 1000}), at: new Date(0)}})",
            Operation("a", "add", data={"now": NOW + timedelta(seconds=1), "at": datetime(1970, 1, 1, tzinfo=UTC)}),
        ),
    ],
)
def test_accepts(text: str, expected: Operation) -> None:
    assert run(text) == expected


@pytest.mark.parametrize(
    ("text", "line", "column", "reason"),
    [
        ("", 1, 1, "must end in"),
        ("db", 1, 1, "must end in"),
        ("db.collection('a')", 1, 14, "must end in"),
        ("db.collection('a').get() + 1", 1, 26, r"operator `\+`"),
        ("\n  if (x) {}", 2, 3, "`if`"),
        ("for (;;) {}", 1, 1, "loops"),
        ("function f() {}", 1, 1, "functions"),
        ("const f = () => 1", 1, 12, "unexpected"),
        ("const f = x => 1", 1, 13, "functions"),
        ("class A {}", 1, 1, "classes"),
        ("x = 1", 1, 3, "assignments"),
        ("const [a] = [1]", 1, 7, "array destructuring"),
        ("db.collection(a ? 1 : 2).get()", 1, 17, "expected"),
        ("db.collection('a').where({a: b}).get()", 1, 30, "`b` is not defined"),
        ("db.nothing.get()", 1, 3, "`db.nothing` does not exist"),
        ("db.collection('a').get().get()", 1, 29, "nothing can follow"),
        ("db.collection('a').drop()", 1, 24, "not a method"),
        ("db.collection('a').orderBy('x', 'up').get()", 1, 27, "'asc' or 'desc'"),
        ("db.collection('a').update({})", 1, 26, "with `data`"),
        ("db.collection('a", 1, 15, "string is not closed"),
        ("db /* never", 1, 4, "comment is not closed"),
        ("`${db}`", 1, 1, "template strings"),
        ("db.collection('a').add({data: {a: " + "[" * 200 + "]" * 200 + "}}).get()", 1, 132, "nested too deeply"),
        ("process.exit()", 1, 1, "`process` is not defined"),
        ("db.collection.constructor('x')()", 1, 14, "does not exist"),
        ("db.__class__", 1, 3, "does not exist"),
    ],
)
def test_refuses_with_the_place(text: str, line: int, column: int, reason: str) -> None:
    with pytest.raises(ScriptError, match=reason) as caught:
        run(text)
    assert (caught.value.line, caught.value.column) == (line, column)


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("{a: 1, b: 'x'}", {"a": {"$eq": 1}, "b": {"$eq": "x"}}),
        ("{a: {b: {c: 1}, d: 2}}", {"a.b.c": {"$eq": 1}, "a.d": {"$eq": 2}}),
        ("{a: /x+/gi}", {"a": Regex("x+", "i")}),
        ("{a: db.RegExp({regexp: '^b', options: 'm'})}", {"a": Regex("^b", "m")}),
        ("{a: _.gt(1).and(_.lt(5))}", {"$and": [{"a": {"$gt": 1}}, {"a": {"$lt": 5}}]}),
        ("{a: _.gt(80).lt(100)}", {"$and": [{"a": {"$gt": 80}}, {"a": {"$lt": 100}}]}),
        ("{a: _.or(_.gt(8), _.lt(2))}", {"$or": [{"a": {"$gt": 8}}, {"a": {"$lt": 2}}]}),
        ("_.or([{a: 1}, {b: {c: _.in([2])}}])", {"$or": [{"a": {"$eq": 1}}, {"b.c": {"$in": [2]}}]}),
        ("{a: _.not(_.eq(1))}", {"a": {"$not": {"$eq": 1}}}),
        ("{a: _.exists(false), b: _.mod(3, 1)}", {"a": {"$exists": False}, "b": {"$mod": [3, 1]}}),
        ("{a: _.elemMatch({x: _.gt(1), y: 2})}", {"a": {"$elemMatch": {"x": {"$gt": 1}, "y": {"$eq": 2}}}}),
        ("{a: _.eq({x: 1})}", {"a": {"$eq": {"x": 1}}}),
        (
            "{a: _.or(1, 2), b: _.or(3, 4)}",
            {
                "$and": [
                    {"$or": [{"a": {"$eq": 1}}, {"a": {"$eq": 2}}]},
                    {"$or": [{"b": {"$eq": 3}}, {"b": {"$eq": 4}}]},
                ]
            },
        ),
        (
            "_.expr(_.aggregate.gt(['$a', '$b']))",
            {"$expr": {"$gt": ["$a", "$b"]}},
        ),
    ],
)
def test_conditions(where: str, expected: dict[str, Any]) -> None:
    assert condition(run(f"db.collection('a').where({where}).get()").where) == expected


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("{a: 1}", {"$set": {"a": 1}}),
        ("{a: {b: 1, c: {d: 2}}, l: [1]}", {"$set": {"a.b": 1, "a.c.d": 2, "l": [1]}}),
        ("{a: _.set({b: 1}), n: _.inc(2)}", {"$set": {"a": {"b": 1}}, "$inc": {"n": 2}}),
        ("{a: _.remove()}", {"$unset": {"a": ""}}),
        ("{a: _.push([1, 2])}", {"$push": {"a": {"$each": [1, 2]}}}),
        (
            "{a: _.push({each: [1], position: 0, slice: 3})}",
            {"$push": {"a": {"$each": [1], "$position": 0, "$slice": 3}}},
        ),
        (
            "{a: _.unshift(1), b: _.pop(), c: _.shift()}",
            {"$push": {"a": {"$each": [1], "$position": 0}}, "$pop": {"b": 1, "c": -1}},
        ),
        ("{a: _.addToSet({each: [1, 2]})}", {"$addToSet": {"a": {"$each": [1, 2]}}}),
        ("{a: _.pull({x: _.gt(1)}), b: _.pull(_.in([1]))}", {"$pull": {"a": {"x": {"$gt": 1}}, "b": {"$in": [1]}}}),
    ],
)
def test_changes(data: str, expected: dict[str, Any]) -> None:
    assert changes(run(f"db.collection('a').doc('x').update({{data: {data}}})").data) == expected


def test_aggregate_values() -> None:
    operation = run(
        "const $ = db.command.aggregate\n"
        "db.collection('a').aggregate().group({_id: '$k', n: $.sum('$n'), s: $.cond([$.neq(['$a', 1]), 1, 2])}).end()"
    )
    assert operation.stages is not None
    assert aggregate_value(operation.stages[0][1]) == {
        "_id": "$k",
        "n": {"$sum": "$n"},
        "s": {"$cond": [{"$ne": ["$a", 1]}, 1, 2]},
    }
