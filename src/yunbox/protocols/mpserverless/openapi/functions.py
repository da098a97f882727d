"""Actions on functions: definitions, zip deployments, calls and logs (semantics.md FA-5 to FA-10)."""

from __future__ import annotations

import asyncio
import math
import tempfile
import uuid
from pathlib import Path
from typing import Any

import orjson

from yunbox.errors import FunctionNotFound
from yunbox.functions.function import Function
from yunbox.protocols.mpserverless import http_trigger
from yunbox.protocols.mpserverless.openapi import archives
from yunbox.protocols.mpserverless.openapi.action import Action, Handler, Refusal, paginate
from yunbox.protocols.mpserverless.openapi.files import sign_url
from yunbox.protocols.mpserverless.openapi.spaces import unsupported

_STORE = "openapi functions"
_DEPLOYMENTS = "openapi deployments"
_KEPT_DEPLOYMENTS = 50
_LABELS = {"CREATED": "created", "DEPLOY_SUCCESS": "deployed", "DEPLOY_FAILED": "failed"}


async def create_function(action: Action) -> dict[str, Any]:
    """A definition; the function can be called once code has been deployed to it."""
    name = archives.checked_name(action.text("Name"))
    if _definition(action, name) is not None or _deployed(action, name) is not None:
        raise Refusal(409, "EntityAlreadyExists", f"function `{name}` exists already / 云函数已存在")
    now = action.services.clock.now_ms()
    _keep(action, name, {"created_at": now, **_changes(action)})
    made = _described(action, name)
    # Of this answer alone the vendor's SDK declares the concurrency as text, and no triggers.
    spec = {**made["Spec"], "InstanceConcurrency": str(made["Spec"]["InstanceConcurrency"])}
    return {**{field: made[field] for field in ("Name", "Desc", "CreatedAt", "ModifiedAt")}, "Spec": spec}


async def update_function(action: Action) -> dict[str, Any]:
    name = _existing(action)
    if action.parameters.get("TimingTriggerConfig"):
        _check_timer(action.parameters["TimingTriggerConfig"])
    definition = {**(_definition(action, name) or {}), **_changes(action)}
    http_trigger.route(action.services, action.space.id, name, definition.get("http_path", ""))
    _keep(action, name, definition)
    await _apply(action, name)
    return _described(action, name)


async def delete_function(action: Action) -> dict[str, Any]:
    name = _existing(action)
    if _deployed(action, name) is not None:
        await action.services.functions.delete(action.space.id, name)
    action.services.spaces.delete_rule(action.space.id, _STORE, name)
    http_trigger.route(action.services, action.space.id, name, "")
    names = [item for item in _names(action) if item != name]
    action.services.spaces.set_rule(action.space.id, _STORE, "", names)
    return {}


async def describe_function(action: Action) -> dict[str, Any]:
    name = _existing(action)
    latest = next((row for row in _deployments(action) if row["function"] == name), None)
    deployment = _deployment_row(latest) if latest else {}
    deployment.pop("Status", None)
    return {"Function": _described(action, name), "Deployment": deployment}


async def list_functions(action: Action) -> dict[str, Any]:
    wanted = action.text("FilterBy", "")
    known = {function.name for function in action.services.functions.list(action.space.id)} | set(_names(action))
    rows, paginator = paginate(action, sorted(name for name in known if wanted in name))
    described = [_described(action, name) for name in rows]
    for row in described:
        del row["TimingTriggerUserPayload"]
    return {"DataList": described, "Paginator": paginator}


async def create_deployment(action: Action) -> dict[str, Any]:
    """Where the zip of the next version may be ``PUT``."""
    name = _existing(action)
    deployment_id = str(uuid.uuid4())
    ticket = action.services.files.prepare_upload(action.caller, _zip_key(deployment_id))
    row = {"id": deployment_id, "function": name, "status": "CREATED", "created_at": action.services.clock.now_ms()}
    _keep_deployments(action, [row, *_deployments(action)])
    return {"DeploymentId": deployment_id, "UploadSignedUrl": sign_url(action, ticket)}


async def deploy(action: Action) -> dict[str, Any]:
    """Deploy the uploaded zip; the answer comes when the function can be called."""
    wanted = action.text("DeploymentId")
    rows = _deployments(action)
    row = next((row for row in rows if row["id"] == wanted), None)
    if row is None:
        raise Refusal(404, "InvalidDeploymentId.NotFound", f"deployment `{wanted}` does not exist / 部署记录不存在")
    row["modified_at"] = action.services.clock.now_ms()
    row["status"] = "DEPLOY_FAILED"
    try:
        row["version"] = await _deploy_zip(action, row)
        row["status"] = "DEPLOY_SUCCESS"
    finally:
        _keep_deployments(action, rows)
    await _apply(action, row["function"])
    return {}


async def list_deployments(action: Action) -> dict[str, Any]:
    name, status = _existing(action), action.text("Status", "")
    rows = [row for row in _deployments(action) if row["function"] == name and status in ("", row["status"])]
    page, paginator = paginate(action, rows)
    return {"DataList": [_deployment_row(row) for row in page], "Paginator": paginator}


async def run_function(action: Action) -> dict[str, Any]:
    """Call a function; ``Body`` holds ``functionTarget`` and ``functionArgs``."""
    body = action.json("Body")
    if not isinstance(body, dict):
        raise Refusal(400, "InvalidBody", "Body must be a JSON object. / 参数 Body 应为 JSON 对象")
    name = body.get("functionTarget") or body.get("name") or body.get("Name")
    if not isinstance(name, str):
        raise Refusal(400, "InvalidBody", "Body needs functionTarget. / 参数 Body 缺少 functionTarget")
    arguments = body.get("functionArgs", body.get("args", {}))
    done = await action.services.functions.invoke(action.caller, name, arguments)
    duration = round(done.duration_ms)
    meta = {
        "RequestId": done.request_id,
        "InvocationDuration": duration,
        "BillingDuration": duration,
        "MaxMemoryUsage": math.ceil(done.memory / 2**20),
    }
    return {"Result": done.result_json.decode(), "RuntimeMeta": meta}


async def list_logs(action: Action) -> dict[str, Any]:
    """Calls, the newest first; ``FromDate`` and ``ToDate`` in milliseconds."""
    name, request_id = action.text("Name", ""), action.text("LogRequestId", "")
    since, until, status = action.number("FromDate", 0), action.number("ToDate", 2**62), action.text("Status", "")
    records = await action.services.functions.logs(action.space.id)
    found = [
        record
        for record in records
        if name in ("", record.function)
        and request_id in ("", record.request_id)
        and since <= record.started_at <= until
        and status in ("", "SUCCESS" if record.status == "success" else "FAIL")
    ]
    page, paginator = paginate(action, found)
    return {"DataList": [_log_row(action, record) for record in page], "Paginator": paginator}


async def describe_http_trigger(action: Action) -> dict[str, Any]:
    endpoint = f"{action.origin.scheme}://{action.origin.host}{http_trigger.PREFIX}{action.space.id}"
    enabled = http_trigger.is_enabled(action.services, action.space.id)
    return {"EnableService": enabled, "DefaultEndpoint": endpoint, "CustomDomain": "", "CustomDomainCname": ""}


async def update_http_trigger(action: Action) -> dict[str, Any]:
    """Switch HTTP triggers on or off; a domain of one's own belongs into the reverse proxy."""
    if action.text("CustomDomain", ""):
        raise unsupported("point your domain at this server in your reverse proxy / 请在反向代理中绑定自定义域名")
    enabled = action.text("EnableService", "")
    if enabled:
        http_trigger.enable(action.services, action.space.id, enabled.lower() == "true")
    return await describe_http_trigger(action)


ACTIONS: dict[str, Handler] = {
    "CreateFunction": create_function,
    "UpdateFunction": update_function,
    "DeleteFunction": delete_function,
    "DescribeFunction": describe_function,
    "ListFunction": list_functions,
    "CreateFunctionDeployment": create_deployment,
    "DeployFunction": deploy,
    "ListFunctionDeployment": list_deployments,
    "RunFunction": run_function,
    "ListFunctionLog": list_logs,
    "DescribeHttpTriggerConfig": describe_http_trigger,
    "UpdateHttpTriggerConfig": update_http_trigger,
}


def _zip_key(deployment_id: str) -> str:
    return f"deployments/{deployment_id}.zip"


async def _deploy_zip(action: Action, row: dict[str, Any]) -> int:
    """Unpack and deploy; the zip goes, because files may be public."""
    files, space_id, key = action.services.files, action.space.id, _zip_key(row["id"])
    packed = await files.read(space_id, key)
    try:
        with tempfile.TemporaryDirectory(prefix="yunbox-zip-") as folder:
            root = await asyncio.to_thread(archives.unpack, packed, Path(folder), row["function"])
            done = await action.services.functions.deploy(space_id, root, row["function"])
    finally:
        await files.delete(action.caller, [key])
    return done.version


def _definition(action: Action, name: str) -> dict[str, Any] | None:
    found: dict[str, Any] | None = action.services.spaces.rule(action.space.id, _STORE, name)
    return found


def _names(action: Action) -> list[str]:
    return list(action.services.spaces.rule(action.space.id, _STORE, "") or ())


def _keep(action: Action, name: str, definition: dict[str, Any]) -> None:
    spaces, space_id = action.services.spaces, action.space.id
    if name not in _names(action):
        spaces.set_rule(space_id, _STORE, "", [*_names(action), name])
    spaces.set_rule(space_id, _STORE, name, {**definition, "updated_at": action.services.clock.now_ms()})


def _changes(action: Action) -> dict[str, Any]:
    texts = {
        "desc": "Desc",
        "runtime": "Runtime",
        "http_path": "HttpTriggerPath",
        "timer": "TimingTriggerConfig",
        "timer_payload": "TimingTriggerUserPayload",
    }
    numbers = {"memory": "Memory", "timeout": "Timeout", "concurrency": "InstanceConcurrency"}
    changes: dict[str, Any] = {key: action.parameters[name] for key, name in texts.items() if name in action.parameters}
    changes |= {key: action.number(name, 0) for key, name in numbers.items() if action.parameters.get(name)}
    return changes


def _timers(definition: dict[str, Any]) -> list[dict[str, Any]] | None:
    """The one timer of a definition, in the form of our own configuration (FA-8); ``None`` when it says nothing of timers."""
    if "timer" not in definition:
        return None
    timer = _cron(definition["timer"])
    if not timer:
        return []
    payload = definition.get("timer_payload") or None
    return [{"name": "TIMER_LATEST", "type": "timer", "config": timer, "payload": payload}]


async def _apply(action: Action, name: str) -> None:
    """Make a definition's memory, timeout and timer hold for the code that is deployed."""
    definition = _definition(action, name)
    if definition is None or _deployed(action, name) is None:
        return
    await action.services.functions.configure(
        action.space.id,
        name,
        timeout=definition.get("timeout"),
        memory=definition.get("memory"),
        triggers=_timers(definition),
    )


def _cron(config: str) -> str:
    """The cron text in ``["cron:0 0 * * * *"]``, ``cron:…`` or alone."""
    text = config.strip()
    if text.startswith("["):
        try:
            entries = orjson.loads(text)
        except orjson.JSONDecodeError:
            raise Refusal(400, "InvalidTimingTriggerConfig", "TimingTriggerConfig is not JSON.") from None
        text = str(entries[0]) if entries else ""
    return text.removeprefix("cron:").strip()


def _check_timer(config: str) -> None:
    if cron := _cron(config):
        fields = len(cron.split())
        if fields not in (6, 7):
            raise Refusal(
                400, "InvalidTimingTriggerConfig", f"a cron text has 6 fields, not {fields} / cron 表达式应有 6 段"
            )


def _deployed(action: Action, name: str) -> Function | None:
    try:
        return action.services.functions.get(action.space.id, name)
    except FunctionNotFound:
        return None


def _existing(action: Action) -> str:
    name = action.text("Name")
    if _definition(action, name) is None and _deployed(action, name) is None:
        raise Refusal(404, "InvalidFunction.NotFound", f"function `{name}` does not exist / 云函数 `{name}` 不存在")
    return name


def _described(action: Action, name: str) -> dict[str, Any]:
    definition, deployed = _definition(action, name) or {}, _deployed(action, name)
    memory = definition.get("memory") or (deployed.memory if deployed else 512)
    timeout = definition.get("timeout") or (deployed.timeout if deployed else 10)
    return {
        "Name": name,
        "Desc": definition.get("desc", ""),
        "CreatedAt": str(definition.get("created_at") or (deployed.created_at if deployed else "")),
        "ModifiedAt": str(definition.get("updated_at") or (deployed.updated_at if deployed else "")),
        "HttpTriggerPath": definition.get("http_path", ""),
        "TimingTriggerConfig": definition.get("timer", ""),
        "TimingTriggerUserPayload": definition.get("timer_payload", ""),
        "Spec": {
            "Memory": str(memory),
            "Timeout": str(round(timeout)),
            "Runtime": definition.get("runtime", "nodejs"),
            "InstanceConcurrency": definition.get("concurrency", 1),
        },
    }


def _deployments(action: Action) -> list[dict[str, Any]]:
    rows = action.services.spaces.rule(action.space.id, _DEPLOYMENTS, "") or ()
    return [dict(row) for row in rows]


def _keep_deployments(action: Action, rows: list[dict[str, Any]]) -> None:
    action.services.spaces.set_rule(action.space.id, _DEPLOYMENTS, "", rows[:_KEPT_DEPLOYMENTS])


def _deployment_row(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "DeploymentId": row["id"],
        "VersionNo": str(row.get("version", "")),
        "Status": {"Label": _LABELS[row["status"]], "Status": row["status"]},
        "DownloadSignedUrl": "",
        "CreatedAt": str(row["created_at"]),
        "ModifiedAt": str(row.get("modified_at", row["created_at"])),
    }


def _log_row(action: Action, record: Any) -> dict[str, Any]:
    return {
        "RequestId": record.request_id,
        "FunctionName": record.function,
        "SpaceId": action.space.id,
        "Status": "SUCCESS" if record.status == "success" else "FAIL",
        "Contents": [line.text for line in record.lines],
        "Levels": [line.level for line in record.lines],
        "Timestamps": [str(line.at) for line in record.lines],
    }
