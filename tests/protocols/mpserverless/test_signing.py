from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from tests.clocks import StoppedClock
from yunbox.protocols.mpserverless import signing
from yunbox.protocols.mpserverless.openapi import signing as pop

SECRET = "ZmFrZS1jbGllbnQtc2VjcmV0"
BODY = {
    "spaceId": "mp-00000000-0000-4000-8000-000000000001",
    "method": "serverless.auth.user.anonymousAuthorize",
    "params": '{"clientIdentifier":"app-1"}',
    "timestamp": 1795229712923,
}
SIGNATURE = "0dcfa5f793abb5615715977594807279"
CAPTURES = Path(__file__).parents[4] / "shared" / "wire" / "aliyun-captures.json"


def test_worked_example_of_the_wire_description() -> None:
    assert signing.string_to_sign(BODY) == (
        'method=serverless.auth.user.anonymousAuthorize&params={"clientIdentifier":"app-1"}'
        "&spaceId=mp-00000000-0000-4000-8000-000000000001&timestamp=1795229712923"
    )
    assert signing.client_signature(SECRET, signing.string_to_sign(BODY)) == SIGNATURE


@pytest.mark.parametrize(
    ("change", "matches"),
    [
        ({}, True),
        ({"token": ""}, True),
        ({"userId": None}, True),
        ({"params": '{"clientIdentifier": "app-1"}'}, False),
        ({"token": "t"}, False),
        ({"timestamp": 1795229712924}, False),
    ],
)
def test_client_signature_covers_the_truthy_fields(change: dict[str, Any], matches: bool) -> None:
    assert signing.client_signature_matches(SECRET, {**BODY, **change}, SIGNATURE) is matches


def test_client_signature_over_every_field_is_uniclouds() -> None:
    body = {**BODY, "extra": "1"}
    signature = signing.client_signature(SECRET, signing.string_to_sign(body, signing.every_field(body)))
    assert signing.client_signature_matches(SECRET, body, signature)
    assert signing.client_signature_matches(SECRET, body, SIGNATURE), "the plain variant holds as well"
    assert not signing.client_signature_matches(SECRET, {**body, "extra": "2"}, signature)


@pytest.mark.parametrize("signature", ["", "zz", "00", "é", "0dcfa5"])
def test_malformed_signatures_do_not_match(signature: str) -> None:
    assert not signing.client_signature_matches(SECRET, BODY, signature)


def test_every_recorded_signature_verifies(capsys: pytest.CaptureFixture[str]) -> None:
    if not CAPTURES.exists():
        with capsys.disabled():
            print(f"\nNOT HERE: recorded SDK requests ({CAPTURES.name}); their signatures were not checked")
        return
    signed = [capture for capture in json.loads(CAPTURES.read_text()) if capture.get("verify_with")]
    verified = Counter(_verify(capture) for capture in signed)
    assert verified == {True: 379, False: 6}, "six requests were signed wrongly on purpose"


def _verify(capture: dict[str, Any]) -> bool:
    request, secret = capture["request"], capture["verify_with"]
    body = request["body"]
    if secret["algorithm"] == "HMAC-SHA1":
        return pop.matches(secret["accessKeySecret"], request["method"], body)
    given = request["headers"]["x-serverless-sign"]
    if secret["algorithm"] == "HMAC-MD5":
        return signing.client_signature_matches(secret["clientSecret"], body, given)
    key = serialization.load_pem_public_key(secret["publicKeyPem"].encode())
    assert isinstance(key, RSAPublicKey)
    return signing.server_signature_matches(key, body, given)


def test_pop_string_to_sign_escapes_like_rfc_3986() -> None:
    parameters = {"Filename": "we ird*'()!~/中", "Action": "A", "Signature": "ignored"}
    assert pop.string_to_sign("GET", parameters) == (
        "GET&%2F&Action%3DA%26Filename%3Dwe%2520ird%252A%2527%2528%2529%2521~%252F%25E4%25B8%25AD"
    )


def test_pop_nonces_count_once_until_their_time_is_over() -> None:
    now = 1000.0
    nonces = pop.Nonces(lambda: now)
    assert nonces.is_new("key", "n")
    assert not nonces.is_new("key", "n")
    assert nonces.is_new("other", "n")
    now += 2 * pop.TOLERANCE_S
    assert nonces.is_new("key", "n")


@pytest.mark.parametrize(
    ("text", "age"), [("2026-11-21T02:58:42Z", 0), ("2026-11-21T02:58:32Z", 10), ("yesterday", None)]
)
def test_pop_timestamps(text: str, age: float | None) -> None:
    assert pop.age(text, StoppedClock(1795229922)) == age
