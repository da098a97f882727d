"""Commands that an old SDK does not encode."""

from __future__ import annotations

from typing import Any

import pytest

from yunbox.protocols.tcb.admin.commands import encode_commands


def command(operator: str, *operands: Any) -> dict[str, Any]:
    return {"operator": operator, "operands": list(operands), "fieldName": {}}


@pytest.mark.parametrize(
    ("stage", "encoded"),
    [
        ({"n": command("gt", 0)}, {"n": {"$gt": 0}}),
        ({"n": command("in", [1, 2])}, {"n": {"$in": [1, 2]}}),
        ({"n": command("nin", 1, 2)}, {"n": {"$nin": [1, 2]}}),
        (
            {"l": {"$all": [{"$elemMatch": {"n": command("gt", {"$numberInt": "0"})}}]}},
            {"l": {"$all": [{"$elemMatch": {"n": {"$gt": {"$numberInt": "0"}}}}]}},
        ),
        ({"n": command("not", command("eq", 1))}, {"n": {"$not": {"$eq": 1}}}),
        ({"n": command("neq")}, {"n": {"$ne": None}}),
        ({"at": command("lt", "2023-11-14T22:13:21.000Z")}, {"at": {"$lt": {"$date": "2023-11-14T22:13:21.000Z"}}}),
        (
            {"a": 1, "n": command("and", command("gt", 1), command("lt", 3))},
            {"a": 1, "$and": [{"$and": [{"n": {"$gt": 1}}, {"n": {"$lt": 3}}]}]},
        ),
        (
            {"$and": [{"a": 1}], "n": command("or", command("gt", 1))},
            {"$and": [{"a": 1}, {"$or": [{"n": {"$gt": 1}}]}]},
        ),
        ({"n": {**command("gt", 1), "operator": []}}, {"n": {**command("gt", 1), "operator": []}}),
        (command("or", {"a": command("eq", 1)}, {"b": 2}), {"$or": [{"a": {"$eq": 1}}, {"b": 2}]}),
        ({"query": {"n": command("gte", 5)}}, {"query": {"n": {"$gte": 5}}}),
        ({"operator": "gt", "note": "a document"}, {"operator": "gt", "note": "a document"}),
        ([1, {"n": command("unknown", 1)}], [1, {"n": command("unknown", 1)}]),
    ],
)
def test_encodes(stage: Any, encoded: Any) -> None:
    assert encode_commands(stage) == encoded
