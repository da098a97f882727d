"""The slow-query log: what took long, and the index that would help."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .access import leaves_of
from .filters import LEAVES, Parsed, Tree

SLOW_SECONDS = 0.2
KEPT = 200

_log = logging.getLogger("yunbox.documents")


@dataclass(frozen=True, slots=True)
class SlowQuery:
    """A command that took long. ``suggestion`` is the key document of an index that would serve it, or ``None``."""

    collection: str
    command: str
    filter: dict[str, Any]
    sort: Any
    milliseconds: float
    suggestion: dict[str, int] | None


class SlowQueries:
    """The last slow queries of a file. ``known`` gives the keys of the indexes that a collection has."""

    def __init__(self, known: Callable[[str], Iterable[Mapping[str, Any]]]) -> None:
        self._kept: deque[SlowQuery] = deque(maxlen=KEPT)
        self._known = known

    def noting(self, space: str, command: Any) -> _Noting:
        """Note a command if it takes long."""
        return _Noting(self, space, command)

    def note(self, space: str, command: Any, seconds: float) -> None:
        """Remember and log a command if it was slow."""
        if seconds < SLOW_SECONDS or not (hasattr(command, "filter") or hasattr(command, "pipeline")):
            return
        filter = getattr(command, "filter", None) or _first_match(command)
        sort = getattr(command, "sort", None)
        suggestion = suggested_index(filter, sort, self._known(command.collection))
        slow = SlowQuery(command.collection, type(command).__name__, filter, sort, seconds * 1000, suggestion)
        self._kept.append(slow)
        hint = f"; an index {suggestion} would help" if suggestion else ""
        _log.warning(
            "slow %s on %s/%s: %.0f ms, fields %s%s",
            slow.command,
            space,
            slow.collection,
            slow.milliseconds,
            sorted(filter),
            hint,
        )

    def list(self) -> list[SlowQuery]:
        """The slow queries, oldest first."""
        return list(self._kept)


class _Noting:
    __slots__ = ("_command", "_queries", "_space", "_started")

    def __init__(self, queries: SlowQueries, space: str, command: Any) -> None:
        self._queries, self._space, self._command = queries, space, command

    def __enter__(self) -> None:
        self._started = time.perf_counter()

    def __exit__(self, *error: object) -> None:
        self._queries.note(self._space, self._command, time.perf_counter() - self._started)


def _first_match(command: Any) -> dict[str, Any]:
    for stage in getattr(command, "pipeline", ())[:1]:
        match = stage.get("$match")
        return match if isinstance(match, dict) else {}
    return {}


def suggested_index(
    filter: dict[str, Any], sort: Any = None, known: Iterable[Mapping[str, Any]] = ()
) -> dict[str, int] | None:
    """Equalities first, then the sort, then one range: the usual order of a compound index. ``None`` when one of the
    ``known`` begins so: then it is not for want of an index.
    """
    leaves = [leaf for leaf in leaves_of(Parsed(filter).tree) if leaf[0] in LEAVES]
    equal = [_path(leaf) for leaf in leaves if leaf[0] == "eq"]
    ranges = [_path(leaf) for leaf in leaves if leaf[0] in ("gt", "gte", "lt", "lte", "in", "prefix")]
    keys: dict[str, int] = dict.fromkeys(equal, 1)
    pairs = dict(sort).items() if sort else ()
    for path, direction in pairs:
        if isinstance(direction, int | float):
            keys.setdefault(path, 1 if direction > 0 else -1)
    for path in ranges[:1]:
        keys.setdefault(path, 1)
    keys.pop("_id", None)
    wanted = list(keys)
    if not wanted or any(list(one)[: len(wanted)] == wanted for one in known):
        return None
    return keys


def _path(leaf: Tree) -> str:
    return ".".join(leaf[1])
