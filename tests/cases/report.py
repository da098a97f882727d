"""List failing cases: ``python -m tests.cases.report [--kind K] [--tier N] [--grep TEXT] [--limit N] [--full] [--store] [--errors|--values]``."""

from __future__ import annotations

import argparse
from collections import Counter
from typing import Any

import orjson

from .loading import CASES, Case, cases
from .running import KINDS, Verdict, run
from .stored import STORED_KINDS, run_stored


def _show(case: Case, verdict: Verdict, width: int) -> str:
    shown = {key: value for key, value in case.items() if key not in ("licence", "source", "operators", "tags")}
    text = orjson.dumps(shown).decode()
    actual = verdict.actual
    got = f"{type(actual).__name__}: {actual}" if isinstance(actual, Exception) else repr(actual)
    return f"{text[:width]}\n    -> {got[:width]}\n"


def _wanted(case: Case, options: argparse.Namespace) -> bool:
    return (
        (options.kind is None or case["kind"] in options.kind.split(","))
        and (options.tier is None or case["tier"] == options.tier)
        and (options.grep is None or options.grep in orjson.dumps(case).decode())
        and not (options.errors and "error" not in case)
        and not (options.values and "error" in case)
    )


def main() -> None:
    """Print the failing cases and the counts."""
    parser = argparse.ArgumentParser(description=f"failing cases of {CASES}")
    parser.add_argument("--kind")
    parser.add_argument("--tier", type=int)
    parser.add_argument("--grep")
    parser.add_argument("--store", action="store_true", help="through the embedded engine")
    parser.add_argument("--limit", type=int, default=40)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--errors", action="store_true")
    parser.add_argument("--values", action="store_true")
    options = parser.parse_args()
    counts: Counter[tuple[Any, ...]] = Counter()
    shown = 0
    for case in cases():
        if (options.store and case["kind"] not in STORED_KINDS) or not _wanted(case, options):
            continue
        verdict = run_stored(case) if options.store or case["kind"] not in KINDS else run(case)
        counts[case["tier"], case["kind"], "error" if "error" in case else "value", verdict.passed] += 1
        if not verdict.passed and shown < options.limit:
            shown += 1
            print(_show(case, verdict, 100_000 if options.full else 700))
    for tier, kind, what in sorted({key[:3] for key in counts}):
        passed, failed = counts[tier, kind, what, True], counts[tier, kind, what, False]
        print(f"tier {tier} {kind:10} {what:6} {passed}/{passed + failed}")
    for tier, what in sorted({(key[0], key[2]) for key in counts}):
        selected = {key: count for key, count in counts.items() if (key[0], key[2]) == (tier, what)}
        passed, total = sum(count for key, count in selected.items() if key[3]), sum(selected.values())
        print(f"tier {tier} {what:6} {passed}/{total} = {passed / total:.1%}")


if __name__ == "__main__":
    main()
