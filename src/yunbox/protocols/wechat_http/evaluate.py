"""Running a parsed database script: the objects a script sees, and the one operation it ends in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from bson import Regex

from yunbox.protocols.wechat_http import script
from yunbox.protocols.wechat_http.lexer import ScriptError
from yunbox.protocols.wechat_http.operators import COMPARISONS, LOGIC, UPDATES, Operator

UNDEFINED = ...
_GEOMETRIES = ("LineString", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon")
_FINAL = ("add", "update", "set", "remove", "get", "count", "end")
_REGEX_FLAGS = {"i": "i", "m": "m", "s": "s", "x": "x", "g": "", "u": "", "y": ""}


class _Refused(Exception):
    """A call that the objects of a script do not offer; becomes a ``ScriptError`` with its place."""


@dataclass(frozen=True, slots=True)
class Operation:
    """What a script asks for. ``kind`` is one of add, update, set, remove, get, count, end."""

    collection: str
    kind: str = ""
    document_id: Any = None
    where: Any = None
    data: Any = None
    order: tuple[tuple[str, int], ...] = ()
    skip: int = 0
    limit: int | None = None
    fields: dict[str, Any] | None = None
    stages: tuple[tuple[str, Any], ...] | None = None
    has_where: bool = False

    def call(self, name: str, arguments: tuple[Any, ...]) -> Operation:
        """The operation after one more method of the chain."""
        if self.kind:
            raise _Refused(f"nothing can follow `{self.kind}()`")
        if self.stages is not None:
            return self._stage(name, arguments)
        if name in _FINAL and name != "end":
            return self._finish(name, arguments)
        handler = _CHAIN.get(name)
        if handler is None:
            raise _Refused(f"`{name}` is not a method of a collection")
        return handler(self, *arguments)

    def _stage(self, name: str, arguments: tuple[Any, ...]) -> Operation:
        stages = self.stages or ()
        if name == "end":
            return replace(self, kind="end")
        return replace(self, stages=(*stages, (f"${name}", arguments[0] if arguments else {})))

    def _finish(self, name: str, arguments: tuple[Any, ...]) -> Operation:
        data = None
        if name in ("add", "update", "set"):
            options = arguments[0] if arguments else None
            if not isinstance(options, dict) or "data" not in options:
                raise _Refused(f"`{name}` needs an object with `data`")
            data = options["data"]
        return replace(self, kind=name, data=data)


def _order_by(operation: Operation, path: str, direction: str) -> Operation:
    if direction not in ("asc", "desc"):
        raise _Refused("the second argument of `orderBy` is 'asc' or 'desc'")
    return replace(operation, order=(*operation.order, (path, 1 if direction == "asc" else -1)))


def _where(operation: Operation, condition: Any) -> Operation:
    return replace(operation, where=condition, has_where=True)


_CHAIN: dict[str, Callable[..., Operation]] = {
    "doc": lambda operation, document_id: replace(operation, document_id=document_id),
    "where": _where,
    "orderBy": _order_by,
    "skip": lambda operation, count: replace(operation, skip=int(count)),
    "limit": lambda operation, count: replace(operation, limit=int(count)),
    "field": lambda operation, fields: replace(operation, fields=dict(fields)),
    "aggregate": lambda operation: replace(operation, stages=()),
}


class _Database:
    """``db``."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def member(self, name: str) -> Any:
        if name == "command":
            return _Command()
        if name == "Geo":
            return _Geo()
        if name in ("collection", "RegExp", "serverDate"):
            return lambda *arguments: self.call(name, arguments)
        raise _Refused(f"`db.{name}` does not exist")

    def call(self, name: str, arguments: tuple[Any, ...]) -> Any:
        options = arguments[0] if arguments else {}
        if name == "collection":
            if not isinstance(options, str) or not options:
                raise _Refused("`collection` needs a name")
            return Operation(options)
        if name == "RegExp":
            return regex(str(options.get("regexp", "")), str(options.get("options", "")))
        return self.now + timedelta(milliseconds=float(options.get("offset", 0)))


class _Command:
    """``db.command`` and, below ``aggregate``, its expression operators; ``project`` makes projections."""

    def __init__(self, kind: str = "command") -> None:
        self._kind = kind

    def member(self, name: str) -> Any:
        if self._kind == "command" and name in ("aggregate", "project"):
            return _Command(name)
        known = {*COMPARISONS, *LOGIC, *UPDATES, "expr"}
        if self._kind == "command" and name not in known:
            raise _Refused(f"`command.{name}` does not exist")
        if self._kind == "project":
            return lambda *arguments: {f"${name}": arguments[0] if len(arguments) == 1 else list(arguments)}
        return lambda *arguments: Operator(name, arguments)


class _Geo:
    """``db.Geo``: constructors of GeoJSON values."""

    def member(self, name: str) -> Any:
        if name == "Point":
            return lambda longitude, latitude: {"type": "Point", "coordinates": [longitude, latitude]}
        if name in _GEOMETRIES:
            return lambda parts: {"type": name, "coordinates": [part["coordinates"] for part in parts]}
        raise _Refused(f"`Geo.{name}` does not exist")


def regex(pattern: str, flags: str) -> Regex[str]:
    """A regular expression; flags without meaning on the server are dropped."""
    return Regex(pattern, "".join(_REGEX_FLAGS.get(flag, "") for flag in dict.fromkeys(flags)))


def evaluate(text: str, now: datetime) -> Operation:
    """The operation that a script ends in.

    Raises:
        ScriptError: when the script is not in the subset, or ends in no operation.
    """
    statements = script.parse(text)
    scope: dict[str, Any] = {"db": _Database(now), "_": _Command()}
    result: Any = None
    for statement in statements:
        result = _run(statement, scope)
    if not isinstance(result, Operation) or not result.kind:
        last = statements[-1] if statements else script.Node(1, 1)
        raise ScriptError(f"the script must end in one of {', '.join(_FINAL)}", last.line, last.column)
    return result


def _run(node: script.Node, scope: dict[str, Any]) -> Any:
    if not isinstance(node, script.Declaration):
        return _value(node, scope)
    value = _value(node.value, scope)
    for name, source in node.names:
        scope[name] = value if source is None else _at(node, partial(_member, value, source))
    return None


def _value(node: script.Node, scope: dict[str, Any]) -> Any:
    match node:
        case script.Literal():
            return node.value
        case script.RegexLiteral():
            return regex(node.pattern, node.flags)
        case script.Name():
            if node.name not in scope:
                raise ScriptError(f"`{node.name}` is not defined", node.line, node.column)
            return scope[node.name]
        case script.Array():
            return [None if value is UNDEFINED else value for value in (_value(item, scope) for item in node.items)]
        case script.Object():
            pairs = ((key, _value(item, scope)) for key, item in node.items)
            return {key: value for key, value in pairs if value is not UNDEFINED}
        case script.Member():
            target = _value(node.target, scope)
            return _at(node, lambda: _member(target, node.name))
        case script.Call():
            return _call(node, scope)
    raise ScriptError("unsupported expression", node.line, node.column)


def _call(node: script.Call, scope: dict[str, Any]) -> Any:
    arguments = tuple(_value(argument, scope) for argument in node.arguments)
    if isinstance(node.target, script.Name) and node.target.name not in scope:
        return _at(node, lambda: _global_call(node, arguments, scope))
    target = _value(node.target, scope)
    return _at(node, lambda: _apply(target, arguments))


def _global_call(node: script.Call, arguments: Sequence[Any], scope: dict[str, Any]) -> Any:
    assert isinstance(node.target, script.Name)
    if node.target.name == "Date" and node.is_new:
        return _date(arguments, scope["db"].now)
    if node.target.name == "RegExp":
        return regex(str(arguments[0]), str(arguments[1]) if len(arguments) > 1 else "")
    raise _Refused(f"`{node.target.name}` is not defined")


def _date(arguments: Sequence[Any], now: datetime) -> datetime:
    if not arguments:
        return now
    if isinstance(arguments[0], str):
        parsed = datetime.fromisoformat(arguments[0].replace("Z", "+00:00"))
        return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
    if len(arguments) == 1:
        return datetime.fromtimestamp(arguments[0] / 1000, UTC)
    year, month, *rest = (int(argument) for argument in arguments)
    day, hour, minute, second, millisecond = [*rest, *[1, 0, 0, 0, 0][len(rest) :]]
    start = datetime(year, month + 1, 1, tzinfo=UTC)
    return start + timedelta(days=day - 1, hours=hour, minutes=minute, seconds=second, milliseconds=millisecond)


def _member(target: Any, name: str) -> Any:
    if isinstance(target, _Database | _Command | _Geo):
        return target.member(name)
    if isinstance(target, Operation):
        return lambda *arguments: target.call(name, arguments)
    if isinstance(target, Operator):
        return lambda *arguments: target.chain(name, arguments)
    if isinstance(target, dict) and name in target:
        return target[name]
    raise _Refused(f"`{name}` does not exist here")


def _apply(target: Any, arguments: tuple[Any, ...]) -> Any:
    if not callable(target):
        raise _Refused("this cannot be called")
    return target(*arguments)


def _at(node: script.Node, action: Callable[[], Any]) -> Any:
    """The result of ``action``; whatever it refuses is told with the node's place."""
    try:
        return action()
    except ScriptError:
        raise
    except _Refused as error:
        raise ScriptError(str(error), node.line, node.column) from None
    except (TypeError, ValueError, KeyError, AttributeError, OverflowError) as error:
        raise ScriptError(f"wrong arguments ({error})", node.line, node.column) from None
