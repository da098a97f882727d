"""Who may call functions and use files: their security rules, and why somebody may not."""

from __future__ import annotations

from typing import Any

from yunbox.caller import Caller
from yunbox.errors import FileNotFound, InvalidRequest
from yunbox.files.rules import CUSTOM, VERBS
from yunbox.protocols.manage.routing import Call, Row


async def get_function_rules(call: Call) -> Any:
    return {"rules": call.services.functions.rules.of(call.space.id).to_json()}


async def set_function_rules(call: Call) -> Any:
    """Change them to ``rules``; ``null`` is the default again."""
    rules = await _given(call)
    return {"rules": call.services.functions.rules.set(call.space.id, rules).to_json()}


async def explain_function_rules(call: Call) -> Any:
    """Whether a user (``openid``) or, without one, somebody who is not signed in may call ``function``."""
    function = call.query.get("function", "*")
    caller = _asking(call)
    missing = call.services.functions.rules.missing(caller, function)
    return {"function": function, "caller": caller.openid or "guest", **_verdict(missing)}


async def get_file_rules(call: Call) -> Any:
    files, space = call.services.files, call.space.id
    mode = files.mode(space)
    return {"mode": mode, "rules": files.rules(space).to_json() if mode == CUSTOM else None}


async def set_file_rules(call: Call) -> Any:
    """Change them to security ``rules`` (the mode is ``CUSTOM`` then)."""
    rules = await _given(call)
    if rules is None:
        raise InvalidRequest("give `rules`, an object; modes are the space's setting `storage_rule`")
    call.services.files.set_rules(call.space.id, rules)
    return await get_file_rules(call)


async def explain_file_rules(call: Call) -> Any:
    """Whether a user (``openid``) or, without one, somebody who is not signed in may read and write the file ``key``, or a
    new one."""
    files, caller, key = call.services.files, _asking(call), call.query.get("key", "")
    try:
        file = files.stat(call.space.id, key) if key else None
    except FileNotFound:
        file = None
    verdicts = {verb: _verdict(files.missing(verb, caller, file)) for verb in VERBS}
    owner = file.owner if file is not None else caller.owner
    return {"key": key, "owner": owner, "caller": caller.openid or "guest", **verdicts}


def _verdict(missing: str) -> dict[str, Any]:
    return {"allowed": not missing, "missing": missing}


def _asking(call: Call) -> Caller:
    openid = call.query.get("openid", "")
    if not openid:
        return call.services.identity.guest(call.space)
    known = call.services.identity.find_user(call.space, "openid", openid)
    if known is not None:
        return call.services.identity.caller_for(call.space, known.user_id)
    return Caller("user", call.space.id, openid=openid, provider="developer", source="client")


async def _given(call: Call) -> dict[str, Any] | None:
    rules = (await call.body()).get("rules")
    if rules is not None and not isinstance(rules, dict):
        raise InvalidRequest("`rules` must be an object / rules 必须是对象")
    return rules


ROUTES: tuple[Row, ...] = (
    ("GET", "spaces/{space}/function-rules", get_function_rules),
    ("PUT", "spaces/{space}/function-rules", set_function_rules),
    ("GET", "spaces/{space}/function-rules/explanation", explain_function_rules),
    ("GET", "spaces/{space}/file-rules", get_file_rules),
    ("PUT", "spaces/{space}/file-rules", set_file_rules),
    ("GET", "spaces/{space}/file-rules/explanation", explain_file_rules),
)
