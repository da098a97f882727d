"""Actions on the platforms that users sign in through: app ids and their secrets."""

from __future__ import annotations

from typing import Any

from yunbox.protocols.mpserverless.openapi.action import Action, Handler, Refusal

_ALIPAY_FIELDS = {
    "private_key": "PrivateKey",
    "public_key": "PublicKey",
    "sign_mode": "SignMode",
    "app_cert": "AppCert",
    "public_cert": "PublicCert",
    "root_cert": "RootCert",
}
_PLATFORMS = {
    "wechat": "wechat",
    "weixin": "wechat",
    "wx": "wechat",
    "ant": "alipay",
    "alipay": "alipay",
    "dingtalk": "dingtalk",
}


async def save_wechat(action: Action) -> dict[str, Any]:
    return _save(action, "wechat", {"secret": action.text("AppSecret")})


async def delete_wechat(action: Action) -> dict[str, Any]:
    return _delete(action, "wechat")


async def save_alipay(action: Action) -> dict[str, Any]:
    """Keys (``SignMode`` KEY) or certificates (CERT) of an Alipay app."""
    given = {name: action.parameters[field] for name, field in _ALIPAY_FIELDS.items() if action.parameters.get(field)}
    return _save(action, "alipay", given)


async def delete_alipay(action: Action) -> dict[str, Any]:
    return _delete(action, "alipay")


async def save_app_auth_token(action: Action) -> dict[str, Any]:
    """Let ``AppId`` be served by the app of an independent software vendor, with that app's keys and this token."""
    token = {"app_auth_token": action.text("AppAuthToken"), "isv_app_id": action.text("IsvAppId", "")}
    return _save(action, "alipay", token)


async def add_dingtalk(action: Action) -> dict[str, Any]:
    if action.services.spaces.app(action.space.id, "dingtalk", action.text("AppId")):
        raise Refusal(409, "EntityAlreadyExists", f"app `{action.text('AppId')}` exists already / 应用已存在")
    return _save(action, "dingtalk", {"secret": action.text("AppSecret")})


async def update_dingtalk(action: Action) -> dict[str, Any]:
    _existing(action, "dingtalk")
    return _save(action, "dingtalk", {"secret": action.text("AppSecret")})


async def delete_dingtalk(action: Action) -> dict[str, Any]:
    return _delete(action, "dingtalk")


async def list_dingtalk(action: Action) -> dict[str, Any]:
    apps = action.services.spaces.apps(action.space.id, "dingtalk")
    return {"Configs": [_dingtalk_row(app_id, config) for _, app_id, config in apps]}


async def list_platforms(action: Action) -> dict[str, Any]:
    """The registered apps of one platform, or of all."""
    wanted = action.text("Platform", "").lower().removesuffix("_openapi")
    provider = _PLATFORMS.get(wanted)
    if wanted and provider is None:
        raise Refusal(400, "InvalidPlatform", f"Platform must be one of {', '.join(_PLATFORMS)}.")
    apps = action.services.spaces.apps(action.space.id, provider)
    return {"SecretList": [_secret_row(action, *app) for app in apps]}


ACTIONS: dict[str, Handler] = {
    "SaveWechatOpenPlatformConfig": save_wechat,
    "DeleteWechatOpenPlatformConfig": delete_wechat,
    "SaveAntOpenPlatformConfig": save_alipay,
    "DeleteAntOpenPlatformConfig": delete_alipay,
    "SaveAppAuthToken": save_app_auth_token,
    "AddDingtalkOpenPlatformConfig": add_dingtalk,
    "UpdateDingtalkOpenPlatformConfig": update_dingtalk,
    "DeleteDingtalkOpenPlatformConfig": delete_dingtalk,
    "ListDingtalkOpenPlatformConfigs": list_dingtalk,
    "ListOpenPlatformConfig": list_platforms,
}


def _save(action: Action, provider: str, fields: dict[str, str]) -> dict[str, Any]:
    app_id = action.text("AppId")
    now = action.services.clock.now_ms()
    old = action.services.spaces.app(action.space.id, provider, app_id) or {"created_at": now}
    action.services.spaces.set_app(action.space.id, provider, app_id, {**old, **fields, "updated_at": now})
    return {}


def _existing(action: Action, provider: str) -> dict[str, Any]:
    app_id = action.text("AppId")
    config = action.services.spaces.app(action.space.id, provider, app_id)
    if config is None:
        raise Refusal(404, "InvalidAppId.NotFound", f"app `{app_id}` is not registered / 应用未登记")
    return config


def _delete(action: Action, provider: str) -> dict[str, Any]:
    _existing(action, provider)
    action.services.spaces.delete_app(action.space.id, provider, action.text("AppId"))
    return {}


def _dingtalk_row(app_id: str, config: dict[str, Any]) -> dict[str, str]:
    return {
        "AppId": app_id,
        "AppSecret": str(config.get("secret", "")),
        "CreateTime": str(config.get("created_at", "")),
        "UpdateTime": str(config.get("updated_at", "")),
    }


def _secret_row(action: Action, provider: str, app_id: str, config: dict[str, Any]) -> dict[str, str]:
    row = {"SpaceId": action.space.id, "Platform": provider, "AppId": app_id}
    if "secret" in config:
        row["AppSecret"] = str(config["secret"])
    return row | {field: str(config[name]) for name, field in _ALIPAY_FIELDS.items() if name in config}
