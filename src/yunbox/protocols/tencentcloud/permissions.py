"""``tcb``: who may read and write collections and files."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson

from yunbox.documents import commands as c
from yunbox.documents.rules.rules import Rules, rules_of_mode
from yunbox.documents.rules.security import security_rules
from yunbox.files.rules import CUSTOM, FileRules
from yunbox.functions.rules import FunctionRules
from yunbox.protocols.tencentcloud.addresses import public_bucket
from yunbox.protocols.tencentcloud.call import Call, Handler
from yunbox.protocols.tencentcloud.errors import ApiError

_COLLECTIONS = ("collection", "table", "database")


async def get_collection(call: Call) -> dict[str, Any]:
    """A collection's mode, and its security rules when it is ``CUSTOM``."""
    name = call.text("CollectionName")
    await _check_exists(call, name)
    rules = call.services.documents.rules(call.space.id, name)
    return {"AclTag": _mode(rules), "Rule": _rule(rules)}


async def set_collection(call: Call) -> dict[str, Any]:
    name = call.text("CollectionName")
    await _check_exists(call, name)
    rules = _wanted(call.text("AclTag"), call.text("Rule", ""))
    call.services.documents.set_rules(call.space.id, name, rules)
    return {}


async def get_storage(call: Call) -> dict[str, Any]:
    """The mode of the space's files, and their security rules when it is ``CUSTOM``."""
    _check_bucket(call, call.text("Bucket", ""))
    return {"AclTag": call.services.files.mode(call.space.id), "Rule": _file_rule(call)}


async def set_storage(call: Call) -> dict[str, Any]:
    _check_bucket(call, call.text("Bucket", ""))
    _set_storage(call, call.text("AclTag"), call.text("Rule", ""))
    return {}


async def describe(call: Call) -> dict[str, Any]:
    """The permissions of several resources of one kind."""
    kind, wanted = call.text("ResourceType"), call.texts("Resources")
    if kind in _COLLECTIONS:
        rows = await _described_collections(call, kind, wanted)
    elif kind == "storage":
        own = public_bucket(call.space)
        rows = (
            [_row(kind, own, call.services.files.mode(call.space.id), _file_rule(call))]
            if own in (wanted or [own])
            else []
        )
    elif kind == "function":
        rows = [_row(kind, "", "CUSTOM", _text(call.services.functions.rules.of(call.space.id)))]
    else:
        raise _unknown_kind(kind)
    return {"Data": {"TotalCount": len(rows), "PermissionList": rows}}


async def modify(call: Call) -> dict[str, Any]:
    """Change the permission of one resource."""
    kind, permission = call.text("ResourceType"), call.text("Permission")
    if kind in _COLLECTIONS:
        name = call.text("Resource")
        await _check_exists(call, name)
        call.services.documents.set_rules(call.space.id, name, _wanted(permission, call.text("SecurityRule", "")))
    elif kind == "storage":
        _check_bucket(call, call.text("Resource", ""))
        _set_storage(call, permission, call.text("SecurityRule", ""))
    elif kind == "function":
        call.services.functions.rules.set(call.space.id, _written(call.text("SecurityRule", "")))
    else:
        raise _unknown_kind(kind)
    return {"Data": {"Success": True}}


ACTIONS: dict[str, Handler] = {
    "tcb.DescribeDatabaseACL": get_collection,
    "tcb.DescribeResourcePermission": describe,
    "tcb.DescribeSafeRule": get_collection,
    "tcb.DescribeStorageACL": get_storage,
    "tcb.DescribeStorageSafeRule": get_storage,
    "tcb.ModifyDatabaseACL": set_collection,
    "tcb.ModifyResourcePermission": modify,
    "tcb.ModifySafeRule": set_collection,
    "tcb.ModifyStorageACL": set_storage,
    "tcb.ModifyStorageSafeRule": set_storage,
}


async def _check_exists(call: Call, name: str) -> None:
    await call.services.documents.engine(call.space.id).run(c.Count(name, {}, limit=1))


def _check_bucket(call: Call, bucket: str) -> None:
    if bucket and bucket != public_bucket(call.space):
        raise ApiError("ResourceNotFound", f"the bucket `{bucket[:100]}` is not this environment's / 存储桶不存在")


def _mode(rules: Rules) -> str:
    return rules.mode or "CUSTOM"


def _rule(rules: Rules) -> str:
    """Security rules as JSON text; rules that no mode names are written in the same language."""
    if rules.mode:
        return ""
    if rules.security is not None:
        return orjson.dumps(rules.security.to_json()).decode()
    words = {"all": True, "owner": "doc._openid == auth.openid", "none": False}
    return orjson.dumps({verb: words[rules.grant(verb)] for verb in ("read", "create", "update", "delete")}).decode()


def _wanted(mode: str, rule: str) -> Rules:
    if mode != "CUSTOM":
        return rules_of_mode(mode)
    return security_rules(_written(rule))


def _written(rule: str) -> dict[str, Any]:
    """Security rules as they were written: a JSON object as text."""
    try:
        written = orjson.loads(rule)
    except orjson.JSONDecodeError:
        written = None
    if not isinstance(written, dict):
        raise ApiError("InvalidParameterValue", "CUSTOM needs rules as a JSON object / CUSTOM 需要 JSON 格式的安全规则")
    return written


def _set_storage(call: Call, mode: str, rule: str) -> None:
    if mode == CUSTOM:
        call.services.files.set_rules(call.space.id, _written(rule))
    else:
        call.services.spaces.set(call.space.id, {"storage_rule": mode})


def _file_rule(call: Call) -> str:
    files, space_id = call.services.files, call.space.id
    return _text(files.rules(space_id)) if files.mode(space_id) == CUSTOM else ""


def _text(rules: FileRules | FunctionRules) -> str:
    return orjson.dumps(rules.to_json()).decode()


async def _described_collections(call: Call, kind: str, wanted: list[str]) -> list[dict[str, Any]]:
    found: Iterable[c.CollectionInfo] = await call.services.documents.engine(call.space.id).run(c.ListCollections())
    rows = []
    for info in found:
        if info.name in (wanted or [info.name]):
            rules = call.services.documents.rules(call.space.id, info.name)
            rows.append(_row(kind, info.name, _mode(rules), _rule(rules)))
    return rows


def _row(kind: str, name: str, permission: str, rule: str) -> dict[str, Any]:
    return {"ResourceType": kind, "Resource": name, "Permission": permission, "SecurityRule": rule}


def _unknown_kind(kind: str) -> ApiError:
    return ApiError("InvalidParameterValue", f"ResourceType `{kind[:40]}` is unknown / ResourceType 取值错误")
