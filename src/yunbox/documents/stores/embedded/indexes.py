"""Index definitions: from what a user asks for to what the engine keeps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bson import Int64

from yunbox.documents.commands import CreateIndex
from yunbox.documents.query.collation import compile_collation
from yunbox.documents.query.match import compile_filter
from yunbox.documents.query.values import is_number
from yunbox.errors import QueryError

from .catalog import Index, IndexField, Kind
from .extraction import Keyer
from .wildcard import Scope, WildcardKeyer, is_wildcard

MAX_INDEXES = 64
MAX_COMPONENTS = 31

_KINDS: dict[Any, Kind] = {"2dsphere": "geo", "2d": "geo", "text": "text"}


def definition(command: CreateIndex) -> dict[str, Any]:
    """The index document of a command, in MongoDB's form.

    Raises:
        QueryError: CannotCreateIndex (67) for keys or options that cannot be.
    """
    keys = {path: _direction(path, value) for path, value in command.keys}
    if not keys or len(keys) > MAX_COMPONENTS:
        raise _refused("an index needs between 1 and 31 fields")
    document: dict[str, Any] = {"v": 2, "key": keys, "name": command.name or default_name(keys)}
    _check_options(command, keys)
    _check_wildcard(command, keys)
    options = {
        "unique": command.unique or None,
        "sparse": command.sparse or None,
        "partialFilterExpression": command.partial,
        "expireAfterSeconds": command.expire_after_seconds,
        "collation": command.collation,
        "weights": command.weights,
        "default_language": command.default_language,
        "wildcardProjection": command.wildcard_projection,
    }
    return document | {name: value for name, value in options.items() if value is not None}


def default_name(keys: Mapping[str, Any]) -> str:
    """The name MongoDB gives: ``a_1_b_-1``."""
    return "_".join(f"{path}_{value}" for path, value in keys.items())


def _direction(path: str, value: Any) -> Any:
    if is_wildcard(path) and (value == "text" or (is_number(value) and value)):
        return value if value == "text" else 1 if value > 0 else -1
    if not path or path.startswith("$") or path.startswith(".") or path.endswith(".") or ".." in path:
        raise _refused(f"the index key {path!r} is not a field path")
    if isinstance(value, str):
        if value not in ("2dsphere", "2d", "text", "hashed"):
            raise _refused(f"Unknown index plugin '{value}'")
        return value
    if not is_number(value) or not value:
        raise _refused(f"Values in v:2 index key pattern must be numbers or kinds: {path}: {value!r}")
    return 1 if value > 0 else -1


def _check_options(command: CreateIndex, keys: Mapping[str, Any]) -> None:
    if command.partial is not None:
        if command.sparse:
            raise _refused('cannot mix "partialFilterExpression" and "sparse" options')
        compile_filter(command.partial)
    if command.unique and set(keys.values()) & {"2dsphere", "2d", "text", "hashed"}:
        raise _refused("geo, text and hashed indexes cannot be unique")
    seconds = command.expire_after_seconds
    if seconds is not None and (type(seconds) not in (int, float, Int64) or len(keys) != 1 or seconds < 0):
        raise _refused("TTL indexes are single-field indexes with a non-negative number as expireAfterSeconds")
    if sum(_kind(value) != "ordered" for value in keys.values()) > 1 and "text" not in keys.values():
        raise _refused("an index has at most one geo field")


def _check_wildcard(command: CreateIndex, keys: Mapping[str, Any]) -> None:
    paths = [path for path, value in keys.items() if is_wildcard(path) and value != "text"]
    if command.wildcard_projection is not None and not paths:
        raise _refused("wildcardProjection needs the index key {'$**': 1}")
    if not paths:
        return
    if len(keys) > 1:
        raise _refused("wildcard indexes do not allow compounding")
    if command.unique or command.expire_after_seconds is not None or command.collation is not None:
        raise _refused("a wildcard index cannot be unique, let documents expire or have a collation")
    Scope(paths[0], command.wildcard_projection)


def _refused(message: str) -> QueryError:
    return QueryError(message, number=67, name="CannotCreateIndex")


def _kind(value: Any) -> Kind:
    return _KINDS.get(value, "ordered")


def index_of(id: int, document: dict[str, Any]) -> Index:
    """The index that a definition describes; not ready."""
    keys: dict[str, Any] = document["key"]
    kind: Kind = next((_kind(value) for value in keys.values() if _kind(value) != "ordered"), "ordered")
    if kind == "ordered" and is_wildcard(next(iter(keys))):
        kind = "wildcard"
    # What makes a geo or text index special comes first; the rest of its keys is not used.
    paths = sorted(keys, key=lambda path: _kind(keys[path]) != kind)
    fields = tuple(
        IndexField(path, tuple(path.split(".")), keys[path] if isinstance(keys[path], int) else 1) for path in paths
    )
    partial = document.get("partialFilterExpression")
    collation = document.get("collation")
    index = Index(
        id=id,
        name=document["name"],
        document=document,
        kind=kind,
        fields=fields,
        unique=bool(document.get("unique")),
        sparse=bool(document.get("sparse")),
        partial=partial,
        collation=collation,
        expire_after_seconds=document.get("expireAfterSeconds"),
    )
    index.covers = compile_filter(partial) if partial is not None else None
    if kind == "wildcard":
        index.keyer = WildcardKeyer(Scope(fields[0].path, document.get("wildcardProjection")))
    if kind == "ordered":
        collator = compile_collation(collation)
        index.collated_as = None if collator is None else collator.identity
        index.keyer = Keyer(
            [field.parts for field in fields],
            sparse=index.sparse,
            whole=index.unique,
            collation=collator,
        )
    return index
