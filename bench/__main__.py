"""``make bench``: all benchmarks, or those named: ``python -m bench http documents``."""

from __future__ import annotations

import importlib
import sys

BENCHMARKS = {
    "http": "bench.http.scenarios",
    "watching": "bench.http.watching",
    "documents": "bench.documents.figures",
    "testing": "bench.testing.starts",
}


def main(names: list[str]) -> int:
    """Run benchmarks; the result is how many gates failed."""
    failed = 0
    for name in names or list(BENCHMARKS):
        print(f"== {name} ==", flush=True)
        failed += importlib.import_module(BENCHMARKS[name]).run() or 0
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]) > 0)
