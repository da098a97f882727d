"""One port for plain HTTP and TLS: the first byte of a connection tells which it is (DESIGN §9.10)."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import ssl
from collections.abc import Callable

from yunbox.errors import InvalidRequest

_TLS_HANDSHAKE = b"\x16"
_ACCEPTS_AT_ONCE = 64
_FIRST_BYTE_TIMEOUT = 30.0


def bind(host: str, port: int) -> socket.socket:
    """A listening, non-blocking socket.

    Raises:
        InvalidRequest: when the address is taken or not ours.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRINUSE:
            raise InvalidRequest(
                f"port {port} on {host} is taken; choose another with --port (0 = any free one)"
                f" / 端口 {port} 已被占用，请用 --port 换一个"
            ) from None
        raise InvalidRequest(f"cannot listen on {host}:{port}: {error.strerror}") from None
    listening.listen(2048)
    listening.setblocking(False)
    return listening


class Listener:
    """Accepts connections and hands each to ``protocol_factory``, wrapped in TLS where the client speaks it.

    It peeks at the first byte with ``MSG_PEEK``, so the protocol still sees the whole stream; the cost is one system
    call for each connection and none for each request.
    """

    def __init__(
        self,
        listening: socket.socket,
        protocol_factory: Callable[[], asyncio.Protocol],
        tls: Callable[[], ssl.SSLContext],
    ) -> None:
        self._socket = listening
        self._factory = protocol_factory
        self._tls = tls
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[socket.socket, asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop.add_reader(listening, self._accept)

    @property
    def address(self) -> tuple[str, int]:
        """The bound (host, port)."""
        host, port = self._socket.getsockname()[:2]
        return host, port

    def close(self) -> None:
        """Stop accepting; established connections live on."""
        self._loop.remove_reader(self._socket)
        self._socket.close()
        for connection in list(self._waiting):
            self._drop(connection)

    async def wait_closed(self) -> None:
        """Nothing to wait for; part of the interface of asyncio's servers."""

    def _accept(self) -> None:
        for _ in range(_ACCEPTS_AT_ONCE):
            try:
                connection, _address = self._socket.accept()
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                # Out of descriptors or a connection that died in the queue: the next event tries again.
                return
            connection.setblocking(False)
            # uvloop does this for its own servers only; without it every answer waits 40 ms for an acknowledgement.
            with contextlib.suppress(OSError):
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._inspect(connection)

    def _inspect(self, connection: socket.socket) -> None:
        try:
            first = connection.recv(1, socket.MSG_PEEK)
        except (BlockingIOError, InterruptedError):
            self._wait(connection)
            return
        except OSError:
            connection.close()
            return
        if not first:
            connection.close()
            return
        task = self._loop.create_task(self._hand_over(connection, first == _TLS_HANDSHAKE))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _wait(self, connection: socket.socket) -> None:
        self._waiting[connection] = self._loop.call_later(_FIRST_BYTE_TIMEOUT, self._drop, connection)
        self._loop.add_reader(connection, self._ready, connection)

    def _ready(self, connection: socket.socket) -> None:
        self._loop.remove_reader(connection)
        self._waiting.pop(connection).cancel()
        self._inspect(connection)

    def _drop(self, connection: socket.socket) -> None:
        self._loop.remove_reader(connection)
        self._waiting.pop(connection).cancel()
        connection.close()

    async def _hand_over(self, connection: socket.socket, encrypted: bool) -> None:
        # A failed handshake is the client's affair; there is nobody to tell.
        with contextlib.suppress(OSError, ssl.SSLError, asyncio.TimeoutError):
            await self._loop.connect_accepted_socket(self._factory, connection, ssl=self._tls() if encrypted else None)
