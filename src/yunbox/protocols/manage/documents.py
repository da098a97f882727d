"""Querying, importing and exporting documents as the administrator."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson

from yunbox.documents import commands as c
from yunbox.documents.query.ejson import from_wire
from yunbox.errors import AlreadyExists, InvalidRequest, QueryError
from yunbox.protocols.manage.interchange import Record, read_csv, read_json, readable, write_csv, write_json
from yunbox.protocols.manage.routing import Call, Row, Stream

MAX_IMPORT = 256 * 2**20
"""Largest file that one import takes, in bytes."""
MAX_ERRORS = 100
_BATCH = 500

Run = Callable[[c.Command], Awaitable[Any]]


async def query(call: Call) -> Any:
    """Documents of a collection: ``filter``, ``projection``, ``sort``, ``skip``, ``limit``; or the results of ``pipeline``."""
    content = await call.body()
    name = call.names["collection"]
    run = call.services.documents.engine(call.space.id).run
    if "pipeline" in content:
        command: c.Command = c.Aggregate(name, from_wire(content["pipeline"]), allow_disk_use=True)
    else:
        command = c.Find(
            name,
            from_wire(content.get("filter") or {}),
            projection=content.get("projection"),
            sort=content.get("sort"),
            skip=int(content.get("skip") or 0),
            limit=int(content.get("limit") or 0),
        )
    return [readable(document) for document in await run(command)]


async def count(call: Call) -> Any:
    """How many documents match ``filter``."""
    content = await call.body()
    command = c.Count(call.names["collection"], from_wire(content.get("filter") or {}))
    return {"count": await call.services.documents.engine(call.space.id).run(command)}


# Importing


@dataclass(slots=True)
class Report:
    """What became of an import; ``errors`` holds the first hundred."""

    inserted: int = 0
    updated: int = 0
    failed: int = 0
    errors: list[dict[str, Any]] = field(default_factory=list)

    def fail(self, line: int, message: str) -> None:
        self.failed += 1
        if len(self.errors) < MAX_ERRORS:
            self.errors.append({"line": line, "message": message})


async def import_documents(call: Call) -> Any:
    """Add the documents in the body. ``mode=insert`` counts a document whose ``_id`` exists as failed, ``upsert`` replaces
    it; ``format=json`` (JSON Lines or an array) or ``csv``; ``create=true`` makes a missing collection."""
    text = await _text(call)
    format, mode = call.query.get("format", "json"), call.query.get("mode", "insert")
    if format not in ("json", "csv") or mode not in ("insert", "upsert"):
        raise InvalidRequest("`format` must be json or csv, and `mode` insert or upsert")
    run = call.services.documents.engine(call.space.id).run
    name = call.names["collection"]
    if call.query.get("create") == "true":
        with contextlib.suppress(AlreadyExists):
            await run(c.CreateCollection(name))
    await run(c.Count(name, {}, limit=1))
    records = read_json(text) if format == "json" else read_csv(text)
    report = Report()
    while batch := await asyncio.to_thread(_take, records, report):
        await (_insert if mode == "insert" else _upsert)(run, name, batch, report)
    return {"inserted": report.inserted, "updated": report.updated, "failed": report.failed, "errors": report.errors}


async def _text(call: Call) -> str:
    body = await call.request.body(MAX_IMPORT)
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"the file is not UTF-8: {error} / 文件必须是 UTF-8 编码") from None


_Batch = list[tuple[int, dict[str, Any]]]


def _take(records: Iterator[Record], report: Report) -> _Batch:
    batch: _Batch = []
    for line, document in records:
        if isinstance(document, str):
            report.fail(line, document)
            continue
        batch.append((line, document if "_id" in document else {"_id": secrets.token_hex(16), **document}))
        if len(batch) == _BATCH:
            break
    return batch


async def _insert(run: Run, name: str, batch: _Batch, report: Report) -> None:
    fresh = await _absent(run, name, batch, report)
    try:
        await run(c.Insert(name, [document for _, document in fresh]))
        report.inserted += len(fresh)
    except QueryError:
        await _insert_singly(run, name, fresh, report)


async def _insert_singly(run: Run, name: str, batch: _Batch, report: Report) -> None:
    """Insert what a failed batch left, one by one, so that each failure is told with its line."""
    there = await _existing(run, name, batch)
    for line, document in batch:
        if any(document["_id"] == known for known in there):
            report.inserted += 1
            continue
        try:
            await run(c.Insert(name, [document]))
            report.inserted += 1
        except QueryError as error:
            report.fail(line, error.message)


async def _existing(run: Run, name: str, batch: _Batch) -> list[Any]:
    ids = [document["_id"] for _, document in batch]
    found = await run(c.Find(name, {"_id": {"$in": ids}}, projection={"_id": 1}))
    return [document["_id"] for document in found]


async def _absent(run: Run, name: str, batch: _Batch, report: Report) -> _Batch:
    there = {repr(key) for key in await _existing(run, name, batch)}
    fresh: _Batch = []
    for line, document in batch:
        key = repr(document["_id"])
        if key in there:
            report.fail(line, f"duplicate _id {document['_id']!r} / _id 重复")
        else:
            there.add(key)
            fresh.append((line, document))
    return fresh


async def _upsert(run: Run, name: str, batch: _Batch, report: Report) -> None:
    for line, document in batch:
        try:
            result = await run(c.Update(name, {"_id": document["_id"]}, document, upsert=True))
        except QueryError as error:
            report.fail(line, error.message)
            continue
        if result.upserted:
            report.inserted += 1
        else:
            report.updated += 1


# Exporting


async def export_documents(call: Call) -> Any:
    """Every document (or those matching ``filter``), in the order of ``_id``: JSON Lines, or CSV with a list of ``fields``."""
    format = call.query.get("format", "json")
    fields = [name.strip() for name in call.query.get("fields", "").split(",") if name.strip()]
    if format == "csv" and not fields:
        raise InvalidRequest("CSV needs a list of fields: --fields name,age / 导出 CSV 需要指定字段")
    wanted = from_wire(orjson.loads(call.query.get("filter") or "{}"))
    run = call.services.documents.engine(call.space.id).run
    name = call.names["collection"]
    await run(c.Count(name, {}, limit=1))
    pages = _pages(run, name, wanted, dict.fromkeys(fields, 1) or None)
    if format == "csv":
        return Stream(_csv(pages, fields), "text/csv; charset=utf-8")
    return Stream(_json(pages))


async def _pages(
    run: Run, name: str, wanted: dict[str, Any], projection: dict[str, Any] | None
) -> AsyncIterator[list[dict[str, Any]]]:
    """Pages of the documents that matched when the export began."""
    found = await run(c.Find(name, wanted, projection={"_id": 1}, sort={"_id": 1}))
    ids = [document["_id"] for document in found]
    for start in range(0, len(ids), _BATCH):
        page = {"_id": {"$in": ids[start : start + _BATCH]}}
        yield await run(c.Find(name, page, projection=projection, sort={"_id": 1}))


async def _json(pages: AsyncIterator[list[dict[str, Any]]]) -> AsyncIterator[bytes]:
    async for page in pages:
        yield await asyncio.to_thread(write_json, page)


async def _csv(pages: AsyncIterator[list[dict[str, Any]]], fields: list[str]) -> AsyncIterator[bytes]:
    yield (",".join(fields) + "\n").encode()
    async for page in pages:
        yield await asyncio.to_thread(write_csv, page, fields)


ROUTES: tuple[Row, ...] = (
    ("POST", "spaces/{space}/collections/{collection}/query", query),
    ("POST", "spaces/{space}/collections/{collection}/count", count),
    ("POST", "spaces/{space}/collections/{collection}/import", import_documents),
    ("GET", "spaces/{space}/collections/{collection}/export", export_documents),
)
