"""A fresh process that opens a file and serves point reads: ``python -m bench.documents.reopening FILE COUNT``."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from yunbox.documents.stores import Engine

from . import queries


def main(path: str, count: int) -> None:
    """Print the seconds that opening took and the anonymous memory in MB after reading."""
    started = time.perf_counter()
    engine = Engine.open(Path(path))
    opened = time.perf_counter() - started
    for id in queries.ids(5000, count):
        engine.run_sync(queries.get(id, text=True))
    print(opened, _megabytes())
    engine.close()


def _megabytes() -> float:
    status = Path("/proc/self/status")
    if not status.exists():
        return float("nan")
    lines = status.read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) / 1024


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
