"""Documents on disk: relaxed Extended JSON, kept as JSONB, with a note of where wrapped values are (``sp``).

``sp`` is NULL for a document of plain JSON values, a list of paths such as ``created`` or ``a.b`` joined by newlines when
only those hold wrapped values, and ``*`` when any value may be wrapped.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import orjson

from yunbox.documents.query import ejson
from yunbox.errors import QueryError

Document = dict[str, Any]

ANYWHERE = "*"
MAX_DOCUMENT_BYTES = 16 * 2**20
MAX_WRAPPED_PATHS = 16


def encode(document: Document) -> bytes:
    """The stored text of a document.

    Raises:
        QueryError: BSONObjectTooLarge (10334) above 16 MB.
    """
    text = ejson.dumps(document)
    if len(text) > MAX_DOCUMENT_BYTES:
        raise QueryError(
            f"document is too large: {len(text)} bytes, the limit is {MAX_DOCUMENT_BYTES}",
            number=10334,
            name="BSONObjectTooLarge",
        )
    return text


def decode(text: str | bytes, wrapped: str | None) -> Document:
    """The document of a stored text."""
    parsed = orjson.loads(text)
    if wrapped is None:
        return parsed  # type: ignore[no-any-return]
    if wrapped == ANYWHERE:
        return ejson.from_plain(parsed)  # type: ignore[no-any-return]
    _unwrapper(wrapped)(parsed)
    return parsed  # type: ignore[no-any-return]


@lru_cache(maxsize=4096)
def _unwrapper(wrapped: str) -> Callable[[Document], None]:
    paths = [tuple(path.split("\t")) for path in wrapped.split("\n")]
    top = [path[0] for path in paths if len(path) == 1]
    below = [(path[:-1], path[-1]) for path in paths if len(path) > 1]
    from_plain = ejson.from_plain

    def unwrap_top(document: Document) -> None:
        for name in top:
            document[name] = from_plain(document[name])

    def unwrap(document: Document) -> None:
        unwrap_top(document)
        for parents, name in below:
            holder: Any = document
            for parent in parents:
                holder = holder[parent]
            holder[name] = from_plain(holder[name])

    return unwrap if below else unwrap_top
