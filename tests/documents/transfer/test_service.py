"""Exports, restores and jobs over the services of a server."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from yunbox.app import App, create_app
from yunbox.documents import commands as c
from yunbox.documents.rules.policy import parse_policy
from yunbox.errors import AlreadyExists, InvalidRequest, NotFound, QueryError
from yunbox.settings import load_settings
from yunbox.spaces import Space
from yunbox.tools.backup import BackupInfo, write_backup


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    made = create_app(load_settings(tmp_path, "serve", {"durability": "normal"}, environ={}))
    yield made
    asyncio.run(made.close())


@pytest.fixture
def space(app: App) -> Space:
    made = app.services.spaces.create("s")
    engine = app.services.documents.engine("s")
    engine.run_sync(c.Insert("todos", [{"_id": n, "n": n % 3, "t": {"a": n}} for n in range(7)], create=True))
    engine.run_sync(c.CreateIndex("todos", [("n", 1)], name="by_n", expire_after_seconds=3600))
    engine.run_sync(c.CreateIndex("todos", [("t.a", 1)], name="by_t", unique=True))
    engine.run_sync(c.CreateIndex("todos", [("title", "text")], name="words"))
    return made


async def exported(app: App, find: c.Find, fields: tuple[str, ...] = ()) -> list[Any]:
    file = io.BytesIO()
    count = await app.services.transfers.export_file("s", find, file, "json", fields)
    rows = [orjson.loads(line) for line in file.getvalue().splitlines()]
    assert count == len(rows)
    return rows


async def test_exports(app: App, space: Space) -> None:
    assert [row["_id"] for row in await exported(app, c.Find("todos"))] == list(range(7))
    chosen = c.Find("todos", {"n": {"$gt": 0}}, sort={"_id": -1}, skip=1, limit=2)
    assert [row["_id"] for row in await exported(app, chosen)] == [4, 2]
    assert await exported(app, c.Find("todos", {"_id": 3}), ("t.a",)) == [{"_id": 3, "t": {"a": 3}}]
    with pytest.raises(QueryError):
        await exported(app, c.Find("todos", {"n": {"$nope": 1}}))
    with pytest.raises(InvalidRequest):
        await exported(app, c.Find("todos"), ("$where",))


async def test_an_export_is_of_one_moment(app: App, space: Space) -> None:
    engine = app.services.documents.engine("s")
    found = engine.stream(c.Find("todos", sort={"_id": 1}))
    first = next(found)
    engine.run_sync(c.Delete("todos", {}, multi=True))
    assert [first["_id"], *(row["_id"] for row in found)] == list(range(7))
    assert list(engine.stream(c.Find("todos"))) == []


@pytest.fixture
def backup(app: App, space: Space) -> BackupInfo:
    app.services.documents.set_rules("s", "todos", parse_policy("PUBLICREAD"))
    info = write_backup(app.settings.data)
    app.services.documents.engine("s").run_sync(c.Delete("todos", {}, multi=True))
    return info


async def test_restoring_a_collection(app: App, backup: BackupInfo) -> None:
    transfers, engine = app.services.transfers, app.services.documents.engine("s")
    assert [(info.name, info.count) for info in await transfers.collections_in("s", backup.name)] == [("todos", 7)]
    done = await transfers.restore("s", backup.name, {"todos": "todos_bak"})
    assert done == {"restored": {"todos": "todos_bak"}, "documents": 7}
    assert await engine.run(c.Count("todos_bak")) == 7
    assert await engine.run(c.Count("todos")) == 0
    old, new = [await engine.run(c.ListIndexes(name)) for name in ("todos", "todos_bak")]
    assert old == new
    assert app.services.spaces.rule("s", "collection", "todos_bak") is not None
    assert app.services.documents.rules("s", "todos_bak") == app.services.documents.rules("s", "todos")
    assert list(backup.path.parent.glob(".*")) == []


async def test_restores_that_cannot_be(app: App, backup: BackupInfo) -> None:
    transfers, engine = app.services.transfers, app.services.documents.engine("s")
    with pytest.raises(AlreadyExists):
        await transfers.restore("s", backup.name, {"todos": "todos"})
    with pytest.raises(NotFound, match="no collection `none`"):
        await transfers.restore("s", backup.name, {"todos": "t2", "none": "n2"})
    with pytest.raises(NotFound, match="no backup"):
        await transfers.restore("s", "../x", {"todos": "t2"})
    with pytest.raises(InvalidRequest):
        await transfers.restore("s", backup.name, {})
    with pytest.raises(QueryError):
        await transfers.restore("s", backup.name, {"todos": "$bad"})
    assert not engine.has_collection("t2")
    app.services.spaces.create("later")
    assert await transfers.collections_in("later", backup.name) == []
    backup.path.write_bytes(backup.path.read_bytes()[:100])
    with pytest.raises(InvalidRequest, match="cannot be read"):
        await transfers.collections_in("s", backup.name)


async def test_jobs(app: App, space: Space) -> None:
    jobs = app.services.transfers.jobs
    going, end = asyncio.Event(), asyncio.Event()

    async def work() -> dict[str, Any]:
        going.set()
        await end.wait()
        return {"count": 3}

    jobs.add("s", "j", "export", key="k")
    assert jobs.get("s", "j", "export")["status"] == "waiting"
    starting = asyncio.create_task(jobs.start("s", "j", work, 5))
    await going.wait()
    assert jobs.get("s", "j", "export")["status"] == "running"
    await jobs.start("s", "j", work, 5)
    end.set()
    await starting
    row = jobs.get("s", "j", "export")
    assert (row["status"], row["count"], row["key"]) == ("done", 3, "k")
    for missing in (("s", "none", "export"), ("s", "j", "import")):
        with pytest.raises(NotFound):
            jobs.get(*missing)


async def test_jobs_that_fail(app: App, space: Space, caplog: pytest.LogCaptureFixture) -> None:
    jobs = app.services.transfers.jobs

    async def refused() -> dict[str, Any]:
        raise InvalidRequest("no such thing")

    async def broken() -> dict[str, Any]:
        raise ZeroDivisionError

    async def forever() -> dict[str, Any]:
        await asyncio.Event().wait()
        return {}

    for name, work, patience in (("a", refused, 5.0), ("b", broken, 5.0), ("c", forever, 0.0)):
        jobs.add("s", name, "import")
        await jobs.start("s", name, work, patience)
    assert jobs.get("s", "a", "import")["message"] == "no such thing"
    assert "internal error" in jobs.get("s", "b", "import")["message"]
    assert "ZeroDivisionError" in caplog.text
    assert jobs.get("s", "c", "import")["status"] == "running"
    await jobs.close()
    assert jobs.get("s", "c", "import")["status"] == "failed"
    assert "restart" in jobs.get("s", "c", "import")["message"]
