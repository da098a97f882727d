"""Projections of ``find``: inclusion, exclusion, computed fields, ``$slice``, ``$elemMatch``, ``$meta`` and the positional ``$``."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from bson import Decimal128

from yunbox.errors import QueryError

from .collation import compile_collation
from .match import Matcher, compile_elements
from .nesting import bounded
from .values import MISSING, Document, is_number, type_name

__all__ = ["compile_projection"]

Project = Callable[[Document], Document]
_Step = Callable[[Document, Document], Document]


@dataclass(slots=True)
class _Plan:
    """A projection taken apart: what an inclusion or exclusion does, and the steps that only ``find`` has."""

    plain: dict[str, Any] = field(default_factory=dict)
    positional: str | None = None
    slices: dict[str, tuple[int | None, int]] = field(default_factory=dict)
    elements: dict[str, Callable[[Any], Any]] = field(default_factory=dict)
    meta: dict[str, str] = field(default_factory=dict)


@bounded
def compile_projection(
    projection: Mapping[str, Any] | None,
    *,
    filter_matcher: Matcher | None = None,
    variables: Mapping[str, Any] | None = None,
    collation: Any = None,
) -> Project:
    """A function from a document to its projection; documents are not changed. An empty projection gives the document.

    ``filter_matcher`` is the query's filter, by whose match the positional ``$`` picks its element; ``variables`` are for
    expressions. Raises `QueryError` with MongoDB's number for a projection that cannot be.
    """
    if not projection:
        return lambda document: document
    collation = compile_collation(collation)
    plan = _take_apart(projection, collation)
    reduce = _reduction(plan, variables or {}, collation)
    before = _positional(plan.positional, filter_matcher) if plan.positional is not None else None
    steps = [*_slice_steps(plan), *_element_steps(plan), *_meta_steps(plan, filter_matcher)]

    @bounded
    def project(document: Document) -> Document:
        result = reduce(document if before is None else before(document))
        for step in steps:
            result = step(document, result)
        return result

    return project


def _take_apart(projection: Mapping[str, Any], collation: Any) -> _Plan:
    plan = _Plan()
    for path, value in _entries(projection, ""):
        operator = next(iter(value), "") if isinstance(value, dict) and len(value) == 1 else ""
        if path.endswith(".$") or ".$." in path:
            _add_positional(plan, path, value)
        elif operator == "$slice" and _is_find_slice(value["$slice"]):
            plan.slices[path] = _slice_bounds(value["$slice"])
        elif operator == "$elemMatch":
            plan.elements[path] = _element_finder(path, value["$elemMatch"], collation)
        elif operator == "$meta":
            plan.meta[path] = _meta_keyword(value["$meta"])
        else:
            plan.plain[path] = value
    _check_together(plan)
    return plan


def _entries(projection: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for name, value in projection.items():
        path = prefix + name
        if isinstance(value, dict) and value and not next(iter(value)).startswith("$"):
            yield from _entries(value, f"{path}.")
        else:
            yield path, value


def _add_positional(plan: _Plan, path: str, value: Any) -> None:
    if not path.endswith(".$") or ".$." in path:
        raise _failure(
            31394,
            "As of 4.4, it's illegal to specify positional operator in the middle of a path. "
            f"Positional projection may only be used at the end, for example: a.b.$. Path: {path}",
        )
    if plan.positional is not None:
        raise _failure(31276, "Cannot specify more than one positional projection per query.")
    if not _is_flag(value):
        raise _failure(31271, "positional projection cannot be used with an expression or sub object")
    if not _flag(value):
        raise _failure(31395, "positional projection cannot be used with exclusion")
    plan.positional = path[:-2]
    plan.plain[path[:-2]] = True


def _check_together(plan: _Plan) -> None:
    if plan.positional is not None and plan.elements:
        raise _failure(31255, "Cannot specify positional operator and $elemMatch.")
    paths: list[str] = [*plan.plain, *plan.slices, *plan.elements, *plan.meta]
    for index, path in enumerate(paths):
        for other in paths[:index]:
            if other == path or other.startswith(f"{path}.") or path.startswith(f"{other}."):
                raise _failure(31250, f"Path collision at {path}")


def _failure(number: int, message: str) -> QueryError:
    return QueryError(message, number=number, name=f"Location{number}")


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool) or is_number(value)


def _flag(value: Any) -> bool:
    return value.to_decimal() != 0 if isinstance(value, Decimal128) else bool(value)


def _is_inclusion(plan: _Plan) -> bool:
    """Whether only what is named is kept. ``_id`` decides only when nothing else does."""
    if plan.elements or plan.positional is not None:
        return True
    decisive = [value for path, value in plan.plain.items() if path != "_id"]
    if not decisive:
        return "_id" in plan.plain and not (_is_flag(plan.plain["_id"]) and not _flag(plan.plain["_id"]))
    return any(not _is_flag(value) or _flag(value) for value in decisive)


def _reduction(plan: _Plan, variables: Mapping[str, Any], collation: Any) -> Project:
    from .expressions import Scope
    from .pipeline.projecting import compile_projection as compile_plain

    specification = dict(plan.plain)
    if _is_inclusion(plan):
        specification.update(dict.fromkeys(plan.slices, True))
        if set(specification) <= {"_id"} and plan.elements:
            return _identity_only(specification)
    if not specification:
        return dict
    transform = compile_plain("projection", specification, Scope(variables.keys(), collation)).transform
    return lambda document: transform(document, variables)


def _identity_only(specification: dict[str, Any]) -> Project:
    if "_id" in specification and not _flag(specification["_id"]):
        return lambda document: {}
    return lambda document: {"_id": document["_id"]} if "_id" in document else {}


def _positional(path: str, matcher: Matcher | None) -> Project:
    parts = path.split(".")

    def before(document: Document) -> Document:
        result: Document = _narrowed(document, parts, lambda: _position(matcher, document))
        return result

    return before


def _position(matcher: Matcher | None, document: Document) -> int:
    position = matcher.position(document) if matcher is not None else None
    if position is None:
        raise _failure(
            51246,
            "Executor error during find command :: caused by :: positional operator '.$' couldn't find a matching "
            "element in the array",
        )
    return position


def _narrowed(value: Any, parts: list[str], position: Callable[[], int]) -> Any:
    """The value with the first array on the path cut down to its matching element."""
    if type(value) is list:
        at = position()
        if at >= len(value):
            raise _failure(51247, "positional operator '.$' element mismatch")
        return [value[at]]
    if type(value) is not dict or not parts or parts[0] not in value:
        return value
    inner = _narrowed(value[parts[0]], parts[1:], position)
    return value if inner is value[parts[0]] else {**value, parts[0]: inner}


def _is_find_slice(operand: Any) -> bool:
    if isinstance(operand, list):
        return bool(operand) and is_number(operand[0]) and len(operand) == 2
    return is_number(operand)


def _slice_bounds(operand: Any) -> tuple[int | None, int]:
    if not isinstance(operand, list):
        return None, _slice_number(operand)
    skip, limit = (_slice_number(item) for item in operand)
    if limit <= 0:
        raise _failure(28724, f"First argument to $slice must be a number and the limit positive, not {limit}")
    return skip, limit


def _slice_number(value: Any) -> int:
    if not is_number(value):
        raise _failure(28667, "$slice only supports numbers and [skip, limit] arrays")
    exact = value.to_decimal() if isinstance(value, Decimal128) else value
    return int(max(min(exact, 2**31 - 1), -(2**31))) if exact == exact else 0


def _slice_steps(plan: _Plan) -> Iterator[_Step]:
    for path, (skip, limit) in plan.slices.items():
        yield _slice_step(path.split("."), skip, limit)


def _slice_step(parts: list[str], skip: int | None, limit: int) -> _Step:
    def cut(items: list[Any]) -> list[Any]:
        if skip is None:
            return items[:limit] if limit >= 0 else items[limit:]
        start = skip if skip >= 0 else max(len(items) + skip, 0)
        return items[start : start + limit]

    return lambda document, result: _cut_at(result, parts, cut)


def _cut_at(value: Any, parts: list[str], cut: Callable[[list[Any]], list[Any]]) -> Any:
    if not parts:
        return cut(value) if type(value) is list else value
    if type(value) is list:
        return [_cut_at(item, parts, cut) for item in value]
    if type(value) is not dict or parts[0] not in value:
        return value
    return {**value, parts[0]: _cut_at(value[parts[0]], parts[1:], cut)}


def _element_finder(path: str, operand: Any, collation: Any) -> Callable[[Any], Any]:
    if not isinstance(operand, dict):
        raise _failure(31274, f"elemMatch: Invalid argument, object required, but got {type_name(operand)}")
    if "." in path:
        raise _failure(31275, "Cannot use $elemMatch projection on a nested field.")
    index = compile_elements(operand, collation=collation)

    def find(value: Any) -> Any:
        at = index(value)
        return MISSING if at is None else [value[at]]

    return find


def _element_steps(plan: _Plan) -> Iterator[_Step]:
    for path, find in plan.elements.items():
        yield _element_step(path, find)


def _element_step(name: str, find: Callable[[Any], Any]) -> _Step:
    def step(document: Document, result: Document) -> Document:
        found = find(document.get(name, MISSING))
        return result if found is MISSING else {**result, name: found}

    return step


_META = frozenset(
    {"textScore", "randVal", "geoNearDistance", "geoNearPoint", "indexKey", "recordId", "searchScore", "sortKey"}
)


def _meta_keyword(keyword: Any) -> str:
    if not isinstance(keyword, str):
        raise _failure(31138, f"Illegal $meta type: {type_name(keyword)}")
    if keyword not in _META:
        raise _failure(17308, f"Unsupported argument to $meta: {keyword}")
    return keyword


def _meta_steps(plan: _Plan, matcher: Matcher | None) -> Iterator[_Step]:
    for path, keyword in plan.meta.items():
        yield _meta_step(path, keyword, matcher)


def _meta_step(path: str, keyword: str, matcher: Matcher | None) -> _Step:
    if keyword == "textScore" and (matcher is None or matcher.text is None):
        raise _failure(40218, "query requires text score metadata, but it is not available")
    if keyword == "geoNearDistance" and (matcher is None or matcher.near is None):
        raise _failure(40218, "query requires $geoNear distance metadata, but it is not available")

    def step(document: Document, result: Document) -> Document:
        value = _meta_value(keyword, document, matcher)
        return result if value is None else {**result, path: value}

    return step


def _meta_value(keyword: str, document: Document, matcher: Matcher | None) -> Any:
    if keyword == "randVal":
        return random.random()
    if keyword == "textScore" and matcher is not None and matcher.text is not None:
        return matcher.text.score(document)
    if keyword == "geoNearDistance" and matcher is not None and matcher.near is not None:
        return matcher.near.distance(document)
    return None
