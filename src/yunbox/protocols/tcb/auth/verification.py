"""One-time codes: asking for one and proving that it arrived."""

from __future__ import annotations

from yunbox.errors import InvalidRequest, PermissionDenied, Unauthenticated
from yunbox.identity.codes import CODE_SECONDS
from yunbox.identity.senders import Channel
from yunbox.protocols.tcb.auth.signin import VERIFIED, phone_number
from yunbox.protocols.tcb.web.call import Actions, Answer, Call

actions = Actions()

_PROVEN = "contact"
_SHORTEST_DEVICE = 16


def _target(call: Call) -> tuple[Channel, str]:
    if email := call.text("email", ""):
        return "email", email
    if phone := call.text("phone_number", ""):
        return "phone", phone_number(phone)
    raise InvalidRequest("email or phone_number is missing / 缺少邮箱或手机号")


@actions.add("POST verification")
async def send(call: Call) -> Answer:
    channel, target = _target(call)
    is_user = call.services.identity.find_user(call.space, channel, target) is not None
    if call.text("target", "ANY") == "USER" and not is_user:
        raise InvalidRequest("nobody has this e-mail address or phone number / 用户不存在")
    name = await call.services.identity.send_code(call.space, channel, target)
    return {"verification_id": name, "expires_in": CODE_SECONDS, "is_user": is_user}


def _proof(call: Call, channel: Channel, target: str) -> str:
    """What a proof is kept under: the SDK's random device id, which nobody else knows. ``""`` without one."""
    device = call.request.header("x-device-id")
    return f"{device} {channel} {target}" if len(device) >= _SHORTEST_DEVICE else ""


def spend_proof(call: Call, channel: Channel, target: str) -> str:
    """``target``, when a code just proved on this device that it is the client's (``updateUser`` of js-sdk 2.x and 3.x).

    Raises:
        PermissionDenied: when none did.
    """
    try:
        call.services.identity.vouchers.spend(call.space.id, _PROVEN, _proof(call, channel, target))
    except Unauthenticated:
        raise PermissionDenied(f"`{target}` must be proven by a code first / 请先通过验证码验证 {target}") from None
    return target


@actions.add("POST verification/verify")
async def verify(call: Call) -> Answer:
    identity = call.services.identity
    proven = identity.check_code(call.space, call.text("verification_id"), call.text("verification_code"))
    token = identity.vouchers.issue(call.space.id, VERIFIED, proven)
    if name := _proof(call, *proven):
        identity.vouchers.issue(call.space.id, _PROVEN, proven, name)
    return {"verification_token": token, "expires_in": identity.vouchers.seconds}
