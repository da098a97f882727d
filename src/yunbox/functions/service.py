"""Functions: deployed code, called with an identity, its processes, logs and timers."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import shutil
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson
from msgspec import structs

from yunbox.caller import Caller
from yunbox.errors import (
    FunctionFailed,
    FunctionNotFound,
    InvalidRequest,
    LimitExceeded,
    NotFound,
    PermissionDenied,
    QuotaExceeded,
    YunboxError,
)
from yunbox.functions.capability import Capabilities, Capability
from yunbox.functions.configuration import merge_settings, read_settings, settings_from
from yunbox.functions.deploy import Deployer
from yunbox.functions.function import Deployment, Function, FunctionSettings, Invocation, LogLine, TriggerSettings
from yunbox.functions.logs import LogRecord, Logs
from yunbox.functions.metadata import Metadata
from yunbox.functions.outcome import Outcome
from yunbox.functions.packages import PackageStore, Progress
from yunbox.functions.rules import CallRules
from yunbox.functions.runners import frames
from yunbox.functions.runners.confinement import Isolation, describe_isolation
from yunbox.functions.runners.fleet import SPARES, Fleet, Kind, Load
from yunbox.functions.runners.instance import Instance
from yunbox.functions.runners.node import find_node
from yunbox.functions.runners.pool import Pool
from yunbox.functions.triggers import Timer, Timers, timer_event
from yunbox.quotas.service import QuotaService
from yunbox.spaces import SpaceService
from yunbox.statistics import StatisticsService
from yunbox.tools.clock import MACHINE, Clock
from yunbox.tools.random_names import random_uuid

_log = logging.getLogger("yunbox.functions")

HostCall = Callable[[Caller, str, dict[str, Any]], Awaitable[bytes]]

LATE_WORK = 60.0
"""Seconds beyond its timeout for which work that a function did not await keeps its rights (DESIGN §9.7)."""
EVENT_LIMIT = 6 * 2**20
"""Largest event in bytes (FN-4; SCF's limit of a synchronous call)."""
DEPTH_LIMIT = 16
"""Functions that may call each other in one chain."""
START_TIME = 10.0
"""Seconds beyond its timeout that a call may wait for a process."""
KEPT_VERSIONS = 10

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")


@dataclass(slots=True)
class _Active:
    """A function that can be called: what an invocation needs without touching the disk."""

    deployment: Deployment
    settings: FunctionSettings
    timeout: float
    memory: int
    pool: Pool


class FunctionService:
    """Deploys and calls functions. Use from one event loop, between `start` and `close`.

    ``admin_url()`` is the address that functions reach this server's data API at; ``host_call`` answers what functions ask
    for without HTTP. ``timeout`` (seconds) and ``memory`` (MiB) apply to functions that configure none; ``linger`` is how
    many seconds un-awaited work gets when the service closes; ``statistics`` counts invocations, ``quotas`` limits them;
    ``packages`` is where npm packages are kept, if not in ``data``.
    """

    def __init__(
        self,
        data: Path,
        spaces: SpaceService,
        capabilities: Capabilities,
        admin_url: Callable[[], str],
        host_call: HostCall,
        *,
        node: str = "",
        instances: int = 0,
        timeout: float = 20.0,
        memory: int = 256,
        linger: float = 0.5,
        statistics: StatisticsService | None = None,
        quotas: QuotaService | None = None,
        clock: Clock = MACHINE,
        packages: Path | None = None,
    ) -> None:
        self.capabilities = capabilities
        self.rules = CallRules(spaces, clock)
        self.timeout = timeout
        self.memory = memory
        self._data = data.resolve()
        self._spaces = spaces
        self._admin_url = admin_url
        self._host_call = host_call
        self._node = node
        self._instances = instances
        self._statistics = statistics
        self._quotas = quotas
        if quotas is not None:
            quotas.measured_by("functions", lambda space: len(self._store(space).names()))
        self._linger = linger
        self._packages = packages or self._data
        self._clock = clock
        self._metadata: dict[str, Metadata] = {}
        self._active: dict[tuple[str, str], _Active] = {}
        self._logs: dict[str, Logs] = {}
        self._opened: Fleet | None = None
        self._deployer: Deployer | None = None
        self._isolation: Isolation | None = None
        self._warming: asyncio.Task[None] | None = None
        self._cleaning: asyncio.Task[None] | None = None
        self._opening = asyncio.Lock()
        self._deploying: dict[tuple[str, str], asyncio.Lock] = {}
        self._timers = Timers(self._fire, clock)
        spaces.on_delete(self._forget_space)

    # Life

    async def start(self) -> None:
        """Begin to run timers. Node is looked for when the first function is deployed or called."""
        for space in self._spaces.list():
            for name in self._store(space.id).names():
                function = self.get(space.id, name)
                self._timers.set(space.id, name, function.triggers)
        self._timers.start()
        if self._metadata and any(store.names() for store in self._metadata.values()):
            self._warming = asyncio.create_task(self._warm_up())

    async def _warm_up(self) -> None:
        """Have processes ready for the functions deployed last, before the first call after a restart."""
        functions = [
            self.get(space.id, name) for space in self._spaces.list() for name in self._store(space.id).names()
        ]
        try:
            for function in sorted(functions, key=lambda item: item.updated_at)[-SPARES:]:
                active = await self._activate(function.space, function.name)
                (await self._fleet()).warm(self._kind(active))
        except YunboxError as error:
            _log.warning("functions cannot run yet: %s", error)

    async def close(self) -> None:
        """Stop timers and processes and write what is left of the logs."""
        if self._warming is not None:
            await self._warming
        if self._cleaning is not None:
            await self._cleaning
        await self._timers.close()
        if self._opened is not None:
            await self._opened.close()
        for logs in self._logs.values():
            await asyncio.to_thread(logs.close)
        for store in self._metadata.values():
            store.close()

    async def isolation(self) -> Isolation:
        """How functions are kept apart on this machine; for start-up and `doctor`."""
        if self._isolation is None:
            self._isolation = await asyncio.to_thread(describe_isolation, self._data)
        return self._isolation

    def processes(self) -> dict[str, int]:
        """How many function processes are ``busy``, ``idle`` and ``spare``, and how many calls are ``waiting`` for one."""
        return self._opened.processes() if self._opened is not None else {}

    async def _fleet(self) -> Fleet:
        if self._opened is not None:
            return self._opened
        async with self._opening:
            if self._opened is None:
                node = await asyncio.to_thread(find_node, self._node)
                fleet = Fleet(node, self._data, await self.isolation(), self._answer, self._instances, self._linger)
                fleet.on_late_line = self._late_line
                await fleet.open()
                packages = PackageStore(self._packages, node)
                self._cleaning = asyncio.create_task(asyncio.to_thread(_delete, self._discard_unused(packages)))
                self._deployer = Deployer(self._data, packages)
                self._opened = fleet
        return self._opened

    def _discard_unused(self, packages: PackageStore) -> list[Path]:
        stores = [self._store(space.id) for space in self._spaces.list()]
        return packages.discard_unused(set().union(*(store.trees() for store in stores)))

    # Deploying

    async def deploy(
        self,
        space_id: str,
        source: Path,
        name: str,
        *,
        settings: Mapping[str, Any] | FunctionSettings | None = None,
        in_place: bool = False,
        on_progress: Progress | None = None,
    ) -> Deployment:
        """Make the code in ``source`` the function ``name``; it can be called when this returns.

        ``in_place``: read the files from ``source`` at each start instead of keeping a copy, for `yunbox dev`; then a
        config.json that cannot be used is a warning, as a cloud would run the code without it. Packages that cannot be
        installed do not stop the deployment: `Deployment.missing` says which and why.

        Raises:
            SpaceNotFound, InvalidRequest: for a bad name or a directory without an entry file, or without Node.js.
            QuotaExceeded: when the space may have no more functions.
        """
        space = self._spaces.get(space_id)
        if not _NAME.fullmatch(name):
            raise InvalidRequest(f"`{name}` cannot be a function's name: use 1 to 64 letters, digits, `-` and `_`")
        await self._fleet()
        assert self._deployer is not None
        async with self._deploying.setdefault((space_id, name), asyncio.Lock()):
            store = self._store(space_id)
            self._check_number(space_id, name, store)
            version = store.next_version(name)
            target = space.directory.resolve() / "functions" / name / str(version)
            given = settings if isinstance(settings, FunctionSettings) else settings_from(settings or {})
            own, warnings = await asyncio.to_thread(_own_settings, source, in_place)
            wanted = merge_settings(own, given)
            deployment = await self._deployer.deploy(
                space_id, name, version, source.resolve(), target, wanted, in_place, on_progress or _ignore
            )
            deployment = replace(deployment, warnings=(*warnings, *deployment.warnings))
            store.add(deployment)
            await self._flip(space_id, name)
            await self._prune(space_id, name)
        return deployment

    def _check_number(self, space_id: str, name: str, store: Metadata) -> None:
        account = self._quotas.account(space_id) if self._quotas is not None else None
        if account is not None and store.current(name) is None:
            account.check_number("functions", len(store.names()))

    async def reload(self, space_id: str, name: str) -> None:
        """The files of a function deployed in place have changed: the next call sees them."""
        self._require(space_id, name)
        await self._flip(space_id, name)

    async def rollback(self, space_id: str, name: str, version: int | None = None) -> Function:
        """Make ``version`` (default: the one before the current) current again.

        Raises:
            NotFound: when it is not kept any more.
        """
        store = self._store(space_id)
        current = self._require(space_id, name)[0].version
        earlier = [number for number in store.versions(name) if number < current]
        wanted = version if version is not None else max(earlier, default=0)
        if wanted not in store.versions(name):
            kept = ", ".join(map(str, store.versions(name)))
            raise NotFound(f"function `{name}` has no version {wanted or 'before this one'}; kept versions: {kept}")
        store.point(name, wanted, self._clock.now_ms())
        await self._flip(space_id, name)
        return self.get(space_id, name)

    async def delete(self, space_id: str, name: str) -> None:
        """Remove a function, its versions and timers; its logs stay."""
        self._require(space_id, name)
        self._timers.set(space_id, name, ())
        await self._deactivate(space_id, name)
        self._store(space_id).delete(name)
        directory = self._spaces.get(space_id).directory / "functions" / name
        await asyncio.to_thread(shutil.rmtree, directory, True)

    async def set_env(self, space_id: str, name: str, environment: Mapping[str, str | None]) -> Function:
        """Change environment variables; ``None`` removes one. They survive later deployments."""
        return await self.configure(space_id, name, environment=environment)

    async def configure(
        self,
        space_id: str,
        name: str,
        *,
        environment: Mapping[str, str | None] | None = None,
        timeout: float | None = None,
        memory: int | None = None,
        triggers: Sequence[Mapping[str, Any]] | None = None,
    ) -> Function:
        """Change what applies to a function without deploying it: over its own configuration, and for later deployments too."""
        overrides = dict(self._require(space_id, name)[1])
        if environment is not None:
            merged = {**overrides.get("environment", {}), **environment}
            overrides["environment"] = {key: value for key, value in merged.items() if value is not None}
        if timeout is not None:
            overrides["timeout"] = timeout
        if memory is not None:
            overrides["memory"] = memory
        if triggers is not None:
            overrides["triggers"] = list(triggers)
        settings_from(overrides)
        self._store(space_id).override(name, overrides, self._clock.now_ms())
        await self._flip(space_id, name)
        return self.get(space_id, name)

    async def _flip(self, space_id: str, name: str) -> None:
        await self._deactivate(space_id, name)
        active = await self._activate(space_id, name)
        self._timers.set(space_id, name, active.settings.triggers or ())
        (await self._fleet()).warm(self._kind(active))

    async def _deactivate(self, space_id: str, name: str) -> None:
        active = self._active.pop((space_id, name), None)
        if active is not None:
            (await self._fleet()).drop(active.pool)

    async def _prune(self, space_id: str, name: str) -> None:
        store = self._store(space_id)
        for version in store.versions(name)[:-KEPT_VERSIONS]:
            deployment = store.deployment(name, version)
            store.forget(name, version)
            if not deployment.in_place:
                await asyncio.to_thread(shutil.rmtree, deployment.directory, True)

    # Looking

    def get(self, space_id: str, name: str) -> Function:
        """One function as it is now.

        Raises:
            FunctionNotFound, SpaceNotFound
        """
        deployment, overrides, created_at, updated_at = self._require(space_id, name)
        settings = merge_settings(deployment.settings, settings_from(overrides))
        return Function(
            space=space_id,
            name=name,
            version=deployment.version,
            created_at=created_at,
            updated_at=updated_at,
            timeout=settings.timeout or self.timeout,
            memory=settings.memory or self.memory,
            environment=settings.environment,
            triggers=settings.triggers or (),
            directory=deployment.directory,
            versions=tuple(self._store(space_id).versions(name)),
            missing=deployment.missing,
            warnings=deployment.warnings,
            permissions=settings.permissions,
        )

    def list(self, space_id: str) -> list[Function]:
        """All functions of a space, by name."""
        return [self.get(space_id, name) for name in self._store(space_id).names()]

    async def logs(self, space_id: str, **wanted: Any) -> Sequence[LogRecord]:
        """Invocations, newest first; see `Logs.read` for what can be asked for."""
        return await asyncio.to_thread(self._log(space_id).read, **wanted)

    def _require(self, space_id: str, name: str) -> tuple[Deployment, dict[str, Any], int, int]:
        found = self._store(space_id).current(name)
        if found is None:
            raise FunctionNotFound(space_id, name)
        return found

    # Calling

    async def invoke(self, caller: Caller, name: str, event: Any = None, *, timeout: float | None = None) -> Invocation:
        """Call a function and wait for its answer. ``event`` is any JSON value, or JSON text as ``bytes``.

        Raises:
            InvalidRequest: for an event that is not JSON.
            FunctionNotFound, FunctionFailed: with `reason`, and `data` ``request_id``, ``duration_ms``, ``logs``.
            LimitExceeded: for an event that is too large, a queue that is too long, or a chain of calls too deep.
            QuotaExceeded: when the space has used up its calls, or this function runs as often at once as it may.
            PermissionDenied: when the rules do not let a client call it.
        """
        self.rules.check(caller, name)
        account = self._quotas.account(caller.space) if self._quotas is not None else None
        if account is None:
            return await self._invoke(caller, name, event, timeout)
        with account.taking("function"), account.running(name):
            return await self._invoke(caller, name, event, timeout)

    async def _invoke(self, caller: Caller, name: str, event: Any, timeout: float | None) -> Invocation:
        active = self._active.get((caller.space, name)) or await self._activate(caller.space, name)
        limit = min(timeout, active.timeout) if timeout is not None else active.timeout
        running, nested = self._as_running(caller, name)
        frame = self._frame(active, caller, running, event, limit)
        began = self._clock.now_ms()
        instance = await active.pool.acquire(active.timeout + START_TIME, nested)
        started = time.perf_counter()
        outcome = Outcome(running, active.deployment, began)
        try:
            answer = await instance.invoke(frame, running.request_id, limit)
            outcome.value, outcome.lines, outcome.cold = answer.value, answer.lines, answer.cold
            outcome.memory = answer.memory
        except FunctionFailed as error:
            outcome.fail(error)
        except asyncio.CancelledError:
            instance.when_free(lambda: active.pool.release(instance, time.perf_counter() - started))
            raise
        duration = time.perf_counter() - started
        active.pool.release(instance, duration)
        outcome.duration_ms = duration * 1000
        self._keep(caller, outcome, active.memory, len(frame))
        return outcome.result()

    def _keep(self, caller: Caller, outcome: Outcome, memory: int, received: int) -> None:
        self._log(caller.space).add(outcome.record())
        if self._statistics is not None:
            billed = self._quotas.gb_seconds(caller.space, memory, outcome.duration_ms) if self._quotas else 0.0
            self._statistics.count(
                caller,
                "function",
                outcome.deployment.function,
                failed=outcome.error is not None,
                duration_ms=outcome.duration_ms,
                received=received,
                sent=len(outcome.value),
                gb_seconds=billed,
            )

    async def fire(self, space_id: str, name: str, trigger: str | None = None) -> Invocation:
        """Run a function as its timer would, now (`functions invoke --timer`)."""
        function = self.get(space_id, name)
        chosen = [item for item in function.triggers if trigger in (None, "", item.name)]
        if trigger and not chosen:
            known = ", ".join(item.name for item in function.triggers) or "none"
            raise NotFound(f"function `{name}` has no timer `{trigger}`; its timers: {known}")
        settings = chosen[0] if chosen else TriggerSettings("timer", "")
        return await self._run_timer(Timer(space_id, name, settings), self._clock())

    def next_timer(self) -> float | None:
        """When the next timer of any space is due, in seconds since 1970."""
        return self._timers.next()

    async def run_due_timers(self) -> int:
        """Run the timers that are due by the clock, and wait until they have ended; how many they were."""
        return await self._timers.run_due()

    async def _fire(self, timer: Timer, at: float) -> None:
        # What comes of it is in the log: nobody waits for a timer's answer.
        with contextlib.suppress(FunctionFailed, NotFound, LimitExceeded, QuotaExceeded):
            await self._run_timer(timer, at)

    async def _run_timer(self, timer: Timer, at: float) -> Invocation:
        caller = Caller(kind="timer", space=timer.space, source="timing")
        return await self.invoke(caller, timer.function, timer_event(timer, at))

    async def _activate(self, space_id: str, name: str) -> _Active:
        # Nothing below waits once this is there, so two first calls cannot both make a pool.
        fleet = await self._fleet()
        if (found := self._active.get((space_id, name))) is not None:
            return found
        deployment, overrides, _, _ = self._require(space_id, name)
        settings = merge_settings(deployment.settings, settings_from(overrides))
        memory = settings.memory or self.memory
        active = _Active(deployment, settings, settings.timeout or self.timeout, memory, pool=None)  # type: ignore[arg-type]
        active.pool = fleet.pool(self._load(active))
        self._active[space_id, name] = active
        return active

    def _kind(self, active: _Active) -> Kind:
        deployment = active.deployment
        trees = tuple(tree for tree in (deployment.tree, deployment.fallback) if tree is not None)
        return Kind(deployment.space, active.memory, trees, _sdks(trees))

    def _load(self, active: _Active) -> Load:
        deployment = active.deployment
        return Load(
            kind=self._kind(active),
            code=deployment.directory,
            tree=deployment.tree,
            copy=deployment.in_place,
            configure=lambda code: self._configuration(active, code),
        )

    def _configuration(self, active: _Active, code: Path) -> dict[str, Any]:
        deployment = active.deployment
        app_id = str(self._spaces.get(deployment.space).settings.get("app_id") or "")
        loader = Caller(kind="function", space=deployment.space, app_id=app_id, function=deployment.function)
        capability = self.capabilities.issue(loader, active.timeout + LATE_WORK)
        search = [code, *([deployment.fallback] if deployment.fallback else [])]
        return {
            "directory": str(code),
            "shownAs": str(deployment.directory) if deployment.in_place else "/var/user",
            "searchPath": [str(path) for path in search],
            "handler": active.settings.handler,
            "name": deployment.function,
            "space": deployment.space,
            "memory": active.memory,
            "timeout": int(active.timeout * 1000),
            "environment": dict(active.settings.environment),
            "adminUrl": self._admin_url(),
            "loader": _identity(loader, capability),
        }

    def _as_running(self, caller: Caller, name: str) -> tuple[Caller, bool]:
        """The identity the function runs with, and whether another function calls it."""
        nested = caller.kind == "function"
        source = caller.source or _SOURCES[caller.kind]
        if nested:
            source += ",function"
            if source.count(",") > DEPTH_LIMIT:
                raise LimitExceeded(f"functions call each other more than {DEPTH_LIMIT} deep / 云函数嵌套调用过深")
        app_id = caller.app_id or str(self._spaces.get(caller.space).settings.get("app_id") or "") or None
        request_id = random_uuid()
        return structs.replace(caller.as_function(name, source), app_id=app_id, request_id=request_id), nested

    def _frame(self, active: _Active, caller: Caller, running: Caller, event: Any, timeout: float) -> bytes:
        capability = self.capabilities.issue(running, timeout + LATE_WORK)
        user = {"openId": running.owner or "", "appId": running.app_id or ""} if caller.kind == "user" else None
        frame = frames.encode(
            "invoke",
            id=running.request_id,
            event=_checked(event) if isinstance(event, bytes) else event,
            user=user,
            caller=_identity(running, capability),
            deadline=self._clock.now_ms() + int(timeout * 1000),
            ahead=self._clock.ahead_ms,
        )
        if len(frame) > EVENT_LIMIT:
            raise LimitExceeded("the event is larger than 6 MiB / 参数超过 6 MiB", limit=EVENT_LIMIT)
        return frame

    async def _answer(self, call: frames.Call) -> bytes:
        caller = self.capabilities.verify(call.token, call.key)
        if caller.grantee is not None:
            raise PermissionDenied("other spaces have no such access / 其他空间不能使用此接口")
        return await self._host_call(caller, call.method, orjson.loads(bytes(call.params)))

    # Parts of a space

    def _store(self, space_id: str) -> Metadata:
        store = self._metadata.get(space_id)
        if store is None:
            path = self._spaces.get(space_id).directory.resolve() / "functions.sqlite"
            store = self._metadata[space_id] = Metadata(path, space_id, self._data)
        return store

    def _log(self, space_id: str) -> Logs:
        logs = self._logs.get(space_id)
        if logs is None:
            logs = self._logs[space_id] = Logs(self._spaces.get(space_id).directory / "logs.sqlite")
        return logs

    def _late_line(self, instance: Instance, request_id: str, line: LogLine) -> None:
        kind = instance.key
        if isinstance(kind, Kind) and kind.space in self._logs:
            self._logs[kind.space].add_line(request_id, line)

    def _forget_space(self, space_id: str) -> None:
        for key in [key for key in self._active if key[0] == space_id]:
            active = self._active.pop(key)
            if self._opened is not None:
                self._opened.drop(active.pool)
        self._timers.forget(space_id)
        if (store := self._metadata.pop(space_id, None)) is not None:
            store.close()
        if (logs := self._logs.pop(space_id, None)) is not None:
            logs.close()


def _identity(caller: Caller, capability: Capability) -> dict[str, Any]:
    """A caller as the process gets it; environment.js turns it into the variables that SDKs read."""
    return {
        "openid": caller.owner,
        "unionid": caller.unionid,
        "userId": caller.user_id,
        "appId": caller.app_id,
        "anonymous": caller.provider == "anonymous",
        "source": caller.source,
        "clientIp": caller.client_ip,
        "userAgent": caller.user_agent,
        "requestId": caller.request_id,
        "from": {"appId": caller.from_app_id, "openid": caller.from_openid, "unionid": caller.from_unionid},
        "secretId": capability.secret_id,
        "secretKey": capability.secret_key,
        "token": capability.token,
    }


_SDK_PACKAGES = ("wx-server-sdk", "@cloudbase/node-sdk", "tcb-admin-node")


def _sdks(trees: tuple[Path, ...]) -> tuple[Path, ...]:
    """The server SDK that a process of these trees loads ahead of time: the first, because it brings the others."""
    found = [tree / package for tree in trees for package in _SDK_PACKAGES if (tree / package).exists()]
    return tuple(found[:1])


def _checked(text: bytes) -> orjson.Fragment:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise InvalidRequest(f"the event is not JSON: {error}") from None
    return orjson.Fragment(text)


_SOURCES = {"user": "client", "guest": "client", "admin": "server", "timer": "timing", "function": "function"}


def _own_settings(source: Path, lenient: bool) -> tuple[FunctionSettings, tuple[str, ...]]:
    """What a function's config.json says, and what is wrong with it."""
    try:
        return read_settings(source), ()
    except InvalidRequest as error:
        if not lenient:
            raise
        return FunctionSettings(), (f"config.json is passed over: {error.message} / 已忽略 config.json",)


def _delete(directories: Sequence[Path]) -> None:
    for directory in directories:
        shutil.rmtree(directory, ignore_errors=True)


def _ignore(message: str) -> None:
    return None
