"""Plans: how a filter, a sort and a hint become one SQL statement.

A plan belongs to the form of a filter, not to its operands, and is kept until the collection's indexes or shape change.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import apsw

from yunbox.documents.query.match import Matcher, compile_filter
from yunbox.documents.query.sort import meta_fields, normalize_sort, plain_sort
from yunbox.tools.clock import MACHINE, Clock

from . import access as paths
from . import shape as types
from .access import Access
from .catalog import Collection, Index
from .choosing import Choice, Chooser, Guard, Probe, Wish, no_such_index
from .connection import json_path
from .filters import ALL, Parsed, is_opaque, path_parts
from .predicates import FALSE, TRUE, Condition, compile_condition
from .shape import Shape
from .special import is_special, special_access

MAX_PLANS = 500
MAX_KEPT_SQL = 20_000
"""Statements are kept up to this length: clients write long ones as well."""


@dataclass(slots=True)
class Plan:
    """SQL fragments over ``t`` (documents) and ``x`` (an index). ``order`` is ``None`` when SQL cannot sort as asked."""

    version: tuple[int, int]
    source: str
    where: str
    order: str | None
    sorted: bool
    residual: bool
    slots: int
    access: Access | None
    condition: Condition
    index_only: str | None
    """The statement that counts by the index alone."""
    in_index_order: bool = False
    ids_only: str | None = None
    """The statement that lists row ids, in no order, by the index alone."""
    others: tuple[Access, ...] = ()
    """What narrows the access down."""
    branches: tuple[Access, ...] = ()
    """The accesses of a disjunction's members."""
    guard: Guard | None = None
    indexes: tuple[Index, ...] = field(init=False)
    in_sql_alone: bool = field(init=False)
    """Whether no row is looked at by Python, by the matcher or by a regular expression."""
    by_index_alone: bool = field(init=False)
    """Whether each row that it comes by is a result, and comes once."""
    statements: dict[tuple[str, bool], str] = field(default_factory=dict, init=False)
    """The statements made of it so far, by their columns and whether they have a window."""

    def __post_init__(self) -> None:
        self.indexes = tuple(access.index for access in self.accesses if access.index is not None)
        self.in_sql_alone = not self.residual and "text_matches(" not in self.where
        self.by_index_alone = self.access is not None and self.access.once and self.condition.may == TRUE

    @property
    def accesses(self) -> tuple[Access, ...]:
        """All that it goes through."""
        return (*([] if self.access is None else [self.access]), *self.others, *self.branches)

    @property
    def matcher_slot(self) -> int:
        return self.slots + 1


class Query:
    """A filter bound to a plan: what is needed to run it."""

    __slots__ = ("_clock", "_matcher", "collation", "filter", "operands", "plan")

    def __init__(
        self, plan: Plan, filter: Mapping[str, Any], operands: list[Any], collation: Any, clock: Clock
    ) -> None:
        self.plan = plan
        self.filter = filter
        self.operands = operands
        self.collation = collation
        self._clock = clock
        self._matcher: Matcher | None = None

    @property
    def matcher(self) -> Matcher:
        """The compiled filter. Raises `QueryError` when it is not valid."""
        if self._matcher is None:
            self._matcher = compile_filter(
                dict(self.filter), collation=self.collation, variables={"NOW": self._clock.now()}
            )
        return self._matcher

    def through(self, collection: Collection, access: Access | None) -> Query:
        """The same query, by way of a geo or text index."""
        query = Query(_special_plan(collection, self, access), self.filter, self.operands, self.collation, self._clock)
        query._matcher = self.matcher
        return query

    def bindings(self, sql: str, *more: Any) -> list[Any]:
        """A statement's parameters: operands, the matcher when there is a residual, and what else is asked for."""
        matcher = apsw.pyobject(self.matcher) if self.plan.residual else None
        return [*self.operands, matcher, *more][: last_slot(sql)]

    def slot(self, number: int) -> str:
        """The name of the ``number``-th (from 0) further parameter."""
        return f"?{self.plan.matcher_slot + 1 + number}"


def last_slot(sql: str) -> int:
    """The highest number of a parameter in a statement: SQLite wants no more than that."""
    return _known_last_slot(sql) if len(sql) <= MAX_KEPT_SQL else _last_slot(sql)


def _last_slot(sql: str) -> int:
    outside_literals = re.sub("'(?:[^']|'')*'", "", sql)
    return max((int(number) for number in re.findall(r"\?(\d+)", outside_literals)), default=0)


_known_last_slot = lru_cache(maxsize=4096)(_last_slot)


def plan_query(
    collection: Collection,
    filter: Mapping[str, Any],
    *,
    sort: Any = None,
    hint: Any = None,
    collation: Any = None,
    limited: bool = False,
    counting: bool = False,
    probe: Probe | None = None,
    clock: Clock = MACHINE,
) -> Query:
    """The query that serves a filter.

    Raises:
        QueryError: for a filter, sort or hint that is not valid.
    """
    parsed = Parsed(filter, collation)
    order = plain_sort(sort) if sort else None
    has_meta = False
    if sort and order is None:
        order = tuple(normalize_sort(sort))
        has_meta = bool(meta_fields(sort))
    # What a partial index leaves out may be equal under a collation.
    partial = _implied(collection, filter) if collation is None else ()
    wish = (
        order or None,
        _hint_key(hint) if hint is not None else None,
        partial,
        limited,
        counting,
        None if collation is None else collation.identity,
        has_meta,
        collection.count.bit_length() // 2,
    )
    version = collection.version
    key = (parsed.tree, wish)
    plan: Plan | None = collection.plans.get(key)
    if plan is None or plan.version != version or not _suits(plan, probe, parsed):
        plan = _planned(collection, parsed, Wish(*wish), version, probe)
        if len(collection.plans) >= MAX_PLANS:
            collection.plans.clear()
        if len(plan.where) <= MAX_KEPT_SQL:
            collection.plans[key] = plan
    query = Query(plan, filter, parsed.operands, collation, clock)
    if has_meta:
        query.plan = replace(plan, order=None, sorted=False, in_index_order=False)
    if plan.residual and is_special(filter):
        return query.through(collection, special_access(collection, filter, query.matcher))
    return query


def _planned(collection: Collection, parsed: Parsed, wish: Wish, version: tuple[int, int], probe: Probe | None) -> Plan:
    return _Planner(collection, parsed, wish).plan(version, Chooser(collection, parsed, wish, probe).choice())


def _hint_key(hint: Any) -> Any:
    """A hint as part of a plan's key.

    Raises:
        QueryError: when it cannot name an index.
    """
    key = tuple(hint.items()) if isinstance(hint, Mapping) else tuple(hint) if isinstance(hint, list) else hint
    try:
        hash(key)
    except TypeError:
        raise no_such_index(hint) from None
    return key


def _implied(collection: Collection, filter: Mapping[str, Any]) -> tuple[int, ...]:
    """The partial indexes whose condition the filter implies."""
    implied: tuple[int, ...] = ()
    for index in collection.indexes:
        if index.partial is not None and _implies(filter, index.partial):
            implied = (*implied, index.id)
    return implied


def _implies(filter: Mapping[str, Any], condition: Mapping[str, Any]) -> bool:
    return all(_implies_member(filter, name, wanted) for name, wanted in condition.items())


def _implies_member(filter: Mapping[str, Any], name: str, wanted: Any) -> bool:
    if name == "$and":
        return all(_implies(filter, item) for item in wanted)
    if name not in filter:
        members = filter.get("$and")
        return isinstance(members, list) and any(_implies_member(item, name, wanted) for item in members)
    given = filter[name]
    if type(given) is type(wanted) and given == wanted:
        return True
    if wanted == {"$exists": True}:
        return isinstance(given, str | int | float) or (
            isinstance(given, dict)
            and bool(given.keys() & {"$gt", "$gte", "$lt", "$lte"})
            and None not in given.values()
        )
    return _narrower(given, wanted)


def _narrower(given: Any, wanted: Any) -> bool:
    """Whether a condition on numbers or strings lies within a one-sided range."""
    if not isinstance(wanted, dict) or len(wanted) != 1:
        return False
    ((operator, limit),) = wanted.items()
    if isinstance(given, dict):
        if len(given) != 1 or operator not in given:
            return False
        ((_, given),) = given.items()
        checks = {"$gt": "$gte", "$lt": "$lte"}
        operator = checks.get(operator, operator)
    if type(given) is bool or not (isinstance(given, int | float) and isinstance(limit, int | float)):
        return False
    return {"$gt": given > limit, "$gte": given >= limit, "$lt": given < limit, "$lte": given <= limit}.get(
        operator, False
    )


def _suits(plan: Plan, probe: Probe | None, parsed: Parsed) -> bool:
    """Whether a plan made for other operands is good for these."""
    return plan.guard is None or probe is None or plan.guard.holds(probe, parsed.operands)


class _Planner:
    """Makes the SQL of a plan."""

    def __init__(self, collection: Collection, parsed: Parsed, wish: Wish) -> None:
        self.collection = collection
        self.parsed = parsed
        self.order = wish.order
        self.collated = wish.collated_as is not None

    def plan(self, version: tuple[int, int], choice: Choice) -> Plan:
        return self._scan(version, choice) if choice.access is None else self._through(version, choice, choice.access)

    def _through(self, version: tuple[int, int], choice: Choice, access: Access) -> Plan:
        table, others = self.collection.table, choice.others
        covered = [leaf for one in (access, *others) for leaf in one.covered]
        rest = paths.without(self.parsed.tree, covered)
        condition = compile_condition(rest, self.collection.shape, "t.d")
        narrowed = [row_ids(table, other) for other in others]
        if access.index is None:
            source, bounds = f"{table} t", [*access.conditions, *(f"t.rid IN ({ids})" for ids in narrowed)]
        elif access.once:
            source = f"{access.index.table} x CROSS JOIN {table} t ON t.rid=x.rid"
            bounds = [*access.conditions, *(f"x.rid IN ({ids})" for ids in narrowed)]
        else:
            source = f"{table} t"
            bounds = [f"t.rid IN ({ids})" for ids in (row_ids(table, access), *narrowed)]
        index_only = self._index_only(access, bounds) if rest == ALL else None
        plan = self._finished(version, choice, source, bounds, condition, index_only, access.order)
        if index_only is not None and access.index is not None and access.once:
            plan.ids_only = f"SELECT x.rid FROM {access.index.table} x WHERE {' AND '.join(bounds) or TRUE}"
        return plan

    def _index_only(self, access: Access, bounds: list[str]) -> str:
        where = " AND ".join(bounds) or TRUE
        if access.index is None or (not access.once and len(bounds) > 1):
            return f"SELECT count(*) FROM {self.collection.table} t WHERE {where}"
        if access.once:
            return f"SELECT count(*) FROM {access.index.table} x WHERE {where}"
        return f"SELECT count(DISTINCT x.rid) FROM {access.index.table} x WHERE {' AND '.join(access.conditions)}"

    def _scan(self, version: tuple[int, int], choice: Choice) -> Plan:
        table = self.collection.table
        condition = compile_condition(self.parsed.tree, self.collection.shape, "t.d")
        union = " UNION ALL ".join(row_ids(table, branch) for branch in choice.branches)
        bounds = [f"t.rid IN ({union})"] if union else []
        return self._finished(version, choice, f"{table} t", bounds, condition)

    def _finished(
        self,
        version: tuple[int, int],
        choice: Choice,
        source: str,
        bounds: list[str],
        condition: Condition,
        index_only: str | None = None,
        index_order: str | None = None,
    ) -> Plan:
        slots = len(self.parsed.operands)
        where = " AND ".join([*bounds, *exact_condition(condition, slots + 1)]) or TRUE
        order = index_order if index_order is not None else self._sql_order()
        return Plan(
            version=version,
            source=source,
            where=where,
            order=order,
            sorted=order is not None,
            # What SQL leaves out without a look may be an error nevertheless.
            residual=not condition.exact or is_opaque(self.parsed.tree),
            slots=slots,
            access=choice.access,
            condition=condition,
            index_only=index_only,
            in_index_order=index_order is not None and self.order is not None,
            others=choice.others,
            branches=choice.branches,
            guard=choice.guard,
        )

    def _sql_order(self) -> str | None:
        if self.order is None:
            return ""
        columns = [sql_order(path, direction, self.collection.shape, self.collated) for path, direction in self.order]
        if None in columns:
            return None
        return ", ".join([column for column in columns if column is not None] + ["t.rid"])


def row_ids(table: str, access: Access) -> str:
    """The statement that lists the row ids an access leads to."""
    where = " AND ".join(access.conditions)
    if access.index is None:
        return f"SELECT t.rid FROM {table} t WHERE {where}"
    return f"SELECT x.rid FROM {access.index.table} x WHERE {where}"


def exact_condition(condition: Condition, slot: int) -> list[str]:
    """The SQL that decides exactly, with the matcher bound to ``slot`` for the rows between MUST and MAY."""
    if condition.exact:
        return [] if condition.may == TRUE else [condition.may]
    matches = f"document_matches(?{slot},json(t.d),t.sp)"
    if condition.must != FALSE:
        matches = f"CASE WHEN {condition.must} THEN 1 ELSE {matches} END"
    return [matches] if condition.may == TRUE else [f"CASE WHEN {condition.may} THEN {matches} ELSE 0 END"]


def sql_order(path: str, direction: int, shape: Shape, collated: bool) -> str | None:
    """An ORDER BY term that sorts a path as MongoDB does, or ``None`` when its values are not simple enough."""
    parts = path_parts(path)
    if parts is None:
        return None
    if path == "_id" and not collated:
        value = "t.kt, t.k"
        return value if direction > 0 else "t.kt DESC, t.k DESC"
    seen = shape.types_at(parts)
    if shape.arrays_before(parts):
        return None
    expression = _sort_expression(parts, seen, collated)
    return None if expression is None else expression + (" DESC" if direction < 0 else "")


def _sort_expression(parts: tuple[str, ...], seen: int, collated: bool) -> str | None:
    plain = types.NULL | types.NUMBER | (0 if collated else types.STRING)
    if not seen & ~plain or not seen & ~(types.NULL | types.BOOLEAN):
        return f"t.d->>{json_path(parts)}"
    if not seen & ~(types.NULL | types.DATE):
        return f"t.d->>{json_path((*parts, '$date'))}"
    return None


def _special_plan(collection: Collection, query: Query, special: Access | None) -> Plan:
    plan = query.plan
    if special is None:
        return plan
    conditions = [*special.conditions, *exact_condition(plan_condition(collection, query), plan.matcher_slot)]
    return replace(
        plan,
        source=f"{collection.table} t",
        where=" AND ".join(conditions),
        access=special,
        others=(),
        branches=(),
        index_only=None,
        ids_only=None,
        order=None if plan.in_index_order else plan.order,
        sorted=plan.sorted and not plan.in_index_order,
        in_index_order=False,
    )


def plan_condition(collection: Collection, query: Query) -> Condition:
    """The condition of a whole filter."""
    tree = Parsed(query.filter, query.collation).tree
    return compile_condition(tree, collection.shape, "t.d")
