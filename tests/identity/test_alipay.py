from __future__ import annotations

import base64
import datetime
import hashlib
import json
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from yunbox.errors import LimitExceeded, Unauthenticated, YunboxError
from yunbox.identity.providers import Alipay, App, PlatformUser, alipay

APP_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PLATFORM_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def private_text(form: str) -> str:
    kind = serialization.PrivateFormat.PKCS8 if "8" in form else serialization.PrivateFormat.TraditionalOpenSSL
    encoding = serialization.Encoding.PEM if "pem" in form else serialization.Encoding.DER
    raw = APP_KEY.private_bytes(encoding, kind, serialization.NoEncryption())
    return raw.decode() if "pem" in form else base64.b64encode(raw).decode()


def public_text(pem: bool = False) -> str:
    encoding = serialization.Encoding.PEM if pem else serialization.Encoding.DER
    raw = PLATFORM_KEY.public_key().public_bytes(encoding, serialization.PublicFormat.SubjectPublicKeyInfo)
    return raw.decode() if pem else base64.b64encode(raw).decode()


CONFIG = {"private_key": private_text("der1"), "public_key": public_text()}


def signed(answer: dict[str, Any], *, key: rsa.RSAPrivateKey = PLATFORM_KEY) -> str:
    inner = json.dumps(answer, ensure_ascii=False, indent=1)
    signature = base64.b64encode(key.sign(inner.encode(), padding.PKCS1v15(), hashes.SHA256())).decode()
    return f'{{"alipay_system_oauth_token_response":{inner},"sign":"{signature}"}}'


class Platform:
    """A stand-in for Alipay's gateway that verifies the signature of what it is sent."""

    def __init__(self, answer: str) -> None:
        self.answer = answer
        self.parameters: dict[str, str] = {}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        parameters = dict(request.url.params) | dict(parse_qsl(request.content.decode()))
        signature = base64.b64decode(parameters["sign"])
        text = "&".join(f"{k}={v}" for k, v in sorted(parameters.items()) if k != "sign" and v)
        APP_KEY.public_key().verify(signature, text.encode(), padding.PKCS1v15(), hashes.SHA256())
        self.parameters = parameters
        return httpx.Response(200, text=self.answer, headers={"content-type": "text/html;charset=utf-8"})


async def ask(answer: str, config: dict[str, str] | None = None) -> tuple[PlatformUser, dict[str, str]]:
    platform = Platform(answer)
    async with httpx.AsyncClient(transport=httpx.MockTransport(platform)) as client:
        app = App("2021000000000001", "", CONFIG if config is None else config)
        return await Alipay().resolve(client, "http://stand-in/gateway.do", app, "code-1"), platform.parameters


async def test_the_request_is_signed_and_complete() -> None:
    user, sent = await ask(signed({"user_id": "2088", "access_token": "t", "note": 'a "}" in text 中'}))
    assert user == PlatformUser("2088")
    assert sent.pop("timestamp")
    assert sent.pop("sign")
    assert sent == {
        "app_id": "2021000000000001",
        "charset": "utf-8",
        "code": "code-1",
        "format": "JSON",
        "grant_type": "authorization_code",
        "method": "alipay.system.oauth.token",
        "sign_type": "RSA2",
        "version": "1.0",
    }


async def test_newer_apps_get_only_an_open_id() -> None:
    assert (await ask(signed({"open_id": "074x"})))[0].external_id == "074x"


async def test_a_vendors_app_signs_for_another() -> None:
    _, sent = await ask(signed({"user_id": "1"}), {**CONFIG, "isv_app_id": "2021-isv", "app_auth_token": "token"})
    assert (sent["app_id"], sent["app_auth_token"]) == ("2021-isv", "token")


@pytest.mark.parametrize("form", ["der8", "der1", "pem8", "pem1"])
async def test_every_form_of_private_key(form: str) -> None:
    config = {"private_key": private_text(form), "public_key": public_text(pem=True)}
    assert (await ask(signed({"user_id": "1"}), config))[0].external_id == "1"


async def test_keys_may_come_as_one_secret() -> None:
    assert (await ask(signed({"user_id": "1"}), {"secret": json.dumps(CONFIG)}))[0].external_id == "1"


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        ({"code": "40002", "msg": "Invalid Arguments", "sub_code": "isv.code-invalid"}, Unauthenticated),
        ({"code": "40002", "sub_code": "isv.invalid-signature"}, Unauthenticated),
        ({"code": "40004", "sub_code": "isv.app-call-limited"}, LimitExceeded),
        ({"code": "20000", "sub_code": "isp.unknow-error"}, YunboxError),
    ],
)
async def test_refusals(error: dict[str, str], raised: type[YunboxError]) -> None:
    with pytest.raises(raised):
        await ask(json.dumps({"error_response": error, "sign": "x"}))


async def test_an_answer_signed_by_somebody_else_is_refused() -> None:
    with pytest.raises(Unauthenticated, match="not signed"):
        await ask(signed({"user_id": "1"}, key=APP_KEY))


@pytest.mark.parametrize("answer", ["", "<html>", "[]"])
async def test_nonsense_is_reported(answer: str) -> None:
    with pytest.raises(YunboxError, match="did not answer"):
        await ask(answer)


@pytest.mark.parametrize("config", [{}, {"private_key": "x"}, {"private_key": private_text("pem8"), "public_key": "-"}])
async def test_unusable_keys_are_named(config: dict[str, str]) -> None:
    with pytest.raises(Unauthenticated, match="no usable"):
        await ask(signed({"user_id": "1"}), config)


def certificate(name: str, public: rsa.RSAPublicKey, signer: rsa.RSAPrivateKey = PLATFORM_KEY) -> x509.Certificate:
    parts = [(NameOID.COUNTRY_NAME, "CN"), (NameOID.ORGANIZATION_NAME, "Ant"), (NameOID.COMMON_NAME, name)]
    subject = x509.Name([x509.NameAttribute(oid, value) for oid, value in parts])
    start = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(public)
    builder = (
        builder.serial_number(12345).not_valid_before(start).not_valid_after(start + datetime.timedelta(days=3650))
    )
    return builder.sign(signer, hashes.SHA256())


def pem(item: x509.Certificate) -> str:
    return item.public_bytes(serialization.Encoding.PEM).decode()


async def test_certificate_mode_names_the_certificates() -> None:
    own, platform = certificate("own", APP_KEY.public_key()), certificate("platform", PLATFORM_KEY.public_key())
    config = {
        "private_key": private_text("der8"),
        "app_cert": pem(own),
        "public_cert": pem(platform),
        "root_cert": pem(platform) + pem(own),
    }
    user, sent = await ask(signed({"user_id": "1"}), config)
    assert user.external_id == "1"
    assert sent["app_cert_sn"] == hashlib.new("md5", b"CN=own,O=Ant,C=CN12345", usedforsecurity=False).hexdigest()
    assert sent["alipay_root_cert_sn"] == f"{alipay.serial_number(platform)}_{sent['app_cert_sn']}"


async def call(answer: str, method: str, params: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    platform = Platform(answer)
    async with httpx.AsyncClient(transport=httpx.MockTransport(platform)) as client:
        result = await Alipay().call(client, "http://stand-in/gateway.do", App("2021", "", CONFIG), method, params)
        return result, platform.parameters


async def test_any_method_of_the_open_api() -> None:
    text = signed({"code": "10000", "msg": "Success", "trade_no": "1", "fund_bill_list": [{"fund_channel": "X"}]})
    text = text.replace("alipay_system_oauth_token_response", "alipay_trade_query_response")
    params = {"outTradeNo": "7", "bizContent": {"queryOptions": ["a"]}, "$config": {"notify": "http://n/"}}
    result, sent = await call(text, "alipay.trade.query", params)
    assert result == {"code": "10000", "msg": "Success", "tradeNo": "1", "fundBillList": [{"fundChannel": "X"}]}
    assert json.loads(sent["biz_content"]) == {"out_trade_no": "7", "query_options": ["a"]}
    assert (sent["method"], sent["notify_url"]) == ("alipay.trade.query", "http://n/")


async def test_a_refused_method_is_an_answer_too() -> None:
    error = json.dumps({"error_response": {"code": "40001", "msg": "Missing", "sub_code": "isv.missing"}})
    result, sent = await call(error, "alipay.user.info.share", {"authToken": "t"})
    assert result == {"code": "40001", "msg": "Missing", "subCode": "isv.missing"}
    assert sent["auth_token"] == "t"
    with pytest.raises(Unauthenticated):
        await call(signed({"code": "10000"}), "alipay.other", {})
