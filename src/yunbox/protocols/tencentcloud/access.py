"""``tcb``: functions behind HTTP paths. The vendor's two generations of actions change the same routes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from yunbox.protocols.mpserverless import http_trigger
from yunbox.protocols.tencentcloud.call import Call, Handler, missing, shown_time
from yunbox.protocols.tencentcloud.errors import ApiError, unsupported

_FUNCTION = 1
_PROXY = "bind domains and certificates in your reverse proxy, in front of this server / 请在反向代理中绑定域名和证书"


async def create(call: Call) -> dict[str, Any]:
    """Let a function answer a path and everything below it.

    Raises:
        ApiError: ``InvalidParameter.APICreated`` when the path is taken, which the SDK looks for.
    """
    if call.number("Type", _FUNCTION) != _FUNCTION:
        raise unsupported("only functions (Type 1) can be behind a path / 仅支持云函数（Type 1）")
    if call.values.get("AuthSwitch") == 1:
        raise unsupported("paths are open to everybody; check the caller in the function / 不支持路径鉴权")
    path = _path(call.text("Path"))
    routes = http_trigger.routes(call.services, call.space.id)
    if path in routes:
        raise ApiError("InvalidParameter.APICreated", f"the path {path} belongs to `{routes[path]}` / 路径已被占用")
    _assign(call, {**routes, path: call.text("Name")})
    return {"APIId": _id(path), "Endpoint": _endpoint(call)}


async def list_paths(call: Call) -> dict[str, Any]:
    """Paths, of one function (``Name``) or one of them (``Path``)."""
    name, path = call.text("Name", ""), call.text("Path", "")
    rows = [
        _shown(call, known, function)
        for known, function in sorted(http_trigger.routes(call.services, call.space.id).items())
        if name in ("", function) and (not path or _path(path) == known)
    ]
    page = call.page(rows)
    return {"APISet": page, "Total": len(rows), "Limit": call.number("Limit", 20), "Offset": call.number("Offset", 0)}


async def delete(call: Call) -> dict[str, Any]:
    """Remove a function's paths, or the one that ``APIId`` or ``Path`` names."""
    name, wanted, path = call.text("Name", ""), call.text("APIId", ""), call.text("Path", "")
    if not (name or wanted or path):
        raise missing("APIId")
    routes = http_trigger.routes(call.services, call.space.id)
    chosen = {
        known
        for known, function in routes.items()
        if name in ("", function) and wanted in ("", _id(known)) and (not path or _path(path) == known)
    }
    if not chosen:
        raise ApiError("ResourceNotFound", "there is no such path / 路径不存在")
    http_trigger.keep_routes(call.services, call.space.id, {k: v for k, v in routes.items() if k not in chosen})
    return {}


async def service(call: Call) -> dict[str, Any]:
    """The address that functions answer at."""
    status = 1 if http_trigger.is_enabled(call.services, call.space.id) else 2
    row = {
        "ServiceId": call.space.id,
        "Domain": _endpoint(call),
        "OpenTime": call.space.created_at // 1000,
        "Status": status,
        "EnableRegion": True,
        "Cname": "",
    }
    return {"ServiceSet": [row], "EnableService": status == 1, "DefaultDomain": _endpoint(call)}


async def switch(call: Call) -> dict[str, Any]:
    """Switch HTTP access on or off."""
    http_trigger.enable(call.services, call.space.id, bool(call.values.get("EnableService")))
    return {}


async def switch_paths(call: Call) -> dict[str, Any]:
    """
    Raises:
        ApiError: when paths should ask callers to sign in.
    """
    for option in call.objects("Options"):
        if option.get("Key") == "authswitch" and str(option.get("Value")).lower() == "true":
            raise unsupported("paths are open to everybody; check the caller in the function / 不支持路径鉴权")
    return {}


async def domain(call: Call) -> dict[str, Any]:
    raise unsupported(f"{call.action}: {_PROXY}")


async def describe_routes(call: Call) -> dict[str, Any]:
    """The newer form: the server's own domain with its routes."""
    routes = sorted(http_trigger.routes(call.services, call.space.id).items())
    filters = {str(row.get("Name")): row.get("Values") or [] for row in call.objects("Filters")}
    shown = [_route(call, path, name) for path, name in routes if path in (filters.get("Path") or [path])]
    own = _endpoint(call)
    domains = [_shown_domain(call, own, shown)] if own in (filters.get("Domain") or [own]) else []
    return {"Domains": domains, "OriginDomain": own, "TotalCount": len(domains)}


async def create_routes(call: Call) -> dict[str, Any]:
    """Add routes to the server's own domain (``*``)."""
    routes = http_trigger.routes(call.services, call.space.id)
    for row in _domain_routes(call):
        path = _path(str(row.get("Path") or ""))
        if path in routes:
            raise ApiError(
                "ResourceInUse.HTTPServiceRoute", f"the path {path} belongs to `{routes[path]}` / 路由已存在"
            )
        routes[path] = _upstream(row)
    _assign(call, routes)
    return {}


async def modify_routes(call: Call) -> dict[str, Any]:
    """Lead known paths to other functions."""
    routes = http_trigger.routes(call.services, call.space.id)
    for row in _domain_routes(call):
        path = _path(str(row.get("Path") or ""))
        if path not in routes:
            raise ApiError("ResourceNotFound", f"there is no path {path} / 路由不存在")
        routes[path] = _upstream(row)
    _assign(call, routes)
    return {}


async def delete_routes(call: Call) -> dict[str, Any]:
    """Remove some paths, or all of them."""
    _check_domain(call, call.text("Domain"))
    routes = http_trigger.routes(call.services, call.space.id)
    paths = {_path(path) for path in call.texts("Paths")} or set(routes)
    if unknown := paths - set(routes):
        raise ApiError("ResourceNotFound", f"there is no path {min(unknown)} / 路由不存在")
    http_trigger.keep_routes(call.services, call.space.id, {k: v for k, v in routes.items() if k not in paths})
    return {}


ACTIONS: dict[str, Handler] = {
    "tcb.BindCloudBaseGWDomain": domain,
    "tcb.CreateCloudBaseGWAPI": create,
    "tcb.CreateHTTPServiceRoute": create_routes,
    "tcb.DeleteCloudBaseGWAPI": delete,
    "tcb.DeleteCloudBaseGWDomain": domain,
    "tcb.DeleteHTTPServiceRoute": delete_routes,
    "tcb.DescribeCloudBaseGWAPI": list_paths,
    "tcb.DescribeCloudBaseGWService": service,
    "tcb.DescribeHTTPServiceRoute": describe_routes,
    "tcb.ModifyCloudBaseGWAPIPrivilegeBatch": switch_paths,
    "tcb.ModifyCloudBaseGWPrivilege": switch,
    "tcb.ModifyHTTPServiceRoute": modify_routes,
}


def _endpoint(call: Call) -> str:
    return f"{call.host}{http_trigger.PREFIX}{call.space.id}"


def _id(path: str) -> str:
    return f"api-{hashlib.sha256(path.encode()).hexdigest()[:12]}"


def _path(text: str) -> str:
    if not text.startswith("/"):
        raise ApiError("InvalidParameterValue", f"the path `{text[:60]}` must begin with / / 路径应以 / 开头")
    return "/" + text.strip("/")


def _assign(call: Call, routes: dict[str, str]) -> None:
    """Keep routes whose functions exist."""
    for function in set(routes.values()):
        call.services.functions.get(call.space.id, function)
    http_trigger.keep_routes(call.services, call.space.id, routes)


def _shown(call: Call, path: str, function: str) -> dict[str, Any]:
    return {
        "ServiceId": call.space.id,
        "APIId": _id(path),
        "Path": path,
        "Type": _FUNCTION,
        "Name": function,
        "CreateTime": call.space.created_at // 1000,
        "EnvId": call.space.id,
        "EnableAuth": False,
        "AccessType": 1,
        "PathTransmission": 2,
    }


def _domain_routes(call: Call) -> list[Mapping[str, Any]]:
    given = call.values.get("Domain")
    if not isinstance(given, dict):
        raise missing("Domain")
    _check_domain(call, str(given.get("Domain") or ""))
    rows = given.get("Routes")
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise missing("Domain.Routes")
    return rows


def _check_domain(call: Call, name: str) -> None:
    if name not in ("*", _endpoint(call)):
        raise unsupported(f"the domain `{name[:100]}`: {_PROXY}")


def _upstream(row: Mapping[str, Any]) -> str:
    if row.get("UpstreamResourceType", "SCF") != "SCF" or row.get("EnableAuth"):
        raise unsupported("routes lead to functions (SCF) without EnableAuth / 路由仅支持云函数且不支持鉴权")
    name = row.get("UpstreamResourceName")
    if not isinstance(name, str) or not name:
        raise missing("UpstreamResourceName")
    return name


def _route(call: Call, path: str, function: str) -> dict[str, Any]:
    since = shown_time(call.space.created_at)
    return {
        "Path": path,
        "UpstreamResourceType": "SCF",
        "UpstreamResourceName": function,
        "EnableSafeDomain": False,
        "EnableAuth": False,
        "EnablePathTransmission": False,
        "Enable": True,
        "CreateTime": since,
        "UpdateTime": since,
    }


def _shown_domain(call: Call, name: str, routes: list[dict[str, Any]]) -> dict[str, Any]:
    since = shown_time(call.space.created_at)
    return {
        "Domain": name,
        "DomainType": "HTTPSERVICE",
        "AccessType": "DIRECT",
        "CertId": "",
        "Protocol": "HTTP_AND_HTTPS",
        "Cname": "",
        "IsDefault": True,
        "Enable": http_trigger.is_enabled(call.services, call.space.id),
        "Status": "SUCCESS",
        "DNSStatus": "OK",
        "Routes": routes,
        "CreateTime": since,
        "UpdateTime": since,
    }
