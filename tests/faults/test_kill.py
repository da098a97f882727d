"""A killed writer loses nothing that it had acknowledged. ``YUNBOX_KILLS`` sets the number of rounds (short by default)."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from yunbox.documents import open_database

ROUNDS = int(os.environ.get("YUNBOX_KILLS", "3"))
ROOT = Path(__file__).resolve().parent.parent.parent


def test_kill_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "documents.sqlite"
    expected: dict[Any, int | None] = {}
    number = 0
    last: set[Any] = set()
    rounds = 0
    chance = random.Random(7)
    for _ in range(ROUNDS):
        number = _write_and_kill(path, number, chance.randrange(20, 200), expected)
        last.add(number)
        with open_database(path) as database:
            assert database.engine.check() == []
            found = list(database["c"].find())
        stored = {document["_id"]: document["v"] for document in found}
        rounds = _check_rounds(found, rounds, expected)
        for id, value in expected.items():
            if value is None:
                assert id not in stored
            elif not (id in last and id not in stored and id % 5 == 0):
                # What was not acknowledged may have been kept all the same.
                assert stored.get(id) in (value, _updated(id)), id
        for id in stored:
            if isinstance(id, str):
                assert -int(id.removeprefix("twin")) in stored
        number = max([number, *(abs(id) for id in stored if isinstance(id, int))])


def _check_rounds(found: list[dict[str, Any]], before: int, expected: dict[Any, int | None]) -> int:
    """All documents are updated at once or none, so that none lags behind a younger one; the result is how often."""
    counts = [document.get("w", 0) for document in found if isinstance(document["_id"], int) and document["_id"] > 0]
    assert counts == sorted(counts, reverse=True)
    rounds = counts[0] if counts else 0
    assert before + (expected.pop("rounds", 0) or 0) <= rounds
    return rounds


def _updated(id: Any) -> int | None:
    return id * 2 if isinstance(id, int) and id > 0 else None


def _write_and_kill(path: Path, number: int, lines: int, expected: dict[Any, int | None]) -> int:
    """Let a writer run for some acknowledgements, then kill it; what it said until its end is noted."""
    command = [sys.executable, "-m", "tests.faults.writer", str(path), str(number)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment) as process:
        assert process.stdout is not None
        for count, line in enumerate(process.stdout):
            number = _note(line, number, expected)
            if count == lines:
                process.send_signal(signal.SIGKILL)
    return number


def _note(line: str, number: int, expected: dict[Any, int | None]) -> int:
    if not line.endswith("\n"):
        return number
    kind, *values = line.split()
    if kind == "ready":
        return number
    number = int(values[0])
    if kind == "i":
        expected[number] = 0
    elif kind == "u":
        expected[number] = int(values[1])
    elif kind == "d":
        expected[number] = None
    elif kind == "w":
        expected["rounds"] = (expected.get("rounds") or 0) + 1
    elif kind == "m":
        expected[-number] = expected[f"twin{number}"] = 1
    return number
