"""Imports, exports and restores, each in a thread beside the requests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from yunbox.documents import commands as c
from yunbox.documents.rules.permit import OWNER
from yunbox.documents.service import DocumentService
from yunbox.documents.stores import Engine
from yunbox.errors import InvalidRequest
from yunbox.spaces import SpaceService

from . import backups
from .dumps import archive_in, make_indexes
from .formats import Format
from .importing import Import, Progress, Report, import_records
from .jobs import Jobs
from .reading import read_records
from .writing import check_fields, write_documents

T = TypeVar("T")

_THREADS = 4


class TransferService:
    """Documents in and out of all spaces as an administrator. ``data`` is where backups are kept."""

    def __init__(self, documents: DocumentService, spaces: SpaceService, data: Path) -> None:
        self.jobs = Jobs(spaces)
        self._documents = documents
        self._spaces = spaces
        self._data = data
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="document-transfer")

    async def close(self) -> None:
        """Give up jobs and wait for what is being written."""
        await self.jobs.close()
        await asyncio.to_thread(self._pool.shutdown)

    async def _aside(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    async def import_file(
        self, space_id: str, file: BinaryIO, format: Format, wanted: Import, progress: Progress | None = None
    ) -> Report:
        """Write the records of a file; ``progress`` is called in another thread. An archive of mongodump is known by itself,
        and its indexes are made after its documents. Raises as ``import_records`` does, and

        Raises:
            InvalidRequest: when the file cannot be read at all.
            QuotaExceeded: when the space is full before the import begins.
        """
        if not wanted.dry_run:
            self._documents.check_room(space_id)
        engine = self._documents.engine(space_id)
        report = await self._aside(lambda: _imported(engine, file, format, wanted, progress))
        if not wanted.dry_run and await engine.run(c.Count(wanted.collection, {OWNER: {"$exists": True}}, limit=1)):
            self._documents.owner_fields.add(space_id, wanted.collection)
        return report

    async def export_file(
        self, space_id: str, find: c.Find, file: BinaryIO, format: Format, fields: Sequence[str] = ()
    ) -> int:
        """Write what ``find`` finds, all of one moment, in its order (by ``_id`` unless it has one); how many there were.

        ``fields`` (dotted paths) are the columns of CSV, and all that is written of each document beside ``_id``.

        Raises:
            CollectionNotFound, QueryError, InvalidRequest.
        """
        check_fields(format, fields)
        for path in fields:
            if not path or path.startswith((".", "$")) or path.endswith("."):
                raise InvalidRequest(f"`{path}` cannot be a field / 字段名 `{path}` 不合法")
        engine = self._documents.engine(space_id)
        projection = find.projection or dict.fromkeys(fields, 1) or None
        command = c.Find(
            find.collection,
            find.filter,
            projection=projection,
            sort=find.sort or {"_id": 1},
            skip=find.skip,
            limit=find.limit,
            raw=True,
        )
        return await self._aside(lambda: write_documents(engine.stream(command), file, format, fields))

    # Backups

    async def collections_in(self, space_id: str, backup: str) -> list[c.CollectionInfo]:
        """The collections of a space in a backup.

        Raises:
            NotFound: when there is no such backup.
        """
        return await self._aside(lambda: backups.collections_in(backups.find_backup(self._data, backup), space_id))

    def check_new_names(self, space_id: str, names: Mapping[str, str]) -> None:
        """Raises `InvalidRequest` or `AlreadyExists` as :meth:`restore` would."""
        backups.check_restore(self._documents.engine(space_id), names)

    async def restore(self, space_id: str, backup: str, names: Mapping[str, str]) -> dict[str, Any]:
        """Copy collections out of a backup under new names, with the rules that they have now; requests go on meanwhile.

        Raises:
            NotFound: when the backup, or a collection in it, does not exist.
            AlreadyExists: when a new name is taken.
        """
        engine = self._documents.engine(space_id)

        def work() -> int:
            return backups.restore_collections(backups.find_backup(self._data, backup), space_id, engine, names)

        count = await self._aside(work)
        for name, new in names.items():
            if self._spaces.rule(space_id, "collection", name) is not None:
                self._documents.set_rules(space_id, new, self._documents.rules(space_id, name))
        return {"restored": dict(names), "documents": count}


def _imported(engine: Engine, file: BinaryIO, format: Format, wanted: Import, progress: Progress | None) -> Report:
    archive = archive_in(file)
    if archive is None:
        return import_records(engine, read_records(file, format), wanted, progress)
    name = archive.find(wanted.source, wanted.collection)
    report = import_records(engine, archive.records(name), wanted, progress)
    if not (wanted.dry_run or report.stopped):
        report.indexes, report.index_errors = make_indexes(engine, wanted.collection, archive.indexes(name))
    return report
