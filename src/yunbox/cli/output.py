"""What commands print. Results go to standard output, progress and notes to standard error."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click


def note(message: str) -> None:
    """Print a line of progress or advice."""
    click.echo(message, err=True)


def print_json(content: Any) -> None:
    """Print a result as one JSON document."""
    click.echo(json.dumps(content, ensure_ascii=False, indent=2))


def fail(message: str, content: Mapping[str, Any] | None = None, *, as_json: bool = False) -> None:
    """Print an error and end with status 1; with ``as_json`` the error is on standard output too."""
    if as_json:
        print_json(content or {"error": {"code": "failed", "message": message}})
    click.echo(click.style("error", fg="red", bold=True) + f" / 错误: {message}", err=True)
    sys.exit(1)


def table(rows: Iterable[Mapping[str, Any]], columns: Sequence[tuple[str, str]]) -> None:
    """Print rows under headings: ``columns`` are (key, heading)."""
    from rich.console import Console
    from rich.table import Table

    shown = Table(box=None, header_style="bold", pad_edge=False)
    for number, (_, heading) in enumerate(columns):
        shown.add_column(heading, no_wrap=number == 0, overflow="fold")
    for row in rows:
        shown.add_row(*(_cell(row.get(key)) for key, _ in columns))
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = 200
    console.print(shown)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "-"
    return str(value)


def when(milliseconds: int | None) -> str:
    """A time in this machine's zone."""
    if not milliseconds:
        return "-"
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(milliseconds / 1000))


def size(count: float) -> str:
    """Bytes for people."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"
