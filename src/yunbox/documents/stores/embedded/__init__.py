"""Documents in one SQLite file per space."""

from .changes import Change
from .engine import Engine

__all__ = ["Change", "Engine"]
