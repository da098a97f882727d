"""What a client holds while the server is restarted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.sync.client import connect

from tests.server import LiveServer
from yunbox.errors import Unauthenticated


def ask(server: LiveServer, action: str, **params: Any) -> Any:
    body = {"action": action, "dataVersion": "2020-01-10", **params}
    return httpx.post(f"{server.endpoint}/web?env=demo", json=body).json()


def log_in(server: LiveServer, signature: str) -> Any:
    frame = {
        "watchId": None,
        "requestId": "r1",
        "msgType": "LOGIN",
        "msgData": {"envId": "demo", "accessToken": "", "referrer": "web", "sdkVersion": "", "dataVersion": ""},
        "exMsgData": {"runtime": "web", "signStr": signature, "secretVersion": "1"},
    }
    with connect(server.endpoint.replace("http", "ws") + "/ws") as socket:
        socket.send(json.dumps(frame))
        return json.loads(socket.recv())["msgData"]


def test_socket_signatures_and_login_codes_survive(tmp_path: Path) -> None:
    with LiveServer(tmp_path) as server:
        space = server.create_space("demo")
        refresh = ask(server, "auth.signInAnonymously", anonymous_uuid="", refresh_token="")["refresh_token"]
        token = ask(server, "auth.fetchAccessTokenWithRefreshToken", refresh_token=refresh)["access_token"]
        signature = ask(server, "auth.wsWebSign", access_token=token)["data"]["signStr"]
        sent = server.call(server.services.identity.send_code(space, "email", "ann@example.com"))
    with LiveServer(tmp_path) as server:
        space, identity = server.services.spaces.get("demo"), server.services.identity
        assert log_in(server, signature) == {"envId": "demo"}
        for forged in (signature[:-4] + "AAAA", "", "nonsense", signature[:20]):
            assert "code" in log_in(server, forged)
        with pytest.raises(Unauthenticated, match="wrong"):
            identity.check_code(space, sent, "000000")
        assert identity.check_code(space, sent, "123456") == ("email", "ann@example.com")
        with pytest.raises(Unauthenticated):
            identity.check_code(space, sent, "123456")


def test_a_signature_is_for_one_space(tmp_path: Path) -> None:
    with LiveServer(tmp_path) as server:
        server.create_space("demo")
        server.create_space("other")
        refresh = ask(server, "auth.signInAnonymously", anonymous_uuid="", refresh_token="")["refresh_token"]
        token = ask(server, "auth.fetchAccessTokenWithRefreshToken", refresh_token=refresh)["access_token"]
        signature = ask(server, "auth.wsWebSign", access_token=token)["data"]["signStr"]
        assert log_in(server, signature) == {"envId": "demo"}
        server.delete_space("demo")
        assert "code" in log_in(server, signature)


@pytest.mark.parametrize("tries", [5, 6])
def test_guesses_are_counted_across_restarts(tmp_path: Path, tries: int) -> None:
    with LiveServer(tmp_path) as server:
        space = server.create_space("demo")
        sent = server.call(server.services.identity.send_code(space, "email", "ann@example.com"))
        for _ in range(tries - 1):
            with pytest.raises(Unauthenticated):
                server.services.identity.check_code(space, sent, "000000")
    with LiveServer(tmp_path) as server:
        space = server.services.spaces.get("demo")
        if tries == 5:
            assert server.services.identity.check_code(space, sent, "123456")
        else:
            with pytest.raises(Unauthenticated):
                server.services.identity.check_code(space, sent, "123456")
