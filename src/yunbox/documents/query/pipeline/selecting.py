"""Stages that choose documents: $match $limit $skip $sample $count $unwind."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from itertools import chain, islice
from typing import Any

from bson import Int64

from ..effort import in_steps
from ..expressions import Scope, compile_in
from ..expressions.comparison import truth
from ..expressions.failures import failure
from ..expressions.numbers import as_int64, is_number
from ..expressions.paths import split_path
from ..match import compile_filter
from ..values import MISSING, is_text
from .lookup import Document
from .stage import Environment, Run, Stage, stage


@stage("$match")
def build_match(spec: Any, environment: Environment) -> Stage:
    """The documents that match a filter."""
    if not isinstance(spec, Mapping):
        raise failure(15959, "the match filter must be an expression in an object")
    _check_match(spec, environment)
    scope = environment.scope()
    plain, expressions = _split(spec)
    read_by_filter(plain, scope)
    conditions = [compile_in(expression, scope) for expression in expressions]
    test = _plain_test(plain, environment)

    def run(source: Iterator[Document], run: Run) -> Iterator[Document]:
        matches, variables = test(run), run.variables
        for document in run.checked(source):
            if matches is not None and not matches(document):
                continue
            if all(truth(condition(document, variables)) for condition in conditions):
                yield document

    pushable = not uses_variables(spec, environment.variables) and not any(
        name == "$text" for name, _ in walk_operators(spec)
    )
    return Stage("$match", run, scope, spec=dict(spec), pushable=pushable)


def _split(spec: Mapping[str, Any]) -> tuple[Document, list[Any]]:
    """The filter without the ``$expr`` that all documents must pass, and these expressions."""
    plain: Document = {}
    expressions = []
    for name, value in spec.items():
        if name == "$expr":
            expressions.append(value)
        elif (
            name == "$and"
            and isinstance(value, list)
            and value
            and all(isinstance(member, Mapping) for member in value)
        ):
            parts = [_split(member) for member in value]
            expressions.extend(expression for _, found in parts for expression in found)
            plain[name] = [rest for rest, found in parts if rest or not found] or [{}]
        else:
            plain[name] = value
    return plain, expressions


Test = Callable[[Document], bool]


def _plain_test(plain: Document, environment: Environment) -> Callable[[Run], Test | None]:
    """The test of a filter for a run; compiled anew for each run only when it reads variables, or scores text."""
    matcher = compile_filter(plain, collation=environment.collation, variables=dict.fromkeys(environment.variables))
    if matcher.text is not None:
        search = matcher.text
        return lambda run: _scoring(matcher.test, search, run)
    if uses_variables(plain, environment.variables):
        return lambda run: compile_filter(plain, collation=environment.collation, variables=run.variables).test
    return lambda run: matcher.test if plain else None


def _scoring(test: Test, search: Any, run: Run) -> Test:
    def matches(document: Document) -> bool:
        if not test(document):
            return False
        run.annotate(document, textScore=search.score(document))
        return True

    return matches


def _check_match(spec: Mapping[str, Any], environment: Environment) -> None:
    for name, value in walk_operators(spec):
        if name in ("$near", "$nearSphere", "$geoNear"):
            raise failure(5626500, f"{name} is not allowed inside of a $match aggregation expression; use $geoNear")
        if name == "$where":
            raise failure(2, "$where is not allowed inside of a $match aggregation expression")
        if name == "$text" and environment.inside == "$facet":
            raise failure(40600, "$match with $text is not allowed to be used within a $facet stage")
        if name == "$text" and not environment.first:
            raise failure(17313, "$match with $text is only allowed as the first pipeline stage")
        del value


def walk_operators(value: Any) -> Iterator[tuple[str, Any]]:
    """Every ``$name: operand`` within a filter, at any depth."""
    if isinstance(value, Mapping):
        for name, member in value.items():
            if name.startswith("$"):
                yield name, member
            yield from walk_operators(member)
    elif isinstance(value, list):
        for member in value:
            yield from walk_operators(member)


def read_by_filter(spec: Mapping[str, Any], scope: Scope) -> None:
    """Note the paths that a filter reads."""
    for name, value in spec.items():
        if name in ("$and", "$or", "$nor") and isinstance(value, list):
            for member in value:
                if isinstance(member, Mapping):
                    read_by_filter(member, scope)
        elif name == "$expr":
            compile_in(value, scope)
        elif name == "$comment":
            continue
        elif name.startswith("$"):
            scope.read_whole()
        else:
            scope.read(name)


def uses_variables(value: Any, names: frozenset[str]) -> bool:
    """True when an expression within ``value`` refers to one of the variables."""
    if isinstance(value, str):
        return value.startswith("$$") and value[2:].split(".", 1)[0] in names
    if isinstance(value, Mapping):
        return any(uses_variables(member, names) for member in value.values())
    return isinstance(value, list) and any(uses_variables(member, names) for member in value)


@stage("$limit")
def build_limit(spec: Any, environment: Environment) -> Stage:
    """The first n documents."""
    limit = as_int64(spec)
    if limit is None:
        raise failure(5107201, f"invalid argument to $limit stage: Expected a number in: $limit: {spec!r}")
    if limit < 0:
        raise failure(5107201, f"invalid argument to $limit stage: Expected a non-negative number in: $limit: {limit}")
    if limit == 0:
        raise failure(15958, "the limit must be positive")
    return Stage("$limit", lambda source, run: islice(source, limit), environment.scope(), spec=limit)


@stage("$skip")
def build_skip(spec: Any, environment: Environment) -> Stage:
    """All but the first n documents."""
    skip = as_int64(spec)
    if skip is None:
        raise failure(5107200, f"invalid argument to $skip stage: Expected an integer: $skip: {spec!r}")
    if skip < 0:
        raise failure(5107200, f"invalid argument to $skip stage: Expected a non-negative number in: $skip: {skip}")
    return Stage("$skip", lambda source, run: islice(source, skip, None), environment.scope(), spec=skip)


@stage("$sample")
def build_sample(spec: Any, environment: Environment) -> Stage:
    """n documents at random, each equally likely."""
    size = _sample_size(spec)

    def run(source: Iterator[Document], run: Run) -> Iterator[Document]:
        kept: list[Document] = []
        for seen, document in enumerate(run.checked(source)):
            if seen < size:
                kept.append(document)
            elif (place := random.randrange(seen + 1)) < size:
                kept[place] = document
        random.shuffle(kept)
        yield from kept

    return Stage("$sample", run, environment.scope())


def _sample_size(spec: Any) -> int:
    if not isinstance(spec, Mapping):
        raise failure(28745, "the $sample stage specification must be an object")
    for key in spec:
        if key != "size":
            raise failure(28748, f"unrecognized option to $sample: {key}")
    if "size" not in spec:
        raise failure(28749, "$sample stage must specify a size")
    if not is_number(spec["size"]):
        raise failure(28746, "size argument to $sample must be a number")
    size = as_int64(spec["size"])
    if size is None or size <= 0:
        raise failure(28747, "size argument to $sample must be a positive integer")
    return size


@stage("$count")
def build_count(spec: Any, environment: Environment) -> Stage:
    """One document with the number of documents; none when there are none."""
    if not is_text(spec):
        raise failure(40156, "the count field must be a non-empty string")
    if not spec:
        raise failure(40157, "the count field must be a non-empty string")
    if spec.startswith("$"):
        raise failure(40158, "the count field cannot be a $-prefixed path")
    if "\0" in spec:
        raise failure(40159, "the count field cannot contain a null byte")
    if "." in spec:
        raise failure(40160, "the count field cannot contain '.'")

    def run(source: Iterator[Document], run: Run) -> Iterator[Document]:
        count = sum(1 for _ in run.checked(source))
        if count:
            yield {spec: count}

    return Stage("$count", run, environment.scope(), closes=True)


@stage("$unwind")
def build_unwind(spec: Any, environment: Environment) -> Stage:
    """A document for each element of an array."""
    path, index_path, preserve = _unwind_arguments(spec)
    names = split_path(path)
    index_names = split_path(index_path) if index_path is not None else None

    def run(source: Iterator[Document], run: Run) -> Iterator[Document]:
        for document in run.checked(source):
            value = plain_value(document, names)
            if isinstance(value, list) and value:
                for index, item in enumerate(chain.from_iterable(in_steps(value))):
                    unwound = with_value(document, names, item)
                    yield unwound if index_names is None else with_value(unwound, index_names, Int64(index))
            elif isinstance(value, list) or value is None or value is MISSING:
                if preserve:
                    kept = with_value(document, names, MISSING) if isinstance(value, list) else document
                    yield kept if index_names is None else with_value(kept, index_names, None)
            else:
                yield document if index_names is None else with_value(document, index_names, None)

    scope = environment.scope()
    scope.read(path)
    changes = frozenset(changed.split(".", 1)[0] for changed in (path, index_path) if changed)
    return Stage("$unwind", run, scope, changes=changes)


def _unwind_arguments(spec: Any) -> tuple[str, str | None, bool]:
    if isinstance(spec, str):
        return _unwind_path(spec), None, False
    if not isinstance(spec, Mapping):
        raise failure(15981, "expected either a string or an object as specification for $unwind stage")
    for key in spec:
        if key not in ("path", "includeArrayIndex", "preserveNullAndEmptyArrays"):
            raise failure(28811, f"unrecognized option to $unwind stage: {key}")
    if "path" not in spec:
        raise failure(28812, "no path specified to $unwind stage")
    if not isinstance(spec["path"], str):
        raise failure(28808, "expected a string as the path for $unwind stage")
    preserve = spec.get("preserveNullAndEmptyArrays", False)
    if not isinstance(preserve, bool):
        raise failure(28809, "expected a boolean for the preserveNullAndEmptyArrays option to $unwind stage")
    index = spec.get("includeArrayIndex")
    if "includeArrayIndex" in spec and (not isinstance(index, str) or not index):
        raise failure(28810, "expected a non-empty string for the includeArrayIndex option to $unwind stage")
    if isinstance(index, str) and index.startswith("$"):
        raise failure(28822, f"includeArrayIndex option to $unwind stage should not be prefixed with a '$': {index}")
    return _unwind_path(spec["path"]), index, preserve


def _unwind_path(path: str) -> str:
    if not path:
        raise failure(28812, "no path specified to $unwind stage")
    if not path.startswith("$"):
        raise failure(28818, f"path option to $unwind stage should be prefixed with a '$': {path}")
    return path[1:]


def plain_value(document: Any, names: tuple[str, ...]) -> Any:
    """The value at a path that leads through documents only."""
    for name in names:
        if not isinstance(document, dict):
            return MISSING
        document = document.get(name, MISSING)
    return document


def with_value(document: Any, names: tuple[str, ...], value: Any) -> Document:
    """A copy of ``document`` with the value at a path set (documents are made on the way), or removed when `MISSING`."""
    copy = dict(document) if isinstance(document, dict) else {}
    name = names[0]
    if len(names) > 1:
        copy[name] = with_value(copy.get(name), names[1:], value)
    elif value is MISSING:
        copy.pop(name, None)
    else:
        copy[name] = value
    return copy
