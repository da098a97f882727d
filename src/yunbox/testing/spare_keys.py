"""Credentials made ahead of time: an RSA key takes longer than everything else a new space needs."""

from __future__ import annotations

import queue
import threading

from yunbox.spaces.space import new_keys

SPARES = 3

_spares: queue.SimpleQueue[dict[str, str]] = queue.SimpleQueue()
_filling = threading.Lock()


def take_keys() -> dict[str, str]:
    """Credentials that nobody else gets; others are then made in the background."""
    try:
        return _spares.get_nowait()
    except queue.Empty:
        return new_keys()
    finally:
        threading.Thread(target=_fill, name="yunbox-spare-keys", daemon=True).start()


def _fill() -> None:
    if _filling.acquire(blocking=False):
        try:
            while _spares.qsize() < SPARES:
                _spares.put(new_keys())
        finally:
            _filling.release()
