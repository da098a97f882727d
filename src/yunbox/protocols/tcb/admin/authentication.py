"""Who sent a request to ``/admin``: the signature decides, the session token says on whose behalf (DESIGN §9.5, §9.6)."""

from __future__ import annotations

from msgspec.structs import replace

from yunbox.caller import Caller
from yunbox.errors import PermissionDenied, SpaceNotFound, Unauthenticated
from yunbox.http import Request
from yunbox.protocols.tcb.admin.envelope import Envelope
from yunbox.protocols.tcb.sharing import may_enter
from yunbox.protocols.tcb.signing import SignedRequest, is_tc3, verify_q_sign, verify_tc3, verify_tc3_api
from yunbox.services import Services

_UNSIGNED = {"authorization", "sessionToken", "sdk_version", "requestData", "file"}
"""What tcb-admin-node adds after signing, in both of its forms."""


def authenticate(services: Services, request: Request, envelope: Envelope) -> Caller:
    """The caller behind a signed request.

    Raises:
        Unauthenticated: when the signature, the key or the session token is not valid.
        SpaceNotFound: when a space's keys are used with another environment's name.
    """
    secret_id = _verify(services, request, envelope)
    token = envelope.values.get("sessionToken")
    env = envelope.values.get("envName")
    return resolve(
        services, request, secret_id, token if isinstance(token, str) else "", env if isinstance(env, str) else ""
    )


def authenticate_gateway(services: Services, request: Request, body: bytes, space: str) -> Caller:
    """The caller behind a gateway request with a TC3 signature over its whole body (tencent-server-wire.md §4.3)."""
    secret_id, token = verify_tc3_api(
        request.header("authorization"),
        _signed(request, {}, body),
        lambda name: secret_for(services, name),
        services.clock,
    )
    caller = resolve(services, request, secret_id, token, space)
    if caller.grantee is not None:
        raise PermissionDenied("other environments reach documents, files and functions only / 共享环境不支持此接口")
    return caller


def resolve(services: Services, request: Request, secret_id: str, token: str, env: str) -> Caller:
    """The caller that a verified key and a session token stand for, in the space that ``env`` selects."""
    space = services.spaces.find_by_secret_id(secret_id)
    if space is None:
        caller = services.functions.capabilities.verify(token, secret_id)
        if caller.space not in services.spaces:
            raise Unauthenticated("the space of this session token does not exist any more")
        if env and may_enter(services, caller, env):
            caller = caller.from_another(env)
        return replace(caller, request_id=caller.request_id or _sequence(request))
    if env and env != space.id:
        raise SpaceNotFound(
            f"these keys belong to the space `{space.id}`, not to `{env}`; init the SDK with env: '{space.id}'"
            f" / 密钥与环境 `{env}` 不匹配"
        )
    return Caller(
        "admin", space.id, source="server", client_ip=request.client_ip, user_agent=request.header("user-agent")
    )


def secret_for(services: Services, secret_id: str, token: str | None = None) -> str | None:
    """The secret key of a space's key id or of a function's derived one.

    Anybody can make up the id of a function's key. With ``token``, which comes with such a key, ids without a valid one are
    refused at once, before anything is done for the signature.

    Raises:
        Unauthenticated: when the token does not belong to the function's key, or has ended.
    """
    space = services.spaces.find_by_secret_id(secret_id)
    if space is not None:
        return space.secret_key
    if token is not None and services.functions.capabilities.secret_for(secret_id):
        services.functions.capabilities.verify(token, secret_id)
    return services.functions.capabilities.secret_for(secret_id)


def _verify(services: Services, request: Request, envelope: Envelope) -> str:
    token = envelope.values.get("sessionToken")

    def find(secret_id: str) -> str | None:
        return secret_for(services, secret_id, token if isinstance(token, str) else "")

    signed = _signed(request, envelope.fields, b"")
    header = request.header("authorization")
    if is_tc3(header):
        _require_signed(envelope, _listed(header, "SignedParams=", ","))
        return verify_tc3(header, signed, find, services.clock)
    authorization = envelope.values.get("authorization")
    if isinstance(authorization, str) and authorization:
        _require_signed(envelope, _listed(authorization, "q-url-param-list=", "&"))
        return verify_q_sign(authorization, signed, find, services.clock)
    raise Unauthenticated(
        "the request is not signed; pass secretId and secretKey of `yunbox space show SPACE` to init / 请求没有签名"
    )


def _listed(authorization: str, mark: str, end: str) -> set[str]:
    _, _, rest = authorization.partition(mark)
    return set(rest.partition(end)[0].split(";"))


def _require_signed(envelope: Envelope, signed: set[str]) -> None:
    """A field that somebody added on the way would otherwise take effect without being signed."""
    for name, value in envelope.fields.items():
        if value and name not in _UNSIGNED and name.strip().lower() not in signed:
            raise Unauthenticated(f"the field `{name[:40]}` is not covered by the signature / 字段未包含在签名中")


def _signed(request: Request, fields: dict[str, str | bytes], body: bytes) -> SignedRequest:
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in request.headers}
    return SignedRequest(request.method, request.raw_path, request.query_string, headers, fields, body)


def _sequence(request: Request) -> str:
    return request.query.get("seqId", "")[:100]
