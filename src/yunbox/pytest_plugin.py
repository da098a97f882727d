"""The pytest plugin: the fixture ``yunbox_cloud``. Every run of pytest loads this module, so it imports nothing until then."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from yunbox.testing import Cloud


@pytest.fixture
def yunbox_cloud() -> Iterator[Cloud]:
    """An empty cloud for this test alone: ``endpoint``, ``space_id``, ``keys``, ``seed``, ``deploy``, ``as_user``, ``advance``."""
    from yunbox.testing import start_cloud

    with start_cloud() as cloud:
        yield cloud
