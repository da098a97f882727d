"""The function service of tests/functions, one for each module."""

from __future__ import annotations

import shutil

import pytest

from tests.functions.conftest import Bench, shared_bench

__all__ = ["bench", "shared_bench"]


@pytest.fixture
def bench(shared_bench: Bench) -> Bench:
    """The module's service; functions of the same name are deployed over each other."""
    shutil.rmtree(shared_bench.sources, ignore_errors=True)
    shared_bench.host_calls.clear()
    return shared_bench
