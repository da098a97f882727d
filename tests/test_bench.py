"""The benchmark runs, small: every figure is measured, or said not to be."""

from __future__ import annotations

import importlib
import os
import re
import subprocess
import sys
from pathlib import Path

from bench.__main__ import BENCHMARKS

ROOT = Path(__file__).resolve().parent.parent
FIGURES = [
    "get by _id, text out",
    "page of 20, compound index, text",
    "count without an index",
    "$match + $group + $sort",
    "insert one, durable",
    "insert 1000, 3 indexes",
    "durable inserts/s, 32 callers",
    "16 readers beside a writer",
    "growth from",
    "open,",
    "anonymous memory",
    "PostgreSQL",
]


def test_every_figure_of_the_document_engine(tmp_path: Path) -> None:
    environment = {**os.environ, "YUNBOX_BENCH_DOCUMENTS": "500", "PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, "-m", "bench", "documents"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows = [line for line in done.stdout.splitlines() if line.startswith("| ")]
    for figure in FIGURES:
        found = [row for row in rows if figure in row]
        assert found, figure
        assert all("PASS" in row or "FAIL" in row or "NOT RUN" in row or "decoded" in row for row in found), found


def test_documented_benchmarks_are_there() -> None:
    pages = [page.read_text(encoding="utf-8") for page in (ROOT / "docs").glob("*.md")]
    named = {name for page in pages for name in re.findall(r"python -m bench (\w+)", page)}
    assert named == BENCHMARKS.keys()
    assert all(callable(importlib.import_module(module).run) for module in BENCHMARKS.values())
