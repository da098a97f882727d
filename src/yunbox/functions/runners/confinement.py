"""What a function's process may reach, and how far this machine can enforce it."""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from yunbox.functions.runners.launching import Program, run_tool
from yunbox.functions.runners.node import Node
from yunbox.tools import landlock

RUNTIME = Path(__file__).resolve().parent.parent.parent / "runtimes" / "node"

_SYSTEM = (
    "/usr", "/lib", "/lib64", "/bin", "/etc/ssl", "/etc/ca-certificates", "/etc/pki", "/etc/resolv.conf", "/etc/hosts",
    "/etc/nsswitch.conf", "/etc/gai.conf", "/etc/localtime", "/etc/fonts", "/etc/ld.so.cache", "/etc/alternatives",
    "/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/proc", "/sys/devices/system/cpu",
    "/sys/fs/cgroup", "/run/systemd/resolve",
)  # fmt: skip
_FILE_SIZE = 512 * 2**20
_OPEN_FILES = 1024


@dataclass(frozen=True, slots=True)
class Isolation:
    """How functions are kept apart here. ``level`` is ``process`` or ``none``; ``notes`` say what is not enforced."""

    level: str
    confines_files: bool
    private_tmp: bool
    notes: tuple[str, ...]


def describe_isolation(data: Path) -> Isolation:
    """What this machine can enforce for functions whose files lie in ``data`` (DESIGN §9.12)."""
    confines = landlock.version() > 0
    notes: list[str] = []
    if not confines:
        notes.append(
            "functions are not isolated: this system has no landlock (Linux 5.13 or newer), so a function can read the "
            "files of this account / 云函数没有文件隔离：系统不支持 landlock，只应运行你信任的代码"
        )
    private = confines and _can_have_private_tmp(data)
    if confines and not private:
        notes.append(
            "functions have no /tmp of their own here; paths below /tmp are mapped to a private directory in JavaScript "
            "only / 云函数的 /tmp 由运行时映射到私有目录"
        )
    return Isolation("process" if confines else "none", confines, private, tuple(notes))


def _can_have_private_tmp(data: Path) -> bool:
    if sys.platform != "linux" or _below_tmp(data.resolve(), RUNTIME, Path(sys.prefix).resolve()):
        return False
    directory = data / "run"
    directory.mkdir(parents=True, exist_ok=True)
    return run_tool("yunbox.tools.launcher", "can-have-private-tmp", str(directory)).returncode == 0


def _below_tmp(*paths: Path) -> bool:
    """Whether another directory in place of /tmp would hide one of these."""
    return any(Path("/tmp") in path.parents for path in paths)


def node_program(node: Node, place: Path, memory: int, trees: tuple[Path, ...], isolation: Isolation) -> Program:
    """The process of a function whose code will appear in ``place/code``; ``memory`` in MiB."""
    tmp = place / "tmp"
    private_tmp = isolation.private_tmp and not _below_tmp(node.program, *trees)
    heap = max(64, memory - 64)
    flags = [f"--max-old-space-size={heap}", "--max-semi-space-size=1"]
    return Program(
        argv=(str(node.program), *flags, str(RUNTIME / "worker.js")),
        environment=_environment(tmp, [RUNTIME, place.parent.parent, *trees], private_tmp),
        cwd=place,
        limits=_limits(),
        confine=isolation.confines_files,
        read=[*map(Path, _SYSTEM), node.program, RUNTIME, place, *trees],
        write=[tmp, Path("/dev/null")],
        tmp=tmp if private_tmp else None,
    )


def _environment(tmp: Path, kept: Sequence[Path], private_tmp: bool) -> dict[str, str]:
    """Nothing of the server's own environment but where programs and time zones are."""
    variables = {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": os.environ.get("LANG", "C.UTF-8"),
        "TZ": "UTC",
        "HOME": "/tmp" if private_tmp else str(tmp),
        "TMPDIR": "/tmp" if private_tmp else str(tmp),
    }
    if not private_tmp:
        variables |= {"YUNBOX_TMP": str(tmp), "YUNBOX_KEPT": ":".join(str(path) for path in _with_targets(kept))}
    return variables


def _with_targets(paths: Sequence[Path]) -> list[Path]:
    return list(dict.fromkeys(name for path in paths for name in (path, path.resolve())))


def _limits() -> dict[str, int]:
    wanted = {"CORE": 0, "NOFILE": _OPEN_FILES, "FSIZE": _FILE_SIZE}
    return {name: _at_most(getattr(resource, f"RLIMIT_{name}"), value) for name, value in wanted.items()}


def _at_most(limit: int, value: int) -> int:
    hard = resource.getrlimit(limit)[1]
    return value if hard == resource.RLIM_INFINITY else min(value, hard)
