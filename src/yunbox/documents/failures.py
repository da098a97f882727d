"""Errors as the Python API raises them: the product's own, with MongoDB's numbers on them and pymongo's attributes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from yunbox.errors import (
    AlreadyExists,
    CollectionNotFound,
    DuplicateKey,
    InvalidRequest,
    QueryError,
    WriteConflict,
    YunboxError,
)


class OperationFailure(QueryError):
    """A document operation failed. ``code`` is MongoDB's number, ``code_name`` its name (2, ``BadValue``); ``details`` has
    both as the server would send them, and for a duplicate key ``keyPattern`` and ``keyValue``.
    """

    code: int  # type: ignore[assignment, misc]  # pymongo's meaning of the attribute, where protocols have a word

    def __init__(self, message: str, *, number: int, name: str, **data: Any) -> None:
        YunboxError.__init__(self, message, **data)
        self.number = self.code = number
        self.name = self.code_name = name
        self.details = {"ok": 0.0, "errmsg": message, "code": number, "codeName": name, **data}


class DuplicateKeyError(OperationFailure, DuplicateKey):  # type: ignore[misc]
    """An ``_id`` or the key of a unique index is taken (11000)."""


class WriteConflictError(OperationFailure, WriteConflict):  # type: ignore[misc]
    """A transaction met another one: run it again (112)."""


class NamespaceExists(OperationFailure, AlreadyExists):  # type: ignore[misc]
    """There is such a collection or index already (48)."""


class NamespaceNotFound(OperationFailure, CollectionNotFound):  # type: ignore[misc]
    """There is no such collection (26)."""


_CLASSES: tuple[tuple[type[YunboxError], type[OperationFailure], int, str], ...] = (
    (DuplicateKey, DuplicateKeyError, 11000, "DuplicateKey"),
    (WriteConflict, WriteConflictError, 112, "WriteConflict"),
    (AlreadyExists, NamespaceExists, 48, "NamespaceExists"),
    (CollectionNotFound, NamespaceNotFound, 26, "NamespaceNotFound"),
    (InvalidRequest, OperationFailure, 251, "NoSuchTransaction"),
)


@contextmanager
def numbered() -> Iterator[None]:
    """Raises what the block raises, as a caller of the Python API gets it."""
    try:
        yield
    except YunboxError as error:
        raise failure_of(error) from error


def failure_of(error: YunboxError) -> YunboxError:
    """What to raise to a caller of the Python API instead of ``error``."""
    if isinstance(error, OperationFailure):
        return error
    for kind, made, number, name in _CLASSES:
        if isinstance(error, kind):
            return made(error.message, number=number, name=name, **error.data)
    if isinstance(error, QueryError):
        return OperationFailure(error.message, number=error.number, name=error.name, **error.data)
    return error
