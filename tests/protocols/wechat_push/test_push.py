"""Messages pushed by a stand-in of WeChat's servers, signed and encrypted for real (FN-23)."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from tests.protocols.wechat_push.sender import Sender
from tests.server import LiveServer
from yunbox.caller import Caller
from yunbox.errors import Unauthenticated
from yunbox.protocols.wechat_push import channel as channels
from yunbox.protocols.wechat_push import crypt, delivery, messages
from yunbox.protocols.wechat_push.channel import PushRoute
from yunbox.spaces import Space

APP = "wx0123456789abcdef"
TEXT = {
    "ToUserName": "gh_1",
    "FromUserName": "o-alice",
    "CreateTime": 1555684067,
    "MsgType": "text",
    "Content": "测试 <a>",
    "MsgId": 23637352235060880,
}
ENTER = {
    "ToUserName": "gh_1",
    "FromUserName": "o-alice",
    "CreateTime": 1482048670,
    "MsgType": "event",
    "Event": "user_enter_tempsession",
    "SessionFrom": "page",
}
CODE = """
const seen = []
exports.main = async (event) => {
  if (event.how === 'seen') return seen
  const { WX_OPENID, WX_APPID } = process.env
  seen.push({ event, openid: WX_OPENID, app: WX_APPID })
  if (event.Content === 'reply') return { MsgType: 'text', Content: '你好 ]]> & <b>' }
  if (event.Content === 'transfer') return { MsgType: 'transfer_customer_service', TransInfo: { KfAccount: 'kf@1' } }
  if (event.Content === 'news') return { MsgType: 'news', Articles: [{ Title: 'a' }, { Title: 'b' }] }
  if (event.Content === 'throw') throw new Error('no')
  if (event.Content === 'slow') await new Promise((resolve) => setTimeout(resolve, 300))
  return 'success'
}
"""


@pytest.fixture(scope="module")
def space(cloud: LiveServer, tmp_path_factory: pytest.TempPathFactory) -> Space:
    space = cloud.create_space()
    cloud.services.spaces.set_app(space.id, "wechat", APP, {"secret": "s"})
    source: Path = tmp_path_factory.mktemp("service")
    (source / "index.js").write_text(CODE)
    cloud.call(cloud.services.functions.deploy(space.id, source, "service"))
    channel = channels.configured(None, {})
    for kind, event in (("text", ""), ("event", "user_enter_tempsession")):
        channel = channel.with_route(PushRoute(kind, event, space.id, "service"))
    channels.keep(cloud.services.spaces, space.id, APP, channel)
    return space


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine may take longer than WeChat waits."""
    monkeypatch.setattr(delivery, "ANSWER_S", 60)


@pytest.fixture
def sender(cloud: LiveServer, space: Space) -> Callable[..., Sender]:
    """A sender in a format and mode, for which the app is set up."""

    def make(format: str = "json", mode: str = "safe") -> Sender:
        spaces = cloud.services.spaces
        channel = channels.configured(channels.find(spaces, space.id, APP), {"mode": mode})
        channels.keep(spaces, space.id, APP, channel)
        url = cloud.endpoint + channels.path_of(space.id, APP)
        return Sender(url, channel.token, channel.aes_key, APP, format, mode)

    return make


def last(cloud: LiveServer, space: Space) -> Any:
    """What the function saw last."""
    seen = cloud.call(cloud.services.functions.invoke(Caller("admin", space.id), "service", {"how": "seen"}))
    return orjson.loads(seen.result_json)[-1]


@pytest.mark.parametrize("mode", ["plain", "compat", "safe"])
@pytest.mark.parametrize("format", ["json", "xml"])
def test_messages_reach_their_function(
    cloud: LiveServer, space: Space, sender: Callable[..., Sender], format: str, mode: str
) -> None:
    wechat = sender(format, mode)
    assert wechat.reply(TEXT) == "success"
    seen = last(cloud, space)
    assert seen["event"] == {**TEXT, "MsgId": str(TEXT["MsgId"])}
    assert (seen["openid"], seen["app"]) == ("o-alice", APP)
    assert wechat.reply(ENTER) == "success"
    assert last(cloud, space)["event"] == ENTER


@pytest.mark.parametrize("mode", ["plain", "safe"])
@pytest.mark.parametrize("format", ["json", "xml"])
def test_passive_replies(sender: Callable[..., Sender], format: str, mode: str) -> None:
    wechat = sender(format, mode)
    reply = wechat.reply({**TEXT, "Content": "reply"})
    assert isinstance(reply, dict)
    assert abs(int(reply.pop("CreateTime")) - time.time()) < 60
    assert reply == {
        "ToUserName": "o-alice",
        "FromUserName": "gh_1",
        "MsgType": "text",
        "Content": "你好 ]]> & <b>",
    }
    transfer = wechat.reply({**TEXT, "Content": "transfer"})
    assert isinstance(transfer, dict)
    assert (transfer["MsgType"], transfer["ToUserName"]) == ("transfer_customer_service", "o-alice")
    assert "TransInfo" in transfer


def test_news_in_xml(sender: Callable[..., Sender]) -> None:
    answer = sender("xml", "plain").send({**TEXT, "Content": "news"})
    assert "<ArticleCount>2</ArticleCount>" in answer.text
    articles = "<Articles><item><Title><![CDATA[a]]></Title></item><item><Title><![CDATA[b]]></Title></item></Articles>"
    assert articles in answer.text


def test_the_address_proves_its_token(sender: Callable[..., Sender]) -> None:
    wechat = sender()
    answer = wechat.verify("4321<script>")
    assert (answer.status_code, answer.text) == (200, "4321<script>")
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.headers["x-content-type-options"] == "nosniff"
    for changes in ({"signature": "0" * 40}, {"signature": ""}, {"nonce": "1"}, {"timestamp": "1"}, {"timestamp": "x"}):
        refused = wechat.verify(**changes)
        assert refused.status_code == 403
        assert "echo-1" not in refused.text
    old = str(int(time.time()) - 3600)
    assert wechat.verify(timestamp=old, nonce="1", signature=crypt.signature(wechat.token, old, "1")).status_code == 403


def test_who_cannot_sign_is_refused(cloud: LiveServer, space: Space, sender: Callable[..., Sender]) -> None:
    wechat = sender()
    assert wechat.send(TEXT).text == "success"
    before = last(cloud, space)
    marked = {**TEXT, "Content": "forged"}
    query, body = wechat.request(marked)
    refused = [
        wechat.post({**query, "msg_signature": "0" * 40}, body),
        wechat.post({**query, "msg_signature": query["signature"]}, body),
        wechat.post({**query, "timestamp": str(int(query["timestamp"]) + 1)}, body),
        wechat.post({name: value for name, value in query.items() if name != "msg_signature"}, body),
        Sender(wechat.url, "anothertoken", wechat.aes_key, APP).send(marked),
        Sender(wechat.url, wechat.token, crypt.new_key(), APP).send(marked),
        Sender(wechat.url, wechat.token, wechat.aes_key, "wx-another-app").send(marked),
        wechat.send(marked, at=time.time() - 3600),
        Sender(wechat.url, wechat.token, wechat.aes_key, APP, mode="plain").send(marked),
    ]
    assert [answer.status_code for answer in refused] == [403] * len(refused)
    for text in (wechat.token, wechat.aes_key, "Traceback"):
        assert not [answer for answer in refused if text in answer.text]
    assert last(cloud, space) == before


def test_a_request_is_taken_once(cloud: LiveServer, space: Space, sender: Callable[..., Sender]) -> None:
    wechat = sender()
    query, body = wechat.request({**TEXT, "Content": "reply"})
    assert "Encrypt" in wechat.post(query, body).text
    assert wechat.post(query, body).text == "success"
    again = wechat.reply({**TEXT, "Content": "reply"})
    assert isinstance(again, dict), "the same message in another request may come again"


def test_a_request_cannot_be_taken_again_as_a_plain_one(
    cloud: LiveServer, space: Space, sender: Callable[..., Sender]
) -> None:
    wechat = sender("json", "compat")
    query, body = wechat.request(TEXT)
    assert wechat.post(query, body).text == "success"
    forged = wechat.text({**TEXT, "Content": "forged"}).encode()
    assert wechat.post(query, forged).text == "success"
    assert last(cloud, space)["event"]["Content"] == TEXT["Content"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"text",
        b"<xml><a>",
        b'<!DOCTYPE x [<!ENTITY e "e">]><xml><a>&e;</a></xml>',
        b"<a>" * 100_000,
        b"\xff\xfe",
        b"{}",
        b"<xml>text</xml>",
    ],
)
def test_what_is_no_message_is_refused(sender: Callable[..., Sender], body: bytes) -> None:
    for mode in ("plain", "safe"):
        wechat = sender("json", mode)
        answer = wechat.post(wechat.query(), body)
        assert answer.status_code in (400, 403) or (mode, answer.text) == ("plain", "success")
        assert "Traceback" not in answer.text


def test_no_encoding_hides_entities(sender: Callable[..., Sender]) -> None:
    wechat = sender("xml", "plain")
    text = '<?xml version="1.0" encoding="utf-16"?><!DOCTYPE x [<!ENTITY e "text">]><xml><MsgType>&e;</MsgType></xml>'
    assert wechat.post(wechat.query(), text.encode("utf-16")).status_code == 400


def test_messages_for_nobody_failures_and_slow_functions(
    sender: Callable[..., Sender], monkeypatch: pytest.MonkeyPatch
) -> None:
    wechat = sender()
    assert wechat.reply({**TEXT, "MsgType": "image"}) == "success"
    assert wechat.reply({**TEXT, "Content": "throw"}) == "success"
    monkeypatch.setattr(delivery, "ANSWER_S", 0.05)
    assert wechat.reply({**TEXT, "Content": "slow"}) == "success"


def test_addresses_that_are_none(cloud: LiveServer, space: Space, sender: Callable[..., Sender]) -> None:
    wechat = sender()
    for path in (f"{space.id}/wx-nobody", f"nowhere/{APP}", space.id, f"{space.id}/{APP}/more", ""):
        wechat.url = f"{cloud.endpoint}/push/wechat/{path}"
        assert wechat.send(TEXT).status_code == 404, path
    wechat.url = cloud.endpoint + channels.path_of(space.id, APP)
    assert httpx.put(wechat.url).status_code == 405


def test_a_route_to_another_space_needs_the_app_there(cloud: LiveServer, space: Space) -> None:
    other = cloud.create_space()
    spaces, running = cloud.services.spaces, delivery.Delivery(cloud.services)
    channel = channels.configured(None, {}).with_route(PushRoute("text", "", other.id, "service"))
    assert cloud.call(running.deliver(channel, APP, TEXT)).route is None
    spaces.set_app(other.id, "wechat", APP, {"secret": "s"})
    delivered = cloud.call(running.deliver(channel, APP, TEXT))
    assert "does not exist" in delivered.error


@pytest.mark.parametrize("size", [0, 1, 15, 16, 31, 32, 33, 1000])
def test_encryption_of_every_length(size: int) -> None:
    key, text = crypt.new_key(), b"x" * size
    assert crypt.decrypt(key, APP, crypt.encrypt(key, APP, text)) == text
    with pytest.raises(Unauthenticated):
        crypt.decrypt(crypt.new_key(), APP, crypt.encrypt(key, APP, text))


@pytest.mark.parametrize("text", ["", "!!", "AAAA", "A" * 43, "5rWL"])
def test_what_was_not_encrypted_is_refused(text: str) -> None:
    with pytest.raises(Unauthenticated):
        crypt.decrypt(crypt.new_key(), APP, text)


def test_nested_and_repeated_elements() -> None:
    body = b"<xml><a><b>1</b><b>2</b></a><List><x>1</x></List><Encrypt>no</Encrypt><CreateTime>12</CreateTime></xml>"
    format, fields = messages.read(body)
    assert format == "xml"
    assert messages.event_of(fields) == {"a": {"b": ["1", "2"]}, "List": {"x": "1"}, "CreateTime": 12}
