"""Access paths: which index serves a filter and a sort, and the SQL that walks it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from yunbox.documents.query.paths import is_index
from yunbox.documents.query.values import BOOLEAN, DATE, NULL, NUMBER, OBJECT_ID, STRING

from . import shape as types
from .catalog import Collection, Index
from .filters import LEAVES, Tree
from .keys import MAX_KEY_LENGTH

Order = Sequence[tuple[str, int]]

_BRACKETS: Final = {
    "number": NUMBER,
    "string": STRING,
    "collated": STRING,
    "date": DATE,
    "objectId": OBJECT_ID,
    "true": BOOLEAN,
    "false": BOOLEAN,
    "null": NULL,
}
_RANGES: Final = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


@dataclass(slots=True)
class Access:
    """A way into a collection. ``index`` is ``None`` for ``_id``; ``covered`` are the leaves it decides exactly."""

    index: Index | None
    conditions: list[str] = field(default_factory=list)
    covered: list[Tree] = field(default_factory=list)
    bounds: list[tuple[str, str]] = field(default_factory=list)
    equalities: int = 0
    narrowed: bool = False
    order: str | None = None
    once: bool = True
    """Whether each document comes at most once."""

    @property
    def name(self) -> str:
        return "_id_" if self.index is None else self.index.name

    @property
    def score(self) -> int:
        unique = self.index is None or (self.index.unique and self.equalities == len(self.index.fields))
        whole = 100 if unique and self.equalities and not self.narrowed else 0
        return whole + 10 * self.equalities + 5 * self.narrowed + 4 * (self.order is not None)


def leaves_of(tree: Tree) -> list[Tree]:
    """The members of a conjunction."""
    if tree[0] != "and":
        return [tree]
    return [leaf for item in tree[1] for leaf in leaves_of(item)]


def without(tree: Tree, covered: list[Tree]) -> Tree:
    """A conjunction without the members that an index decides."""
    if not covered:
        return tree
    rest = tuple(leaf for leaf in leaves_of(tree) if leaf not in covered)
    return rest[0] if len(rest) == 1 else ("and", rest)


def id_access(collection: Collection, leaves: list[Tree], order: Order | None) -> Access | None:
    """The access by ``_id``, when the filter or the sort can use it."""
    access = Access(None)
    on_id = [leaf for leaf in leaves if leaf[0] in LEAVES and leaf[1] == ("_id",) and leaf[2] != "collated"]
    _narrow(access, on_id, "t.kt", "t.k", collection.shape.types_at(("_id",)), exact=True, multikey=False)
    if order is not None and [path for path, _ in order] == ["_id"]:
        access.order = _by(("t.kt", "t.k"), order[0][1])
    return access if access.conditions or access.order is not None else None


def index_accesses(
    collection: Collection,
    index: Index,
    leaves: list[Tree],
    order: Order | None,
    collated_as: tuple[Any, ...] | None = None,
) -> list[Access]:
    """The accesses through an index: one at most, but for each path with conditions when it is a wildcard index."""
    if index.kind == "wildcard":
        return _wildcard_accesses(collection, index, [leaf for leaf in leaves if leaf[0] in LEAVES])
    access = _index_access(collection, index, leaves, order, collated_as)
    return [] if access is None else [access]


def _index_access(
    collection: Collection,
    index: Index,
    leaves: list[Tree],
    order: Order | None,
    collated_as: tuple[Any, ...] | None = None,
) -> Access | None:
    """The access through an index, when the filter or the sort can use it; ``collated_as`` is the query's collation."""
    same_collation = index.collated_as == collated_as
    leaves = [
        leaf for leaf in leaves if leaf[0] in LEAVES and (same_collation or leaf[2] not in ("string", "collated"))
    ]
    if index.kind != "ordered":
        return None
    access = Access(index)
    position = 0
    for position, component in enumerate(index.fields):
        mine = [leaf for leaf in leaves if leaf[1] == component.parts]
        multikey = position in index.multikey
        if multikey and any(is_index(part) for part in component.parts):
            mine = []
        before = access.equalities
        seen = collection.shape.types_at(component.parts)
        _narrow(access, mine, f"x.t{position}", f"x.k{position}", seen, exact=index.exact, multikey=multikey)
        if access.equalities == before:
            break
    if index.sparse and not any(leaf[2] not in ("null", "") for leaf in access.covered):
        return None
    sorts = not index.multikey and index.exact and same_collation
    if order is not None and sorts and (collated_as is None or _is_flat(collection, order)):
        access.order = _index_order(index, access, order)
    access.once = not index.multikey or access.equalities == len(index.fields)
    return access if access.conditions or access.order is not None else None


def _is_flat(collection: Collection, order: Order) -> bool:
    """Whether no sorted path holds objects or arrays, whose strings an index does not collate."""
    nested = types.OBJECT | types.ARRAY
    return not any(collection.shape.types_at(tuple(path.split("."))) & nested for path, _ in order)


def _wildcard_accesses(collection: Collection, index: Index, leaves: list[Tree]) -> list[Access]:
    scope, shape = index.keyer.scope, collection.shape
    found = []
    for parts in dict.fromkeys(leaf[1] for leaf in leaves):
        path = ".".join(parts)
        mine = [leaf for leaf in leaves if leaf[1] == parts and leaf[2] not in ("null", "", "collated")]
        if not mine or not scope.has(path) or any(is_index(part) for part in parts):
            continue
        seen = shape.types_at(parts)
        multikey = bool(seen & types.ARRAY or shape.arrays_before(parts))
        access = Access(index)
        _narrow(access, mine, "x.t0", "x.k0", seen, exact=index.exact, multikey=multikey)
        if access.conditions:
            literal = path.replace("'", "''")
            access.conditions.insert(0, f"x.p='{literal}'")
            access.once = not multikey or access.equalities == 1
            found.append(access)
    return found


def _narrow(
    access: Access, leaves: list[Tree], bracket: str, key: str, seen: int, *, exact: bool, multikey: bool
) -> None:
    """Add the conditions on one component: an equality, a list, or a range of one type."""
    usable = [leaf for leaf in leaves if _usable(leaf, seen, exact=exact, multikey=multikey)]
    for leaf in usable:
        if leaf[0] == "eq":
            _use(access, leaf, exact, f"{bracket}={_BRACKETS[leaf[2]]} AND {key}={_operand(leaf, exact)}")
            access.equalities += 1
            return
    for leaf in usable:
        if leaf[0] == "in":
            chosen = "unhex(value)" if leaf[2] in ("objectId", "collated") else "value"
            chosen = _shortened(chosen, leaf[2], exact)
            listed = f"{key} IN (SELECT {chosen} FROM json_each(?{leaf[3]}))"
            _use(access, leaf, exact, f"{bracket}={_BRACKETS[leaf[2]]} AND {listed}")
            access.narrowed = True
            return
    ranges = [leaf for leaf in usable if leaf[0] == "prefix" or leaf[0] in _RANGES]
    if multikey:
        del ranges[1:]
    for leaf in ranges:
        if leaf[2] == ranges[0][2]:
            _use(access, leaf, exact, f"{bracket}={_BRACKETS[leaf[2]]} AND {_range(leaf, key, exact)}")
            access.narrowed = True


def _range(leaf: Tree, key: str, exact: bool) -> str:
    if leaf[0] == "prefix":
        end = _operand((*leaf[:3], leaf[3] + 1), exact)
        return f"{key}>={_operand(leaf, exact)} AND {key}{'<' if exact else '<='}{end}"
    operator = _RANGES[leaf[0]] if exact else _RANGES[leaf[0]][0] + "="
    return f"{key}{operator}{_operand(leaf, exact)}"


def _usable(leaf: Tree, seen: int, *, exact: bool, multikey: bool) -> bool:
    operator, _, kind, _ = leaf
    if operator not in ("eq", "in", "prefix", *_RANGES):
        return False
    if kind == "null" or operator == "prefix":
        # A regular expression is equal to itself, too.
        return not multikey and not seen & types.OTHER
    if kind == "number" and seen & types.OTHER:
        # Decimals that no double equals keep a place of their own.
        return exact and operator in ("eq", "in")
    return True


def _use(access: Access, leaf: Tree, exact: bool, condition: str) -> None:
    access.conditions.append(condition)
    access.bounds.append((".".join(leaf[1]), leaf[0]))
    if exact and leaf[2] != "null":
        access.covered.append(leaf)


def _operand(leaf: Tree, exact: bool) -> str:
    kind, slot = leaf[2], leaf[3]
    if kind in ("true", "false", "null"):
        return "1" if kind == "true" else "0"
    return f"unhex(?{slot})" if kind == "objectId" else _shortened(f"?{slot}", kind, exact)


def _shortened(operand: str, kind: str, exact: bool) -> str:
    return operand if exact or kind not in ("string", "collated") else f"substr({operand},1,{MAX_KEY_LENGTH})"


def _index_order(index: Index, access: Access, order: Order) -> str | None:
    """The ORDER BY that the index delivers for a sort, or ``None``."""
    fixed = {index.fields[position].path for position in range(access.equalities)}
    wanted = [(path, direction) for path, direction in order if path not in fixed]
    components = list(enumerate(index.fields))[access.equalities :]
    if len(wanted) > len(components):
        return None
    flips = set()
    columns = []
    for (path, direction), (position, component) in zip(wanted, components, strict=False):
        if path != component.path:
            return None
        flips.add(direction * component.direction)
        columns.append(_by((f"x.t{position}", f"x.k{position}"), direction))
    if len(flips) > 1:
        return None
    return ", ".join(columns)


def _by(columns: tuple[str, str], direction: int) -> str:
    return ", ".join(f"{column}{' DESC' if direction < 0 else ''}" for column in columns)
