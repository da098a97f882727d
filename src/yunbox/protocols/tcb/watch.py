"""S5: the realtime socket, the same for all generations of the web SDKs (tencent-client.md §5)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import orjson

from yunbox.caller import Caller
from yunbox.documents import commands as c
from yunbox.documents.dialects import TCB
from yunbox.documents.query import ejson
from yunbox.errors import (
    CollectionNotFound,
    InvalidRequest,
    LimitExceeded,
    NotFound,
    PermissionDenied,
    QueryError,
    QuotaExceeded,
    SpaceNotFound,
    Unauthenticated,
    YunboxError,
)
from yunbox.http import Receive, Route, Scope, Send
from yunbox.protocols.tcb.sockets import caller_behind
from yunbox.protocols.tcb.values import Decoder, encode_old, old_text, parse
from yunbox.protocols.tcb.web.shared import fill_template
from yunbox.realtime import Batch, Event, Watch
from yunbox.services import Services

_MOST_WAITING = 5000
_MOST_WATCHES = 500
_MOST_TEXT = 2**20
_TRY_AGAIN_LATER = 1013
_log = logging.getLogger("yunbox.watch")


def routes(services: Services) -> list[Route]:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await Connection(services, receive, send).run()

    return [Route("suffix", "/ws", app, "websocket")]


@dataclass(frozen=True, slots=True)
class Frame:
    """A message of a client."""

    kind: str
    data: dict[str, Any]
    request_id: str
    watch_id: str
    extra: dict[str, Any]


def read_frame(text: str) -> Frame:
    """
    Raises:
        InvalidRequest: when the text is no message of the protocol.
    """
    message = parse(text)
    if not isinstance(message, dict) or not isinstance(message.get("msgType"), str):
        raise InvalidRequest("a message must be an object with a msgType / 消息格式错误")
    data, extra = message.get("msgData"), message.get("exMsgData")
    return Frame(
        kind=message["msgType"],
        data=data if isinstance(data, dict) else {},
        request_id=str(message.get("requestId") or ""),
        watch_id=str(message.get("watchId") or ""),
        extra=extra if isinstance(extra, dict) else {},
    )


class Connection:
    """One socket: a client and its watches. It is the listener of all of them."""

    def __init__(self, services: Services, receive: Receive, send: Send) -> None:
        self._services = services
        self._receive = receive
        self._send = send
        self._caller: Caller | None = None
        self._watches: dict[str, Watch] = {}
        self._names: dict[str, str] = {}
        self._outgoing: asyncio.Queue[bytes] = asyncio.Queue()
        self._writer: asyncio.Task[None] | None = None
        self._handlers: dict[str, Callable[[Frame], Awaitable[None]]] = {
            "LOGIN": self._log_in,
            "INIT_WATCH": self._start_watch,
            "REBUILD_WATCH": self._resume_watch,
            "CHECK_LAST": self._check,
            "CLOSE_WATCH": self._close_watch,
            "PING": self._pong,
        }

    async def run(self) -> None:
        """Serve the socket until it is closed."""
        if (await self._receive())["type"] != "websocket.connect":
            return
        await self._send({"type": "websocket.accept"})
        self._writer = asyncio.create_task(self._write())
        try:
            await self._read()
        finally:
            for watch in self._watches.values():
                self._services.realtime.leave(watch, self)
            self._writer.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await self._writer

    async def _read(self) -> None:
        while True:
            message = await self._receive()
            if message["type"] == "websocket.disconnect":
                return
            text = message.get("text")
            if text is not None and len(text) <= _MOST_TEXT:
                await self._handle(text)

    async def _write(self) -> None:
        while self._outgoing.qsize() < _MOST_WAITING:
            frame = await self._outgoing.get()
            await self._send({"type": "websocket.send", "text": frame.decode()})
        # A client that does not read comes back and takes up its watches where it stopped.
        await self._send({"type": "websocket.close", "code": _TRY_AGAIN_LATER})

    async def _handle(self, text: str) -> None:
        frame = Frame("", {}, "", "", {})
        try:
            frame = read_frame(text)
            handler = self._handlers.get(frame.kind)
            if handler is None:
                raise InvalidRequest(f"unknown msgType `{frame.kind[:50]}` / 不支持的消息类型")
            await handler(frame)
        except YunboxError as error:
            _log.info("%s failed: %s", frame.kind, error.message)
            self._error(frame.request_id, frame.watch_id, error)
        except Exception:
            _log.exception("%s failed unexpectedly", frame.kind)
            self._error(frame.request_id, frame.watch_id, YunboxError("internal error / 服务器内部错误"))

    # Messages of the client

    async def _log_in(self, frame: Frame) -> None:
        space = str(frame.data.get("envId") or "")
        try:
            self._services.spaces.get(space)
            signature = str(frame.extra.get("signStr") or "")
            self._caller = caller_behind(self._services, space, signature)
        except YunboxError as error:
            self._push(frame, "LOGIN", {"code": error_code(error), "message": error.message})
            return
        self._push(frame, "LOGIN", {"envId": space})

    def _signed_in(self) -> Caller:
        if self._caller is None:
            raise Unauthenticated("log in first / 请先登录", reason="missing")
        return self._caller

    async def _start_watch(self, frame: Frame) -> None:
        caller = self._signed_in()
        if len(self._watches) >= _MOST_WATCHES:
            raise LimitExceeded(f"one connection watches at most {_MOST_WATCHES} queries / 监听数量超过限制")
        query = _query(frame, caller, self._services.clock.now_ms())
        watch = await self._services.realtime.watch(caller, TCB, query, self)
        self._keep(frame, watch)
        initial = [_initial(document) for document in watch.initial]
        self._push(frame, "INIT_EVENT", {"queryID": watch.id, "currEvent": watch.number, "events": initial})

    async def _resume_watch(self, frame: Frame) -> None:
        caller = self._signed_in()
        name, number = str(frame.data.get("queryID") or ""), frame.data.get("eventID")
        if isinstance(number, bool) or not isinstance(number, int):
            raise InvalidRequest("eventID must be a number / eventID 必须是数字")
        watch, missed = self._services.realtime.resume(caller, name, number, self)
        self._keep(frame, watch)
        events = [event for batch in missed for event in _encoded_list(batch)]
        current = missed[-1].number if missed else number
        self._push(frame, "NEXT_EVENT", {"queryID": watch.id, "currEvent": current, "events": events})

    def _keep(self, frame: Frame, watch: Watch) -> None:
        old = self._watches.pop(frame.watch_id, None)
        if old is not None and old is not watch:
            self._names.pop(old.id, None)
            self._services.realtime.close_watch(old)
        self._watches[frame.watch_id] = watch
        self._names[watch.id] = frame.watch_id

    async def _check(self, frame: Frame) -> None:
        watch = self._watches.get(frame.watch_id)
        if watch is None or watch.id != frame.data.get("queryID"):
            raise NotFound("the watch has ended; start it again / 监听已失效，请重新监听", reason="watch")
        self._push(frame, "CHECK_EVENT", {"queryID": watch.id, "currEvent": watch.group.number})

    async def _close_watch(self, frame: Frame) -> None:
        watch = self._watches.pop(frame.watch_id, None)
        if watch is not None:
            self._names.pop(watch.id, None)
            self._services.realtime.close_watch(watch)

    async def _pong(self, frame: Frame) -> None:
        """Also the moment to notice that a user was disabled or deleted."""
        caller = self._caller
        if caller is not None and caller.user_id is not None:
            self._services.identity.caller_for(self._services.spaces.get(caller.space), caller.user_id)
        self._push(frame, "PONG", None)

    # Messages to the client

    def events(self, watch: Watch, batch: Batch) -> None:
        """A change of a watched query."""
        name = self._names.get(watch.id)
        if name is None:
            return
        data = {"queryID": watch.id, "currEvent": batch.number, "events": _encoded(batch)}
        self._put({"watchId": name, "requestId": f"e{batch.number}", "msgType": "NEXT_EVENT", "msgData": data})

    def failed(self, watch: Watch, error: YunboxError) -> None:
        """The end of a watch."""
        name = self._names.pop(watch.id, None)
        if name is not None:
            self._watches.pop(name, None)
            self._error("", name, error)

    def _push(self, frame: Frame, kind: str, data: Any) -> None:
        answer = {"requestId": frame.request_id, "msgType": kind, "msgData": data}
        self._put({"watchId": frame.watch_id, **answer} if frame.watch_id else answer)

    def _error(self, request_id: str, watch_id: str, error: YunboxError) -> None:
        data = {"code": error_code(error), "message": error.message}
        answer = {"requestId": request_id, "msgType": "ERROR", "msgData": data}
        # SDKs sign in anew and repeat the message by themselves; with a watchId they would also tell the application.
        named = watch_id and not (request_id and isinstance(error, Unauthenticated))
        self._put({"watchId": watch_id, **answer} if named else answer)

    def _put(self, message: dict[str, Any]) -> None:
        if self._outgoing.qsize() < _MOST_WAITING:
            self._outgoing.put_nowait(orjson.dumps(message))


def _query(frame: Frame, caller: Caller, now_ms: int) -> c.Find:
    """The query of an ``INIT_WATCH``: ``query`` is JSON text, ``orderBy`` maps fields to ``asc`` or ``desc``.

    @cloudbase/database 1.x of the server SDKs sends the JSON text of its Extended JSON text.
    """
    query: Any = frame.data.get("query") or {}
    for _ in range(2):
        if isinstance(query, str):
            query = parse(query) if query else {}
    decoded = Decoder(now_ms).decode(fill_template(query, caller.owner))
    name, limit, order = frame.data.get("collName"), frame.data.get("limit"), frame.data.get("orderBy")
    if not isinstance(name, str) or not name or not isinstance(decoded, dict):
        raise InvalidRequest("collName must be text and query an object / collName 或 query 格式错误")
    if isinstance(limit, bool) or not isinstance(limit, int | None) or (limit or 0) < 0:
        raise InvalidRequest("limit must be a whole number / limit 必须是整数")
    return c.Find(name, decoded, sort=_sort(order), limit=limit or 0)


def _sort(order: Any) -> list[tuple[str, int]] | None:
    if not order:
        return None
    if isinstance(order, list):
        order = {str(item.get("field")): item.get("direction") for item in order if isinstance(item, dict)}
    if not isinstance(order, dict):
        raise InvalidRequest("orderBy must be an object / orderBy 格式错误")
    return [(str(field), -1 if str(direction) in ("desc", "-1") else 1) for field, direction in order.items()]


def _text(document: Any) -> str:
    return orjson.dumps(old_text(ejson.dumps(document))).decode()


def _initial(document: dict[str, Any]) -> dict[str, Any]:
    return {
        "ID": 0,
        "DataType": "init",
        "QueueType": "init",
        "DocID": encode_old(document["_id"]),
        "Doc": _text(document),
    }


def _encoded(batch: Batch) -> orjson.Fragment:
    """The events of a batch as JSON, made once for everybody who watches."""
    if "tcb" not in batch.encoded:
        batch.encoded["tcb"] = orjson.dumps(_encoded_list(batch))
    return orjson.Fragment(batch.encoded["tcb"])


def _encoded_list(batch: Batch) -> list[dict[str, Any]]:
    return [_event(event, batch.number) for event in batch.events]


def _event(event: Event, number: int) -> dict[str, Any]:
    encoded = {
        "ID": number,
        "DataType": event.data_type,
        "QueueType": event.queue_type,
        "DocID": encode_old(event.id),
        "Doc": "{}" if event.document is None else _text(event.document),
    }
    if event.updated is not None:
        encoded["UpdatedFields"] = orjson.dumps(encode_old(dict(event.updated))).decode()
    if event.removed is not None:
        encoded["removedFields"] = orjson.dumps(list(event.removed)).decode()
    return encoded


def error_code(error: YunboxError) -> str:
    """What the socket calls an error. The first group makes SDKs sign in anew; all others end the watch."""
    if isinstance(error, Unauthenticated):
        return "SIGN_EXPIRED_ERROR" if error.data.get("reason") == "voucher" else "CHECK_LOGIN_FAILED"
    if isinstance(error, NotFound) and error.data.get("reason") == "watch":
        return "QUERYID_INVALID_ERROR"
    table: tuple[tuple[type[YunboxError], str], ...] = (
        (SpaceNotFound, "INVALIID_ENV"),
        (CollectionNotFound, "DATABASE_COLLECTION_NOT_EXIST"),
        (PermissionDenied, "COLLECTION_PERMISSION_DENIED"),
        (LimitExceeded, "EXCEED_REQUEST_LIMIT"),
        (QuotaExceeded, "EXCEED_REQUEST_LIMIT"),
        (InvalidRequest, "INVALID_PARAM"),
        (QueryError, "DATABASE_REQUEST_FAILED"),
    )
    return next((code for kind, code in table if isinstance(error, kind)), "SYS_ERR")
