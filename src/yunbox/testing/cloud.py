"""The test kit as plain functions, for any test framework: the clouds run in a thread of their own."""

from __future__ import annotations

import asyncio
import atexit
import shutil
import threading
from collections.abc import Coroutine, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import orjson

from yunbox.caller import Caller
from yunbox.documents import commands as c
from yunbox.functions.logs import LogRecord
from yunbox.testing.ephemeral import MOST_FOUND, EphemeralCloud

T = TypeVar("T")

_open: set[Cloud] = set()


@cache
def _loop() -> asyncio.AbstractEventLoop:
    """The loop that all clouds of this process run on."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="yunbox-test-clouds", daemon=True).start()
    return loop


def _wait(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run_coroutine_threadsafe(work, _loop()).result()


def start_cloud(space_id: str | None = None) -> Cloud:
    """A new, empty cloud with one space, on a free port of this machine. Close it, or use it in a ``with`` statement.

    Raises:
        InvalidRequest: when ``space_id`` cannot be a space's id.
    """
    cloud = Cloud(_wait(EphemeralCloud.start(space_id)))
    _open.add(cloud)
    return cloud


@atexit.register
def _remove_files() -> None:
    """Of clouds that nobody closed: too late to stop them in order, but files in memory must not outlive the process."""
    for cloud in _open:
        shutil.rmtree(cloud.directory, ignore_errors=True)


class Person:
    """Somebody who uses the cloud: a user with an openid, or the administrator. Rules apply as they do to a client."""

    def __init__(self, cloud: EphemeralCloud, caller: Caller) -> None:
        self._cloud = cloud
        self._caller = caller

    def call(self, name: str, data: Any = None) -> Any:
        """What the function ``name`` answers when this person calls it with ``data``.

        Raises:
            FunctionFailed: when it threw; ``data["logs"]`` has what it printed.
            FunctionNotFound, PermissionDenied
        """
        return orjson.loads(_wait(self._cloud.call(self._caller, name, data)))

    def find(
        self, collection: str, filter: Mapping[str, Any] | None = None, *, sort: Any = None, limit: int = MOST_FOUND
    ) -> list[dict[str, Any]]:
        """The documents that match ``filter`` and that this person may read; raises ``PermissionDenied``."""
        found: list[dict[str, Any]] = self._run(c.Find(collection, dict(filter or {}), sort=sort, limit=limit))
        return found

    def insert(self, collection: str, *documents: Mapping[str, Any]) -> list[Any]:
        """Add documents, owned by this person; their ids."""
        ids: list[Any] = self._run(c.Insert(collection, [dict(document) for document in documents])).ids
        return ids

    def update(self, collection: str, filter: Mapping[str, Any], update: Mapping[str, Any]) -> int:
        """Change all documents that match, by operators such as ``{"$set": …}``; how many changed."""
        result = self._run(c.Update(collection, dict(filter), dict(update), multi=True))
        return int(result.modified)

    def remove(self, collection: str, filter: Mapping[str, Any]) -> int:
        """Delete all documents that match; how many there were."""
        return int(self._run(c.Delete(collection, dict(filter), multi=True)))

    def upload(self, path: str, data: bytes) -> None:
        """Store a file; raises ``PermissionDenied``."""
        _wait(self._cloud.services.files.put(self._caller, path, data))

    def temporary_url(self, path: str, seconds: int = 7200) -> str:
        """A link to a file that works for some seconds of the cloud's time."""
        files = self._cloud.services.files
        return self._cloud.services.address.local + files.temporary_url(self._cloud.space.id, path, seconds)

    def _run(self, command: c.Command) -> Any:
        return _wait(self._cloud.run(self._caller, command))


class Cloud:
    """One cloud for tests.

    ``endpoint`` is its address, ``space_id`` its space, ``keys`` that space's credentials: ``secret_id`` and
    ``secret_key`` (WeChat cloud's server SDKs), ``client_secret`` and ``server_private_key`` (mpserverless),
    ``access_key_id`` and ``access_key_secret`` (its OpenAPI). ``admin`` may do everything.
    """

    def __init__(self, cloud: EphemeralCloud) -> None:
        described = cloud.describe()
        self._cloud = cloud
        self.endpoint: str = described["endpoint"]
        self.space_id: str = described["space_id"]
        self.keys: dict[str, str] = described["keys"]
        self.admin = Person(cloud, cloud.administrator())

    def __enter__(self) -> Cloud:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop it; everything in it is gone. Once more is no error."""
        if self in _open:
            _open.discard(self)
            _wait(self._cloud.close())

    def seed(self, content: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, list[Any]]:
        """Add documents, as ``{collection: [document, …]}``; missing collections are made. The documents' ids."""
        return _wait(self._cloud.seed(content))

    def set_rules(self, collection: str, rules: str | Mapping[str, Any]) -> None:
        """Who may read and write a collection: a mode (``"READONLY"``) or security rules (``{"read": "auth != null"}``)."""
        _wait(self._cloud.set_rules(collection, rules))

    def set_storage_rules(self, rules: str | Mapping[str, Any]) -> None:
        """Who may read and write files: a mode (``"PRIVATE"``) or security rules (``{"read": True, "write": "…"}``)."""
        services = self._cloud.services
        if isinstance(rules, str):
            services.spaces.set(self.space_id, {"storage_rule": rules})
        else:
            services.files.set_rules(self.space_id, rules)

    def set_function_rules(self, rules: Mapping[str, Any]) -> None:
        """Which clients may call which functions: ``{"*": {"invoke": "auth != null"}, "name": {"invoke": False}}``."""
        self._cloud.services.functions.rules.set(self.space_id, rules)

    def create_index(
        self, collection: str, *fields: str, unique: bool = False, expire_after_seconds: int | None = None
    ) -> None:
        """Index a collection, which is made where it is missing, by ``fields``."""
        keys = [(field, 1) for field in fields]
        command = c.CreateIndex(collection, keys, unique=unique, expire_after_seconds=expire_after_seconds)
        _wait(self._cloud.create_index(command))

    def runs(self, function: str) -> Sequence[LogRecord]:
        """The calls of a function, newest first: ``started_at`` (milliseconds), ``status``, ``caller``, ``lines`` …"""
        return _wait(self._cloud.services.functions.logs(self.space_id, function=function))

    @property
    def directory(self) -> Path:
        """Where its files are while it runs."""
        return self._cloud.services.settings.data

    def deploy(self, directory: str | Path) -> list[str]:
        """Deploy a function, a folder of functions or a whole project; the functions' names.

        Raises:
            InvalidRequest: when there is nothing to deploy; the message says what was looked for.
        """
        return _wait(self._cloud.deploy(Path(directory)))

    def as_user(self, openid: str) -> Person:
        """The user with this openid."""
        return Person(self._cloud, _wait(self._cloud.user(openid)))

    def token(self, openid: str) -> dict[str, Any]:
        """A session of a user, for HTTP calls of your own: ``access_token``, ``refresh_token``, ``user_id``, ``expires_in``."""
        return _wait(self._cloud.session(openid))

    def advance(self, seconds: float) -> None:
        """Move the cloud's clock on: timers run, tokens and documents expire, functions see the new time.

        Raises:
            LimitExceeded: after 1000 runs of timers; the clock stands where they ended.
        """
        _wait(self._cloud.advance(seconds))

    def now(self) -> float:
        """The cloud's time, in seconds since 1970."""
        return self._cloud.now()
