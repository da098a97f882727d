"""Arguments of the Python API, as pymongo takes them, in the form of commands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .encodable import encodable
from .failures import OperationFailure

Document = dict[str, Any]
Filter = Mapping[str, Any]
Sort = Mapping[str, Any] | Sequence[tuple[str, Any] | str] | str
Hint = str | Mapping[str, Any] | Sequence[tuple[str, Any]]
Projection = Mapping[str, Any] | Sequence[str]
Keys = str | Sequence[tuple[str, Any] | str] | Mapping[str, Any]

_WITHOUT_EFFECT = frozenset(
    [
        "comment",
        "batch_size",
        "batchSize",
        "cursor",
        "cursor_type",
        "no_cursor_timeout",
        "allow_partial_results",
        "oplog_replay",
        "snapshot",
        "max_scan",
        "bypass_document_validation",
        "bypassDocumentValidation",
        "allow_disk_use",
        "allowDiskUse",
        "read_concern",
        "max_await_time_ms",
    ]
)
"""pymongo's options that say nothing about the answer of an engine in this process."""
_UNSUPPORTED = frozenset({"session", "max", "min", "return_key", "show_record_id"})


def time_limit(max_time_ms: int | None, others: dict[str, Any]) -> int | None:
    """The limit of a call in milliseconds; ``others`` are its options that pymongo knows besides ours.

    Raises:
        TypeError: when an option is unknown, or given and not supported.
    """
    given = others.pop("maxTimeMS", None)
    for name, value in others.items():
        if name == "session" and value is not None:
            raise TypeError("session is not supported: use the database that `with database.transaction()` gives")
        if name not in _WITHOUT_EFFECT and (value is not None or name not in _UNSUPPORTED):
            raise TypeError(f"unexpected option {name!r}")
    return given if max_time_ms is None else max_time_ms


def document(filter: Filter | None) -> Document:
    """A filter, for which ``None`` is an empty one. Raises `OperationFailure` 14."""
    if filter is None:
        return {}
    if not isinstance(filter, Mapping):
        raise OperationFailure("a filter must be an object", number=14, name="TypeMismatch")
    filtered: Document = encodable(filter)
    return filtered


def stored(value: Any) -> Document:
    """A document to store. Raises `OperationFailure` 14."""
    if not isinstance(value, Mapping):
        raise OperationFailure(
            f"a document must be a mapping, not {type(value).__name__}", number=14, name="TypeMismatch"
        )
    document: Document = encodable(value)
    return document


def optional(value: Mapping[str, Any] | None) -> Document | None:
    """Variables or a collation, which may be missing."""
    return None if value is None else document(value)


def projection(fields: Projection | None) -> Document | None:
    """What to show; a list names the fields, an empty one means the ``_id`` alone."""
    if fields is None:
        return None
    if isinstance(fields, Mapping):
        return document(fields)
    if isinstance(fields, str):
        raise TypeError("projection must be a mapping or a list of field names")
    return dict.fromkeys(fields, 1) or {"_id": 1}


def sort(keys: Sort | None) -> Any:
    """An order: a mapping, a list of pairs or of names, or one name."""
    if keys is None or isinstance(keys, Mapping):
        return keys
    return pairs(keys)


def pairs(keys: Keys) -> list[tuple[str, Any]]:
    """The keys of an order or of an index with their directions; a bare name is an ascending one."""
    if isinstance(keys, str):
        return [(keys, 1)]
    if isinstance(keys, Mapping):
        return list(keys.items())
    return [(key, 1) if isinstance(key, str) else (key[0], key[1]) for key in keys]


def hint(index: Hint | None) -> Any:
    """An index by name or keys."""
    return index if index is None or isinstance(index, str | Mapping) else dict(index)


def operators(update: Any) -> Any:
    """A change. Raises `OperationFailure` 9 for a document without operators."""
    if isinstance(update, Mapping) and (not update or not next(iter(update)).startswith("$")):
        raise OperationFailure("update only works with $ operators", number=9, name="FailedToParse")
    return encodable(update)


def replacement(new: Mapping[str, Any]) -> Document:
    """A replacement. Raises `OperationFailure` 9 for operators."""
    document = stored(new)
    if document and next(iter(document)).startswith("$"):
        raise OperationFailure("replacement can not include $ operators", number=9, name="FailedToParse")
    return document
