"""Importing and exporting collections, and taking them out of backups, as the administrator."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Mapping
from functools import partial
from typing import Any, BinaryIO, cast

import orjson

from yunbox.documents import commands as c
from yunbox.documents.dialects import MONGO, TCB
from yunbox.documents.query.ejson import from_wire
from yunbox.documents.transfer import FORMATS, MODES, Format, Import, Mode, Report, format_of
from yunbox.errors import InvalidRequest, YunboxError
from yunbox.protocols.manage.errors import error_body
from yunbox.protocols.manage.routing import NDJSON, Call, Row, Stream

_CHUNK = 2**20
_CONTENT_TYPES = {
    "json": NDJSON,
    "array": "application/json; charset=utf-8",
    "csv": "text/csv; charset=utf-8",
    "bson": "application/octet-stream",
}


async def import_documents(call: Call) -> Any:
    """Add the documents in the body, perhaps compressed by gzip.

    ``format`` is ``json`` (JSON Lines or an array), ``csv`` or ``bson``, and by default follows from the name ``file``.
    ``mode`` says what a known ``_id`` is: ``insert`` an error, ``upsert`` a replacement, ``skip`` nothing.
    ``stop_on_error=true`` ends at the first error, ``dry_run=true`` writes nothing, ``create=true`` makes a missing
    collection; ``source`` is its name in an archive of mongodump, which is known by itself; ``ids=object_id`` gives documents without one the ids of mpserverless. Answers what became of it; with ``progress=true`` lines: ``{progress}`` …, then ``{report}`` or ``{error}``.
    """
    format, wanted = _format(call), _import(call)
    file = await _received(call)
    if _flag(call, "progress"):
        return Stream(_importing(call, file, format, wanted))
    with file:
        report = await call.services.transfers.import_file(call.space.id, file, format, wanted)
    return report.to_json()


def _format(call: Call) -> Format:
    format = call.query.get("format") or format_of(call.query.get("file", ""))
    if format not in FORMATS:
        raise InvalidRequest(f"`format` must be one of {', '.join(FORMATS)}, not `{format}`")
    return cast(Format, format)


def _import(call: Call) -> Import:
    mode = call.query.get("mode", "insert")
    if mode not in MODES:
        raise InvalidRequest(f"`mode` must be one of {', '.join(MODES)}, not `{mode}`")
    return Import(
        call.names["collection"],
        cast(Mode, mode),
        stop_on_error=_flag(call, "stop_on_error"),
        dry_run=_flag(call, "dry_run"),
        create=_flag(call, "create"),
        new_id=(MONGO if call.query.get("ids") == "object_id" else TCB).new_id,
        source=call.query.get("source", ""),
    )


def _flag(call: Call, name: str) -> bool:
    return call.query.get(name) == "true"


async def _received(call: Call) -> BinaryIO:
    """The body as a file that has no name, on the disk that holds the space."""
    file = cast(BinaryIO, tempfile.TemporaryFile(dir=call.space.directory))  # noqa: SIM115 - handed to the caller
    try:
        async for chunk in call.request.stream():
            await asyncio.to_thread(file.write, chunk)
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return file


async def _importing(call: Call, file: BinaryIO, format: Format, wanted: Import) -> AsyncIterator[bytes]:
    lines: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
    task = asyncio.create_task(_import_telling(call, file, format, wanted, lines))
    while (line := await lines.get()) is not None:
        yield orjson.dumps(line) + b"\n"
    await task


async def _import_telling(
    call: Call, file: BinaryIO, format: Format, wanted: Import, lines: asyncio.Queue[dict[str, Any] | None]
) -> None:
    loop = asyncio.get_running_loop()

    def progress(report: Report) -> None:
        loop.call_soon_threadsafe(lines.put_nowait, {"progress": _counts(report)})

    try:
        with file:
            report = await call.services.transfers.import_file(call.space.id, file, format, wanted, progress)
        await lines.put({"report": report.to_json()})
    except YunboxError as error:
        await lines.put(error_body(error))
    finally:
        await lines.put(None)


def _counts(report: Report) -> dict[str, int]:
    return {
        "inserted": report.inserted,
        "updated": report.updated,
        "skipped": report.skipped,
        "failed": report.failed,
    }


async def export_documents(call: Call) -> Any:
    """Documents as a file: those that match ``filter``, in the order of ``sort`` or else of ``_id``, ``limit`` at most; with a
    list of ``fields`` (dotted paths, needed by CSV) only these of each. All are of one moment."""
    format = _format(call)
    fields = [name.strip() for name in call.query.get("fields", "").split(",") if name.strip()]
    find = c.Find(
        call.names["collection"],
        from_wire(call.json("filter")),
        sort=call.json("sort") or None,
        skip=call.number("skip", 0),
        limit=call.number("limit", 0),
    )
    file = cast(BinaryIO, tempfile.TemporaryFile(dir=call.space.directory))  # noqa: SIM115 - closed when it is sent
    try:
        count = await call.services.transfers.export_file(call.space.id, find, file, format, fields)
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return Stream(_pieces(file), _CONTENT_TYPES[format], (("X-Document-Count", str(count)),))


async def _pieces(file: BinaryIO) -> AsyncIterator[bytes]:
    with file:
        while piece := await asyncio.to_thread(partial(file.read, _CHUNK)):
            yield piece


async def collections_in_backup(call: Call) -> Any:
    """The collections of the space that a backup holds."""
    found = await call.services.transfers.collections_in(call.space.id, call.names["backup"])
    return [{"name": info.name, "count": info.count, "size": info.size} for info in found]


async def restore_collections(call: Call) -> Any:
    """Copy ``collections`` (``{name: new name}``; ``null`` is ``<name>_bak``) out of a backup while the server goes on."""
    wanted = (await call.body()).get("collections")
    if not isinstance(wanted, Mapping) or not all(isinstance(new, str | None) for new in wanted.values()):
        raise InvalidRequest('`collections` must be an object such as {"todos": "todos_bak"}')
    names = {name: new or f"{name}_bak" for name, new in wanted.items()}
    return await call.services.transfers.restore(call.space.id, call.names["backup"], names)


ROUTES: tuple[Row, ...] = (
    ("POST", "spaces/{space}/collections/{collection}/import", import_documents),
    ("GET", "spaces/{space}/collections/{collection}/export", export_documents),
    ("GET", "spaces/{space}/backups/{backup}", collections_in_backup),
    ("POST", "spaces/{space}/backups/{backup}/restore", restore_collections),
)
