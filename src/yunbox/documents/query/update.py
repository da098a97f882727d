"""Updates: compile an update document, a replacement or a pipeline, and apply it to documents."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from math import copysign
from typing import Any, NamedTuple

from yunbox.errors import QueryError

from .collation import compile_collation
from .display import shown
from .ejson import MAX_DEPTH, too_deep
from .match import compile_filter
from .modifiers import Context, Modifier, is_operator, modifier
from .nesting import bounded
from .paths import is_index, is_selector, split
from .predicates import bad_value, is_regex, starts_with_operator
from .update_tree import Application, ArrayFilters, Branch, arrange, dollar_field, insert
from .values import MISSING, UNDEFINED, Collation, Document, equal, type_name

__all__ = ["Update", "compile_update", "document_from_filter"]

_IDENTIFIER = re.compile(r"[a-z][a-zA-Z0-9]*")
_PIPELINE_STAGES = frozenset({"$addFields", "$set", "$project", "$unset", "$replaceRoot", "$replaceWith"})

_DBREF_FIELDS = frozenset({"$ref", "$id", "$db"})

_Transform = Callable[[Document, Context], Document]


class Operators(NamedTuple):
    """The operators of an update, for who applies them to each top-level field by itself: they look at nothing else."""

    tree: Branch
    filters: ArrayFilters

    def application(self, now: datetime) -> Application:
        """What applies ``tree.members``; its context's document has to hold at least these fields."""
        return Application(Context({}, None, now, False), self.filters)


class Update:
    """A compiled update; it may be applied to any number of documents."""

    __slots__ = ("_transform", "kind", "operators")

    def __init__(self, kind: str, transform: _Transform, operators: Operators | None = None) -> None:
        self.kind = kind
        """``operators``, ``replacement`` or ``pipeline``."""
        self.operators = operators
        self._transform = transform

    @bounded
    def apply(
        self, document: Document, *, position: int | None = None, now: datetime, inserting: bool = False
    ) -> Document:
        """The document after the update; the same object when nothing changes. The input is never changed.

        ``position`` is what the positional ``$`` stands for (`Matcher.position`), ``now`` the time for ``$currentDate``,
        ``inserting`` makes ``$setOnInsert`` work: ``document`` is then what an upsert starts from. Raises `QueryError`.
        """
        result = self._transform(document, Context(document, position, now, inserting))
        if inserting:
            check_identity(result)
        if identical(result, document):
            return document
        _check_id(document, result)
        return result


def _check_id(before: Document, after: Document) -> None:
    old, new = before.get("_id", MISSING), after.get("_id", MISSING)
    if old is MISSING or (new is not MISSING and equal(old, new)):
        return
    raise QueryError(
        "Performing an update on the path '_id' would modify the immutable field '_id'",
        number=66,
        name="ImmutableField",
    )


def check_identity(document: Document) -> None:
    """Raise `QueryError` for an ``_id`` of a type that an ``_id`` cannot have (53), or with fields of operators (52)."""
    identity = document.get("_id")
    if isinstance(identity, list) or identity is UNDEFINED or is_regex(identity):
        raise QueryError(f"The '_id' value cannot be of type {type_name(identity)}", number=53, name="InvalidIdField")
    if isinstance(identity, dict):
        _refuse_dollars(identity)


def _refuse_dollars(value: dict[str, Any]) -> None:
    for name, inner in value.items():
        if name.startswith("$") and name not in _DBREF_FIELDS:
            raise QueryError(
                f"_id fields may not contain '$'-prefixed fields: {name} is not valid for storage.",
                number=52,
                name="DollarPrefixedFieldName",
            )
        for item in inner if isinstance(inner, list) else (inner,):
            if isinstance(item, dict):
                _refuse_dollars(item)


def identical(a: Any, b: Any) -> bool:
    """Whether two values are the same to the byte: types and field order included."""
    if a is b:
        return True
    if type(a) is not type(b):
        return False
    if type(a) is dict:
        return len(a) == len(b) and all(
            name == other and identical(value, b[other]) for (name, value), other in zip(a.items(), b, strict=True)
        )
    if type(a) is list:
        return len(a) == len(b) and all(map(identical, a, b))
    if type(a) is float and a == 0:
        return b == 0 and copysign(1, a) == copysign(1, b)
    return bool(a == b or (a != a and b != b))


@bounded
def compile_update(
    update: Any,
    *,
    array_filters: Sequence[Mapping[str, Any]] | None = None,
    collation: Any = None,
    variables: Mapping[str, Any] | None = None,
) -> Update:
    """Compile an update: operators when the first key begins with ``$``, a replacement otherwise, a pipeline for a list.

    ``variables`` are the values that a pipeline may read.

    Raises `QueryError` with MongoDB's number and name for what MongoDB refuses.
    """
    compiled = compile_collation(collation)
    if isinstance(update, Mapping):
        if update and next(iter(update)).startswith("$"):
            return Update("operators", *_operators(update, array_filters or (), compiled))
        _refuse_filters(array_filters, "replacement")
        return Update("replacement", _replacement(update))
    if not isinstance(update, Sequence) or isinstance(update, str):
        raise _unparsable("Update argument must be either an object or an array")
    _refuse_filters(array_filters, "pipeline")
    return Update("pipeline", _pipeline(update, compiled, variables or {}))


def _refuse_filters(array_filters: Sequence[Mapping[str, Any]] | None, kind: str) -> None:
    if array_filters:
        raise _unparsable(f"arrayFilters may not be specified for {kind}-style updates")


def _unparsable(message: str) -> QueryError:
    return QueryError(message, number=9, name="FailedToParse")


def _replacement(update: Mapping[str, Any]) -> _Transform:
    for name in update:
        if name.startswith("$"):
            raise dollar_field(name, name)
    replacement = dict(update)

    def transform(document: Document, context: Context) -> Document:
        return _with_id_of(document, replacement)

    return transform


def _with_id_of(document: Document, replacement: Document) -> Document:
    if "_id" in replacement:
        identity = replacement["_id"]
    elif "_id" in document:
        identity = document["_id"]
    else:
        return dict(replacement)
    return {"_id": identity, **{name: value for name, value in replacement.items() if name != "_id"}}


def _pipeline(stages: Sequence[Any], collation: Collation | None, variables: Mapping[str, Any]) -> _Transform:
    from .let import literals
    from .pipeline import compile_pipeline

    for stage in stages:
        if not isinstance(stage, Mapping):
            raise QueryError("Each element of the 'pipeline' array must be an object", number=14, name="TypeMismatch")
        name = next(iter(stage), "")
        if name not in _PIPELINE_STAGES:
            raise QueryError(f"{name} is not allowed to be used within an update", number=72, name="InvalidOptions")
    pipeline = compile_pipeline(stages, collection="", collation=collation, let=literals(variables))

    def transform(document: Document, context: Context) -> Document:
        (result,) = pipeline.run(iter([document]), _NoCollections())
        return _with_id_of(document, result)

    return transform


class _NoCollections:
    """An update's pipeline reads nothing but its document."""

    def find(self, collection: str, filter: Document) -> list[Document]:
        raise bad_value("an update cannot read another collection")

    def write(self, write: Any) -> None:
        raise bad_value("an update's pipeline cannot write to a collection")

    def statistics(self, collection: str) -> Any:
        raise bad_value("an update's pipeline cannot read statistics")


def _operators(
    update: Mapping[str, Any], array_filters: Sequence[Mapping[str, Any]], collation: Collation | None
) -> tuple[_Transform, Operators]:
    filters = _array_filters(array_filters, collation)
    root = Branch()
    used: set[str] = set()
    for operator, fields in update.items():
        _check_operator(operator, fields)
        for path, operand in fields.items():
            if operator == "$rename":
                _rename(root, path, operand)
            else:
                leaf = modifier(operator, path, operand, collation)
                insert(root, _update_path(path, filters, used), leaf)
    for identifier in filters:
        if identifier not in used:
            raise _unparsable(f"The array filter for identifier '{identifier}' was not used in the update")
    arrange(root)

    def transform(document: Document, context: Context) -> Document:
        result: Document = Application(context, filters).apply(root, document, "")
        return result

    return transform, Operators(root, filters)


def _check_operator(operator: str, fields: Any) -> None:
    if not is_operator(operator):
        raise _unparsable(
            f"Unknown modifier: {operator}. Expected a valid update modifier or pipeline-style update specified as an array"
        )
    if not isinstance(fields, Mapping):
        raise _unparsable(
            f"Modifiers operate on fields but we found type {type_name(fields)} instead. "
            f"For example: {{$mod: {{<field>: ...}}}} not {{{operator}: ...}}"
        )


def _update_path(path: str, filters: ArrayFilters, used: set[str]) -> tuple[str, ...]:
    parts = _checked_parts(path)
    if parts[0] == "$" or is_selector(parts[0]):
        raise bad_value(f"Cannot have positional (i.e. '$') element in the first position in path '{path}'")
    if parts.count("$") > 1:
        raise bad_value(f"Too many positional (i.e. '$') elements found in path '{path}'")
    for part in parts:
        if is_selector(part):
            _use_filter(part[2:-1], path, filters, used)
    return parts


def _use_filter(identifier: str, path: str, filters: ArrayFilters, used: set[str]) -> None:
    if not identifier:
        return
    if identifier not in filters:
        raise bad_value(f"No array filter found for identifier '{identifier}' in path '{path}'")
    used.add(identifier)


def _parts(path: str) -> tuple[str, ...]:
    parts = split(path)
    if len(parts) > MAX_DEPTH:
        raise too_deep()
    return parts


def _checked_parts(path: str) -> tuple[str, ...]:
    if not path:
        raise QueryError("An empty update path is not valid.", number=56, name="EmptyFieldName")
    parts = _parts(path)
    if "" in parts:
        raise QueryError(
            f"The update path '{path}' contains an empty field name, which is not allowed.",
            number=56,
            name="EmptyFieldName",
        )
    return parts


def _rename(root: Branch, source: str, target: Any) -> None:
    if not isinstance(target, str):
        raise bad_value(f"The 'to' field for $rename must be a string: {source}")
    source_parts, target_parts = _checked_parts(source), _checked_parts(target)
    for what, path, parts in (("source", source, source_parts), ("destination", target, target_parts)):
        if "\0" in path:
            raise bad_value("The 'to' field for $rename cannot contain an embedded null byte")
        if any(part == "$" or is_selector(part) for part in parts):
            raise bad_value(f"The {what} field for $rename may not be dynamic: {path}")
    if source == target:
        raise bad_value(f'The source and target field for $rename must differ: {source}: "{target}"')

    def present(context: Context) -> bool:
        return _renamed_value(context.document, source_parts) is not MISSING

    def moved(old: Any, context: Context) -> Any:
        _check_destination(context.document, target_parts)
        return _renamed_value(context.document, source_parts)

    insert(root, target_parts, Modifier("$rename", target, moved, applies=present))
    insert(
        root,
        source_parts,
        Modifier("$rename", source, lambda old, context: MISSING, creates=False, strict=False, applies=present),
    )


def _renamed_value(document: Document, parts: tuple[str, ...]) -> Any:
    """What a path leads to, missing when there is nothing. Raises `QueryError` for what is inside an array."""
    value: Any = document
    array = ""
    for index, part in enumerate(parts):
        if value is MISSING:
            return MISSING
        if type(value) is list and is_index(part):
            array = array or parts[index - 1]
            value = value[int(part)] if int(part) < len(value) else MISSING
        elif type(value) is dict:
            value = value.get(part, MISSING)
        else:
            raise QueryError(
                f"Cannot use the part ({part}) of ({'.'.join(parts)}) to traverse the element "
                f"({{{parts[index - 1]}: {shown(value)}}})",
                number=28,
                name="PathNotViable",
            )
    if array and value is not MISSING:
        raise _in_array("source", parts, array)
    return value


def _check_destination(document: Document, parts: tuple[str, ...]) -> None:
    value: Any = document
    for index, part in enumerate(parts):
        if type(value) is list:
            raise _in_array("destination", parts, parts[index - 1])
        value = value.get(part) if type(value) is dict else None


def _in_array(what: str, parts: tuple[str, ...], array: str) -> QueryError:
    return bad_value(
        f"The {what} field cannot be an array element, '{'.'.join(parts)}' in doc has an array field called '{array}'"
    )


def _array_filters(array_filters: Sequence[Mapping[str, Any]], collation: Collation | None) -> ArrayFilters:
    result: ArrayFilters = {}
    for filter in array_filters:
        if not isinstance(filter, Mapping):
            raise QueryError(
                f"BSON field 'arrayFilters' is the wrong type '{type_name(filter)}', expected type 'object'",
                number=14,
                name="TypeMismatch",
            )
        identifier = _identifier(filter)
        if identifier in result:
            raise _unparsable(f"Found multiple array filters with the same top-level field name {identifier}")
        result[identifier] = _element_test(identifier, filter, collation)
    return result


def _element_test(identifier: str, filter: Mapping[str, Any], collation: Collation | None) -> Callable[[Any], bool]:
    matches = compile_filter(filter, collation=collation, top=False)
    return lambda item: matches({identifier: item})


def _identifier(filter: Mapping[str, Any]) -> str:
    names = list(dict.fromkeys(_top_names(filter)))
    if not names:
        raise _unparsable("Cannot use an expression without a top-level field name in arrayFilters")
    if len(names) > 1:
        raise _unparsable(
            f"Error parsing array filter :: caused by :: Expected a single top-level field name, found '{names[0]}' and '{names[1]}'"
        )
    if not _IDENTIFIER.fullmatch(names[0]):
        raise bad_value(
            "Error parsing array filter :: caused by :: The top-level field name must be an alphanumeric string "
            f"beginning with a lowercase letter, found '{names[0]}'"
        )
    return names[0]


def _top_names(filter: Mapping[str, Any]) -> list[str]:
    names = []
    for path, operand in filter.items():
        if not path.startswith("$"):
            names.append(path.split(".")[0])
        elif path in ("$and", "$or", "$nor") and isinstance(operand, list):
            names.extend(name for clause in operand if isinstance(clause, Mapping) for name in _top_names(clause))
    return names


def document_from_filter(filter: Mapping[str, Any]) -> Document:
    """The document an upsert starts from: the fields that the filter requires to equal a value.

    Raises `QueryError` (54) when the filter names a field twice.
    """
    result: Document = {}
    for path, value in _equalities(filter):
        _place(result, path, value)
    return result


def _equalities(filter: Mapping[str, Any]) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for path, operand in filter.items():
        if path == "$and" or (path == "$or" and isinstance(operand, list) and len(operand) == 1):
            for clause in _list(operand):
                found.extend(_equalities(clause) if isinstance(clause, Mapping) else [])
        elif not path.startswith("$"):
            found.extend((path, value) for value in _equal_values(operand))
    return found


def _equal_values(operand: Any) -> list[Any]:
    if is_regex(operand):
        return []
    if not (isinstance(operand, dict) and starts_with_operator(operand)):
        return [operand]
    members = _list(operand.get("$in"))
    items = _list(operand.get("$all")) + (members if len(members) == 1 else [])
    exact = [operand["$eq"]] if "$eq" in operand else []
    return exact + [item for item in items if not _is_condition(item)]


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _is_condition(item: Any) -> bool:
    return is_regex(item) or (isinstance(item, dict) and starts_with_operator(item))


def _place(document: Document, path: str, value: Any) -> None:
    parts = _parts(path)
    inner: Any = document
    for part in parts[:-1]:
        inner = inner.setdefault(part, {})
        if type(inner) is not dict:
            raise _matched_twice(path)
    if parts[-1] in inner:
        raise _matched_twice(path)
    inner[parts[-1]] = value


def _matched_twice(path: str) -> QueryError:
    return QueryError(
        f"cannot infer query fields to set, path '{path}' is matched twice", number=54, name="NotSingleValueField"
    )
