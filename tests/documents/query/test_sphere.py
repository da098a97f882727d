"""The sphere: distances, digit for digit as MongoDB gives them, and what a ring goes round."""

from __future__ import annotations

import pytest

from yunbox.documents.query.sphere import EARTH_RADIUS_METERS, distance, inside

HERE = (113.3089506, 23.0968251)


@pytest.mark.parametrize(
    ("there", "meters"),
    [
        ((113.306789, 23.1564721), 6643.521654040738),
        ((113.30593, 23.1361155), 4384.68131486958),
        (HERE, 0.0),
    ],
)
def test_distance(there: tuple[float, float], meters: float) -> None:
    assert distance(HERE, there) * EARTH_RADIUS_METERS == meters


def test_the_other_side_of_the_world() -> None:
    assert distance((0, 0), (180, 0)) == pytest.approx(3.141592653589793)


WIDE = [(-163.6, 22.2), (-44.8, -49.1), (-42.4, 89.5), (-163.6, 22.2)]


@pytest.mark.parametrize(
    ("point", "expected"),
    [
        ((-100, 10), True),
        ((-60, -30), True),
        ((-100, 60), True),
        ((116, 40.9), False),
        ((60, 60), False),
        ((0, 0), False),
    ],
)
def test_what_a_wide_ring_goes_round(point: tuple[float, float], expected: bool) -> None:
    assert inside(point, WIDE) is inside(point, WIDE[::-1]) is expected
