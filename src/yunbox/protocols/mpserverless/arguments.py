"""The arguments of a database command, checked as the SDKs check them (aliyun-wire.md §5.2).

PHP and raw callers do not have those checks, and SDK 2.x drops empty objects, so an argument that is missing counts as
empty while one that is wrong is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from yunbox.documents.query.ejson import too_deep
from yunbox.protocols.mpserverless import values
from yunbox.protocols.mpserverless.errors import GatewayError

Document = dict[str, Any]
Update = dict[str, Any] | list[dict[str, Any]]


class Arguments:
    """The decoded parameters of one ``serverless.db.default.execute`` call."""

    def __init__(self, params: Mapping[str, Any]) -> None:
        self._params = params
        self._options = _object(params, "options")

    @property
    def collection(self) -> str:
        name = self._params.get("collection")
        if not isinstance(name, str) or not name:
            raise invalid("`collection` must be a non-empty string / 集合名 `collection` 应为非空字符串")
        return name

    @property
    def transaction(self) -> str | None:
        """The id of the transaction that the command belongs to."""
        return self._text("transactionId")

    def filter(self, name: str) -> Document:
        """``query`` or ``filter``."""
        return _decoded(_object(self._params, name))

    def document(self, name: str) -> Document:
        """A whole document to insert or to put in another's place."""
        return _checked_document(_object(self._params, name))

    def documents(self) -> list[Document]:
        """The documents of ``insertMany``."""
        documents = self._params.get("docs")
        if not isinstance(documents, list) or not documents:
            raise invalid("`docs` must be a non-empty array / 参数 `docs` 应为非空数组")
        return [_checked_document(_object({"docs": item}, "docs")) for item in documents]

    def update(self) -> Update:
        """Update operators or a pipeline. One that is missing changes nothing."""
        update = self._params.get("update")
        if update is None:
            return {"$set": {}}
        if isinstance(update, list):
            return [_decoded(_object({"update": stage}, "update")) for stage in update]
        if not isinstance(update, dict) or not update:
            raise invalid("`update` must be a non-empty object / 参数 `update` 应为非空对象")
        if not all(key.startswith("$") for key in update):
            raise invalid(
                "the update operation document must contain atomic operators / 更新内容必须使用原子操作符，如 $set"
            )
        return _decoded(update)

    def pipeline(self) -> list[Document]:
        """The stages of ``aggregate``; a single object is one stage (seed guide §2.5)."""
        pipeline = self._params.get("pipeline")
        if pipeline is None:
            return []
        if isinstance(pipeline, dict):
            pipeline = [pipeline]
        if not isinstance(pipeline, list):
            raise invalid("`pipeline` must be an array / 参数 `pipeline` 应为数组")
        return [_decoded(_object({"pipeline": stage}, "pipeline")) for stage in pipeline]

    def key(self) -> str:
        """The path of ``distinct``."""
        key = self._text("key")
        if not key:
            raise invalid("`key` must be a non-empty string / 参数 `key` 应为非空字符串")
        return key

    def option(self, name: str) -> Any:
        """An option as it was sent."""
        return self._options.get(name)

    def flag(self, name: str) -> bool:
        """A Boolean option; false when it is missing."""
        value = self._options.get(name)
        if value is not None and not isinstance(value, bool):
            raise invalid(f"`{name}` must be a boolean / 参数 `{name}` 应为布尔值")
        return bool(value)

    def count(self, name: str) -> int:
        """``limit`` or ``skip``: an integer of at least 0, and 0 when it is missing."""
        value = self._options.get(name)
        if value is None:
            return 0
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise invalid(f"`{name}` must be an integer of at least 0 / 参数 `{name}` 应为不小于 0 的整数")
        return value

    def max_time_ms(self) -> int | None:
        """``maxTimeMS``, or ``None`` for the default."""
        return self.count("maxTimeMS") or None

    def sort(self) -> dict[str, Any] | None:
        """``sort``: paths to 1, -1 or ``{"$meta": …}``."""
        sort = self._options.get("sort")
        if sort is None:
            return None
        if not isinstance(sort, dict) or not all(_is_direction(value) for value in sort.values()):
            raise invalid("`sort` must be an object whose values are 1 or -1 / 参数 `sort` 的值只能为 1 或 -1")
        return sort or None

    def projection(self) -> Document | None:
        """``projection``: paths to 0, 1 or an expression."""
        projection = self._options.get("projection")
        if projection is None:
            return None
        if not isinstance(projection, dict):
            raise invalid("`projection` must be an object / 参数 `projection` 应为对象")
        return _decoded(projection) or None

    def hint(self) -> Any:
        """``hint``: an index's keys or name."""
        hint = self._options.get("hint")
        if hint is not None and not isinstance(hint, dict | str):
            raise invalid("`hint` must be an object / 参数 `hint` 应为对象")
        return hint or None

    def collation(self) -> Document | None:
        return _object(self._options, "collation") or None

    def let(self) -> Document | None:
        """``let``: expressions for variables by their names."""
        return _decoded(_object(self._options, "let")) or None

    def _text(self, name: str) -> str | None:
        value = self._params.get(name)
        if value is not None and not isinstance(value, str):
            raise invalid(f"`{name}` must be a string / 参数 `{name}` 应为字符串")
        return value


def invalid(message: str) -> GatewayError:
    """The refusal of an argument."""
    return GatewayError("InvalidParameter", message)


def _object(source: Mapping[str, Any], name: str) -> Document:
    """An argument that is an object; PHP writes an empty one as ``[]``."""
    value = source.get(name)
    if value is None or value == []:
        return {}
    if not isinstance(value, dict):
        raise invalid(f"`{name}` must be an object / 参数 `{name}` 应为对象")
    return value


def _decoded(value: Document) -> Document:
    try:
        decoded: Document = values.decode(value)
    except RecursionError:
        raise too_deep() from None
    return decoded


def _checked_document(document: Document) -> Document:
    decoded = _decoded(document)
    _check_keys(document)
    return decoded


def _check_keys(value: Any) -> None:
    if isinstance(value, list):
        for item in value:
            _check_keys(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key.startswith("$") or "." in key:
                raise invalid(
                    f"key `{key}` must not contain `.` or start with `$` / 字段名 `{key}` 不能包含 . 或以 $ 开头"
                )
            _check_keys(item)


def _is_direction(value: Any) -> bool:
    return (not isinstance(value, bool) and value in (1, -1)) if not isinstance(value, dict) else "$meta" in value
