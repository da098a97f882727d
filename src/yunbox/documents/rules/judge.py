"""Judging a command by a collection's security rules: it is allowed as a whole or refused as a whole."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from msgspec.structs import replace

from yunbox.caller import Caller
from yunbox.documents import commands as c
from yunbox.documents.rules.conditions import Facts, facts_of, unmet
from yunbox.documents.rules.evaluate import UNKNOWN, NeedsDocument, Situation, condition_of
from yunbox.documents.rules.permit import OWNER, check_operators, check_stages
from yunbox.documents.rules.rules import Verb
from yunbox.documents.rules.security import SecurityRules
from yunbox.errors import PermissionDenied

MAX_DOCUMENTS = 10
"""Documents that the rules of one command may read through ``get()``."""

_LOGIN_TYPES = {
    "wechat": "WECHAT",
    "wechat_web": "WECHAT_OPEN",
    "wechat_public": "WECHAT_PUBLIC",
    "ticket": "CUSTOM",
    "password": "USERNAME",
}

Reader = Callable[[str, str], Awaitable[Mapping[str, Any] | None]]
"""Collection and id -> the document, or ``None``."""


def auth_of(caller: Caller) -> dict[str, Any] | None:
    """The variable ``auth``: ``None`` for guests. ``openid`` is the owner mark, which for web users is their uid."""
    if caller.kind == "guest" or caller.owner is None:
        return None
    provider = caller.provider or ""
    return {
        **(caller.claims or {}),
        "openid": caller.owner,
        "uid": caller.user_id,
        "unionid": caller.unionid,
        "appid": caller.app_id,
        "loginType": _LOGIN_TYPES.get(provider, provider.upper()),
    }


class Judge:
    """What ``caller`` may do in one collection under security rules. ``readable`` as for ``Permit``; ``now`` in ms."""

    def __init__(
        self,
        caller: Caller,
        collection: str,
        rules: SecurityRules,
        readable: Callable[[str], bool],
        read: Reader,
        now: int,
    ) -> None:
        self._caller = caller
        self._collection = collection
        self._rules = rules
        self._readable = readable
        self._read = read
        self._now = now
        self._documents: dict[str, Mapping[str, Any] | None] = {}

    async def apply(self, command: c.Command) -> c.Command:
        """The command, when the rules allow it.

        Raises:
            PermissionDenied: naming the condition that is missing.
        """
        match command:
            case c.Insert():
                stamped = [self._stamped(document) for document in command.documents]
                for document in stamped:
                    await self._check("create", Facts(), document=document, data=document)
                return replace(command, documents=stamped)
            case c.Update():
                update, on_insert = await self._update(command.filter, command.update, command.upsert)
                return replace(command, update=update, on_insert=on_insert)
            case c.FindAndModify():
                return await self._find_and_modify(command)
            case c.Delete():
                await self._check("delete", facts_of(command.filter))
                return command
            case c.Aggregate():
                await self._check("read", facts_of(_leading_match(command.pipeline)))
                check_stages(command.pipeline, self._readable, self._denied)
                return command
            case c.Find() | c.Count() | c.Distinct():
                await self._check("read", facts_of(command.filter))
                return command
        raise self._denied(type(command).__name__, "only administrators may")

    async def _find_and_modify(self, command: c.FindAndModify) -> c.FindAndModify:
        await self._check("read", facts_of(command.filter))
        if command.remove:
            await self._check("delete", facts_of(command.filter))
            return command
        update, on_insert = await self._update(command.filter, command.update, command.upsert)
        return replace(command, update=update, on_insert=on_insert)

    async def _update(self, filter: Mapping[str, Any], update: Any, upsert: bool) -> tuple[Any, dict[str, Any] | None]:
        if not isinstance(update, Mapping):
            raise self._denied("update", "a pipeline update cannot be judged")
        facts = facts_of(filter)
        operators = any(str(name).startswith("$") for name in update)
        data = _changed(update) if operators else {name: value for name, value in update.items() if name != "_id"}
        if operators:
            check_operators(update, self._caller.owner, self._denied)
        elif OWNER in update:
            update = self._stamped(update)
        await self._check("update", facts, data=data)
        if not operators and facts.pinned().get(OWNER) == self._caller.owner:
            update = self._stamped(update)
        if not upsert:
            return update, None
        fresh = self._stamped({name: value for name, value in {**facts.pinned(), **data}.items() if "." not in name})
        await self._check("create", Facts(), document=fresh, data=data)
        return update, {OWNER: fresh[OWNER]}

    def _stamped(self, document: Mapping[str, Any]) -> dict[str, Any]:
        owner = self._caller.owner
        if owner is None:
            return {name: value for name, value in document.items() if name != OWNER}
        if document.get(OWNER, owner) != owner:
            raise self._denied("create", f"a client cannot choose `{OWNER}`")
        return {**document, OWNER: owner}

    async def _check(
        self,
        verb: Verb,
        facts: Facts,
        *,
        document: Mapping[str, Any] | None = None,
        data: Mapping[str, Any] | None = None,
    ) -> None:
        situation = Situation(
            auth=auth_of(self._caller),
            now=self._now,
            document=document,
            pins=facts.pinned(),
            data=data,
            documents=self._documents,
        )
        node = self._rules.expression(verb)
        while True:
            try:
                missing = unmet(condition_of(node, situation), facts)
                break
            except NeedsDocument as needed:
                await self._fetch(needed.path, verb)
        if missing:
            raise self._denied(verb, missing)

    async def _fetch(self, path: str, verb: str) -> None:
        if len(self._documents) >= MAX_DOCUMENTS:
            raise self._denied(verb, f"its rules read more than {MAX_DOCUMENTS} documents")
        _, collection, document = path.split(".", 2)
        self._documents[path] = await self._read(collection, document)

    def _denied(self, action: str, why: str) -> PermissionDenied:
        return PermissionDenied(
            f"permission denied: {action} on collection `{self._collection}`: {why}",
            collection=self._collection,
            action=action,
        )


def _leading_match(pipeline: Any) -> Mapping[str, Any]:
    """What every document that a pipeline reads must match: its first ``$match`` stages."""
    conditions = []
    for stage in pipeline:
        if not isinstance(stage, Mapping) or set(stage) != {"$match"} or not isinstance(stage["$match"], Mapping):
            break
        conditions.append(stage["$match"])
    return {"$and": conditions}


def _changed(update: Mapping[str, Any]) -> dict[str, Any]:
    """``request.data`` of an update with operators: what ``$set`` sets, nested; what others make of a field is unknown."""
    data: dict[str, Any] = {}
    for operator, changes in update.items():
        if not isinstance(changes, Mapping):
            continue
        for path, value in changes.items():
            known = value if operator == "$set" else None if operator == "$unset" else UNKNOWN
            _put(data, str(path).split("."), known)
            if operator == "$rename":
                _put(data, str(value).split("."), UNKNOWN)
    return data


def _put(data: dict[str, Any], path: list[str], value: Any) -> None:
    for name in path[:-1]:
        inner = data.get(name)
        if inner is UNKNOWN:
            return
        if not isinstance(inner, dict):
            inner = data[name] = {}
        data = inner
    data[path[-1]] = value
