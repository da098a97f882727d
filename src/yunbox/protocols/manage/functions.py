"""Deploying, calling and looking at functions."""

from __future__ import annotations

import asyncio
import contextlib
import io
import shutil
import tarfile
import tempfile
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import orjson
from msgspec.structs import replace

from yunbox.caller import Caller
from yunbox.errors import FunctionFailed, InvalidRequest, YunboxError
from yunbox.functions.function import Deployment, Function, Invocation, LogLine
from yunbox.functions.logs import LogRecord
from yunbox.http import Response
from yunbox.protocols.manage.errors import error_body, status_of
from yunbox.protocols.manage.routing import Call, Row, Stream
from yunbox.tools.archive import extract

MAX_CODE = 512 * 2**20
"""Largest uploaded code in bytes, unpacked or not."""


def shown(function: Function) -> dict[str, Any]:
    """A function as listed."""
    return {
        "name": function.name,
        "version": function.version,
        "versions": list(function.versions),
        "timeout": function.timeout,
        "memory": function.memory,
        "environment": dict(function.environment),
        "triggers": [{"name": item.name, "config": item.config} for item in function.triggers],
        "missing": dict(function.missing),
        "warnings": list(function.warnings),
        "created_at": function.created_at,
        "updated_at": function.updated_at,
    }


async def list_functions(call: Call) -> Any:
    return [shown(function) for function in call.services.functions.list(call.space.id)]


async def show_function(call: Call) -> Any:
    return shown(call.services.functions.get(call.space.id, call.names["function"]))


async def delete_function(call: Call) -> Any:
    await call.services.functions.delete(call.space.id, call.names["function"])
    return {"deleted": call.names["function"]}


async def configure(call: Call) -> Any:
    """Change ``environment`` (``null`` removes a variable), ``timeout`` (s) or ``memory`` (MiB)."""
    content = await call.body()
    if unknown := set(content) - {"environment", "timeout", "memory"}:
        raise InvalidRequest(f"unknown field `{min(unknown)}`; use environment, timeout, memory")
    function = await call.services.functions.configure(call.space.id, call.names["function"], **content)
    return shown(function)


async def rollback(call: Call) -> Any:
    """Make an earlier version current: ``version``, or the one before."""
    version = (await call.body()).get("version")
    if version is not None and not isinstance(version, int):
        raise InvalidRequest("`version` must be a whole number")
    return shown(await call.services.functions.rollback(call.space.id, call.names["function"], version))


# Deploying


async def deploy(call: Call) -> Any:
    """Deploy the code in the body (a gzipped tar). Answers lines: ``{progress}`` …, then ``{deployment}`` or ``{error}``."""
    space_id, name = call.space.id, call.names["function"]
    settings = call.json("settings")
    source = Path(tempfile.mkdtemp(prefix="yunbox-deploy-"))
    try:
        await _unpack(call, source)
    except BaseException:
        await asyncio.to_thread(shutil.rmtree, source, True)
        raise
    return Stream(_deploying(call, space_id, source, name, settings))


async def _unpack(call: Call, target: Path) -> None:
    with tempfile.TemporaryFile() as archive:
        size = 0
        async for chunk in call.request.stream():
            size += len(chunk)
            if size > MAX_CODE:
                raise InvalidRequest(f"the code is larger than {MAX_CODE} bytes / 代码包过大")
            await asyncio.to_thread(archive.write, chunk)
        archive.seek(0)
        await asyncio.to_thread(_extract, archive, target)


def _extract(archive: Any, target: Path) -> None:
    try:
        with tarfile.open(fileobj=archive, mode="r:*") as tar:
            if sum(member.size for member in tar.getmembers()) > MAX_CODE:
                raise InvalidRequest(f"the unpacked code is larger than {MAX_CODE} bytes / 代码包过大")
            extract(tar, target)
    except tarfile.TarError as error:
        raise InvalidRequest(f"the body is not a usable tar archive: {error}") from None


async def _deploying(
    call: Call, space_id: str, source: Path, name: str, settings: Mapping[str, Any] | None
) -> AsyncIterator[bytes]:
    lines: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
    task = asyncio.create_task(_deploy_into(call, lines, space_id, source, name, settings))
    try:
        while (line := await lines.get()) is not None:
            yield orjson.dumps(line) + b"\n"
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await asyncio.to_thread(shutil.rmtree, source, True)


async def _deploy_into(
    call: Call,
    lines: asyncio.Queue[dict[str, Any] | None],
    space_id: str,
    source: Path,
    name: str,
    settings: Mapping[str, Any] | None,
) -> None:
    loop = asyncio.get_running_loop()

    def progress(text: str) -> None:
        loop.call_soon_threadsafe(lines.put_nowait, {"progress": text})

    try:
        deployment = await call.services.functions.deploy(
            space_id, source, name, settings=settings, on_progress=progress
        )
        await lines.put({"deployment": _deployed(deployment)})
    except YunboxError as error:
        await lines.put(error_body(error))
    finally:
        await lines.put(None)


def _deployed(deployment: Deployment) -> dict[str, Any]:
    return {
        "name": deployment.function,
        "version": deployment.version,
        "missing": dict(deployment.missing),
        "warnings": list(deployment.warnings),
    }


async def download(call: Call) -> Any:
    """The current code as a gzipped tar, without installed packages."""
    function = call.services.functions.get(call.space.id, call.names["function"])
    body = await asyncio.to_thread(_pack, function.directory)
    return Response(body, content_type="application/gzip")


def _pack(directory: Path) -> bytes:
    buffer = io.BytesIO()

    def kept(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
        return None if "node_modules" in member.name.split("/") else member

    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        tar.add(directory, arcname=".", filter=kept)
    return buffer.getvalue()


# Calling


async def invoke(call: Call) -> Any:
    """Call a function: with ``data`` as its event, as the user ``openid``, or as its ``timer`` would."""
    content = await call.body()
    functions = call.services.functions
    try:
        if "timer" in content:
            invocation = await functions.fire(call.space.id, call.names["function"], content["timer"])
        else:
            caller = _invoker(call, content.get("openid"))
            invocation = await functions.invoke(caller, call.names["function"], content.get("data", {}))
    except FunctionFailed as error:
        return _failure(error)
    return _shown_invocation(invocation)


def _invoker(call: Call, openid: Any) -> Caller:
    """The administrator, or the user with this openid as it would call through a client."""
    if openid is None:
        return replace(call.admin, source="server")
    if not isinstance(openid, str):
        raise InvalidRequest("`openid` must be text")
    identity = call.services.identity
    user = identity.find_user(call.space, "openid", openid) or identity.session_for_openid(call.space, openid).user
    return replace(identity.caller_for(call.space, user.user_id), client_ip=call.request.client_ip)


def _shown_invocation(invocation: Invocation) -> dict[str, Any]:
    return {
        "result": orjson.Fragment(invocation.result_json),
        "request_id": invocation.request_id,
        "duration_ms": round(invocation.duration_ms, 3),
        "cold": invocation.cold,
        "logs": [_shown_line(line) for line in invocation.logs],
    }


def _failure(error: FunctionFailed) -> Response:
    content = {
        **error_body(error),
        "request_id": error.data.get("request_id"),
        "duration_ms": round(error.data.get("duration_ms", 0.0), 3),
        "cold": error.data.get("cold", False),
        "logs": [_shown_line(line) for line in error.data.get("logs", ())],
    }
    return Response(orjson.dumps(content), status_of(error))


def _shown_line(line: LogLine) -> dict[str, Any]:
    return {"at": line.at, "level": line.level, "text": line.text}


async def logs(call: Call) -> Any:
    """Invocations, newest first (DESIGN §6)."""
    wanted: dict[str, Any] = {
        name: call.query[name] for name in ("function", "request_id", "status", "text") if call.query.get(name)
    }
    wanted.update({name: call.number(name, 0) for name in ("after", "before") if call.query.get(name)})
    records = await call.services.functions.logs(
        call.space.id, limit=call.number("limit", 100), offset=call.number("offset", 0), **wanted
    )
    return [_shown_record(record) for record in records]


def _shown_record(record: LogRecord) -> dict[str, Any]:
    return {
        "request_id": record.request_id,
        "function": record.function,
        "version": record.version,
        "started_at": record.started_at,
        "duration_ms": round(record.duration_ms, 3),
        "cold": record.cold,
        "status": record.status,
        "caller": record.caller,
        "lines": [_shown_line(line) for line in record.lines],
    }


ROUTES: tuple[Row, ...] = (
    ("GET", "spaces/{space}/functions", list_functions),
    ("GET", "spaces/{space}/logs", logs),
    ("GET", "spaces/{space}/functions/{function}", show_function),
    ("PUT", "spaces/{space}/functions/{function}", deploy),
    ("PATCH", "spaces/{space}/functions/{function}", configure),
    ("DELETE", "spaces/{space}/functions/{function}", delete_function),
    ("POST", "spaces/{space}/functions/{function}/invoke", invoke),
    ("POST", "spaces/{space}/functions/{function}/rollback", rollback),
    ("GET", "spaces/{space}/functions/{function}/code", download),
)
