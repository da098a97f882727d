"""``tcb``: the environment itself, its name, origins and ways to sign in."""

from __future__ import annotations

import hashlib
from typing import Any

from yunbox.protocols.mpserverless import site
from yunbox.protocols.tencentcloud.addresses import REGION, account_of, instance_of, public_bucket, site_bucket
from yunbox.protocols.tencentcloud.call import Call, Handler, shown_time
from yunbox.protocols.tencentcloud.errors import ApiError, unsupported
from yunbox.spaces import Space

_RESOURCE = "environment"
_OWN_HERE = "spaces are made and deleted with `yunbox space create|delete` / 请使用 yunbox space 命令创建或删除环境"
_LOGINS = ("PhoneNumberLogin", "EmailLogin", "AnonymousLogin", "UserNameLogin")


async def list_envs(call: Call) -> dict[str, Any]:
    """The one environment that these keys open."""
    return {"EnvList": [environment(call)], "Total": 1}


async def list_container_envs(call: Call) -> dict[str, Any]:
    """There are no environments of containers."""
    return {"EnvList": [], "Total": 0}


async def show_env(call: Call) -> dict[str, Any]:
    """The same in the form that @cloudbase/manager-node 5 asks for."""
    account = {"Uin": account_of(call.space), "AppId": int(account_of(call.space)), "OwnerUin": account_of(call.space)}
    return {"EnvInfo": {"EnvBaseInfo": environment(call), "UserInfo": account}}


async def rename(call: Call) -> dict[str, Any]:
    """Another ``Alias``."""
    call.services.spaces.set_rule(call.space.id, _RESOURCE, "alias", call.text("Alias"))
    return {}


async def account(call: Call) -> dict[str, Any]:
    """The account that the space's keys stand for."""
    number = account_of(call.space)
    app_id = str(call.space.settings.get("app_id") or "")
    return {"CloudUin": number, "CloudAppId": number, "WxAppId": app_id, "Channel": "ide"}


async def service_status(call: Call) -> dict[str, Any]:
    return {"Initialized": True}


async def begin(call: Call) -> dict[str, Any]:
    """There is nothing to open first."""
    return {}


async def made_elsewhere(call: Call) -> dict[str, Any]:
    raise unsupported(f"{call.action}: {_OWN_HERE}")


async def list_domains(call: Call) -> dict[str, Any]:
    """Origins of web pages that may call: the space setting ``cors_origins``."""
    since = shown_time(call.space.created_at)
    rows = [
        {
            "Id": _domain_id(name),
            "Domain": name,
            "Type": "USER",
            "Status": "ENABLE",
            "CreateTime": since,
            "UpdateTime": since,
        }
        for name in origins(call.space)
        if name != "*"
    ]
    return {"Domains": rows}


async def add_domains(call: Call) -> dict[str, Any]:
    """Allow more origins. A space that allows all of them (``*``) goes on to do so."""
    set_origins(call, [*origins(call.space), *call.texts("Domains")])
    return {}


async def delete_domains(call: Call) -> dict[str, Any]:
    wanted, known = set(call.texts("DomainIds")), origins(call.space)
    left = [name for name in known if _domain_id(name) not in wanted]
    set_origins(call, left)
    return {"Deleted": len(known) - len(left)}


async def login_config(call: Call) -> dict[str, Any]:
    """The ways to sign in."""
    return {"Data": _logins(call)} | _logins(call)


async def change_login_config(call: Call) -> dict[str, Any]:
    """
    Raises:
        ApiError: when a way to sign in should be switched: they follow from what is configured.
    """
    current = _logins(call)
    for name in _LOGINS:
        wanted = call.values.get(name)
        if wanted is not None and bool(wanted) != current[name]:
            raise unsupported(
                f"{name} cannot be switched here: it follows from the server's settings / 登录方式由服务配置决定"
            )
    return {"Data": {"Success": True}}


async def login_platforms(call: Call) -> dict[str, Any]:
    """Registered platform apps, and the anonymous login, which is always there."""
    since = shown_time(call.space.created_at)
    found = [("ANONYMOUS", "anonymous")]
    found += [("WECHAT-PUBLIC", app) for _, app, _ in call.services.spaces.apps(call.space.id, "wechat")]
    rows = [
        {
            "Platform": platform,
            "PlatformId": app,
            "Status": "ENABLE",
            "Id": app,
            "CreateTime": since,
            "UpdateTime": since,
        }
        for platform, app in found
    ]
    return {"ConfigList": rows}


async def add_login_platform(call: Call) -> dict[str, Any]:
    """The SDK encrypts an app's secret for the vendor alone, so only what needs none can be taken."""
    platform = call.text("Platform", "ANONYMOUS" if call.text("ConfigId", "") == "anonymous" else "")
    if platform == "ANONYMOUS" and call.text("Status", "ENABLE") == "ENABLE":
        return {}
    raise unsupported(
        "the secret is encrypted for the vendor and cannot be read here; register the app with `yunbox app add`"
        " / 密钥已用厂商公钥加密，无法读取，请使用 yunbox app add 注册应用"
    )


ACTIONS: dict[str, Handler] = {
    "tcb.CheckTcbService": service_status,
    "tcb.CreateAuthDomain": add_domains,
    "tcb.CreateEnv": made_elsewhere,
    "tcb.CreateLoginConfig": add_login_platform,
    "tcb.DeleteAuthDomain": delete_domains,
    "tcb.DescribeAuthDomains": list_domains,
    "tcb.DescribeEnvInfo": show_env,
    "tcb.DescribeEnvs": list_envs,
    "tcb.DescribeLoginConfig": login_config,
    "tcb.DescribeLoginConfigs": login_platforms,
    "lowcode.DescribeLoginStrategy": login_config,
    "tcb.DescribeTcbAccountInfo": account,
    "tcb.DescribeWxCloudBaseRunEnvs": list_container_envs,
    "tcb.DestroyEnv": made_elsewhere,
    "tcb.InitTcb": begin,
    "tcb.ModifyEnv": rename,
    "tcb.ModifyLoginConfig": change_login_config,
    "lowcode.ModifyLoginStrategy": change_login_config,
    "tcb.UpdateLoginConfig": add_login_platform,
}


def environment(call: Call) -> dict[str, Any]:
    """An environment as the API describes it."""
    space = call.space
    created = shown_time(space.created_at)
    alias = call.services.spaces.rule(space.id, _RESOURCE, "alias") or space.id
    return {
        "EnvId": space.id,
        "Source": "miniapp",
        "Alias": alias,
        "Status": "NORMAL",
        "EnvStatus": "NORMAL",
        "CreateTime": created,
        "UpdateTime": created,
        "Region": REGION,
        "EnvChannel": "qc_console",
        "EnvType": "baas",
        "PackageId": "self_hosted",
        "PackageName": "yunbox",
        "PackageType": "baas",
        "PayMode": "postpayment",
        "IsAutoDegrade": False,
        "IsDefault": True,
        "IsDauPackage": False,
        "Tags": [],
        "Meta": [],
        "EnvPreferences": [],
        "PostgreSQL": [],
        "CustomLogServices": [],
        "Databases": [{"InstanceId": instance_of(space), "Status": "RUNNING", "Region": REGION, "UpdateTime": created}],
        "Functions": [{"Namespace": space.id, "Region": REGION}],
        "Storages": [_storage(call)],
        "StaticStorages": [static_store(call)] if call.services.sites.is_open(space.id) else [],
        "LogServices": [_logs(space)],
    }


def static_store(call: Call) -> dict[str, Any]:
    """The space's web site. ``Regoin`` is how the vendor's API spells it."""
    space = call.space
    return {
        "EnvId": space.id,
        "CdnDomain": f"{call.host}{site.PREFIX}{space.id}/",
        "StaticDomain": f"{call.host}{site.PREFIX}{space.id}/",
        "Bucket": site_bucket(space),
        "Region": REGION,
        "Regoin": REGION,
        "Status": "online",
        "MaxDomain": 0,
        "Id": 1,
        "PolicyId": 0,
        "DefaultDirName": "",
    }


def origins(space: Space) -> list[str]:
    """The space's ``cors_origins``, one by one."""
    return [name.strip() for name in str(space.settings.get("cors_origins") or "*").split(",") if name.strip()]


def set_origins(call: Call, names: list[str]) -> None:
    """Change them; each once.

    Raises:
        ApiError: when a name could not be one of several.
    """
    for name in names:
        if not name or "," in name or len(name) > 255:
            raise ApiError("InvalidParameterValue", f"`{name[:60]}` is no domain / 域名格式错误")
    call.services.spaces.set(call.space.id, {"cors_origins": ",".join(dict.fromkeys(names)) or None})


def _storage(call: Call) -> dict[str, Any]:
    bucket = public_bucket(call.space)
    domain = f"{call.host}/files/{call.space.bucket}"
    return {
        "Region": REGION,
        "Bucket": bucket,
        "CdnDomain": domain,
        "AppId": account_of(call.space),
        "Status": "normal",
    }


def _logs(space: Space) -> dict[str, Any]:
    return {
        "LogsetName": "functions",
        "LogsetId": f"logset-{space.id}",
        "TopicName": "functions",
        "TopicId": f"topic-{space.id}",
        "Region": REGION,
        "Period": 7,
    }


def _domain_id(name: str) -> str:
    return hashlib.sha256(f"origin:{name}".encode()).hexdigest()[:16]


def _logins(call: Call) -> dict[str, Any]:
    settings = call.services.settings
    phone = settings.mode == "dev" or bool(settings.code_webhook_url)
    return {
        "PhoneNumberLogin": phone,
        "PhoneLogin": phone,
        "EmailLogin": phone or settings.smtp_url_file is not None,
        "AnonymousLogin": True,
        "UsernameLogin": True,
        "UserNameLogin": True,
        "Mfa": False,
        "SmsVerificationConfig": {"Type": "default", "Name": "", "Method": ""},
    }
