"""Errors as the Python API raises them: the product's own, with MongoDB's numbers on them and pymongo's attributes."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Self, TypeVar

from yunbox.errors import (
    AlreadyExists,
    CollectionNotFound,
    DuplicateKey,
    InvalidRequest,
    QueryError,
    WriteConflict,
    YunboxError,
)

from .results import BulkWriteResult

F = TypeVar("F", bound="OperationFailure")


class OperationFailure(QueryError):
    """A document operation failed. ``code`` is MongoDB's number, ``code_name`` its name (2, ``BadValue``); ``details`` has
    both as the server would send them, and for a duplicate key ``keyPattern`` and ``keyValue``.

    Where pymongo is in use, an ``except pymongo.errors.OperationFailure`` and the like catch these classes, too.
    """

    code: int  # type: ignore[assignment, misc]  # pymongo's meaning of the attribute, where protocols have a word
    details: dict[str, Any] = {}  # noqa: RUF012  # hides a property of pymongo's class of this name

    def __new__(cls, *arguments: Any, **options: Any) -> Self:
        return super().__new__(_as_drivers(cls), *arguments)

    def __init__(self, message: str, *, number: int, name: str, **data: Any) -> None:
        Exception.__init__(self, message)  # pymongo's class of this name, where it is a base, has arguments of its own
        self.message = message
        self.data = data
        self.number = self.code = number
        self.name = self.code_name = name
        self.details = {"ok": 0.0, "errmsg": message, "code": number, "codeName": name, **_key(data)}

    def has_error_label(self, label: str) -> bool:
        """Whether a driver would mark the error so: a ``TransientTransactionError`` is one of a transaction to run again."""
        return label == "TransientTransactionError" and self.number in _OF_TRANSACTIONS


_OF_TRANSACTIONS = frozenset({112, 251})
"""WriteConflict, NoSuchTransaction."""


class ExecutionTimeout(OperationFailure):
    """The time limit of a command was over (50)."""


class WriteError(OperationFailure):
    """An insert, an update or a delete failed."""


class DuplicateKeyError(WriteError, DuplicateKey):  # type: ignore[misc]
    """An ``_id`` or the key of a unique index is taken (11000)."""


class WriteConflictError(OperationFailure, WriteConflict):  # type: ignore[misc]
    """A transaction met another one: run it again (112)."""


class NamespaceExists(OperationFailure, AlreadyExists):  # type: ignore[misc]
    """There is such a collection or index already (48)."""


class NamespaceNotFound(OperationFailure, CollectionNotFound):  # type: ignore[misc]
    """There is no such collection (26)."""


class BulkWriteError(OperationFailure):
    """Some writes of a request failed. ``code`` is the first one's; ``details`` has all ``writeErrors`` and the counts of
    what was done, ``data["result"]`` the same as a `BulkWriteResult`, ``data["index"]`` the place of the first.
    """


class BulkDuplicateKeyError(BulkWriteError, DuplicateKeyError):  # type: ignore[misc]
    """The first of the writes that failed met a key that is taken."""


_CLASSES: tuple[tuple[type[YunboxError], type[OperationFailure], int, str], ...] = (
    (DuplicateKey, DuplicateKeyError, 11000, "DuplicateKey"),
    (WriteConflict, WriteConflictError, 112, "WriteConflict"),
    (AlreadyExists, NamespaceExists, 48, "NamespaceExists"),
    (CollectionNotFound, NamespaceNotFound, 26, "NamespaceNotFound"),
    (InvalidRequest, OperationFailure, 251, "NoSuchTransaction"),
)


@contextmanager
def numbered(*, writes: bool = False) -> Iterator[None]:
    """Raises what the block raises, as a caller of the Python API gets it; ``writes``: the block is a write."""
    try:
        yield
    except YunboxError as error:
        raise failure_of(error, writes=writes) from error


def failure_of(error: YunboxError, *, writes: bool = False) -> YunboxError:
    """What to raise to a caller of the Python API instead of ``error``."""
    if isinstance(error, OperationFailure):
        return error
    for kind, made, number, name in _CLASSES:
        if isinstance(error, kind):
            return made(error.message, number=number, name=name, **error.data)
    if not isinstance(error, QueryError):
        return error
    made = ExecutionTimeout if error.number == 50 else WriteError if writes else OperationFailure
    return made(error.message, number=error.number, name=error.name, **error.data)


def bulk_failure(failures: Sequence[tuple[int, YunboxError]], result: BulkWriteResult) -> YunboxError:
    """What to raise when writes of a request failed: their places and errors, and what was done by the others."""
    errors = [(place, failure_of(error)) for place, error in failures]
    place, first = errors[0]
    if not isinstance(first, OperationFailure) or isinstance(first, WriteConflictError):
        return first
    kind = BulkDuplicateKeyError if isinstance(first, DuplicateKeyError) else BulkWriteError
    data = {**first.data, "result": result, "index": place, "errors": errors}
    failure = kind(first.message, number=first.number, name=first.name, **data)
    failure.details = {**first.details, **result.bulk_api_result, "writeErrors": _write_errors(errors)}
    return failure


def _write_errors(errors: Sequence[tuple[int, YunboxError]]) -> list[dict[str, Any]]:
    """What failed, in the driver's form."""
    return [
        {"index": place, "code": getattr(error, "number", 8), "errmsg": error.message, **_key(error.data)}
        for place, error in errors
    ]


def _key(data: dict[str, Any]) -> dict[str, Any]:
    """What tells the taken key."""
    return {name: data[name] for name in ("keyPattern", "keyValue") if name in data}


def _as_drivers(kind: type[F]) -> type[F]:
    """The class, or where pymongo is in use one that is pymongo's of this name as well."""
    theirs = sys.modules.get("pymongo.errors")
    if theirs is None or issubclass(kind, theirs.PyMongoError):
        return kind
    bases = (kind, *(getattr(theirs, name) for name in _DRIVERS_CLASSES.get(kind, ("OperationFailure",))))
    return type(kind.__name__, bases, {"__doc__": kind.__doc__, "__module__": kind.__module__})


_DRIVERS_CLASSES: dict[type[OperationFailure], tuple[str, ...]] = {
    ExecutionTimeout: ("ExecutionTimeout",),
    WriteError: ("WriteError",),
    DuplicateKeyError: ("DuplicateKeyError",),
    BulkWriteError: ("BulkWriteError",),
    BulkDuplicateKeyError: ("BulkWriteError", "DuplicateKeyError"),
}
