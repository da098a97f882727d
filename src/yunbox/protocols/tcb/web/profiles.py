"""Users as web SDKs see them, and login types in their words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from yunbox.identity import User

LOGIN_TYPES = {
    "anonymous": "ANONYMOUS",
    "ticket": "CUSTOM",
    "password": "USERNAME",
    "email": "EMAIL",
    "phone": "PHONE",
    "wechat": "WECHAT",
    "wechat_web": "WECHAT-OPEN",
    "wechat_public": "WECHAT-PUBLIC",
}
"""Provider -> ``loginType`` (tencent-client.md §2.2)."""

_FIELDS = {"nickName": "name", "avatarUrl": "picture", "gender": "gender"}
_BASICS = {"nickname": "name", "avatar_url": "picture"}
"""What ``user/basic/edit`` calls them (js-sdk 2.x and 3.x, ``updateUser``)."""

_PLACES = ("country", "province", "city")


def login_type(provider: str) -> str:
    return LOGIN_TYPES.get(provider, provider.upper().replace("_", "-"))


def user_info(user: User, provider: str) -> dict[str, Any]:
    """The ``data`` of ``auth.getUserInfo``."""
    info: dict[str, Any] = {
        "uid": user.user_id,
        "loginType": login_type(provider),
        "hasPassword": user.has_password,
        **{theirs: user.profile.get(ours, "") for theirs, ours in _FIELDS.items()},
        **{name: user.profile[name] for name in _PLACES if name in user.profile},
    }
    optional = {
        "wxOpenId": user.openid,
        "wxUnionId": user.unionid,
        "customUserId": user.external_id("ticket"),
        "username": user.username,
        "email": user.email,
        "phone": user.phone,
    }
    return info | {name: value for name, value in optional.items() if value}


def profile_of(fields: Mapping[str, Any], old: Mapping[str, Any]) -> dict[str, Any]:
    """``old`` with what ``auth.updateUserInfo`` or ``user/profile`` changes; unknown fields are ignored."""
    names = {**_FIELDS, **_BASICS, **{name: name for name in (*_PLACES, "name", "picture")}}
    changes = {ours: fields[theirs] for theirs, ours in names.items() if isinstance(fields.get(theirs), str)}
    return {**old, **{name: value[:2048] for name, value in changes.items()}}
