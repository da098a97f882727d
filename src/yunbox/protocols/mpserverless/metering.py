"""What a gateway call adds to the statistics: its method, and the collection or function that it used."""

from __future__ import annotations

from yunbox.errors import FunctionFailed, YunboxError
from yunbox.protocols.mpserverless.call import Call
from yunbox.statistics import Kind

_READS = frozenset(("find", "findOne", "count", "distinct", "aggregate"))
_TRANSACTIONS = frozenset(("startTransaction", "commitTransaction", "abortTransaction"))


def measure(call: Call, failure: YunboxError | None, duration_ms: float, sent: int) -> None:
    """Count one finished call. A name that failed is counted only if it is known to exist."""
    statistics = call.services.statistics
    failed = failure is not None
    method = call.method if call.method.startswith("serverless.") else "other"
    statistics.count(call.caller, "method", method, failed=failed, duration_ms=duration_ms, sent=sent)
    used = _used(call)
    if used is not None and (not failed or isinstance(failure, FunctionFailed)):
        kind, name = used
        statistics.count(call.caller, kind, name, failed=failed, duration_ms=duration_ms, sent=sent)


def _used(call: Call) -> tuple[Kind, str] | None:
    if call.method.startswith("serverless.function."):
        return "function", str(call.params.get("functionTarget"))
    if call.method.startswith("serverless.db."):
        command = call.params.get("command")
        if command in _TRANSACTIONS:
            return None
        return "read" if command in _READS else "write", str(call.params.get("collection"))
    if call.method.endswith(".report"):
        return "upload", "files"
    return None
