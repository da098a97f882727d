"""How a command would run, in the form MongoDB explains it."""

from __future__ import annotations

import time
from typing import Any

import apsw

from yunbox.documents import commands as c
from yunbox.documents.query.collation import compile_collation
from yunbox.errors import CollectionNotFound

from .access import Access
from .catalog import Collection, Index
from .planner import Query, row_ids
from .reads import compile_command, leading_selection
from .slow import suggested_index
from .view import Selection, View, selection_of, statement, with_let


def explain(view: View, command: c.Command, verbosity: str = "executionStats") -> dict[str, Any]:
    """``queryPlanner`` and ``executionStats`` of a read or write command, which is not carried out."""
    name = getattr(command, "collection", "")
    try:
        collection = view.collection(name)
    except CollectionNotFound:
        if not getattr(command, "missing_ok", False):
            raise
        return _of_nothing(view, command, name)
    selection = _selection(view, command)
    counting = isinstance(command, c.Count)
    query = view.query(collection, selection, counting=counting)
    sql, bindings = _sql(collection, query, selection, counting)
    planner = {
        "plannerVersion": 1,
        "namespace": f"{view.space}.{name}",
        "indexFilterSet": False,
        "parsedQuery": dict(selection.filter),
        "winningPlan": _winning_plan(query, selection, counting),
        "rejectedPlans": [],
    }
    explained: dict[str, Any] = {
        "queryPlanner": planner,
        "sql": sql,
        "sqlPlan": _sql_plan(view, sql, bindings),
        "ok": 1,
    }
    if verbosity != "queryPlanner":
        explained["executionStats"] = _execution(view, collection, query, selection, counting)
        if not query.plan.accesses:
            explained["suggestedIndex"] = suggested_index(dict(selection.filter), selection.sort, collection.keys())
    return explained


def _of_nothing(view: View, command: c.Command, name: str) -> dict[str, Any]:
    """How a command would run on a collection that is missing."""
    planner = {
        "plannerVersion": 1,
        "namespace": f"{view.space}.{name}",
        "indexFilterSet": False,
        "parsedQuery": dict(_selection(view, command).filter),
        "winningPlan": {"stage": "EOF"},
        "rejectedPlans": [],
    }
    counts = dict.fromkeys(("nReturned", "executionTimeMillis", "totalKeysExamined", "totalDocsExamined"), 0)
    return {"queryPlanner": planner, "executionStats": {"executionSuccess": True, **counts}, "ok": 1}


def _selection(view: View, command: Any) -> Selection:
    if isinstance(command, c.Aggregate):
        return leading_selection(command, compile_command(command, view.clock))[0]
    if isinstance(command, c.Find | c.Update | c.Delete | c.FindAndModify):
        command = with_let(command)
    if isinstance(command, c.FindAndModify) or (isinstance(command, c.Update | c.Delete) and not command.multi):
        return _single(command)
    return selection_of(command)


def _single(command: Any) -> Selection:
    """The selection of a command that takes one document."""
    return Selection(
        filter=command.filter,
        sort=getattr(command, "sort", None) or None,
        limit=1,
        hint=getattr(command, "hint", None),
        collation=compile_collation(command.collation),
    )


def _sql(collection: Collection, query: Query, selection: Selection, counting: bool) -> tuple[str, list[Any]]:
    plan = query.plan
    if counting and plan.index_only and not (selection.skip or selection.limit):
        return plan.index_only, query.bindings(plan.index_only)
    if counting:
        sql = f"SELECT count(*) FROM {plan.source} WHERE {plan.where}"
        return sql, query.bindings(sql)
    sql, window = statement(collection, query, selection, "json(t.d)")
    return sql, query.bindings(sql, *window)


def _sql_plan(view: View, sql: str, bindings: list[Any]) -> list[str]:
    rows = view.connection.execute("EXPLAIN QUERY PLAN " + sql, bindings)
    return [row[3] for row in rows]


def _winning_plan(query: Query, selection: Selection, counting: bool) -> dict[str, Any]:
    plan = query.plan
    access = plan.access
    stage: dict[str, Any]
    if plan.branches:
        stage = _together("OR", plan.branches, selection)
        if len(selection.filter) == 1:
            stage = {"stage": "SUBPLAN", "inputStage": stage}
    elif access is None:
        stage = {"stage": "COLLSCAN", "direction": "forward"}
        if selection.filter:
            stage["filter"] = dict(selection.filter)
    elif access.index is None and access.equalities:
        stage = {"stage": "IDHACK"}
    elif plan.others:
        equal = all(_is_equality(one) for one in plan.accesses)
        stage = _together("AND_SORTED" if equal else "AND_HASH", plan.accesses, selection)
    else:
        scan = _index_scan(access)
        covered = counting and plan.index_only is not None
        stage = {"stage": "COUNT_SCAN", **_without_stage(scan)} if covered else {"stage": "FETCH", "inputStage": scan}
        if plan.residual or plan.condition.may != "1":
            stage["filter"] = dict(selection.filter)
    if selection.sort and not plan.in_index_order:
        stage = {"stage": "SORT", "sortPattern": dict(selection.sort), "memLimit": 104857600, "inputStage": stage}
    if selection.skip:
        stage = {"stage": "SKIP", "skipAmount": selection.skip, "inputStage": stage}
    if selection.limit:
        stage = {"stage": "LIMIT", "limitAmount": selection.limit, "inputStage": stage}
    return {"stage": "COUNT", "inputStage": stage} if counting else stage


def _together(stage: str, accesses: tuple[Access, ...], selection: Selection) -> dict[str, Any]:
    scans = [_index_scan(access) for access in accesses]
    return {"stage": "FETCH", "filter": dict(selection.filter), "inputStage": {"stage": stage, "inputStages": scans}}


def _is_equality(access: Access) -> bool:
    """Whether all keys of an access are equal, so that its row ids come in order."""
    return access.index is not None and access.equalities == len(access.index.fields) and not access.narrowed


def _without_stage(scan: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in scan.items() if name != "stage"}


def _index_scan(access: Access) -> dict[str, Any]:
    index = access.index
    if index is None:
        return {"stage": "IXSCAN", "indexName": "_id_", "keyPattern": {"_id": 1}, "isMultiKey": False, "isUnique": True}
    return {
        "stage": {"geo": "GEO_NEAR_2DSPHERE", "text": "TEXT"}.get(index.kind, "IXSCAN"),
        "indexName": index.name,
        "keyPattern": _key_pattern(access, index),
        "isMultiKey": bool(index.multikey),
        "isUnique": index.unique,
        "isSparse": index.sparse,
        "isPartial": index.partial is not None,
        "indexBounds": dict(access.bounds),
    }


def _key_pattern(access: Access, index: Index) -> dict[str, Any]:
    if index.kind == "wildcard":
        return {"$_path": 1, access.bounds[0][0]: index.fields[0].direction}
    return dict(index.document["key"])


class _Counted:
    """A matcher that counts its calls."""

    def __init__(self, matcher: Any) -> None:
        self.matcher = matcher
        self.calls = 0

    def __call__(self, document: dict[str, Any]) -> bool:
        self.calls += 1
        return bool(self.matcher(document))


def _execution(
    view: View, collection: Collection, query: Query, selection: Selection, counting: bool
) -> dict[str, Any]:
    started = time.perf_counter()
    sql, bindings = _sql(collection, query, selection, counting)
    counted = None
    if len(bindings) >= query.plan.matcher_slot and query.plan.residual:
        counted = _Counted(query.matcher)
        bindings[query.plan.matcher_slot - 1] = apsw.pyobject(counted)
    rows = view.connection.execute(sql, bindings).fetchall()
    returned = rows[0][0] if counting else len(rows)
    elapsed = time.perf_counter() - started
    keys = sum(_keys_examined(view, collection, query, access) for access in query.plan.accesses)
    fetched = 0 if counting and query.plan.index_only else _fetched(view, collection, query, keys)
    return {
        "executionSuccess": True,
        "nReturned": returned,
        "executionTimeMillis": int(elapsed * 1000),
        "totalKeysExamined": keys,
        "totalDocsExamined": fetched,
        "residualDocs": counted.calls if counted is not None else 0,
    }


def _fetched(view: View, collection: Collection, query: Query, keys: int) -> int:
    """How many documents the access path leads to, conditions beside it not counted."""
    plan = query.plan
    if not plan.accesses:
        return collection.count
    if len(plan.accesses) == 1:
        return keys
    rows = (row_ids(collection.table, access) for access in plan.accesses)
    sql = f"SELECT count(*) FROM ({(' UNION ' if plan.branches else ' INTERSECT ').join(rows)})"
    counted: int = view.connection.execute(sql, query.bindings(sql)).get
    return counted


def _keys_examined(view: View, collection: Collection, query: Query, access: Access) -> int:
    """How many keys, or documents where it has no keys of its own, an access leads to."""
    if not access.conditions:
        return collection.count
    where = " AND ".join(access.conditions)
    keyed = access.index is not None and access.index.holds_keys
    table = f"{access.index.table} x" if access.index is not None and keyed else f"{collection.table} t"
    sql = f"SELECT count(*) FROM {table} WHERE {where}"
    counted: int = view.connection.execute(sql, query.bindings(sql)).get
    return counted
