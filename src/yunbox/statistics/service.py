"""Counting what callers do, cheaply, and what their analytics SDKs report."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from yunbox.caller import Caller
from yunbox.spaces import SpaceService
from yunbox.statistics.calendar import day_of
from yunbox.statistics.store import Counted, Kind, Report, StatisticsStore, Total, UserDay

MAX_PENDING_REPORTS = 10_000
MAX_PENDING_TOTALS = 20_000
MAX_NAME = 128
MAX_SERIES = 5_000
"""Counted things that :meth:`StatisticsService.since_start` tells apart; the rest counts under no name."""

Follower = Callable[[str, Kind, bool, int, float], None]
"""Day, kind, whether it failed, bytes sent, GB-seconds."""


@dataclass(slots=True)
class _Pending:
    """What was counted in one space since it was last written."""

    totals: dict[tuple[str, Kind, str, str, str], Total] = field(default_factory=dict)
    """By the fields of :class:`Counted`."""
    users: set[tuple[str, str]] = field(default_factory=set)
    reports: list[Report] = field(default_factory=list)


class StatisticsService:
    """Counters of all spaces. Counting only touches memory; a thread writes every ``interval`` seconds, so a crash loses
    at most that much. Days are those of Asia/Shanghai.
    """

    def __init__(self, spaces: SpaceService, *, interval: float = 30.0, clock: Callable[[], float] = time.time) -> None:
        self._spaces = spaces
        self._clock = clock
        self._interval = interval
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._pending: dict[str, _Pending] = {}
        self._stores: dict[str, StatisticsStore] = {}
        self._followers: dict[str, Follower] = {}
        self._since_start: dict[tuple[str, Kind, str], Total] = {}
        self._stopped = threading.Event()
        self._writer: threading.Thread | None = None
        spaces.on_delete(self._forget)

    def count(
        self,
        caller: Caller,
        kind: Kind,
        name: str,
        *,
        failed: bool = False,
        duration_ms: float = 0.0,
        received: int = 0,
        sent: int = 0,
        gb_seconds: float = 0.0,
    ) -> None:
        """Count one use of ``name`` (a method, a function, a collection …) by ``caller``.

        Clients choose names and app ids, so past a number of them the rest counts together under no name.
        """
        day = self.today()
        key = (day, kind, name[:MAX_NAME], (caller.app_id or "")[:MAX_NAME], caller.provider or "")
        with self._lock:
            pending = self._pending_of(caller.space)
            total = pending.totals.get(key)
            if total is None:
                if len(pending.totals) >= MAX_PENDING_TOTALS:
                    key = (day, kind, "", "", "")
                total = pending.totals.setdefault(key, Total())
            total.calls += 1
            total.errors += failed
            total.duration_ms += duration_ms
            if duration_ms > total.slowest_ms:
                total.slowest_ms = duration_ms
            total.received += received
            total.sent += sent
            total.gb_seconds += gb_seconds
            if caller.kind == "user" and caller.user_id:
                pending.users.add((day, caller.user_id))
        if self._followers and (follower := self._followers.get(caller.space)) is not None:
            follower(day, kind, failed, sent, gb_seconds)

    def follow(self, space: str, follower: Follower | None) -> None:
        """Call ``follower`` after each count in a space, from now on; ``None`` ends it."""
        if follower is None:
            self._followers.pop(space, None)
        else:
            self._followers[space] = follower

    def today(self) -> str:
        """The day that is counted for now."""
        return day_of(self._clock())

    def keep(self, caller: Caller, content: Mapping[str, Any]) -> None:
        """Keep what a client reports about itself: sessions, pages, events. When too much waits, the newest is dropped."""
        report = Report(int(self._clock() * 1000), caller.user_id or "", caller.app_id or "", content)
        with self._lock:
            pending = self._pending_of(caller.space)
            if len(pending.reports) < MAX_PENDING_REPORTS:
                pending.reports.append(report)

    def totals(self, space: str, since: str, until: str, kind: Kind | None = None) -> list[tuple[Counted, Total]]:
        """Counts of the days from ``since`` to ``until`` (``2026-11-21``, both included).

        Raises:
            SpaceNotFound: when there is no such space.
        """
        self.flush(space)
        return list(self._store(space).totals(since, until, kind))

    def sums(self, space: str, since: str, until: str) -> dict[str, Total]:
        """The same, added up by kind."""
        self.flush(space)
        return self._store(space).sums(since, until)

    def since_start(self) -> dict[tuple[str, Kind, str], Total]:
        """What was counted since this process began, by space, kind and name: for monitoring, so it only ever grows."""
        self.flush()
        with self._writing:
            return {key: replace(total) for key, total in self._since_start.items()}

    def users(self, space: str, since: str, until: str) -> list[UserDay]:
        """Active and new users of each day that had any."""
        self.flush(space)
        return self._store(space).users(since, until)

    def reports(self, space: str, since: str, until: str, limit: int = 100) -> list[Report]:
        """What clients reported, the newest first."""
        self.flush(space)
        return self._store(space).reports(since, until, limit)

    def flush(self, space: str | None = None) -> None:
        """Write what was counted until now, in one space or in all."""
        with self._writing:
            with self._lock:
                wanted = list(self._pending) if space is None else [space]
                pending = {name: self._pending.pop(name) for name in wanted if name in self._pending}
            for name, counted in pending.items():
                if name in self._spaces:
                    totals = {Counted(*key): total for key, total in counted.totals.items()}
                    self._store(name).add(totals, counted.users, counted.reports)
                    self._remember(name, totals)

    def _remember(self, space: str, totals: Mapping[Counted, Total]) -> None:
        for counted, total in totals.items():
            key = (space, counted.kind, counted.name)
            if key not in self._since_start and len(self._since_start) >= MAX_SERIES:
                key = (space, counted.kind, "")
            self._since_start.setdefault(key, Total()).add(total)

    def close(self) -> None:
        """Write what is left and close every file."""
        self._stopped.set()
        if self._writer is not None:
            self._writer.join()
        self.flush()
        for store in self._stores.values():
            store.close()
        self._stores.clear()

    def _pending_of(self, space: str) -> _Pending:
        if self._writer is None and not self._stopped.is_set():
            self._writer = threading.Thread(target=self._write_regularly, name="yunbox-statistics", daemon=True)
            self._writer.start()
        pending = self._pending.get(space)
        if pending is None:
            pending = self._pending[space] = _Pending()
        return pending

    def _write_regularly(self) -> None:
        while not self._stopped.wait(self._interval):
            self.flush()

    def _store(self, space: str) -> StatisticsStore:
        store = self._stores.get(space)
        if store is None:
            store = self._stores[space] = StatisticsStore(self._spaces.get(space).directory / "statistics.sqlite")
        return store

    def _forget(self, space: str) -> None:
        with self._writing:
            with self._lock:
                self._pending.pop(space, None)
            if store := self._stores.pop(space, None):
                store.close()
            self._followers.pop(space, None)
            self._since_start = {key: total for key, total in self._since_start.items() if key[0] != space}
