"""MongoDB's semantics by the table of cases that may lie beside the checkout. The floors may only rise."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import orjson
import pytest

from .loading import CASES, cases
from .running import KINDS, run
from .stored import run_stored

FLOORS = Path(__file__).with_name("floors.json")


def _counts() -> Counter[tuple[int, str, str, bool]]:
    counts: Counter[tuple[int, str, str, bool]] = Counter()
    for case in cases():
        verdict = run(case) if case["kind"] in KINDS else run_stored(case)
        counts[case["tier"], case["kind"], "error" if "error" in case else "value", verdict.passed] += 1
    return counts


def test_cases(capsys: pytest.CaptureFixture[str]) -> None:
    if not CASES.exists():
        with capsys.disabled():
            print(f"\nMongoDB cases: {CASES} is not there")
        pytest.skip("the table of MongoDB cases is not beside this checkout")
    counts = _counts()
    passed: Counter[str] = Counter()
    with capsys.disabled():
        print()
        for tier, kind, what in sorted({key[:3] for key in counts}):
            good, bad = counts[tier, kind, what, True], counts[tier, kind, what, False]
            passed[f"tier {tier} {what}"] += good
            print(f"MongoDB cases: tier {tier} {kind:9} {what} {good}/{good + bad}")
    floors: dict[str, int] = orjson.loads(FLOORS.read_bytes())
    fallen = {name: (passed[name], floor) for name, floor in floors.items() if passed[name] < floor}
    assert not fallen, f"fewer cases pass than before (passed, floor): {fallen}"
