"""Work that goes on after its request was answered: imports, exports and restores, with a status to ask for."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from yunbox.errors import NotFound, YunboxError
from yunbox.spaces import SpaceService

_RESOURCE = "jobs"
_NAME = "list"
_KEPT_S = 7 * 24 * 3600
_KEPT = 200

Row = dict[str, Any]
Work = Callable[[], Awaitable[Mapping[str, Any]]]

_log = logging.getLogger("yunbox.documents")


class Jobs:
    """The jobs of all spaces. A row has ``kind``, ``status`` (``waiting``, ``running``, ``done``, ``failed``), ``at`` (seconds
    since 1970), ``message``, and what its work returned; rows are kept for a week and survive a restart."""

    def __init__(self, spaces: SpaceService) -> None:
        self._spaces = spaces
        self._tasks: dict[tuple[str, str], asyncio.Task[None]] = {}

    def add(self, space_id: str, job: str, kind: str, **content: Any) -> None:
        """Record a job that waits to be started."""
        self._put(space_id, job, {"kind": kind, "status": "waiting", "message": "", "at": time.time(), **content})

    async def start(self, space_id: str, job: str, work: Work, patience: float) -> None:
        """Start a waiting job's work, and wait up to ``patience`` seconds for its end. What it returns is added to the row.

        Raises:
            NotFound: when there is no such job.
        """
        row = self._row(space_id, job)
        if row["status"] != "waiting":
            return
        self._put(space_id, job, {**row, "status": "running"})
        task = asyncio.create_task(self._run(space_id, job, work))
        self._tasks[space_id, job] = task
        await asyncio.wait([task], timeout=patience)

    def get(self, space_id: str, job: str, kind: str) -> Row:
        """The row of a job; one that a restart interrupted has failed.

        Raises:
            NotFound: when there is none of this kind.
        """
        row = self._row(space_id, job)
        if row["kind"] != kind:
            raise _unknown(job)
        if row["status"] == "running" and (space_id, job) not in self._tasks:
            return {**row, "status": "failed", "message": "the server was restarted meanwhile / 服务器曾重启"}
        return row

    async def close(self) -> None:
        """Give up what runs."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, space_id: str, job: str, work: Work) -> None:
        outcome: Mapping[str, Any]
        try:
            outcome = {"status": "done", **await work()}
        except YunboxError as error:
            outcome = {"status": "failed", "message": error.message}
        except Exception:
            _log.exception("job %s of space %s failed", job, space_id)
            outcome = {"status": "failed", "message": "internal error; the server's log has it / 服务器内部错误"}
        finally:
            self._tasks.pop((space_id, job), None)
        if space_id in self._spaces:
            self._put(space_id, job, {**self._row(space_id, job), **outcome})

    def _rows(self, space_id: str) -> dict[str, Row]:
        return self._spaces.rule(space_id, _RESOURCE, _NAME) or {}

    def _row(self, space_id: str, job: str) -> Row:
        row = self._rows(space_id).get(job)
        if row is None:
            raise _unknown(job)
        return row

    def _put(self, space_id: str, job: str, row: Row) -> None:
        rows = {**self._rows(space_id), job: row}
        oldest = time.time() - _KEPT_S
        fresh = [(name, one) for name, one in rows.items() if one["at"] > oldest or name == job]
        self._spaces.set_rule(space_id, _RESOURCE, _NAME, dict(fresh[-_KEPT:]))


def _unknown(job: str) -> NotFound:
    return NotFound(f"task `{job}` does not exist / 任务不存在", job=job)
