"""One-time codes: asking for one and proving that it arrived."""

from __future__ import annotations

from yunbox.errors import InvalidRequest
from yunbox.identity.codes import CODE_SECONDS
from yunbox.identity.senders import Channel
from yunbox.protocols.tcb.auth.signin import VERIFIED, phone_number
from yunbox.protocols.tcb.web.call import Actions, Answer, Call

actions = Actions()


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


@actions.add("POST verification/verify")
async def verify(call: Call) -> Answer:
    identity = call.services.identity
    proven = identity.check_code(call.space, call.text("verification_id"), call.text("verification_code"))
    token = identity.vouchers.issue(call.space.id, VERIFIED, proven)
    return {"verification_token": token, "expires_in": identity.vouchers.seconds}
