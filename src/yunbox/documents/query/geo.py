"""Geospatial operators: ``$geoWithin $geoIntersects $near $nearSphere``."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

from yunbox.errors import QueryError

from . import paths, plane, regions, sphere
from .display import shown
from .filters import Condition, Leaf
from .geometry import Geometry, check_bounds, coordinate, geojson, legacy_point, position, stored_geometry
from .predicates import bad_value
from .sphere import EARTH_RADIUS_METERS, Point
from .values import Document, is_number, type_name

Region = Callable[[Geometry], bool]

_OPERATORS = frozenset({"$geoWithin", "$within", "$geoIntersects", "$near", "$nearSphere", "$geoNear"})
_NEAR_OPERATORS = frozenset({"$near", "$nearSphere", "$geoNear"})


class Near:
    """The condition of ``$near`` and ``$nearSphere`` on one path; results come in order of `distance`.

    ``point`` is (longitude, latitude) or (x, y); ``spherical`` distances are in meters, or in radians when ``radians``.
    """

    __slots__ = ("_parts", "maximum", "minimum", "path", "point", "radians", "spherical")

    def __init__(
        self, path: str, point: Point, *, spherical: bool, radians: bool, minimum: float, maximum: float
    ) -> None:
        self.path = path
        self.point = point
        self.spherical = spherical
        self.radians = radians
        self.minimum = minimum
        self.maximum = maximum
        self._parts = paths.split(path)

    def distance(self, document: Document) -> float | None:
        """The smallest distance of the document's shapes that is within the limits; ``None`` when there is none."""
        found = [self.measure(value) for value in paths.values(document, self._parts)]
        allowed = [distance for distance in found if distance is not None and self.minimum <= distance <= self.maximum]
        return min(allowed, default=None)

    def measure(self, value: Any) -> float | None:
        """The distance of one stored value; ``None`` when it is no shape."""
        shape = stored_geometry(value)
        if shape is None:
            return None
        if not self.spherical:
            return plane.distance(shape.points[0], self.point) if shape.is_point else None
        if shape.flat and not _on_earth(shape.points[0]):
            return None
        angle = regions.distance(shape, self.point)
        return angle if self.radians else angle * EARTH_RADIUS_METERS

    def matches(self, value: Any) -> bool:
        """Whether one stored value is within the limits."""
        distance = self.measure(value)
        return distance is not None and self.minimum <= distance <= self.maximum

    def ordered(self, documents: Iterable[Document]) -> list[Document]:
        """Documents by distance, nearest first; those out of the limits are left out."""
        measured = [(self.distance(document), document) for document in documents]
        near = [(distance, document) for distance, document in measured if distance is not None]
        near.sort(key=lambda pair: pair[0])
        return [document for _, document in near]


def _on_earth(point: Point) -> bool:
    return -180 <= point[0] <= 180 and -90 <= point[1] <= 90


def is_geo_operator(name: str) -> bool:
    """Whether a field operator is geospatial."""
    return name in _OPERATORS


def geo_condition(path: str, operand: dict[str, Any]) -> tuple[Condition, Near | None, dict[str, Any]]:
    """The condition of an operator object with a geospatial operator, its `Near` if it is one, and the operators beside it.
    Raises `QueryError`.
    """
    operator = next(name for name in operand if name in _OPERATORS)
    if operator in _NEAR_OPERATORS:
        near = _near(path, operator, operand)
        for name in operand:
            if name not in (operator, "$maxDistance", "$minDistance", "$uniqueDocs", "$comment"):
                raise bad_value(f"invalid argument in geo near query: {name}")
        return Leaf(near.matches), near, {}
    region = _region(operator, operand[operator])
    rest = {name: value for name, value in operand.items() if name != operator}
    return Leaf(_within(region)), None, rest


def _within(region: Region) -> Callable[[Any], bool]:
    def matches(value: Any) -> bool:
        if type(value) is not list and type(value) is not dict:
            return False
        shape = stored_geometry(value)
        return shape is not None and region(shape)

    return matches


def _region(operator: str, operand: Any) -> Region:
    if not isinstance(operand, dict):
        raise bad_value(f"geometry must be an object, not {type_name(operand)}")
    specifiers = [name for name in operand if name != "$uniqueDocs"]
    if not specifiers:
        raise bad_value(f"{operator} requires a geometry")
    name = specifiers[0]
    if name == "$geometry":
        return _geometry_region(operator, operand[name])
    build = _LEGACY_REGIONS.get(name)
    if build is None:
        raise bad_value(f"unknown geo specifier: {name}: {shown(operand[name])}")
    if operator == "$geoIntersects":
        raise bad_value(f"$geoIntersects not supported with provided geometry: {shown(operand)}")
    return build(operand[name])


def _geometry_region(operator: str, value: Any) -> Region:
    if not isinstance(value, dict):
        raise bad_value("$geometry must be an object")
    geometry = geojson(value)
    if operator == "$geoIntersects":
        return lambda shape: _usable(shape) and regions.intersect(shape, geometry)
    if geometry.points or geometry.lines:
        raise bad_value(f"$geoWithin not supported with provided geometry: {shown(value)}")
    centre, radius = regions.bounding_cap(geometry)

    def within(shape: Geometry) -> bool:
        if shape.is_point and sphere.distance(shape.points[0], centre) > radius:
            return False
        return _usable(shape) and regions.covers(geometry, shape)

    return within


def _usable(shape: Geometry) -> bool:
    return not shape.flat or _on_earth(shape.points[0])


def _items(value: Any, specifier: str) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    if not isinstance(value, list):
        raise bad_value(f"unknown geo specifier: {specifier}: {shown(value)}")
    return value


def _box(value: Any) -> Region:
    corners = [legacy_point(item) for item in _items(value, "$box")[:2]]
    if len(corners) < 2:
        raise bad_value("$box needs two corners")
    (x1, y1), (x2, y2) = corners
    low, high = (min(x1, x2), min(y1, y2)), (max(x1, x2), max(y1, y2))

    def contains(shape: Geometry) -> bool:
        return shape.is_point and all(low[i] <= shape.points[0][i] <= high[i] for i in (0, 1))

    return contains


def _polygon(value: Any) -> Region:
    corners = [legacy_point(item) for item in _items(value, "$polygon")]
    if len(corners) < 3:
        raise bad_value("Polygon must have at least 3 points")
    ring = [*corners, corners[0]]
    return lambda shape: shape.is_point and plane.inside(shape.points[0], ring)


def _circle(value: Any, specifier: str) -> tuple[Point, float]:
    items = _items(value, specifier)
    centre = legacy_point(items[0] if items else None)
    if len(items) > 2:
        raise bad_value("Only 2 fields allowed for circular region")
    radius = coordinate(items[1]) if len(items) == 2 and is_number(items[1]) else -1.0
    if not radius >= 0:
        raise bad_value("radius must be a non-negative number")
    return centre, radius


def _center(value: Any) -> Region:
    centre, radius = _circle(value, "$center")
    return lambda shape: shape.is_point and plane.distance(shape.points[0], centre) <= radius


def _center_sphere(value: Any) -> Region:
    centre, radius = _circle(value, "$centerSphere")
    check_bounds(centre)
    if radius >= math.pi:
        return _usable

    def contains(shape: Geometry) -> bool:
        return _usable(shape) and all(sphere.distance(point, centre) <= radius for point in shape.vertices())

    return contains


_LEGACY_REGIONS: dict[str, Callable[[Any], Region]] = {
    "$box": _box,
    "$polygon": _polygon,
    "$center": _center,
    "$centerSphere": _center_sphere,
}


def _near(path: str, operator: str, operand: dict[str, Any]) -> Near:
    value = operand[operator]
    if isinstance(value, dict) and "$geometry" in value:
        return _near_geometry(path, value)
    if not isinstance(value, (dict, list)):
        raise bad_value(f"near must be first in: {shown(operand)}")
    if not value:
        raise bad_value("$near requires a point, given an empty one; use $geometry")
    is_geojson = isinstance(value, dict) and not is_number(next(iter(value.values())))
    point = _geojson_point(value) if is_geojson else legacy_point(value)
    limits = dict(operand)
    if isinstance(value, list) and len(value) > 2 and "$maxDistance" not in limits:
        limits["$maxDistance"] = value[2]
    spherical = is_geojson or operator == "$nearSphere"
    if spherical:
        check_bounds(point)
    return Near(path, point, spherical=spherical, radians=spherical and not is_geojson, **_limits(limits))


def _near_geometry(path: str, value: dict[str, Any]) -> Near:
    for name in value:
        if name not in ("$geometry", "$maxDistance", "$minDistance"):
            raise bad_value(f"invalid argument in geo near query: {name}")
    geometry = value["$geometry"]
    if not isinstance(geometry, (dict, list)):
        raise bad_value("$geometry must be an object")
    point = _geojson_point(geometry) if isinstance(geometry, dict) else legacy_point(geometry)
    return Near(path, point, spherical=True, radians=False, **_limits(value))


def _geojson_point(value: Any) -> Point:
    if value.get("type", "Point") != "Point" or "coordinates" not in value:
        first = next(iter(value), "")
        if first not in ("type", "coordinates"):
            raise bad_value(f"invalid argument in geo near query: {first}")
        raise bad_value(f"$near requires geojson point, given {shown(value)}")
    if next(iter(value)) not in ("type", "coordinates", "crs"):
        raise bad_value(f"invalid argument in geo near query: {next(iter(value))}")
    try:
        return position(value["coordinates"])
    except QueryError as error:
        raise bad_value(f"invalid argument in geo near query: coordinates: {error.message}") from None


def _limits(operand: dict[str, Any]) -> dict[str, float]:
    return {
        "minimum": _limit(operand, "$minDistance", 0.0),
        "maximum": _limit(operand, "$maxDistance", math.inf),
    }


def _limit(operand: dict[str, Any], name: str, default: float) -> float:
    if name not in operand:
        return default
    value = operand[name]
    if not is_number(value):
        raise bad_value(f"{name[1:]} must be a number")
    number = coordinate(value)
    if not (math.isfinite(number) and number >= 0):
        raise bad_value(f"{name[1:]} must be non-negative")
    return number
