"""What the update operators do to one field: from the old value (or `MISSING`) to the new one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from itertools import count
from typing import Any

from bson import Timestamp
from msgspec import Struct

from yunbox.errors import QueryError

from .arrays import culling, popping, pulling, pushing, set_adding
from .display import shown
from .numbers import add, combine_bits, multiply, zero_like
from .predicates import bad_value
from .values import MISSING, Collation, Document, compare, date_millis, is_number, type_name

_ORDINALS = count(1)


class Context(Struct):
    """One application of an update: the document before it, and what its operators may look at."""

    document: Document
    position: int | None
    now: datetime
    inserting: bool


Change = Callable[[Any, Context], Any]


class Modifier(Struct, frozen=True):
    """One operator on one path. ``change`` gives the new value, the same object for no change, `MISSING` to remove.

    ``creates``: a missing field is made (else nothing happens to it). ``strict``: a path blocked by a scalar is an error.
    ``applies``: whether there is anything to do at all.
    """

    operator: str
    path: str
    change: Change
    creates: bool = True
    strict: bool = True
    applies: Callable[[Context], bool] | None = None


def modifier(operator: str, path: str, operand: Any, collation: Collation | None) -> Modifier:
    """The modifier of one entry of an update document. Raises `QueryError` for an operand that the operator refuses."""
    return _BUILDERS[operator](path, operand, collation)


def is_operator(name: str) -> bool:
    """Whether ``name`` is an update operator (``$rename`` is handled with the tree, as it has two paths)."""
    return name in _BUILDERS or name == "$rename"


def _set(path: str, operand: Any, collation: Collation | None) -> Modifier:
    return Modifier("$set", path, lambda old, context: operand)


def _set_on_insert(path: str, operand: Any, collation: Collation | None) -> Modifier:
    return Modifier("$setOnInsert", path, lambda old, context: operand, applies=lambda context: context.inserting)


def _unset(path: str, operand: Any, collation: Collation | None) -> Modifier:
    return Modifier("$unset", path, lambda old, context: MISSING, creates=False, strict=False)


def _arithmetic(operator: str, verb: str, combine: Callable[[Any, Any], Any], *, starts: bool) -> Any:
    def build(path: str, operand: Any, collation: Collation | None) -> Modifier:
        if not is_number(operand):
            raise _mismatch(f"Cannot {verb} with non-numeric argument: {{{path}: {shown(operand)}}}")

        def change(old: Any, context: Context) -> Any:
            if old is MISSING:
                return operand if starts else zero_like(operand)
            if not is_number(old):
                raise _mismatch(
                    f"Cannot apply {operator} to a value of non-numeric type. {_identity(context)} has the field "
                    f"'{path.rpartition('.')[2]}' of non-numeric type {type_name(old)}"
                )
            result = combine(old, operand)
            if result is None:
                raise bad_value(
                    f"Failed to apply {operator} operations to current value ({shown(old)}) for document {_identity(context)}"
                )
            return result

        return Modifier(operator, path, change)

    return build


def _identity(context: Context) -> str:
    return f"{{_id: {shown(context.document.get('_id'))}}}"


def _mismatch(message: str) -> QueryError:
    return QueryError(message, number=14, name="TypeMismatch")


def _extreme(operator: str, wanted: int) -> Any:
    def build(path: str, operand: Any, collation: Collation | None) -> Modifier:
        def change(old: Any, context: Context) -> Any:
            return operand if old is MISSING or compare(operand, old, collation) == wanted else old

        return Modifier(operator, path, change)

    return build


def _current_date(path: str, operand: Any, collation: Collation | None) -> Modifier:
    as_timestamp = _wants_timestamp(operand)

    def change(old: Any, context: Context) -> Any:
        if as_timestamp:
            return _timestamp(date_millis(context.now) // 1000)
        return context.now.replace(microsecond=context.now.microsecond // 1000 * 1000)

    return Modifier("$currentDate", path, change)


def _timestamp(second: int) -> Timestamp:
    """No two are the same, as MongoDB's are not."""
    return Timestamp(second, next(_ORDINALS) % 2**32)


def _wants_timestamp(operand: Any) -> bool:
    if isinstance(operand, bool):
        return False
    if not isinstance(operand, dict):
        raise bad_value(
            f"{type_name(operand)} is not valid type for $currentDate. Please use a boolean ('true') or a $type "
            "expression ({$type: 'timestamp/date'})."
        )
    for name in operand:
        if name != "$type":
            raise bad_value(f"Unrecognized $currentDate option: {name}")
    if operand.get("$type") not in ("date", "timestamp"):
        raise bad_value(
            "The '$type' string field is required to be 'date' or 'timestamp': {$currentDate: {field: {$type: 'date'}}}"
        )
    return bool(operand["$type"] == "timestamp")


def _bit(path: str, operand: Any, collation: Collation | None) -> Modifier:
    if not isinstance(operand, dict):
        raise bad_value(
            "The $bit modifier is not compatible with a "
            f"{type_name(operand)}. You must pass in an embedded document: {{$bit: {{field: {{and/or/xor: #}}}}}}"
        )
    if not operand:
        raise bad_value(
            "You must pass in at least one bitwise operation. The format is: {$bit: {field: {and/or/xor: #}}}"
        )
    for name, value in operand.items():
        if name not in ("and", "or", "xor"):
            raise bad_value(
                f"The $bit modifier only supports 'and', 'or', and 'xor', not '{name}' which is an unknown operator"
            )
        if type_name(value) not in ("int", "long"):
            raise bad_value(
                "The $bit modifier field must be an Integer(32/64 bit); a "
                f"'{type_name(value)}' is not supported here: {{{name}: {shown(value)}}}"
            )

    def change(old: Any, context: Context) -> Any:
        if old is not MISSING and type_name(old) not in ("int", "long"):
            raise bad_value(
                f"Cannot apply $bit to a value of non-integral type. {_identity(context)} has the field "
                f"{path.rpartition('.')[2]} of non-integer type {type_name(old)}"
            )
        result = 0 if old is MISSING else old
        for name, value in operand.items():
            result = combine_bits(name, result, value)
        return result

    return Modifier("$bit", path, change)


def _array(
    operator: str,
    build: Callable[[Any, Collation | None], Callable[[Any, str], Any]],
    *,
    creates: bool = True,
) -> Any:
    def make(path: str, operand: Any, collation: Collation | None) -> Modifier:
        change = build(operand, collation)
        return Modifier(operator, path, lambda old, context: change(old, path), creates)

    return make


_BUILDERS: dict[str, Callable[[str, Any, Collation | None], Modifier]] = {
    "$set": _set,
    "$setOnInsert": _set_on_insert,
    "$unset": _unset,
    "$inc": _arithmetic("$inc", "increment", add, starts=True),
    "$mul": _arithmetic("$mul", "multiply", multiply, starts=False),
    "$min": _extreme("$min", -1),
    "$max": _extreme("$max", 1),
    "$currentDate": _current_date,
    "$bit": _bit,
    "$push": _array("$push", pushing),
    "$addToSet": _array("$addToSet", set_adding),
    "$pop": _array("$pop", popping, creates=False),
    "$pull": _array("$pull", pulling, creates=False),
    "$pullAll": _array("$pullAll", culling, creates=False),
}
