"""Modes × operations × actors (semantics.md §8.1): what each of them sees and changes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from yunbox.caller import Caller
from yunbox.documents import commands as c
from yunbox.documents.dialects import TCB
from yunbox.documents.rules import MODES, PRIVATE, rules_of_mode
from yunbox.documents.service import DocumentService
from yunbox.documents.stores import Engine
from yunbox.errors import PermissionDenied, YunboxError
from yunbox.realtime import Batch, RealtimeService, Watch
from yunbox.spaces import Space, SpaceService, SpaceStore
from yunbox.tools.keyring import Keyring

ACTORS = {
    "owner": Caller("user", "demo", user_id="u1", openid="oOwner", provider="wechat"),
    "other": Caller("user", "demo", user_id="u2", openid="oOther", provider="wechat"),
    "anonymous": Caller("user", "demo", user_id="u3", provider="anonymous"),
    "guest": Caller("guest", "demo"),
    "function": Caller("function", "demo", user_id="u2", openid="oOther", function="f"),
    "admin": Caller("admin", "demo"),
}
MINE = {"_id": "mine", "n": 1, "_openid": "oOwner"}
SYSTEM = {"_id": "system", "n": 1}
DENIED = "denied"

# What `owner`, then `other` and `anonymous` alike, get; admins and functions get all, guests nothing.
# Reads: the ids seen of `mine` and `system`. Writes: how many documents were changed.
EXPECTED: dict[str, dict[str, tuple[Any, Any]]] = {
    "PRIVATE": {
        "get": (["mine"], []),
        "get system": ([], []),
        "where": (["mine"], []),
        "count": (1, 0),
        "aggregate": (["mine"], []),
        "watch": (["mine"], []),
        "add": (1, 1),
        "update": (1, 0),
        "update system": (0, 0),
        "update where": (1, 0),
        "set": (1, DENIED),
        "remove": (1, 0),
        "remove where": (1, 0),
    },
    "READONLY": {
        "get": (["mine"], ["mine"]),
        "get system": (["system"], ["system"]),
        "where": (["mine", "system"], ["mine", "system"]),
        "count": (2, 2),
        "aggregate": (["mine", "system"], ["mine", "system"]),
        "watch": (["mine", "system"], ["mine", "system"]),
        "add": (1, 1),
        "update": (1, 0),
        "update system": (0, 0),
        "update where": (1, 0),
        "set": (1, DENIED),
        "remove": (1, 0),
        "remove where": (1, 0),
    },
    "ADMINWRITE": {
        "get": (["mine"], ["mine"]),
        "get system": (["system"], ["system"]),
        "where": (["mine", "system"], ["mine", "system"]),
        "count": (2, 2),
        "aggregate": (["mine", "system"], ["mine", "system"]),
        "watch": (["mine", "system"], ["mine", "system"]),
        **dict.fromkeys(
            ("add", "update", "update system", "update where", "set", "remove", "remove where"), (DENIED, DENIED)
        ),
    },
    "ADMINONLY": {},
}
OPERATIONS = tuple(EXPECTED["PRIVATE"])
EXPECTED["ADMINONLY"] = dict.fromkeys(OPERATIONS, (DENIED, DENIED))
FULL: dict[str, Any] = {
    **dict.fromkeys(OPERATIONS, 1),
    "get": ["mine"],
    "get system": ["system"],
    **{operation: ["mine", "system"] for operation in ("where", "aggregate", "watch")},
    **dict.fromkeys(("count", "update where", "remove where"), 2),
}


class Cloud:
    """One space with a collection in which ``owner`` and a function wrote."""

    def __init__(self, directory: Path) -> None:
        def keep(name: str, value: Any) -> Any:
            return value

        def open_engine(space: Space) -> Engine:
            return Engine.open(None)

        self.spaces = SpaceService(SpaceStore(directory / "server.sqlite", Keyring.open(directory / "key")), keep)
        self.spaces.create("demo")
        self.documents = DocumentService(
            self.spaces, open_engine, default_rule=lambda space: PRIVATE, may_create=lambda space: True
        )
        self.realtime = RealtimeService(self.documents, self.spaces)

    async def fill(self) -> None:
        engine = self.documents.engine("demo")
        await engine.run(c.CreateCollection("notes"))
        await engine.run(c.Insert("notes", [dict(MINE), dict(SYSTEM)]))

    def close(self) -> None:
        self.realtime.close()
        self.documents.close()
        self.spaces.close()


@pytest.fixture
async def cloud(tmp_path: Path) -> AsyncIterator[Cloud]:
    cloud = Cloud(tmp_path)
    await cloud.fill()
    yield cloud
    cloud.close()


class Silent:
    def events(self, watch: Watch, batch: Batch) -> None: ...

    def failed(self, watch: Watch, error: YunboxError) -> None: ...


async def perform(cloud: Cloud, caller: Caller, operation: str) -> Any:
    async def run(command: c.Command) -> Any:
        return await cloud.documents.run(caller, TCB, command)

    change, both = {"$set": {"n": 2}}, {"n": 1}
    match operation:
        case "get":
            return ids(await run(c.Find("notes", {"_id": "mine"})))
        case "get system":
            return ids(await run(c.Find("notes", {"_id": "system"})))
        case "where":
            return ids(await run(c.Find("notes", both)))
        case "count":
            return await run(c.Count("notes", both))
        case "aggregate":
            return ids(await run(c.Aggregate("notes", [{"$match": both}])))
        case "watch":
            return ids((await cloud.realtime.watch(caller, TCB, c.Find("notes", both), Silent())).initial)
        case "add":
            return len((await run(c.Insert("notes", [{"n": 5}]))).ids)
        case "update":
            return (await run(c.Update("notes", {"_id": "mine"}, change))).modified
        case "update system":
            return (await run(c.Update("notes", {"_id": "system"}, change))).modified
        case "update where":
            return (await run(c.Update("notes", both, change, multi=True))).modified
        case "set":
            return (await run(c.Update("notes", {"_id": "mine"}, {"n": 3}, upsert=True))).modified
        case "remove":
            return await run(c.Delete("notes", {"_id": "mine"}))
    assert operation == "remove where"
    return await run(c.Delete("notes", both, multi=True))


def ids(documents: list[dict[str, Any]]) -> list[str]:
    return sorted(document["_id"] for document in documents)


def expected(mode: str, actor: str, operation: str) -> Any:
    if actor in ("admin", "function"):
        return FULL[operation]
    if actor == "guest":
        return DENIED
    return EXPECTED[mode][operation][0 if actor == "owner" else 1]


@pytest.mark.parametrize("actor", ACTORS)
@pytest.mark.parametrize("mode", MODES)
async def test_matrix(cloud: Cloud, mode: str, actor: str) -> None:
    cloud.documents.set_rules("demo", "notes", rules_of_mode(mode))
    engine = cloud.documents.engine("demo")
    for operation in OPERATIONS:
        await engine.run(c.Delete("notes", {}, multi=True))
        await engine.run(c.Insert("notes", [dict(MINE), dict(SYSTEM)]))
        try:
            outcome = await perform(cloud, ACTORS[actor], operation)
        except PermissionDenied:
            outcome = DENIED
        assert outcome == expected(mode, actor, operation), (mode, actor, operation)
        kept = {document["_id"]: document.get("_openid") for document in await engine.run(c.Find("notes", {}))}
        assert kept.get("mine", "oOwner") in ("oOwner", None), "nobody takes over a document"
        assert kept.get("system") is None


@pytest.mark.parametrize("actor", ["owner", "anonymous", "function", "admin"])
async def test_what_is_added_carries_its_owner(cloud: Cloud, actor: str) -> None:
    caller = ACTORS[actor]
    made = await cloud.documents.run(caller, TCB, c.Insert("notes", [{"_id": "new"}]))
    assert made.ids == ["new"]
    [stored] = await cloud.documents.engine("demo").run(c.Find("notes", {"_id": "new"}))
    assert stored.get("_openid") == (None if caller.is_admin else caller.owner)


@pytest.mark.parametrize(
    "change",
    [
        {"$set": {"_openid": "oOther"}},
        {"$unset": {"_openid": ""}},
        {"$rename": {"n": "_openid"}},
        {"$rename": {"_openid": "n"}},
        {"$set": {"_openid.x": 1}},
        {"$setOnInsert": {"_openid": "oOther"}},
        {"n": 1, "_openid": "oOther"},
        [{"$set": {"_openid": "oOther"}}],
    ],
    ids=str,
)
@pytest.mark.parametrize("mode", ["PRIVATE", "READONLY"])
async def test_nobody_changes_an_owner_mark(cloud: Cloud, mode: str, change: Any) -> None:
    cloud.documents.set_rules("demo", "notes", rules_of_mode(mode))
    command = c.Update("notes", {"_id": "mine"}, change, upsert=isinstance(change, dict))
    with suppress(PermissionDenied):
        await cloud.documents.run(ACTORS["owner"], TCB, command)
    [stored] = await cloud.documents.engine("demo").run(c.Find("notes", {"_id": "mine"}))
    assert stored["_openid"] == "oOwner"


async def test_new_rules_hold_at_once_for_watches_too(cloud: Cloud) -> None:
    ended = asyncio.Event()

    class Listening(Silent):
        def failed(self, watch: Watch, error: YunboxError) -> None:
            assert isinstance(error, PermissionDenied)
            ended.set()

    cloud.documents.set_rules("demo", "notes", rules_of_mode("READONLY"))
    await cloud.realtime.watch(ACTORS["other"], TCB, c.Find("notes", {}), Listening())
    cloud.documents.set_rules("demo", "notes", rules_of_mode("ADMINONLY"))
    await asyncio.wait_for(ended.wait(), 5)
    assert cloud.realtime.watching == 0


async def test_guests_are_let_in_where_the_space_says_so(cloud: Cloud) -> None:
    cloud.spaces.set("demo", {"allow_guests": True})
    cloud.documents.set_rules("demo", "notes", rules_of_mode("READONLY"))
    assert await perform(cloud, ACTORS["guest"], "where") == ["mine", "system"]
    for operation in ("add", "update", "remove", "set"):
        with pytest.raises(PermissionDenied):
            await perform(cloud, ACTORS["guest"], operation)
    cloud.documents.set_rules("demo", "notes", PRIVATE)
    with pytest.raises(PermissionDenied):
        await perform(cloud, ACTORS["guest"], "where")
