"""The three signatures of the server SDKs, verified (tencent-server-wire.md §4).

q-sign     SHA-1, in the body field ``authorization``: tcb-admin-node, wx-server-sdk below 2.1
TC3 tcb    over named body fields, in the ``Authorization`` header: @cloudbase/node-sdk 2 and later
TC3 API    over the whole body: the gateway calls of @cloudbase/node-sdk 3

All raise ``Unauthenticated``; comparisons take constant time.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from urllib.parse import quote, unquote

import msgspec

from yunbox.errors import Unauthenticated
from yunbox.protocols.tcb.signed_forms import signed_forms
from yunbox.tools.clock import MACHINE, Clock

CLOCK_TOLERANCE = 300
"""Seconds by which a client's clock may be wrong."""
TC3_SECONDS = 600
"""How long a TC3 signature holds (``X-Signature-Expires``)."""

_JS_SPACE = "\t\n\x0b\x0c\r \xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
_TC3 = "TC3-HMAC-SHA256 "
_MISMATCH = "it does not match; check the secret key"
_SECONDS = re.compile(r"[0-9]{1,12}")
_ESCAPED_LETTERS = re.compile(r"(?:%[89A-Fa-f][0-9A-Fa-f])+")


class JsonText(str):
    """A body field that is not a string: its JSON text exactly as it was sent, which is what was signed."""

    __slots__ = ()


Field = str | bytes
"""A string, a :class:`JsonText`, or the bytes of a binary multipart part."""
SecretFor = Callable[[str], str | None]


class SignedRequest(msgspec.Struct, frozen=True):
    """What a signature may cover. ``fields`` are the top-level body fields; header names are lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    fields: Mapping[str, Field]
    body: bytes = b""


def encode_component(text: str) -> str:
    """JavaScript's ``encodeURIComponent``, with ``! ' ( ) *`` encoded as well."""
    return quote(text, safe="", errors="replace")


def _refuse(why: str) -> Unauthenticated:
    return Unauthenticated(f"the request signature is not valid: {why} / 请求签名无效", signature=True)


def _known_secret(secret_for: SecretFor, secret_id: str) -> str:
    secret = secret_for(secret_id)
    if secret is None:
        raise _refuse("unknown secret id; use the secret_id and secret_key of `yunbox space show SPACE`")
    return secret


def _check_equal(expected: str, given: str) -> None:
    if not hmac.compare_digest(expected.encode(), given.encode("utf-8", "replace")):
        raise _refuse(_MISMATCH)


# q-sign


def verify_q_sign(authorization: str, request: SignedRequest, secret_for: SecretFor, clock: Clock = MACHINE) -> str:
    """Check a q-sign ``authorization`` of a call to ``/admin``; the secret id that made it."""

    def texts(parameters: list[str], headers: list[str]) -> Iterator[str]:
        for fields in _as_signed(request.fields):
            yield _q_sign_text(request, fields, parameters, headers)

    return verify_q_sign_text(authorization, texts, secret_for, clock)


def verify_q_sign_text(
    authorization: str,
    texts_of: Callable[[list[str], list[str]], Iterable[str]],
    secret_for: SecretFor,
    clock: Clock = MACHINE,
) -> str:
    """Check a q-sign over one of the texts that ``texts_of(parameter names, header names)`` gives; the secret id that
    made it."""
    parts = dict(item.partition("=")[::2] for item in authorization.split("&"))
    if parts.get("q-sign-algorithm") != "sha1":
        raise _refuse("unknown algorithm")
    secret_id, key_time = parts.get("q-ak", ""), parts.get("q-key-time", "")
    secret = _known_secret(secret_for, secret_id)
    if parts.get("q-sign-time") != key_time:
        raise _refuse("q-sign-time and q-key-time differ")
    _check_period(key_time, clock)
    key = hmac.new(secret.encode(), key_time.encode(), hashlib.sha1).hexdigest()
    given = parts.get("q-signature", "").encode("utf-8", "replace")
    for text in texts_of(_names(parts, "q-url-param-list"), _names(parts, "q-header-list")):
        digest = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
        string_to_sign = f"sha1\n{key_time}\n{digest}\n"
        expected = hmac.new(key.encode(), string_to_sign.encode(), hashlib.sha1).hexdigest()
        if hmac.compare_digest(expected.encode(), given):
            return secret_id
    raise _refuse(_MISMATCH)


def _as_signed(fields: Mapping[str, Field]) -> Iterator[Mapping[str, Field]]:
    """The fields as they were sent, and as the SDK may have signed them."""
    yield fields
    texts = {name: value for name, value in fields.items() if isinstance(value, JsonText) and value[:1] in "{["}
    for form in signed_forms(texts):
        yield {**fields, **{name: JsonText(text) for name, text in form.items()}}


def _names(parts: Mapping[str, str], name: str) -> list[str]:
    return [item for item in parts.get(name, "").split(";") if item]


def _check_period(key_time: str, clock: Clock) -> None:
    match = re.fullmatch(r"(\d{1,12});(\d{1,12})", key_time)
    if not match:
        raise _refuse("unreadable q-key-time")
    start, end = int(match[1]), int(match[2])
    now = clock.near(start)
    if not start - CLOCK_TOLERANCE <= now <= end + CLOCK_TOLERANCE:
        raise _refuse("it has expired, or the clock of the caller is wrong")


def _q_sign_text(request: SignedRequest, fields: Mapping[str, Field], parameters: list[str], headers: list[str]) -> str:
    by_lower = {name.lower(): name for name in fields}
    names = sorted(
        (by_lower[name] for name in parameters if name in by_lower), key=lambda name: name.encode("utf-16-be")
    )
    signed = "&".join(f"{encode_component(name.lower())}={encode_component(_q_value(fields[name]))}" for name in names)
    header = "&".join(
        f"{encode_component(name)}={encode_component(request.headers.get(name, ''))}" for name in sorted(headers)
    )
    return f"post\n/admin\n{signed}\n{header}\n"


def _q_value(value: Field) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return "" if isinstance(value, JsonText) and value == "null" else value


# TC3


def is_tc3(authorization: str) -> bool:
    return authorization.startswith(_TC3)


def verify_tc3(authorization: str, request: SignedRequest, secret_for: SecretFor, clock: Clock = MACHINE) -> str:
    """Check a TC3 ``Authorization`` over named body fields; the secret id that made it."""
    parts = _tc3_parts(authorization)
    payload = _fields_digest(request.fields, parts.get("SignedParams", ""))
    host = request.headers.get("host", "")
    place = f"{request.method.lower()}\n//{host}{request.path}\n{_as_written(request.query)}"
    return _verify_tc3(parts, place, payload, request.headers.get("x-timestamp", ""), request, secret_for, clock)


def _as_written(query: str) -> str:
    """@cloudbase/node-sdk 3 signs the query before letters beyond ASCII (an environment named in Chinese) are escaped."""
    return _ESCAPED_LETTERS.sub(lambda match: unquote(match[0]), query) if query else ""


def verify_tc3_api(
    authorization: str, request: SignedRequest, secret_for: SecretFor, clock: Clock = MACHINE
) -> tuple[str, str]:
    """Check a TC3 ``Authorization`` over the whole body; the secret id that made it and the session token."""
    parts = _tc3_parts(authorization)
    payload = hashlib.sha256(request.body).hexdigest()
    place = f"{request.method}\n{request.path}\n{request.query}"
    secret_id = _verify_tc3(parts, place, payload, parts.get("Timestamp", ""), request, secret_for, clock)
    return secret_id, parts.get("Token", "")


def _tc3_parts(authorization: str) -> dict[str, str]:
    if not is_tc3(authorization):
        raise _refuse("the Authorization header is not TC3-HMAC-SHA256")
    return dict([item.strip().partition("=")[::2] for item in authorization[len(_TC3) :].split(",")])


def _verify_tc3(
    parts: Mapping[str, str],
    place: str,
    payload: str,
    timestamp: str,
    request: SignedRequest,
    secret_for: SecretFor,
    clock: Clock,
) -> str:
    secret_id, _, scope = parts.get("Credential", "").partition("/")
    secret = _known_secret(secret_for, secret_id)
    date = _check_timestamp(timestamp, clock)
    if scope != f"{date}/tcb/tc3_request":
        raise _refuse("the credential's date is not the timestamp's")
    signed = parts.get("SignedHeaders", "")
    headers = "".join([f"{name}:{_tc3_header(name, request.headers)}\n" for name in signed.split(";")])
    canonical = f"{place}\n{headers}\n{signed}\n{payload}"
    digest = hashlib.sha256(canonical.encode("utf-8", "replace")).hexdigest()
    string_to_sign = f"TC3-HMAC-SHA256\n{timestamp}\n{scope}\n{digest}"
    expected = hmac.digest(_tc3_key(secret, date), string_to_sign.encode(), "sha256").hex()
    _check_equal(expected, parts.get("Signature", ""))
    return secret_id


def _check_timestamp(timestamp: str, clock: Clock) -> str:
    """The UTC date of a timestamp that is near enough."""
    if not _SECONDS.fullmatch(timestamp):
        raise _refuse("the timestamp is missing")
    age = clock.near(int(timestamp)) - int(timestamp)
    if not -CLOCK_TOLERANCE <= age <= TC3_SECONDS + CLOCK_TOLERANCE:
        raise _refuse("it has expired, or the clock of the caller is wrong")
    return _date(int(timestamp) // 86_400)


@lru_cache(maxsize=16)
def _date(day: int) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(day * 86_400))


def _tc3_header(name: str, headers: Mapping[str, str]) -> str:
    value = headers.get(name, "")
    if name != "content-type":
        return value.lower().strip(_JS_SPACE)
    return "multipart/form-data" if value.startswith("multipart/form-data") else value.strip(_JS_SPACE)


def _fields_digest(fields: Mapping[str, Field], signed: str) -> str:
    by_name = {name.strip(_JS_SPACE).lower(): value for name, value in fields.items()}
    parts: list[bytes] = []
    for name in signed.split(";"):
        value = by_name.get(name)
        if value is not None and value != "":
            parts += (_field_mark(name), value if isinstance(value, bytes) else _tc3_text(value), b"\r\n")
    return hashlib.sha256(b"".join(parts)).hexdigest()


@lru_cache(maxsize=512)
def _field_mark(name: str) -> bytes:
    return f"&{encode_component(name)}=".encode()


def _tc3_text(value: str) -> bytes:
    text = value if isinstance(value, JsonText) else value.strip(_JS_SPACE)
    return text.encode("utf-8", "replace")


@lru_cache(maxsize=256)
def _tc3_key(secret: str, date: str) -> bytes:
    key = hmac.digest(f"TC3{secret}".encode(), date.encode(), hashlib.sha256)
    return hmac.digest(hmac.digest(key, b"tcb", hashlib.sha256), b"tc3_request", hashlib.sha256)
