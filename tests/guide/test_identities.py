"""Signing in through the platforms, end to end: a server for real use, the keys saved through the OpenAPI, the real SDK on
three platforms, and stand-ins that answer as WeChat, Alipay and DingTalk do (aliyun-wire.md §8).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from tests import standin
from tests.guide.conftest import Example, Run
from tests.identity.test_alipay import APP_KEY, PLATFORM_KEY, private_text, public_text
from tests.server import LiveServer
from tests.standin import StandIn

PROVIDERS = {"wx": "wechat_openapi", "my": "alipay_openapi", "dd": "dingtalk_openapi"}
USED: set[str] = set()


def wechat(query: dict[str, str]) -> dict[str, Any]:
    code = query["js_code"]
    if (query["appid"], query["secret"]) != ("app-1", "wx-secret"):
        return {"errcode": 40125, "errmsg": "invalid appsecret"}
    if code in USED:
        return {"errcode": 40163, "errmsg": "code been used"}
    USED.add(code)
    return {"openid": "o-ann", "session_key": "k", "unionid": "u-ann"}


def alipay(fields: dict[str, str]) -> str:
    """The signed text of an answer; the request's own signature must be right."""
    text = "&".join(f"{name}={value}" for name, value in sorted(fields.items()) if name != "sign" and value)
    APP_KEY.public_key().verify(base64.b64decode(fields["sign"]), text.encode(), padding.PKCS1v15(), hashes.SHA256())
    if fields["method"] == "alipay.system.oauth.token":
        inner = {"user_id": "2088123412341234", "access_token": "t", "expires_in": 1}
    else:
        inner = {"code": "10000", "msg": "Success", "trade_no": fields["biz_content"]}
    answer = json.dumps(inner)
    signature = PLATFORM_KEY.sign(answer.encode(), padding.PKCS1v15(), hashes.SHA256())
    name = fields["method"].replace(".", "_") + "_response"
    return f'{{"{name}":{answer},"sign":"{base64.b64encode(signature).decode()}"}}'


class Platforms(StandIn):
    def do_GET(self) -> None:
        split = urlsplit(self.path)
        query = dict(parse_qsl(split.query))
        if split.path == "/sns/jscode2session":
            return self.answer(json.dumps(wechat(query)).encode())
        known = (query.get("appkey"), query.get("appsecret")) == ("app-1", "dd-secret")
        token = {"errcode": 0, "errmsg": "ok", "access_token": "T", "expires_in": 7200}
        return self.answer(
            json.dumps(token if known else {"errcode": 40089, "errmsg": "不合法的corpid或corpsecret"}).encode()
        )

    def do_POST(self) -> None:
        body = self.body().decode()
        split = urlsplit(self.path)
        if split.path == "/gateway.do":
            return self.answer(alipay(dict(parse_qsl(split.query)) | dict(parse_qsl(body))).encode())
        user = {"userid": "manager-1", "unionid": "union-1", "name": "安"}
        return self.answer(json.dumps({"errcode": 0, "errmsg": "ok", "request_id": "r", "result": user}).encode())


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """`yunbox serve`, whose platforms are the stand-ins: nobody is let in without a real login."""
    with standin.serving(Platforms) as base:
        urls = {"wechat_api_url": base, "alipay_api_url": f"{base}/gateway.do", "dingtalk_api_url": base}
        with LiveServer(tmp_path_factory.mktemp("serving") / "data", "serve", **urls) as server:
            yield server


CLIENT = "const client = new Core({ accessKeyId: options.accessKeyId, accessKeySecret: options.accessKeySecret, endpoint: options.endpoint, apiVersion: '2019-06-15' });"
SAVE = {
    "wx": "await client.request('SaveWechatOpenPlatformConfig', { SpaceId: options.spaceId, AppId: 'app-1', AppSecret: 'wx-secret' }, { method: 'POST' })",
    "my": "await client.request('SaveAntOpenPlatformConfig', { SpaceId: options.spaceId, AppId: 'app-1', PrivateKey: options.privateKey, PublicKey: options.publicKey, SignMode: 'RSA2' }, { method: 'POST' })",
    "dd": "await client.request('AddDingtalkOpenPlatformConfig', { SpaceId: options.spaceId, AppId: 'app-1', AppSecret: 'dd-secret' }, { method: 'POST' })",
}
IDS = {"wx": "o-ann", "my": "2088123412341234", "dd": "manager-1"}
USER = "return (await mpserverless.user.getInfo()).result.user.oAuthUserId"
TRADE = (
    "module.exports = async ctx => (await ctx.mpserverless.function.invoke('alipay-openapi', "
    "{ method: 'alipay.trade.query', params: { bizContent: { outTradeNo: '7' } } })).result"
)


def examples(platform: str) -> list[Example]:
    found = [
        Example("8", "before the app is known", "return await mpserverless.init()", code_of_error="InvalidParameter.AuthCode"),
        Example("8", "save", f"{CLIENT} return {SAVE[platform]}", lambda got: list(got) == ["RequestId"]),
        Example("8", "init", "return await mpserverless.init()", lambda got: got == {"success": True}),
        Example("8", "who", USER, lambda got: got == IDS[platform]),
        Example("8", "anonymously", "await mpserverless.user.authorize({ authType: 'anonymous' }); " + USER, lambda got: got is None),
        Example("8", "another app", "return await new MPServerless(hosts, { ...options, appId: 'app-2' }).init()", code_of_error="InvalidParameter.AuthCode"),
        Example(
            "8",
            "listed without anybody seeing it in a client",
            f"{CLIENT} return await client.request('ListOpenPlatformConfig', {{ SpaceId: options.spaceId, Platform: options.named }}, {{ method: 'POST' }})",
            lambda got: got["SecretList"][0]["AppId"] == "app-1",
        ),
    ]  # fmt: skip
    if platform == "wx":
        used = "return await mpserverless.user.authorize({ authProvider: 'wechat_openapi' })"
        found.append(Example("8", "a code that was used", used, code_of_error="InvalidParameter.AuthCode"))
    if platform == "my":
        asked = "return await server.function.invoke('trade')"
        expected = {"code": "10000", "msg": "Success", "tradeNo": '{"out_trade_no":"7"}'}
        found.append(Example("8", "Alipay's API from a function", asked, lambda got: got["result"] == expected))
    return found


@pytest.mark.parametrize("platform", PROVIDERS)
def test_signing_in(serving: LiveServer, chapter: Run, tmp_path: Path, platform: str) -> None:
    space = serving.create_space()
    (tmp_path / "index.js").write_text(TRADE)
    serving.call(serving.services.functions.deploy(space.id, tmp_path, "trade"))
    wanted = examples(platform)
    keys = {"privateKey": private_text("der8"), "publicKey": public_text(), "endpoint": serving.endpoint}
    named = {"wx": "WECHAT", "my": "ANT", "dd": "DINGTALK"}[platform]
    results = chapter(space, wanted, platform=platform, named=named, **keys)
    for example in wanted:
        example.verify(results[str(example)])
