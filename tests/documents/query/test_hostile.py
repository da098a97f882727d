"""Whatever a client sends is answered or refused with `QueryError`; no other exception may come out."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from yunbox.documents.query.collation import compile_collation
from yunbox.documents.query.distinct import distinct_values
from yunbox.documents.query.ejson import dumps, from_wire
from yunbox.documents.query.match import compile_filter
from yunbox.documents.query.paging import check_limit, check_skip
from yunbox.documents.query.project import compile_projection
from yunbox.documents.query.sort import compile_sort
from yunbox.documents.query.update import compile_update, document_from_filter
from yunbox.errors import QueryError

from .samples import DOCUMENTS, TEXTS, VALUES

NOW = datetime(2020, 1, 1, tzinfo=UTC)
PATHS = (
    st.sampled_from(["a", "b", "a.b", "a.0", "a.$", "a.$[]", "a.$[x].b", "_id", "", "a..b", "$a", ".", "a.", "中"])
    | TEXTS
)
FIELD_OPERATORS = st.sampled_from(
    [
        "$eq",
        "$ne",
        "$gt",
        "$gte",
        "$lt",
        "$lte",
        "$in",
        "$nin",
        "$not",
        "$exists",
        "$type",
        "$size",
        "$mod",
        "$all",
        "$elemMatch",
        "$regex",
        "$options",
        "$bitsAllSet",
        "$bitsAnyClear",
        "$geoWithin",
        "$geoIntersects",
        "$near",
        "$nearSphere",
        "$maxDistance",
        "$within",
        "$and",
        "$or",
        "$nor",
        "$comment",
        "$x",
    ]
)
ROOT_OPERATORS = st.sampled_from(
    [
        "$and",
        "$or",
        "$nor",
        "$expr",
        "$text",
        "$jsonSchema",
        "$where",
        "$comment",
        "$sampleRate",
        "$alwaysTrue",
        "$alwaysFalse",
        "$x",
    ]
)
INNER_NAMES = st.sampled_from(
    [
        "$search",
        "$language",
        "$geometry",
        "$box",
        "$center",
        "$polygon",
        "$centerSphere",
        "type",
        "coordinates",
        "$each",
        "$slice",
        "$sort",
        "$position",
        "properties",
        "required",
        "enum",
        "items",
        "minimum",
        "and",
        "or",
        "xor",
        "$type",
        "$meta",
        "$elemMatch",
        "locale",
        "strength",
        "x",
    ]
)
OPERANDS: st.SearchStrategy[Any] = st.recursive(
    VALUES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(INNER_NAMES, inner, max_size=3)
        | st.dictionaries(FIELD_OPERATORS, inner, max_size=2)
        | st.dictionaries(PATHS, inner, max_size=2)
    ),
    max_leaves=6,
)
CONDITIONS = st.dictionaries(FIELD_OPERATORS, OPERANDS, min_size=1, max_size=2)
FILTERS = st.dictionaries(PATHS, OPERANDS | CONDITIONS, max_size=2) | st.dictionaries(
    ROOT_OPERATORS, OPERANDS, max_size=2
)
UPDATE_OPERATORS = st.sampled_from(
    [
        "$set",
        "$unset",
        "$inc",
        "$mul",
        "$min",
        "$max",
        "$rename",
        "$currentDate",
        "$setOnInsert",
        "$push",
        "$addToSet",
        "$pop",
        "$pull",
        "$pullAll",
        "$bit",
        "$x",
    ]
)
UPDATES = (
    st.dictionaries(UPDATE_OPERATORS, st.dictionaries(PATHS, OPERANDS, max_size=2) | OPERANDS, max_size=2)
    | DOCUMENTS
    | OPERANDS
)
ARRAYS_INSIDE = st.dictionaries(
    st.sampled_from(["a", "b", "_id"]),
    VALUES | st.lists(st.dictionaries(st.sampled_from(["a", "b"]), VALUES, max_size=2), max_size=3),
    max_size=3,
)

SETTINGS = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@SETTINGS
@given(FILTERS, ARRAYS_INSIDE)
def test_filters(filter: Any, document: Any) -> None:
    try:
        matcher = compile_filter(filter)
        if matcher(document):
            matcher.position(document)
    except QueryError:
        pass
    with contextlib.suppress(QueryError):
        document_from_filter(filter)


@SETTINGS
@given(FIELD_OPERATORS, OPERANDS, ARRAYS_INSIDE)
def test_operators(operator: str, operand: Any, document: Any) -> None:
    with contextlib.suppress(QueryError):
        compile_filter({"a": {operator: operand}})(document)


@SETTINGS
@given(
    UPDATES,
    ARRAYS_INSIDE,
    st.none() | st.lists(st.dictionaries(st.sampled_from(["x", "x.b", "y"]), OPERANDS), max_size=2),
)
def test_updates(update: Any, document: Any, filters: Any) -> None:
    try:
        compiled = compile_update(update, array_filters=filters)
        compiled.apply(document, now=NOW)
        compiled.apply(document, now=NOW, position=1, inserting=True)
    except QueryError:
        pass


@SETTINGS
@given(st.dictionaries(PATHS, OPERANDS | st.sampled_from([0, 1, True]), max_size=3), ARRAYS_INSIDE)
def test_projections(projection: Any, document: Any) -> None:
    with contextlib.suppress(QueryError):
        compile_projection(projection, filter_matcher=compile_filter({}))(document)


@SETTINGS
@given(
    st.dictionaries(PATHS, OPERANDS | st.sampled_from([1, -1]), max_size=2), st.lists(ARRAYS_INSIDE, max_size=3), PATHS
)
def test_sorts_and_distinct(spec: Any, documents: Any, path: str) -> None:
    distinct_values(documents, path)
    with contextlib.suppress(QueryError):
        sorted(documents, key=compile_sort(spec))


@SETTINGS
@given(OPERANDS)
def test_other_arguments(value: Any) -> None:
    for check in (compile_collation, check_skip, check_limit, from_wire, dumps):
        with contextlib.suppress(QueryError):
            check(value)
