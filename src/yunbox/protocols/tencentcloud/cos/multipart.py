"""Large objects in parts, which are kept beside the space's files until they are put together or a week is over."""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets
import shutil
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson

from yunbox.files import check_key
from yunbox.http import Response
from yunbox.protocols.tcb.objects import kept_headers
from yunbox.protocols.tencentcloud import packages
from yunbox.protocols.tencentcloud.cos import xml
from yunbox.protocols.tencentcloud.cos.call import Call, moment
from yunbox.protocols.tencentcloud.cos.errors import ObjectError
from yunbox.protocols.tencentcloud.cos.objects import lower_headers

_MOST_PARTS = 10_000
_KEPT_S = 7 * 24 * 3600
_ID = re.compile(r"[0-9a-f]{32}")
_PIECE = 2**20


async def begin(call: Call) -> Response:
    """A new upload."""
    if call.place.files is not None:
        call.place.files.prepare_upload(call.place.caller, check_key(call.key))
    fields = lower_headers(call)
    note = {
        "bucket": call.place.bucket,
        "key": call.key,
        "type": fields.get("content-type", ""),
        "headers": kept_headers(fields),
        "at": int(time.time() * 1000),
    }
    upload_id = secrets.token_hex(16)
    await asyncio.to_thread(_make, _root(call), upload_id, note)
    return xml.write(
        "InitiateMultipartUploadResult", {"Bucket": call.place.bucket, "Key": call.key, "UploadId": upload_id}
    )


async def put_part(call: Call) -> Response:
    """Keep one part; a part that is sent again replaces the one before."""
    folder, _ = _upload(call)
    number = call.number("partNumber", 0, 2**31)
    if not 1 <= number <= _MOST_PARTS:
        raise ObjectError(400, "InvalidArgument", f"partNumber must be 1 to {_MOST_PARTS} / 分块编号错误")
    limit = call.services.settings.max_upload_mb * 2**20
    digest = await _write_part(call.stream(), folder / f"{number}.{secrets.token_hex(4)}.new", limit)
    return Response(b"", 200, "", (("etag", f'"{digest}"'),))


async def list_parts(call: Call) -> Response:
    """The parts that are there, in order."""
    folder, note = _upload(call)
    after, most = call.number("part-number-marker", 0, 2**31), call.number("max-parts", 1000, 1000)
    parts = [part for part in sorted(_parts(folder).items()) if part[0] > after]
    shown = [
        {
            "PartNumber": number,
            "LastModified": moment(int(path.stat().st_mtime * 1000)),
            "ETag": f'"{_etag(path)}"',
            "Size": path.stat().st_size,
        }
        for number, path in parts[:most]
    ]
    content: dict[str, Any] = {
        "Bucket": note["bucket"],
        "Key": note["key"],
        "UploadId": folder.name,
        "PartNumberMarker": after,
        "MaxParts": most,
        "IsTruncated": len(parts) > most,
        "Part": shown,
    }
    if len(parts) > most:
        content["NextPartNumberMarker"] = parts[most - 1][0]
    return xml.write("ListPartsResult", content)


async def list_uploads(call: Call) -> Response:
    """Uploads under way."""
    prefix = call.query.get("prefix", "")
    notes = [(path.name, _note(path)) for path in sorted(_root(call).glob("*")) if _ID.fullmatch(path.name)]
    rows = [
        {"Key": note["key"], "UploadId": upload_id, "Initiated": moment(note["at"])}
        for upload_id, note in notes
        if note.get("bucket") == call.place.bucket and note["key"].startswith(prefix)
    ]
    content: dict[str, Any] = {
        "Bucket": call.place.bucket,
        "Prefix": prefix,
        "MaxUploads": 1000,
        "IsTruncated": False,
        "Upload": rows[:1000],
    }
    return xml.write("ListMultipartUploadsResult", content)


async def complete(call: Call) -> Response:
    """Put the named parts together."""
    folder, note = _upload(call)
    paths = _chosen(folder, await call.document())
    if call.place.files is None:
        etag = f'"{await packages.keep(call.place.space, call.key, _joined(paths))}"'
    else:
        ticket = call.place.files.prepare_upload(call.place.caller, check_key(call.key))
        stored = await call.place.files.receive(ticket, _joined(paths), note["type"], note["headers"])
        etag = stored.etag
    await asyncio.to_thread(shutil.rmtree, folder, True)
    where = f"{call.place.bucket}/{call.key}"
    content = {"Location": where, "Bucket": call.place.bucket, "Key": call.key, "ETag": etag}
    return xml.write("CompleteMultipartUploadResult", content)


async def abort(call: Call) -> Response:
    folder, _ = _upload(call)
    await asyncio.to_thread(shutil.rmtree, folder, True)
    return Response(b"", 204, "")


def _root(call: Call) -> Path:
    return call.place.space.directory / "uploads"


def _make(root: Path, upload_id: str, note: dict[str, Any]) -> None:
    root.mkdir(mode=0o700, exist_ok=True)
    oldest = time.time() - _KEPT_S
    for folder in root.iterdir():
        if folder.stat().st_mtime < oldest:
            shutil.rmtree(folder, ignore_errors=True)
    folder = root / upload_id
    folder.mkdir(mode=0o700)
    (folder / "note.json").write_bytes(orjson.dumps(note))


def _upload(call: Call) -> tuple[Path, dict[str, Any]]:
    """The folder and the note of the upload that a request names."""
    upload_id = call.query.get("uploadId", "")
    folder = _root(call) / upload_id
    note = _note(folder) if _ID.fullmatch(upload_id) else {}
    if note.get("key") != call.key or note.get("bucket") != call.place.bucket:
        raise ObjectError(404, "NoSuchUpload", "there is no such upload, or it has ended / 分块上传不存在")
    return folder, note


def _note(folder: Path) -> dict[str, Any]:
    try:
        note: dict[str, Any] = orjson.loads((folder / "note.json").read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return {}
    return note


async def _write_part(stream: AsyncIterator[bytes], path: Path, limit: int) -> str:
    """Write a part under its number and MD5, which is returned."""
    digest, size = hashlib.md5(usedforsecurity=False), 0
    try:
        with path.open("wb") as file:
            async for chunk in stream:
                size += len(chunk)
                if size > limit:
                    raise ObjectError(400, "EntityTooLarge", f"a part is larger than {limit} bytes / 分块过大")
                digest.update(chunk)
                await asyncio.to_thread(file.write, chunk)
        number = path.name.partition(".")[0]
        for old in path.parent.glob(f"{number}.*.part"):
            old.unlink()
        path.rename(path.with_name(f"{number}.{digest.hexdigest()}.part"))
    finally:
        path.unlink(missing_ok=True)
    return digest.hexdigest()


def _parts(folder: Path) -> dict[int, Path]:
    return {int(path.name.partition(".")[0]): path for path in folder.glob("*.part")}


def _etag(path: Path) -> str:
    return path.name.split(".")[1]


def _chosen(folder: Path, document: Any) -> list[Path]:
    known, chosen, last = _parts(folder), [], 0
    for item in document.iterfind("Part"):
        text = xml.text(item, "PartNumber")
        number = int(text) if text.isascii() and text.isdigit() else 0
        if number <= last:
            raise ObjectError(400, "InvalidPartOrder", "parts must be in the order of their numbers / 分块顺序错误")
        if number not in known or _etag(known[number]) != xml.text(item, "ETag").strip('"'):
            raise ObjectError(
                400, "InvalidPart", f"part {number} was not uploaded, or is another / 分块 {number} 不存在"
            )
        chosen.append(known[number])
        last = number
    if not chosen:
        raise ObjectError(400, "MalformedXML", "no parts are named / 未指定分块")
    return chosen


async def _joined(paths: list[Path]) -> AsyncIterator[bytes]:
    for path in paths:
        with path.open("rb") as file:
            while piece := await asyncio.to_thread(file.read, _PIECE):
                yield piece
