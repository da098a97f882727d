"""Every gateway method and the handler that answers it."""

from __future__ import annotations

from yunbox.protocols.mpserverless import auth, database, files, functions, network
from yunbox.protocols.mpserverless.call import Method

METHODS: dict[str, Method] = {
    **auth.METHODS,
    **functions.METHODS,
    **database.METHODS,
    **files.METHODS,
    **network.METHODS,
}

# Methods that a client calls before it has a token.
OPEN_METHODS = frozenset(auth.OPEN_METHODS)
