"""Isolated tenants: their keys, settings, rules and registered apps."""

from yunbox.spaces.service import SpaceService
from yunbox.spaces.space import Space
from yunbox.spaces.store import SpaceStore

__all__ = ["Space", "SpaceService", "SpaceStore"]
