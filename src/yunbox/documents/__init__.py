"""Documents: a query language, engines that keep documents, and the service that guards them."""

from .collection import Collection
from .cursors import Cursor
from .database import Database, open_database
from .failures import (
    BulkWriteError,
    DuplicateKeyError,
    ExecutionTimeout,
    OperationFailure,
    WriteConflictError,
    WriteError,
)

__all__ = [
    "BulkWriteError",
    "Collection",
    "Cursor",
    "Database",
    "DuplicateKeyError",
    "ExecutionTimeout",
    "OperationFailure",
    "WriteConflictError",
    "WriteError",
    "open_database",
]
