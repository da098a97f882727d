"""Documents: a query language, engines that keep documents, and the service that guards them."""

from .database import Collection, Database, open_database

__all__ = ["Collection", "Database", "open_database"]
