"""What a call adds to the statistics, beside what the services it uses count themselves."""

from __future__ import annotations

import time

from yunbox.caller import Caller
from yunbox.services import Services


def measure(services: Services, caller: Caller, name: str, *, failed: bool, started: float, sent: int) -> None:
    """Count one finished call of a method, action or path that exists; ``started`` by ``time.perf_counter``."""
    duration_ms = (time.perf_counter() - started) * 1000
    services.statistics.count(caller, "method", name, failed=failed, duration_ms=duration_ms, sent=sent)
