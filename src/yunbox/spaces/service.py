"""Creating, finding and configuring spaces."""

from __future__ import annotations

import builtins
import re
import secrets
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from yunbox.errors import AlreadyExists, InvalidRequest, SpaceNotFound
from yunbox.spaces.sharing import Sharing
from yunbox.spaces.space import Space, new_keys
from yunbox.spaces.store import SpaceStore
from yunbox.tools.clock import MACHINE, Clock

_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


class SpaceService:
    """All spaces of one server. Everything is held in memory, so look-ups cost a dictionary access.

    ``validate_setting(name, value)`` returns the value to keep for a space setting and raises ``InvalidRequest`` for
    an unknown one.
    """

    def __init__(self, store: SpaceStore, validate_setting: Callable[[str, Any], Any], clock: Clock = MACHINE) -> None:
        self._clock = clock
        self._store = store
        self._validate = validate_setting
        self._spaces = {space.id: space for space in store.spaces()}
        self._rules = {(space, resource, name): rule for space, resource, name, rule in store.rules()}
        self._apps = {(space, provider, app): config for space, provider, app, config in store.apps()}
        self._by_secret_id = {space.secret_id: space.id for space in self._spaces.values()}
        self._by_access_key = {space.access_key_id: space.id for space in self._spaces.values()}
        self._on_delete: list[Callable[[str], None]] = []
        self.sharing = Sharing(self)
        self._on_change: list[Callable[[Space], None]] = []

    def on_delete(self, callback: Callable[[str], None]) -> None:
        """Call ``callback(space_id)`` before a space's directory is removed, so that open files can be closed."""
        self._on_delete.append(callback)

    def on_change(self, callback: Callable[[Space], None]) -> None:
        """Call ``callback(space)`` after settings of a space have changed."""
        self._on_change.append(callback)

    def create(self, name: str | None = None, keys: Mapping[str, str] | None = None) -> Space:
        """A new space whose id is ``name``, or a generated one; with ``keys`` that were made before, or fresh ones.

        Raises:
            InvalidRequest: when the name is no valid id.
            AlreadyExists: when the id is taken.
        """
        space_id = name if name is not None else f"yun-{secrets.token_hex(5)}"
        if not _ID.fullmatch(space_id):
            raise InvalidRequest(
                f"`{space_id}` is not a space id: use 1 to 64 of a-z 0-9 _ -, starting with a letter or digit"
                " / 空间 ID 只能包含小写字母、数字、_ 和 -，且以字母或数字开头"
            )
        if space_id in self._spaces:
            raise AlreadyExists(f"space `{space_id}` exists already / 空间 `{space_id}` 已存在")
        space = self._store.insert(space_id, self._clock.now_ms(), dict(keys or new_keys()))
        space.directory.mkdir(parents=True, exist_ok=True)
        self._remember(space)
        return space

    def _remember(self, space: Space) -> None:
        self._spaces[space.id] = space
        self._by_secret_id[space.secret_id] = space.id
        self._by_access_key[space.access_key_id] = space.id

    def get(self, space_id: str) -> Space:
        """The space with this id.

        Raises:
            SpaceNotFound: when there is none.
        """
        try:
            return self._spaces[space_id]
        except KeyError:
            raise SpaceNotFound(
                f"space `{space_id}` does not exist; create it with `yunbox space create {space_id}`"
                f" / 空间 `{space_id}` 不存在"
            ) from None

    def __contains__(self, space_id: object) -> bool:
        return space_id in self._spaces

    def list(self) -> list[Space]:
        return list(self._spaces.values())

    def find_by_secret_id(self, secret_id: str) -> Space | None:
        return self._spaces.get(self._by_secret_id.get(secret_id, ""))

    def find_by_access_key(self, access_key_id: str) -> Space | None:
        return self._spaces.get(self._by_access_key.get(access_key_id, ""))

    def delete(self, space_id: str) -> None:
        """Remove a space and everything in it."""
        space = self.get(space_id)
        for callback in self._on_delete:
            callback(space_id)
        self._store.delete(space_id)
        del self._spaces[space_id]
        self._by_secret_id.pop(space.secret_id, None)
        self._by_access_key.pop(space.access_key_id, None)
        self._rules = {key: rule for key, rule in self._rules.items() if key[0] != space_id}
        self._apps = {key: config for key, config in self._apps.items() if key[0] != space_id}
        shutil.rmtree(space.directory, ignore_errors=True)

    def set(self, space_id: str, changes: Mapping[str, Any]) -> Space:
        """Change settings of a space; ``None`` puts a setting back to its default.

        Raises:
            InvalidRequest: for an unknown setting or a value that does not fit.
        """
        settings = dict(self.get(space_id).settings)
        for name, value in changes.items():
            kept = self._validate(name, value)
            if value is None:
                settings.pop(name, None)
            else:
                settings[name] = kept
        self._store.set_settings(space_id, settings)
        space = replace(self.get(space_id), settings=settings)
        self._spaces[space_id] = space
        for callback in self._on_change:
            callback(space)
        return space

    def reset_keys(self, space_id: str, *names: str) -> Space:
        """Replace the named credentials (``server_private_key`` …) by new ones; the old ones stop working at once."""
        fresh = new_keys()
        return self._change_keys(space_id, {name: fresh[name] for name in names})

    def use_client_secret(self, space_id: str, secret: str) -> Space:
        """Let clients sign with ``secret``, which an app that cannot be changed already has."""
        return self._change_keys(space_id, {"client_secret": secret})

    def _change_keys(self, space_id: str, changes: Mapping[str, Any]) -> Space:
        old = self.get(space_id)
        keys: dict[str, Any] = {**old.keys(), **changes}
        self._store.set_keys(space_id, keys)
        self._by_secret_id.pop(old.secret_id, None)
        self._by_access_key.pop(old.access_key_id, None)
        space = replace(old, **keys)
        self._remember(space)
        return space

    def rule(self, space_id: str, resource: str, name: str) -> Any:
        """The stored rule of a resource (``collection``, ``files``, ``functions``), or ``None``."""
        return self._rules.get((space_id, resource, name))

    def rules_of(self, space_id: str, resource: str) -> dict[str, Any]:
        """Every stored rule of one kind in a space, by name."""
        return {
            name: rule for (space, kind, name), rule in self._rules.items() if (space, kind) == (space_id, resource)
        }

    def set_rule(self, space_id: str, resource: str, name: str, rule: Any) -> None:
        self.get(space_id)
        self._store.set_rule(space_id, resource, name, rule)
        self._rules[space_id, resource, name] = rule

    def delete_rule(self, space_id: str, resource: str, name: str) -> None:
        self._store.delete_rule(space_id, resource, name)
        self._rules.pop((space_id, resource, name), None)

    def app(self, space_id: str, provider: str, app_id: str) -> dict[str, Any] | None:
        """The configuration (with secrets) of a registered platform app, or ``None``."""
        return self._apps.get((space_id, provider, app_id))

    def apps(self, space_id: str, provider: str | None = None) -> builtins.list[tuple[str, str, dict[str, Any]]]:
        """The registered apps of a space: (provider, app id, configuration with secrets)."""
        found = [(p, app, config) for (space, p, app), config in self._apps.items() if space == space_id]
        return [row for row in found if provider is None or row[0] == provider]

    def set_app(self, space_id: str, provider: str, app_id: str, config: dict[str, Any]) -> None:
        self.get(space_id)
        self._store.set_app(space_id, provider, app_id, config)
        self._apps[space_id, provider, app_id] = config

    def delete_app(self, space_id: str, provider: str, app_id: str) -> None:
        self._store.delete_app(space_id, provider, app_id)
        self._apps.pop((space_id, provider, app_id), None)

    def close(self) -> None:
        self._store.close()
