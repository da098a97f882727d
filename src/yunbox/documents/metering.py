"""What a document operation counts as, and what it needs a space to have left."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from yunbox.documents import commands as c
from yunbox.documents.stores import Engine
from yunbox.quotas.account import Account
from yunbox.statistics import Kind

_KINDS: dict[type[c.Command], Kind] = {
    **dict.fromkeys((c.Find, c.Count, c.Distinct, c.Aggregate), "read"),
    **dict.fromkeys(
        (c.Insert, c.Update, c.Delete, c.FindAndModify, c.CreateCollection, c.CreateIndex, c.DropIndex), "write"
    ),
}
"""Every other command counts as nothing."""

_GROWING = (c.Insert, c.Update, c.FindAndModify, c.CreateCollection, c.CreateIndex)


def entries(command: c.Command) -> list[tuple[Kind, str]]:
    """(Kind, collection) of every operation in a command: one for each, however many documents it is about."""
    if isinstance(command, c.Bulk):
        return [entry for part in command.commands for entry in entries(part)]
    kind = _KINDS.get(type(command))
    return [] if kind is None else [(kind, getattr(command, "collection", "") or getattr(command, "name", ""))]


def check_capacity(account: Account, engine: Engine, command: c.Command) -> None:
    """Refuse what would add to full documents, which leaves reads and deletes (semantics.md §15).

    Raises:
        QuotaExceeded
    """
    if _grows(command):
        account.check_room("db_mb")
    if isinstance(command, c.CreateCollection):
        account.check_number("collections", engine.count_collections())
    elif isinstance(command, c.CreateIndex):
        account.check_number("indexes", engine.count_indexes(command.collection))


def _grows(command: c.Command) -> bool:
    if isinstance(command, c.Bulk):
        return any(_grows(part) for part in command.commands)
    if isinstance(command, c.FindAndModify):
        return not command.remove
    if isinstance(command, c.Aggregate):
        stages: Sequence[Any] = command.pipeline  # not looked at yet, so they may be anything
        return any("$out" in stage or "$merge" in stage for stage in stages if isinstance(stage, dict))
    return isinstance(command, _GROWING)
