"""A small process that starts and ends other processes on behalf of a large, threaded one.

``python -S -m yunbox.tools.launcher`` with a stream socket on descriptor 3. Forking here is cheap and safe, because this
process is small and has one thread. Frames are ``u32 big-endian length | JSON``.

Requests: ``{"start": n, "argv", "env", "cwd", "limits": {name: value}, "read": [...], "write": [...], "confine": bool,
"tmp": path?}`` together with three descriptors (the child's 1, 2 and 3) and ``{"kill": pid}``, which ends the process and
its whole group.
Answers: ``{"started": n, "pid"}``, ``{"failed": n, "message"}``, and ``{"exited": pid, "status"}`` once for each process
(status as in ``subprocess``: negative is a signal). When the socket closes, every process is killed and this one ends;
should this one be killed, the kernel kills its children.
"""

from __future__ import annotations

import array
import contextlib
import ctypes
import json
import os
import resource
import selectors
import signal
import socket
import struct
import sys
from typing import Any

from yunbox.tools import landlock

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_CAPABILITY_VERSION_3 = 0x20080522
_CLONE_NEWNS = 0x00020000
_CLONE_NEWUSER = 0x10000000
_MS_BIND = 4096
_MS_REC_PRIVATE = 16384 | (1 << 18)


class Launcher:
    """The loop: serve requests, report the dead."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._children: set[int] = set()
        self._received = bytearray()
        self._descriptors: list[int] = []

    def run(self) -> None:
        """Serve until the other side closes its end."""
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(ignored, signal.SIG_IGN)
        selector = selectors.DefaultSelector()
        selector.register(self._control, selectors.EVENT_READ)
        selector.register(reader, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fd == reader:
                    os.read(reader, 4096)
                    self._reap()
                elif not self._receive():
                    self._end()
                    return

    def _receive(self) -> bool:
        space = socket.CMSG_SPACE(12 * 4)
        data, ancillary, _, _ = self._control.recvmsg(65536, space)
        for level, kind, payload in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                numbers = array.array("i")
                numbers.frombytes(payload[: len(payload) - len(payload) % 4])
                self._descriptors.extend(numbers)
        self._received += data
        while len(self._received) >= 4:
            end = 4 + struct.unpack_from(">I", self._received)[0]
            if len(self._received) < end:
                break
            request = json.loads(self._received[4:end])
            del self._received[:end]
            self._handle(request)
        return bool(data)

    def _handle(self, request: dict[str, Any]) -> None:
        if "kill" in request:
            if request["kill"] in self._children:
                _kill_group(request["kill"])
            return
        descriptors, self._descriptors = self._descriptors[:3], self._descriptors[3:]
        try:
            pid = self._start(request, descriptors)
        except OSError as error:
            self._send({"failed": request["start"], "message": str(error)})
        else:
            self._children.add(pid)
            self._send({"started": request["start"], "pid": pid})
        finally:
            for descriptor in descriptors:
                os.close(descriptor)

    def _start(self, request: dict[str, Any], descriptors: list[int]) -> int:
        launcher = os.getpid()
        pid = os.fork()
        if pid == 0:
            _become(request, descriptors, launcher)
        return pid

    def _reap(self) -> None:
        while self._children and (dead := _collect()) is not None:
            pid, status = dead
            self._children.discard(pid)
            self._send({"exited": pid, "status": os.waitstatus_to_exitcode(status)})

    def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps(message).encode()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._control.sendall(struct.pack(">I", len(body)) + body)

    def _end(self) -> None:
        for pid in self._children:
            _kill_group(pid)


def _collect() -> tuple[int, int] | None:
    """A child that has ended, its group with it, and its status."""
    if not hasattr(os, "waitid"):
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return None
        _kill_group(pid)
        return pid, status
    dead = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT | os.WNOHANG)
    if dead is None:
        return None
    # The number stays reserved until the wait below, so the group that is killed here is the right one.
    _kill_group(dead.si_pid)
    return os.waitpid(dead.si_pid, 0)


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _become(request: dict[str, Any], descriptors: list[int], launcher: int) -> None:
    """In the forked child: confine it and execute the program; never returns."""
    try:
        os.setsid()
        _arrange(descriptors)
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
            signal.signal(number, signal.SIG_DFL)
        for name, value in request["limits"].items():
            resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (value, value))
        os.umask(0o077)
        os.chdir(request["cwd"])
        if request.get("tmp"):
            private_tmp(request["tmp"])
        if request["confine"]:
            drop_capabilities()
            landlock.restrict(request["read"], request["write"])
        # Last: the kernel forgets this when credentials change.
        _die_with(launcher)
        os.execve(request["argv"][0], request["argv"], request["env"])
    except BaseException as error:
        os.write(2, f"cannot start the process: {error}\n".encode())
    finally:
        os._exit(127)


def _arrange(descriptors: list[int]) -> None:
    """The descriptors become 1, 2 and 3, standard input is empty, everything else is closed."""
    safe = [os.dup(descriptor) for descriptor in descriptors]
    high = max(safe) + 1
    moved = [_duplicate_above(descriptor, high) for descriptor in safe]
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    for target, descriptor in enumerate(moved, start=1):
        os.dup2(descriptor, target)
    os.closerange(4, 4096)


def _duplicate_above(descriptor: int, low: int) -> int:
    import fcntl

    return fcntl.fcntl(descriptor, fcntl.F_DUPFD, max(low, 16))


def _die_with(parent: int) -> None:
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(127)


def drop_capabilities() -> None:
    """Give up what root may do beyond its own files; without privileges this changes nothing."""
    if not sys.platform.startswith("linux"):
        return
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    header = struct.pack("=Ii", _CAPABILITY_VERSION_3, 0)
    if libc.capset(header, struct.pack("=6I", 0, 0, 0, 0, 0, 0)) != 0:
        raise OSError(ctypes.get_errno(), "capset failed")


def private_tmp(directory: str) -> None:
    """Make ``directory`` the ``/tmp`` of this process alone (a mount namespace; a user namespace without root).

    Raises:
        OSError: where the kernel or its policy does not allow it.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    uid, gid = os.getuid(), os.getgid()
    if libc.unshare(_CLONE_NEWNS) != 0:
        if libc.unshare(_CLONE_NEWNS | _CLONE_NEWUSER) != 0:
            raise OSError(ctypes.get_errno(), "unshare is not allowed")
        for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
            with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
                file.write(text)
    _mount(libc, None, b"/", _MS_REC_PRIVATE)
    _mount(libc, os.fsencode(directory), b"/tmp", _MS_BIND)


def _mount(libc: ctypes.CDLL, source: bytes | None, target: bytes, flags: int) -> None:
    if libc.mount(source, target, None, ctypes.c_ulong(flags), None) != 0:
        raise OSError(ctypes.get_errno(), f"cannot mount {target.decode()}")


def can_have_private_tmp(directory: str) -> bool:
    """Whether `private_tmp` works here; tried in a child."""
    pid = os.fork()
    if pid == 0:
        try:
            private_tmp(directory)
        except BaseException:
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] == "can-have-private-tmp":
        sys.exit(0 if can_have_private_tmp(sys.argv[2]) else 1)
    Launcher(socket.socket(fileno=3)).run()
