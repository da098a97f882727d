"""A function's settings: from its ``config.json``, from a project file's entry for it, and merged."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from yunbox.errors import InvalidRequest
from yunbox.functions.function import FunctionSettings, TriggerSettings
from yunbox.tools.cron import Cron, CronError

TIMEOUT_LIMIT = 900.0
MEMORY_LIMIT = (64, 3072)

_COMMENT = re.compile(r'("(?:\\.|[^"\\])*")|//[^\n]*|/\*.*?\*/', re.DOTALL)
_TRAILING_COMMA = re.compile(r'("(?:\\.|[^"\\])*")|,(?=\s*[}\]])')


def read_settings(directory: Path) -> FunctionSettings:
    """The settings in ``directory/config.json``; comments and trailing commas are allowed, a missing file is empty.

    Raises:
        InvalidRequest: when the file cannot be read as JSON, or holds a value that cannot be used.
    """
    path = directory / "config.json"
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (FileNotFoundError, UnicodeDecodeError):
        return FunctionSettings()
    try:
        content = orjson.loads(plain_json(text) or "{}")
    except orjson.JSONDecodeError as error:
        raise InvalidRequest(f"{path} is not valid JSON: {error}") from None
    return settings_from(content if isinstance(content, dict) else {})


def plain_json(text: str) -> str:
    """JSON with comments and trailing commas, without them."""
    for pattern in (_COMMENT, _TRAILING_COMMA):
        text = pattern.sub(lambda match: match[1] or "", text)
    return text.strip()


def settings_from(values: Mapping[str, Any]) -> FunctionSettings:
    """Settings under the names that project files use: ``timeout``, ``memory``/``memorySize``, ``handler``,
    ``envVariables``/``environment``, ``triggers``, ``permissions``; names that mean nothing here are passed over.

    Raises:
        InvalidRequest: for a value that cannot be used.
    """
    return FunctionSettings(
        timeout=_timeout(values.get("timeout")),
        memory=_memory(values.get("memory", values.get("memorySize"))),
        handler=_handler(values.get("handler")),
        environment=_environment(values.get("envVariables", values.get("environment"))),
        triggers=_triggers(values.get("triggers")),
        permissions=values["permissions"] if isinstance(values.get("permissions"), dict) else {},
    )


def merge_settings(below: FunctionSettings, above: FunctionSettings) -> FunctionSettings:
    """``above`` where it says something, else ``below``; environment variables are joined."""
    return FunctionSettings(
        timeout=above.timeout if above.timeout is not None else below.timeout,
        memory=above.memory if above.memory is not None else below.memory,
        handler=above.handler or below.handler,
        environment={**below.environment, **above.environment},
        triggers=above.triggers if above.triggers is not None else below.triggers,
        permissions=above.permissions or below.permissions,
    )


def _timeout(value: Any) -> float | None:
    if value in (None, ""):
        return None
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        raise InvalidRequest(f"timeout must be a number of seconds, not {value!r}") from None
    if not 0 < seconds <= TIMEOUT_LIMIT:
        raise InvalidRequest(f"timeout must be above 0 and at most {TIMEOUT_LIMIT:g} seconds, not {seconds:g}")
    return seconds


def _memory(value: Any) -> int | None:
    if value in (None, ""):
        return None
    low, high = MEMORY_LIMIT
    try:
        megabytes = int(value)
    except (TypeError, ValueError):
        raise InvalidRequest(f"memory must be a number of MiB, not {value!r}") from None
    if not low <= megabytes <= high:
        raise InvalidRequest(f"memory must be {low} to {high} MiB, not {megabytes}")
    return megabytes


def _handler(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _environment(value: Any) -> dict[str, str]:
    if isinstance(value, dict) and isinstance(value.get("Variables"), list):
        value = {item.get("Key"): item.get("Value") for item in value["Variables"] if isinstance(item, dict)}
    if isinstance(value, list):
        value = {item.get("key"): item.get("value") for item in value if isinstance(item, dict)}
    if not isinstance(value, dict):
        return {}
    return {str(key): str(item) for key, item in value.items() if key and item is not None}


def _triggers(value: Any) -> tuple[TriggerSettings, ...] | None:
    if not isinstance(value, list):
        return None
    timers = [item for item in value if isinstance(item, dict) and item.get("type", "timer") == "timer"]
    if value and not timers:  # triggers of other kinds say nothing of timers
        return None
    return tuple(_trigger(item, number) for number, item in enumerate(timers, start=1))


def _trigger(item: Mapping[str, Any], number: int) -> TriggerSettings:
    name = str(item.get("name") or f"timer{number}")
    config = str(item.get("config") or item.get("cron") or "").removeprefix("cron:").strip()
    try:
        Cron(config)
    except CronError as error:
        raise InvalidRequest(f"timer `{name}`: {error}") from None
    return TriggerSettings(name, config, item.get("payload"))
