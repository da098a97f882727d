"""Values on this protocol's wires: one tolerant decoder for every dialect, and one encoder for each of the two replies.

OLD (tcb-admin-node, the 1.x web SDKs): plain JSON, dates ``{"$date": ms}``.
NEW (@cloudbase/database 1.x): one Extended JSON text for each document.
Source: tencent-server-wire.md §5.2.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import orjson
from bson import Decimal128, Int64, ObjectId, Regex

from yunbox.documents.query import ejson
from yunbox.documents.query.values import date_millis, from_millis, is_date, regex_parts
from yunbox.errors import InvalidRequest

_MAX_DEPTH = 200
_FLAGS = "imsx"
_GEO_DEPTH = {"Point": 0, "MultiPoint": 1, "LineString": 1, "MultiLineString": 2, "Polygon": 2, "MultiPolygon": 3}


def parse(text: str | bytes) -> Any:
    """Parsed JSON.

    Raises:
        InvalidRequest: when it is not JSON.
    """
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise InvalidRequest(f"malformed JSON: {error} / JSON 格式错误") from None


class Decoder:
    """Decodes the values of one request, in which every server date is the same moment (DB-5).

    ``writing`` also checks that GeoJSON can be read back by the SDKs, which refuse a whole reply for one bad point.
    """

    def __init__(self, now_ms: int, *, writing: bool = False) -> None:
        self._now = now_ms
        self._writing = writing

    def decode(self, value: Any) -> Any:
        """The value that parsed JSON of any dialect stands for.

        Raises:
            InvalidRequest: for what cannot be read or stored.
        """
        return self._decode(value, 0)

    def _decode(self, value: Any, depth: int) -> Any:
        kind = type(value)
        if kind is str or kind is bool or value is None:
            return value
        if kind is int:
            return value if -(2**63) <= value < 2**63 else float(value)
        if depth > _MAX_DEPTH:
            raise InvalidRequest(f"a value is nested more than {_MAX_DEPTH} levels deep / 数据嵌套过深")
        if kind is dict:
            return self._object(value, depth)
        if kind is list:
            return [self._decode(item, depth + 1) for item in value]
        return value

    def _object(self, value: dict[str, Any], depth: int) -> Any:
        if 0 < len(value) <= 2:
            first = next(iter(value))
            if first[:1] == "$":
                decode = _WRAPPERS.get(first)
                if decode is not None and (len(value) == 1 or first in ("$regex", "$options")):
                    return decode(self, value)
        decoded = {name: self._decode(item, depth + 1) for name, item in value.items()}
        if self._writing and "coordinates" in decoded:
            _check_geo(decoded)
        return decoded

    def _date(self, value: Mapping[str, Any]) -> Any:
        body = value["$date"]
        if isinstance(body, dict):
            if "offset" in body:
                return self._server_date(body["offset"])
            if "$numberInt" in body:  # what tcb-admin-node's transactions make of a server date's offset
                return self._server_date(body)
            body = body.get("$numberLong", body.get("$numberDouble"))
        if isinstance(body, str) and "T" in body:
            return _iso_date(body)
        number = _number(body)
        return None if number is None else from_millis(int(number))

    def _server_date(self, offset: Any) -> Any:
        return from_millis(self._now + int(_number(self._decode(offset, 0)) or 0))

    def _tcb_server_date(self, value: Mapping[str, Any]) -> Any:
        body = value["$tcb_server_date"]
        return self._server_date(body.get("offset", 0) if isinstance(body, dict) else 0)

    def _regex_operator(self, value: Mapping[str, Any]) -> Any:
        pattern, options = value.get("$regex"), value.get("$options", "")
        if isinstance(pattern, dict):
            decoded = self._decode(pattern, 1)
            return decoded if "$options" not in value else {"$regex": decoded, "$options": _flags(options)}
        if not isinstance(pattern, str) or set(value) - {"$regex", "$options"}:
            return {name: self._decode(item, 1) for name, item in value.items()}
        return Regex(pattern, _flags(options))

    def _regular_expression(self, value: Mapping[str, Any]) -> Any:
        body = value["$regularExpression"]
        if not isinstance(body, dict) or not isinstance(body.get("pattern"), str):
            raise InvalidRequest("$regularExpression needs a pattern")
        return Regex(body["pattern"], _flags(body.get("options", "")))

    def _integer(self, value: Mapping[str, Any]) -> Any:
        number = _number(next(iter(value.values())))
        if number is None:
            raise InvalidRequest(f"unreadable number {value!r}")
        return int(number)

    def _double(self, value: Mapping[str, Any]) -> Any:
        text = next(iter(value.values()))
        try:
            return float(text)
        except (TypeError, ValueError):
            raise InvalidRequest(f"unreadable number {value!r}") from None

    def _driver(self, value: dict[str, Any]) -> Any:
        return ejson.from_wire(value)


_WRAPPERS: dict[str, Callable[[Decoder, dict[str, Any]], Any]] = {
    "$date": Decoder._date,
    "$tcb_server_date": Decoder._tcb_server_date,
    "$regex": Decoder._regex_operator,
    "$options": Decoder._regex_operator,
    "$regularExpression": Decoder._regular_expression,
    "$numberInt": Decoder._integer,
    "$numberDouble": Decoder._double,
    **dict.fromkeys(("$numberLong", "$numberDecimal", "$oid", "$binary", "$minKey", "$maxKey"), Decoder._driver),
}


def _flags(options: Any) -> str:
    """The flags that the query language has: JavaScript's ``g u y`` mean nothing there (tencent-server-wire.md §5.2)."""
    return "".join(flag for flag in _FLAGS if isinstance(options, str) and flag in options)


def _number(value: Any) -> float | int | None:
    """A number, or ``None`` for JavaScript's invalid date."""
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        return value if math.isfinite(value) else None
    try:
        return int(value)
    except (TypeError, ValueError):
        return None


def _iso_date(text: str) -> Any:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidRequest(f"unreadable date {text[:40]!r} / 日期格式错误") from None
    return from_millis(date_millis(moment if moment.tzinfo else moment.replace(tzinfo=UTC)))


def _check_geo(value: Mapping[str, Any]) -> None:
    depth = _GEO_DEPTH.get(value["type"]) if isinstance(value.get("type"), str) else None
    if depth is None or len(value) != 2 or not isinstance(value["coordinates"], list):
        return
    for point in _points(value["coordinates"], depth):
        if not _is_position(point):
            raise InvalidRequest(
                f"a {value['type']} needs coordinates [longitude -180…180, latitude -90…90], not {str(point)[:60]}"
                " / 经度范围 -180 到 180，纬度范围 -90 到 90"
            )


def _points(coordinates: Any, depth: int) -> list[Any]:
    if depth == 0 or not isinstance(coordinates, list):
        return [coordinates]
    return [point for item in coordinates for point in _points(item, depth - 1)]


def _is_position(point: Any) -> bool:
    if not isinstance(point, list) or len(point) != 2:
        return False
    if any(isinstance(number, bool) or not isinstance(number, (int, float)) for number in point):
        return False
    return bool(-180 <= point[0] <= 180 and -90 <= point[1] <= 90)


# Replies

_FOREIGN_TO_NEW = re.compile(rb'"\$(?:oid|esc)"')
_FOREIGN_TO_OLD = re.compile(rb'"\$(?!date")')


def new_text(stored: bytes) -> str:
    """A NEW reply's document: the stored text itself, unless it holds what the SDKs would mangle (ObjectId)."""
    if b'"$' in stored and _FOREIGN_TO_NEW.search(stored):
        return encode_new(ejson.loads(stored))
    return stored.decode()


def encode_new(value: Any) -> str:
    """A value as Extended JSON text; object ids become strings, because the SDKs turn them into ``{}``."""
    return orjson.dumps(_to_new(value)).decode()


def _to_new(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _to_new(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_to_new(item) for item in value]
    return str(value) if isinstance(value, ObjectId) else ejson.to_plain(value)


def old_text(stored: bytes) -> orjson.Fragment:
    """An OLD reply's document: the stored text itself, unless it holds more than dates."""
    if b'"$' in stored and _FOREIGN_TO_OLD.search(stored):
        return orjson.Fragment(orjson.dumps(encode_old(ejson.loads(stored))))
    return orjson.Fragment(stored)


def encode_old(value: Any) -> Any:
    """A value as plain JSON types with ``{"$date": ms}``."""
    if isinstance(value, dict):
        return {name: encode_old(item) for name, item in value.items()}
    if isinstance(value, list):
        return [encode_old(item) for item in value]
    if isinstance(value, Int64):
        return int(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Decimal128):
        return float(str(value))
    if isinstance(value, ObjectId):
        return str(value)
    if isinstance(value, Regex):
        pattern, options = regex_parts(value)
        return {"$regex": pattern, "$options": options}
    if is_date(value):
        return {"$date": date_millis(value)}
    return ejson.to_plain(value)


def encode_id(value: Any) -> Any:
    """An ``_id`` as both dialects show it: a string or a number."""
    return encode_old(value)
