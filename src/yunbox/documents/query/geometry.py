"""Shapes: GeoJSON objects and legacy coordinate pairs, read from queries (with errors) and from documents (leniently)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from bson import Decimal128

from yunbox.errors import QueryError

from . import sphere
from .display import shown
from .predicates import bad_value
from .sphere import Point, Ring
from .values import is_number, type_name

Polygon = tuple[tuple[Point, ...], ...]

_CRS = frozenset({"urn:ogc:def:crs:OGC:1.3:CRS84", "EPSG:4326"})
_STRICT_CRS = "urn:x-mongodb:crs:strictwinding:EPSG:4326"


@dataclass(frozen=True, slots=True)
class Geometry:
    """Points, lines and polygons (outer ring first, then holes). ``flat``: given as a legacy coordinate pair."""

    points: tuple[Point, ...] = ()
    lines: tuple[tuple[Point, ...], ...] = ()
    polygons: tuple[Polygon, ...] = ()
    flat: bool = False

    @property
    def is_point(self) -> bool:
        """Whether it is one point and nothing else."""
        return len(self.points) == 1 and not self.lines and not self.polygons

    def vertices(self) -> Iterator[Point]:
        """All points it is made of."""
        yield from self.points
        for line in self.lines:
            yield from line
        for polygon in self.polygons:
            for ring in polygon:
                yield from ring

    def edges(self) -> Iterator[tuple[Point, Point]]:
        """All edges of its lines and rings."""
        for line in self.lines:
            yield from itertools.pairwise(line)
        for polygon in self.polygons:
            for ring in polygon:
                yield from itertools.pairwise(ring)


def merge(parts: list[Geometry]) -> Geometry:
    """One geometry made of several."""
    return Geometry(
        tuple(point for part in parts for point in part.points),
        tuple(line for part in parts for line in part.lines),
        tuple(polygon for part in parts for polygon in part.polygons),
    )


def stored_geometry(value: Any) -> Geometry | None:
    """The shape that a document's value stands for; ``None`` when it is none."""
    try:
        if isinstance(value, dict) and isinstance(value.get("type"), str):
            return geojson(value, check=False)
        return Geometry(points=(legacy_point(value),), flat=True)
    except QueryError:
        return None


def legacy_point(value: Any) -> Point:
    """A coordinate pair ``[x, y]`` or ``{x: …, y: …}`` of any two names. Raises `QueryError`."""
    if isinstance(value, dict):
        value = list(value.values())
    if not isinstance(value, list):
        raise bad_value("Point must be an array or object")
    if len(value) < 2 or not (is_number(value[0]) and is_number(value[1])):
        raise bad_value("Point must only contain numeric elements")
    x, y = coordinate(value[0]), coordinate(value[1])
    if not (math.isfinite(x) and math.isfinite(y)):
        raise bad_value("Point coordinates must be finite numbers")
    return x, y


def coordinate(value: Any) -> float:
    """A number of any type as a double."""
    return float(value.to_decimal()) if isinstance(value, Decimal128) else float(value)


def geojson(value: dict[str, Any], *, check: bool = True) -> Geometry:
    """A GeoJSON object. ``check``: polygons are validated as a query's are. Raises `QueryError` for what is not one."""
    kind = value.get("type")
    if kind == "GeometryCollection":
        return _collection(value, check)
    read = _READERS.get(kind) if isinstance(kind, str) else None
    if read is None:
        raise bad_value(f"unknown GeoJSON type: {shown(value)}")
    _check_crs(value)
    return read(value.get("coordinates"), check)


def _check_crs(value: dict[str, Any]) -> None:
    if "crs" not in value:
        return
    crs = value["crs"]
    if not isinstance(crs, dict) or crs.get("type") != "name":
        raise bad_value("GeoJSON CRS must be an object with the field 'type' = \"name\"")
    properties = crs.get("properties")
    name = properties.get("name") if isinstance(properties, dict) else None
    if not isinstance(name, str):
        raise bad_value("In CRS, 'properties.name' must be a string")
    if name == _STRICT_CRS:
        raise bad_value("polygons larger than a hemisphere (the strictwinding CRS) are not supported")
    if name not in _CRS:
        raise bad_value(f"Unknown CRS name: {name}")


def position(value: Any) -> Point:
    """One GeoJSON position, within bounds. Raises `QueryError`."""
    if not isinstance(value, (list, dict)):
        raise bad_value("Point must be an array or object")
    point = legacy_point(value)
    check_bounds(point)
    return point


def check_bounds(point: Point) -> None:
    """Raise `QueryError` for a longitude or latitude that does not exist."""
    if not (-180 <= point[0] <= 180 and -90 <= point[1] <= 90):
        raise bad_value(f"longitude/latitude is out of bounds, lng: {point[0]:g} lat: {point[1]:g}")


def _positions(value: Any) -> tuple[Point, ...]:
    if not isinstance(value, list):
        raise bad_value("GeoJSON coordinates must be an array of coordinates")
    for item in value:
        if not isinstance(item, list):
            raise bad_value("GeoJSON coordinates must be an array")
    return tuple(position(item) for item in value)


def _point(value: Any, check: bool) -> Geometry:
    return Geometry(points=(position(value),))


def _multi_point(value: Any, check: bool) -> Geometry:
    points = _positions(value)
    if not points:
        raise bad_value("MultiPoint coordinates must have at least 1 element")
    return Geometry(points=points)


def _line(value: Any, check: bool) -> Geometry:
    points = _positions(value)
    distinct = tuple(point for index, point in enumerate(points) if index == 0 or point != points[index - 1])
    if len(distinct) < 2:
        raise bad_value(f"GeoJSON LineString must have at least 2 vertices: {shown(value)}")
    return Geometry(lines=(distinct,))


def _polygon(value: Any, check: bool) -> Geometry:
    if not isinstance(value, list):
        raise bad_value("Polygon coordinates must be an array")
    if not value:
        raise bad_value("Polygon has no loops.")
    rings = tuple(_ring(ring, check) for ring in value)
    if check:
        _check_holes(rings)
    return Geometry(polygons=(rings,))


def _ring(value: Any, check: bool) -> tuple[Point, ...]:
    points = _positions(value)
    if not points:
        raise bad_value(f"Loop has no vertices: {shown(value)}")
    if points[0] != points[-1]:
        raise bad_value(f"Loop is not closed: {shown(value)}")
    ring = tuple(point for index, point in enumerate(points) if index == 0 or point != points[index - 1])
    if len(set(ring)) < 3:
        raise bad_value(f"Loop must have at least 3 different vertices: {shown(value)}")
    if check:
        _check_ring(ring, value)
    return ring


_CHECKED_VERTICES = 500


def _check_ring(ring: Ring, value: Any) -> None:
    if len(set(ring)) < len(ring) - 1:
        raise bad_value(f"Loop is not valid: duplicate vertices: {shown(value)}")
    if len(ring) > _CHECKED_VERTICES:
        return
    edges = list(itertools.pairwise(ring))
    for index, (a, b) in enumerate(edges):
        for c, d in edges[index + 2 :]:
            if sphere.cross(a, b, c, d):
                raise bad_value(f"Loop is not valid: edges cross: {shown(value)}")


def _check_holes(rings: Polygon) -> None:
    outer = rings[0]
    edges = list(itertools.pairwise(outer))
    for index, hole in enumerate(rings[1:], 1):
        if len(set(hole) & set(outer)) > 1:
            raise bad_value(f"Loop {index} shares more than one vertex with its parent loop 0")
        for point, following in itertools.pairwise(hole):
            touched = [edge for edge in edges if sphere.on_edge(point, *edge)]
            if any(sphere.on_edge(following, *edge) for edge in touched):
                raise bad_value(f"Polygon isn't valid: loop {index} has an edge on loop 0")
            if not touched and not sphere.inside(point, outer):
                raise bad_value("Secondary loops not contained by first exterior loop - secondary loops must be holes")


def _many(read: Callable[[Any, bool], Geometry], name: str) -> Callable[[Any, bool], Geometry]:
    def read_all(value: Any, check: bool) -> Geometry:
        if not isinstance(value, list):
            raise bad_value(f"{name} coordinates must be an array")
        if not value:
            raise bad_value(f"{name} coordinates must have at least 1 element")
        return merge([read(item, check) for item in value])

    return read_all


def _collection(value: dict[str, Any], check: bool) -> Geometry:
    members = value.get("geometries")
    if not isinstance(members, list) or not members:
        raise bad_value("GeometryCollection geometries must be a non-empty array")
    parts = []
    for member in members:
        if not isinstance(member, dict):
            raise bad_value(f"Element of the GeometryCollection is not an object: {type_name(member)}")
        if member.get("type") == "GeometryCollection":
            raise bad_value("GeometryCollections cannot be nested")
        parts.append(geojson(member, check=check))
    return merge(parts)


_READERS: dict[str, Callable[[Any, bool], Geometry]] = {
    "Point": _point,
    "LineString": _line,
    "Polygon": _polygon,
    "MultiPoint": _multi_point,
    "MultiLineString": _many(_line, "MultiLineString"),
    "MultiPolygon": _many(_polygon, "MultiPolygon"),
}
