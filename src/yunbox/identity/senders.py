"""How one-time codes reach people."""

from __future__ import annotations

import asyncio
import logging
import smtplib
from email.message import EmailMessage
from typing import Literal, Protocol
from urllib.parse import parse_qs, unquote, urlsplit

import httpx

from yunbox.errors import InvalidRequest, YunboxError

Channel = Literal["email", "phone"]

_TIMEOUT = 15
_SMTP_PORTS = {"smtp": 587, "smtps": 465}
_log = logging.getLogger("yunbox.identity")


class Sender(Protocol):
    """Delivers one code."""

    async def send(self, space: str, channel: Channel, target: str, code: str) -> None:
        """
        Raises:
            InvalidRequest: when this channel cannot be used.
            YunboxError: when the code cannot be delivered.
        """
        ...


class LogSender:
    """Writes codes to the server's log, for development."""

    async def send(self, space: str, channel: Channel, target: str, code: str) -> None:
        _log.warning("login code for %s %s in space %s: %s", channel, target, space, code)


class WebhookSender:
    """Posts ``{space, channel, target, code}`` as JSON to a URL of yours, which sends the message."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def send(self, space: str, channel: Channel, target: str, code: str) -> None:
        content = {"space": space, "channel": channel, "target": target, "code": code}
        try:
            async with httpx.AsyncClient(timeout=_TIMEOUT) as client:
                answer = await client.post(self._url, json=content)
        except httpx.HTTPError as error:
            raise YunboxError(f"the code could not be sent: {type(error).__name__} / 验证码发送失败") from None
        if not answer.is_success:
            raise YunboxError(f"the code could not be sent: the webhook answered {answer.status_code} / 验证码发送失败")


class SmtpSender:
    """Sends codes by e-mail. ``url``: ``smtp://USER:PASSWORD@HOST:587/?from=ADDRESS`` (STARTTLS where the server offers
    it) or ``smtps://…`` (TLS from the start)."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in _SMTP_PORTS or not parts.hostname:
            raise InvalidRequest("smtp_url must look like smtp://USER:PASSWORD@HOST:587/?from=ADDRESS")
        self._secure = parts.scheme == "smtps"
        self._host, self._port = parts.hostname, parts.port or _SMTP_PORTS[parts.scheme]
        self._user, self._password = unquote(parts.username or ""), unquote(parts.password or "")
        self._from = parse_qs(parts.query).get("from", [self._user])[0]

    async def send(self, space: str, channel: Channel, target: str, code: str) -> None:
        if channel != "email":
            raise InvalidRequest(
                "this server cannot send text messages; set code_webhook_url / 服务器未配置短信渠道", reason="sender"
            )
        try:
            await asyncio.to_thread(self._deliver, _message(self._from, target, code))
        except (OSError, smtplib.SMTPException) as error:
            _log.warning("the mail server %s refused a login code: %s", self._host, error)
            raise YunboxError("the code could not be sent by e-mail / 邮件验证码发送失败") from None

    def _deliver(self, message: EmailMessage) -> None:
        kind = smtplib.SMTP_SSL if self._secure else smtplib.SMTP
        with kind(self._host, self._port, timeout=_TIMEOUT) as server:
            server.ehlo_or_helo_if_needed()
            if not self._secure and server.has_extn("starttls"):
                server.starttls()
            if self._user:
                server.login(self._user, self._password)
            server.send_message(message)


def _message(sender: str, target: str, code: str) -> EmailMessage:
    message = EmailMessage()
    message["Subject"] = f"{code} 是你的验证码 / is your code"
    message["From"], message["To"] = sender, target
    message.set_content(f"验证码：{code}，10 分钟内有效。\n\nYour code is {code}. It holds for 10 minutes.\n")
    return message


class ChannelSender:
    """One sender for e-mail, another for text messages."""

    def __init__(self, email: Sender, phone: Sender) -> None:
        self._by_channel: dict[Channel, Sender] = {"email": email, "phone": phone}

    async def send(self, space: str, channel: Channel, target: str, code: str) -> None:
        await self._by_channel[channel].send(space, channel, target, code)


def choose_sender(smtp_url: str, webhook_url: str, fallback: Sender | None) -> Sender | None:
    """The sender for what is configured: a mail server for e-mail, a webhook for the rest.

    Raises:
        InvalidRequest: for an unusable ``smtp_url``.
    """
    if not smtp_url:
        return WebhookSender(webhook_url) if webhook_url else fallback
    mail = SmtpSender(smtp_url)
    return ChannelSender(mail, WebhookSender(webhook_url) if webhook_url else fallback or mail)
