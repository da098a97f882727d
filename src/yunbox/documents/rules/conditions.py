"""Whether a query asks only for what a condition allows: a query is judged, not filtered (semantics.md §8.2)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from yunbox.documents.query.values import bracket, compare, date_millis, equal, is_date

_MAX_BRANCHES = 256
_NEGATIONS = {
    "==": "!=",
    "!=": "==",
    ">": "<=",
    "<=": ">",
    "<": ">=",
    ">=": "<",
    "in": "not in",
    "not in": "in",
    "contains": "lacks",
    "lacks": "contains",
    "true": "false",
    "false": "true",
}


class Condition:
    """What must hold of a document."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Always(Condition):
    """Holds for every document."""


@dataclass(frozen=True, slots=True)
class Never(Condition):
    """Cannot be shown to hold: it is false, or could not be evaluated. Its opposite cannot be shown either."""

    why: str = ""


@dataclass(frozen=True, slots=True)
class False_(Condition):
    """Is false; its opposite holds."""


@dataclass(frozen=True, slots=True)
class All(Condition):
    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Any_(Condition):
    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Atom(Condition):
    """``field operator value``; ``contains`` says that the array in ``field`` has ``value`` in it."""

    field: str
    operator: str
    value: Any = None

    def __str__(self) -> str:
        if self.operator in ("true", "false"):
            return f"{'' if self.operator == 'true' else '!'}doc.{self.field}"
        if self.operator in ("contains", "lacks"):
            return f"{self.value!r} {'in' if self.operator == 'contains' else 'not in'} doc.{self.field}"
        return f"doc.{self.field} {self.operator} {self.value!r}"


def both(left: Condition, right: Condition) -> Condition:
    parts = [part for part in (left, right) if not isinstance(part, Always)]
    if len(parts) == 2:
        return All((left, right))
    return parts[0] if parts else Always()


def either(left: Condition, right: Condition) -> Condition:
    if isinstance(left, Always) or isinstance(right, Always):
        return Always()
    return Any_((left, right))


def opposite(condition: Condition) -> Condition:
    """The condition that holds exactly when this one does not, as far as that can be shown."""
    match condition:
        case Always():
            return False_()
        case False_():
            return Always()
        case All(parts):
            return Any_(tuple(opposite(part) for part in parts))
        case Any_(parts):
            return All(tuple(opposite(part) for part in parts))
        case Atom(name, operator, value):
            return Atom(name, _NEGATIONS[operator], value)
    return condition


@dataclass(slots=True)
class Facts:
    """What a filter says of every document it matches: constraints that all hold, and groups of alternatives."""

    constraints: dict[str, list[tuple[str, Any]]] = field(default_factory=dict)
    alternatives: list[list[Facts]] = field(default_factory=list)

    def pinned(self) -> dict[str, Any]:
        """The fields that can have one value only; one that is fixed twice, differently, is left out."""
        pins: dict[str, Any] = {}
        for name, constraints in self.constraints.items():
            values = [value for operator, value in constraints if operator == "=="]
            values += [value[0] for operator, value in constraints if operator == "in" and len(value) == 1]
            if values and all(equal(values[0], value) for value in values):
                pins[name] = values[0]
        return pins

    def with_(self, other: Facts) -> Facts:
        merged = {name: list(found) for name, found in self.constraints.items()}
        for name, found in other.constraints.items():
            merged.setdefault(name, []).extend(found)
        return Facts(merged, list(other.alternatives))


_OPERATORS = {
    "$eq": "==",
    "$ne": "!=",
    "$gt": ">",
    "$gte": ">=",
    "$lt": "<",
    "$lte": "<=",
    "$in": "in",
    "$nin": "not in",
}


def facts_of(filter: Mapping[str, Any]) -> Facts:
    """The facts in a filter. What is not understood says nothing, which never allows more."""
    facts = Facts()
    for name, value in filter.items():
        if name == "$and" and isinstance(value, list):
            for part in value:
                _join(facts, facts_of(part))
        elif name == "$or" and isinstance(value, list) and value:
            facts.alternatives.append([facts_of(part) for part in value])
        elif not name.startswith("$"):
            facts.constraints.setdefault(name, []).extend(_constraints(value))
    return facts


def _join(facts: Facts, more: Facts) -> None:
    for name, found in more.constraints.items():
        facts.constraints.setdefault(name, []).extend(found)
    facts.alternatives += more.alternatives


def _constraints(value: Any) -> Iterable[tuple[str, Any]]:
    if not isinstance(value, Mapping) or not any(str(key).startswith("$") for key in value):
        return [] if _is_pattern(value) else [("==", value)]
    found: list[tuple[str, Any]] = []
    for operator, operand in value.items():
        if operator == "$all" and isinstance(operand, list):
            found += [("has", item) for item in operand if not isinstance(item, Mapping)]
        elif operator in ("$in", "$nin"):
            if isinstance(operand, list) and not any(_is_pattern(item) for item in operand):
                found.append((_OPERATORS[operator], operand))
        elif operator in _OPERATORS and not _is_pattern(operand):
            found.append((_OPERATORS[operator], operand))
    return found


def _is_pattern(value: Any) -> bool:
    return type(value).__name__ in ("Regex", "Pattern")


def unmet(condition: Condition, facts: Facts) -> str:
    """``""`` when every document that the facts describe meets ``condition``; else the part that is missing."""
    return _Proof().unmet(condition, facts)


class _Proof:
    """One attempt to show something; gives up, and so denies, when a query has too many alternatives."""

    def __init__(self) -> None:
        self._left = _MAX_BRANCHES

    def unmet(self, condition: Condition, facts: Facts) -> str:
        self._left -= 1
        if self._left < 0:
            return "the query has too many alternatives to be judged"
        missing = self._directly(condition, facts)
        if not missing:
            return ""
        for group in facts.alternatives:
            rest = [other for other in facts.alternatives if other is not group]
            branches = [Facts(facts.constraints, rest).with_(branch) for branch in group]
            for branch in branches:
                branch.alternatives += rest
            if all(not self.unmet(condition, branch) for branch in branches):
                return ""
        return missing

    def _directly(self, condition: Condition, facts: Facts) -> str:
        match condition:
            case Always():
                return ""
            case Never(why):
                return why or "the rule does not allow it"
            case All(parts):
                return next((missing for part in parts if (missing := self.unmet(part, facts))), "")
            case Any_(parts):
                misses = [self.unmet(part, facts) for part in parts]
                return "" if "" in misses else " or ".join(dict.fromkeys(misses))
            case Atom(name, operator, value):
                shown = any(_entails(known, operator, value) for known in facts.constraints.get(name, ()))
                return "" if shown else f"the query must make sure that {condition}"
        return "the rule does not allow it"


def _entails(known: tuple[str, Any], operator: str, value: Any) -> bool:
    """Whether ``field <known>`` makes ``field operator value`` certain."""
    have, given = known
    if have == "==":
        return holds(operator, given, value)
    if have == "in":
        return bool(given) and all(holds(operator, item, value) for item in given)
    if have == "has":
        return operator == "contains" and equal(given, value)
    if have in ("!=", "not in"):
        return _excludes([given] if have == "!=" else given, operator, value)
    return _range_entails(have, given, operator, value)


def _excludes(excluded: list[Any], operator: str, value: Any) -> bool:
    if operator in ("!=", "lacks"):
        return any(equal(item, value) for item in excluded)
    if operator == "not in":
        return all(any(equal(item, wanted) for item in excluded) for wanted in value)
    return False


def _range_entails(have: str, given: Any, operator: str, value: Any) -> bool:
    if operator in ("not in",):
        return all(_range_entails(have, given, "!=", item) for item in value)
    if operator not in ("!=", ">", ">=", "<", "<=") or (order := ordered(given, value)) is None:
        return False
    upward = have in (">", ">=")
    beyond = order > 0 if upward else order < 0
    strict = have in (">", "<")
    if operator == "!=":
        return beyond or (order == 0 and strict)
    if (operator in (">", ">=")) != upward:
        return False
    return beyond or (order == 0 and (strict or operator in (">=", "<=")))


def holds(operator: str, left: Any, right: Any) -> bool:
    """Whether ``left operator right`` is true of two known values. Values of different kinds are never in order."""
    match operator:
        case "==":
            return equal(plain(left), plain(right))
        case "!=":
            return not equal(plain(left), plain(right))
        case "in":
            return any(equal(plain(left), plain(item)) for item in right)
        case "not in":
            return not any(equal(plain(left), plain(item)) for item in right)
        case "contains":
            return equal(left, right) or (isinstance(left, list) and any(equal(item, right) for item in left))
        case "lacks":
            return not holds("contains", left, right)
        case "true":
            return is_true(left)
        case "false":
            return not is_true(left)
    order = ordered(left, right)
    if order is None:
        return False
    return {">": order > 0, ">=": order >= 0, "<": order < 0, "<=": order <= 0}[operator]


def ordered(left: Any, right: Any) -> int | None:
    """-1, 0 or 1, or ``None`` for values that have no order between them."""
    left, right = plain(left), plain(right)
    if bracket(left) != bracket(right) or left is None or isinstance(left, Mapping | list):
        return None
    return compare(left, right)


def plain(value: Any) -> Any:
    """Dates as milliseconds, because the language's ``now`` is a number."""
    return date_millis(value) if is_date(value) else value


def is_true(value: Any) -> bool:
    """Truth as in JavaScript."""
    return value is True or (value not in (None, False, "") and not (isinstance(value, int | float) and value == 0))
