"""Test clouds for other programs: JSON lines on standard input and output, until the input ends with whoever asked.

``{"id": 1, "method": "start", "params": {}}`` is answered by ``{"id": 1, "result": …}`` or ``{"id": 1, "error": {"code",
"message", "data"}}``. Documents are Extended JSON with dates as ``{"$date": milliseconds}``.
"""

from __future__ import annotations

import asyncio
import base64
import logging
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from yunbox.caller import Caller
from yunbox.documents import commands as c
from yunbox.documents.query import ejson
from yunbox.errors import InvalidRequest, YunboxError
from yunbox.testing.ephemeral import MOST_FOUND, EphemeralCloud

_LINE_LIMIT = 64 * 2**20
_log = logging.getLogger("yunbox.testing")

Params = dict[str, Any]


def serve() -> None:
    """Answer requests until standard input ends, then stop every cloud."""
    # Whatever prints in this process must not come between the answers.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    asyncio.run(_Clouds(answers).serve())


class _Clouds:
    def __init__(self, answers: BinaryIO) -> None:
        self._answers = answers
        self._clouds: dict[int, EphemeralCloud] = {}
        self._started = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self) -> None:
        lines = asyncio.StreamReader(limit=_LINE_LIMIT)
        loop = asyncio.get_running_loop()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
        while line := await lines.readline():
            task = loop.create_task(self._answer(line))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*(cloud.close() for cloud in self._clouds.values()))

    async def _answer(self, line: bytes) -> None:
        request = orjson.loads(line)
        answer: dict[str, Any] = {"id": request["id"]}
        try:
            result = await self._perform(request["method"], ejson.loads(orjson.dumps(request.get("params") or {})))
            answer["result"] = orjson.Fragment(ejson.dumps(result))
        except YunboxError as error:
            answer["error"] = _described(error)
        except Exception as error:
            _log.exception("%s failed", request["method"])
            answer["error"] = {"code": "INTERNAL", "message": f"{type(error).__name__}: {error}"}
        self._answers.write(orjson.dumps(answer) + b"\n")
        self._answers.flush()

    async def _perform(self, method: str, params: Params) -> Any:
        if method == "hello":
            return None
        if method == "start":
            return await self._start(params)
        cloud = self._clouds.get(params["cloud"])
        if cloud is None:
            raise InvalidRequest("this cloud was closed / 此云环境已关闭")
        if method == "close":
            return await self._clouds.pop(params["cloud"]).close()
        if method not in METHODS:
            raise InvalidRequest(
                f"unknown method `{method}`; this yunbox is older than the npm package / 请升级 yunbox"
            )
        return await METHODS[method](cloud, params)

    async def _start(self, params: Params) -> Any:
        cloud = await EphemeralCloud.start(params.get("spaceId"))
        self._started += 1
        self._clouds[self._started] = cloud
        described = cloud.describe()
        return {
            "cloud": self._started,
            "endpoint": described["endpoint"],
            "spaceId": described["space_id"],
            "keys": {_camel(name): value for name, value in described["keys"].items()},
        }


async def _caller(cloud: EphemeralCloud, params: Params) -> Caller:
    openid = params.get("openid")
    return cloud.administrator() if openid is None else await cloud.user(str(openid))


async def _seed(cloud: EphemeralCloud, params: Params) -> Any:
    return await cloud.seed(params["content"])


async def _set_rules(cloud: EphemeralCloud, params: Params) -> Any:
    return await cloud.set_rules(params["collection"], params["rules"])


async def _deploy(cloud: EphemeralCloud, params: Params) -> Any:
    return await cloud.deploy(Path(params["directory"]))


async def _call(cloud: EphemeralCloud, params: Params) -> Any:
    answer = await cloud.call(await _caller(cloud, params), params["name"], str(params["data"]).encode())
    return answer.decode()


async def _find(cloud: EphemeralCloud, params: Params) -> Any:
    command = c.Find(params["collection"], params.get("filter") or {}, limit=MOST_FOUND)
    return await cloud.run(await _caller(cloud, params), command)


async def _upload(cloud: EphemeralCloud, params: Params) -> Any:
    data = base64.b64decode(params["data"])
    await cloud.services.files.put(await _caller(cloud, params), params["path"], data)


async def _session(cloud: EphemeralCloud, params: Params) -> Any:
    return {_camel(name): value for name, value in (await cloud.session(params["openid"])).items()}


async def _advance(cloud: EphemeralCloud, params: Params) -> Any:
    await cloud.advance(float(params["seconds"]))
    return cloud.now() * 1000


METHODS: dict[str, Callable[[EphemeralCloud, Params], Awaitable[Any]]] = {
    "seed": _seed,
    "setRules": _set_rules,
    "deploy": _deploy,
    "call": _call,
    "find": _find,
    "upload": _upload,
    "session": _session,
    "advance": _advance,
}


def _described(error: YunboxError) -> dict[str, Any]:
    logs = [line.text for line in error.data.get("logs", ())]
    return {"code": type(error).__name__, "message": error.message, "logs": logs}


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
