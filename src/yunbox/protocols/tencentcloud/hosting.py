"""``tcb``: the space's web site. Its files go through the object API."""

from __future__ import annotations

from typing import Any

from yunbox.files.sites import SUFFIX
from yunbox.protocols.tencentcloud.call import Call, Handler
from yunbox.protocols.tencentcloud.environments import static_store
from yunbox.protocols.tencentcloud.errors import ApiError, unsupported

_PROXY = "bind domains and certificates in your reverse proxy / 请在反向代理中绑定域名和证书"


async def show(call: Call) -> dict[str, Any]:
    """The site, when there is one."""
    rows = [static_store(call)] if call.services.sites.is_open(call.space.id) else []
    return {"Data": rows}


async def create(call: Call) -> dict[str, Any]:
    call.services.sites.open(call.space.id)
    return {"Result": "succ"}


async def destroy(call: Call) -> dict[str, Any]:
    """Close a site that holds no files any more."""
    sites, name = call.services.sites, call.space.id
    sites.get(name)
    if sites.files.usage(name + SUFFIX)[0]:
        raise ApiError("ResourceInUse", "the site still holds files; delete them first / 静态网站文件不为空")
    sites.shut(name)
    return {"Result": "succ"}


async def domain(call: Call) -> dict[str, Any]:
    raise unsupported(f"{call.action}: {_PROXY}")


async def check_domains(call: Call) -> dict[str, Any]:
    """No domains are bound here."""
    return {"Domains": [], "RecordCount": 0}


ACTIONS: dict[str, Handler] = {
    "cdn.TcbCheckResource": check_domains,
    "cdn.TcbModifyAttribute": domain,
    "tcb.CreateHostingDomain": domain,
    "tcb.CreateStaticStore": create,
    "tcb.DeleteHostingDomain": domain,
    "tcb.DescribeStaticStore": show,
    "tcb.DestroyStaticStore": destroy,
}
