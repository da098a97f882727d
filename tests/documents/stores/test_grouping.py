"""``$group`` computed by SQL gives what the pipeline gives."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from yunbox.documents import open_database
from yunbox.documents.query.pipeline import compile_pipeline
from yunbox.documents.query.values import sort_key
from yunbox.documents.stores.embedded import grouping
from yunbox.documents.stores.embedded.grouping import grouping_of
from yunbox.documents.stores.embedded.shape import Shape

KEYS = st.sampled_from([None, "a", "b", "云"])
FLAGS = st.sampled_from([None, True, False])
NUMBERS = st.sampled_from([None, 0, 1, -3, 2.5, 2**40, 1e10])
DOCUMENTS = st.lists(
    st.fixed_dictionaries(
        {}, optional={"k": KEYS, "f": FLAGS, "n": NUMBERS, "o": st.fixed_dictionaries({}, optional={"n": NUMBERS})}
    ),
    max_size=12,
)
IDENTITIES = st.sampled_from([None, "$k", "$f", "$n", "$o.n", {"k": "$k"}])
ACCUMULATORS = st.dictionaries(
    st.sampled_from(["x", "y", "z"]),
    st.sampled_from(
        [
            {"$sum": 1},
            {"$sum": "$n"},
            {"$sum": "$k"},
            {"$avg": "$o.n"},
            {"$min": "$n"},
            {"$max": "$k"},
            {"$count": {}},
            {"$push": "$n"},
            {"$first": "$k"},
        ]
    ),
    max_size=3,
)


@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(documents=DOCUMENTS, identity=IDENTITIES, outputs=ACCUMULATORS, held=st.sampled_from([0, 1000]))
def test_groups_agree(documents: list[dict[str, Any]], identity: Any, outputs: dict[str, Any], held: int) -> None:
    stored = [{"_id": number, **document} for number, document in enumerate(documents)]
    pipeline = [{"$match": {"_id": {"$gte": 1}}}, {"$group": {"_id": identity, **outputs}}]
    compiled = compile_pipeline(pipeline, collection="c")
    expected = list(compiled.run(stored, None))  # type: ignore[arg-type]
    with open_database() as database:
        if stored:
            database["c"].insert_many([dict(document) for document in stored])
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(grouping, "HELD_DOCUMENTS", held)
            found = database["c"].aggregate(pipeline)
    assert _comparable(found) == _comparable(expected)


def _comparable(documents: list[dict[str, Any]]) -> list[Any]:
    rounded = [
        {
            name: round(value, 6) if isinstance(value, float) and math.isfinite(value) else value
            for name, value in one.items()
        }
        for one in documents
    ]
    return sorted(sort_key(one) for one in rounded)


@pytest.mark.parametrize(
    ("spec", "pushed"),
    [
        ({"_id": None, "n": {"$sum": 1}}, True),
        ({"_id": "$k", "n": {"$sum": "$n"}, "m": {"$max": "$n"}}, True),
        ({"_id": "$n"}, False),
        ({"_id": "$mixed"}, False),
        ({"_id": "$list"}, False),
        ({"_id": "$k", "n": {"$push": "$n"}}, False),
        ({"_id": {"$toUpper": "$k"}}, False),
    ],
)
def test_what_is_pushed_down(spec: dict[str, Any], pushed: bool) -> None:
    shape = Shape()
    shape.observe({"k": "a", "n": 1, "mixed": 1, "list": [1]})
    shape.observe({"k": None, "n": 1.5, "mixed": "x"})
    assert (grouping_of(shape, spec, False) is not None) is pushed
