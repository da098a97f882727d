"""The gateway paths of @cloudbase/node-sdk 3 (tencent-server-wire.md §8), signed over the whole body or with a token."""

from __future__ import annotations

import uuid

from yunbox.errors import InvalidRequest, Unauthenticated, YunboxError
from yunbox.http import Handler, Request, Response, json_response
from yunbox.protocols.tcb.admin.authentication import authenticate_gateway
from yunbox.protocols.tcb.errors import vendor_error
from yunbox.protocols.tcb.values import parse
from yunbox.services import Services

TOKEN_SECONDS = 259_200


def client_credential(services: Services) -> Handler:
    """``POST /auth/v1/token/clientCredential``: a bearer token for who has signed the request."""

    async def handle(request: Request) -> Response:
        try:
            body = await request.body(2**20)
            _check_grant(body)
            caller = authenticate_gateway(services, request, body, _environment(services, request))
        except YunboxError as error:
            told = vendor_error(error, "auth")
            status = 401 if isinstance(error, Unauthenticated) else 400
            return _failure(told.code, told.message, status)
        token = services.functions.capabilities.issue(caller, TOKEN_SECONDS).token
        return json_response({"access_token": token, "token_type": "Bearer", "expires_in": TOKEN_SECONDS})

    return handle


def _check_grant(body: bytes) -> None:
    grant = parse(body)
    if not isinstance(grant, dict) or grant.get("grant_type") != "client_credentials":
        raise InvalidRequest("grant_type must be client_credentials")


def _environment(services: Services, request: Request) -> str:
    """The environment that the gateway's host name begins with, when it is one."""
    label = request.header("host").partition(".")[0]
    return label if label in services.spaces else ""


async def not_configured(request: Request) -> Response:
    """Containers, API relays and models: nothing here runs them."""
    return _failure(
        "SERVICE_NOT_CONFIGURED",
        f"{request.path} is not configured: this server runs functions, not containers, models or API relays"
        " / 此服务未配置云托管、模型或 API 网关",
        501,
    )


def _failure(code: str, message: str, status: int) -> Response:
    request_id = uuid.uuid4().hex
    reply = {"code": code, "message": message, "requestId": request_id}
    return json_response(reply, status, (("x-request-id", request_id),))
