"""Watching queries: everybody who watches the same query of the same rights shares one window and one event log."""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from yunbox.caller import Caller
from yunbox.documents import commands as c
from yunbox.documents.changes import Change
from yunbox.documents.dialects import Dialect
from yunbox.documents.query import ejson
from yunbox.documents.query.match import compile_filter
from yunbox.documents.query.sort import compile_sort, normalize_sort
from yunbox.documents.service import DocumentService
from yunbox.errors import InvalidRequest, NotFound, YunboxError
from yunbox.realtime.window import Document, Event, Window
from yunbox.spaces import SpaceService

KEPT_SECONDS = 300
"""How long a watch whose connection was lost can be taken up again."""

KEPT_BATCHES = 1000
MAX_LIMIT = 200
MAX_SORTS = 5


class Listener(Protocol):
    """Where the events of a watch go. Called on the event loop; must not block."""

    def events(self, watch: Watch, batch: Batch) -> None: ...

    def failed(self, watch: Watch, error: YunboxError) -> None: ...


@dataclass(frozen=True, slots=True)
class Batch:
    """Events that happened together. ``number`` grows by one from batch to batch of a query.

    ``encoded`` is for the protocol: what it makes of the events, once for all watchers.
    """

    number: int
    events: tuple[Event, ...]
    at: float
    encoded: dict[str, Any] = field(default_factory=dict, compare=False)


@dataclass(slots=True, eq=False)
class Watch:
    """One client watching one query. ``initial`` and ``number`` are what it starts from."""

    id: str
    caller: Caller
    dialect: Dialect
    query: c.Find
    group: _Group
    listener: Listener | None
    initial: list[Document]
    number: int
    expiry: asyncio.TimerHandle | None = None
    waiting: deque[Batch] = field(default_factory=deque)
    """What the rules are asked about before it is delivered."""


class _Group:
    """A watched query: its window, its log and who watches."""

    def __init__(self, key: str, find: c.Find, window: Window) -> None:
        self.key = key
        self.find = find
        self.window = window
        self.watches: dict[str, Watch] = {}
        self.batches: deque[Batch] = deque(maxlen=KEPT_BATCHES)
        self.number = 1
        self.early: list[Change] | None = []
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def since(self, number: int) -> list[Batch]:
        """What came after ``number``.

        Raises:
            NotFound: when the log does not reach back that far.
        """
        missed = self.number - number
        if missed < 0 or missed > len(self.batches):
            raise NotFound("the watch cannot go on from there; start it again / 监听已失效，请重新监听", reason="watch")
        return list(self.batches)[len(self.batches) - missed :]


class _Feed:
    """The changes of one space, brought from the writing thread to the event loop in order."""

    def __init__(self, deliver: Callable[[list[Change]], None]) -> None:
        self._deliver = deliver
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[Change] = deque()
        self.stop: Callable[[], None] = lambda: None
        self.groups: dict[str, dict[str, _Group]] = {}

    def __call__(self, change: Change) -> None:
        """Called in the writing thread."""
        self._waiting.append(change)
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._drain)

    def _drain(self) -> None:
        changes = []
        while self._waiting:
            changes.append(self._waiting.popleft())
        if changes:
            self._deliver(changes)


class RealtimeService:
    """Watches of all spaces. Use from one event loop."""

    def __init__(self, documents: DocumentService, spaces: SpaceService) -> None:
        self._documents = documents
        self._feeds: dict[str, _Feed] = {}
        self._watches: dict[str, Watch] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        spaces.on_delete(self._forget_space)
        documents.on_rules(self._rules_changed)
        spaces.sharing.on_change(self._grants_changed)

    async def watch(self, caller: Caller, dialect: Dialect, query: c.Find, listener: Listener) -> Watch:
        """Watch a query: its filter, sort (newest ``_id`` first when there is none) and limit.

        The result starts from ``initial``; whatever is committed after that reaches ``listener``, in order and once.

        Raises:
            PermissionDenied, CollectionNotFound, QueryError: as reading would.
            LimitExceeded: when too many documents match.
            QuotaExceeded: when the space may read no more.
            InvalidRequest: for a limit or a sort that is too long.
        """
        find = _checked(query)
        narrowed = await self._documents.narrow(caller, dialect, find)
        assert isinstance(narrowed, c.Find)
        find = _complete(find, narrowed.filter)
        self._documents.count_watch(caller, find.collection)
        group = await self._group(caller.space, find)
        watch = Watch(
            id=secrets.token_hex(12),
            caller=caller,
            dialect=dialect,
            query=query,
            group=group,
            listener=listener,
            initial=list(group.window.visible),
            number=group.number,
        )
        group.watches[watch.id] = self._watches[watch.id] = watch
        return watch

    def resume(self, caller: Caller, watch_id: str, number: int, listener: Listener) -> tuple[Watch, list[Batch]]:
        """Take up a watch after batch ``number``: what was missed; the rest reaches ``listener``.

        Raises:
            NotFound: when there is no such watch of this caller (any more), or it missed too much.
        """
        watch = self._watches.get(watch_id)
        if watch is None or (watch.caller.space, watch.caller.owner) != (caller.space, caller.owner):
            raise NotFound("the watch has ended; start it again / 监听已失效，请重新监听", reason="watch")
        missed = watch.group.since(number)
        if watch.expiry is not None:
            watch.expiry.cancel()
            watch.expiry = None
        watch.listener = listener
        if not caller.is_admin and self._is_judged(watch):
            for batch in missed:
                self._publish_judged(watch, batch)
            return watch, []
        return watch, missed

    def leave(self, watch: Watch, listener: Listener) -> None:
        """The connection of a watch was lost: it can be taken up for some minutes."""
        if watch.listener is not listener or watch.id not in self._watches:
            return
        watch.listener = None
        watch.waiting.clear()
        watch.expiry = asyncio.get_running_loop().call_later(KEPT_SECONDS, self.close_watch, watch)

    def close_watch(self, watch: Watch) -> None:
        """End a watch for good."""
        if watch.expiry is not None:
            watch.expiry.cancel()
        self._watches.pop(watch.id, None)
        watch.group.watches.pop(watch.id, None)
        if not watch.group.watches:
            self._drop_group(watch.caller.space, watch.group)

    @property
    def watching(self) -> int:
        """How many watches there are."""
        return len(self._watches)

    def close(self) -> None:
        """End all watches."""
        for watch in list(self._watches.values()):
            self.close_watch(watch)

    # Groups

    async def _group(self, space: str, find: c.Find) -> _Group:
        key = ejson.dumps([find.filter, [list(pair) for pair in normalize_sort(find.sort or [])], find.limit]).decode()
        feed = self._feed(space)
        groups = feed.groups.setdefault(find.collection, {})
        group = groups.get(key)
        if group is None:
            window = Window(compile_filter(find.filter), compile_sort(find.sort or []), find.limit)
            group = groups[key] = _Group(key, find, window)
            try:
                await self._fill(space, group)
            except BaseException as error:
                self._drop_group(space, group)
                group.ready.set_exception(error)
                group.ready.exception()
                raise
            group.ready.set_result(None)
        else:
            await asyncio.shield(group.ready)
        return group

    async def _fill(self, space: str, group: _Group) -> None:
        """Read the result; changes that came meanwhile are applied to it, because they may or may not be in it."""
        group.window.fill(await self._read(space, group))
        early, group.early = group.early or [], None
        for change in early:
            group.window.apply(change)

    async def _read(self, space: str, group: _Group) -> list[Document]:
        engine = self._documents.engine(space)
        find = group.find
        reads = c.Find(find.collection, find.filter, sort=find.sort, limit=group.window.reads)
        documents: list[Document] = await engine.run(reads)
        # A write that changes nothing waits for the writer, so that every change in the result has been announced.
        await engine.run(c.Delete(find.collection, {"_id": {"$in": []}}, missing_ok=True))
        return documents

    def _drop_group(self, space: str, group: _Group) -> None:
        feed = self._feeds.get(space)
        if feed is None:
            return
        groups = feed.groups.get(group.find.collection, {})
        if groups.get(group.key) is group:
            del groups[group.key]
        if not groups:
            feed.groups.pop(group.find.collection, None)
        if not feed.groups:
            feed.stop()
            self._feeds.pop(space, None)

    def _feed(self, space: str) -> _Feed:
        feed = self._feeds.get(space)
        if feed is None:
            feed = self._feeds[space] = _Feed(lambda changes: self._deliver(space, changes))
            feed.stop = self._documents.engine(space).subscribe(feed)
        return feed

    # Changes

    def _deliver(self, space: str, changes: list[Change]) -> None:
        feed = self._feeds.get(space)
        if feed is None:
            return
        by_collection: dict[str, list[Change]] = {}
        for change in changes:
            by_collection.setdefault(change.collection, []).append(change)
        for collection, mine in by_collection.items():
            for group in list(feed.groups.get(collection, {}).values()):
                self._advance(space, group, mine)

    def _advance(self, space: str, group: _Group, changes: list[Change]) -> None:
        if group.early is not None:
            group.early += changes
            return
        try:
            events = [event for change in changes for event in group.window.apply(change)]
        except YunboxError as error:
            self._fail(group, error)
            return
        self._publish(group, events)
        if group.window.is_short:
            self._refill(space, group)

    def _publish(self, group: _Group, events: list[Event]) -> None:
        if not events:
            return
        group.number += 1
        batch = Batch(group.number, tuple(events), asyncio.get_running_loop().time())
        group.batches.append(batch)
        watches = list(group.watches.values())
        judged = bool(watches) and self._is_judged(watches[0])
        for watch in watches:
            if watch.listener is not None and judged and not watch.caller.is_admin:
                self._publish_judged(watch, batch)
            elif watch.listener is not None:
                watch.listener.events(watch, batch)

    def _is_judged(self, watch: Watch) -> bool:
        return self._documents.may_change(watch.caller.space, watch.query.collection)

    def _publish_judged(self, watch: Watch, batch: Batch) -> None:
        """Deliver a batch after the rules have been asked again; batches wait for each other."""
        watch.waiting.append(batch)
        if len(watch.waiting) == 1:
            self._start(self._deliver_judged(watch))

    async def _deliver_judged(self, watch: Watch) -> None:
        while watch.waiting:
            await self._recheck(watch)
            if watch.id not in self._watches or watch.listener is None:
                watch.waiting.clear()
                return
            if watch.waiting:
                watch.listener.events(watch, watch.waiting.popleft())

    def _fail(self, group: _Group, error: YunboxError) -> None:
        for watch in list(group.watches.values()):
            self._end(watch, error)

    def _end(self, watch: Watch, error: YunboxError) -> None:
        self.close_watch(watch)
        if watch.listener is not None:
            watch.listener.failed(watch, error)

    def _refill(self, space: str, group: _Group) -> None:
        """Documents left a limited window faster than spare ones were held: read it again."""
        group.early = []

        async def again() -> None:
            try:
                documents = await self._read(space, group)
                early, group.early = group.early or [], None
                events = group.window.refill(documents)
                events += [event for change in early for event in group.window.apply(change)]
                self._publish(group, events)
            except YunboxError as error:
                self._fail(group, error)

        self._start(again())

    # Rules and spaces

    def _rules_changed(self, space: str, collection: str) -> None:
        watches = [
            watch
            for watch in self._watches.values()
            if watch.caller.space == space and watch.query.collection == collection
        ]
        for watch in watches:
            self._start(self._recheck(watch))

    def _grants_changed(self, space: str) -> None:
        for watch in self._watches.values():
            if watch.caller.space == space and watch.caller.grantee is not None:
                self._start(self._recheck(watch))

    async def _recheck(self, watch: Watch) -> None:
        """New rules hold at once: a watch that they refuse, or would narrow, ends."""
        try:
            find = _checked(watch.query)
            narrowed = await self._documents.narrow(watch.caller, watch.dialect, find)
            assert isinstance(narrowed, c.Find)
            if _complete(find, narrowed.filter) != watch.group.find:
                raise InvalidRequest(
                    "the rules have changed; start the watch again / 权限已变更，请重新监听", reason="watch"
                )
        except YunboxError as error:
            self._end(watch, error)

    def _start(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _forget_space(self, space: str) -> None:
        feed = self._feeds.pop(space, None)
        if feed is not None:
            feed.stop()
        for watch in [watch for watch in self._watches.values() if watch.caller.space == space]:
            self._watches.pop(watch.id, None)


def _checked(query: c.Find) -> c.Find:
    if query.limit > MAX_LIMIT:
        raise InvalidRequest(f"a watched query has a limit of at most {MAX_LIMIT} / 监听的 limit 不能超过 {MAX_LIMIT}")
    if query.sort and len(normalize_sort(query.sort)) > MAX_SORTS:
        raise InvalidRequest(
            f"a watched query is sorted by at most {MAX_SORTS} fields / 监听最多按 {MAX_SORTS} 个字段排序"
        )
    return query


def _complete(find: c.Find, filter: dict[str, Any]) -> c.Find:
    """The query with a total order: the newest id first where nothing else decides (WATCH-1)."""
    sort = normalize_sort(find.sort or [])
    if not any(path == "_id" for path, _ in sort):
        sort.append(("_id", -1))
    return c.Find(find.collection, filter, sort=sort, limit=find.limit)
