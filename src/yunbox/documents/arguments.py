"""Arguments of the Python API, as pymongo takes them, in the form of commands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from .encodable import encodable
from .failures import OperationFailure

Document = dict[str, Any]


class Described(Protocol):
    """One of pymongo's objects that stand for a document."""

    @property
    def document(self) -> Document:
        """The document."""
        ...


Collation = Mapping[str, Any] | Described
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
    limit = given if max_time_ms is None else max_time_ms
    return None if limit is None else whole("max_time_ms", limit)


def mismatch(name: str, wanted: str, value: Any) -> OperationFailure:
    """The error for an argument of a kind that it cannot have (14)."""
    return OperationFailure(f"{name} must be {wanted}, not {value!r}", number=14, name="TypeMismatch")


def whole(name: str, value: Any) -> int:
    """A number without a fraction, 0 for ``None``."""
    if value is None:
        return 0
    if not isinstance(value, int) and not (isinstance(value, float) and value.is_integer()):
        raise mismatch(name, "a whole number", value)
    return int(value)


def text(name: str, value: Any) -> str:
    """A name or a path."""
    if not isinstance(value, str):
        raise mismatch(name, "a str", value)
    return value


def document(filter: Filter | None, name: str = "a filter") -> Document:
    """A filter, for which ``None`` is an empty one."""
    return {} if filter is None else stored(filter, name)


def stored(value: Any, name: str = "a document") -> Document:
    """A document to store."""
    if not isinstance(value, Mapping):
        raise mismatch(name, "an object", value)
    document: Document = encodable(value)
    return document


def many(name: str, values: Any) -> list[Any]:
    """A list, such as a pipeline."""
    if isinstance(values, str | bytes | Mapping) or not isinstance(values, Iterable):
        raise mismatch(name, "a list", values)
    return list(values)


def filters(array_filters: Sequence[Mapping[str, Any]] | None) -> list[Document] | None:
    """The filters of array elements, which may be missing."""
    return (
        None
        if array_filters is None
        else [stored(one, "an array filter") for one in many("array_filters", array_filters)]
    )


def optional(value: Mapping[str, Any] | None, name: str = "let") -> Document | None:
    """Variables or a collation, which may be missing."""
    return None if value is None else stored(value, name)


def collation(value: Collation | None) -> Document | None:
    """A collation, which may be missing, as a mapping or as pymongo's object."""
    given: Any = value
    return optional(getattr(given, "document", given), "collation")


def projection(fields: Projection | None) -> Document | None:
    """What to show; a list names the fields."""
    if fields is None:
        return None
    if isinstance(fields, Mapping):
        return document(fields)
    return dict.fromkeys((text("a field", one) for one in many("projection", fields)), 1)


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
    return [_pair(key) for key in many("keys", keys)]


def _pair(key: Any) -> tuple[str, Any]:
    if isinstance(key, str):
        return key, 1
    if not isinstance(key, list | tuple) or len(key) != 2:
        raise mismatch("a key", "a name, or a name and a direction", key)
    return text("a key", key[0]), encodable(key[1])


def hint(index: Hint | None) -> Any:
    """An index by name or keys."""
    return index if index is None or isinstance(index, str | Mapping) else dict(pairs(index))


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
