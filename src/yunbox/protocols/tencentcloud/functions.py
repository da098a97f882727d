"""``scf``: functions, their code and their configuration."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Mapping
from typing import Any

from yunbox.errors import AlreadyExists, FunctionNotFound
from yunbox.functions.function import Function
from yunbox.protocols.mpserverless import http_trigger
from yunbox.protocols.tencentcloud import links
from yunbox.protocols.tencentcloud.call import CHINA, Call, Handler, missing, shown_time
from yunbox.protocols.tencentcloud.code import (
    deploy_changes,
    deploy_copy,
    deploy_package,
    package_of,
    packed,
    size_of,
    stamped_key,
)
from yunbox.protocols.tencentcloud.errors import ApiError, unsupported
from yunbox.protocols.tencentcloud.staging import temporary_sign
from yunbox.protocols.tencentcloud.triggers import shown_trigger

LATEST = "$LATEST"
RUNTIME = "Nodejs20.19"
"""What a function is said to run on when its script names no runtime: the SDK's default."""
HANDLER = "index.main"

_RESOURCE = "function details"
_KEPT = {"Description": "description", "Runtime": "runtime", "Handler": "handler"}
"""What scripts set and read again: parameter -> where it is kept."""


async def create(call: Call) -> dict[str, Any]:
    """Make a function of a package; it can be called when the answer comes."""
    name = call.text("FunctionName")
    _check_supported(call)
    if _exists(call, name):
        raise AlreadyExists(f"function `{name}` exists already / 函数 `{name}` 已存在")
    package = await package_of(call, _code(call))
    details = _details_from(call, {})
    await deploy_package(call, name, package, {"handler": details.get("handler")})
    await _configure(call, name)
    _keep(call, name, details)
    return {}


async def update_code(call: Call) -> dict[str, Any]:
    """Deploy another package; the configuration stays."""
    function = function_of(call)
    _check_supported(call)
    details = _details_from(call, details_of(call, function.name))
    package = await package_of(call, _code(call))
    await deploy_package(call, function.name, package, {"handler": details.get("handler")})
    _keep(call, function.name, details)
    return {}


async def update_incrementally(call: Call) -> dict[str, Any]:
    """Deploy the current code without ``DeleteFiles`` and with the files in ``AddFiles`` (a zip)."""
    function = function_of(call)
    deleted, added = call.texts("DeleteFiles"), call.values.get("AddFiles")
    if not deleted and not added:
        raise missing("AddFiles")
    package = await package_of(call, {"ZipFile": added}) if added else None
    settings = {"handler": details_of(call, function.name).get("handler")}
    await deploy_changes(call, function, deleted, package, settings)
    return {}


async def update_configuration(call: Call) -> dict[str, Any]:
    """Change the environment (as a whole), timeout, memory and description."""
    function = function_of(call)
    _check_supported(call)
    await _configure(call, function.name)
    _keep(call, function.name, _details_from(call, details_of(call, function.name)))
    if str(call.values.get("Publish", "")).upper() == "TRUE":
        return {"FunctionVersion": str(function.version)}
    return {}


async def delete(call: Call) -> dict[str, Any]:
    """Remove a function with its versions, timers and HTTP paths."""
    function = function_of(call)
    await call.services.functions.delete(call.space.id, function.name)
    call.services.spaces.delete_rule(call.space.id, _RESOURCE, function.name)
    http_trigger.route(call.services, call.space.id, function.name, "")
    return {}


async def show(call: Call) -> dict[str, Any]:
    function = function_of(call)
    details = details_of(call, function.name)
    return {
        **_summary(call, function),
        "Handler": details.get("handler", HANDLER),
        "CodeInfo": "",
        "CodeResult": "success",
        "CodeError": "",
        "CodeSize": await asyncio.to_thread(size_of, function.directory),
        "Timeout": round(function.timeout),
        "MemorySize": function.memory,
        "FunctionVersion": LATEST,
        "ErrNo": 0,
        "UseGpu": "FALSE",
        "InstallDependency": "TRUE",
        "Role": "TCB_QcsRole",
        "VpcConfig": {"VpcId": "", "SubnetId": ""},
        "Environment": {"Variables": [{"Key": key, "Value": value} for key, value in function.environment.items()]},
        "Triggers": [shown_trigger(trigger, function) for trigger in function.triggers],
        "Layers": [],
        "Tags": [],
        "StatusReasons": [_missing(package, why) for package, why in function.missing.items()],
        "EipConfig": {"EipFixed": "FALSE", "Eips": []},
        "PublicNetConfig": {"PublicNetStatus": "ENABLE", "EipConfig": {"EipStatus": "DISABLE", "EipAddress": []}},
        "AccessInfo": {"Host": "", "Vip": ""},
        "ClsLogsetId": "",
        "ClsTopicId": "",
        "L5Enable": "FALSE",
    }


async def list_functions(call: Call) -> dict[str, Any]:
    """Functions whose name contains ``SearchKey``, the last changed first."""
    wanted, described = call.text("SearchKey", ""), call.text("Description", "")
    found = [
        function
        for function in call.services.functions.list(call.space.id)
        if wanted in function.name and described in details_of(call, function.name).get("description", "")
    ]
    found.sort(key=lambda function: -function.updated_at)
    return {"Functions": [_summary(call, function) for function in call.page(found)], "TotalCount": len(found)}


async def copy(call: Call) -> dict[str, Any]:
    """Deploy a function's code and configuration under another name of the same space."""
    function, name = function_of(call), call.text("NewFunctionName")
    if _exists(call, name) and not call.values.get("Override"):
        raise AlreadyExists(f"function `{name}` exists already; send Override / 函数 `{name}` 已存在")
    details = details_of(call, function.name)
    await deploy_copy(call, function, name, {"handler": details.get("handler")})
    await call.services.functions.configure(
        call.space.id,
        name,
        environment=function.environment,
        timeout=function.timeout,
        memory=function.memory,
    )
    _keep(call, name, details)
    return {}


async def code_address(call: Call) -> dict[str, Any]:
    """Where the code can be downloaded as a zip, for ten minutes."""
    function = function_of(call)
    body = await packed(call.services, call.space.id, function.name, function.version)
    url = links.download_link(call.services, call.origin, call.space, function.name, function.version)
    return {"Url": url, "CodeSha256": hashlib.sha256(body).hexdigest()}


async def temporary_bucket(call: Call) -> dict[str, Any]:
    """A signature to upload one package with to the vendor's temporary bucket."""
    date = call.services.clock.now().astimezone(CHINA).strftime("%Y-%m-%d")
    key = f"{date}/{call.text('ObjectPath').removeprefix('/')}"
    return {"Date": date, "Sign": temporary_sign(call.services, call.space, key)}


async def upload_address(call: Call) -> dict[str, Any]:
    """A link to upload one package to; the time in it then names the package (``tcb``, for functions only)."""
    if call.text("Business", "") != "scf":
        raise unsupported("this server runs functions, no containers / 本服务不提供云托管")
    stamp = str(time.time_ns() // 1000)
    key = stamped_key(call, call.text("ServiceName"), stamp)
    url = links.upload_link(call.services, call.origin, call.space, key)
    return {"UploadUrl": url, "UploadHeaders": [], "UnixTimestamp": stamp, "PackageName": "", "PackageVersion": ""}


ACTIONS: dict[str, Handler] = {
    "scf.CopyFunction": copy,
    "scf.CreateFunction": create,
    "scf.DeleteFunction": delete,
    "scf.GetFunction": show,
    "scf.GetFunctionAddress": code_address,
    "scf.GetTempCosInfo": temporary_bucket,
    "scf.ListFunctions": list_functions,
    "scf.UpdateFunctionCode": update_code,
    "scf.UpdateFunctionConfiguration": update_configuration,
    "scf.UpdateFunctionIncrementalCode": update_incrementally,
    "tcb.DescribeBuildServiceCosInfo": upload_address,
    "tcb.ListFunctions": list_functions,
}


def function_of(call: Call) -> Function:
    """The function that ``FunctionName`` names; only its current code can be asked for."""
    qualifier = call.values.get("Qualifier")
    if qualifier not in (None, "", LATEST, "$DEFAULT"):
        raise ApiError(
            "InvalidParameterValue.Qualifier",
            f"only the current version can be used, not `{str(qualifier)[:40]}`; make it current with UpdateAlias"
            " / 只能使用当前版本，可用 UpdateAlias 切换",
        )
    return call.services.functions.get(call.space.id, call.text("FunctionName"))


def _exists(call: Call, name: str) -> bool:
    try:
        call.services.functions.get(call.space.id, name)
    except FunctionNotFound:
        return False
    return True


def details_of(call: Call, name: str) -> dict[str, Any]:
    """What is kept of a function for scripts alone: ``description``, ``runtime``, ``handler``."""
    return dict(call.services.spaces.rule(call.space.id, _RESOURCE, name) or {})


def _keep(call: Call, name: str, details: Mapping[str, Any]) -> None:
    call.services.spaces.set_rule(call.space.id, _RESOURCE, name, dict(details))


def _details_from(call: Call, known: Mapping[str, Any]) -> dict[str, Any]:
    given = {key: call.text(name, "") for name, key in _KEPT.items() if call.values.get(name) is not None}
    return {**known, **given}


def _code(call: Call) -> Mapping[str, Any]:
    """``Code``; older SDKs send its fields beside the others."""
    code = call.values.get("Code")
    return code if isinstance(code, dict) else call.values


_RUNTIMES = ("Nodejs",)


def _check_supported(call: Call) -> None:
    """
    Raises:
        ApiError: for what would not take effect here.
    """
    runtime = call.text("Runtime", RUNTIME)
    if not runtime.startswith(_RUNTIMES):
        raise ApiError(
            "InvalidParameterValue.Runtime", f"this server runs Node.js, not {runtime[:40]} / 仅支持 Node.js"
        )
    if call.text("Type", "Event").upper() == "HTTP":
        raise unsupported("HTTP functions (Type: HTTP) are not run here; use an event function / 不支持 HTTP 函数")
    if call.values.get("CodeSecret"):
        raise ApiError(
            "InvalidParameterValue.CodeSecret", "code is not encrypted here; leave CodeSecret out / 不支持代码保护"
        )
    layers = [layer for layer in call.objects("Layers") if layer.get("LayerName")]
    if layers:
        raise unsupported(
            "there are no layers here; put packages into package.json / 不支持层，请使用 package.json 依赖"
        )


def _settings(call: Call) -> dict[str, Any]:
    """A request's configuration in the words of our own."""
    settings: dict[str, Any] = {}
    if call.values.get("Timeout") is not None:
        settings["timeout"] = call.number("Timeout", 0)
    if call.values.get("MemorySize") is not None:
        settings["memory"] = call.number("MemorySize", 0)
    if (environment := _environment(call)) is not None:
        settings["environment"] = environment
    return settings


def _environment(call: Call) -> dict[str, str] | None:
    """The variables of ``Environment``; ``None`` when it is absent."""
    value = call.values.get("Environment")
    if value is None:
        return None
    rows = value.get("Variables") if isinstance(value, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) and row.get("Key") for row in rows):
        raise ApiError(
            "InvalidParameterValue.Environment", "Environment must be {Variables: [{Key, Value}]} / 环境变量格式错误"
        )
    return {str(row["Key"]): str(row.get("Value", "")) for row in rows}


async def _configure(call: Call, name: str) -> None:
    """Make a request's configuration hold, for later deployments too; variables that it does not name go."""
    settings = _settings(call)
    if not settings:
        return
    environment: dict[str, str | None] | None = settings.pop("environment", None)
    if environment is not None:
        current = call.services.functions.get(call.space.id, name).environment
        environment = {**dict.fromkeys(current), **environment}
    await call.services.functions.configure(call.space.id, name, environment=environment, **settings)


def _summary(call: Call, function: Function) -> dict[str, Any]:
    details = details_of(call, function.name)
    return {
        "FunctionId": f"lam-{hashlib.sha256(f'{function.space}/{function.name}'.encode()).hexdigest()[:8]}",
        "FunctionName": function.name,
        "Namespace": function.space,
        "Runtime": details.get("runtime", RUNTIME),
        "Description": details.get("description", ""),
        "AddTime": shown_time(function.created_at),
        "ModTime": shown_time(function.updated_at),
        "Status": "Active",
        "StatusDesc": "",
        "Type": "Event",
        "Tags": [],
    }


def _missing(package: str, why: str) -> dict[str, str]:
    return {"ErrorCode": "FailedOperation.InstallDependency", "ErrorMessage": f"{package}: {why}"}
