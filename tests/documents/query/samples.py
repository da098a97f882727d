"""Values of every type, for property tests."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from bson import Binary, Code, DatetimeMS, Decimal128, Int64, MaxKey, MinKey, ObjectId, Regex, Timestamp
from hypothesis import strategies as st

from yunbox.documents.query.values import UNDEFINED

INTEGERS = st.integers(-(2**63), 2**63 - 1) | st.sampled_from([0, 1, -1, 2**31 - 1, 2**31, 2**53, 2**53 + 1, 2**63 - 1])
DATES = st.datetimes(timezones=st.just(UTC)).map(
    lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000)
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.sampled_from(
    ["$date", "[x", "true", "$a", "北京"]
)
DECIMALS = st.sampled_from(["0", "-0", "1", "1.0", "0.1", "1E+6144", "-1E-6143", "NaN", "Infinity", "-Infinity"]).map(
    Decimal128
) | st.decimals(
    allow_nan=False, allow_infinity=False, min_value=Decimal(-(10**9)), max_value=Decimal(10**9), places=3
).map(Decimal128)
NUMBERS = INTEGERS | st.floats() | DECIMALS | st.integers(-(2**31), 2**31 - 1).map(Int64)
SCALARS: st.SearchStrategy[Any] = (
    st.none()
    | st.booleans()
    | NUMBERS
    | TEXTS
    | DATES
    | st.integers(-(2**62), 2**62).map(DatetimeMS)
    | st.binary(max_size=6)
    | st.tuples(st.binary(max_size=6), st.sampled_from([1, 3, 4, 5, 128])).map(lambda pair: Binary(*pair))
    | st.binary(min_size=12, max_size=12).map(ObjectId)
    | st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1)).map(lambda pair: Timestamp(*pair))
    | st.tuples(st.sampled_from(["a", "^b.*", "c\\d"]), st.sampled_from(["", "i", "imsx"])).map(
        lambda pair: Regex(*pair)
    )
    | st.sampled_from(
        [MinKey(), MaxKey(), UNDEFINED, Code("f()"), Code("g()", {"x": 1}), datetime(2020, 1, 1, tzinfo=UTC)]
    )
)
NAMES = st.sampled_from(["a", "b", "c", "$date", "$oid", "$esc", "$code", "$scope", "x.y", ""]) | TEXTS.filter(
    lambda text: "\0" not in text
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=8,
)
DOCUMENTS = st.dictionaries(NAMES, VALUES, max_size=5)
