"""Distances on the sphere, digit for digit as MongoDB gives them."""

from __future__ import annotations

import pytest

from yunbox.documents.query.sphere import EARTH_RADIUS_METERS, distance

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
