"""Settings of one server: a single list feeds the command line, the environment, the file, the docs and validation.

Precedence: flag > environment (``YUNBOX_NAME``) > ``DATA/yunbox.toml`` > default.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, get_args

from yunbox.errors import InvalidRequest
from yunbox.quotas.items import PREFIX, STEP_SETTING, TITLES
from yunbox.quotas.limits import UNLIMITED
from yunbox.quotas.packages import PACKAGES

Mode = Literal["dev", "serve"]
Profile = Literal["generous", "vendor"]
Durability = Literal["full", "normal"]


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the settings table; ``kind`` is ``str``, ``int``, ``bool``, ``path``, ``limit`` (a number, or
    ``unlimited``) or a tuple of choices."""

    name: str
    kind: str | tuple[str, ...]
    default: Any
    help: str


SETTINGS: tuple[Setting, ...] = (
    Setting("host", "str", "127.0.0.1", "Address to listen on."),
    Setting("port", "int", 7800, "Port to listen on; 0 takes any free one. It answers both HTTP and TLS."),
    Setting(
        "public_url",
        "str",
        "",
        "Origin that clients reach this server by; default http://HOST:PORT, or what a client called.",
    ),
    Setting(
        "profile", get_args(Profile), "generous", "Limits: `generous`, or `vendor` for the two clouds' exact numbers."
    ),
    Setting(
        "durability", get_args(Durability), "full", "`full` survives a power cut; `normal` a crash of the process."
    ),
    Setting("tls_cert", "path", None, "Certificate chain (PEM) for TLS; default: a self-signed one in DATA/tls."),
    Setting("tls_key", "path", None, "Private key (PEM) of tls_cert."),
    Setting(
        "trust_proxy",
        "bool",
        False,
        "Take the client address from X-Forwarded-For; only behind your own proxy, on this machine or in a private network.",
    ),
    Setting("max_body_mb", "int", 20, "Largest request body in MiB, uploads excepted."),
    Setting("max_upload_mb", "int", 100, "Largest uploaded file in MiB."),
    Setting(
        "node", "str", "", "Node.js program for cloud functions; default: `node` on PATH, else the one in a wheel."
    ),
    Setting(
        "function_instances",
        "int",
        0,
        "Most function processes at once; 0 means four for each processor, more where memory allows, at most 64 then.",
    ),
    Setting(
        "function_timeout", "int", 0, "Seconds a function may run by default; 0 means 20 (3 in the vendor profile)."
    ),
    Setting("function_memory_mb", "int", 256, "Memory of one function process by default, in MiB."),
    Setting(
        "backup_days",
        "int",
        None,
        "Days that the automatic daily backup is kept; 0 makes none. Default: 7 under `serve`, none under `dev`.",
    ),
    Setting("wechat_api_url", "str", "https://api.weixin.qq.com", "Base URL of WeChat's API, for tests and proxies."),
    Setting("alipay_api_url", "str", "https://openapi.alipay.com/gateway.do", "URL of Alipay's gateway."),
    Setting("dingtalk_api_url", "str", "https://oapi.dingtalk.com", "Base URL of DingTalk's API."),
    Setting(
        "smtp_url_file",
        "path",
        None,
        "File with smtp://USER:PASSWORD@HOST:587/?from=ADDRESS; sends login codes by e-mail.",
    ),
    Setting(
        "code_webhook_url",
        "str",
        "",
        "Login codes are posted here as {space, channel, target, code}, for you to send on.",
    ),
    Setting(
        "log_format", ("text", "json"), "text", "Server log on standard error: `text` for people, `json` for machines."
    ),
)

SPACE_SETTINGS: tuple[Setting, ...] = (
    Setting(
        "a_default_policy",
        "str",
        "",
        "Rule of a collection made by a first write through the mpserverless protocol: a preset's name or rule JSON.",
    ),
    Setting(
        "client_create_collections",
        "bool",
        None,
        "Whether web clients may create collections; default: only under `dev`.",
    ),
    Setting("cors_origins", "str", "*", "Web origins that may call, comma separated; `*` is all."),
    Setting(
        "developer_login",
        "bool",
        None,
        "Whether anyone may sign in as anyone, for development; default: only under `dev`.",
    ),
    Setting("allow_guests", "bool", False, "Whether callers who are not signed in reach the rules at all (ENV-14)."),
    Setting(
        "storage_rule",
        ("READONLY", "PRIVATE", "ADMINWRITE", "ADMINONLY", "CUSTOM"),
        "READONLY",
        "Who may read and write files; `CUSTOM`: as the security rules of `yunbox files rules set` say.",
    ),
    Setting(
        "http_proxy_hosts",
        "str",
        "",
        "Hosts (name or name:port, comma separated) that the mpserverless HTTP proxy may reach; none by default.",
    ),
    Setting(
        "alipay_client_methods",
        "str",
        "",
        "Alipay API methods (comma separated, `*` is all) that clients may call through the function `alipay-openapi`; functions and servers may call every one.",
    ),
    Setting("app_id", "str", "", "The mini program's app id, shown to functions as APPID."),
    Setting(
        "quotas",
        ("", *PACKAGES),
        "",
        "Limits of a package that a cloud sells; none by default. Every `quota.…` given beside it goes over it.",
    ),
    *(
        Setting(f"{PREFIX}{item}", "limit", None, f"Most {english} / {chinese}上限")
        for item, (english, chinese) in TITLES.items()
    ),
    Setting(
        STEP_SETTING,
        "int",
        None,
        "Steps in which functions' time is billed, in ms; default: 100, or the package's (the mpserverless ones have 1).",
    ),
)


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of a running server. Build with :func:`load_settings`."""

    data: Path
    mode: Mode = "serve"
    host: str = "127.0.0.1"
    port: int = 7800
    public_url: str = ""
    profile: Profile = "generous"
    durability: Durability = "full"
    tls_cert: Path | None = None
    tls_key: Path | None = None
    trust_proxy: bool = False
    max_body_mb: int = 20
    max_upload_mb: int = 100
    node: str = ""
    function_instances: int = 0
    function_timeout: int = 0
    function_memory_mb: int = 256
    backup_days: int | None = None
    wechat_api_url: str = "https://api.weixin.qq.com"
    alipay_api_url: str = "https://openapi.alipay.com/gateway.do"
    dingtalk_api_url: str = "https://oapi.dingtalk.com"
    smtp_url_file: Path | None = None
    code_webhook_url: str = ""
    log_format: Literal["text", "json"] = "text"

    @property
    def automatic_backup_days(self) -> int:
        """How long automatic backups are kept; 0 when none are made."""
        if self.backup_days is not None:
            return self.backup_days
        return 7 if self.mode == "serve" else 0


def load_settings(
    data: Path, mode: Mode, flags: Mapping[str, Any] | None = None, environ: Mapping[str, str] = os.environ
) -> Settings:
    """Settings for ``data``: ``flags`` (``None`` values are ignored) over the environment over ``data/yunbox.toml``.

    Raises:
        InvalidRequest: for an unknown name (with a suggestion) or a value of the wrong kind.
    """
    values: dict[str, Any] = {}
    for name, value in _read_file(data / "yunbox.toml").items():
        values[name] = parse_value(find_setting(SETTINGS, name), value)
    for setting in SETTINGS:
        if (text := environ.get(f"YUNBOX_{setting.name.upper()}")) is not None:
            values[setting.name] = parse_value(setting, text)
    for name, value in (flags or {}).items():
        if value is not None:
            values[name] = parse_value(find_setting(SETTINGS, name), value)
    known = {item.name for item in fields(Settings)}
    return Settings(data=data, mode=mode, **{name: value for name, value in values.items() if name in known})


def _read_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"{path} is not valid TOML: {error}") from None


def find_setting(table: tuple[Setting, ...], name: str) -> Setting:
    """The row called ``name``.

    Raises:
        InvalidRequest: when there is none; the message suggests the nearest name.
    """
    for setting in table:
        if setting.name == name:
            return setting
    near = difflib.get_close_matches(name, [setting.name for setting in table], n=1)
    hint = f"; did you mean `{near[0]}`?" if near else ""
    raise InvalidRequest(f"unknown setting `{name}`{hint} / 未知设置项 `{name}`")


def parse_value(setting: Setting, value: Any) -> Any:
    """``value`` (text from a flag or the environment, or a typed value) as the setting's kind.

    Raises:
        InvalidRequest: when it does not fit.
    """
    if isinstance(setting.kind, tuple):
        if value not in setting.kind:
            raise InvalidRequest(f"setting `{setting.name}` must be one of {', '.join(setting.kind)}, not {value!r}")
        return value
    if setting.kind == "bool":
        return _parse_bool(setting.name, value)
    if setting.kind == "int":
        return _parse_int(setting.name, value)
    if setting.kind == "limit":
        return _parse_limit(setting.name, value)
    if setting.kind == "path":
        return Path(value).expanduser()
    return str(value)


def _parse_bool(name: str, value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if str(value).lower() in ("1", "true", "yes", "on"):
        return True
    if str(value).lower() in ("0", "false", "no", "off"):
        return False
    raise InvalidRequest(f"setting `{name}` must be true or false, not {value!r}")


def _parse_int(name: str, value: Any) -> int:
    try:
        number = int(value)
    except (TypeError, ValueError):
        raise InvalidRequest(f"setting `{name}` must be a whole number, not {value!r}") from None
    if number < 0:
        raise InvalidRequest(f"setting `{name}` must not be negative")
    return number


def _parse_limit(name: str, value: Any) -> float | str:
    if value == UNLIMITED:
        return UNLIMITED
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = -1.0
    if isinstance(value, bool) or not 0 <= number < 1e15:
        raise InvalidRequest(f"setting `{name}` must be a number from 0, or `{UNLIMITED}`, not {value!r}")
    return int(number) if number.is_integer() else number
