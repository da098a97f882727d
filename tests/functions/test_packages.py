"""Packages of functions, from a registry on loopback with the machine's own npm."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.functions.conftest import Bench, make_bench
from tests.functions.registry import Registry
from yunbox.errors import FunctionFailed
from yunbox.functions.npm import nearest_version
from yunbox.functions.packages import read_requirements
from yunbox.functions.runners.node import find_node

COMPAT = Path(__file__).resolve().parent.parent / "compat" / "node_modules"
"""Where set-up installs the real packages, pnpm among them."""

PACKAGES: dict[str, dict[str, dict[str, Any]]] = {
    "one": {"1.0.0": {}, "1.2.0": {}, "2.0.0": {}},
    "two": {"1.0.0": {"dependencies": {"one": "^1.0.0"}}},
    "broken": {"1.0.0": {"dependencies": {"never-published": "*"}}},
    "scripted": {"1.0.0": {"scripts": {"install": "touch ran"}}},
    "wx-server-sdk": {"2.6.3": {}, "3.0.4": {}},
    "@scope/three": {"1.0.0": {}},
}
SHOW = "exports.main = e => e.names.map(name => { try { return require(name) } catch (error) { return error.code } })"

pytestmark = pytest.mark.skipif(not find_node().npm, reason="npm is not installed")


@pytest.fixture
async def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Registry]:
    async with Registry(PACKAGES) as server:
        monkeypatch.setenv("npm_config_registry", server.url)
        monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm"))
        yield server


async def deploy(bench: Bench, name: str, packages: Mapping[str, str], **files: str) -> Any:
    manifest = orjson.dumps({"dependencies": packages}).decode()
    return await bench.deploy(name, {"index.js": SHOW, "package.json": manifest, **files})


async def test_declared_packages(bench: Bench, registry: Registry) -> None:
    progress: list[str] = []
    source = bench.write("f", {"index.js": SHOW, "package.json": '{"dependencies": {"two": "*", "@scope/three": "1"}}'})
    deployment = await bench.service.deploy("demo", source, "f", on_progress=progress.append)
    assert await bench.call("f", {"names": ["two", "@scope/three", "one", "none"]}) == [
        "two@1.0.0",
        "@scope/three@1.0.0",
        "one@1.2.0",
        "MODULE_NOT_FOUND",
    ]
    assert progress == ["installing two@*, @scope/three@1"]
    assert (deployment.missing, deployment.warnings) == ({}, ())
    assert deployment.tree is not None
    assert deployment.tree.parent.parent == bench.data / "deps"
    [lock] = [path.read_text() for path in deployment.tree.parent.glob("p*-lock.*")]
    assert "1.2.0" in lock
    assert registry.url not in lock
    assert os.path.realpath(deployment.directory / "node_modules") == str(deployment.tree)


async def test_equal_sets_share_one_tree_without_asking_again(bench: Bench, registry: Registry) -> None:
    first, second = await asyncio.gather(deploy(bench, "a", {"one": "^1.0.0"}), deploy(bench, "b", {"one": "^1.0.0"}))
    assert first.tree == second.tree
    asked = len(registry.requests)
    third = await deploy(bench, "c", {"one": "^1.0.0"})
    other = await deploy(bench, "d", {})
    assert (third.tree, other.tree) == (first.tree, None)
    assert len(registry.requests) == asked


async def test_trees_that_nothing_uses_go_after_a_week(tmp_path: Path, registry: Registry) -> None:
    bench = make_bench(tmp_path)
    kept, fresh, old = [(await deploy(bench, name, {"one": name})).tree for name in ("1.0.0", "1.2.0", "2.0.0")]
    for name in ("1.2.0", "2.0.0"):
        await bench.service.delete("demo", name)
    await bench.service.close()
    assert kept
    assert fresh
    assert old
    for tree in (kept, old):
        os.utime(tree.parent / "yunbox.json", (0, 0))
    broken, busy = bench.data / "deps" / "tmp-broken-off", bench.data / "deps" / "tmp-of-another-server"
    for place in (broken, busy):
        place.mkdir()
    os.utime(broken, (0, 0))
    again = make_bench(tmp_path, create=False)
    await deploy(again, "g", {})
    await again.service.close()
    assert set((bench.data / "deps").iterdir()) == {kept.parent, fresh.parent, busy}


async def test_a_range_that_nothing_matches(bench: Bench, registry: Registry) -> None:
    deployment = await deploy(bench, "f", {"one": "~1.1.5", "two": "1"})
    assert await bench.call("f", {"names": ["one", "two"]}) == ["one@1.2.0", "two@1.0.0"]
    assert deployment.warnings == ("one@~1.1.5 was never published or is gone; 1.2.0 is used instead",)
    assert deployment.missing == {}


async def test_what_cannot_be_installed_does_not_stop_the_rest(bench: Bench, registry: Registry) -> None:
    deployment = await deploy(bench, "f", {"one": "1.0.0", "never-published": "1", "broken": "1"})
    assert await bench.call("f", {"names": ["one", "broken"]}) == ["one@1.0.0", "MODULE_NOT_FOUND"]
    assert set(deployment.missing) == {"never-published", "broken"}
    assert "not in the registry" in deployment.missing["never-published"]
    assert bench.service.get("demo", "f").missing == deployment.missing
    await bench.deploy(
        "g",
        {"index.js": "require('never-published/lib')", "package.json": '{"dependencies": {"never-published": "1"}}'},
    )
    with pytest.raises(FunctionFailed, match=r"`never-published` could not be installed .* not in the registry"):
        await bench.call("g")


async def test_an_unreachable_registry(bench: Bench, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:1/")
    deployment = await deploy(bench, "f", {"one": "1.0.0"})
    assert list(deployment.missing) == ["one"]
    assert "ECONNREFUSED" in deployment.missing["one"]
    monkeypatch.setenv("npm_config_registry", registry.url)
    again = await deploy(bench, "f", {"one": "1.0.0"})
    assert again.missing == {}
    assert await bench.call("f", {"names": ["one"]}) == ["one@1.0.0"]


async def test_a_lock_file_is_followed(bench: Bench, registry: Registry) -> None:
    lock = {
        "lockfileVersion": 3,
        "packages": {"": {"dependencies": {"one": "^1.0.0"}}, "node_modules/one": {"version": "1.0.0"}},
    }
    locked = await deploy(bench, "f", {"one": "^1.0.0"}, **{"package-lock.json": orjson.dumps(lock).decode()})
    free = await deploy(bench, "g", {"one": "^1.0.0"})
    assert locked.tree != free.tree
    assert await bench.call("f", {"names": ["one"]}) == ["one@1.0.0"]
    assert await bench.call("g", {"names": ["one"]}) == ["one@1.2.0"]


@pytest.mark.parametrize("works", [False, True])
async def test_pnpm_is_used_where_it_works(
    bench: Bench, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, works: bool
) -> None:
    programs = COMPAT / ".bin"
    if not works:
        programs = tmp_path / "bin"
        programs.mkdir()
        (programs / "pnpm").write_text("#!/bin/sh\nmkdir node_modules; echo broken > pnpm-lock.yaml; exit 1\n")
        (programs / "pnpm").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    deployment = await deploy(bench, "f", {"two": "1"})
    assert await bench.call("f", {"names": ["two", "one"]}) == ["two@1.0.0", "one@1.2.0"]
    assert (deployment.tree.parent / "pnpm-lock.yaml").exists() == works


async def test_install_scripts_do_not_run(bench: Bench, registry: Registry) -> None:
    deployment = await deploy(bench, "f", {"scripted": "1"})
    assert not (deployment.tree / "scripted" / "ran").exists()


async def test_the_sdk_is_there_without_being_declared(bench: Bench, registry: Registry) -> None:
    deployment = await bench.deploy("f", {"index.js": "const sdk = require('wx-server-sdk'); exports.main = () => sdk"})
    assert deployment.tree is None
    assert await bench.call("f") == "wx-server-sdk@2.6.3"
    with_others = await deploy(bench, "g", {"one": "2"}, **{"lib/db.js": "module.exports = require('wx-server-sdk')"})
    assert with_others.fallback == deployment.fallback
    assert await bench.call("g", {"names": ["./lib/db.js", "one"]}) == ["wx-server-sdk@2.6.3", "one@2.0.0"]
    declared = await deploy(bench, "h", {"wx-server-sdk": "3.0.4"}, **{"lib.js": "require('wx-server-sdk')"})
    assert declared.fallback is None


async def test_committed_packages_are_completed(bench: Bench, registry: Registry) -> None:
    manifest = orjson.dumps({"dependencies": {"one": "1.0.0", "mine": "*"}}).decode()
    files = {"index.js": SHOW, "package.json": manifest, "node_modules/mine/index.js": "module.exports = 'mine'"}
    deployment = await bench.deploy("f", files)
    assert await bench.call("f", {"names": ["mine", "one"]}) == ["mine", "one@1.0.0"]
    assert set(deployment.missing) == {"mine"} or deployment.missing == {}


async def test_a_package_in_a_folder_beside(bench: Bench, registry: Registry) -> None:
    shared = bench.sources / "shared"
    shared.mkdir(parents=True)
    (shared / "package.json").write_text('{"name": "shared", "version": "1.0.0"}')
    (shared / "index.js").write_text("module.exports = 'shared 1'")
    await deploy(bench, "f", {"shared": "file:../shared"})
    assert await bench.call("f", {"names": ["shared"]}) == ["shared 1"]
    (shared / "index.js").write_text("module.exports = 'shared 2'")
    await deploy(bench, "f", {"shared": "file:../shared"})
    assert await bench.call("f", {"names": ["shared"]}) == ["shared 2"]


@pytest.mark.parametrize(
    "text", ["{nope", "[]", '"text"', "", "\ufeff{}", '{"dependencies": []}', '{"dependencies": {"fs": "*"}}']
)
def test_odd_manifests(tmp_path: Path, text: str) -> None:
    (tmp_path / "package.json").write_text(text, encoding="utf-8")
    requirements = read_requirements(tmp_path)
    assert requirements.packages == {}
    assert bool(requirements.warnings) == (text == "{nope")


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("~1.5.5", "1.5.3"),
        ("~1.7.x", "1.8.3"),
        ("^0.2.1", "0.5.1"),
        ("~2.11.0", "2.7.2"),
        ("0.0.8", "0.0.24"),
        ("latest", None),
        ("git+ssh://x", None),
    ],
)
def test_nearest_version(spec: str, expected: str | None) -> None:
    published = ["0.0.24", "0.5.1", "0.8.1", "1.5.3", "1.8.3", "2.0.0-beta.1", "2.6.3", "2.7.2", "3.0.4"]
    assert nearest_version(spec, published) == expected


def test_no_registry_is_named_in_the_source() -> None:
    source = Path(__file__).parent.parent.parent / "src" / "yunbox" / "functions"
    for path in source.rglob("*.py"):
        assert not re.search(r"registry\.\w+\.\w+", path.read_text(encoding="utf-8")), path
