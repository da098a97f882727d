"""Signatures of the server SDKs: made-up vectors, and the recorded requests of real SDKs where they lie beside the checkout."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tests.clocks import StoppedClock
from tests.conftest import not_run
from yunbox.errors import Unauthenticated
from yunbox.protocols.tcb.signing import (
    JsonText,
    SignedRequest,
    encode_component,
    verify_q_sign,
    verify_tc3,
    verify_tc3_api,
)

RECORDED = Path(__file__).resolve().parents[4] / "shared" / "wire" / "tencent-captures.json"
NOW = 1_800_000_000


def secret_for(secret_id: str) -> str | None:
    return {"AKIDmade": "made-up secret"}.get(secret_id)


HEADERS = {
    "host": "127.0.0.1:7800",
    "content-type": "application/json",
    "user-agent": "tcb-node-sdk/2.9.1",
    "x-timestamp": str(NOW),
}
FIELDS = {
    "action": "database.getDocument",
    "collectionName": "todos",
    "limit": JsonText("100"),
    "query": '{"n":{"$gt":1}}',
    "empty": "",
    "data": JsonText('[1e-7,"文"]'),
    "padded": "\u3000 x \ufeff",
}
REQUEST = SignedRequest("POST", "/admin", "&eventId=1", HEADERS, FIELDS)
Q_SIGN = (
    "q-sign-algorithm=sha1&q-ak=AKIDmade&q-sign-time=1799999999;1800000899&q-key-time=1799999999;1800000899"
    "&q-header-list=user-agent&q-url-param-list=action;collectionname;data;limit;query&q-signature="
)
TC3 = (
    "TC3-HMAC-SHA256 Credential=AKIDmade/2027-01-15/tcb/tc3_request,"
    " SignedParams=action;collectionname;data;empty;limit;padded;query,"
    " SignedHeaders=content-type;host;user-agent, Signature="
)
API = (
    "TC3-HMAC-SHA256 Credential=AKIDmade/2027-01-15/tcb/tc3_request,"
    " SignedHeaders=content-type;host, Signature={}, Timestamp=1800000000, Token=session"
)
Q_SIGNATURE = "d032d2287389e9d18e8e8dac8dfe09d63da2eea3"
TC3_SIGNATURE = "63a532529cf84a72e4428c72f5a724729930170545bf9198e534a59166f4f57f"
API_SIGNATURE = "a15147bf5d2963ff5a6aff002b04b2a6b443596607455aed72badc58826cdf10"


def test_q_sign() -> None:
    assert verify_q_sign(Q_SIGN + Q_SIGNATURE, REQUEST, secret_for, StoppedClock(NOW)) == "AKIDmade"


def test_tc3() -> None:
    assert verify_tc3(TC3 + TC3_SIGNATURE, REQUEST, secret_for, StoppedClock(NOW)) == "AKIDmade"


def test_tc3_of_the_gateway() -> None:
    request = replace(REQUEST, path="/v1/x", query="", fields={}, body=b'{"k":1}')
    assert verify_tc3_api(API.format(API_SIGNATURE), request, secret_for, StoppedClock(NOW)) == ("AKIDmade", "session")
    with pytest.raises(Unauthenticated):
        verify_tc3_api(API.format(API_SIGNATURE), replace(request, body=b'{"k":2}'), secret_for, StoppedClock(NOW))


@pytest.mark.parametrize(
    ("verify", "authorization"), [(verify_q_sign, Q_SIGN + Q_SIGNATURE), (verify_tc3, TC3 + TC3_SIGNATURE)]
)
@pytest.mark.parametrize(
    "changed",
    [
        {"query": '{"n":{"$gt":2}}'},
        {"limit": JsonText("1000")},
        {"data": JsonText("[1e-07]")},
        {"collectionName": "other"},
    ],
)
def test_a_changed_field_is_refused(
    verify: Callable[..., Any], authorization: str, changed: dict[str, str | bytes]
) -> None:
    with pytest.raises(Unauthenticated, match="does not match"):
        verify(authorization, replace(REQUEST, fields={**FIELDS, **changed}), secret_for, StoppedClock(NOW))


@pytest.mark.parametrize(
    ("verify", "authorization"), [(verify_q_sign, Q_SIGN + Q_SIGNATURE), (verify_tc3, TC3 + TC3_SIGNATURE)]
)
def test_a_changed_header_is_refused(verify: Callable[..., Any], authorization: str) -> None:
    with pytest.raises(Unauthenticated, match="does not match"):
        verify(authorization, replace(REQUEST, headers={**HEADERS, "user-agent": "x"}), secret_for, StoppedClock(NOW))


@pytest.mark.parametrize(
    ("verify", "authorization"), [(verify_q_sign, Q_SIGN + Q_SIGNATURE), (verify_tc3, TC3 + TC3_SIGNATURE)]
)
@pytest.mark.parametrize("offset", [-1000, 10_000])
def test_a_wrong_clock_is_refused(verify: Callable[..., Any], authorization: str, offset: int) -> None:
    with pytest.raises(Unauthenticated, match="clock"):
        verify(authorization, REQUEST, secret_for, StoppedClock(NOW + offset))


@pytest.mark.parametrize("tolerated", [-200, 200, 1000])
def test_a_clock_that_is_a_little_wrong_is_tolerated(tolerated: int) -> None:
    assert verify_q_sign(Q_SIGN + Q_SIGNATURE, REQUEST, secret_for, StoppedClock(NOW + tolerated)) == "AKIDmade"


def test_an_unknown_key_is_refused() -> None:
    with pytest.raises(Unauthenticated, match="unknown secret id"):
        verify_q_sign(Q_SIGN.replace("AKIDmade", "AKIDother") + Q_SIGNATURE, REQUEST, secret_for, StoppedClock(NOW))
    with pytest.raises(Unauthenticated, match="unknown secret id"):
        verify_tc3(TC3.replace("AKIDmade", "AKIDother") + TC3_SIGNATURE, REQUEST, secret_for, StoppedClock(NOW))


@pytest.mark.parametrize("text", ["", "x", "q-sign-algorithm=md5", "q-sign-algorithm=sha1&q-ak=AKIDmade&q-key-time=x"])
def test_q_sign_nonsense_is_refused(text: str) -> None:
    with pytest.raises(Unauthenticated):
        verify_q_sign(text, REQUEST, secret_for, StoppedClock(NOW))


@pytest.mark.parametrize("text", ["", "Bearer x", "TC3-HMAC-SHA256 ", "TC3-HMAC-SHA256 Credential=AKIDmade/1"])
def test_tc3_nonsense_is_refused(text: str) -> None:
    with pytest.raises(Unauthenticated):
        verify_tc3(text, REQUEST, secret_for, StoppedClock(NOW))


def test_the_credential_names_the_day_of_the_timestamp() -> None:
    with pytest.raises(Unauthenticated, match="date"):
        verify_tc3(TC3.replace("2027-01-15", "2027-01-14") + TC3_SIGNATURE, REQUEST, secret_for, StoppedClock(NOW))


def test_encode_component() -> None:
    assert encode_component("a b!'()*-_.~文") == "a%20b%21%27%28%29%2A-_.~%E6%96%87"


# Recorded requests


def recorded() -> Iterator[dict[str, Any]]:
    for entry in json.loads(RECORDED.read_text(encoding="utf-8")):
        kind = entry.get("signature", {}).get("kind")
        # Collection names were replaced after recording, so those requests' signatures no longer hold.
        if (
            kind in VERIFY
            and "coll1" not in json.dumps(entry["request"])
            and "coll2" not in json.dumps(entry["request"])
        ):
            yield entry


def _recorded_request(recorded: dict[str, Any]) -> SignedRequest | None:
    fields: dict[str, str | bytes] = {}
    body = recorded.get("body")
    for part in recorded.get("multipart", ()):
        value = part["value"]
        if isinstance(value, dict):
            value = bytes.fromhex(value["hex"]) if len(value["hex"]) == 2 * value["len"] else b""
        fields[part["name"]] = value
    if isinstance(body, dict):
        for name, value in body.items():
            text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
            fields[name] = value if isinstance(value, str) else JsonText(text)
    raw = body.encode() if isinstance(body, str) else b""
    return SignedRequest(
        recorded["method"], recorded["path"], recorded["query"].lstrip("?"), recorded["headers"], fields, raw
    )


def _authorization(request: SignedRequest) -> str:
    return str(request.fields.get("authorization") or request.headers["authorization"])


VERIFY: dict[str, Callable[..., Any]] = {
    "q-sign-sha1": verify_q_sign,
    "tc3-tcb": verify_tc3,
    "tc3-cloudapi": verify_tc3_api,
}


def test_recorded_requests_of_real_sdks() -> None:
    if not RECORDED.exists():
        not_run("recorded requests", f"{RECORDED.name} does not lie beside this checkout")
    verified = 0
    for entry in recorded():
        request = _recorded_request(entry["request"])
        assert request is not None
        made_at = int(request.headers.get("x-timestamp") or 1795229671)
        verify = VERIFY[entry["signature"]["kind"]]
        verify(
            _authorization(request),
            request,
            lambda name: "SKfake" if name == "AKIDfake" else None,
            StoppedClock(made_at),
        )
        verified += 1
    assert verified >= 300
