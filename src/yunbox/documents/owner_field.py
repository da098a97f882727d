"""Collections in which `_openid` is a field of the application's own, not only our owner mark.

Applications that moved from the WeChat cloud to mpserverless write `_openid` from their functions and read it back, as
any other field. A dialect that hides owner marks shows it in the collections where the application wrote it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from yunbox.documents import commands as c
from yunbox.documents.rules.permit import OWNER
from yunbox.spaces import SpaceService

_RESOURCE = "owner field"


class OwnerFields:
    """Which collections those are; kept with the space's rules."""

    def __init__(self, spaces: SpaceService) -> None:
        self._spaces = spaces

    def __contains__(self, place: tuple[str, str]) -> bool:
        """Whether the collection of ``(space id, collection)`` is one."""
        space_id, collection = place
        return self._spaces.rule(space_id, _RESOURCE, collection) is True

    def add(self, space_id: str, collection: str) -> None:
        if (space_id, collection) not in self:
            self._spaces.set_rule(space_id, _RESOURCE, collection, True)

    def discard(self, space_id: str, collection: str) -> None:
        if (space_id, collection) in self:
            self._spaces.delete_rule(space_id, _RESOURCE, collection)

    def rename(self, space_id: str, collection: str, new_name: str) -> None:
        if (space_id, collection) in self:
            self.add(space_id, new_name)
            self.discard(space_id, collection)


def writes_owner_field(command: c.Command) -> bool:
    """Whether a command itself writes `_openid`."""
    match command:
        case c.Insert():
            return any(OWNER in document for document in command.documents)
        case c.Update() | c.FindAndModify():
            return _names_owner(command.update)
    return False


def _names_owner(update: Any) -> bool:
    """Whether a replacement, operators or a pipeline's stages set `_openid`."""
    if isinstance(update, Mapping):
        return OWNER in update or any(isinstance(change, Mapping) and OWNER in change for change in update.values())
    return isinstance(update, Sequence) and any(_names_owner(stage) for stage in update)
