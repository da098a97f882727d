"""The two example projects, end to end: their functions and their client code through the real SDKs."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.cli.conftest import CommandLine, environment_of
from tests.conftest import not_run
from tests.server import LiveServer
from yunbox.caller import Caller
from yunbox.documents import commands
from yunbox.projects import Project, find_project
from yunbox.spaces import Space

HERE = Path(__file__).resolve().parent
EXAMPLES = HERE.parent.parent / "examples"
PACKAGES = HERE.parent / "compat" / "node_modules"
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="


@pytest.fixture(autouse=True)
def packages() -> None:
    if shutil.which("node") is None or not (PACKAGES / "wx-server-sdk-2.6.3").is_dir():
        not_run("example projects", "node or tests/compat/node_modules is missing; run `make`")


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the functions declare, as if installed: no package is fetched while tests run."""
    target = tmp_path_factory.mktemp("packages") / "node_modules"
    aliases = {"wx-server-sdk-2.6.3": "wx-server-sdk"}
    target.mkdir()
    for package in PACKAGES.iterdir():
        if package.is_dir() and (package.name in aliases or not package.name.startswith(("wx-server", "cloudbase-"))):
            shutil.copytree(
                package, target / aliases.get(package.name, package.name), symlinks=True, copy_function=_link
            )
    return target


def _link(source: str, target: str) -> None:
    os.link(source, target, follow_symlinks=False)


def deploy(cloud: LiveServer, space: Space, example: str, place: Path, modules: Path) -> Project:
    """Deploy a copy of an example as ``yunbox dev`` does."""
    shutil.copytree(EXAMPLES / example, place)
    project = find_project(place)
    for source in project.functions:
        if (source.directory / "package.json").exists():
            (source.directory / "node_modules").symlink_to(modules, target_is_directory=True)
        functions = cloud.services.functions
        deployment = cloud.call(functions.deploy(space.id, source.directory, source.name, in_place=True))
        assert not deployment.missing
    return project


def node(script: str, *arguments: str, example: Path) -> None:
    """Run a script that must end with "done"."""
    done = subprocess.run(
        ["node", str(HERE / "js" / script), *arguments],
        cwd=PACKAGES.parent,
        env={**os.environ, "EXAMPLE": str(example), "NO_PROXY": "127.0.0.1", "NODE_PATH": str(PACKAGES)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.splitlines()[-1] == "done"


def test_todo_wechat(cloud: LiveServer, tmp_path: Path, modules: Path) -> None:
    space = cloud.create_space()
    project = deploy(cloud, space, "todo-wechat", tmp_path / "todo-wechat", modules)
    assert project.kind == "wechat"
    assert project.space_id == "todo-wechat"
    yunbox = CommandLine(environment_of(cloud), space)
    yunbox.json("db", "create", *project.collections)
    for name in ("categories", "todos"):
        yunbox.json("db", "import", name, str(project.root / "seed" / f"{name}.jsonl"))
    yunbox.json("db", "rules", "set", "categories", "--mode", "READONLY")
    node("todo.js", cloud.endpoint, space.id, example=project.root)
    (timer,) = next(row for row in yunbox.json("functions", "list") if row["name"] == "cleanup")["triggers"]
    assert timer["name"] == "nightly"
    assert call(cloud, space, "cleanup", {"days": 1}) == {"removed": 1, "photos": 0}
    assert [row["_id"] for row in yunbox.json("db", "query", "todos", '{"_openid": "ann"}')] == ["seed-1"]


def call(cloud: LiveServer, space: Space, name: str, event: dict[str, Any]) -> Any:
    """What a function returns to the administrator."""
    caller = Caller(kind="admin", space=space.id, source="server")
    return orjson.loads(cloud.call(cloud.services.functions.invoke(caller, name, event)).result_json)


@pytest.mark.parametrize("platform", ["my", "wx"])
def test_notes_alipay(cloud: LiveServer, tmp_path: Path, modules: Path, platform: str) -> None:
    space = cloud.create_space()
    project = deploy(cloud, space, "notes-alipay", tmp_path / "notes-alipay", modules)
    assert project.kind == "mpserverless"
    yunbox = CommandLine(environment_of(cloud), space)
    yunbox.json("db", "import", "tags", str(project.root / "seed" / "tags.jsonl"), "--create")
    yunbox.json("db", "rules", "set", "tags", "--policy", "PUBLICREAD")
    picture = tmp_path / "picture.png"
    picture.write_bytes(base64.b64decode(PNG))
    keys = {"endpoint": cloud.endpoint, "spaceId": space.id, "clientSecret": space.client_secret}
    node("notes.js", platform, json.dumps(keys), str(picture), example=project.root)
    if platform == "my":
        cloud.call(cloud.services.documents.engine(space.id).run(commands.Delete("notes", {}, multi=True)))
        node("notes_pages.js", json.dumps(keys), str(picture), example=project.root)
