"""Relations between shapes on the sphere: covering, intersecting, distance."""

from __future__ import annotations

import itertools
import math

from . import sphere
from .geometry import Geometry, Polygon
from .sphere import Point


def covers_point(polygon: Polygon, point: Point) -> bool:
    """Whether a polygon contains a point; its edges belong to it."""
    for ring in polygon:
        if any(sphere.on_edge(point, a, b) for a, b in itertools.pairwise(ring)):
            return True
    return sphere.inside(point, polygon[0]) and not any(sphere.inside(point, hole) for hole in polygon[1:])


def bounding_cap(shape: Geometry) -> tuple[Point, float]:
    """A centre and a radius in radians within which the shape lies; the whole sphere for shapes that are not small."""
    vertices = list(shape.vertices())
    centre = sphere.centre(vertices)
    radius = max(sphere.distance(centre, vertex) for vertex in vertices)
    # Up to a quarter turn a cap holds every edge between two of its points.
    return (centre, radius + sphere.TOLERANCE) if radius < math.pi / 2 - sphere.TOLERANCE else (centre, math.pi)


def covers(region: Geometry, shape: Geometry) -> bool:
    """Whether every part of a shape lies in one of the region's polygons."""
    return all(any(_polygon_covers(polygon, part) for polygon in region.polygons) for part in _parts(shape))


def _parts(shape: Geometry) -> list[Geometry]:
    return [
        *(Geometry(points=(point,)) for point in shape.points),
        *(Geometry(lines=(line,)) for line in shape.lines),
        *(Geometry(polygons=(polygon,)) for polygon in shape.polygons),
    ]


def _polygon_covers(polygon: Polygon, part: Geometry) -> bool:
    if not all(covers_point(polygon, point) for point in part.vertices()):
        return False
    edges = list(Geometry(polygons=(polygon,)).edges())
    for a, b in part.edges():
        if any(sphere.cross(a, b, c, d) for c, d in edges) or not covers_point(polygon, sphere.middle(a, b)):
            return False
    holes = [hole for hole in polygon[1:] for inner in part.polygons if _hole_within(hole, inner)]
    return not holes


def _hole_within(hole: tuple[Point, ...], polygon: Polygon) -> bool:
    """Whether a hole of the region opens inside a polygon that has no hole there."""
    return (
        any(sphere.inside(point, polygon[0]) and covers_point(polygon, point) for point in hole) and hole not in polygon
    )


def intersect(a: Geometry, b: Geometry) -> bool:
    """Whether two shapes share a point."""
    return (
        any(_touches(b, point) for point in a.vertices())
        or any(_touches(a, point) for point in b.vertices())
        or any(sphere.cross(p, q, r, s) for p, q in a.edges() for r, s in b.edges())
    )


def _touches(shape: Geometry, point: Point) -> bool:
    return (
        any(sphere.distance(point, other) <= sphere.TOLERANCE for other in shape.points)
        or any(sphere.on_edge(point, start, end) for start, end in shape.edges())
        or any(covers_point(polygon, point) for polygon in shape.polygons)
    )


def distance(shape: Geometry, point: Point) -> float:
    """The angle from a point to the nearest point of a shape, in radians; 0 inside a polygon."""
    if any(covers_point(polygon, point) for polygon in shape.polygons):
        return 0.0
    return min(
        min((sphere.distance(point, other) for other in shape.points), default=math.inf),
        min((sphere.edge_distance(point, start, end) for start, end in shape.edges()), default=math.inf),
    )
