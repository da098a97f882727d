"""WeChat's own HTTPS API behind open API calls: for spaces with a registered app and its secret.

Paths are those of WeChat's server API documentation for the name that ``cloud.openapi`` uses.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import orjson

from yunbox.errors import YunboxError

TIMEOUT = 10.0
_TOKEN_MARGIN = 300
_STALE_TOKEN = (40001, 40014, 42001)

PATHS: dict[str, str] = {
    "customerServiceMessage.send": "/cgi-bin/message/custom/send",
    "customerServiceMessage.setTyping": "/cgi-bin/message/custom/typing",
    "customerServiceMessage.uploadTempMedia": "/cgi-bin/media/upload",
    "img.aiCrop": "/cv/img/aicrop",
    "img.scanQRCode": "/cv/img/qrcode",
    "img.superresolution": "/cv/img/superresolution",
    "ocr.bankcard": "/cv/ocr/bankcard",
    "ocr.businessLicense": "/cv/ocr/bizlicense",
    "ocr.driverLicense": "/cv/ocr/drivinglicense",
    "ocr.idcard": "/cv/ocr/idcard",
    "ocr.printedText": "/cv/ocr/comm",
    "ocr.vehicleLicense": "/cv/ocr/driving",
    "phonenumber.getPhoneNumber": "/wxa/business/getuserphonenumber",
    "security.imgSecCheck": "/wxa/img_sec_check",
    "security.mediaCheckAsync": "/wxa/media_check_async",
    "security.msgSecCheck": "/wxa/msg_sec_check",
    "soter.verifySignature": "/cgi-bin/soter/verify_signature",
    "subscribeMessage.addTemplate": "/wxaapi/newtmpl/addtemplate",
    "subscribeMessage.deleteTemplate": "/wxaapi/newtmpl/deltemplate",
    "subscribeMessage.send": "/cgi-bin/message/subscribe/send",
    "templateMessage.send": "/cgi-bin/message/wxopen/template/send",
    "uniformMessage.send": "/cgi-bin/message/wxopen/template/uniform_send",
    "updatableMessage.setUpdatableMsg": "/cgi-bin/message/wxopen/updatablemsg/send",
    "urllink.generate": "/wxa/generate_urllink",
    "urllink.query": "/wxa/query_urllink",
    "urlscheme.generate": "/wxa/generatescheme",
    "urlscheme.query": "/wxa/queryscheme",
    "wxacode.createQRCode": "/cgi-bin/wxaapp/createwxaqrcode",
    "wxacode.get": "/wxa/getwxacode",
    "wxacode.getUnlimited": "/wxa/getwxacodeunlimit",
    **{
        f"analysis.{name}": f"/datacube/{path}"
        for name, path in {
            "getDailyRetain": "getweanalysisappiddailyretaininfo",
            "getDailySummary": "getweanalysisappiddailysummarytrend",
            "getDailyVisitTrend": "getweanalysisappiddailyvisittrend",
            "getMonthlyRetain": "getweanalysisappidmonthlyretaininfo",
            "getMonthlyVisitTrend": "getweanalysisappidmonthlyvisittrend",
            "getUserPortrait": "getweanalysisappiduserportrait",
            "getVisitDistribution": "getweanalysisappidvisitdistribution",
            "getVisitPage": "getweanalysisappidvisitpage",
            "getWeeklyRetain": "getweanalysisappidweeklyretaininfo",
            "getWeeklyVisitTrend": "getweanalysisappidweeklyvisittrend",
        }.items()
    },
}
GET_PATHS: dict[str, str] = {
    "customerServiceMessage.getTempMedia": "/cgi-bin/media/get",
    "subscribeMessage.getCategory": "/wxaapi/newtmpl/getcategory",
    "subscribeMessage.getPubTemplateKeyWordsById": "/wxaapi/newtmpl/getpubtemplatekeywords",
    "subscribeMessage.getPubTemplateTitleList": "/wxaapi/newtmpl/getpubtemplatetitles",
    "subscribeMessage.getTemplateList": "/wxaapi/newtmpl/gettemplate",
    "updatableMessage.createActivityId": "/cgi-bin/message/wxopen/activityid/create",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What an API answered."""

    body: bytes
    content_type: str = "application/json; encoding=utf-8"


@dataclass(frozen=True, slots=True)
class App:
    """A registered mini program."""

    app_id: str
    secret: str


class WeChatApi:
    """Calls WeChat as an app, with access tokens that are kept until they end."""

    def __init__(self, base_url: str) -> None:
        self._base = base_url.rstrip("/")
        self._tokens: dict[App, tuple[str, float]] = {}

    def knows(self, name: str) -> bool:
        """Whether an API of this name can be called."""
        return name in PATHS or name in GET_PATHS

    async def call(self, app: App, name: str, data: Mapping[str, Any]) -> Answer:
        """The answer of an API; bytes among ``data`` are sent as files.

        Raises:
            YunboxError: when WeChat cannot be reached or gives no access token.
        """
        async with httpx.AsyncClient(base_url=self._base, timeout=TIMEOUT) as client:
            try:
                answer = await self._call(client, app, name, data)
                if _error_number(answer) in _STALE_TOKEN:
                    self._tokens.pop(app, None)
                    answer = await self._call(client, app, name, data)
            except httpx.HTTPError as error:
                raise YunboxError(f"WeChat's API did not answer: {type(error).__name__} / 微信接口无响应") from None
        return Answer(answer.content, answer.headers.get("content-type") or "application/json")

    async def _call(self, client: httpx.AsyncClient, app: App, name: str, data: Mapping[str, Any]) -> httpx.Response:
        query = {"access_token": await self._token(client, app)}
        if name in GET_PATHS:
            return await client.get(GET_PATHS[name], params={**query, **data})
        files = {key: (key, value) for key, value in data.items() if isinstance(value, bytes)}
        if files:
            fields = {key: str(value) for key, value in data.items() if key not in files}
            return await client.post(PATHS[name], params=query, data=fields, files=files)
        content = orjson.dumps(dict(data))
        return await client.post(
            PATHS[name], params=query, content=content, headers={"content-type": "application/json"}
        )

    async def _token(self, client: httpx.AsyncClient, app: App) -> str:
        token, end = self._tokens.get(app, ("", 0.0))
        if end > time.time():
            return token
        query = {"grant_type": "client_credential", "appid": app.app_id, "secret": app.secret}
        answer = _json((await client.get("/cgi-bin/token", params=query)).content)
        if not answer.get("access_token"):
            raise YunboxError(
                f"WeChat gave no access token for {app.app_id}: {answer.get('errmsg', 'no reason')}"
                f" ({answer.get('errcode', 0)}); check `yunbox app add --provider wechat`"
            )
        token = str(answer["access_token"])
        self._tokens[app] = token, time.time() + max(float(answer.get("expires_in", 7200)) - _TOKEN_MARGIN, 60)
        return token


def _error_number(answer: httpx.Response) -> int:
    if "json" not in answer.headers.get("content-type", ""):
        return 0
    number = _json(answer.content).get("errcode", 0)
    return number if isinstance(number, int) else 0


def _json(content: bytes) -> dict[str, Any]:
    try:
        parsed = orjson.loads(content)
    except orjson.JSONDecodeError:
        return {}
    return parsed if isinstance(parsed, dict) else {}
