"""``tcb``: the space's users."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from yunbox.errors import InvalidRequest, NotFound
from yunbox.identity.user import User
from yunbox.protocols.tencentcloud.call import Call, Handler, missing, shown_time
from yunbox.protocols.tencentcloud.errors import ApiError

_MOST = 100
_PROFILE = {
    "Name": "nickName",
    "NickName": "nickName",
    "Gender": "gender",
    "AvatarUrl": "avatarUrl",
    "Country": "country",
    "Province": "province",
    "City": "city",
    "Description": "description",
    "Type": "type",
}
"""What the API calls a profile's fields."""
_EVERYBODY = 2**31


async def list_end_users(call: Call) -> dict[str, Any]:
    """Users, the last seen first."""
    identity, space = call.services.identity, call.space
    found = identity.list_users(space, call.number("Limit", 20, _MOST), call.number("Offset", 0))
    return {"Users": [_end_user(user) for user in found], "Total": identity.count_users(space)}


async def create_end_user(call: Call) -> dict[str, Any]:
    """A user with a name and a password."""
    made = call.services.identity.create_user(
        call.space, username=call.text("Username"), password=call.text("Password")
    )
    return {"User": _end_user(made)}


async def modify_end_user(call: Call) -> dict[str, Any]:
    """Let a user in, or no longer: ``Status`` is ``ENABLE`` or ``DISABLE``."""
    status = call.text("Status")
    if status not in ("ENABLE", "DISABLE"):
        raise ApiError("InvalidParameterValue", "Status must be ENABLE or DISABLE / Status 取值错误")
    _change(call, call.text("UUId"), disabled=status == "DISABLE")
    return {}


async def modify_account(call: Call) -> dict[str, Any]:
    """Another name or password."""
    fields = {"username": call.text("Username", ""), "password": call.text("Password", "")}
    _change(call, call.text("Uuid"), **{name: value for name, value in fields.items() if value})
    return {}


async def modify_info(call: Call) -> dict[str, Any]:
    """Change fields of a profile: ``Data`` is a list of ``{Key, Value}``."""
    given = {_PROFILE[row["Key"]]: row.get("Value") for row in call.objects("Data") if row.get("Key") in _PROFILE}
    changes = {name: value for name, value in given.items() if value is not None}
    user = _user(call, call.text("UUId"))
    _change(call, user.user_id, profile={**user.profile, **changes})
    return {}


async def delete_end_users(call: Call) -> dict[str, Any]:
    for user_id in _required(call, "UserList"):
        call.services.identity.delete_user(call.space, _user(call, user_id).user_id)
    return {}


async def list_users(call: Call) -> dict[str, Any]:
    """Users by page, chosen by parts of their names, e-mail, phone, or by ids (@cloudbase/manager-node 5)."""
    wanted = {name: call.text(name, "") for name in ("Name", "NickName", "Phone", "Email")}
    ids = call.texts("UidList")
    rows = [_user_item(user) for user in call.services.identity.list_users(call.space, _EVERYBODY)]
    found = [
        row
        for row in rows
        if row["Uid"] in (ids or [row["Uid"]]) and all(part in row[name] for name, part in wanted.items())
    ]
    size, page = call.number("PageSize", 20, _MOST), max(call.number("PageNo", 1), 1)
    return {"Data": {"Total": len(found), "UserList": found[(page - 1) * size : page * size]}}


async def create_user(call: Call) -> dict[str, Any]:
    if call.values.get("Uid"):
        raise ApiError("InvalidParameterValue", "ids are made by this server; leave Uid out / 不支持自定义 Uid")
    fields = _fields(call, call.values)
    made = call.services.identity.create_user(call.space, **{"username": call.text("Name"), **fields})
    if call.text("UserStatus", "ACTIVE") == "BLOCKED":
        call.services.identity.change_user(call.space, made.user_id, disabled=True)
    return {"Data": {"Uid": made.user_id}}


async def modify_user(call: Call) -> dict[str, Any]:
    """Change what is given; an empty text takes a field away."""
    user = _user(call, call.text("Uid"))
    fields = _fields(call, call.values)
    if name := call.text("Name", ""):
        fields["username"] = name
    if status := call.text("UserStatus", ""):
        fields["disabled"] = status == "BLOCKED"
    if "profile" in fields:
        fields["profile"] = {**user.profile, **fields["profile"]}
    _change(call, user.user_id, **fields)
    return {"Data": {"Success": True}}


async def delete_users(call: Call) -> dict[str, Any]:
    done = failed = 0
    for user_id in _required(call, "Uids"):
        try:
            call.services.identity.delete_user(call.space, user_id)
            done += 1
        except NotFound:
            failed += 1
    return {"Data": {"SuccessCount": done, "FailedCount": failed}}


async def login_key(call: Call) -> dict[str, Any]:
    """A new key for custom login tickets; the one before it stops working."""
    made = call.services.identity.new_ticket_key(call.space)
    return {"PrivateKey": made["private_key"], "KeyID": made["private_key_id"]}


ACTIONS: dict[str, Handler] = {
    "tcb.CreateCustomLoginKeys": login_key,
    "tcb.CreateEndUserAccount": create_end_user,
    "tcb.CreateUser": create_user,
    "tcb.DeleteEndUser": delete_end_users,
    "tcb.DeleteUsers": delete_users,
    "tcb.DescribeEndUsers": list_end_users,
    "tcb.DescribeUserList": list_users,
    "tcb.ModifyEndUser": modify_end_user,
    "tcb.ModifyEndUserAccount": modify_account,
    "tcb.ModifyEndUserInfo": modify_info,
    "tcb.ModifyUser": modify_user,
}


def _user(call: Call, user_id: str) -> User:
    try:
        return call.services.identity.user(call.space, user_id)
    except NotFound as error:
        raise ApiError("ResourceNotFound.UserNotExist", error.message) from None


def _change(call: Call, user_id: str, **fields: Any) -> None:
    if not fields:
        raise InvalidRequest("nothing is to be changed / 没有要修改的内容")
    call.services.identity.change_user(call.space, _user(call, user_id).user_id, **fields)


def _required(call: Call, name: str) -> list[str]:
    values = call.texts(name)
    if not values:
        raise missing(name)
    return values


def _fields(call: Call, values: Mapping[str, Any]) -> dict[str, Any]:
    """What of a request belongs to a user."""
    names = {"Password": "password", "Phone": "phone", "Email": "email"}
    fields: dict[str, Any] = {names[key]: call.text(key, "") for key in names if key in values}
    profile = {
        _PROFILE[key]: call.text(key, "") for key in ("NickName", "AvatarUrl", "Description", "Type") if key in values
    }
    return {**fields, "profile": profile} if profile else fields


def _end_user(user: User) -> dict[str, Any]:
    profile = user.profile
    return {
        "UUId": user.user_id,
        "WXOpenId": user.openid or "",
        "QQOpenId": "",
        "Phone": user.phone or "",
        "Email": user.email or "",
        "NickName": str(profile.get("nickName", "")),
        "Gender": str(profile.get("gender", "")),
        "AvatarUrl": str(profile.get("avatarUrl", "")),
        "Country": str(profile.get("country", "")),
        "Province": str(profile.get("province", "")),
        "City": str(profile.get("city", "")),
        "CreateTime": shown_time(user.created_at),
        "UpdateTime": shown_time(user.last_seen_at),
        "IsAnonymous": user.provider == "anonymous",
        "IsDisabled": user.disabled,
        "HasPassword": user.has_password,
        "UserName": user.username or "",
    }


def _user_item(user: User) -> dict[str, Any]:
    return {
        "Uid": user.user_id,
        "Name": user.username or "",
        "Type": str(user.profile.get("type") or "externalUser"),
        "UserStatus": "BLOCKED" if user.disabled else "ACTIVE",
        "NickName": str(user.profile.get("nickName", "")),
        "Phone": user.phone or "",
        "Email": user.email or "",
        "AvatarUrl": str(user.profile.get("avatarUrl", "")),
        "Description": str(user.profile.get("description", "")),
    }
