"""``/push/wechat/SPACE/APP``: the address that is entered at WeChat for message push (FN-23)."""

from __future__ import annotations

import logging
import secrets
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from yunbox.errors import InvalidRequest, LimitExceeded, NotFound, Unauthenticated, YunboxError
from yunbox.http import Request, Response
from yunbox.protocols.wechat_push import channel as channels
from yunbox.protocols.wechat_push import crypt, messages
from yunbox.protocols.wechat_push.channel import PREFIX, Channel
from yunbox.protocols.wechat_push.delivery import Delivery
from yunbox.services import Services

MAX_BYTES = 2**20
TOLERANCE_S = 600
"""How old a signed request may be."""
_MOST_REMEMBERED = 100_000
_TYPES = {"json": "application/json; charset=utf-8", "xml": "application/xml; charset=utf-8"}
_STATUSES: tuple[tuple[type[YunboxError], int], ...] = (
    (Unauthenticated, 403),
    (NotFound, 404),
    (LimitExceeded, 413),
    (InvalidRequest, 400),
)
_log = logging.getLogger("yunbox.push")


class Replays:
    """Which requests were seen within the time that they are taken. A restart forgets them; functions must bear a message
    twice in any case.
    """

    def __init__(self) -> None:
        self._seen: OrderedDict[tuple[str, str], float] = OrderedDict()

    def is_new(self, app: str, once: str, now: float) -> bool:
        """Whether this is the first time, remembered from now on."""
        while self._seen and (len(self._seen) > _MOST_REMEMBERED or next(iter(self._seen.values())) < now):
            self._seen.popitem(last=False)
        key = app, once
        if key in self._seen:
            return False
        self._seen[key] = now + 2 * TOLERANCE_S
        return True


class PushReceiver:
    """Verifies what WeChat's servers send, hands it to a function and answers in their form."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._delivery = Delivery(services)
        self._replays = Replays()

    async def handle(self, request: Request) -> Response:
        """``GET`` proves the token when the address is entered; ``POST`` is a message."""
        try:
            space_id, _, app_id = request.path.removeprefix(PREFIX).partition("/")
            channel = channels.find(self._services.spaces, self._services.spaces.get(space_id).id, app_id)
            query = request.query
            if request.method == "GET":
                return self._prove(channel, query)
            if request.method != "POST":
                return Response(b"", 405, "", (("allow", "GET, POST"),))
            return await self._take(request, channel, app_id, query)
        except YunboxError as error:
            _log.info("%s %s refused: %s", request.method, request.path, error.message)
            status = next((code for kind, code in _STATUSES if isinstance(error, kind)), 500)
            return _text(error.message.encode(), status)

    def _prove(self, channel: Channel, query: Mapping[str, str]) -> Response:
        self._check(channel, query)
        return _text(query.get("echostr", "").encode())

    def _check(self, channel: Channel, query: Mapping[str, str]) -> None:
        timestamp, nonce = query.get("timestamp", ""), query.get("nonce", "")
        if not crypt.signed(query.get("signature", ""), channel.token, timestamp, nonce):
            raise _wrong_signature()
        self._check_time(timestamp)

    def _check_time(self, timestamp: str) -> None:
        if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) == 10):
            raise InvalidRequest("the timestamp is missing / 缺少 timestamp")
        if abs(self._services.clock.near(int(timestamp)) - int(timestamp)) > TOLERANCE_S:
            raise Unauthenticated("the request is too old; check this machine's clock / 请求已过期，请检查服务器时间")

    async def _take(self, request: Request, channel: Channel, app_id: str, query: Mapping[str, str]) -> Response:
        format, fields = messages.read(await request.body(MAX_BYTES))
        encrypted = isinstance(fields.get("Encrypt"), str) and channel.mode != "plain"
        if encrypted:
            fields = self._open(channel, app_id, query, fields["Encrypt"])
        elif channel.mode == "safe":
            raise Unauthenticated("only encrypted messages are taken (mode `safe`) / 仅接收加密消息（安全模式）")
        else:
            self._check(channel, query)
        once = f"{query['timestamp']} {query.get('nonce', '')}"  # which either signature covers
        if not self._replays.is_new(request.path, once, self._services.clock()):
            return _text(messages.SUCCESS)
        reply = await self._delivery.answer(channel, app_id, messages.event_of(fields))
        if reply is None:
            return _text(messages.SUCCESS)
        body = messages.write(format, reply)
        return Response(self._sealed(channel, app_id, format, body) if encrypted else body, 200, _TYPES[format])

    def _open(self, channel: Channel, app_id: str, query: Mapping[str, str], text: str) -> dict[str, Any]:
        """The fields of an encrypted message, whose signature covers it."""
        timestamp, nonce = query.get("timestamp", ""), query.get("nonce", "")
        if not crypt.signed(query.get("msg_signature", ""), channel.token, timestamp, nonce, text):
            raise _wrong_signature()
        self._check_time(timestamp)
        return messages.read(crypt.decrypt(channel.aes_key, app_id, text))[1]

    def _sealed(self, channel: Channel, app_id: str, format: messages.Format, body: bytes) -> bytes:
        timestamp, nonce = str(int(self._services.clock())), secrets.token_hex(8)
        text = crypt.encrypt(channel.aes_key, app_id, body)
        proof = crypt.signature(channel.token, timestamp, nonce, text)
        fields = {"Encrypt": text, "MsgSignature": proof, "TimeStamp": int(timestamp), "Nonce": nonce}
        return messages.write(format, fields)


def _wrong_signature() -> Unauthenticated:
    return Unauthenticated("the signature does not match; check the token / 签名不匹配，请检查 Token")


def _text(body: bytes, status: int = 200) -> Response:
    return Response(body, status, "text/plain; charset=utf-8", (("x-content-type-options", "nosniff"),))
