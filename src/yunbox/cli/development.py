"""What ``yunbox dev`` does with a project: deploy its functions where they are, and follow their files."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from yunbox import __version__
from yunbox.cli.connection import ApiError, inside_client, read_answer
from yunbox.cli.guidance import how_to_connect
from yunbox.cli.output import note
from yunbox.errors import SpaceNotFound, YunboxError
from yunbox.projects import FunctionSource, Project, find_functions, why_skipped
from yunbox.projects.seeds import Seed

if TYPE_CHECKING:
    from yunbox.app import App

_AT_ONCE = 2
_DEPLOYING = frozenset(("package.json", "package-lock.json", "config.json"))
_IGNORED = frozenset(("node_modules", ".git", ".yunbox", ".DS_Store", "__pycache__"))


class Development:
    """One project on one server."""

    def __init__(self, app: App, project: Project, space_id: str) -> None:
        self.app = app
        self.project = project
        self.space_id = space_id
        self.failed: dict[str, str] = {}
        self.missing: dict[str, dict[str, str]] = {}
        self.warnings: dict[str, list[str]] = {}
        self._functions = {source.name: source for source in project.functions}
        self._turn = asyncio.Semaphore(_AT_ONCE)
        self._noticed: asyncio.Queue[list[Path]] = asyncio.Queue()

    async def bring_up(self, create_collections: bool) -> dict[str, Any]:
        """Make the space and deploy every function; what there is to say about it (DESIGN §6)."""
        described = await self._space()
        await asyncio.gather(*(self._deploy(source) for source in self.project.functions))
        await self._remove_vanished()
        ruled = await self._rules()
        seeded = await self._seeds(create_collections)
        missing = await self._collections(create_collections)
        public = self.app.services.address.public
        names = ("space_id", "endpoint", "client_secret", "server_private_key", "secret_id", "secret_key")
        return {
            **{name: described[name] for name in (*names, "access_key_id", "access_key_secret")},
            "console_url": f"{public}/console/",
            "project": str(self.project.root),
            "kind": self.project.kind,
            "functions": sorted(set(self._functions) - set(self.failed)),
            "failed": self.failed,
            "skipped": {path.name: why_skipped(path) for path in self.project.skipped},
            "notes": list(self.project.notes),
            "missing_packages": self.missing,
            "warnings": self.warnings,
            "missing_collections": missing,
            "ruled_collections": ruled,
            "seeded_collections": seeded,
        }

    async def _space(self) -> dict[str, Any]:
        spaces = self.app.services.spaces
        try:
            space = spaces.get(self.space_id)
        except SpaceNotFound:
            space = spaces.create(self.space_id)
            if self.project.client_secret:
                space = spaces.use_client_secret(self.space_id, self.project.client_secret)
        if self.project.app_id and not space.settings.get("app_id"):
            spaces.set(self.space_id, {"app_id": self.project.app_id})
        described: dict[str, Any] = await self._call("GET", f"spaces/{self.space_id}")
        return described

    async def _call(self, method: str, path: str, content: Any = None) -> Any:
        async with inside_client(self.app) as client:
            return read_answer(await client.request(method, path, json=content))

    # Functions

    async def _deploy(self, source: FunctionSource) -> None:
        """Deploy one function in place; a failure is kept and told, and stops nobody."""
        async with self._turn:
            note(f"{source.name}: deploying / 正在部署")
            try:
                deployment = await self.app.services.functions.deploy(
                    self.space_id,
                    source.directory,
                    source.name,
                    settings=source.settings,
                    in_place=True,
                    on_progress=lambda text: note(f"{source.name}: {text}"),
                )
            except (YunboxError, OSError) as error:
                self.failed[source.name] = str(error)
                note(click.style(f"{source.name}: failed / 部署失败: {error}", fg="red"))
                return
        self.failed.pop(source.name, None)
        self.missing.pop(source.name, None)
        self.warnings.pop(source.name, None)
        if deployment.warnings:
            self.warnings[source.name] = list(deployment.warnings)
        if deployment.missing:
            self.missing[source.name] = dict(deployment.missing)
        for package, why in deployment.missing.items():
            note(click.style(f"{source.name}: package {package} is missing / 缺少依赖 {package}: {why}", fg="yellow"))
        for warning in deployment.warnings:
            note(f"{source.name}: {warning}")
        note(f"{source.name}: ready / 已就绪")

    async def _remove_vanished(self) -> None:
        """Delete functions of this project's folder whose directory is gone since an earlier run."""
        functions = self.app.services.functions
        for function in functions.list(self.space_id):
            gone = not function.directory.exists() and function.directory.is_relative_to(self.project.root)
            if gone and function.name not in self._functions:
                await functions.delete(self.space_id, function.name)

    # Collections

    async def _rules(self) -> list[str]:
        """Give collections the rules of the project's rule files, making those that are missing."""
        if self.project.kind != "mpserverless":
            return []
        documents = self.app.services.documents
        for rules in self.project.rules:
            try:
                await documents.create_by_default(self.space_id, rules.collection)
                await self._call("PUT", f"spaces/{self.space_id}/collections/{rules.collection}/rules", rules.content)
            except (YunboxError, ApiError) as error:
                note(click.style(f"{rules.source.name}: {rules.collection}: {error}", fg="yellow"))
        named = [rules.collection for rules in self.project.rules]
        if named:
            note(f"rules of / 已应用权限规则: {', '.join(named)}")
        return named

    async def _seeds(self, create: bool) -> dict[str, int]:
        """Fill collections that have no documents yet from the project's seed files; how many documents each got."""
        if not self.project.seeds or not (create or self.project.kind == "mpserverless"):
            return {}
        rows = await self._call("GET", f"spaces/{self.space_id}/collections")
        filled = {row["name"] for row in rows if row["count"]}
        sown = {seed.collection: await self._sow(seed) for seed in self.project.seeds if seed.collection not in filled}
        return {name: count for name, count in sown.items() if count}

    async def _sow(self, seed: Seed) -> int:
        shown = seed.path.relative_to(self.project.root)
        query = {"mode": "skip", "file": seed.path.name}
        if self.project.kind == "mpserverless":
            query["ids"] = "object_id"
        try:
            await self.app.services.documents.create_by_default(self.space_id, seed.collection)
            path = f"spaces/{self.space_id}/collections/{seed.collection}/import"
            async with inside_client(self.app) as client:
                report = read_answer(await client.post(path, params=query, content=seed.path.read_bytes()))
        except (YunboxError, ApiError, OSError) as error:
            note(click.style(f"{shown}: {error}", fg="yellow"))
            return 0
        for problem in report["errors"]:
            note(click.style(f"{shown}:{problem['line']}: {problem['message']}", fg="yellow"))
        note(f"{seed.collection}: {report['inserted']} documents from / 已导入 {shown}")
        return int(report["inserted"])

    async def _collections(self, create: bool) -> list[str]:
        """The collections that the code names and that do not exist; with ``create`` they are made."""
        if self.project.kind == "mpserverless":
            return []  # its first write makes a collection, and reading a missing one is no error
        existing = {row["name"] for row in await self._call("GET", f"spaces/{self.space_id}/collections")}
        missing = [name for name in self.project.collections if name not in existing]
        if not create:
            return missing
        for name in missing:
            await self._call("POST", f"spaces/{self.space_id}/collections/{name}")
            note(f"created collection {name} / 已创建集合 {name}")
        return []

    # Telling

    def show(self, ready: dict[str, Any]) -> None:
        """Print what is up, and what to do next."""
        rows = {
            "project / 项目": f"{ready['project']} ({ready['kind']})",
            "endpoint / 地址": ready["endpoint"],
            "console / 控制台": ready["console_url"],
            "space / 空间": ready["space_id"],
            "functions / 云函数": ", ".join(ready["functions"]) or "-",
        }
        click.echo(click.style(f"\nyunbox {__version__} 云盒", bold=True))
        for name, value in rows.items():
            click.echo(f"  {name:<18} {value}")
        for name in ("client_secret", "secret_id", "secret_key", "access_key_id", "access_key_secret"):
            click.echo(f"  {name:<18} {ready[name]}")
        self._show_problems(ready)
        click.echo("\nPoint an app here / 接入方式")
        for line in how_to_connect(self.project.kind, ready):
            click.echo(f"  {line}")
        click.echo("\nCtrl-C stops / 按 Ctrl-C 停止\n")

    def _show_problems(self, ready: dict[str, Any]) -> None:
        for text in self.project.notes:
            click.echo(click.style(f"  {text}", fg="yellow"))
        for name, why in ready["skipped"].items():
            click.echo(f"  {name}: {why}")
        for name, why in ready["failed"].items():
            click.echo(click.style(f"  {name}: {why}", fg="red"))
        if ready["missing_collections"]:
            names = " ".join(ready["missing_collections"])
            click.echo(
                click.style(
                    "\nCollections that the code uses and that do not exist / 代码用到但尚未创建的集合", fg="yellow"
                )
            )
            click.echo(f"  yunbox db create {names} --space {self.space_id} --data {self.app.settings.data}")

    # Following changes

    @contextlib.asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Notice changes from here on, so that none is missed while functions are first deployed."""
        collecting = asyncio.create_task(self._collect())
        await asyncio.sleep(0)  # the watch begins in the first step of the task
        try:
            yield
        finally:
            collecting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await collecting

    async def _collect(self) -> None:
        from watchfiles import awatch

        if places := self._places():
            async for changes in awatch(*places, watch_filter=self._matters, debounce=400, step=50, recursive=True):
                self._noticed.put_nowait([Path(path) for _, path in changes])

    def _matters(self, change: object, path: str) -> bool:
        root = self.project.functions_root or self.project.root
        return not _IGNORED.intersection(Path(os.path.relpath(path, root)).parts)

    async def follow(self) -> None:
        """Reload functions as their files change, until cancelled."""
        while True:
            paths = await self._noticed.get()
            with contextlib.suppress(OSError):
                await self._changed(paths)

    def _places(self) -> list[Path]:
        root = self.project.functions_root
        return [root] if root is not None and root.is_dir() else []

    async def _changed(self, paths: list[Path]) -> None:
        before = self._functions
        self._look_again()
        vanished = [source.directory for name, source in before.items() if name not in self._functions]
        deploy: dict[str, FunctionSource] = {}
        reload: set[str] = set()
        for path in paths:
            if any(path.is_relative_to(directory) for directory in vanished):
                continue
            owners = [source for source in self._functions.values() if path.is_relative_to(source.directory)]
            if not owners:
                reload.update(self._functions)  # shared code beside the functions
            for source in owners:
                if path.name in _DEPLOYING or source.name in self.failed or not self._is_deployed(source.name):
                    deploy[source.name] = source
                else:
                    reload.add(source.name)
        await asyncio.gather(*(self._deploy(source) for source in deploy.values()))
        await self._reload(reload - set(deploy))
        await self._remove_vanished()

    def _look_again(self) -> None:
        root = self.project.functions_root
        if root is None or not root.is_dir():
            return
        settings = {source.name: source.settings for source in self.project.functions}
        found, _ = find_functions(root, None, settings)
        self._functions = {source.name: source for source in found}

    def _is_deployed(self, name: str) -> bool:
        return any(function.name == name for function in self.app.services.functions.list(self.space_id))

    async def _reload(self, names: Iterable[str]) -> None:
        for name in sorted(names):
            try:
                await self.app.services.functions.reload(self.space_id, name)
                note(f"{name}: reloaded / 已重新加载")
            except YunboxError as error:
                note(click.style(f"{name}: {error}", fg="red"))
