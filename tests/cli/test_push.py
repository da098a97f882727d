from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import CommandLine
from tests.protocols.wechat_push.sender import Sender
from tests.server import LiveServer
from yunbox.protocols.wechat_push import delivery

CODE = (
    "exports.main = async (event) => event.Content === 'hi' ? { MsgType: 'text', Content: event.FromUserName } : null\n"
)
APP = ("--app-id", "wx1")


def test_push_from_registering_to_a_reply(
    cloud: LiveServer, yunbox: CommandLine, function: Callable[[str, str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "ANSWER_S", 60)  # a busy machine may take longer than WeChat waits
    assert "yunbox app add" in yunbox.failure("push", "enable", *APP)["error"]["message"]
    yunbox.text("app", "add", "--provider", "wechat", *APP, "--secret-file", "-", stdin="secret")
    assert "yunbox push enable" in yunbox.failure("push", "show", *APP)["error"]["message"]
    made = yunbox.json("push", "enable", *APP)
    assert made["url"] == f"{cloud.endpoint}/push/wechat/{yunbox.space.id}/wx1"
    assert (len(made["token"]), len(made["aes_key"]), made["mode"], made["routes"]) == (32, 43, "safe", [])
    assert "route" in yunbox.failure("push", "send", "--type", "text", *APP)["error"]["message"]
    assert yunbox.failure("push", "route", "nope", "--type", "text", *APP)["error"]["code"] == "function_not_found"
    yunbox.text("functions", "deploy", str(function("service", CODE)))
    shown = yunbox.json("push", "route", "service", "--type", "text", *APP)
    assert shown["routes"] == [{"type": "text", "event": "", "space": yunbox.space.id, "function": "service"}]
    yunbox.text("push", "route", "service", "--type", "event", "--event", "subscribe", *APP)
    assert "subscribe" in yunbox.text("push", "show", *APP)

    sent = yunbox.json("push", "send", "--type", "text", "--content", "hi", "--openid", "o-1", *APP)
    assert (sent["event"]["Content"], sent["reply"]["Content"], sent["error"]) == ("hi", "o-1", "")
    assert "success" in yunbox.text("push", "send", "--type", "event", "--event", "subscribe", *APP)

    wechat = Sender(made["url"], made["token"], made["aes_key"], "wx1")
    reply = wechat.reply({"ToUserName": "gh", "FromUserName": "o-2", "MsgType": "text", "Content": "hi"})
    assert isinstance(reply, dict)
    assert reply["Content"] == "o-2"

    yunbox.text("app", "add", "--provider", "wechat", *APP, "--secret-file", "-", stdin="another secret")
    assert yunbox.json("push", "show", *APP)["token"] == made["token"], "a new secret keeps the push"
    assert "token" not in json.dumps(yunbox.json("app", "list"))
    kept = yunbox.json("push", "unroute", "--type", "text", *APP)["routes"]
    assert [route["event"] for route in kept] == ["subscribe"]
    assert yunbox.run("push", "unroute", "--type", "text", *APP).exit_code == 1
    yunbox.text("push", "disable", *APP)
    assert yunbox.run("push", "show", *APP).exit_code == 1
    assert wechat.verify().status_code == 404


def test_own_token_and_key(yunbox: CommandLine, tmp_path: Path) -> None:
    yunbox.text("app", "add", "--provider", "wechat", *APP, "--secret-file", "-", stdin="secret")
    token, key = tmp_path / "token", tmp_path / "key"
    token.write_text("myToken123\n")
    key.write_text("a" * 43)
    files = ("--token-file", str(token), "--aes-key-file", str(key))
    made = yunbox.json("push", "enable", *APP, *files, "--mode", "compat")
    assert (made["token"], made["aes_key"], made["mode"]) == ("myToken123", "a" * 43, "compat")
    assert yunbox.json("push", "enable", *APP, "--mode", "plain")["token"] == "myToken123"
    for bad in ("a", "has space", "x" * 33):
        token.write_text(bad)
        assert yunbox.failure("push", "enable", *APP, "--token-file", str(token))["error"]["code"] == "invalid_request"
    key.write_text("short")
    assert "43" in yunbox.failure("push", "enable", *APP, "--aes-key-file", str(key))["error"]["message"]
