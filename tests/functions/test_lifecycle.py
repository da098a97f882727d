"""Deploying, versions, settings, reloading, restarting."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import orjson
import pytest

from tests.functions.conftest import ANN, Bench, make_bench
from yunbox.errors import FunctionNotFound, InvalidRequest, NotFound, SpaceNotFound


def returning(text: str) -> str:
    return f"exports.main = () => '{text}'"


async def test_new_versions_and_rollback(bench: Bench) -> None:
    for number in (1, 2, 3):
        deployment = await bench.deploy("f", returning(f"v{number}"))
        assert deployment.version == number
        assert await bench.call("f") == f"v{number}"
    assert (await bench.service.rollback("demo", "f")).version == 2
    assert await bench.call("f") == "v2"
    assert (await bench.service.rollback("demo", "f", 3)).version == 3
    assert await bench.call("f") == "v3"
    with pytest.raises(NotFound, match="kept versions: 1, 2, 3"):
        await bench.service.rollback("demo", "f", 9)
    assert (await bench.deploy("f", returning("v4"))).version == 4


async def test_running_calls_finish_on_their_version(bench: Bench) -> None:
    await bench.deploy("f", "exports.main = e => new Promise(resolve => setTimeout(resolve, e.ms, 'old'))")
    await bench.call("f", {"ms": 0})
    slow = asyncio.create_task(bench.call("f", {"ms": 150}))
    await asyncio.sleep(0)
    await bench.deploy("f", returning("new"))
    assert await bench.call("f") == "new"
    assert await slow == "old"


async def test_only_the_last_versions_are_kept(bench: Bench) -> None:
    for number in range(12):
        await bench.deploy("f", returning(f"v{number}"))
    function = bench.service.get("demo", "f")
    assert function.versions == tuple(range(3, 13))
    kept = bench.spaces.get("demo").directory / "functions" / "f"
    assert {int(path.name) for path in kept.iterdir()} == set(range(3, 13))


async def test_the_source_may_change_or_go_after_deploying(bench: Bench) -> None:
    source = bench.write("f", {"index.js": "exports.main = () => require('./lib').n", "lib.js": "exports.n = 1"})
    await bench.service.deploy("demo", source, "f")
    (source / "lib.js").write_text("exports.n = 2")
    shutil.rmtree(source)
    assert await bench.call("f") == 1


async def test_in_place_reloads_from_the_source(bench: Bench) -> None:
    source = bench.write("f", returning("first"))
    await bench.service.deploy("demo", source, "f", in_place=True)
    assert await bench.call("f") == "first"
    (source / "index.js").write_text(returning("second"))
    assert await bench.call("f") == "first"
    await bench.service.reload("demo", "f")
    assert await bench.call("f") == "second"
    assert sorted(path.name for path in source.iterdir()) == ["index.js"]


async def test_stacks_of_functions_in_place_name_the_source(bench: Bench) -> None:
    source = bench.write("f", "exports.main = () => new Error('x').stack")
    await bench.service.deploy("demo", source, "f", in_place=True)
    (source / "index.js").write_text("exports.main = () => { throw new Error('x') }")
    await bench.service.reload("demo", "f")
    with pytest.raises(Exception, match="x") as caught:
        await bench.call("f")
    assert f"{source / 'index.js'}:1:" in getattr(caught.value, "stack", "")


async def test_settings_from_config_json_and_overrides(bench: Bench) -> None:
    config = """{
      // comments and trailing commas occur
      "timeout": 7, "memorySize": 128, "envVariables": {"A": "1", "B": "2"}, "permissions": {"openapi": ["wxacode.get"],},
      "triggers": [{"name": "daily", "type": "timer", "config": "0 0 2 * * * *"}]
    }"""
    code = "exports.main = (e, c) => [process.env.A, process.env.B, c.time_limit_in_ms, c.memory_limit_in_mb]"
    await bench.deploy("f", {"index.js": code, "config.json": config})
    assert await bench.call("f") == ["1", "2", 7000, 128]
    function = await bench.service.set_env("demo", "f", {"A": "x", "B": None, "C": "c"})
    assert function.environment == {"A": "x", "B": "2", "C": "c"}
    assert await bench.call("f") == ["x", "2", 7000, 128]
    await bench.service.configure("demo", "f", timeout=9, memory=192)
    await bench.deploy("f", {"index.js": code, "config.json": config})
    assert await bench.call("f") == ["x", "2", 9000, 192]
    assert [trigger.name for trigger in function.triggers] == ["daily"]


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({"timeout": 0}, "timeout"),
        ({"timeout": "soon"}, "timeout"),
        ({"timeout": 901}, "timeout"),
        ({"memory": 1}, "memory"),
        ({"triggers": [{"name": "t", "config": "* *"}]}, "timer `t`"),
    ],
)
async def test_settings_that_cannot_be(bench: Bench, settings: dict[str, object], fault: str) -> None:
    with pytest.raises(InvalidRequest, match=fault):
        await bench.deploy("f", returning("x"), settings=settings)
    assert bench.service.list("demo") == []


@pytest.mark.parametrize("config", ["{nope", '{"triggers": [{"name": "t", "type": "timer", "config": "never"}]}'])
async def test_a_project_under_development_runs_without_its_unusable_config_json(bench: Bench, config: str) -> None:
    deployment = await bench.deploy("f", {"index.js": returning("x"), "config.json": config}, in_place=True)
    assert "config.json is passed over" in deployment.warnings[0]
    assert await bench.call("f") == "x"


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden", "x" * 65, "a b"])
async def test_names_that_cannot_be(bench: Bench, name: str) -> None:
    with pytest.raises(InvalidRequest, match="function's name"):
        await bench.service.deploy("demo", bench.write("f", returning("x")), name)


async def test_what_cannot_be_deployed(bench: Bench, tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match=r"index\.js"):
        await bench.deploy("f", {"readme.md": "no code"})
    with pytest.raises(InvalidRequest, match="not a directory"):
        await bench.service.deploy("demo", tmp_path / "absent", "f")
    with pytest.raises(SpaceNotFound):
        await bench.deploy("f", returning("x"), space="absent")
    with pytest.raises(InvalidRequest, match=r"config\.json is not valid JSON"):
        await bench.deploy("g", {"index.js": returning("x"), "config.json": "{nope"})


async def test_list_and_delete(bench: Bench) -> None:
    await bench.deploy("b", returning("x"))
    await bench.deploy("a", returning("x"))
    assert [function.name for function in bench.service.list("demo")] == ["a", "b"]
    await bench.call("a")
    await bench.service.delete("demo", "a")
    assert [function.name for function in bench.service.list("demo")] == ["b"]
    for act in (bench.call("a"), bench.service.delete("demo", "a"), bench.service.rollback("demo", "a")):
        with pytest.raises(FunctionNotFound):
            await act
    assert not (bench.spaces.get("demo").directory / "functions" / "a").exists()


async def test_a_deleted_space_takes_its_functions_along(bench: Bench) -> None:
    bench.spaces.create("second")
    caller = ANN.__class__(kind="admin", space="second")
    await bench.deploy("f", returning("x"), space="second")
    assert await bench.call("f", caller=caller) == "x"
    bench.spaces.delete("second")
    with pytest.raises(SpaceNotFound):
        await bench.call("f", caller=caller)


async def test_functions_survive_a_restart_and_a_move(tmp_path: Path) -> None:
    first = make_bench(tmp_path / "a")
    await first.service.start()
    await first.deploy("f", returning("kept"))
    await first.service.configure("demo", "f", timeout=3)
    await first.service.close()
    first.spaces.close()
    shutil.move(tmp_path / "a", tmp_path / "b")
    second = make_bench(tmp_path / "b", create=False)
    await second.service.start()
    assert await second.call("f") == "kept"
    assert second.service.get("demo", "f").timeout == 3
    await second.service.close()
    second.spaces.close()


async def test_a_missing_node_names_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("yunbox.functions.runners.node._from_wheel", lambda: None)
    bench = make_bench(tmp_path)
    await bench.service.start()
    with pytest.raises(InvalidRequest, match=r"pip install 'yunbox\[node\]'"):
        await bench.deploy("f", returning("x"))
    await bench.service.close()
    bench.spaces.close()


async def test_symbolic_links_are_followed_when_copied(bench: Bench, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "value.js").write_text("module.exports = 7")
    source = bench.write("f", "exports.main = () => require('./common/value')")
    (source / "common").symlink_to(shared)
    (source / "dangling").symlink_to(tmp_path / "absent")
    for in_place in (False, True):
        await bench.service.deploy("demo", source, "f", in_place=in_place)
        assert await bench.call("f") == 7


async def test_committed_packages_are_used_as_they_are(bench: Bench) -> None:
    files = {
        "index.js": "exports.main = () => [require('dep'), require('dep/package.json').version]",
        "package.json": orjson.dumps({"dependencies": {"dep": "^9.9.9"}}).decode(),
        "node_modules/dep/index.js": "module.exports = __filename.includes('node_modules')",
        "node_modules/dep/package.json": '{"name": "dep", "version": "1.0.0"}',
    }
    await bench.deploy("f", files)
    assert await bench.call("f") == [True, "1.0.0"]
