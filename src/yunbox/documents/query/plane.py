"""Geometry in the plane, for legacy coordinate pairs and ``$box $center $polygon``."""

from __future__ import annotations

import itertools
import math

from .sphere import Point, Ring

TOLERANCE = 1e-12


def distance(a: Point, b: Point) -> float:
    """The straight distance."""
    return math.hypot(a[0] - b[0], a[1] - b[1])


def on_edge(point: Point, start: Point, end: Point) -> bool:
    """Whether a point lies on a segment."""
    (x, y), (x1, y1), (x2, y2) = point, start, end
    area = (x2 - x1) * (y - y1) - (y2 - y1) * (x - x1)
    if abs(area) > TOLERANCE * max(1.0, abs(x2 - x1) + abs(y2 - y1)):
        return False
    return min(x1, x2) <= x <= max(x1, x2) and min(y1, y2) <= y <= max(y1, y2)


def inside(point: Point, ring: Ring) -> bool:
    """Whether a point is inside a closed ring or on its edge."""
    x, y = point
    odd = False
    for start, end in itertools.pairwise(ring):
        if on_edge(point, start, end):
            return True
        (x1, y1), (x2, y2) = start, end
        if (y1 > y) != (y2 > y) and x < (x2 - x1) * (y - y1) / (y2 - y1) + x1:
            odd = not odd
    return odd
