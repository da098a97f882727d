"""``yunbox doctor``: whether this machine has what is needed."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import click

from yunbox.cli.connection import ApiError, connect, default_data, running_endpoint
from yunbox.cli.options import failures
from yunbox.cli.output import print_json
from yunbox.errors import YunboxError

Outcome = Literal["ok", "warning", "failed"]


@dataclass(frozen=True, slots=True)
class Check:
    """One finding; ``fix`` says what to do about a bad one."""

    name: str
    outcome: Outcome
    detail: str
    fix: str = ""


@click.command(help="Check this machine: Python, Node.js, SQLite, isolation, disk, clock. / 环境自检")
@click.option("--data", type=click.Path(path_type=Path), metavar="DIR", help="Data directory. / 数据目录")
@click.option("--json", "as_json", is_flag=True, help="Print JSON. / 以 JSON 输出")
def doctor(data: Path | None, as_json: bool) -> None:
    with failures(as_json):
        found = examine(data or default_data())
        if as_json:
            print_json([asdict(check) for check in found])
        else:
            _print(found)
        if any(check.outcome == "failed" for check in found):
            sys.exit(1)


def _print(found: list[Check]) -> None:
    marks: dict[Outcome, tuple[str, str]] = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "failed": ("✗", "red")}
    for check in found:
        mark, colour = marks[check.outcome]
        click.echo(f"{click.style(mark, fg=colour)} {check.name:10} {check.detail}")
        if check.fix:
            click.echo(f"  {'':10} {check.fix}")


def examine(data: Path) -> list[Check]:
    """Every check, in order; none of them raises."""
    checks: list[tuple[str, Callable[[Path], Check]]] = [
        ("python", _python),
        ("sqlite", _sqlite),
        ("crypto", _crypto),
        ("disk", _disk),
        ("clock", _clock),
    ]
    return [*(_guarded(name, check, data) for name, check in checks), *_server(data)]


def _guarded(name: str, check: Callable[[Path], Check], data: Path) -> Check:
    try:
        return check(data)
    except Exception as error:
        return Check(name, "failed", f"{type(error).__name__}: {error}")


def _python(data: Path) -> Check:
    detail = f"{platform.python_version()} ({sys.executable})"
    return Check("python", "ok" if sys.version_info >= (3, 11) else "failed", detail)


def _server(data: Path) -> list[Check]:
    """What only a server on this data directory can tell."""
    endpoint = running_endpoint(data)
    try:
        with connect(endpoint, data) as api:
            machine = api.get("machine")
    except (YunboxError, ApiError, OSError) as error:
        return [Check("data", "failed", f"{data.resolve()}: {error}")]
    node, isolation = machine["node"], machine["isolation"]
    running = f"a server answers at {endpoint}" if endpoint else "no server is running on it"
    return [
        Check("node", "failed", "not found", node["error"])
        if "error" in node
        else Check("node", "ok", f"{node['version']} ({node['program']})", "" if node["npm"] else "npm was not found"),
        Check(
            "isolation",
            "ok" if isolation["level"] != "none" else "warning",
            isolation["level"],
            " ".join(isolation["notes"]),
        ),
        Check("data", "ok", f"{data.resolve()}; {running}"),
    ]


def _sqlite(data: Path) -> Check:
    import apsw

    db = apsw.Connection(":memory:")
    needs: dict[str, str] = {
        "JSONB": "SELECT jsonb('{}')",
        "FTS5": "CREATE VIRTUAL TABLE t USING fts5(x)",
        "R*Tree": "CREATE VIRTUAL TABLE r USING rtree(id, a, b)",
    }
    missing = []
    for feature, statement in needs.items():
        try:
            db.execute(statement)
        except apsw.SQLError:
            missing.append(feature)
    detail = f"{apsw.sqlite_lib_version()}; {'without ' + ', '.join(missing) if missing else 'JSONB, FTS5, R*Tree'}"
    return Check("sqlite", "failed" if missing else "ok", detail, "pip install --upgrade apsw" if missing else "")


def _crypto(data: Path) -> Check:
    from cryptography.hazmat.primitives.asymmetric import rsa

    # Both clouds' signatures need them; a FIPS build of OpenSSL refuses MD5 unless it is marked as not for security.
    hashlib.md5(b"", usedforsecurity=False)
    rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return Check("crypto", "ok", "MD5, RSA")


def _disk(data: Path) -> Check:
    place = data.resolve()
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    detail = f"{free / 2**30:.1f} GiB free at {place}"
    if not os.access(place, os.W_OK):
        return Check("disk", "failed", f"{place} is not writable", "choose another directory with --data")
    return Check("disk", "ok" if free > 2**30 else "warning", detail, "" if free > 2**30 else "free some space")


def _clock(data: Path) -> Check:
    now = time.time()
    shown = time.strftime("%Y-%m-%d %H:%M:%S %z", time.localtime(now))
    # Signatures of requests hold for minutes, so a clock that is years off refuses everyone.
    newest = max((path.stat().st_mtime for path in Path(__file__).parent.glob("*.py")), default=0.0)
    if now + 86400 < newest:
        return Check("clock", "failed", shown, "the clock is behind this program's own files: set it / 系统时间不正确")
    return Check("clock", "ok", shown)
