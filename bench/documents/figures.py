"""Every figure of the document engine in one table: ``python -m bench documents``.

``YUNBOX_BENCH_DOCUMENTS`` sets the size of the large collection (1,000,000 by default); with fewer, verdicts say little.
``YUNBOX_BENCH_DIR`` is where files are written. ``YUNBOX_BENCH_CLOCK=cpu`` measures processor time, for busy machines.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from . import against_postgres, alone, libraries, sqlite
from .loading import filled
from .sizes import FULL, LARGE, MIDDLE
from .table import Table


def run() -> int:
    """Measure and print everything; the result is how many gates failed at full size."""
    table = Table()
    try:
        with tempfile.TemporaryDirectory(prefix="yunbox-bench-", dir=os.environ.get("YUNBOX_BENCH_DIR")) as name:
            directory = Path(name)
            sqlite.writes(table, directory)
            alone.group_commit(table, directory)
            _middle(table, directory)
            _large(table, directory)
    finally:
        # Whoever loses patience sees what there is.
        table.print()
    if not FULL:
        print(f"the gates are for 1,000,000 documents, not for {LARGE:,}: verdicts say little")
    return table.failed if FULL else 0


def _middle(table: Table, directory: Path) -> None:
    engine = filled(directory / "middle", MIDDLE)
    sqlite.reads(table, engine)
    against_postgres.run(table, engine, directory)
    libraries.run(table, engine, directory)
    engine.close()


def _large(table: Table, directory: Path) -> None:
    path = directory / "large"
    engine = filled(path, LARGE)
    sqlite.scans(table, engine)
    alone.growth(table, engine, directory)
    alone.concurrency(table, engine)
    engine.close()
    alone.reopening(table, path / "documents.sqlite")
