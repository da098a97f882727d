"""Scripts of operations: names, arguments and matching rules of MongoDB's unified test format."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from yunbox.documents import Cursor, Database, operations
from yunbox.documents.query.values import equal, type_name
from yunbox.errors import QueryError, YunboxError

from .comparing import same, same_list
from .loading import Case

RUN_ON = (5, 0)
"""The version of MongoDB whose answers are expected."""
_WITHOUT_EFFECT = ("batch_size", "comment", "session", "bypass_document_validation", "read_concern", "allow_disk_use")
_ABSENT = object()


class Actor(Protocol):
    """Whoever carries out the operations of a script."""

    def run(self, name: str, collection: str, arguments: Mapping[str, Any]) -> Any:
        """The result in the form of the unified test format. Raises `YunboxError`."""
        ...

    def contents(self, collection: str) -> list[dict[str, Any]]:
        """The documents of a collection, by ``_id``."""
        ...


def is_meant(case: Case) -> bool:
    """Whether a script is about MongoDB 5.0; one without ``runOn`` is about every version."""
    ranges = case.get("runOn") or [{}]
    return any(
        _version(one.get("minServerVersion", "0")) <= RUN_ON <= _version(one.get("maxServerVersion", "99"))
        for one in ([ranges] if isinstance(ranges, dict) else ranges)
    )


def _version(text: str) -> tuple[int, ...]:
    """Major and minor; a patch level of 5.0 is still 5.0."""
    numbers = [int(part) for part in re.findall(r"\d+", text)[:2]]
    return (*numbers, 0)[:2]


def play(case: Case, actor: Actor) -> tuple[bool, Any]:
    """Whether every operation does what it should and the collections are as expected then; and what was wrong."""
    for operation in case["ops"]:
        problem = _problem(operation, actor)
        if problem:
            return False, problem
    for name, documents in case.get("outcome", {}).items():
        found = actor.contents(name)
        if not same_list(found, documents, ordered=True):
            return False, found
    return True, None


def _problem(operation: Mapping[str, Any], actor: Actor) -> str | None:
    """Why one operation did not do what it should; ``None`` when it did."""
    name = operation["op"]
    try:
        result = actor.run(name, operation.get("collection", "main"), operation.get("args", {}))
    except YunboxError as error:
        return _error_problem(name, error, operation)
    except TypeError as error:
        # A method that does not know an argument refuses it.
        return None if "expectError" in operation else f"{name}: {error}"
    if "expectError" in operation:
        return f"{name}: no error but {result!r}"
    if "expectResult" in operation and not _is_result(name, result, operation["expectResult"]):
        return f"{name}: {result!r}"
    return None


def _is_result(name: str, result: Any, expected: Any) -> bool:
    if name == "distinct" and isinstance(expected, list):
        return same_list(result, expected, ordered=False)
    return fits(result, expected)


def _error_problem(name: str, error: YunboxError, operation: Mapping[str, Any]) -> str | None:
    expected = operation.get("expectError")
    if expected is None:
        return f"{name}: {error}"
    code = expected.get("errorCode")
    if code is not None and isinstance(error, QueryError) and error.number != code:
        return f"{name}: error {error.number} ({error})"
    if "expectResult" in expected and not fits(result_document(error.data.get("result")), expected["expectResult"]):
        return f"{name}: {error.data!r}"
    return None


class LibraryActor:
    """Carries out operations through the Python library."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def contents(self, collection: str) -> list[dict[str, Any]]:
        return self._database[collection].find(sort={"_id": 1}).to_list()

    def run(self, name: str, collection: str, arguments: Mapping[str, Any]) -> Any:
        given = {snake(key): value for key, value in arguments.items()}
        given = {key: value for key, value in given.items() if key not in _WITHOUT_EFFECT}
        target: Any = self._database if not collection else self._database[collection]
        return result_document(getattr(target, _NAMES.get(name, snake(name)))(**_renamed(name, given)))


_NAMES = {"count": "count_documents"}


def _renamed(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    if isinstance(arguments.get("return_document"), str):
        arguments["return_document"] = arguments["return_document"] == "After"
    if "field_name" in arguments:
        arguments["key"] = arguments.pop("field_name")
    if "requests" in arguments:
        arguments["requests"] = [_operation(request) for request in arguments.pop("requests")]
    return arguments


def _operation(request: Mapping[str, Any]) -> Any:
    ((name, arguments),) = request.items()
    kind = getattr(operations, name[0].upper() + name[1:])
    return kind(**{snake(key): value for key, value in arguments.items()})


def snake(name: str) -> str:
    """``arrayFilters`` as ``array_filters``, ``maxTimeMS`` as ``max_time_ms``."""
    return re.sub("([A-Z]+)", lambda found: "_" + found[1].lower(), name)


def result_document(result: Any) -> Any:
    """A result object as the document of the unified test format (``matchedCount``, ``upsertedId`` …)."""
    if not hasattr(type(result), "__dataclass_fields__"):
        return list(result) if isinstance(result, Cursor) else result
    names = [*type(result).__dataclass_fields__, "upserted_count"]
    names.remove("acknowledged")
    values = {name: getattr(result, name) for name in names if hasattr(result, name)}
    document = {
        re.sub("_([a-z])", lambda found: found[1].upper(), name): value
        for name, value in values.items()
        if value is not None or (name == "upserted_id" and values.get("did_upsert"))
    }
    return {name: by_place(value) if name.endswith("Ids") else value for name, value in document.items()}


def by_place(ids: Any) -> dict[str, Any]:
    """Ids under the places of what made them, as text."""
    pairs = ids.items() if isinstance(ids, Mapping) else enumerate(ids)
    return {str(place): value for place, value in pairs}


def fits(actual: Any, expected: Any) -> bool:
    """Whether a result matches an expectation of the unified test format; documents may have more fields at the root."""
    return _fits(actual, expected, root=True)


def _fits(actual: Any, expected: Any, *, root: bool) -> bool:
    if isinstance(expected, dict):
        special = next(iter(expected), "")
        if special.startswith("$$"):
            return _SPECIAL[special](actual, expected[special], root)
        if not isinstance(actual, dict) or (not root and not actual.keys() <= expected.keys()):
            return False
        return all(_fits(actual.get(name, _ABSENT), value, root=False) for name, value in expected.items())
    if isinstance(expected, list):
        return (
            isinstance(actual, list)
            and len(actual) == len(expected)
            and all(_fits(a, e, root=root) for a, e in zip(actual, expected, strict=True))
        )
    return actual is not _ABSENT and (same(actual, expected) or equal(actual, expected))


def _is_type(actual: Any, names: Any) -> bool:
    wanted = [names] if isinstance(names, str) else names
    name = type_name(actual)
    return name in wanted or ("number" in wanted and name in ("int", "long", "double", "decimal"))


def _is_unset_or_matches(actual: Any, expected: Any, root: bool) -> bool:
    return actual is _ABSENT or actual is None or _fits(actual, expected, root=root)


_SPECIAL: dict[str, Callable[[Any, Any, bool], bool]] = {
    "$$unsetOrMatches": _is_unset_or_matches,
    "$$exists": lambda actual, expected, root: (actual is not _ABSENT) is expected,
    "$$type": lambda actual, expected, root: actual is not _ABSENT and _is_type(actual, expected),
    "$$matchAsRoot": lambda actual, expected, root: _fits(actual, expected, root=True),
}
