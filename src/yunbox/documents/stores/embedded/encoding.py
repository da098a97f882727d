"""Documents on disk: relaxed Extended JSON, kept as JSONB, with a note of where wrapped values are (``sp``).

``sp`` is NULL for a document of plain JSON values, a list of paths such as ``created`` or ``a.b`` joined by newlines when
only those hold wrapped values, and ``*`` when any value may be wrapped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any

import bson
import bson.errors
import orjson

from yunbox.documents.query import ejson
from yunbox.errors import QueryError

Document = dict[str, Any]

ANYWHERE = "*"
MAX_DOCUMENT_BYTES = 16 * 2**20
_NEVER_TOO_LARGE = MAX_DOCUMENT_BYTES // 7
"""BSON takes at most 13 bytes for what takes 2 as text: one digit and a comma."""
MAX_WRAPPED_PATHS = 16


def encode(document: Document) -> bytes:
    """The stored text of a document.

    Raises:
        QueryError: BSONObjectTooLarge (10334) above 16 MB.
    """
    text = ejson.dumps(document)
    if len(text) > _NEVER_TOO_LARGE and (size := _bson_size(document, text)) > MAX_DOCUMENT_BYTES:
        raise QueryError(
            f"document is too large: {size} bytes, the limit is {MAX_DOCUMENT_BYTES}",
            number=10334,
            name="BSONObjectTooLarge",
        )
    return text


def encode_many(documents: Sequence[Document]) -> list[str]:
    """The stored texts of documents. Raises as `encode` does."""
    texts = ejson.dumps_many(documents)
    if max(map(len, texts), default=0) > _NEVER_TOO_LARGE:
        texts = list(map(encode, documents))
    return [text.decode() for text in texts]


@lru_cache(maxsize=4096)
def merged_wrapping(whole: str | None, part: str | None, roots: tuple[str, ...]) -> str | None:
    """The ``sp`` of a document some of whose top-level fields changed: ``part`` is that of these fields alone."""
    if ANYWHERE in (whole, part):
        return ANYWHERE
    kept = [path for path in whole.split("\n") if path.split("\t", 1)[0] not in roots] if whole else []
    paths = kept + (part.split("\n") if part else [])
    if len(paths) > MAX_WRAPPED_PATHS:
        return ANYWHERE
    return "\n".join(paths) or None


def _bson_size(document: Document, text: bytes) -> int:
    """What counts for the limit: texts of small numbers are shorter, those of ids and dates longer."""
    try:
        return len(bson.encode(document))
    except (bson.errors.InvalidDocument, OverflowError):
        return len(text)


def decode(text: str | bytes, wrapped: str | None) -> Document:
    """The document of a stored text."""
    parsed: Document = orjson.loads(text)
    if wrapped is not None:
        _unwrapper(wrapped)((parsed,))
    return parsed


def decode_all(rows: Sequence[tuple[bytes, str | None]]) -> list[Document]:
    """The documents of rows of (text, sp): all texts are parsed as one."""
    if not rows:
        return []
    texts, wrapped = zip(*rows, strict=True)
    documents: list[Document] = orjson.loads(b"[" + b",".join(texts) + b"]")
    if len(set(wrapped)) == 1:
        groups = [(wrapped[0], documents)]
    else:
        groups = [(paths, [document]) for paths, document in zip(wrapped, documents, strict=True)]
    for paths, group in groups:
        if paths is not None:
            _unwrapper(paths)(group)
    return documents


@lru_cache(maxsize=4096)
def _unwrapper(wrapped: str) -> Callable[[Iterable[Document]], None]:
    """What puts values in the place of their stored forms."""
    from_plain = ejson.from_plain
    paths = [] if wrapped == ANYWHERE else [tuple(path.split("\t")) for path in wrapped.split("\n")]
    top = [path[0] for path in paths if len(path) == 1]
    below = [(path[:-1], path[-1]) for path in paths if len(path) > 1]

    def unwrap_anywhere(documents: Iterable[Document]) -> None:
        for document in documents:
            from_plain(document)

    def unwrap_top(documents: Iterable[Document]) -> None:
        for document in documents:
            for name in top:
                document[name] = from_plain(document[name])

    def unwrap(documents: Iterable[Document]) -> None:
        for document in documents:
            for parents, name in below:
                holder: Any = document
                for parent in parents:
                    holder = holder[parent]
                holder[name] = from_plain(holder[name])
        unwrap_top(documents)

    return unwrap_anywhere if not paths else unwrap if below else unwrap_top
