"""Choosing how a query gets at its documents: through one index, several together, or by a scan."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from yunbox.errors import QueryError

from . import access as paths
from .access import Access, Order
from .catalog import Collection, Index
from .filters import ALL, Parsed, Tree

PROBE_LIMIT = 1000
SCAN_FRACTION = 8
"""One lookup through an index costs as much as scanning about so many documents."""
INTERSECTED_FROM = 300
"""Keys of an index from which it may pay to ask a second one."""

Probe = Callable[[str, Sequence[Any]], int]
"""The result of a counting statement for a filter's operands."""


class Wish(NamedTuple):
    """What beside the filter a plan depends on. ``size`` is the magnitude of the collection, ``collated_as`` the identity of
    the collation."""

    order: tuple[tuple[str, int], ...] | None
    hint: Any
    partial: tuple[int, ...]
    limited: bool
    counting: bool
    collated_as: tuple[Any, ...] | None
    has_meta: bool
    size: int


class Guard(NamedTuple):
    """Tells whether a choice made for some operands suits others: when the count is at least ``low`` and below ``high``."""

    sql: str
    low: int
    high: int

    def holds(self, probe: Probe, operands: Sequence[Any]) -> bool:
        return self.low <= probe(self.sql, operands) < self.high


@dataclass(frozen=True, slots=True)
class Choice:
    """``access`` leads to the documents, and ``others`` leave out those that they do not lead to as well; or ``branches`` lead
    to them, one for each member of a disjunction. Without any, all documents are scanned.
    """

    access: Access | None = None
    others: tuple[Access, ...] = ()
    branches: tuple[Access, ...] = ()
    guard: Guard | None = None


def no_such_index(hint: Any) -> QueryError:
    """The error for a hint that names no index."""
    return QueryError(
        f"error processing query: planner returned error: hint provided does not correspond to an existing index: {hint}"
    )


class Chooser:
    """Chooses for one query; ``probe`` counts keys, and without it rules alone decide."""

    def __init__(self, collection: Collection, parsed: Parsed, wish: Wish, probe: Probe | None) -> None:
        self._collection = collection
        self._parsed = parsed
        self._wish = wish
        self._probe = probe
        self._leaves = paths.leaves_of(parsed.tree)

    def choice(self) -> Choice:
        """The choice for the operands at hand. Raises `QueryError` for a hint that no index answers to."""
        if self._wish.hint is not None:
            return Choice(self._hinted())
        found = self._candidates()
        conditioned = [access for access in found if access.conditions]
        if not conditioned:
            ordered = [access for access in found if self._wish.limited]
            return Choice(max(ordered, key=_rank)) if ordered else self._union()
        direct = [access for access in conditioned if access.score >= 100 or self._is_complete(access)]
        if direct:
            return Choice(max(direct, key=_rank))
        return self._weighed(found, conditioned)

    def _is_complete(self, access: Access) -> bool:
        """Whether a short read ends early: everything is decided by the index, in its order."""
        wish = self._wish
        in_order = wish.order is None or access.order is not None
        return wish.limited and in_order and self._is_covered(access)

    def _is_covered(self, *accesses: Access) -> bool:
        covered = [leaf for access in accesses for leaf in access.covered]
        return paths.without(self._parsed.tree, covered) == ALL

    def _weighed(self, found: list[Access], conditioned: list[Access]) -> Choice:
        """The access with the fewest keys, unless there are so many that something else is better."""
        if self._probe is None:
            return Choice(max(conditioned, key=_rank))
        if len(conditioned) == 1:
            best = conditioned[0]
        else:
            best = min(
                conditioned, key=lambda access: (self._cost(access, PROBE_LIMIT), *(-part for part in _rank(access)))
            )
        count = self._collection.count
        if count < PROBE_LIMIT or best.index is None:
            return Choice(best)
        if self._wish.counting and self._is_covered(best):
            return Choice(best)
        most = count // SCAN_FRACTION
        cost = self._cost(best, most)
        if cost >= most:
            return self._unselective(found, conditioned, best, most)
        others = self._others(best, conditioned, cost, most)
        high = min(most, 10 * cost + PROBE_LIMIT) if len(conditioned) > 1 else most
        return Choice(best, others, guard=Guard(self._counting("+", [best], high), 0, high))

    def _unselective(self, found: list[Access], conditioned: list[Access], best: Access, most: int) -> Choice:
        """What to do where the best index leads to much of the collection."""
        wish = self._wish
        guard = Guard(self._counting("min", conditioned, most), most // 4, most + 1)
        if wish.limited:
            if wish.order is None or best.order is not None:
                return Choice(best)
            in_order = [access for access in found if access.order is not None]
            if in_order:
                return Choice(max(in_order, key=_rank), guard=guard)
        union = self._union()
        return union if union.branches else Choice(guard=guard)

    def _others(self, best: Access, conditioned: list[Access], cost: int, most: int) -> tuple[Access, ...]:
        """The access that narrows the best one most, where building its set of documents costs less than it saves."""
        wish = self._wish
        ends_early = wish.limited and (wish.order is None or best.order is not None)
        if cost < INTERSECTED_FROM or ends_early:
            return ()
        limit = min(2 * cost, most) + 1
        known = {path for path, _ in best.bounds}
        costs = [
            (self._cost(access, limit), number)
            for number, access in enumerate(conditioned)
            if not {path for path, _ in access.bounds} <= known
        ]
        keys, number = min(costs, default=(limit, 0))
        return (conditioned[number],) if keys < limit else ()

    def _cost(self, access: Access, most: int) -> int:
        """How many keys an access has, counted up to ``most``."""
        return self._counts("+", [access], most)

    def _counts(self, sign: str, accesses: list[Access], most: int) -> int:
        assert self._probe is not None
        return self._probe(self._counting(sign, accesses, most), self._parsed.operands)

    def _counting(self, sign: str, accesses: list[Access], most: int) -> str:
        """The statement that adds up the counts of accesses, or finds the smallest."""
        counts = [_counted(self._collection, access, most) for access in accesses]
        if sign == "min" and len(counts) > 1:
            return f"SELECT min({', '.join(counts)})"
        return "SELECT " + "+".join(counts)

    def _candidates(self) -> list[Access]:
        return self._accesses(
            self._leaves, self._wish.order, [one for one in self._collection.indexes if self._may_use(one)]
        )

    def _accesses(self, leaves: list[Tree], order: Order | None, indexes: list[Index]) -> list[Access]:
        collated_as = self._wish.collated_as
        own = paths.id_access(self._collection, leaves, order if collated_as is None else None)
        found = [] if own is None else [own]
        for index in indexes:
            found += paths.index_accesses(self._collection, index, leaves, order, collated_as)
        return found

    def _may_use(self, index: Index) -> bool:
        return index.ready and (index.partial is None or index.id in self._wish.partial)

    def _hinted(self) -> Access | None:
        hint = self._wish.hint
        name = hint if isinstance(hint, str) else None
        keys = dict(hint) if name is None else None
        if name == "$natural" or (keys is not None and "$natural" in keys):
            return None
        if name == "_id_" or keys == {"_id": 1}:
            return next((access for access in self._accesses(self._leaves, self._wish.order, [])), None)
        for index in self._collection.indexes:
            if index.name == name or (keys is not None and index.document["key"] == keys):
                usable = [index] if self._may_use(index) else []
                found = self._accesses(self._leaves, self._wish.order, usable)
                return max((access for access in found if access.index is index), key=_rank, default=None)
        raise no_such_index(hint)

    def _union(self) -> Choice:
        """An access for each branch of a disjunction, when every branch has one and they lead to few documents."""
        most = self._collection.count // SCAN_FRACTION
        for tree in self._leaves:
            if tree[0] != "or" or not tree[1]:
                continue
            branches = [branch for branch in map(self._branch, tree[1]) if branch is not None]
            if len(branches) < len(tree[1]):
                continue
            if self._probe is None or self._collection.count < PROBE_LIMIT:
                return Choice(branches=tuple(branches))
            sql = self._counting("+", branches, most)
            if self._counts("+", branches, most) < most:
                return Choice(branches=tuple(branches), guard=Guard(sql, 0, most))
            return Choice(guard=Guard(sql, most // 4, most * len(branches) + 1))
        return Choice()

    def _branch(self, branch: Tree) -> Access | None:
        usable = [index for index in self._collection.indexes if index.ready and index.partial is None]
        found = self._accesses(paths.leaves_of(branch), None, usable)
        return max((access for access in found if access.conditions), key=_rank, default=None)


def _rank(access: Access) -> tuple[int, int]:
    return access.score, -len(access.index.fields) if access.index else 0


def _counted(collection: Collection, access: Access, most: int) -> str:
    """The expression that counts the keys of an access up to ``most``."""
    table = f"{collection.table} t" if access.index is None else f"{access.index.table} x"
    where = " AND ".join(access.conditions)
    return f"(SELECT count(*) FROM (SELECT 1 FROM {table} WHERE {where} LIMIT {most}))"
