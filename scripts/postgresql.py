"""PostgreSQL's programs for the benchmark: found, or installed from Debian's packages where that is allowed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

PACKAGE = "postgresql-15"


def programs() -> Path | None:
    """The directory with ``initdb`` and ``postgres``, of the newest version there is; ``None`` without any."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True)
    found = shutil.which("initdb")
    places = [*debian, *([Path(found).resolve().parent] if found else [])]
    return next((place for place in places if (place / "initdb").exists() and (place / "postgres").exists()), None)


def install() -> str:
    """Install the package; the result says why that is not possible, or is empty."""
    if programs() is not None:
        return ""
    if shutil.which("apt-get") is None:
        return "no apt-get on this system; install PostgreSQL yourself"
    if os.geteuid() != 0:
        return f"run as root, or: sudo apt-get install {PACKAGE}"
    # The benchmark makes its own cluster: the package must not start one.
    settings = Path("/etc/postgresql-common/createcluster.conf")
    if not settings.exists():
        settings.parent.mkdir(parents=True, exist_ok=True)
        settings.write_text("create_main_cluster = false\n", encoding="utf-8")
    command = [
        "apt-get",
        "install",
        "--yes",
        "--no-install-recommends",
        "-o",
        "Dpkg::Options::=--force-confold",
        PACKAGE,
    ]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    return "" if done.returncode == 0 else (done.stderr.strip().splitlines() or ["apt-get failed"])[-1]


if __name__ == "__main__":
    problem = install()
    print(f"PostgreSQL: {programs()}" if not problem else f"NOT RUN: postgresql: {problem}", file=sys.stderr)
