"""What a function, its deployments and its invocations are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class TriggerSettings:
    """A timer as configured: ``config`` is a cron text, ``payload`` what the function gets with it."""

    name: str
    config: str
    payload: Any = field(default=None, hash=False)


@dataclass(frozen=True, slots=True)
class FunctionSettings:
    """What may be configured of a function; ``timeout`` in seconds, ``memory`` in MiB; ``None`` is the server's default,
    of ``triggers``: what lies below says which."""

    timeout: float | None = None
    memory: int | None = None
    handler: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    triggers: tuple[TriggerSettings, ...] | None = None
    permissions: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Deployment:
    """One version of a function's code. ``version`` counts up from 1; ``missing`` names packages that are not there."""

    space: str
    function: str
    version: int
    created_at: int
    directory: Path
    in_place: bool
    tree: Path | None
    fallback: Path | None
    settings: FunctionSettings
    missing: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Function:
    """A function as listed: its current deployment and what applies to it now."""

    space: str
    name: str
    version: int
    created_at: int
    updated_at: int
    timeout: float
    memory: int
    environment: Mapping[str, str]
    triggers: tuple[TriggerSettings, ...]
    directory: Path
    versions: tuple[int, ...]
    missing: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    permissions: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LogLine:
    """One printed line; ``at`` in milliseconds since 1970."""

    at: int
    level: str
    text: str


@dataclass(frozen=True, slots=True)
class Invocation:
    """A finished call. ``returned`` is the function's return value as JSON text, empty when it returned ``undefined``;
    ``memory`` how many bytes its process has used at most, ``logs`` what it printed until then.
    """

    returned: bytes
    request_id: str
    duration_ms: float
    cold: bool
    memory: int
    logs: tuple[LogLine, ...] = ()

    @property
    def result_json(self) -> bytes:
        """The return value as JSON text, ``null`` for ``undefined``."""
        return self.returned or b"null"
