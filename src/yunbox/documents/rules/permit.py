"""Turning what a user asks into what that user may do: a narrowed command, or a refusal."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from yunbox.caller import Caller
from yunbox.documents import commands as c
from yunbox.documents.rules.rules import Rules, Verb
from yunbox.errors import PermissionDenied

OWNER = "_openid"
"""The field that holds a document's owner mark (DB-8)."""

_FOREIGN = {"$lookup": "from", "$graphLookup": "from", "$unionWith": "coll"}
_WRITING = ("$out", "$merge")


class Permit:
    """What ``caller`` may do under ``rules`` in one collection.

    Foreign documents are not an error but invisible: reads and writes silently get ``_openid == caller`` where the
    grant is ``owner`` (tencent-client.md §12.1, semantics.md §8.1). ``readable(collection)`` tells whether everyone
    may read another collection, which a pipeline needs in order to join it.
    """

    def __init__(self, caller: Caller, collection: str, rules: Rules, readable: Callable[[str], bool]) -> None:
        self._caller = caller
        self._collection = collection
        self._rules = rules
        self._readable = readable

    def apply(self, command: c.Command) -> c.Command:
        """The command as this caller may run it.

        Raises:
            PermissionDenied: naming what is missing.
        """
        match command:
            case c.Insert():
                return self._insert(command)
            case c.Update():
                return self._update(command)
            case c.Delete():
                return replace(command, filter=self._filter("delete", command.filter))
            case c.FindAndModify():
                return self._find_and_modify(command)
            case c.Aggregate():
                return self._aggregate(command)
            case c.Find() | c.Count() | c.Distinct():
                return replace(command, filter=self._filter("read", command.filter))
        raise self._denied(type(command).__name__)

    def _denied(self, action: str, why: str = "") -> PermissionDenied:
        reason = why or f"the rules of collection `{self._collection}` do not allow it"
        return PermissionDenied(
            f"permission denied: {action} on collection `{self._collection}`: {reason}",
            collection=self._collection,
            action=action,
        )

    def _filter(self, verb: Verb, filter: Mapping[str, Any]) -> dict[str, Any]:
        grant = self._rules.grant(verb)
        if grant == "none" or (grant == "owner" and self._caller.owner is None):
            raise self._denied(verb)
        if grant == "all":
            return dict(filter)
        mine = {OWNER: self._caller.owner}
        return {"$and": [mine, dict(filter)]} if filter else mine

    def _check_create(self) -> str:
        if self._rules.create == "none" or self._caller.owner is None:
            raise self._denied("create")
        return self._caller.owner

    def _insert(self, command: c.Insert) -> c.Insert:
        owner = self._check_create()
        return replace(command, documents=[self._stamped(document, owner) for document in command.documents])

    def _stamped(self, document: Mapping[str, Any], owner: str) -> dict[str, Any]:
        if document.get(OWNER, owner) != owner:
            raise self._denied("create", f"a client cannot choose `{OWNER}`")
        return {**document, OWNER: owner}

    def _update(self, command: c.Update) -> c.Update:
        filter = self._filter("update", command.filter)
        on_insert = {OWNER: self._check_create()} if command.upsert else None
        return replace(command, filter=filter, update=self._changes(command.update), on_insert=on_insert)

    def _find_and_modify(self, command: c.FindAndModify) -> c.FindAndModify:
        filter = self._filter("delete" if command.remove else "update", command.filter)
        self._filter("read", {})
        on_insert = {OWNER: self._check_create()} if command.upsert else None
        update = None if command.update is None else self._changes(command.update)
        return replace(command, filter=filter, update=update, on_insert=on_insert)

    def _changes(self, update: Any) -> Any:
        """The update, made sure to leave the owner mark alone."""
        if isinstance(update, Sequence):
            if self._rules.update != "owner":
                raise self._denied("update", "a pipeline update needs a rule that lets only owners write")
            return [*update, {"$set": {OWNER: self._caller.owner}}]
        if any(str(key).startswith("$") for key in update):
            check_operators(update, self._caller.owner, self._denied)
            return update
        if self._rules.update == "owner":
            return self._stamped(update, str(self._caller.owner))
        return {key: value for key, value in update.items() if key != OWNER}

    def _aggregate(self, command: c.Aggregate) -> c.Aggregate:
        prefilter = self._filter("read", {})
        check_stages(command.pipeline, self._readable, self._denied)
        return replace(command, prefilter=prefilter or None)


Denied = Callable[[str, str], PermissionDenied]
"""Action and reason -> the error to raise."""


def check_operators(update: Mapping[str, Any], owner: str | None, denied: Denied) -> None:
    """Refuse an update with operators that touches the owner mark, unless it sets what is there."""
    for operator, changes in update.items():
        if not isinstance(changes, Mapping):
            continue
        touched = [key for key in changes if _is_owner_path(key)]
        if operator == "$rename":
            touched += [key for key in changes.values() if _is_owner_path(key)]
        harmless = operator in ("$set", "$setOnInsert") and changes.get(OWNER) == owner
        if touched and not harmless:
            raise denied("update", f"a client cannot change `{OWNER}`")


def check_stages(pipeline: Any, readable: Callable[[str], bool], denied: Denied) -> None:
    """Refuse stages that write, and joins with collections that not everyone may read, at any depth."""
    if isinstance(pipeline, Mapping):
        for key, value in pipeline.items():
            _check_stage(str(key), value, readable, denied)
            check_stages(value, readable, denied)
    elif isinstance(pipeline, list | tuple):
        for item in pipeline:
            check_stages(item, readable, denied)


def _check_stage(stage: str, spec: Any, readable: Callable[[str], bool], denied: Denied) -> None:
    if stage in _WRITING:
        raise denied(stage, "only functions and administrators may write from a pipeline")
    if stage in _FOREIGN:
        foreign = spec.get(_FOREIGN[stage]) if isinstance(spec, Mapping) else spec
        if foreign is not None and not (isinstance(foreign, str) and readable(foreign)):
            raise denied(stage, f"collection `{foreign}` is not readable by everyone")


def _is_owner_path(path: Any) -> bool:
    return isinstance(path, str) and (path == OWNER or path.startswith(OWNER + "."))
