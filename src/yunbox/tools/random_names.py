"""Random names, as unguessable as those of `secrets`, without a system call for each.

Asking the system lets go of the interpreter's lock, which under load means to wait for another thread to hand it back.
"""

from __future__ import annotations

import os
from collections import deque

_DIGITS = 32
_FETCHED = 256

_ready: deque[str] = deque()


def random_hex() -> str:
    """32 random hexadecimal digits."""
    try:
        return _ready.pop()
    except IndexError:
        digits = os.urandom(_FETCHED * _DIGITS // 2).hex()
    _ready.extend(digits[start : start + _DIGITS] for start in range(_DIGITS, len(digits), _DIGITS))
    return digits[:_DIGITS]


def random_uuid() -> str:
    """A random UUID (version 4) as text."""
    digits = random_hex()
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_ready.clear)
