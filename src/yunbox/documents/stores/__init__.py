"""Where documents live: the embedded engine."""

from .embedded import Change, Engine

__all__ = ["Change", "Engine"]
