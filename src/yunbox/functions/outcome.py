"""How an invocation ended: for the caller, and for the log."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from yunbox.caller import Caller
from yunbox.errors import FunctionFailed
from yunbox.functions.function import Deployment, Invocation, LogLine
from yunbox.functions.logs import LogRecord


@dataclass(slots=True)
class Outcome:
    """What is known of an invocation when it ends."""

    caller: Caller
    deployment: Deployment
    started_at: int
    duration_ms: float = 0.0
    cold: bool = False
    memory: int = 0
    value: bytes = b""
    lines: list[LogLine] = field(default_factory=list)
    error: FunctionFailed | None = None

    def fail(self, error: FunctionFailed) -> None:
        """Take what the process reported with its error."""
        self.lines, self.cold = error.data.pop("logs", []), error.data.pop("cold", False)
        error.message += missing_package_hint(error.message, self.deployment.missing)
        self.error = error

    def record(self) -> LogRecord:
        """The log's row; a failure's stack is its last line."""
        lines = list(self.lines)
        if self.error is not None:
            lines.append(
                LogLine(self.started_at + int(self.duration_ms), "error", self.error.stack or self.error.message)
            )
        return LogRecord(
            request_id=self.caller.request_id,
            function=self.deployment.function,
            version=self.deployment.version,
            started_at=self.started_at,
            duration_ms=self.duration_ms,
            cold=self.cold,
            status="success" if self.error is None else self.error.reason,
            caller=self.caller.owner or self.caller.source,
            lines=lines,
        )

    def result(self) -> Invocation:
        """The finished call.

        Raises:
            FunctionFailed: when it failed, with ``request_id``, ``duration_ms``, ``cold`` and ``logs`` in its data.
        """
        request_id, logs = self.caller.request_id, tuple(self.lines)
        if self.error is not None:
            self.error.data.update(request_id=request_id, duration_ms=self.duration_ms, cold=self.cold, logs=logs)
            raise self.error
        return Invocation(self.value, request_id, self.duration_ms, self.cold, self.memory, logs)


_MODULE = re.compile(r"Cannot find (?:module|package) '([^'./][^']*)'")


def missing_package_hint(message: str, missing: Mapping[str, str]) -> str:
    """What to add to an error about a module that is not there: why it is not, and what helps."""
    found = _MODULE.search(message)
    if found is None:
        return ""
    parts = found[1].split("/")
    package = "/".join(parts[:2]) if found[1].startswith("@") else parts[0]
    if package in missing:
        return f"\n`{package}` could not be installed when this function was deployed: {missing[package]}"
    return f"\nIf `{package}` is an npm package, add it to `dependencies` in the function's package.json / 请在 package.json 中声明依赖"
