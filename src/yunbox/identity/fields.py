"""What may be written about a user, and what is already taken."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import apsw

from yunbox.errors import AlreadyExists
from yunbox.identity.passwords import hash_password


def prepared(fields: Mapping[str, Any]) -> dict[str, Any]:
    """``fields`` as they are stored: the password hashed, empty texts absent.

    Raises:
        InvalidRequest: for an unusable password.
    """
    stored = dict(fields)
    if stored.get("password"):
        stored["password"] = hash_password(stored["password"])
    return {name: value or None if isinstance(value, str) else value for name, value in stored.items()}


@contextmanager
def unique_names() -> Iterator[None]:
    """Turn a violated unique index into the error that names what is taken.

    Raises:
        AlreadyExists: with ``field``, when another user has it.
    """
    try:
        yield
    except apsw.ConstraintError as error:
        column = str(error).rpartition(".")[2]
        raise AlreadyExists(f"another user has this {column} / 该 {column} 已被使用", field=column) from None
