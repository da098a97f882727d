"""A fresh process that opens a file and serves point reads: ``python -m bench.documents.reopening FILE COUNT``."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from yunbox.documents import commands as c
from yunbox.documents.stores import Engine


def main(path: str, count: int) -> None:
    """Print how long opening took and how much anonymous memory reading needs."""
    started = time.perf_counter()
    engine = Engine.open(Path(path))
    opened = time.perf_counter() - started
    for number in range(5000):
        engine.run_sync(c.Find("u", {"_id": f"{number * 7919 % count:024x}"}, raw=True))
    print(
        f"open: {opened * 1000:.1f} ms (gate < 50); anonymous memory while reading: {_megabytes():.0f} MB (gate < 150)"
    )
    engine.close()


def _megabytes() -> float:
    status = Path("/proc/self/status")
    if not status.exists():
        return float("nan")
    lines = status.read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) / 1024


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
