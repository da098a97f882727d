"""Documents: a query language, engines that keep documents, and the service that guards them."""

from .collection import Collection
from .cursors import Cursor
from .database import Database, open_database
from .failures import BulkWriteError, DuplicateKeyError, OperationFailure, WriteConflictError

__all__ = [
    "BulkWriteError",
    "Collection",
    "Cursor",
    "Database",
    "DuplicateKeyError",
    "OperationFailure",
    "WriteConflictError",
    "open_database",
]
