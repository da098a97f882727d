"""``/metrics``: what this process has counted since it started, in Prometheus' text format, for the administrator's token."""

from __future__ import annotations

import asyncio
import os
import resource
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from yunbox import __version__
from yunbox.errors import Unauthenticated
from yunbox.http import Request, Response
from yunbox.protocols.manage.routing import check_admin
from yunbox.services import Services

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Sample = tuple[Mapping[str, str], float]


class Metrics:
    """Answers ``GET /metrics``."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def handle(self, request: Request) -> Response:
        """Every metric; 401 without the administrator's token, because names of functions and collections are in it."""
        if request.method not in ("GET", "HEAD"):
            return Response(b"use GET\n", 405, CONTENT_TYPE, (("allow", "GET, HEAD"),))
        try:
            check_admin(self._services, request)
        except Unauthenticated as error:
            headers = (("www-authenticate", "Bearer"),)
            return Response(f"{error.message}\n".encode(), 401, CONTENT_TYPE, headers)
        counted = await asyncio.to_thread(lambda: "".join(_uses(self._services)))
        lines = (counted, *_quotas(self._services), *_server(self._services))
        return Response("".join(lines).encode(), 200, CONTENT_TYPE)


def family(name: str, kind: str, text: str, samples: Iterable[Sample]) -> Iterator[str]:
    """One metric with its help line and its samples."""
    yield f"# HELP {name} {text}\n# TYPE {name} {kind}\n"
    for labels, value in samples:
        inside = ",".join(f'{label}="{_escaped(content)}"' for label, content in labels.items())
        yield f"{name}{{{inside}}} {value:.15g}\n" if inside else f"{name} {value:.15g}\n"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _uses(services: Services) -> Iterator[str]:
    """What was done, by space, kind (method, function, read, write …) and name."""
    rows = [
        ({"space": space, "kind": kind, "name": name}, total)
        for (space, kind, name), total in sorted(services.statistics.since_start().items())
    ]
    yield from family("yunbox_uses_total", "counter", "Uses, also failed ones.", ((k, t.calls) for k, t in rows))
    yield from family("yunbox_errors_total", "counter", "Uses that failed.", ((k, t.errors) for k, t in rows))
    yield from family(
        "yunbox_duration_seconds_total", "counter", "Time that uses took.", ((k, t.duration_ms / 1000) for k, t in rows)
    )
    yield from family("yunbox_received_bytes_total", "counter", "Bytes that came.", ((k, t.received) for k, t in rows))
    yield from family("yunbox_sent_bytes_total", "counter", "Bytes that were sent.", ((k, t.sent) for k, t in rows))
    yield from family(
        "yunbox_function_gb_seconds_total",
        "counter",
        "Memory and time of functions.",
        ((k, t.gb_seconds) for k, t in rows if k["kind"] == "function"),
    )


def _quotas(services: Services) -> Iterator[str]:
    """What limited spaces have used of their limits."""
    used: list[Sample] = []
    limits: list[Sample] = []
    for space in services.quotas.limited:
        for item in services.quotas.report(space).items:
            if item.limit is not None and item.used is not None:
                used.append(({"space": space, "item": item.item}, item.used))
                limits.append(({"space": space, "item": item.item}, item.limit))
    yield from family("yunbox_quota_used", "gauge", "Use of what is limited, in the item's unit.", used)
    yield from family("yunbox_quota_limit", "gauge", "The limits.", limits)


def _server(services: Services) -> Iterator[str]:
    info = {"version": __version__, "mode": services.settings.mode}
    yield from family("yunbox_info", "gauge", "The program.", [(info, 1)])
    yield from family("yunbox_spaces", "gauge", "Spaces.", [({}, len(services.spaces.list()))])
    yield from family("yunbox_watches", "gauge", "Watched queries.", [({}, services.realtime.watching)])
    states = [({"state": state}, float(count)) for state, count in services.functions.processes().items()]
    yield from family("yunbox_function_processes", "gauge", "Function processes; calls waiting for one.", states)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    seconds = usage.ru_utime + usage.ru_stime
    yield from family("process_cpu_seconds_total", "counter", "Processor time of the server.", [({}, seconds)])
    yield from family("process_resident_memory_bytes", "gauge", "Memory of the server.", _memory())
    yield from family("process_open_fds", "gauge", "Open files and sockets.", _open_files())


def _memory() -> list[Sample]:
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError):
        return []
    return [({}, pages * os.sysconf("SC_PAGE_SIZE"))]


def _open_files() -> list[Sample]:
    try:
        return [({}, len(os.listdir("/proc/self/fd")))]
    except OSError:
        return []
