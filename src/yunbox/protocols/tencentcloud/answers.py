"""What other products of the vendor are asked by the same scripts: true, and mostly empty."""

from __future__ import annotations

import time
from typing import Any

from yunbox.caller import Caller
from yunbox.protocols.tencentcloud.addresses import account_of
from yunbox.protocols.tencentcloud.call import Call, Handler, shown_time
from yunbox.protocols.tencentcloud.errors import ApiError, unsupported

_ROLE = "TCB_QcsRole"
_MOST_S = 7200


async def networks(call: Call) -> dict[str, Any]:
    """There are no private networks."""
    return {"VpcSet": [], "TotalCount": 0}


async def subnets(call: Call) -> dict[str, Any]:
    return {"SubnetSet": [], "TotalCount": 0}


async def list_roles(call: Call) -> dict[str, Any]:
    """The one role that functions run with."""
    return {"List": [_role(call)], "TotalNum": 1}


async def get_role(call: Call) -> dict[str, Any]:
    if call.text("RoleName", _ROLE) != _ROLE:
        raise ApiError("InvalidParameter.RoleNotExist", f"the only role is {_ROLE} / 角色不存在")
    return {"RoleInfo": _role(call)}


async def change_role(call: Call) -> dict[str, Any]:
    raise unsupported(f"{call.action}: functions have their rights here without roles / 云函数无需角色授权")


async def identity(call: Call) -> dict[str, Any]:
    """Whose keys these are."""
    number = account_of(call.space)
    return {
        "Arn": f"qcs::cam::uin/{number}:uin/{number}",
        "AccountId": number,
        "UserId": number,
        "PrincipalId": number,
        "Type": "CAMUser",
    }


async def gateway_policies(call: Call) -> dict[str, Any]:
    """There are no policies of a gateway: rules belong to collections and files."""
    return {"Data": {"PolicyList": [], "Total": "0"}}


async def temporary_keys(call: Call) -> dict[str, Any]:
    """A key pair for this space that ends by itself, after two hours at most."""
    seconds = call.number("DurationSeconds", 1800, _MOST_S)
    if not seconds:
        raise ApiError("InvalidParameterValue", "DurationSeconds must be above 0 / DurationSeconds 应大于 0")
    caller = Caller("function", call.space.id, source="server", client_ip=call.caller.client_ip)
    issued = call.services.functions.capabilities.issue(caller, seconds)
    ends = int(call.services.clock()) + seconds
    keys = {"Token": issued.token, "TmpSecretId": issued.secret_id, "TmpSecretKey": issued.secret_key}
    return {
        "Credentials": keys,
        "ExpiredTime": ends,
        "Expiration": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(ends)),
    }


ACTIONS: dict[str, Handler] = {
    "cam.AttachRolePolicies": change_role,
    "cam.AttachRolePolicy": change_role,
    "cam.CreateRole": change_role,
    "cam.DeleteRole": change_role,
    "cam.DescribeRoleList": list_roles,
    "cam.GetRole": get_role,
    "lowcode.DescribeResourcePolicyList": gateway_policies,
    "sts.GetCallerIdentity": identity,
    "sts.GetFederationToken": temporary_keys,
    "vpc.DescribeSubnets": subnets,
    "vpc.DescribeVpcs": networks,
}


def _role(call: Call) -> dict[str, Any]:
    created = shown_time(call.space.created_at)
    return {
        "RoleId": account_of(call.space),
        "RoleName": _ROLE,
        "PolicyDocument": "{}",
        "Description": "",
        "AddTime": created,
        "UpdateTime": created,
        "ConsoleLogin": 0,
    }
