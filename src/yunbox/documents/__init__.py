"""Documents: a query language, engines that keep documents, and the service that guards them."""

from .database import Collection, Database, open_database
from .failures import DuplicateKeyError, OperationFailure, WriteConflictError

__all__ = ["Collection", "Database", "DuplicateKeyError", "OperationFailure", "WriteConflictError", "open_database"]
