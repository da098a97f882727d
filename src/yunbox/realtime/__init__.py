"""Watching queries."""

from yunbox.realtime.service import Batch, Listener, RealtimeService, Watch
from yunbox.realtime.window import Event

__all__ = ["Batch", "Event", "Listener", "RealtimeService", "Watch"]
