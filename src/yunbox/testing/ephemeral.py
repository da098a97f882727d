"""One space on a server of its own, on a loop: what Python's and Node.js's test kits have in common."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from yunbox.app import App, Ephemeral, create_app
from yunbox.caller import Caller
from yunbox.documents import commands as c
from yunbox.documents.dialects import TCB
from yunbox.documents.rules import rules_of_mode, security_rules
from yunbox.errors import AlreadyExists, InvalidRequest, LimitExceeded, YunboxError
from yunbox.projects import Project, find_project
from yunbox.server import Server, prepare
from yunbox.settings import load_settings
from yunbox.spaces import Space
from yunbox.testing.places import new_place, package_cache
from yunbox.testing.spare_keys import take_keys
from yunbox.tools.clock import MovableClock

MOST_FOUND = 1000
"""Documents that a find answers at most, unless it says how many."""
MOST_RUNS = 1000
"""Runs of timers that one advance makes at most."""


class EphemeralCloud:
    """A server on a free port with one space; everything is gone after :meth:`close`. Use from one event loop."""

    def __init__(self, app: App, server: Server, space: Space, clock: MovableClock) -> None:
        self._app = app
        self._server = server
        self._ticking = asyncio.create_task(server.main_loop())
        self._clock = clock
        self.space = space
        self.services = app.services

    @classmethod
    async def start(cls, space_id: str | None = None) -> EphemeralCloud:
        """A new cloud, whose space is called ``space_id``.

        Raises:
            InvalidRequest: when that cannot be a space's id.
        """
        clock, place = MovableClock(), new_place()
        settings = load_settings(place, "dev", {"port": 0, "durability": "normal"}, environ={})
        app = create_app(settings, Ephemeral(clock, package_cache()))
        server = prepare(app)
        server.config.load()
        server.lifespan = server.config.lifespan_class(server.config)
        await server.startup()
        keys = await asyncio.to_thread(take_keys)
        try:
            return cls(app, server, app.services.spaces.create(space_id, keys), clock)
        except YunboxError:
            await _stop(server)
            shutil.rmtree(place, ignore_errors=True)
            raise

    async def close(self) -> None:
        """Stop the server and remove what it kept."""
        self._ticking.cancel()
        await _stop(self._server)
        await asyncio.to_thread(shutil.rmtree, self._app.settings.data, True)

    def describe(self) -> dict[str, Any]:
        """``endpoint``, ``space_id`` and ``keys``."""
        return {"endpoint": self.services.address.local, "space_id": self.space.id, "keys": self.space.keys()}

    # Data

    async def seed(self, content: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, list[Any]]:
        """Add documents to collections, which are made where they are missing; the ids of each."""
        ids: dict[str, list[Any]] = {}
        for name, documents in content.items():
            await self.create_collection(name)
            ids[name] = []
            if documents:
                made = await self.run(self.administrator(), c.Insert(name, [dict(one) for one in documents]))
                ids[name] = made.ids
        return ids

    async def create_collection(self, name: str) -> None:
        """Make a collection, unless it exists."""
        with contextlib.suppress(AlreadyExists):
            await self.services.documents.engine(self.space.id).run(c.CreateCollection(name))

    async def create_index(self, command: c.CreateIndex) -> None:
        await self.create_collection(command.collection)
        await self.services.documents.engine(self.space.id).run(command)

    async def run(self, caller: Caller, command: c.Command) -> Any:
        """A document command as the caller may run it."""
        return await self.services.documents.run(caller, TCB, command)

    async def set_rules(self, collection: str, rules: str | Mapping[str, Any]) -> None:
        """Set who may read and write a collection: a mode's name, or security rules."""
        await self.create_collection(collection)
        parsed = rules_of_mode(rules) if isinstance(rules, str) else security_rules(rules)
        self.services.documents.set_rules(self.space.id, collection, parsed)

    # Functions

    async def deploy(self, directory: Path) -> list[str]:
        """Deploy one function, a folder of functions or a project where it is; the functions' names.

        Packages come from ``node_modules`` where it is there, else they are installed once for all test runs. The
        collections that a project's code names are made.

        Raises:
            InvalidRequest: when there is nothing to deploy, or a function cannot be deployed.
        """
        project = await asyncio.to_thread(find_project, directory)
        if not project.functions:
            raise InvalidRequest(f"no functions were found in {directory} / 未找到云函数")
        for source in project.functions:
            await self.services.functions.deploy(
                self.space.id, source.directory, source.name, settings=source.settings, in_place=True
            )
        await self._prepare_for(project)
        return [source.name for source in project.functions]

    async def _prepare_for(self, project: Project) -> None:
        if project.app_id:
            self.services.spaces.set(self.space.id, {"app_id": project.app_id})
        for name in project.collections if project.kind != "mpserverless" else ():
            await self.create_collection(name)

    async def call(self, caller: Caller, name: str, data: Any) -> bytes:
        """What a function answers to this caller, as JSON text; ``data`` may be JSON text, too.

        Raises:
            FunctionFailed, FunctionNotFound, PermissionDenied
        """
        invocation = await self.services.functions.invoke(caller, name, {} if data is None else data)
        return invocation.result_json

    # People

    def administrator(self) -> Caller:
        return Caller("admin", self.space.id, source="server")

    async def user(self, openid: str) -> Caller:
        """The caller with this openid; the user is made when there is none."""
        session = self.services.identity.session_for_openid(self.space, openid)
        return self.services.identity.verify(self.space, session.access_token)

    async def session(self, openid: str) -> dict[str, Any]:
        """A session of the user with this openid: ``access_token``, ``refresh_token``, ``user_id``, ``expires_in``."""
        session = self.services.identity.session_for_openid(self.space, openid)
        return {
            "user_id": session.user.user_id,
            "access_token": session.access_token,
            "refresh_token": session.refresh_token,
            "expires_in": session.expires_in,
        }

    # Time

    async def advance(self, seconds: float) -> None:
        """Move the clock on. Timers that become due meanwhile run one after the other, each at its moment, to their end;
        expired documents are removed.

        Raises:
            InvalidRequest: for a negative number.
            LimitExceeded: after 1000 runs; the clock stands where they ended.
        """
        if seconds < 0:
            raise InvalidRequest("a clock only goes forward / 时钟只能前进")
        target = self._clock() + seconds
        functions, runs = self.services.functions, 0
        while (due := functions.next_timer()) is not None and due <= target:
            if runs >= MOST_RUNS:
                raise LimitExceeded(
                    f"timers ran {MOST_RUNS} times; advance in smaller steps / 触发次数过多，请分步前进"
                )
            self._clock.move_to(due)
            await self._expire()
            runs += await functions.run_due_timers()
        self._clock.move_to(target)
        await self._expire()

    async def _expire(self) -> None:
        engine = self.services.documents.engine(self.space.id)
        await asyncio.to_thread(engine.sweep)

    def now(self) -> float:
        """The cloud's time, in seconds since 1970."""
        return self._clock()


async def _stop(server: Server) -> None:
    """Stop at once: nobody is left to be answered."""
    for listener in server.servers:
        listener.close()
    for connection in list(server.server_state.connections):
        connection.shutdown()
    await server.lifespan.shutdown()
