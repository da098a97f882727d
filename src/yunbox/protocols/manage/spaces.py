"""Spaces, their settings and their registered apps."""

from __future__ import annotations

from typing import Any

from yunbox.errors import InvalidRequest
from yunbox.protocols.manage.routing import Call, Row
from yunbox.settings import SPACE_SETTINGS
from yunbox.spaces import Space
from yunbox.spaces.sharing import share_from

PROVIDERS = ("wechat", "wechat_web", "wechat_public", "alipay", "dingtalk", "developer")
_KEYS = ("client_secret", "server_private_key", "secret_id", "secret_key", "access_key_id", "access_key_secret")


def described(call: Call, space: Space) -> dict[str, Any]:
    """A space with its credentials, as ``space create --json`` prints it (DESIGN §6)."""
    return {
        "space_id": space.id,
        "endpoint": call.services.address.public,
        **space.keys(),
        "bucket": space.bucket,
        "created_at": space.created_at,
        "settings": {row.name: space.settings.get(row.name, row.default) for row in SPACE_SETTINGS},
    }


async def list_spaces(call: Call) -> Any:
    """Every space without its secrets."""
    rows = []
    for space in call.services.spaces.list():
        files, size = call.services.files.usage(space.id)
        rows.append(
            {
                "space_id": space.id,
                "created_at": space.created_at,
                "functions": len(call.services.functions.list(space.id)),
                "users": call.services.identity.count_users(space),
                "files": files,
                "file_bytes": size,
            }
        )
    return rows


async def create_space(call: Call) -> Any:
    """Make a space; ``space_id`` is optional."""
    wanted = (await call.body()).get("space_id")
    if wanted is not None and not isinstance(wanted, str):
        raise InvalidRequest("`space_id` must be text")
    return described(call, call.services.spaces.create(wanted))


async def show_space(call: Call) -> Any:
    return described(call, call.space)


async def delete_space(call: Call) -> Any:
    """Remove a space with everything in it."""
    space_id = call.space.id
    call.services.spaces.delete(space_id)
    return {"deleted": space_id}


async def set_settings(call: Call) -> Any:
    """Change settings; ``null`` puts one back to its default."""
    space = call.services.spaces.set(call.space.id, await call.body())
    return described(call, space)["settings"]


async def reset_keys(call: Call) -> Any:
    """Replace the credentials named in ``keys`` (all when absent); the old ones stop working at once."""
    names = (await call.body()).get("keys") or list(_KEYS)
    if unknown := [name for name in names if name not in _KEYS]:
        raise InvalidRequest(f"unknown key `{unknown[0]}`; use {', '.join(_KEYS)}")
    return described(call, call.services.spaces.reset_keys(call.space.id, *names))


async def list_apps(call: Call) -> Any:
    """Registered platform apps without their secrets."""
    return [
        {"provider": provider, "app_id": app_id, "has_secret": bool(config.get("secret"))}
        for provider, app_id, config in call.services.spaces.apps(call.space.id)
    ]


async def set_app(call: Call) -> Any:
    """Register a platform app: ``secret`` is WeChat's app secret, Alipay's private key (PEM), DingTalk's app secret."""
    provider, app_id = call.names["provider"], call.names["app"]
    if provider not in PROVIDERS:
        raise InvalidRequest(f"unknown provider `{provider}`; use {', '.join(PROVIDERS)}")
    config = await call.body()
    if provider != "developer" and not config.get("secret"):
        raise InvalidRequest("a `secret` is needed; pass a file with --secret-file / 缺少密钥，请用 --secret-file 指定")
    known = call.services.spaces.app(call.space.id, provider, app_id) or {}
    if "push" in known:
        config.setdefault("push", known["push"])
    call.services.spaces.set_app(call.space.id, provider, app_id, config)
    if provider in ("wechat", "alipay") and not call.space.settings.get("app_id"):
        call.services.spaces.set(call.space.id, {"app_id": app_id})
    return {"provider": provider, "app_id": app_id}


async def delete_app(call: Call) -> Any:
    call.services.spaces.delete_app(call.space.id, call.names["provider"], call.names["app"])
    return {"deleted": call.names["app"]}


async def list_shares(call: Call) -> Any:
    """What the space grants to others, by space."""
    return {to: share.to_json() for to, share in call.services.spaces.sharing.granted(call.space.id).items()}


async def set_share(call: Call) -> Any:
    """Grant the space in the path the body: ``documents`` and ``files`` (``none``, ``read``, ``write``), ``collections`` and
    ``functions`` (lists of names, ``*`` for all); it replaces what was granted before."""
    share = share_from(await call.body())
    call.services.spaces.sharing.grant(call.space.id, call.names["to"], share)
    return share.to_json()


async def delete_share(call: Call) -> Any:
    call.services.spaces.sharing.revoke(call.space.id, call.names["to"])
    return {"revoked": call.names["to"]}


ROUTES: tuple[Row, ...] = (
    ("GET", "spaces", list_spaces),
    ("POST", "spaces", create_space),
    ("GET", "spaces/{space}", show_space),
    ("DELETE", "spaces/{space}", delete_space),
    ("PATCH", "spaces/{space}/settings", set_settings),
    ("POST", "spaces/{space}/keys", reset_keys),
    ("GET", "spaces/{space}/shares", list_shares),
    ("PUT", "spaces/{space}/shares/{to}", set_share),
    ("DELETE", "spaces/{space}/shares/{to}", delete_share),
    ("GET", "spaces/{space}/apps", list_apps),
    ("PUT", "spaces/{space}/apps/{provider}/{app}", set_app),
    ("DELETE", "spaces/{space}/apps/{provider}/{app}", delete_app),
)
