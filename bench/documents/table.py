"""The table that a run prints: each figure with its gate and whether it was reached."""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable
from dataclasses import dataclass

_HOLDS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(frozen=True, slots=True)
class Gate:
    """What a figure has to reach: ``Gate("<=", 1.3)``."""

    relation: str
    limit: float

    def holds(self, figure: float) -> bool:
        return _HOLDS[self.relation](figure, self.limit)

    def __str__(self) -> str:
        return f"{self.relation} {self.limit:g}"


class Table:
    """Rows in the order they were measured."""

    def __init__(self) -> None:
        self.failed = 0
        self._rows: list[tuple[str, ...]] = []

    def add(self, what: str, ours: str, others: str, figure: float, unit: str, gate: Gate | None = None) -> None:
        """One figure; ``ours`` and ``others`` are the times or rates behind it."""
        verdict = "" if gate is None else "PASS" if gate.holds(figure) else "FAIL"
        self.failed += verdict == "FAIL"
        self._row(what, ours, others, f"{figure:.3g} {unit}", "" if gate is None else str(gate), verdict)

    def not_run(self, what: str, why: str) -> None:
        """A figure that could not be measured."""
        self._row(what, "", "", "", "", f"NOT RUN: {why}")

    def _row(self, *cells: str) -> None:
        self._rows.append(cells)
        # What takes minutes shows that it goes on.
        print(".", end="", flush=True, file=sys.stderr)

    def print(self) -> None:
        """Write everything as a Markdown table."""
        print(file=sys.stderr)
        rows = [("what", "yunbox", "against", "figure", "gate", ""), *self._rows]
        widths = [max(len(row[column]) for row in rows) for column in range(5)]
        for number, row in enumerate(rows):
            cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
            print("| " + " | ".join([*cells, row[5]]) + " |")
            if number == 0:
                print("|" + "|".join("-" * (width + 2) for width in widths) + "|---|")
        print(f"{self.failed} of {len(self._rows)} figures failed", flush=True)
