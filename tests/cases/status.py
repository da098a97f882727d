"""Write the counts of passing cases into the floors and README's status table, and docs/cases.md with those that fail:
``python -m tests.cases.status``.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import orjson

from .failing import expected_failures, page
from .loading import cases
from .running import KINDS, run
from .stored import run_stored

ROOT = Path(__file__).resolve().parents[2]
FLOORS = Path(__file__).with_name("floors.json")
README = ROOT / "README.md"
PAGE = ROOT / "docs" / "cases.md"
_BLOCK = re.compile(r"(?<=<!-- status: begin -->\n).*?(?=<!-- status: end -->)", re.DOTALL)

Counts = Counter[tuple[int, str, str, bool]]
"""Cases by tier, kind, ``value`` or ``error``, and whether they passed."""


def count_cases() -> tuple[Counts, set[str]]:
    """How many pass, and the ids of those that fail."""
    counts: Counts = Counter()
    failed = set()
    for case in cases():
        verdict = run(case) if case["kind"] in KINDS else run_stored(case)
        counts[case["tier"], case["kind"], "error" if "error" in case else "value", verdict.passed] += 1
        if not verdict.passed:
            failed.add(case["id"])
    return counts, failed


def by_tier(counts: Counts) -> dict[str, tuple[int, int]]:
    """Passed and all, by ``tier N value`` and ``tier N error``."""
    passed: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for (tier, _, what, good), count in counts.items():
        total[f"tier {tier} {what}"] += count
        passed[f"tier {tier} {what}"] += count * good
    return {name: (passed[name], total[name]) for name in sorted(total)}


def table(figures: dict[str, tuple[int, int]]) -> str:
    """The status table in Markdown."""
    lines = ["| MongoDB cases | results | errors |", "|---|---|---|"]
    for tier in (1, 2, 3):
        cells = [_cell(*figures[f"tier {tier} {what}"]) for what in ("value", "error")]
        lines.append(f"| tier {tier} | {' | '.join(cells)} |")
    return "\n" + "\n".join(lines) + "\n\n"


def _cell(passed: int, total: int) -> str:
    return f"{passed} of {total} ({passed / total:.1%})"


def shown_in_readme() -> dict[str, int]:
    """The counts that README's table shows."""
    block = _BLOCK.search(README.read_text(encoding="utf-8"))
    assert block is not None, "README.md has lost its status markers"
    rows = re.findall(r"\| tier (\d) \| (\d+) of \d+ \([\d.]+%\) \| (\d+) of", block.group())
    return {
        f"tier {tier} {what}": int(count)
        for tier, *pair in rows
        for what, count in zip(("value", "error"), pair, strict=True)
    }


def main() -> None:
    counts, failed = count_cases()
    figures = by_tier(counts)
    floors = {name: passed for name, (passed, _) in figures.items()}
    FLOORS.write_bytes(orjson.dumps(floors, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    text = README.read_text(encoding="utf-8")
    README.write_text(_BLOCK.sub(lambda _: table(figures), text), encoding="utf-8")
    PAGE.write_text(page(), encoding="utf-8")
    print(table(figures))
    print("not in the table of failing cases:", *sorted(failed - expected_failures().keys()))
    print("in it, but they pass:", *sorted(expected_failures().keys() - failed))


if __name__ == "__main__":
    main()
