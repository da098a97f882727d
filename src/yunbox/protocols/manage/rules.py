"""Who may read and write a collection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from yunbox.documents import commands as c
from yunbox.documents.rules.policy import parse_policy, policy_of
from yunbox.documents.rules.rules import Grant, Rules, Verb, rules_of_mode
from yunbox.documents.rules.security import security_rules
from yunbox.errors import InvalidRequest
from yunbox.protocols.manage.routing import Call, Row

_GRANTS = get_args(Grant)
_WHO: dict[Grant, str] = {
    "all": "every signed-in user / 所有已登录用户",
    "owner": "the user who created the document / 仅创建者",
    "none": "administrators and functions only / 仅管理端与云函数",
}


def shown(collection: str, rules: Rules) -> dict[str, Any]:
    """The rules in each of the three notations."""
    name, policy = policy_of(rules)
    return {
        "collection": collection,
        "mode": rules.mode or "CUSTOM",
        "rules": _security_view(rules),
        "policy": {"name": name, "rules": policy},
    }


def _security_view(rules: Rules) -> dict[str, Any]:
    """The rules as security rules: as they were written, or with the meaning of the grants."""
    if rules.security is not None:
        return rules.security.to_json()
    conditions: dict[Grant, bool | str] = {"all": True, "owner": "doc._openid == auth.openid", "none": False}
    return {verb: conditions[rules.grant(verb)] for verb in ("read", "create", "update", "delete")}


async def get_rules(call: Call) -> Any:
    await _check_exists(call)
    name = call.names["collection"]
    return shown(name, call.services.documents.rules(call.space.id, name))


async def set_rules(call: Call) -> Any:
    """Change the rules to a ``mode``, to security ``rules``, to a ``policy`` (a preset's name or the policy itself), or to
    ``grants`` (``read``, ``create``, ``update`` and ``delete``: ``all``, ``owner`` or ``none``).
    """
    await _check_exists(call)
    name = call.names["collection"]
    rules = read_rules(await call.body())
    call.services.documents.set_rules(call.space.id, name, rules)
    return shown(name, rules)


def read_rules(content: Mapping[str, Any]) -> Rules:
    """The rules that a request names.

    Raises:
        InvalidRequest: when they are not readable, or not exactly one notation is used.
    """
    match dict(content):
        case {"mode": str(mode), **rest} if not rest:
            return rules_of_mode(mode)
        case {"policy": str() | dict() as policy, **rest} if not rest:
            return parse_policy(policy)
        case {"rules": dict() as rules, **rest} if not rest:
            return security_rules(rules)
        case {"grants": dict() as grants, **rest} if not rest:
            return _rules_of_grants(grants)
    raise InvalidRequest("give one of `mode` (text), `rules` and `grants` (objects) or `policy` (text or an object)")


def _rules_of_grants(grants: Mapping[str, Any]) -> Rules:
    allowed = {"read": _GRANTS, "create": ("all", "none"), "update": _GRANTS, "delete": _GRANTS}
    if grants.keys() != allowed.keys() or not all(grants[verb] in allowed[verb] for verb in allowed):
        raise InvalidRequest(
            "`grants` needs read, create, update and delete, each all, owner or none (create: all or none)"
        )
    return Rules(**{verb: grants[verb] for verb in allowed})


def _who(rules: Rules, verb: Verb) -> str:
    if rules.security is None:
        return _WHO[rules.grant(verb)]
    written = rules.security.to_json()
    condition = written.get(verb, False if verb == "read" else written.get("write", False))
    if isinstance(condition, bool):
        return "everybody / 所有人" if condition else _WHO["none"]
    return f"clients for whom `{condition}` is certain / 满足该表达式的客户端"


async def explain_rules(call: Call) -> Any:
    """Who may do what, in words."""
    await _check_exists(call)
    name = call.names["collection"]
    rules = call.services.documents.rules(call.space.id, name)
    who = {verb: _who(rules, verb) for verb in ("read", "create", "update", "delete")}
    if rules.security is not None:
        who["effect"] = (
            "a client's query is judged as a whole: its conditions must make the rule certain, otherwise it is refused and "
            "the answer and the server's log name the missing condition / 查询条件必须是安全规则的子集，否则整个请求被拒绝，错误信息会指出缺少的条件"
        )
    elif rules.read == "owner":
        who["effect"] = (
            "a client's query silently gets `_openid` == its own; documents without `_openid` (made by functions or "
            "imports) are invisible to clients / 客户端查询会自动加上 _openid 条件，云函数或导入产生的、没有 _openid 的记录对客户端不可见"
        )
    return {**shown(name, rules), "who": who}


async def _check_exists(call: Call) -> None:
    await call.services.documents.engine(call.space.id).run(c.Count(call.names["collection"], {}, limit=1))


ROUTES: tuple[Row, ...] = (
    ("GET", "spaces/{space}/collections/{collection}/rules", get_rules),
    ("PUT", "spaces/{space}/collections/{collection}/rules", set_rules),
    ("GET", "spaces/{space}/collections/{collection}/rules/explanation", explain_rules),
)
