"""Every error that may reach a user.

YunboxError                      code, message, optional data; never a traceback
├── NotFound                     something named does not exist; the message names it and the fix
│   ├── SpaceNotFound
│   ├── CollectionNotFound
│   ├── FunctionNotFound
│   └── FileNotFound
├── AlreadyExists
├── InvalidRequest               the input cannot be used as it is
├── Unauthenticated              no identity, or one that is not valid
├── PermissionDenied             identity known, action not allowed
├── LimitExceeded                a size, rate or time limit
├── QuotaExceeded                a space has used up what it may use
├── FunctionFailed               user code threw, exited or timed out
└── QueryError                   a document operation failed; carries MongoDB's number and code name
    ├── DuplicateKey             11000
    └── WriteConflict            112: a transaction must be retried

Services raise these; each protocol owns one table that turns `code` into its vendor's words.
"""

from __future__ import annotations

from typing import Any, ClassVar


class YunboxError(Exception):
    """Base of all errors with a stable ``code`` and a ``message`` that is safe to show."""

    code: ClassVar[str] = "internal"

    def __init__(self, message: str, **data: Any) -> None:
        super().__init__(message)
        self.message = message
        self.data = data

    def __str__(self) -> str:
        return self.message


class NotFound(YunboxError):
    code = "not_found"


class SpaceNotFound(NotFound):
    code = "space_not_found"


class CollectionNotFound(NotFound):
    code = "collection_not_found"

    def __init__(self, space: str, collection: str) -> None:
        super().__init__(
            f"collection `{collection}` does not exist in space `{space}`; "
            f"create it with `yunbox db create {collection} --space {space}` or db.createCollection('{collection}')",
            collection=collection,
        )


class FunctionNotFound(NotFound):
    code = "function_not_found"

    def __init__(self, space: str, function: str) -> None:
        super().__init__(
            f"function `{function}` does not exist in space `{space}`; "
            f"deploy it with `yunbox functions deploy DIR --space {space}`",
            function=function,
        )


class FileNotFound(NotFound):
    code = "file_not_found"


class AlreadyExists(YunboxError):
    code = "already_exists"


class InvalidRequest(YunboxError):
    code = "invalid_request"


class Unauthenticated(YunboxError):
    code = "unauthenticated"


class PermissionDenied(YunboxError):
    code = "permission_denied"


class LimitExceeded(YunboxError):
    code = "limit_exceeded"


class QuotaExceeded(YunboxError):
    """A space may not use more of an item (``db_reads_per_day``). ``resets`` is when it may again, ``""`` for a capacity."""

    code = "quota_exceeded"

    def __init__(self, space: str, item: str, limit: float, titles: tuple[str, str], resets: str = "") -> None:
        until = f" until {resets} (Asia/Shanghai)" if resets else ""
        later = f"，{resets}（北京时间）重置" if resets else ""
        super().__init__(
            f"quota used up: space `{space}` may use no more than {limit:.15g} {titles[0]}{until};"
            f" raise it with `yunbox space set {space} quota.{item}=…`"
            f" / {'调用次数已达上限' if resets else '资源已达上限'}：{titles[1]}上限 {limit:.15g}{later}",
            item=item,
            limit=limit,
            resets=resets,
        )
        self.item = item


class FunctionFailed(YunboxError):
    """User code failed. ``reason`` is one of ``threw``, ``timeout``, ``exited``, ``memory``, ``load``, ``result``."""

    code = "function_failed"

    def __init__(self, message: str, *, reason: str = "threw", stack: str = "", **data: Any) -> None:
        super().__init__(message, **data)
        self.reason = reason
        self.stack = stack


class QueryError(YunboxError):
    """A document operation failed. ``number`` and ``name`` are MongoDB 5.0's (for example 2, ``BadValue``)."""

    code = "query_error"

    def __init__(self, message: str, *, number: int = 2, name: str = "BadValue", **data: Any) -> None:
        super().__init__(message, **data)
        self.number = number
        self.name = name


class DuplicateKey(QueryError):
    code = "duplicate_key"

    def __init__(self, message: str, **data: Any) -> None:
        super().__init__(message, number=11000, name="DuplicateKey", **data)


class WriteConflict(QueryError):
    code = "write_conflict"

    def __init__(self, message: str = "write conflict; retry the transaction", **data: Any) -> None:
        super().__init__(message, number=112, name="WriteConflict", **data)
