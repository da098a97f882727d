"""What a gateway call adds to the statistics, beside what the services it uses count themselves."""

from __future__ import annotations

from yunbox.protocols.mpserverless.call import Call


def measure(call: Call, failed: bool, duration_ms: float, sent: int) -> None:
    """Count one finished call."""
    statistics = call.services.statistics
    method = call.method if call.method.startswith("serverless.") else "other"
    statistics.count(call.caller, "method", method, failed=failed, duration_ms=duration_ms, sent=sent)
