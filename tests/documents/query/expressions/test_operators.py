"""Operators by table: expression, document, result; and expression, error number."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from bson import Code, Decimal128, Int64, MinKey, ObjectId, Regex

from yunbox.documents.query.expressions import compile_expression
from yunbox.documents.query.values import MISSING, UNDEFINED, type_name
from yunbox.errors import QueryError

NEW_YEAR = datetime(2024, 1, 1, 0, 30, tzinfo=UTC)
Case = tuple[Any, dict[str, Any], Any]


def evaluate(expression: Any, document: dict[str, Any] | None = None, **variables: Any) -> Any:
    names = [name for name in variables if name != "NOW"]
    return compile_expression(expression, variables=names)(document or {}, variables)


ARITHMETIC: list[Case] = [
    ({"$add": [1, 2, 3]}, {}, 6),
    ({"$add": [0.1, 0.2, 0.3]}, {}, 0.6),
    ({"$add": ["$d", 500]}, {"d": datetime(2020, 1, 1, tzinfo=UTC)}, datetime(2020, 1, 1, 0, 0, 0, 500000, tzinfo=UTC)),
    ({"$add": [1, None]}, {}, None),
    ({"$add": []}, {}, 0),
    ({"$subtract": [datetime(2020, 1, 2, tzinfo=UTC), datetime(2020, 1, 1, tzinfo=UTC)]}, {}, 86400000),
    ({"$multiply": [3, 4]}, {}, 12),
    ({"$divide": [7, 2]}, {}, 3.5),
    ({"$mod": [-7, 3]}, {}, -1),
    ({"$mod": [5.5, 2]}, {}, 1.5),
    ({"$sin": Decimal128("1E22")}, {}, Decimal128("-0.8522008497671888017727058937530294")),
    ({"$cos": Decimal128("1E6144")}, {}, Decimal128("0.3993286706252226496850307517433643")),
    ({"$pow": [2, 10]}, {}, 1024),
    ({"$pow": [2, -1]}, {}, 0.5),
    ({"$round": [2.5]}, {}, 2.0),
    ({"$round": [3.5]}, {}, 4.0),
    ({"$round": [1234, -2]}, {}, 1200),
    ({"$round": [2.675, 2]}, {}, 2.67),
    ({"$trunc": [-3.79, 1]}, {}, -3.7),
    ({"$abs": -5}, {}, 5),
    ({"$ceil": 1.2}, {}, 2.0),
    ({"$floor": -1.2}, {}, -2.0),
    ({"$log": [8, 2]}, {}, 3.0),
    ({"$sqrt": 16}, {}, 4.0),
    ({"$sum": "$a"}, {"a": [1, 2, "x"]}, 3),
    ({"$avg": [1, 2, 4]}, {}, 7 / 3),
    ({"$max": ["$a", "$b"]}, {"a": 1, "b": [0]}, [0]),
    ({"$stdDevPop": [[1, 3]]}, {}, 1.0),
]

ARRAYS: list[Case] = [
    ({"$arrayElemAt": ["$a", -1]}, {"a": [1, 2]}, 2),
    ({"$arrayElemAt": ["$a", 5]}, {"a": [1, 2]}, MISSING),
    ({"$first": "$a"}, {"a": []}, MISSING),
    ({"$slice": [[1, 2, 3], -2]}, {}, [2, 3]),
    ({"$slice": [[1, 2, 3], -5, 2]}, {}, [1, 2]),
    ({"$range": [10, 0, -4]}, {}, [10, 6, 2]),
    ({"$map": {"input": "$a", "in": {"$multiply": ["$$this", 2]}}}, {"a": [1, 2]}, [2, 4]),
    ({"$filter": {"input": "$a", "as": "n", "cond": {"$gt": ["$$n", 1]}}}, {"a": [1, 2]}, [2]),
    (
        {"$filter": {"input": "$a", "as": "CURRENT", "cond": {"$lt": ["$n", "$$ROOT.n"]}}},
        {"a": [{"n": 1}, {"n": 7}], "n": 5},
        [{"n": 1}],
    ),
    ({"$map": {"input": "$a", "as": "CURRENT", "in": "$n"}}, {"a": [{"n": 1}], "n": 5}, [1]),
    ({"$reduce": {"input": ["a", "b"], "initialValue": "", "in": {"$concat": ["$$value", "$$this"]}}}, {}, "ab"),
    ({"$zip": {"inputs": [[1], [2, 3]], "useLongestLength": True}}, {}, [[1, 2], [None, 3]]),
    ({"$in": [1.0, [1]]}, {}, True),
    ({"$indexOfArray": [[1, 2, 1], 1, 1]}, {}, 2),
    ({"$concatArrays": [[1], None]}, {}, None),
    ({"$sortArray": {"input": [{"a": 2}, {"a": 1}], "sortBy": {"a": 1}}}, {}, [{"a": 1}, {"a": 2}]),
    ({"$sortArray": {"input": [1, 3, 2], "sortBy": -1}}, {}, [3, 2, 1]),
    ({"$objectToArray": {"a": 1}}, {}, [{"k": "a", "v": 1}]),
    ({"$arrayToObject": [[["a", 1], ["a", 2]]]}, {}, {"a": 2}),
    ({"$setUnion": [[3, 1], [2, 1]]}, {}, [3, 1, 2]),
    ({"$setDifference": [[3, 1, 3], [1]]}, {}, [3]),
    ({"$setEquals": [[1, 2], [2, 1, 1]]}, {}, True),
    ({"$mergeObjects": [{"a": 1}, None, {"b": 2}]}, {}, {"a": 1, "b": 2}),
]

STRINGS: list[Case] = [
    ({"$concat": ["a", "$missing"]}, {}, None),
    ({"$toUpper": "straße"}, {}, "STRAßE"),
    ({"$toLower": None}, {}, ""),
    ({"$split": ["a-b", "-"]}, {}, ["a", "b"]),
    ({"$substrCP": ["云盒子", 1, 1]}, {}, "盒"),
    ({"$substrBytes": ["云盒", 3, 3]}, {}, "盒"),
    ({"$strLenBytes": "云"}, {}, 3),
    ({"$indexOfCP": ["cafétéria", "t"]}, {}, 4),
    ({"$indexOfBytes": ["cafétéria", "t"]}, {}, 5),
    ({"$trim": {"input": " a "}}, {}, "a"),
    ({"$ltrim": {"input": "xxa", "chars": "x"}}, {}, "a"),
    ({"$replaceAll": {"input": "aba", "find": "a", "replacement": "c"}}, {}, "cbc"),
    ({"$strcasecmp": ["ABC", "abd"]}, {}, -1),
    ({"$regexMatch": {"input": "Cat", "regex": "^c", "options": "i"}}, {}, True),
    (
        {"$regexFind": {"input": "ab", "regex": "(a)(x)?"}},
        {},
        {"match": "a", "idx": 0, "captures": ["a", None]},
    ),
    ({"$regexFindAll": {"input": "aa", "regex": "a"}}, {}, [{"match": "a", "idx": i, "captures": []} for i in (0, 1)]),
    ({"$regexFindAll": {"input": "aa", "regex": "b*"}}, {}, [{"match": "", "idx": i, "captures": []} for i in (0, 1)]),
    ({"$regexFindAll": {"input": "", "regex": "b*"}}, {}, [{"match": "", "idx": 0, "captures": []}]),
]

DATES: list[Case] = [
    ({"$year": "$d"}, {"d": NEW_YEAR}, 2024),
    ({"$year": {"date": "$d", "timezone": "America/New_York"}}, {"d": NEW_YEAR}, 2023),
    ({"$hour": {"date": "$d", "timezone": "+08:00"}}, {"d": NEW_YEAR}, 8),
    ({"$isoWeekYear": datetime(2021, 1, 3, tzinfo=UTC)}, {}, 2020),
    ({"$week": datetime(2024, 1, 7, tzinfo=UTC)}, {}, 1),
    ({"$dayOfWeek": datetime(2024, 1, 7, tzinfo=UTC)}, {}, 1),
    (
        {"$dateToString": {"date": "$d", "format": "%Y/%m/%d %H:%M %z", "timezone": "+0530"}},
        {"d": NEW_YEAR},
        "2024/01/01 06:00 +0530",
    ),
    ({"$dateFromString": {"dateString": "2024-01-01T00:30:00Z"}}, {}, NEW_YEAR),
    ({"$dateFromString": {"dateString": "01.01.2024 00:30", "format": "%d.%m.%Y %H:%M"}}, {}, NEW_YEAR),
    ({"$dateFromString": {"dateString": "never", "onError": "?"}}, {}, "?"),
    ({"$dateFromString": {"dateString": "31-12-2023 17h30 MST", "format": "%d-%m-%Y %Hh%M %z"}}, {}, NEW_YEAR),
    ({"$dateFromString": {"dateString": "31-12-2023 21h30 GMT-3", "format": "%d-%m-%Y %Hh%M %z"}}, {}, NEW_YEAR),
    ({"$year": {"$dateFromString": {"dateString": "1/7/20", "format": "%d/%m/%Y"}}}, {}, 20),
    ({"$toBool": {"$literal": {}}}, {}, True),
    ({"$convert": {"input": [0], "to": "bool"}}, {}, True),
    ({"$toBool": Regex("a")}, {}, True),
    ({"$dateFromParts": {"year": 2023, "month": 13, "minute": 30}}, {}, NEW_YEAR),
    ({"$dateFromParts": {"isoWeekYear": 2024, "minute": 30}}, {}, NEW_YEAR),
    (
        {"$dateAdd": {"startDate": datetime(2024, 1, 31, tzinfo=UTC), "unit": "month", "amount": 1}},
        {},
        datetime(2024, 2, 29, tzinfo=UTC),
    ),
    ({"$dateSubtract": {"startDate": NEW_YEAR, "unit": "minute", "amount": 30}}, {}, datetime(2024, 1, 1, tzinfo=UTC)),
    ({"$dateDiff": {"startDate": datetime(2023, 12, 31, 23, tzinfo=UTC), "endDate": NEW_YEAR, "unit": "year"}}, {}, 1),
    ({"$dateTrunc": {"date": NEW_YEAR, "unit": "hour"}}, {}, datetime(2024, 1, 1, tzinfo=UTC)),
    ({"$dateTrunc": {"date": NEW_YEAR, "unit": "week", "startOfWeek": "wed"}}, {}, datetime(2023, 12, 27, tzinfo=UTC)),
]

OTHERS: list[Case] = [
    ({"$cond": {"if": "$a", "then": 1, "else": 2}}, {"a": 0}, 2),
    ({"$ifNull": ["$a", "$b", 3]}, {"b": None}, 3),
    ({"$switch": {"branches": [{"case": {"$eq": ["$a", 1]}, "then": "one"}], "default": "other"}}, {"a": 1}, "one"),
    ({"$let": {"vars": {"x": "$a"}, "in": {"$add": ["$$x", 1]}}}, {"a": 1}, 2),
    ({"$let": {"vars": {"CURRENT": "$a"}, "in": ["$b", "$$ROOT.c"]}}, {"a": {"b": 1}, "c": 2}, [1, 2]),
    ({"$literal": "$a"}, {"a": 1}, "$a"),
    ({"$eq": ["$missing", None]}, {}, False),
    ({"$type": [Code("$a")]}, {"a": 1}, "javascript"),
    ({"$bsonSize": "$a"}, {"a": {"b": [UNDEFINED]}}, 16),
    ({"$lt": ["$missing", None]}, {}, True),
    ({"$gt": [True, "text"]}, {}, True),
    ({"$cmp": [1, 1.0]}, {}, 0),
    ({"$and": [1, "a", []]}, {}, True),
    ({"$or": [0, None, "$missing"]}, {}, False),
    ({"$type": "$missing"}, {}, "missing"),
    ({"$convert": {"input": "x", "to": "int", "onError": -1}}, {}, -1),
    ({"$toInt": 3.9}, {}, 3),
    ({"$toBool": "false"}, {}, True),
    ({"$toString": 1e21}, {}, "1e+21"),
    ({"$toString": NEW_YEAR}, {}, "2024-01-01T00:30:00.000Z"),
    ({"$toDate": ObjectId("659202880000000000000000")}, {}, datetime(2024, 1, 1, 0, 8, 40, tzinfo=UTC)),
    ({"$getField": "a.b"}, {"a.b": 1}, 1),
    ({"$setField": {"field": "a.b", "input": "$$ROOT", "value": 2}}, {"a": 1}, {"a": 1, "a.b": 2}),
    ({"$unsetField": {"field": "a", "input": "$$ROOT"}}, {"a": 1}, {}),
    ({"a": "$x", "b": ["$y"]}, {"y": 1}, {"b": [1]}),
    ("$a.b", {"a": [{"b": 1}, {"c": 2}, {"b": 3}]}, [1, 3]),
    ("$$NOW", {}, NEW_YEAR),
]


@pytest.mark.parametrize(("expression", "document", "expected"), [*ARITHMETIC, *ARRAYS, *STRINGS, *DATES, *OTHERS])
def test_value(expression: Any, document: dict[str, Any], expected: Any) -> None:
    result = evaluate(expression, document, NOW=NEW_YEAR)

    assert result == expected or result is expected
    assert type_name(result) == type_name(expected) or type_name(expected) == "int"


TYPES: list[tuple[Any, str]] = [
    ({"$add": [2**31 - 1, 1]}, "long"),
    ({"$add": [Int64(1), 1]}, "long"),
    ({"$add": [2**63 - 1, 1]}, "double"),
    ({"$multiply": [2**40, 2**40]}, "double"),
    ({"$multiply": [2, 2.0]}, "double"),
    ({"$subtract": [Decimal128("1"), 1.5]}, "decimal"),
    ({"$divide": [4, 2]}, "double"),
    ({"$mod": [Int64(7), 4]}, "long"),
    ({"$pow": [2, 40]}, "long"),
    ({"$pow": [10, 19]}, "double"),
    ({"$sum": [Int64(1), 1]}, "long"),
    ({"$avg": [1]}, "double"),
    ({"$toLong": 1}, "long"),
    ({"$dateDiff": {"startDate": NEW_YEAR, "endDate": NEW_YEAR, "unit": "day"}}, "long"),
]


@pytest.mark.parametrize(("expression", "name"), TYPES)
def test_result_type(expression: Any, name: str) -> None:
    assert type_name(evaluate(expression)) == name


ERRORS: list[tuple[Any, int]] = [
    ({"$nope": 1}, 168),
    ({"$add": 1, "b": 2}, 15983),
    ("$$nope", 17276),
    ("$", 16872),
    ("$a.", 40353),
    ("$a..b", 15998),
    ({"$add": [1, "x"]}, 16554),
    ({"$add": [NEW_YEAR, NEW_YEAR]}, 16612),
    ({"$divide": [1, 0]}, 16608),
    ({"$mod": [1, 0]}, 16610),
    ({"$subtract": [1]}, 16020),
    ({"$slice": [[1]]}, 28667),
    ({"$arrayElemAt": [1, 0]}, 28689),
    ({"$size": "$missing"}, 17124),
    ({"$zip": {"inputs": "$a"}}, 34461),
    ({"$zip": {"inputs": [[1]], "useLongestLength": True, "defaults": "$a"}}, 34462),
    ({"$sortArray": {"input": [1], "sortBy": {}}}, 2),
    ({"$concat": [1]}, 16702),
    ({"$substrBytes": ["é", 1, 1]}, 28656),
    ({"$split": ["a", ""]}, 40087),
    ({"$cond": [1, 2]}, 16020),
    ({"$cond": [True, 1, {"$divide": [1, 0]}]}, 16608),
    ({"$switch": {"branches": [{"case": False, "then": 1}]}}, 40066),
    ({"$toInt": "x"}, 241),
    ({"$convert": {"input": 1, "to": "nope"}}, 2),
    ({"$year": {"date": NEW_YEAR, "timezone": "Mars/Base"}}, 40485),
    ({"$hour": 1}, 16006),
    ({"$dateFromString": {"dateString": "never"}}, 241),
    ({"$dateFromString": {"dateString": "2024-01-00", "format": "%Y-%m-%d"}}, 241),
    ({"$dateFromString": {"dateString": "2024-01", "format": "%Y-%m"}}, 241),
    ({"$dateFromString": {"dateString": "2024 W01", "format": "%Y W%V"}}, 241),
    ({"$toBool": MinKey()}, 241),
    ({"$firstN": {"input": [1], "n": Decimal128("9223372036854775808")}}, 5787903),
    ({"$regexMatch": {"input": "a", "regex": "("}}, 51111),
    ({"$function": {"body": "", "args": [], "lang": "js"}}, 115),
    ({"$let": {"vars": {"Up": 1}, "in": 1}}, 16867),
    ({"$mergeObjects": [1]}, 40400),
]


@pytest.mark.parametrize(("expression", "number"), ERRORS)
def test_error(expression: Any, number: int) -> None:
    with pytest.raises(QueryError) as raised:
        evaluate(expression)

    assert raised.value.number == number
    assert raised.value.name


def test_errors_that_depend_on_a_document_wait_for_it() -> None:
    compiled = compile_expression({"$divide": [1, "$n"]})

    assert compiled({"n": 2}, {}) == 0.5
    with pytest.raises(QueryError):
        compiled({"n": 0}, {})


def test_user_variables_are_read_from_the_mapping() -> None:
    assert evaluate({"$add": ["$$x.y", "$a"]}, {"a": 1}, x={"y": 2}) == 3


def test_random_numbers_differ_between_documents() -> None:
    compiled = compile_expression({"$rand": {}})

    assert compiled({}, {}) != compiled({}, {})
