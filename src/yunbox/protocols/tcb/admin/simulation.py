"""Developer mode of WeChat's APIs: answers in the form that WeChat documents, marked as simulated, and kept (recording.py).

Nothing leaves the machine. Under ``serve`` there is no developer mode: pretending that a message was sent or a text
was checked would be wrong there.
"""

from __future__ import annotations

import logging
import secrets
import struct
import zlib
from collections.abc import Mapping
from typing import Any

import orjson

from yunbox.errors import PermissionDenied
from yunbox.protocols.tcb.admin.call import Call
from yunbox.protocols.tcb.admin.wechat import Answer

_log = logging.getLogger("yunbox.tcb.openapi")

_IMAGES = frozenset({"wxacode.get", "wxacode.getUnlimited", "wxacode.createQRCode"})
_EXTRA: dict[str, dict[str, Any]] = {
    "security.msgSecCheck": {"result": {"suggest": "pass", "label": 100}, "detail": [], "trace_id": "simulated"},
    "security.mediaCheckAsync": {"trace_id": "simulated"},
    "urlscheme.generate": {"openlink": "weixin://dl/business/?t=simulated"},
    "urllink.generate": {"url_link": "https://wxaurl.cn/simulated"},
    "urllink.query": {"url_link_info": {}, "quota": {"remain": 1}},
    "phonenumber.getPhoneNumber": {
        "phone_info": {"phoneNumber": "13800000000", "purePhoneNumber": "13800000000", "countryCode": "86"}
    },
    "subscribeMessage.getTemplateList": {"data": []},
    "subscribeMessage.getCategory": {"data": []},
}
_PNG_WIDTH = 86


def simulate(call: Call, name: str) -> Answer:
    """The answer of the API ``name`` in developer mode.

    Raises:
        PermissionDenied: when the server is not in development.
    """
    require_development(call, name)
    if name in _IMAGES:
        return Answer(_picture(), "image/png")
    reply = {"errcode": 0, "errmsg": "ok", "simulated": True, **_EXTRA.get(name, {})}
    if name.endswith(".send"):
        reply["msgid"] = secrets.randbits(40)
    return Answer(orjson.dumps(reply))


def simulate_open_data(call: Call, cloud_id: str) -> str:
    """The open data behind a CloudID, as JSON text."""
    require_development(call, "getOpenData")
    watermark = {"appid": call.caller.app_id or "", "timestamp": int(call.services.clock())}
    data = {"phoneNumber": "13800000000", "purePhoneNumber": "13800000000", "countryCode": "86", "watermark": watermark}
    return orjson.dumps({"cloudID": cloud_id, "data": {**data, "simulated": True}}).decode()


def simulate_payment(call: Call, name: str, data: Mapping[str, Any]) -> dict[str, Any]:
    """The answer of a payment API; an order comes with payment arguments that no client can pay with."""
    require_development(call, f"cloudPay.{name}")
    reply: dict[str, Any] = {"return_code": "SUCCESS", "return_msg": "OK", "result_code": "SUCCESS", "err_code": ""}
    if name.lower() == "unifiedorder":
        prepay = f"simulated{secrets.token_hex(12)}"
        reply |= {
            "prepay_id": prepay,
            "trade_type": "JSAPI",
            "nonce_str": secrets.token_hex(16),
            "payment": {
                "appId": call.caller.app_id or "",
                "timeStamp": str(int(call.services.clock())),
                "nonceStr": secrets.token_hex(16),
                "package": f"prepay_id={prepay}",
                "signType": "MD5",
                "paySign": "simulated",
            },
        }
    return reply | {key: data[key] for key in ("out_trade_no", "sub_mch_id", "out_refund_no") if key in data}


def require_development(call: Call, name: str) -> None:
    """Log a call that is simulated.

    Raises:
        PermissionDenied: when the server is not in development.
    """
    if call.services.settings.mode != "dev":
        raise PermissionDenied(
            f"the API `{name}` needs a mini program's credentials: `yunbox app add --provider wechat`; it is simulated"
            f" under `yunbox dev` only / 接口 {name} 需要先登记小程序的 AppSecret，仅在 yunbox dev 下模拟"
        )
    _log.info("simulated %s for %s", name, call.caller.function or "server")


def _picture() -> bytes:
    """A plain square in PNG, where WeChat would draw a code."""
    row = b"\x00" + b"\x00\x00\x00" * 8 + b"\xff\xff\xff" * (_PNG_WIDTH - 16) + b"\x00\x00\x00" * 8
    header = struct.pack(">IIBBBBB", _PNG_WIDTH, _PNG_WIDTH, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(row * _PNG_WIDTH)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
