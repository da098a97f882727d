"""The launcher process and landlock, with ordinary programs."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from yunbox.functions.runners.launching import Launcher, LaunchFailed, Program
from yunbox.tools import landlock

ECHO = "import os; os.write(1, b'out'); os.write(2, b'err'); os.write(3, b'three')"


@pytest.fixture
async def launcher() -> AsyncIterator[Launcher]:
    made = Launcher()
    yield made
    await made.close()


def program(code: str, **options: object) -> Program:
    values = {
        "argv": (sys.executable, "-S", "-c", code),
        "environment": {"A": "1", "LC_ALL": "C.UTF-8"},
        "cwd": Path("/"),
        **options,
    }
    return Program(**values)  # type: ignore[arg-type]


async def run(launcher: Launcher, wanted: Program) -> tuple[int, list[str]]:
    """The exit status and what was written to descriptors 1, 2 and 3."""
    pipes = [os.pipe() for _ in range(3)]
    ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    try:
        await launcher.start(wanted, [write for _, write in pipes], ended.set_result)
    finally:
        for _, write in pipes:
            os.close(write)
    status = await ended
    texts = []
    for read, _ in pipes:
        with os.fdopen(read, "rb") as file:
            texts.append(file.read().decode())
    return status, texts


async def test_descriptors_and_status(launcher: Launcher) -> None:
    assert await run(launcher, program(ECHO)) == (0, ["out", "err", "three"])
    assert (await run(launcher, program("raise SystemExit(7)")))[0] == 7
    assert (await run(launcher, program("import os; os.abort()")))[0] == -signal.SIGABRT


async def test_nothing_is_inherited(launcher: Launcher) -> None:
    code = "import os; print(sorted(os.environ), sorted(os.listdir('/proc/self/fd'))[:5], os.getpgrp() == os.getpid(), os.getcwd())"
    _, texts = await run(launcher, program(code))
    assert texts[0].strip() == "['A', 'LC_ALL'] ['0', '1', '2', '3', '4'] True /"


async def test_limits(launcher: Launcher) -> None:
    code = (
        "import resource; print(resource.getrlimit(resource.RLIMIT_NOFILE), resource.getrlimit(resource.RLIMIT_CORE))"
    )
    _, texts = await run(launcher, program(code, limits={"NOFILE": 64, "CORE": 0}))
    assert texts[0].strip() == "(64, 64) (0, 0)"


async def test_a_program_that_does_not_exist(launcher: Launcher) -> None:
    status, texts = await run(launcher, Program(argv=("/absent",), environment={}, cwd=Path("/")))
    assert status == 127
    assert "cannot start the process" in texts[1]


async def test_many_at_once(launcher: Launcher) -> None:
    results = await asyncio.gather(*(run(launcher, program(f"print({number})")) for number in range(12)))
    assert [texts[0].strip() for _, texts in results] == [str(number) for number in range(12)]


async def test_killing_takes_the_whole_group(launcher: Launcher) -> None:
    read, write = os.pipe()
    ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    code = "import subprocess; print(subprocess.Popen(['sleep', '60']).pid, flush=True); import time; time.sleep(60)"
    pid = await launcher.start(program(code), [write, write, write], ended.set_result)
    child = int((await asyncio.to_thread(os.read, read, 100)).decode())
    launcher.kill(pid)
    assert await ended == -signal.SIGKILL
    await asyncio.to_thread(_wait_gone, child)
    os.close(read)
    os.close(write)


def _wait_gone(pid: int) -> None:
    deadline = time.monotonic() + 5
    while _is_alive(pid):
        assert time.monotonic() < deadline, f"{pid} is still there"


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except FileNotFoundError:
        return False


async def test_nothing_starts_after_closing() -> None:
    launcher = Launcher()
    assert (await run(launcher, program("pass")))[0] == 0
    await launcher.close()
    with pytest.raises(LaunchFailed):
        await launcher.start(program("pass"), [0, 1, 2], lambda status: None)


OWNER = """
import asyncio, os, sys
from pathlib import Path
from yunbox.functions.runners.launching import Launcher, Program

async def main():
    program = Program(argv=(sys.executable, "-S", "-c", "import time; time.sleep(60)"), environment={}, cwd=Path("/"))
    null = os.open(os.devnull, os.O_WRONLY)
    print(await Launcher().start(program, [null, null, null], print), flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


def test_processes_end_when_the_server_is_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", OWNER], stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None
        pid = int(owner.stdout.readline())
        assert _is_alive(pid)
        owner.kill()
    _wait_gone(pid)


@pytest.mark.skipif(landlock.version() == 0, reason="this kernel has no landlock")
async def test_confinement(launcher: Launcher, tmp_path: Path) -> None:
    allowed, writable, secret = (tmp_path / name for name in ("allowed", "writable", "secret"))
    for directory in (allowed, writable, secret):
        directory.mkdir()
        (directory / "file").write_text(directory.name)
    code = f"""
def attempt(path, mode):
    try:
        with open(path, mode) as file:
            return file.read() if mode == 'r' else bool(file.write('new'))
    except OSError as error:
        return type(error).__name__
root = {str(tmp_path)!r}
print([attempt(f'{{root}}/{{name}}/file', mode) for name in ('allowed', 'writable', 'secret') for mode in 'rw'])
"""
    system = [Path(path) for path in ("/usr", "/lib", "/lib64", "/etc", "/proc", sys.prefix, sys.base_prefix)]
    libraries = [Path(sysconfig.get_paths()["stdlib"]), *system]
    _, texts = await run(launcher, program(code, confine=True, read=[allowed, *libraries], write=[writable]))
    assert (
        texts[0].strip() == "['allowed', 'PermissionError', 'writable', True, 'PermissionError', 'PermissionError']"
    ), texts
