from __future__ import annotations

from pathlib import Path

import pytest

from yunbox.protocols.mpserverless.database import COMMANDS
from yunbox.protocols.mpserverless.openapi.registry import ACTIONS
from yunbox.protocols.mpserverless.registry import METHODS

PAGE = (Path(__file__).parents[3] / "docs" / "mpserverless.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [*METHODS, *COMMANDS, *ACTIONS])
def test_every_method_command_and_action_is_documented(name: str) -> None:
    assert f"`{name}`" in PAGE
