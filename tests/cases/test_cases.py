"""MongoDB's semantics by the table of cases that may lie beside the checkout. The floors may only rise."""

from __future__ import annotations

import orjson
import pytest

from .failing import FAILING, REASONS, expected_failures, page
from .loading import CASES
from .status import FLOORS, PAGE, by_tier, count_cases, shown_in_readme


def test_cases(capsys: pytest.CaptureFixture[str]) -> None:
    if not CASES.exists():
        with capsys.disabled():
            print(f"\nMongoDB cases: {CASES} is not there")
        return
    counts, failed = count_cases()
    with capsys.disabled():
        print()
        for tier, kind, what in sorted({key[:3] for key in counts}):
            good, bad = counts[tier, kind, what, True], counts[tier, kind, what, False]
            print(f"MongoDB cases: tier {tier} {kind:9} {what} {good}/{good + bad}")
    floors: dict[str, int] = orjson.loads(FLOORS.read_bytes())
    passed = {name: good for name, (good, _) in by_tier(counts).items()}
    fallen = {name: (passed[name], floor) for name, floor in floors.items() if passed[name] < floor}
    assert not fallen, f"fewer cases pass than before (passed, floor): {fallen}"
    assert failed == expected_failures().keys(), "tests/cases/failing.py has to say why a case fails"


def test_every_failing_case_has_one_reason() -> None:
    assert FAILING.keys() == REASONS.keys()
    assert len(expected_failures()) == sum(len(ids.split()) for ids in FAILING.values())


def test_the_page_of_failing_cases_is_written_anew() -> None:
    """Run ``python -m tests.cases.status`` after a change of the table."""
    assert PAGE.read_text(encoding="utf-8") == page()


def test_readme_shows_the_floors() -> None:
    """Run ``python -m tests.cases.status`` when more cases pass."""
    assert shown_in_readme() == orjson.loads(FLOORS.read_bytes())
