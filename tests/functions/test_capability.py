"""Capability tokens and derived key pairs."""

from __future__ import annotations

import base64

import pytest
from msgspec.structs import replace

from yunbox.caller import Caller
from yunbox.errors import Unauthenticated
from yunbox.functions.capability import Capabilities

CALLER = Caller(
    kind="function", space="demo", user_id="u", openid="o", unionid="n", app_id="wx1", provider="wechat", source="client",
    client_ip="10.0.0.1", user_agent="UA", function="f", request_id="r-1",
)  # fmt: skip


class Clock:
    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


def test_a_token_says_everything_about_its_caller() -> None:
    capabilities = Capabilities(b"k" * 32)
    issued = capabilities.issue(CALLER, 60)
    assert capabilities.verify(issued.token, issued.secret_id) == CALLER
    assert capabilities.secret_for(issued.secret_id) == issued.secret_key
    nobody = Caller(kind="function", space="demo", function="f", request_id="r-2")
    assert capabilities.verify(*_pair(capabilities, nobody)) == nobody


def _pair(capabilities: Capabilities, caller: Caller) -> tuple[str, str]:
    issued = capabilities.issue(caller, 60)
    return issued.token, issued.secret_id


def test_no_two_invocations_share_a_key() -> None:
    capabilities = Capabilities(b"k" * 32)
    first, second = (capabilities.issue(CALLER, 60) for _ in range(2))
    assert first.secret_id != second.secret_id
    assert first.secret_key != second.secret_key
    with pytest.raises(Unauthenticated, match="another key"):
        capabilities.verify(first.token, second.secret_id)


def test_a_token_ends() -> None:
    clock = Clock()
    capabilities = Capabilities(b"k" * 32, clock)
    issued = capabilities.issue(CALLER, 80)
    clock.now += 80
    assert capabilities.verify(issued.token, issued.secret_id).openid == "o"
    clock.now += 2
    with pytest.raises(Unauthenticated, match="has ended"):
        capabilities.verify(issued.token, issued.secret_id)


@pytest.mark.parametrize(
    "token", ["", "x", "!!!", "AAAA", "中文", base64.urlsafe_b64encode(b"\0" * 32 + b"{}").decode()]
)
def test_what_is_not_a_token(token: str) -> None:
    with pytest.raises(Unauthenticated, match="not valid"):
        Capabilities(b"k" * 32).verify(token, "AKIDfn1")


def test_tokens_cannot_be_changed_or_moved_between_servers() -> None:
    capabilities = Capabilities(b"k" * 32)
    issued = capabilities.issue(CALLER, 60)
    raw = base64.urlsafe_b64decode(issued.token + "==")
    forged = base64.urlsafe_b64encode(raw.replace(b'"demo"', b'"prod"')).decode()
    for verifier, token in ((capabilities, forged), (Capabilities(b"x" * 32), issued.token)):
        with pytest.raises(Unauthenticated):
            verifier.verify(token, issued.secret_id)


def test_key_ids_of_others() -> None:
    assert Capabilities(b"k" * 32).secret_for("AKID0123") is None


def test_the_kind_is_always_function() -> None:
    capabilities = Capabilities(b"k" * 32)
    token, secret_id = _pair(capabilities, replace(CALLER, kind="admin"))
    assert capabilities.verify(token, secret_id).kind == "function"
