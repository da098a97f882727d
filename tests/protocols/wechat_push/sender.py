"""WeChat's servers, as far as message push goes: signs, encrypts and reads answers on its own, by the published rules."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import struct
import time
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

import httpx
from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes


def sha1(*parts: str) -> str:
    return hashlib.sha1("".join(sorted(parts)).encode(), usedforsecurity=False).hexdigest()


@dataclass
class Sender:
    """``send(fields)`` posts a message as the app is set up at WeChat: ``format`` and ``mode``."""

    url: str
    token: str
    aes_key: str
    app_id: str
    format: str = "json"
    mode: str = "safe"

    def _cipher(self) -> Cipher[modes.CBC]:
        key = base64.b64decode(self.aes_key + "=")
        return Cipher(algorithms.AES(key), modes.CBC(key[:16]))

    def encrypt(self, text: str) -> str:
        content = os.urandom(16) + struct.pack(">I", len(text.encode())) + text.encode() + self.app_id.encode()
        padder = padding.PKCS7(256).padder()
        encryptor = self._cipher().encryptor()
        return base64.b64encode(
            encryptor.update(padder.update(content) + padder.finalize()) + encryptor.finalize()
        ).decode()

    def decrypt(self, text: str) -> str:
        decryptor = self._cipher().decryptor()
        unpadder = padding.PKCS7(256).unpadder()
        content = unpadder.update(decryptor.update(base64.b64decode(text)) + decryptor.finalize()) + unpadder.finalize()
        (length,) = struct.unpack(">I", content[16:20])
        assert content[20 + length :].decode() == self.app_id
        return content[20 : 20 + length].decode()

    def text(self, fields: dict[str, Any]) -> str:
        if self.format == "json":
            return json.dumps(fields, ensure_ascii=False)
        return f"<xml>{_xml(fields)}</xml>"

    def query(self, at: float | None = None) -> dict[str, str]:
        timestamp, nonce = str(int(at or time.time())), str(int.from_bytes(os.urandom(4), "big"))
        return {"timestamp": timestamp, "nonce": nonce, "signature": sha1(self.token, timestamp, nonce)}

    def verify(self, echo: str = "echo-1", **changes: str) -> httpx.Response:
        return httpx.get(self.url, params={**self.query(), "echostr": echo, **changes})

    def request(self, fields: dict[str, Any], at: float | None = None) -> tuple[dict[str, str], bytes]:
        query, text = {**self.query(at), "openid": str(fields.get("FromUserName", ""))}, self.text(fields)
        if self.mode == "plain":
            return query, text.encode()
        sealed = self.encrypt(text)
        query |= {"encrypt_type": "aes", "msg_signature": sha1(self.token, query["timestamp"], query["nonce"], sealed)}
        outer = {"ToUserName": fields.get("ToUserName", "gh_1"), "Encrypt": sealed}
        return query, self.text({**fields, **outer} if self.mode == "compat" else outer).encode()

    def post(self, query: dict[str, str], body: bytes) -> httpx.Response:
        return httpx.post(self.url, params=query, content=body, timeout=30)

    def send(self, fields: dict[str, Any], at: float | None = None) -> httpx.Response:
        return self.post(*self.request(fields, at))

    def reply(self, fields: dict[str, Any]) -> dict[str, Any] | str:
        """The passive reply to a message, its signature checked; or the text that was answered."""
        answer = self.send(fields)
        assert answer.status_code == 200, answer.text
        if answer.text in ("", "success"):
            return answer.text
        content = self.parse(answer.text)
        if self.mode == "plain":
            return content
        proof = sha1(self.token, str(content["TimeStamp"]), content["Nonce"], content["Encrypt"])
        assert content["MsgSignature"] == proof
        return self.parse(self.decrypt(content["Encrypt"]))

    def parse(self, text: str) -> dict[str, Any]:
        if self.format == "json":
            parsed: dict[str, Any] = json.loads(text)
            return parsed
        return {child.tag: child.text or list(child) for child in ElementTree.fromstring(text)}


def _xml(fields: dict[str, Any]) -> str:
    return "".join(f"<{name}>{_content(value)}</{name}>" for name, value in fields.items())


def _content(value: Any) -> str:
    if isinstance(value, dict):
        return _xml(value)
    return str(value) if isinstance(value, int) else f"<![CDATA[{value}]]>"
