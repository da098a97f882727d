"""``POST /`` and ``GET /`` with an ``Action``: verify, run the action, answer in the POP family's form."""

from __future__ import annotations

import logging
import uuid
from typing import Any
from urllib.parse import parse_qsl

from yunbox.errors import YunboxError
from yunbox.http import ClientDisconnected, Request, Response, json_response
from yunbox.protocols.mpserverless.call import Origin
from yunbox.protocols.mpserverless.errors import GatewayError
from yunbox.protocols.mpserverless.gateway import own_origin
from yunbox.protocols.mpserverless.openapi import signing
from yunbox.protocols.mpserverless.openapi.action import Action, Refusal
from yunbox.protocols.mpserverless.openapi.registry import ACTIONS
from yunbox.services import Services
from yunbox.spaces import Space

VERSION = "2019-06-15"
_log = logging.getLogger("yunbox.mpserverless.openapi")

# (HTTP status, Code) for the errors of our services.
_CODES = {
    "space_not_found": (404, "InvalidSpaceId.NotFound"),
    "collection_not_found": (404, "InvalidCollection.NotFound"),
    "function_not_found": (404, "InvalidFunction.NotFound"),
    "file_not_found": (404, "InvalidFile.NotFound"),
    "not_found": (404, "InvalidParameter.NotFound"),
    "already_exists": (409, "EntityAlreadyExists"),
    "permission_denied": (403, "AccessDenied"),
    "limit_exceeded": (400, "LimitExceeded"),
    "quota_exceeded": (400, "PrePayResourceExhausted"),
    "function_failed": (400, "FunctionBizError"),
}


class OpenApi:
    """Answers OpenAPI requests with the services of one server."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._nonces = signing.Nonces()

    async def handle(self, request: Request) -> Response:
        """Any method at ``/``. A browser that opens the page without an ``Action`` is sent to the console."""
        request_id, parameters = str(uuid.uuid4()).upper(), request.query
        try:
            parameters = await self._parameters(request)
            if request.method == "GET" and "Action" not in parameters:
                return Response(b"", 302, "", (("Location", "/console/"),))
            answer = await self._run(request, parameters, request_id)
        except ClientDisconnected:
            raise
        except YunboxError as error:
            status, code = _status_and_code(error)
            _log.info("%s %s failed: %s: %s", request_id, parameters.get("Action", ""), code, error.message)
            return _refuse(request, request_id, status, code, error.message)
        except Exception:
            _log.exception("request %s failed", request_id)
            return _refuse(request, request_id, 500, "InternalError", "The request processing has failed.")
        return json_response({"RequestId": request_id, **answer})

    async def _parameters(self, request: Request) -> dict[str, str]:
        parameters = request.query
        if request.method == "POST":
            body = await request.body(self._services.settings.max_body_mb * 2**20)
            parameters |= parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
        return parameters

    async def _run(self, request: Request, parameters: dict[str, str], request_id: str) -> dict[str, Any]:
        account = self._account(request.method, parameters)
        handler = ACTIONS.get(parameters["Action"])
        if handler is None:
            raise Refusal(
                404, "InvalidAction.NotFound", "Specified api is not found, please check your url and method."
            )
        host = request.header("host")
        configured = self._services.address.configured
        origin = Origin(request.scheme, host) if host and not configured else own_origin(self._services)
        return await handler(Action(self._services, account, parameters["Action"], parameters, request_id, origin))

    def _account(self, method: str, parameters: dict[str, str]) -> Space:
        """The space whose access key signed the request; every check of the signature happens here."""
        for name in ("Action", "AccessKeyId", "Signature", "SignatureNonce", "Timestamp"):
            if not parameters.get(name):
                raise Refusal(400, f"Missing{name}", f"{name} is mandatory for this action.")
        if parameters.get("Version") != VERSION:
            raise Refusal(404, "InvalidVersion", f"Specified parameter Version is not valid; use {VERSION}.")
        account = self._services.spaces.find_by_access_key(parameters["AccessKeyId"])
        if account is None:
            raise Refusal(404, "InvalidAccessKeyId.NotFound", "Specified access key is not found.")
        if not signing.matches(account.access_key_secret, method, parameters):
            raise Refusal(400, "SignatureDoesNotMatch", "Specified signature is not matched with our calculation.")
        age = signing.age(parameters["Timestamp"], self._services.clock)
        if age is None:
            raise Refusal(400, "InvalidTimeStamp.Format", "Specified time stamp or date value is not well formatted.")
        if age > signing.TOLERANCE_S:
            raise Refusal(400, "InvalidTimeStamp.Expired", "Specified time stamp or date value is expired.")
        if not self._nonces.is_new(account.access_key_id, parameters["SignatureNonce"]):
            raise Refusal(400, "SignatureNonceUsed", "Specified signature nonce was used already.")
        return account


def _status_and_code(error: YunboxError) -> tuple[int, str]:
    if isinstance(error, Refusal):
        return error.status, error.pop_code
    if isinstance(error, GatewayError):
        return 400, error.vendor_code
    return _CODES.get(error.code, (400, "InvalidParameter"))


def _refuse(request: Request, request_id: str, status: int, code: str, message: str) -> Response:
    content = {
        "RequestId": request_id,
        "HostId": request.header("host"),
        "Code": code,
        "Message": message,
        "Recommend": "",
    }
    return json_response(content, status)
