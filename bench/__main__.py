"""``make bench``: all benchmarks, or those named: ``python -m bench http documents``."""

from __future__ import annotations

import importlib
import sys

BENCHMARKS = {"http": "bench.http.scenarios", "watching": "bench.http.watching", "documents": "bench.documents.figures"}


def main(names: list[str]) -> None:
    for name in names or list(BENCHMARKS):
        print(f"== {name} ==", flush=True)
        importlib.import_module(BENCHMARKS[name]).run()


if __name__ == "__main__":
    main(sys.argv[1:])
