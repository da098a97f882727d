"""Entering a shared environment: ``new Cloud({resourceAppid, resourceEnv})`` and ``cloudbase_auth`` (ENV-7).

The owner's function ``cloudbase_auth`` sees who comes (``FROM_OPENID``, ``FROM_APPID``, ``FROM_UNIONID``) and decides:
``errCode`` 0 lets in, and ``auth`` (an object, or its JSON text) is what the owner's rules see in ``auth`` besides.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from msgspec.structs import replace

from yunbox.caller import Caller
from yunbox.errors import FunctionNotFound, PermissionDenied, YunboxError
from yunbox.services import Services

AUTH_FUNCTION = "cloudbase_auth"
NOT_GRANTED = "CROSS_ACCOUNT_DENIED"
EMPTY_CODE = "CLOUDBASE_AUTH_EMPTY"
NO_ENVIRONMENT = "CROSS_ACCOUNT_NO_ENV"
REFUSED = "CLOUDBASE_AUTH_REFUSED"
CALL_FAILED = "CLOUDBASE_AUTH_FAILED"
BAD_REPLY = "CLOUDBASE_AUTH_BAD_REPLY"


class SharingDenied(PermissionDenied):
    """A shared environment does not let the caller in; ``vendor_code`` is in the table of ``errors.py``."""

    def __init__(self, vendor_code: str, message: str) -> None:
        super().__init__(message, vendor_code=vendor_code)
        self.vendor_code = vendor_code


async def enter(services: Services, caller: Caller, env: str) -> tuple[Caller, dict[str, Any]]:
    """The caller in the environment ``env``, as far as that is granted to its own; and what rules there see of it.

    Raises:
        SharingDenied: saying why not.
    """
    if env not in services.spaces:
        raise SharingDenied(NO_ENVIRONMENT, f"the environment `{env}` does not exist / 环境 `{env}` 不存在")
    if not may_enter(services, caller, env):
        raise SharingDenied(
            NOT_GRANTED,
            f"the environment `{env}` grants nothing to `{caller.space}`; its owner can:"
            f" `yunbox space share {env} {caller.space}` / 环境 `{env}` 未授权给 `{caller.space}`",
        )
    entered = caller.from_another(env)
    return entered, _claims(await _ask(services, entered, env))


def may_enter(services: Services, caller: Caller, env: str) -> bool:
    """Whether ``env`` grants anything to the caller's own environment. One level: who has come from another goes no further."""
    if caller.from_space is not None or env == caller.space or env not in services.spaces:
        return False
    return services.spaces.sharing.share(env, caller.space) is not None


async def _ask(services: Services, entered: Caller, env: str) -> Any:
    asking = replace(entered, kind="admin", grantee=None, source="client")
    try:
        invocation = await services.functions.invoke(asking, AUTH_FUNCTION, {})
    except FunctionNotFound:
        raise SharingDenied(
            CALL_FAILED,
            f"the environment `{env}` needs a function `{AUTH_FUNCTION}` that returns {{errCode: 0}}; deploy it there"
            f" / 资源方环境缺少 {AUTH_FUNCTION} 云函数",
        ) from None
    except YunboxError as error:
        raise SharingDenied(CALL_FAILED, f"`{AUTH_FUNCTION}` failed: {error.message}") from None
    return orjson.loads(invocation.result_json)


def _claims(answer: Any) -> dict[str, Any]:
    if not isinstance(answer, Mapping):
        raise SharingDenied(BAD_REPLY, f"`{AUTH_FUNCTION}` must return an object / {AUTH_FUNCTION} 返回格式错误")
    code = answer.get("errCode")
    if code is None or code == "":
        raise SharingDenied(EMPTY_CODE, f"`{AUTH_FUNCTION}` returned no errCode / {AUTH_FUNCTION} 未返回 errCode")
    if code not in (0, "0"):
        raise SharingDenied(REFUSED, f"`{AUTH_FUNCTION}` refused: {code} {answer.get('errMsg') or ''}".rstrip())
    auth = answer.get("auth")
    if isinstance(auth, str) and auth:
        try:
            auth = orjson.loads(auth)
        except orjson.JSONDecodeError:
            raise SharingDenied(BAD_REPLY, f"`auth` of `{AUTH_FUNCTION}` is not JSON / auth 不是合法的 JSON") from None
    return dict(auth) if isinstance(auth, Mapping) else {}
