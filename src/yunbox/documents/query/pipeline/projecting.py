"""Projections of a pipeline: trees of kept, dropped and computed fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..expressions import Evaluate, Scope, Variables, compile_in
from ..expressions.failures import failure
from ..expressions.numbers import is_number, to_double
from ..expressions.paths import split_path
from ..values import MISSING
from .lookup import Document

Transform = Callable[[Document, Variables], Document]


@dataclass
class _Node:
    """One level of a projection: what happens to the members of a document."""

    marked: set[str] = field(default_factory=set)
    computed: dict[str, Evaluate] = field(default_factory=dict)
    children: dict[str, _Node] = field(default_factory=dict)

    def child(self, path: tuple[str, ...], full: str) -> _Node:
        """The node of the parent of ``path``, made when needed."""
        node = self
        for name in path[:-1]:
            if name in node.marked or name in node.computed:
                raise failure(31250, f"Path collision at {full}")
            node = node.children.setdefault(name, _Node())
        if path[-1] in node.marked or path[-1] in node.computed or path[-1] in node.children:
            raise failure(31250, f"Path collision at {full}")
        return node

    def computes(self) -> bool:
        """True when any field at or below this level is computed."""
        return bool(self.computed) or any(child.computes() for child in self.children.values())


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool) or is_number(value)


def _flag(value: Any) -> bool:
    return value if isinstance(value, bool) else to_double(value) != 0


@dataclass
class _Plan:
    """A projection while it is parsed."""

    name: str
    scope: Scope
    root: _Node = field(default_factory=_Node)
    id_flag: bool | None = None
    including: bool | None = None

    def add(self, path: str, value: Any) -> None:
        """Take one entry of the specification."""
        names = split_path(path)
        if _is_flag(value):
            self._flagged(path, names, _flag(value))
        elif isinstance(value, Mapping) and not (value and next(iter(value)).startswith("$")):
            self._nested(path, value)
        else:
            self._computed(path, names, value)

    def _flagged(self, path: str, names: tuple[str, ...], keep: bool) -> None:
        if path == "_id":
            self.root.child(names, path)
            self.id_flag = keep
            return
        self._choose(path, keep)
        self.root.child(names, path).marked.add(names[-1])
        if keep:
            self.scope.read(path)

    def _choose(self, path: str, keep: bool) -> None:
        if self.including is None:
            self.including = keep
        elif self.including and not keep:
            raise failure(
                31254,
                f"Invalid {self.name} :: caused by :: Cannot do exclusion on field {path} in inclusion projection",
            )
        elif not self.including and keep:
            raise failure(
                31253,
                f"Invalid {self.name} :: caused by :: Cannot do inclusion on field {path} in exclusion projection",
            )

    def _nested(self, path: str, value: Mapping[str, Any]) -> None:
        if not value:
            raise failure(
                51270,
                f"Invalid {self.name} :: caused by :: An empty sub-projection is not a valid value. Found empty object at path {path}",
            )
        for name, member in value.items():
            if name.startswith("$"):
                raise failure(
                    51271, f"Invalid {self.name} :: caused by :: FieldPath field names may not start with '$'"
                )
            self.add(f"{path}.{name}", member)

    def _computed(self, path: str, names: tuple[str, ...], value: Any) -> None:
        if self.including is False:
            raise failure(
                31252,
                f"Invalid {self.name} :: caused by :: Cannot use expression other than $meta in exclusion projection",
            )
        if path != "_id" or self.including is not None:
            self.including = True
        self.root.child(names, path).computed[names[-1]] = compile_in(value, self.scope)
        if len(names) > 1:
            # Whether the field lands in one object or in every element of an array is for the document to say.
            self.scope.read(names[0])


@dataclass(frozen=True)
class Projection:
    """A compiled projection. ``inclusive``: it keeps only what it names.

    ``keeps`` are the top-level fields passed on unchanged; ``changes`` those touched while all others are passed on.
    """

    transform: Transform
    inclusive: bool
    keeps: frozenset[str] = frozenset()
    changes: frozenset[str] | None = None


def compile_projection(name: str, specification: Mapping[str, Any], scope: Scope) -> Projection:
    """Compile the specification of ``$project`` or ``$unset``."""
    if not specification:
        raise failure(51272, f"Invalid {name} :: caused by :: projection specification must have at least one field")
    plan = _Plan(name, scope)
    for path, value in specification.items():
        plan.add(path, value)
    inclusive = plan.including
    if inclusive is None:
        inclusive = plan.id_flag is True or bool(plan.root.computed)
    if not inclusive:
        if plan.id_flag is False:
            plan.root.marked.add("_id")
        return Projection(_exclusion(plan.root), False, changes=frozenset(plan.root.marked.union(plan.root.children)))
    if plan.id_flag is not False and "_id" not in plan.root.computed and "_id" not in plan.root.children:
        plan.root.marked.add("_id")
        scope.read("_id")
    return Projection(_inclusion(plan.root), True, keeps=frozenset(plan.root.marked))


def _exclusion(root: _Node) -> Transform:
    if not root.children:
        marked = root.marked
        return lambda document, variables: {name: value for name, value in document.items() if name not in marked}
    return lambda document, variables: _excluded(document, root)


def _excluded(value: Any, node: _Node) -> Any:
    if isinstance(value, list):
        return [_excluded(item, node) for item in value]
    if not isinstance(value, dict):
        return value
    children = node.children
    return {
        name: _excluded(member, children[name]) if name in children else member
        for name, member in value.items()
        if name not in node.marked
    }


def _inclusion(root: _Node) -> Transform:
    if root.children:
        return lambda document, variables: _computed(_included(document, root), root, document, variables)
    marked, computed = root.marked, tuple(root.computed.items())

    def flat(document: Document, variables: Variables) -> Document:
        result = {name: value for name, value in document.items() if name in marked}
        for name, evaluate in computed:
            value = evaluate(document, variables)
            if value is not MISSING:
                result[name] = value
        return result

    return flat


def _included(value: Any, node: _Node) -> Any:
    if isinstance(value, list):
        kept = (_included(item, node) for item in value)
        return [item for item in kept if item is not MISSING]
    if not isinstance(value, dict):
        return value if node.computes() else MISSING
    result = {}
    for name, member in value.items():
        if name in node.marked:
            result[name] = member
        elif name in node.children:
            below = _included(member, node.children[name])
            if below is not MISSING:
                result[name] = below
    return result


def _computed(value: Any, node: _Node, document: Document, variables: Variables) -> Any:
    """``value`` with the computed fields of ``node`` set; in an array, in every element."""
    if isinstance(value, list):
        return [_computed(item, node, document, variables) for item in value]
    result = dict(value) if isinstance(value, dict) else {}
    for name, child in node.children.items():
        if child.computes():
            result[name] = _computed(result.get(name), child, document, variables)
    for name, evaluate in node.computed.items():
        computed = evaluate(document, variables)
        if computed is MISSING:
            result.pop(name, None)
        else:
            result[name] = computed
    return result


def compile_added_fields(specification: Mapping[str, Any], scope: Scope) -> Transform:
    """The transform that adds or replaces computed fields."""
    if not specification:
        raise failure(40177, "Invalid $addFields :: caused by :: specification must have at least one field")
    root = _Node()
    for path, value in specification.items():
        _add_field(root, path, value, scope)
    if root.children:
        return lambda document, variables: _computed(document, root, document, variables)
    computed = tuple(root.computed.items())

    def flat(document: Document, variables: Variables) -> Document:
        result = dict(document)
        for name, evaluate in computed:
            value = evaluate(document, variables)
            if value is MISSING:
                result.pop(name, None)
            else:
                result[name] = value
        return result

    return flat


def _add_field(root: _Node, path: str, value: Any, scope: Scope) -> None:
    names = split_path(path)
    if isinstance(value, Mapping) and not (value and next(iter(value)).startswith("$")):
        if not value:
            root.child(names, path).computed[names[-1]] = compile_in({}, scope)
        for name, member in value.items():
            if name.startswith("$"):
                raise failure(
                    40180,
                    f"Invalid $addFields :: caused by :: an expression specification must contain exactly one field, found: {path}",
                )
            if "." in name:
                raise failure(40183, "Invalid $addFields :: caused by :: cannot use dotted field name in a sub object")
            _add_field(root, f"{path}.{name}", member, scope)
    else:
        root.child(names, path).computed[names[-1]] = compile_in(value, scope)
