"""Geometry on the sphere: points are (longitude, latitude) in degrees, edges are great-circle arcs shorter than half a turn."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from functools import lru_cache

Point = tuple[float, float]
Ring = Sequence[Point]
Vector = tuple[float, float, float]

EARTH_RADIUS_METERS = 6378100.0

# About 6 millimetres: points closer than this to an edge lie on it.
TOLERANCE = 1e-9


@lru_cache(maxsize=65536)
def vector(point: Point) -> Vector:
    """The unit vector of a point."""
    longitude, latitude = math.radians(point[0]), math.radians(point[1])
    return (
        math.cos(latitude) * math.cos(longitude),
        math.cos(latitude) * math.sin(longitude),
        math.sin(latitude),
    )


def distance(a: Point, b: Point) -> float:
    """The angle between two points, in radians: by cross and dot product, which gives MongoDB's very digits."""
    p, q = vector(a), vector(b)
    normal = _cross(p, q)
    return math.atan2(math.sqrt(_dot(normal, normal)), _dot(p, q))


def _cross(a: Vector, b: Vector) -> Vector:
    return (a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])


def _dot(a: Vector, b: Vector) -> float:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def _unit(a: Vector) -> Vector:
    length = math.sqrt(_dot(a, a))
    return (a[0] / length, a[1] / length, a[2] / length) if length else a


def edge_distance(point: Point, start: Point, end: Point) -> float:
    """The angle from a point to the nearest point of an edge, in radians."""
    p, a, b = vector(point), vector(start), vector(end)
    normal = _unit(_cross(a, b))
    beside = _dot(_cross(a, p), normal) > 0 and _dot(_cross(p, b), normal) > 0
    if beside:
        return abs(math.asin(max(-1.0, min(1.0, _dot(p, normal)))))
    return min(distance(point, start), distance(point, end))


def on_edge(point: Point, start: Point, end: Point) -> bool:
    """Whether a point lies on an edge."""
    return edge_distance(point, start, end) <= TOLERANCE


def cross(a: Point, b: Point, c: Point, d: Point) -> bool:
    """Whether the edges ab and cd cross in their interiors."""
    va, vb, vc, vd = vector(a), vector(b), vector(c), vector(d)
    ab, cd = _cross(va, vb), _cross(vc, vd)
    c_side, d_side = _dot(ab, vc), _dot(ab, vd)
    a_side, b_side = _dot(cd, va), _dot(cd, vb)
    if min(map(abs, (c_side, d_side, a_side, b_side))) <= TOLERANCE:
        return False
    if (c_side > 0) == (d_side > 0) or (a_side > 0) == (b_side > 0):
        return False
    # The great circles meet in two opposite points; only one of them is on the arcs.
    return (c_side > 0) != (a_side > 0)


def middle(a: Point, b: Point) -> Point:
    """The point halfway along an edge."""
    return centre((a, b))


def centre(points: Iterable[Point]) -> Point:
    """The direction in which points lie on the whole."""
    vectors = [vector(point) for point in points]
    x, y, z = _unit((sum(v[0] for v in vectors), sum(v[1] for v in vectors), sum(v[2] for v in vectors)))
    return math.degrees(math.atan2(y, x)), math.degrees(math.asin(max(-1.0, min(1.0, z))))


def inside(point: Point, ring: Ring) -> bool:
    """Whether a point is strictly inside a closed ring; the inside is the smaller part of the sphere."""
    p = vector(point)
    vectors = [vector(corner) for corner in ring]
    total = sum(_angle_at(p, a, b) for a, b in itertools.pairwise(vectors))
    # Seen from a point, the ring goes round it once when the point or, the other way round, its antipode is inside.
    return abs(total) > math.pi and total * _area(vectors) > 0


def _area(ring: list[Vector]) -> float:
    """The area of the smaller part of the sphere; negative when the ring goes round it clockwise."""
    first = ring[0]
    total = 0.0
    for a, b in itertools.pairwise(ring[1:]):
        volume = _dot(first, _cross(a, b))
        total += 2 * math.atan2(volume, 1 + _dot(first, a) + _dot(a, b) + _dot(b, first))
    return math.remainder(total, 4 * math.pi)


def _angle_at(p: Vector, a: Vector, b: Vector) -> float:
    """The signed angle under which an edge is seen from a point."""
    left, right = _cross(p, a), _cross(p, b)
    return math.atan2(_dot(p, _cross(left, right)), _dot(left, right))
