"""The pages of ``examples/todo-wechat``, unmodified, on the stand-in of WeChat with ``require('yunbox/wx')`` before them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.examples.test_examples import EXAMPLES, deploy, modules, packages
from tests.sdk.test_client import built, create_collections, passed, run_script
from tests.server import LiveServer
from yunbox.documents import commands
from yunbox.documents.rules.rules import rules_of_mode

__all__ = ["built", "modules", "packages"]


@pytest.mark.parametrize(("script", "steps"), [("pages.js", 1), ("simulate.js", 6)])
def test_pages(cloud: LiveServer, tmp_path: Path, modules: Path, script: str, steps: int) -> None:
    """On the strict stand-in of WeChat, and in miniprogram-simulate, which renders the templates."""
    space = cloud.create_space()
    create_collections(cloud, space, "todos", "users", "categories")
    home = {"_id": "home", "name": "Home", "order": 1}
    cloud.call(cloud.services.documents.engine(space.id).run(commands.Insert("categories", [home])))
    cloud.services.documents.set_rules(space.id, "categories", rules_of_mode("READONLY"))
    deploy(cloud, space, "todo-wechat", tmp_path / "project", modules)
    root = EXAMPLES / "todo-wechat" / "miniprogram"
    assert passed(run_script(script, cloud.endpoint, space.id, str(root))) == steps
