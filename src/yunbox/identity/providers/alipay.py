"""Alipay mini programs: ``alipay.system.oauth.token``, signed with RSA2 (aliyun-wire.md §8.2)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import httpx
import orjson
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from yunbox.errors import LimitExceeded, Unauthenticated, YunboxError
from yunbox.identity.providers.provider import App, PlatformUser

_METHOD = "alipay.system.oauth.token"
_ANSWER = "alipay_system_oauth_token_response"
_CHINA = timezone(timedelta(hours=8))
_RSA_SIGNATURES = "1.2.840.113549.1.1"
_APP_ERRORS = ("isv.invalid-signature", "isv.invalid-app-id", "isv.missing-signature", "isv.invalid-signature-type")
_SYSTEM_PARAMETERS = ("auth_token", "app_auth_token", "grant_type", "code", "refresh_token", "notify_url", "return_url")
_BUSY = ("isp.unknow-error", "isp.unknown-error")


@dataclass(frozen=True, slots=True)
class AlipayKeys:
    """What signs requests and verifies answers. The serial numbers are set in certificate mode."""

    private_key: RSAPrivateKey
    alipay_key: RSAPublicKey
    app_serial: str = ""
    root_serial: str = ""

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> AlipayKeys:
        """The keys in a registered app's configuration: PEM, or base64 of PKCS#8, PKCS#1 or SubjectPublicKeyInfo.

        Raises:
            Unauthenticated: naming the field that is missing or cannot be read.
        """
        config = {**config, **_secret_fields(config)}
        private_key = read_private_key(str(config.get("private_key") or config.get("secret") or ""))
        if config.get("public_cert"):
            certificate = _certificates(str(config["public_cert"]))[0]
            roots, own = _certificates(str(config.get("root_cert", ""))), _certificates(str(config.get("app_cert", "")))
            return cls(private_key, _rsa(certificate.public_key()), serial_number(own[0]), root_serial_number(roots))
        return cls(private_key, read_public_key(str(config.get("public_key") or "")))

    def sign(self, parameters: Mapping[str, str]) -> str:
        """The base64 ``sign`` of a request's parameters."""
        signed = self.private_key.sign(string_to_sign(parameters).encode(), padding.PKCS1v15(), hashes.SHA256())
        return base64.b64encode(signed).decode()

    def verify(self, text: str, signature: str) -> bool:
        """Whether Alipay signed ``text``, the raw characters of an answer."""
        try:
            raw = base64.b64decode(signature, validate=True)
            self.alipay_key.verify(raw, text.encode(), padding.PKCS1v15(), hashes.SHA256())
        except (binascii.Error, InvalidSignature):
            return False
        return True


class Alipay:
    """Exchanges the code of ``my.getAuthCode`` for a user id."""

    name = platform = "alipay"

    async def resolve(self, client: httpx.AsyncClient, base_url: str, app: App, code: str) -> PlatformUser:
        keys = AlipayKeys.of({"secret": app.secret, **app.config})
        body = {"grant_type": "authorization_code", "code": code}
        content, text = await _exchange(client, base_url, _public_parameters(app, keys, _METHOD), body, keys)
        return _user(content, text, keys, app)

    async def call(
        self, client: httpx.AsyncClient, base_url: str, app: App, method: str, params: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Alipay's answer to ``method`` (``alipay.trade.query`` …), names in camel case, with its ``code`` and ``msg``.

        ``params`` are the method's, in camel or snake case: system parameters by their names, ``bizContent``, and whatever
        else there is as a part of that. ``$config.notify`` is the address for notifications.

        Raises:
            Unauthenticated: when the answer is not signed by Alipay, or the app has no usable keys.
            YunboxError: when Alipay cannot be reached or answers nonsense.
        """
        keys = AlipayKeys.of({"secret": app.secret, **app.config})
        public = _public_parameters(app, keys, method)
        content, text = await _exchange(client, base_url, public, _call_body(params), keys)
        name = method.replace(".", "_") + "_response"
        if isinstance(content.get("error_response"), dict):
            return _camel_keys(content["error_response"])
        answer = content.get(name)
        if not isinstance(answer, dict) or not keys.verify(raw_object(text, name), str(content.get("sign", ""))):
            raise _unsigned()
        return _camel_keys(answer)


async def _exchange(
    client: httpx.AsyncClient, base_url: str, public: dict[str, str], body: dict[str, str], keys: AlipayKeys
) -> tuple[dict[str, Any], str]:
    """The object that Alipay answers with, and its raw text."""
    public["sign"] = keys.sign({**public, **body})
    try:
        answer = await client.post(base_url, params=public, data=body)
        text = answer.content.decode("utf-8")
        content = orjson.loads(text)
    except (httpx.HTTPError, ValueError) as error:
        raise YunboxError(f"Alipay did not answer usefully: {type(error).__name__}") from None
    if not isinstance(content, dict):
        raise YunboxError("Alipay did not answer with an object")
    return content, text


def _call_body(params: Mapping[str, Any]) -> dict[str, str]:
    config = params.get("$config") or {}
    names = {_snake(name): value for name, value in params.items() if name != "$config"}
    content = _snake_keys(names.pop("biz_content", None) or {})
    body = {name: str(names.pop(name)) for name in _SYSTEM_PARAMETERS if name in names}
    content |= {name: _snake_keys(value) for name, value in names.items()}
    if content:
        body["biz_content"] = orjson.dumps(content).decode()
    if isinstance(config, Mapping) and config.get("notify"):
        body["notify_url"] = str(config["notify"])
    return body


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()


def _snake_keys(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {_snake(key): _snake_keys(item) for key, item in value.items()}
    return [_snake_keys(item) for item in value] if isinstance(value, list) else value


def _camel_keys(answer: Mapping[str, Any]) -> dict[str, Any]:
    return {_camel(key): _camel_in(item) for key, item in answer.items()}


def _camel_in(value: Any) -> Any:
    if isinstance(value, Mapping):
        return _camel_keys(value)
    return [_camel_in(item) for item in value] if isinstance(value, list) else value


def _camel(name: str) -> str:
    return re.sub(r"_([a-z0-9])", lambda match: match[1].upper(), name)


def string_to_sign(parameters: Mapping[str, str]) -> str:
    """What is signed: every parameter with a value but ``sign``, sorted, without URL encoding."""
    return "&".join(f"{name}={value}" for name, value in sorted(parameters.items()) if value and name != "sign")


def serial_number(certificate: x509.Certificate) -> str:
    """Alipay's name for a certificate: the MD5 of its issuer (most specific part first) and its serial number."""
    parts = [attribute for rdn in reversed(certificate.issuer.rdns) for attribute in rdn]
    issuer = ",".join(f"{part.rfc4514_attribute_name}={part.value!s}" for part in parts)
    return hashlib.md5(f"{issuer}{certificate.serial_number}".encode(), usedforsecurity=False).hexdigest()


def root_serial_number(certificates: list[x509.Certificate]) -> str:
    """The serial numbers of those root certificates that are signed with RSA."""
    rsa = [item for item in certificates if item.signature_algorithm_oid.dotted_string.startswith(_RSA_SIGNATURES)]
    return "_".join(serial_number(item) for item in rsa)


def raw_object(text: str, name: str) -> str:
    """The characters of the object that is the value of ``name``: what Alipay signed."""
    start = text.index("{", text.index(f'"{name}"'))
    depth, in_string, escaped = 0, False, False
    for position in range(start, len(text)):
        character = text[position]
        if in_string:
            in_string = escaped or character != '"'
            escaped = character == "\\" and not escaped
        elif character == '"':
            in_string = True
        elif character in "{}":
            depth += 1 if character == "{" else -1
            if depth == 0:
                return text[start : position + 1]
    raise ValueError(f"{name} has no end")


def read_private_key(text: str) -> RSAPrivateKey:
    """An RSA private key from PEM or from base64 of PKCS#8 or PKCS#1.

    Raises:
        Unauthenticated: when ``text`` is none of these.
    """
    try:
        key = serialization.load_der_private_key(_der(text), None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, RSAPrivateKey):
        raise _unusable("PrivateKey")
    return key


def read_public_key(text: str) -> RSAPublicKey:
    """An RSA public key from PEM or base64.

    Raises:
        Unauthenticated: when ``text`` is neither.
    """
    try:
        return _rsa(serialization.load_der_public_key(_der(text)))
    except (ValueError, TypeError):
        raise _unusable("PublicKey (Alipay's, not your own)") from None


def _public_parameters(app: App, keys: AlipayKeys, method: str) -> dict[str, str]:
    now = datetime.fromtimestamp(time.time(), UTC).astimezone(_CHINA)
    parameters = {
        "method": method,
        "app_id": str(app.config.get("isv_app_id") or app.app_id),
        "format": "JSON",
        "charset": "utf-8",
        "sign_type": "RSA2",
        "version": "1.0",
        "timestamp": f"{now:%Y-%m-%d %H:%M:%S}",
        "app_auth_token": str(app.config.get("app_auth_token") or ""),
        "app_cert_sn": keys.app_serial,
        "alipay_root_cert_sn": keys.root_serial,
    }
    return {name: value for name, value in parameters.items() if value}


def _user(content: Mapping[str, Any], text: str, keys: AlipayKeys, app: App) -> PlatformUser:
    if isinstance(content.get("error_response"), dict):
        raise _refusal(content["error_response"], app)
    answer = content.get(_ANSWER)
    if not isinstance(answer, dict) or not keys.verify(raw_object(text, _ANSWER), str(content.get("sign", ""))):
        raise _unsigned()
    user_id = answer.get("user_id") or answer.get("open_id")
    if not user_id:
        raise _refusal(answer, app)
    return PlatformUser(str(user_id), None, answer.get("union_id"))


def _unsigned() -> Unauthenticated:
    return Unauthenticated(
        "Alipay's answer is not signed with the registered public key; register Alipay's public key, not your own"
        " / 支付宝应答验签失败，请检查支付宝公钥",
        reason="app",
    )


def _refusal(error: Mapping[str, Any], app: App) -> YunboxError:
    reason = str(error.get("sub_code") or error.get("code") or "")
    words = f"{error.get('sub_msg') or error.get('msg') or 'no reason given'} ({reason})"
    if "limited" in reason:
        return LimitExceeded(f"Alipay limits logins for now: {words}")
    if reason in _BUSY or str(error.get("code")) == "20000":
        return YunboxError(f"Alipay is busy: {words}")
    if reason in _APP_ERRORS:
        return Unauthenticated(f"Alipay does not accept app `{app.app_id}` or its key: {words}", reason="app")
    return Unauthenticated(f"Alipay refused the login code: {words}", reason="code")


def _secret_fields(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """The fields of a secret that is a JSON object, as ``yunbox app add --secret-file`` may register it."""
    secret = str(config.get("secret") or "").strip()
    if not secret.startswith("{"):
        return {}
    try:
        fields: dict[str, Any] = orjson.loads(secret)
    except orjson.JSONDecodeError:
        raise _unusable("secret (it is no JSON object)") from None
    return fields


def _der(text: str) -> bytes:
    lines = [line for line in text.splitlines() if not line.startswith("-----")]
    return base64.b64decode("".join(lines))


def _certificates(text: str) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(text.encode())
    except ValueError:
        raise _unusable("AppCert, PublicCert or RootCert") from None


def _rsa(key: object) -> RSAPublicKey:
    if not isinstance(key, RSAPublicKey):
        raise _unusable("PublicKey (it is no RSA key)")
    return key


def _unusable(field: str) -> Unauthenticated:
    return Unauthenticated(
        f"the registered Alipay app has no usable {field}; register it again / 支付宝应用的密钥配置不可用，请重新登记",
        reason="app",
    )
