"""``scf``: versions and the alias ``$DEFAULT``. Every deployment is a version of its own, and the last ones are kept."""

from __future__ import annotations

from typing import Any

from yunbox.functions.function import Function
from yunbox.protocols.tencentcloud.call import Call, Handler, shown_time
from yunbox.protocols.tencentcloud.errors import ApiError, unsupported
from yunbox.protocols.tencentcloud.functions import LATEST, details_of, function_of, show

_DEFAULT = "$DEFAULT"


async def publish(call: Call) -> dict[str, Any]:
    """The number of the current code: it is a version since it was deployed."""
    function = function_of(call)
    shown = await show(call)
    names = ("CodeSize", "MemorySize", "Handler", "Timeout", "Runtime", "Namespace")
    return {
        "FunctionVersion": str(function.version),
        "Description": call.text("Description", ""),
        **{name: shown[name] for name in names},
    }


async def list_versions(call: Call) -> dict[str, Any]:
    """``$LATEST`` and the kept versions, the newest first."""
    function = function_of(call)
    names = [LATEST, *(str(number) for number in sorted(function.versions, reverse=True))]
    rows = [_version(call, function, name) for name in call.page(names)]
    return {"FunctionVersion": names, "Versions": rows, "TotalCount": len(names)}


async def get_alias(call: Call) -> dict[str, Any]:
    """``$DEFAULT`` is the version that calls get."""
    function = _aliased(call)
    return {
        "Name": _DEFAULT,
        "FunctionVersion": str(function.version) if function.version != max(function.versions) else LATEST,
        "Description": "",
        "RoutingConfig": {"AdditionalVersionWeights": [], "AddtionVersionMatchs": []},
        "AddTime": shown_time(function.created_at),
        "ModTime": shown_time(function.updated_at),
    }


async def update_alias(call: Call) -> dict[str, Any]:
    """Make another kept version the one that calls get."""
    function = _aliased(call)
    routing = call.values.get("RoutingConfig")
    if isinstance(routing, dict) and any(routing.values()):
        raise unsupported("traffic is not split between versions here; leave RoutingConfig out / 不支持按比例分流")
    wanted = call.text("FunctionVersion", LATEST)
    if wanted != LATEST and not (wanted.isascii() and wanted.isdigit()):
        raise ApiError("InvalidParameterValue.Qualifier", f"`{wanted[:40]}` is no version / 版本号错误")
    number = max(function.versions) if wanted == LATEST else int(wanted)
    if number not in function.versions:
        kept = ", ".join(map(str, function.versions))
        raise ApiError(
            "ResourceNotFound.FunctionVersion", f"version {wanted} is not kept; kept are {kept} / 版本不存在"
        )
    await call.services.functions.rollback(call.space.id, function.name, number)
    return {}


async def concurrency(call: Call) -> dict[str, Any]:
    """No processes are reserved: they are started as they are needed."""
    function_of(call)
    return {"UnallocatedConcurrencyNum": 0, "Allocated": []}


async def reserve(call: Call) -> dict[str, Any]:
    raise unsupported(
        f"{call.action}: processes are started as they are needed, up to the setting function_instances"
        " / 实例按需启动，不支持预置并发"
    )


async def list_layers(call: Call) -> dict[str, Any]:
    return {"Layers": [], "TotalCount": 0}


async def list_layer_versions(call: Call) -> dict[str, Any]:
    return {"LayerVersions": []}


async def layer(call: Call) -> dict[str, Any]:
    raise ApiError("ResourceNotFound.LayerVersion", f"there is no layer `{call.text('LayerName')[:64]}` / 层不存在")


async def publish_layer(call: Call) -> dict[str, Any]:
    raise unsupported("there are no layers here; put packages into package.json / 不支持层，请使用 package.json 依赖")


ACTIONS: dict[str, Handler] = {
    "scf.DeleteLayerVersion": layer,
    "scf.DeleteProvisionedConcurrencyConfig": reserve,
    "scf.GetAlias": get_alias,
    "scf.GetLayerVersion": layer,
    "scf.GetProvisionedConcurrencyConfig": concurrency,
    "scf.ListLayerVersions": list_layer_versions,
    "scf.ListLayers": list_layers,
    "scf.ListVersionByFunction": list_versions,
    "scf.PublishLayerVersion": publish_layer,
    "scf.PublishVersion": publish,
    "scf.PutProvisionedConcurrencyConfig": reserve,
    "scf.UpdateAlias": update_alias,
}


def _aliased(call: Call) -> Function:
    function = function_of(call)
    if call.text("Name") != _DEFAULT:
        raise ApiError("ResourceNotFound.Alias", f"the only alias is {_DEFAULT} / 仅有别名 {_DEFAULT}")
    return function


def _version(call: Call, function: Function, name: str) -> dict[str, Any]:
    return {
        "Version": name,
        "Description": details_of(call, function.name).get("description", ""),
        "AddTime": shown_time(function.created_at),
        "ModTime": shown_time(function.updated_at),
        "Status": "Active",
    }
