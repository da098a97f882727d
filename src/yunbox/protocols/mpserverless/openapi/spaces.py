"""Actions on spaces, their configuration, policies and web origins."""

from __future__ import annotations

import hashlib
import uuid
from typing import Any

import orjson

from yunbox.documents.rules.policy import EXTENDED, PRESETS, parse_policy, policy_of
from yunbox.protocols.mpserverless import addresses
from yunbox.protocols.mpserverless.openapi.action import Action, Handler, Refusal, keep_profile, paginate, profile
from yunbox.spaces import Space

_SERVICES = ("db", "file", "function", "user", "hosting")


async def create_space(action: Action) -> dict[str, Any]:
    """A new space that the account may manage."""
    space = action.services.spaces.create(f"mp-{uuid.uuid4()}")
    keep_profile(
        action.services,
        space.id,
        account=action.account.id,
        name=action.text("Name", space.id),
        desc=action.text("Desc", ""),
    )
    return {"SpaceId": space.id}


async def order_space(action: Action) -> dict[str, Any]:
    raise unsupported(
        "there is nothing to order on your own server; use CreateSpace / 自建服务无需下单，请使用 CreateSpace"
    )


async def update_space(action: Action) -> dict[str, Any]:
    names = {"desc": "Desc", "status": "Status", "name": "Name"}
    changes = {key: action.parameters[name] for key, name in names.items() if name in action.parameters}
    keep_profile(action.services, action.space.id, **changes)
    return {}


async def delete_space(action: Action) -> dict[str, Any]:
    action.services.spaces.delete(action.space.id)
    return {}


async def list_spaces(action: Action) -> dict[str, Any]:
    spaces = _own_spaces(action)
    page, _ = paginate(action, spaces)
    return {"Count": len(spaces), "Spaces": [_listed(action, space) for space in page]}


async def describe_spaces(action: Action) -> dict[str, Any]:
    spaces = _own_spaces(action)
    page, _ = paginate(action, spaces)
    return {"Count": len(spaces), "Spaces": [_described(action, space) for space in page]}


async def describe_client_config(action: Action) -> dict[str, Any]:
    """The keys that a client and a server SDK need."""
    space = action.space
    return {
        "SpaceId": space.id,
        "Name": _name(action, space),
        "ApiKey": space.client_secret,
        "PrivateKey": space.server_private_key,
        "Endpoint": f"{action.origin.scheme}://{action.origin.host}",
        "FileUploadEndpoint": addresses.upload_host(action.origin, space, with_scheme=True),
    }


async def reset_server_secret(action: Action) -> dict[str, Any]:
    action.services.spaces.reset_keys(action.space.id, "server_private_key")
    return {}


async def open_service(action: Action) -> dict[str, Any]:
    """All services of a space are open from the start."""
    _service(action)
    return {}


async def query_service_status(action: Action) -> dict[str, Any]:
    _service(action)
    return {"ServiceStatus": "OPENED"}


async def describe_policy(action: Action) -> dict[str, Any]:
    service, collection = _policy_target(action)
    if service == "file":
        rules = action.services.files.grants(action.space.id)
    else:
        rules = action.services.documents.rules(action.space.id, collection)
    name, policy = policy_of(rules)
    return {
        "SpaceId": action.space.id,
        "ServiceName": service,
        "CollectionName": collection,
        "PolicyName": name,
        "Policy": orjson.dumps(policy).decode(),
    }


async def update_policy(action: Action) -> dict[str, Any]:
    """Set the rules of a collection, or of all files, from a preset's name or a policy."""
    service, collection = _policy_target(action)
    name = action.text("PolicyName", EXTENDED).upper()
    rules = parse_policy(name if name in PRESETS else action.text("Policy"))
    if service == "db":
        action.services.documents.set_rules(action.space.id, collection, rules)
        return await describe_policy(action)
    if rules.mode is None:
        raise Refusal(
            400, "InvalidPolicy", f"files take one of the presets {', '.join(PRESETS)} / 文件权限只能使用预设策略"
        )
    action.services.spaces.set(action.space.id, {"storage_rule": rules.mode})
    return await describe_policy(action)


async def add_cors_domain(action: Action) -> dict[str, Any]:
    domain = action.text("Domain")
    domains = [*(item for item in _cors_domains(action) if item != domain), domain]
    action.services.spaces.set(action.space.id, {"cors_origins": ",".join(domains)})
    return {"DomainId": _domain_id(domain)}


async def delete_cors_domain(action: Action) -> dict[str, Any]:
    """Remove a web origin; with none left every origin may call again."""
    wanted = action.text("DomainId")
    domains = _cors_domains(action)
    kept = [domain for domain in domains if _domain_id(domain) != wanted]
    if len(kept) == len(domains):
        raise Refusal(404, "InvalidDomainId.NotFound", f"domain `{wanted}` does not exist / 域名不存在")
    action.services.spaces.set(action.space.id, {"cors_origins": ",".join(kept) or None})
    return {}


async def list_cors_domains(action: Action) -> dict[str, Any]:
    domains = _cors_domains(action)
    return {"Domains": [{"Domain": domain, "DomainId": _domain_id(domain)} for domain in domains]}


async def list_extensions(action: Action) -> dict[str, Any]:
    """There are no paid extensions here."""
    number, size = action.page()
    return {"Extensions": [], "PageNumber": number, "PageSize": size, "TotalCount": 0}


async def enable_extension(action: Action) -> dict[str, Any]:
    extension = action.text("ExtensionId")
    raise Refusal(404, "InvalidExtensionId.NotFound", f"extension `{extension}` does not exist / 扩展不存在")


async def role_exists(action: Action) -> dict[str, Any]:
    """There are no cloud roles; whatever a role would allow is allowed."""
    return {"Exists": True}


async def function_service_status(action: Action) -> dict[str, Any]:
    return {"Status": "OPENED"}


ACTIONS: dict[str, Handler] = {
    "CreateSpace": create_space,
    "CreateSpaceWithOrder": order_space,
    "UpdateSpace": update_space,
    "DeleteSpace": delete_space,
    "ListSpace": list_spaces,
    "DescribeSpaces": describe_spaces,
    "DescribeSpaceClientConfig": describe_client_config,
    "ResetServerSecret": reset_server_secret,
    "OpenService": open_service,
    "QueryServiceStatus": query_service_status,
    "DescribeServicePolicy": describe_policy,
    "UpdateServicePolicy": update_policy,
    "AddCorsDomain": add_cors_domain,
    "DeleteCorsDomain": delete_cors_domain,
    "ListCorsDomains": list_cors_domains,
    "ListExtensions": list_extensions,
    "EnableExtension": enable_extension,
    "CheckMpServerlessRoleExists": role_exists,
    "DescribeFCOpenStatus": function_service_status,
}


def unsupported(message: str) -> Refusal:
    """The answer of an action that has nothing behind it on one's own server."""
    return Refusal(400, "UnsupportedOperation", message)


def _own_spaces(action: Action) -> list[Space]:
    wanted = action.texts("SpaceIds")
    spaces = [space for space in action.services.spaces.list() if action.may_manage(space.id)]
    return [space for space in spaces if not wanted or space.id in wanted]


def _name(action: Action, space: Space) -> str:
    return str(profile(action.services, space.id).get("name") or space.id)


def _listed(action: Action, space: Space) -> dict[str, Any]:
    kept = profile(action.services, space.id)
    return {
        "SpaceId": space.id,
        "Name": _name(action, space),
        "Desc": kept.get("desc", ""),
        "Status": kept.get("status", "NORMAL"),
        "GmtCreate": space.created_at,
        "GmtLastAccess": space.created_at,
    }


def _described(action: Action, space: Space) -> dict[str, Any]:
    kept = profile(action.services, space.id)
    return {
        "SpaceId": space.id,
        "Name": _name(action, space),
        "Description": kept.get("desc", ""),
        "ServiceStatus": kept.get("status", "NORMAL"),
        "PackageStatus": "NORMAL",
        "ChargeType": "NONE",
        "SpecCode": "SELF_HOSTED",
        "AutoRenew": False,
        "GmtCreate": str(space.created_at),
        "GmtModified": str(space.created_at),
    }


def _service(action: Action) -> str:
    service = action.text("ServiceName").lower()
    if service not in _SERVICES:
        raise Refusal(400, "InvalidServiceName", f"ServiceName must be one of {', '.join(_SERVICES)}.")
    return service


def _policy_target(action: Action) -> tuple[str, str]:
    service = _service(action)
    if service not in ("db", "file"):
        raise Refusal(400, "InvalidServiceName", "ServiceName must be db or file.")
    return service, action.text("CollectionName") if service == "db" else ""


def _cors_domains(action: Action) -> list[str]:
    text = str(action.services.spaces.get(action.space.id).settings.get("cors_origins", "*"))
    return [domain.strip() for domain in text.split(",") if domain.strip() not in ("", "*")]


def _domain_id(domain: str) -> str:
    return hashlib.sha256(domain.encode()).hexdigest()[:24]
