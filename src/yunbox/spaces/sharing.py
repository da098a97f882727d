"""What a space lets other spaces do with its documents, files and functions (ENV-7): one level, part by part."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from yunbox.caller import Caller
from yunbox.errors import InvalidRequest, PermissionDenied

if TYPE_CHECKING:
    from yunbox.spaces.service import SpaceService

Level = Literal["none", "read", "write"]
ALL = "*"
_RESOURCE = "shares"


class Share(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one other space may use. ``collections`` and ``functions`` are names, or ``*`` for all."""

    documents: Level = "none"
    collections: tuple[str, ...] = (ALL,)
    files: Level = "none"
    functions: tuple[str, ...] = ()

    def covers(self, collection: str) -> bool:
        return ALL in self.collections or collection in self.collections

    def to_json(self) -> dict[str, Any]:
        shown: dict[str, Any] = msgspec.to_builtins(self)
        return shown


EVERYTHING = Share(documents="write", files="write", functions=(ALL,))


def share_from(written: Mapping[str, Any]) -> Share:
    """The share that JSON describes.

    Raises:
        InvalidRequest: for an unknown key or value; the message names it.
    """
    try:
        return msgspec.convert(dict(written), Share)
    except msgspec.ValidationError as error:
        raise InvalidRequest(f"the grant cannot be used: {error} / 授权内容无效") from None


class Sharing:
    """The grants between the spaces of a server. They are looked up at every call, so that a change holds at once."""

    def __init__(self, spaces: SpaceService) -> None:
        self._spaces = spaces
        self._on_change: list[Callable[[str], None]] = []
        spaces.on_delete(self._forget)

    def on_change(self, callback: Callable[[str], None]) -> None:
        """Call ``callback(owner)`` after what a space grants has changed."""
        self._on_change.append(callback)

    def grant(self, owner: str, to: str, share: Share) -> None:
        """Let the space ``to`` use parts of the space ``owner``; replaces what was granted before.

        Raises:
            SpaceNotFound: when one of them does not exist.
            InvalidRequest: when they are the same.
        """
        if owner == self._spaces.get(to).id:
            raise InvalidRequest("a space needs no grant for itself / 不需要授权给自己")
        self._spaces.set_rule(owner, _RESOURCE, to, share.to_json())
        self._changed(owner)

    def revoke(self, owner: str, to: str) -> None:
        """Take a grant back; unknown ones are ignored."""
        self._spaces.delete_rule(owner, _RESOURCE, to)
        self._changed(owner)

    def granted(self, owner: str) -> dict[str, Share]:
        """What a space grants, by the space that it is granted to."""
        rows = self._spaces.rules_of(owner, _RESOURCE)
        return {to: share_from(stored) for to, stored in sorted(rows.items())}

    def share(self, owner: str, to: str) -> Share | None:
        """What the space ``to`` may use of ``owner``, or ``None``."""
        stored = self._spaces.rule(owner, _RESOURCE, to)
        return None if stored is None else share_from(stored)

    def check_documents(self, caller: Caller, collection: str, *, writes: bool) -> None:
        """See that what a caller from another space asks of a collection is granted; others pass.

        Raises:
            PermissionDenied: naming what is not.
        """
        if caller.grantee is None:
            return
        share = self._of(caller)
        if not share.covers(collection) or share.documents == "none" or (writes and share.documents != "write"):
            raise self._denied(caller, f"{'writing' if writes else 'reading'} the collection `{collection}`")

    def missing_for_files(self, caller: Caller, *, writes: bool) -> str:
        """``""`` when the caller's space may read or write files, or needs no grant; else what is missing."""
        if caller.grantee is None:
            return ""
        share = self.share(caller.space, caller.grantee)
        if share is None or share.files == "none" or (writes and share.files != "write"):
            return self._denied(caller, f"{'writing' if writes else 'reading'} files").message
        return ""

    def check_function(self, caller: Caller, name: str) -> None:
        """See that a function is granted to a caller from another space; raises as :meth:`check_documents`."""
        if caller.grantee is None:
            return
        if not {ALL, name} & set(self._of(caller).functions):
            raise self._denied(caller, f"calling the function `{name}`")

    def _of(self, caller: Caller) -> Share:
        return self.share(caller.space, caller.grantee or "") or Share()

    def _denied(self, caller: Caller, what: str) -> PermissionDenied:
        return PermissionDenied(
            f"permission denied: {what} is not granted to the space `{caller.grantee}`; the owner can grant it with"
            f" `yunbox space share {caller.space} {caller.grantee}` / 该环境未授权此操作",
            grantee=caller.grantee,
        )

    def _changed(self, owner: str) -> None:
        for callback in self._on_change:
            callback(owner)

    def _forget(self, space_id: str) -> None:
        """A later space of the same name must not inherit what was granted to this one."""
        for space in self._spaces.list():
            if self._spaces.rule(space.id, _RESOURCE, space_id) is not None:
                self.revoke(space.id, space_id)
