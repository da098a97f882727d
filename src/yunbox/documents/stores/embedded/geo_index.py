"""Geo indexes: the bounding box of what each document holds, in an R*Tree. Boxes only ever over-select."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any, NamedTuple

from yunbox.documents.query.geo import Near
from yunbox.documents.query.geometry import Geometry, geojson, stored_geometry
from yunbox.documents.query.paths import values
from yunbox.documents.query.sphere import EARTH_RADIUS_METERS, Point
from yunbox.documents.query.values import MISSING, is_number
from yunbox.errors import QueryError

from .extraction import column

LONG_EDGE_DEGREES = 170.0
FIRST_RADIUS = 1000 / EARTH_RADIUS_METERS
"""The radius, in radians, of the first box that a search for the nearest looks into."""


class Box(NamedTuple):
    """Longitudes ``x0 … x1`` and latitudes ``y0 … y1`` in degrees, or plane coordinates."""

    x0: float
    x1: float
    y0: float
    y1: float

    def condition(self, table: str) -> str:
        """SQL for the documents whose box meets this one."""
        bounds = f"x1>={self.x0!r} AND x0<={self.x1!r} AND y1>={self.y0!r} AND y0<={self.y1!r}"
        return f"t.rid IN (SELECT id FROM {table} WHERE {bounds})"


WORLD = Box(-180.0, 180.0, -90.0, 90.0)


def document_box(document: dict[str, Any], parts: tuple[str, ...]) -> Box | None:
    """The box around everything at a path; ``None`` when there is nothing.

    Raises:
        QueryError: Location16755 when a value there is no shape.
    """
    if len(parts) == 1:
        point = _plain_point(document.get(parts[0]))
        if point is not None:
            return point
    boxes = []
    for value in values(document, parts, expand=False):
        shapes = value if isinstance(value, list) and not _is_pair(value) else [value]
        for shape in shapes:
            if shape is MISSING or shape is None:
                continue
            geometry = stored_geometry(shape)
            if geometry is None:
                raise QueryError(
                    f"Can't extract geo keys: unknown GeoJSON type: {shape!r}", number=16755, name="Location16755"
                )
            boxes.append(geometry_box(geometry))
    return _around(boxes) if boxes else None


def _plain_point(value: Any) -> Box | None:
    """The box of the commonest shape, a GeoJSON point with doubles; ``None`` for any other."""
    if type(value) is not dict or len(value) != 2 or value.get("type") != "Point":
        return None
    pair = value.get("coordinates")
    if type(pair) is not list or len(pair) != 2 or type(pair[0]) is not float or type(pair[1]) is not float:
        return None
    x, y = pair
    return Box(x, x, y, y) if -180.0 <= x <= 180.0 and -90.0 <= y <= 90.0 else None


def numbered_boxes(
    documents: Sequence[dict[str, Any]], parts: tuple[str, ...], first: int
) -> Iterator[tuple[float, ...]]:
    """The boxes of documents that have one, each followed by the document's number. Raises `QueryError`."""
    places = column(documents, parts)
    points = None if places is None else _plain_points(places)
    if points is not None:
        return zip(points[0], points[0], points[1], points[1], count(first), strict=False)
    boxes = ((document_box(document, parts), number) for number, document in enumerate(documents, first))
    return ((*box, number) for box, number in boxes if box is not None)


def _plain_points(values: list[Any]) -> tuple[tuple[float, ...], tuple[float, ...]] | None:
    """The coordinates of GeoJSON points with doubles; ``None`` when one of the values is something else."""
    if set(map(type, values)) != {dict} or set(map(len, values)) != {2}:
        return None
    pairs: list[Any] = [value.get("coordinates") if value.get("type") == "Point" else None for value in values]
    if set(map(type, pairs)) != {list} or set(map(len, pairs)) != {2}:
        return None
    xs, ys = zip(*pairs, strict=True)
    if {*map(type, xs), *map(type, ys)} != {float} or not math.isfinite(sum(xs) + sum(ys)):
        return None
    within = min(xs) >= -180.0 and max(xs) <= 180.0 and min(ys) >= -90.0 and max(ys) <= 90.0
    return (xs, ys) if within else None


def _is_pair(value: list[Any]) -> bool:
    return len(value) >= 2 and all(is_number(item) for item in value[:2])


def _around(boxes: list[Box]) -> Box:
    return Box(
        min(box.x0 for box in boxes),
        max(box.x1 for box in boxes),
        min(box.y0 for box in boxes),
        max(box.y1 for box in boxes),
    )


def geometry_box(geometry: Geometry) -> Box:
    """The box around a shape whose edges are arcs of great circles."""
    points = list(geometry.vertices())
    box = _around([Box(x, x, y, y) for x, y in points])
    bulge = 0.0
    for start, end in geometry.edges():
        width = abs(start[0] - end[0])
        if width > LONG_EDGE_DEGREES:
            return WORLD
        bulge = max(bulge, _bulge(max(abs(start[1]), abs(end[1])), width))
    return box._replace(y0=box.y0 - bulge, y1=box.y1 + bulge)


def _bulge(latitude: float, width: float) -> float:
    """How far an arc can rise above its ends, in degrees."""
    if latitude >= 90:
        return 0.0
    highest = math.atan(math.tan(math.radians(latitude)) / math.cos(math.radians(width / 2)))
    return math.degrees(highest) - latitude + 1e-9


def circle_box(center: Point, radius: float) -> Box:
    """The box around a circle on the sphere, its radius in radians."""
    reach = math.degrees(radius) * 1.000001 + 1e-9
    south, north = center[1] - reach, center[1] + reach
    if south <= -90 or north >= 90:
        return Box(-180.0, 180.0, south, north)
    ratio = math.sin(math.radians(reach)) / math.cos(math.radians(center[1]))
    wide = math.degrees(math.asin(ratio)) if ratio < 1 else 180.0
    west, east = center[0] - wide, center[0] + wide
    if west < -180 or east > 180:
        west, east = -180.0, 180.0
    return Box(west, east, south, north)


def near_box(near: Near, radius: float) -> Box:
    """The box that holds everything within ``radius`` (in the condition's own unit)."""
    if near.spherical:
        return circle_box(near.point, min(math.pi, radius if near.radians else radius / EARTH_RADIUS_METERS))
    x, y = near.point
    return Box(x - radius, x + radius, y - radius, y + radius)


def _meeting(box: Box) -> Box:
    """The box that meets those of the same places: a pole is at all longitudes, and the meridian of 180 also that of -180."""
    if box.x0 > -180 and box.x1 < 180 and box.y0 > -90 and box.y1 < 90:
        return box
    return box._replace(x0=-180.0, x1=180.0)


def region_box(operator: str, operand: Any) -> Box | None:
    """The box around the region of ``$geoWithin`` or ``$geoIntersects``; ``None`` when the index is of no use."""
    if operator not in ("$geoWithin", "$within", "$geoIntersects") or not isinstance(operand, dict):
        return None
    try:
        return _region_box(operand)
    except (QueryError, TypeError, ValueError, KeyError, IndexError):
        # What cannot be read is refused by the matcher, with the right words.
        return None


def _region_box(operand: dict[str, Any]) -> Box | None:
    if "$geometry" in operand:
        return None if "crs" in operand["$geometry"] else _meeting(geometry_box(geojson(operand["$geometry"])))
    if "$centerSphere" in operand:
        center, radius = operand["$centerSphere"]
        return circle_box((float(center[0]), float(center[1])), float(radius))
    if "$center" in operand:
        (x, y), radius = operand["$center"]
        return Box(x - radius, x + radius, y - radius, y + radius)
    points = operand.get("$box") or operand.get("$polygon")
    if not isinstance(points, list):
        return None
    return _around([Box(float(x), float(x), float(y), float(y)) for x, y in points])
