"""Watching through the service, with a real store that is written to meanwhile."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.documents.test_permission_matrix import Cloud
from yunbox.caller import Caller
from yunbox.documents import commands as c
from yunbox.documents.dialects import TCB
from yunbox.documents.rules import rules_of_mode, security_rules
from yunbox.errors import CollectionNotFound, InvalidRequest, LimitExceeded, NotFound, PermissionDenied, YunboxError
from yunbox.realtime import Batch, Watch
from yunbox.realtime.service import KEPT_BATCHES
from yunbox.spaces.sharing import Share

ADMIN = Caller("admin", "demo")
ME = Caller("user", "demo", user_id="u1", openid="me")


class Client:
    """Follows a watch as the SDKs do: a number that is not the next one is an error."""

    def __init__(self) -> None:
        self.documents: dict[str, Any] = {}
        self.number = 0
        self.batches = 0
        self.error: YunboxError | None = None
        self._moved = asyncio.Event()

    def start(self, watch: Watch) -> None:
        self.documents = {one["_id"]: one for one in watch.initial}
        self.number = watch.number

    def events(self, watch: Watch, batch: Batch) -> None:
        assert batch.number == self.number + 1
        self.number = batch.number
        self.batches += 1
        for event in batch.events:
            if event.queue_type == "dequeue":
                del self.documents[event.id]
            else:
                assert (event.id in self.documents) is (event.queue_type == "update"), event
                self.documents[event.id] = event.document
        self._moved.set()

    def failed(self, watch: Watch, error: YunboxError) -> None:
        self.error = error
        self._moved.set()

    async def until(self, done: Any) -> None:
        while not done():
            self._moved.clear()
            await asyncio.wait_for(self._moved.wait(), 10)


@pytest.fixture
async def cloud(tmp_path: Path) -> AsyncIterator[Cloud]:
    cloud = Cloud(tmp_path)
    await cloud.documents.engine("demo").run(c.CreateCollection("notes"))
    yield cloud
    cloud.close()


async def write(cloud: Cloud, command: c.Command) -> Any:
    return await cloud.documents.run(ADMIN, TCB, command)


async def watch(cloud: Cloud, query: c.Find, caller: Caller = ADMIN) -> tuple[Watch, Client]:
    client = Client()
    started = await cloud.realtime.watch(caller, TCB, query, client)
    client.start(started)
    return started, client


async def test_watchers_that_start_amid_writes_miss_and_repeat_nothing(cloud: Cloud) -> None:
    chance = random.Random(3)
    clients: list[Client] = []

    async def writer(name: int) -> None:
        for step in range(40):
            id = f"{name}-{chance.randint(0, 9)}"
            await write(cloud, c.Update("notes", {"_id": id}, {"$set": {"n": step, "w": name}}, upsert=True))
            if step % 7 == 0:
                await write(cloud, c.Delete("notes", {"_id": id}))

    async def starter() -> None:
        for turn in range(25):
            query = c.Find("notes", {"n": {"$gte": turn % 5}}, limit=0 if turn % 2 else 7)
            clients.append((await watch(cloud, query))[1])

    await asyncio.gather(*(writer(name) for name in range(4)), starter())
    await write(cloud, c.Insert("notes", [{"_id": "~last", "n": 100}]))
    for turn, client in enumerate(clients):
        await client.until(lambda client=client: "~last" in client.documents)
        query = c.Find("notes", {"n": {"$gte": turn % 5}}, sort=[("_id", -1)], limit=0 if turn % 2 else 7)
        found = await cloud.documents.engine("demo").run(query)
        assert client.documents == {one["_id"]: one for one in found}


async def test_a_dropped_connection_is_taken_up_without_loss(cloud: Cloud) -> None:
    started, client = await watch(cloud, c.Find("notes", {}))
    listener: Any = client
    for turn in range(20):
        cloud.realtime.leave(started, listener)
        await write(cloud, c.Insert("notes", [{"_id": f"{turn}-a"}]))
        await write(cloud, c.Insert("notes", [{"_id": f"{turn}-b"}]))
        started, missed = cloud.realtime.resume(ADMIN, started.id, client.number, client)
        for batch in missed:
            client.events(started, batch)
        await client.until(lambda turn=turn: len(client.documents) == 2 * turn + 2)
    assert client.batches <= 40
    assert sorted(client.documents) == sorted(f"{turn}-{part}" for turn in range(20) for part in "ab")


async def test_what_cannot_be_taken_up(cloud: Cloud) -> None:
    started, client = await watch(cloud, c.Find("notes", {}))
    for caller, name, number in (
        (ADMIN, "unknown", 1),
        (Caller("admin", "other"), started.id, 1),
        (ME, started.id, 1),
        (ADMIN, started.id, 99),
        (ADMIN, started.id, -5),
    ):
        with pytest.raises(NotFound):
            cloud.realtime.resume(caller, name, number, client)
    for turn in range(KEPT_BATCHES + 1):
        await write(cloud, c.Insert("notes", [{"_id": str(turn)}]))
    await client.until(lambda: client.number > KEPT_BATCHES)
    with pytest.raises(NotFound):
        cloud.realtime.resume(ADMIN, started.id, 1, client)
    assert len(cloud.realtime.resume(ADMIN, started.id, client.number - 3, client)[1]) == 3


async def test_refused_queries(cloud: Cloud) -> None:
    with pytest.raises(CollectionNotFound):
        await watch(cloud, c.Find("nowhere", {}))
    with pytest.raises(InvalidRequest):
        await watch(cloud, c.Find("notes", {}, limit=201))
    with pytest.raises(InvalidRequest):
        await watch(cloud, c.Find("notes", {}, sort=[(name, 1) for name in "abcdef"]))
    await write(cloud, c.Insert("notes", [{"_id": str(n)} for n in range(5001)]))
    with pytest.raises(LimitExceeded):
        await watch(cloud, c.Find("notes", {}))
    assert cloud.realtime.watching == 0
    started, _ = await watch(cloud, c.Find("notes", {}, limit=2))
    assert [one["_id"] for one in started.initial] == ["999", "998"]


async def test_growing_beyond_the_limit_ends_a_watch(cloud: Cloud) -> None:
    await write(cloud, c.Insert("notes", [{"_id": str(n)} for n in range(5000)]))
    _, client = await watch(cloud, c.Find("notes", {}))
    await write(cloud, c.Insert("notes", [{"_id": "more"}]))
    await client.until(lambda: client.error is not None)
    assert isinstance(client.error, LimitExceeded)
    assert cloud.realtime.watching == 0


async def test_private_documents_reach_only_their_owner(cloud: Cloud) -> None:
    other = Caller("user", "demo", user_id="u2", openid="other")
    _, mine = await watch(cloud, c.Find("notes", {}), ME)
    _, theirs = await watch(cloud, c.Find("notes", {}), other)
    await cloud.documents.run(ME, TCB, c.Insert("notes", [{"_id": "a"}]))
    await cloud.documents.run(other, TCB, c.Insert("notes", [{"_id": "b"}]))
    await mine.until(lambda: mine.documents)
    await theirs.until(lambda: theirs.documents)
    assert (list(mine.documents), list(theirs.documents)) == (["a"], ["b"])
    assert (mine.batches, theirs.batches) == (1, 1)


async def test_transactions_and_drops(cloud: Cloud) -> None:
    started, client = await watch(cloud, c.Find("notes", {}))
    transaction = await cloud.documents.begin(ADMIN)
    for name in "ab":
        insert = c.Insert("notes", [{"_id": name}])
        await cloud.documents.run(ADMIN, TCB, insert, transaction=transaction)
    assert client.documents == {}
    await cloud.documents.commit(ADMIN, transaction)
    await client.until(lambda: len(client.documents) == 2)
    await cloud.documents.drop_collection("demo", "notes")
    await client.until(lambda: not client.documents)
    cloud.realtime.close_watch(started)
    assert cloud.realtime.watching == 0


async def test_equal_queries_share_their_work(cloud: Cloud) -> None:
    cloud.documents.set_rules("demo", "notes", rules_of_mode("READONLY"))
    watches = [await watch(cloud, c.Find("notes", {"n": 1}), ME) for _ in range(5)]
    assert len({id(started.group) for started, _ in watches}) == 1
    await write(cloud, c.Insert("notes", [{"_id": "a", "n": 1}]))
    for _, client in watches:
        await client.until(lambda client=client: client.documents)
    for started, _ in watches:
        cloud.realtime.close_watch(started)
    assert cloud.realtime.watching == 0
    await write(cloud, c.Insert("notes", [{"_id": "b", "n": 1}]))


async def test_a_watch_ends_with_the_grant_it_relies_on(cloud: Cloud) -> None:
    cloud.spaces.create("guest")
    cloud.spaces.sharing.grant("demo", "guest", Share(documents="read", collections=("notes",)))
    visitor = Caller("function", "guest", function="f").from_another("demo")
    _, client = await watch(cloud, c.Find("notes", {}), visitor)
    _, own = await watch(cloud, c.Find("notes", {}))
    cloud.spaces.sharing.revoke("demo", "guest")
    await client.until(lambda: client.error is not None)
    assert isinstance(client.error, PermissionDenied)
    assert own.error is None
    with pytest.raises(PermissionDenied):
        await watch(cloud, c.Find("notes", {}), visitor)


async def test_rules_that_read_other_documents_are_asked_for_each_event(cloud: Cloud) -> None:
    await cloud.documents.engine("demo").run(c.CreateCollection("rooms"))
    await write(cloud, c.Insert("rooms", [{"_id": "open", "closed": False}]))
    rule = "doc.room == 'open' && get('database.rooms.open').closed == false"
    cloud.documents.set_rules("demo", "notes", security_rules({"read": rule}))
    started, client = await watch(cloud, c.Find("notes", {"room": "open"}), ME)
    for number in range(5):
        await write(cloud, c.Insert("notes", [{"_id": str(number), "room": "open"}]))
    await client.until(lambda: len(client.documents) == 5)
    listener: Any = client
    cloud.realtime.leave(started, listener)
    await write(cloud, c.Insert("notes", [{"_id": "missed", "room": "open"}]))
    assert cloud.realtime.resume(ME, started.id, client.number, listener)[1] == []
    await client.until(lambda: "missed" in client.documents)
    await write(cloud, c.Update("rooms", {"_id": "open"}, {"$set": {"closed": True}}))
    await write(cloud, c.Insert("notes", [{"_id": "late", "room": "open"}]))
    await client.until(lambda: client.error is not None)
    assert isinstance(client.error, PermissionDenied)
    assert "late" not in client.documents


async def test_replacements_in_transactions_are_announced_as_such(cloud: Cloud) -> None:
    await write(cloud, c.Insert("notes", [{"_id": "a"}, {"_id": "b"}, {"_id": "c"}]))
    _, client = await watch(cloud, c.Find("notes", {}))
    kinds: dict[str, str] = {}
    deliver = client.events

    def note(watched: Watch, batch: Batch) -> None:
        kinds.update({event.id: event.data_type for event in batch.events})
        deliver(watched, batch)

    client.events = note  # type: ignore[method-assign, assignment]
    transaction = await cloud.documents.begin(ADMIN)
    for command in (
        c.Update("notes", {"_id": "a"}, {"n": 1}),
        c.Update("notes", {"_id": "a"}, {"$set": {"m": 2}}),
        c.Update("notes", {"_id": "b"}, {"$set": {"m": 2}}),
        c.Delete("notes", {"_id": "c"}),
        c.Insert("notes", [{"_id": "c", "again": True}]),
    ):
        await cloud.documents.run(ADMIN, TCB, command, transaction=transaction)
    await cloud.documents.commit(ADMIN, transaction)
    await client.until(lambda: len(kinds) == 3)
    assert kinds == {"a": "replace", "b": "update", "c": "replace"}
    assert client.documents["a"] == {"_id": "a", "n": 1, "m": 2}
