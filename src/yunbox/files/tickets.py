"""Signed permissions that travel through clients: upload tickets and download links."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass

import msgspec

from yunbox.errors import Unauthenticated
from yunbox.tools.clock import MACHINE, Clock


@dataclass(frozen=True, slots=True)
class UploadTicket:
    """The right to store one file: made by :meth:`FileService.prepare_upload`, spent by :meth:`FileService.receive`.

    ``expires_at`` is in seconds; ``max_size`` in bytes; ``admin`` when rules do not apply to the uploader; ``id`` is
    the id the file will have, unless it replaces one.
    """

    space: str
    key: str
    id: str
    owner: str | None
    admin: bool
    max_size: int
    overwrite: bool
    content_type: str
    expires_at: int


class TicketSigner:
    """Turns tickets into text and back, and signs download links, with a key of the server's keyring."""

    def __init__(self, key: bytes, clock: Clock = MACHINE) -> None:
        self._key = key
        self._clock = clock
        self._decode = msgspec.json.Decoder(UploadTicket)

    def _sign(self, text: str) -> str:
        return hmac.new(self._key, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:40]

    def claims(self, ticket: UploadTicket) -> str:
        """What the ticket allows, as URL-safe text; worth nothing without :meth:`signature`."""
        return base64.urlsafe_b64encode(msgspec.json.encode(ticket)).decode().rstrip("=")

    def signature(self, claims: str) -> str:
        return self._sign(f"upload:{claims}")

    def read(self, claims: str, signature: str) -> UploadTicket:
        """The ticket behind ``claims``.

        Raises:
            Unauthenticated: when the signature is not ours, or the ticket has expired.
        """
        if not hmac.compare_digest(self.signature(claims).encode(), signature.encode("utf-8", "replace")):
            raise Unauthenticated("the upload signature does not match / 上传签名不正确")
        try:
            ticket = self._decode.decode(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
        except (binascii.Error, ValueError) as error:
            raise Unauthenticated("the upload ticket is not readable / 上传凭证无法识别") from error
        if ticket.expires_at < self._clock():
            raise Unauthenticated("the upload ticket has expired; ask for a new one / 上传凭证已过期", expired=True)
        return ticket

    def link(self, space: str, key: str, expires_at: int) -> str:
        """The ``sign`` parameter of a download link that holds until ``expires_at`` (seconds)."""
        return self._sign(f"download:{space}:{expires_at}:{key}")

    def check_link(self, space: str, key: str, sign: str, expires_at: str) -> bool:
        """Whether ``sign`` is ours for this file and has not expired."""
        if not expires_at.isascii() or not expires_at.isdigit() or len(expires_at) > 12:
            return False
        expected = self.link(space, key, int(expires_at))
        return (
            hmac.compare_digest(expected.encode(), sign.encode("utf-8", "replace")) and int(expires_at) >= self._clock()
        )
