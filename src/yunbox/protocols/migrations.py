"""Collections from and to files in a space's storage: the jobs behind the vendor's migration calls (DBA-1…3)."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Sequence
from typing import Any, BinaryIO, NamedTuple, cast

from yunbox.caller import Caller
from yunbox.documents import commands as c
from yunbox.documents.transfer import Format, Import
from yunbox.documents.transfer.jobs import Work
from yunbox.services import Services
from yunbox.spaces import Space

_KIND = "migration"
_PATIENCE_S = 1.0
_LINK_S = 24 * 3600
_MAX_MESSAGES = 20


class Progress(NamedTuple):
    """What has become of a job. ``status`` is ``waiting``, ``running``, ``done`` or ``failed``; ``link`` is the path of what
    an export has written, good for a day, else empty.
    """

    status: str
    succeeded: int
    failed: int
    message: str
    exports: bool
    link: str


class Migrations:
    """The migration jobs of one space, for one caller. Jobs have numbers of nine digits."""

    def __init__(self, services: Services, space: Space, caller: Caller) -> None:
        self._services = services
        self._space = space
        self._caller = caller

    async def import_file(self, key: str, format: Format, wanted: Import) -> int:
        """Start to add the documents of a stored file to a collection, which must exist; the result is the job.

        Raises:
            FileNotFound, CollectionNotFound.
        """
        services, space_id = self._services, self._space.id
        services.files.stat(space_id, key)
        await services.documents.engine(space_id).run(c.Count(wanted.collection, limit=1))

        async def work() -> dict[str, Any]:
            with services.files.open_file(space_id, key) as file:
                report = await services.transfers.import_file(space_id, file, format, wanted)
            problems = [f"line {error['line']}: {error['message']}" for error in report.errors[:_MAX_MESSAGES]]
            failed = report.stopped or (report.failed and not report.succeeded)
            counts = {"succeeded": report.succeeded, "failed": report.failed, "message": "; ".join(problems)}
            return {**counts, "status": "failed" if failed else "done"}

        return await self._started(work)

    async def export_file(self, find: c.Find, key: str, format: Format, fields: Sequence[str]) -> int:
        """Start to write what a find delivers into a stored file; ``fields`` as in `TransferService.export_file`. The result
        is the job.

        Raises:
            CollectionNotFound, QueryError.
        """
        services, space_id = self._services, self._space.id
        await services.documents.engine(space_id).run(c.Count(find.collection, find.filter, limit=1))

        async def work() -> dict[str, Any]:
            with cast(BinaryIO, tempfile.TemporaryFile(dir=self._space.directory)) as file:
                count = await services.transfers.export_file(space_id, find, file, format, fields)
                file.seek(0)
                await services.files.put_file(self._caller, key, file)
            return {"succeeded": count}

        return await self._started(work, key=key)

    def progress(self, job: str) -> Progress:
        """Raises `NotFound` when there is no such job."""
        row = self._services.transfers.jobs.get(self._space.id, job, _KIND)
        exports = "key" in row
        link = ""
        if exports and row["status"] == "done":
            link = self._services.files.temporary_url(self._space.id, row["key"], _LINK_S)
        return Progress(row["status"], row.get("succeeded", 0), row.get("failed", 0), row["message"], exports, link)

    async def _started(self, work: Work, **content: Any) -> int:
        jobs, job = self._services.transfers.jobs, 10**8 + secrets.randbelow(9 * 10**8)
        jobs.add(self._space.id, str(job), _KIND, **content)
        await jobs.start(self._space.id, str(job), work, _PATIENCE_S)
        return job
