"""$geoNear: documents by distance from a point."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..expressions import Evaluate, compile_in
from ..expressions.failures import failure
from ..expressions.numbers import is_nan, is_number, to_double
from ..expressions.paths import split_path
from ..match import compile_filter
from ..paths import split, walk
from ..values import type_name
from .lookup import Document
from .selecting import walk_operators, with_value
from .stage import Environment, Run, Stage, stage

GEO_INDEXES = ("2dsphere", "2d")
OPTIONS = (
    "near",
    "distanceField",
    "spherical",
    "maxDistance",
    "minDistance",
    "query",
    "distanceMultiplier",
    "includeLocs",
    "key",
    "limit",
    "num",
    "uniqueDocs",
)
COMPUTED = ("near", "minDistance", "maxDistance")


@dataclass(frozen=True)
class _Near:
    """A parsed ``$geoNear``. ``distance`` measures one location: meters, radians or plane units, None if out of range."""

    key: str | None
    distance: Callable[[Any], float | None]
    query: Document
    distance_field: tuple[str, ...] | None
    locations_field: tuple[str, ...] | None
    multiplier: float
    limit: int | None


@dataclass(frozen=True)
class _Found:
    """A document at its distance."""

    distance: float
    location: Any
    document: Document


@stage("$geoNear")
def build_geo_near(spec: Any, environment: Environment) -> Stage:
    """The documents in order of distance, which is noted in each."""
    computed = _computed(spec, environment)
    parsed = None if computed else _parse(spec, environment)
    scope = environment.scope()
    scope.read_whole()

    def run(source: Iterator[Document], run: Run) -> Iterator[Document]:
        values = {name: evaluate({}, run.variables) for name, evaluate in computed.items()}
        plan = parsed or _parse({**spec, **values}, environment)
        key = plan.key or _indexed_key(run, environment.collection)
        matches = compile_filter(plan.query, collation=environment.collation, variables=run.variables).test
        candidates = (document for document in run.checked(source) if matches(document))
        found = [place for document in candidates if (place := _nearest(plan, key, document)) is not None]
        found.sort(key=lambda place: place.distance)
        for place in found[: plan.limit]:
            result = _annotated(plan, place)
            run.annotate(result, geoNearDistance=place.distance * plan.multiplier, geoNearPoint=place.location)
            yield result

    return Stage("$geoNear", run, scope)


def _annotated(plan: _Near, place: _Found) -> Document:
    result = place.document
    if plan.distance_field is not None:
        result = with_value(result, plan.distance_field, place.distance * plan.multiplier)
    if plan.locations_field is not None:
        result = with_value(result, plan.locations_field, place.location)
    return result


def _nearest(plan: _Near, key: str, document: Document) -> _Found | None:
    best: _Found | None = None
    for location in _locations(document, key):
        distance = plan.distance(location)
        if distance is not None and (best is None or distance < best.distance):
            best = _Found(distance, location, document)
    return best


def _locations(document: Document, key: str) -> Iterator[Any]:
    for value, _ in walk(document, split(key), expand=False):
        if isinstance(value, dict) or (isinstance(value, list) and len(value) >= 2 and all(map(is_number, value[:2]))):
            yield value
        elif isinstance(value, list):
            yield from (item for item in value if isinstance(item, dict | list))


def _indexed_key(run: Run, collection: str) -> str:
    keys = [
        path
        for index in run.lookup.statistics(collection).indexes
        for path, kind in index.keys.items()
        if kind in GEO_INDEXES
    ]
    if not keys:
        raise failure(
            27, "$geoNear requires a 2d or 2dsphere index, but none were found; create one or name the field in 'key'"
        )
    if len(set(keys)) > 1:
        raise failure(27, "There is more than one geo index; name the field in 'key'")
    return keys[0]


def _computed(spec: Any, environment: Environment) -> dict[str, Evaluate]:
    """The options that are given as expressions, which may read variables but no document."""
    computed = {}
    for name in COMPUTED if isinstance(spec, Mapping) else ():
        value = spec.get(name)
        first = next(iter(value), "") if isinstance(value, Mapping) else value
        if isinstance(first, str) and first.startswith("$"):
            scope = environment.scope()
            computed[name] = compile_in(value, scope)
            if scope.reads.whole or scope.reads.paths:
                raise failure(5860401, f"$geoNear requires a constant value for '{name}'")
    return computed


def _parse(spec: Any, environment: Environment) -> _Near:
    if not isinstance(spec, Mapping):
        raise failure(10065, f"invalid parameter: expected an object ($geoNear), found {type_name(spec)}")
    for name in spec:
        if name not in OPTIONS:
            raise failure(40415, f"BSON field '$geoNear.{name}' is an unknown field.")
    if "near" not in spec:
        raise failure(5860400, "$geoNear requires a 'near' argument")
    if not isinstance(spec.get("key", "key"), str) or spec.get("key") == "":
        raise failure(14, f"$geoNear parameter 'key' must be a non-empty string, found {type_name(spec['key'])}")
    query = spec.get("query", {})
    if not isinstance(query, Mapping):
        raise failure(14, "$geoNear parameter 'query' must be an object")
    _check_query(query)
    compile_filter(query, collation=environment.collation, variables=dict.fromkeys(environment.variables))
    return _Near(
        spec.get("key"),
        _distance(spec),
        dict(query),
        _path(spec, "distanceField"),
        _path(spec, "includeLocs"),
        _non_negative(spec, "distanceMultiplier", 1.0),
        int(_non_negative(spec, "limit", _non_negative(spec, "num", 0.0))) or None,
    )


def _check_query(query: Mapping[str, Any]) -> None:
    for name, _ in walk_operators(query):
        if name == "$text":
            raise failure(2, "text and geoNear not allowed in same query")
        if name in ("$near", "$nearSphere", "$geoNear"):
            raise failure(2, "Too many geoNear expressions")


def _path(spec: Mapping[str, Any], name: str) -> tuple[str, ...] | None:
    if name not in spec:
        if name == "distanceField":
            raise failure(16606, "$geoNear requires a 'distanceField' option as a String")
        return None
    if not isinstance(spec[name], str):
        raise failure(
            16606 if name == "distanceField" else 16607, f"$geoNear requires that '{name}' option is a String"
        )
    return split_path(spec[name])


def _non_negative(spec: Mapping[str, Any], name: str, default: float) -> float:
    value = spec.get(name, default)
    if not is_number(value):
        raise failure(14, f"{name} must be a number")
    if is_nan(value) or to_double(value) < 0:
        raise failure(2, f"{name} must be nonnegative")
    return to_double(value)


def _distance(spec: Mapping[str, Any]) -> Callable[[Any], float | None]:
    """Measure with the operator that means the same in a filter: ``$nearSphere`` or ``$near``."""
    near = spec["near"]
    if not isinstance(near, Mapping | list):
        raise failure(13, f"$geoNear requires 'near' to be a point, found {type_name(near)}")
    limits = {f"${name}": _non_negative(spec, name, 0.0) for name in ("minDistance", "maxDistance") if name in spec}
    if isinstance(near, Mapping) and "type" in near:
        condition: Document = {"$nearSphere": {"$geometry": dict(near), **limits}}
    else:
        point = near if isinstance(near, list) else list(near.values())
        condition = {"$nearSphere" if spec.get("spherical") else "$near": point, **limits}
    found = compile_filter({"location": condition}).near
    if found is None:
        raise failure(2, "$geoNear needs a point to measure from")
    measure = found.distance

    def distance(location: Any) -> float | None:
        return measure({"location": location})

    return distance
