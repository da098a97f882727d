"""The function service of tests/functions."""

from __future__ import annotations

from tests.functions.conftest import bench

__all__ = ["bench"]
