"""Updates as a tree over field names, and its application to a document without changing the document.

All operators of an update share one tree, so that two that touch the same place are found, and new fields appear in
lexicographic order as MongoDB 5.0 makes them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cmp_to_key
from typing import Any

from msgspec import Struct

from yunbox.errors import QueryError

from .display import shown
from .modifiers import Context, Modifier
from .paths import is_index, is_selector
from .predicates import bad_value
from .values import MISSING

MAX_BACKFILL = 1_500_000

ArrayFilters = dict[str, Callable[[Any], bool]]


class Branch(Struct):
    """Changes to members of an object or elements of an array. ``positional`` is the child of ``$``; ``selected`` holds the
    children of ``$[]`` (under the empty name) and of ``$[identifier]``.
    """

    members: dict[str, Node] = {}
    positional: Node | None = None
    selected: dict[str, Node] = {}

    def children(self) -> Iterator[Node]:
        yield from self.members.values()
        yield from self.selected.values()
        if self.positional is not None:
            yield self.positional


Node = Branch | Modifier


def conflict(path: str, at: str) -> QueryError:
    """The error of two changes to one place."""
    return QueryError(
        f"Updating the path '{path}' would create a conflict at '{at}'", number=40, name="ConflictingUpdateOperators"
    )


def insert(root: Branch, parts: tuple[str, ...], leaf: Modifier) -> None:
    """Put a modifier into the tree. Raises `QueryError` (40) when another one is in the way."""
    branch = root
    for index, part in enumerate(parts[:-1]):
        child = _get(branch, part)
        if child is None:
            child = Branch()
            _put(branch, part, child, parts, index)
        if isinstance(child, Modifier):
            raise conflict(".".join(parts), ".".join(parts[: index + 1]))
        branch = child
    if _get(branch, parts[-1]) is not None:
        raise conflict(".".join(parts), ".".join(parts))
    _put(branch, parts[-1], leaf, parts, len(parts) - 1)


def _get(branch: Branch, part: str) -> Node | None:
    if part == "$":
        return branch.positional
    if is_selector(part):
        return branch.selected.get(part[2:-1])
    return branch.members.get(part)


def _put(branch: Branch, part: str, node: Node, parts: tuple[str, ...], index: int) -> None:
    selects = is_selector(part)
    if selects != bool(branch.selected) and (branch.selected or branch.members or branch.positional is not None):
        raise conflict(".".join(parts), ".".join(parts[:index]))
    if selects:
        branch.selected[part[2:-1]] = node
    elif part == "$":
        branch.positional = node
    else:
        branch.members[part] = node


def arrange(branch: Branch) -> None:
    """Order the members of every branch: by number where both names are numbers, else by code points."""
    if len(branch.members) > 1:
        branch.members = dict(sorted(branch.members.items(), key=lambda item: _name_key(item[0])))
    for child in branch.children():
        if isinstance(child, Branch):
            arrange(child)


def _compare_names(a: str, b: str) -> int:
    if is_index(a) and is_index(b):
        return int(a) - int(b)
    return (a > b) - (a < b)


_name_key = cmp_to_key(_compare_names)


def merge(a: Node, b: Node, path: str) -> Node:
    """Both changes at once. Raises `QueryError` (40) when they touch the same place."""
    if isinstance(a, Modifier) or isinstance(b, Modifier):
        raise conflict(path, path)
    if bool(a.selected) != bool(b.selected):
        raise conflict(path, path)
    merged = Branch(
        _merge_maps(a.members, b.members, path),
        _merge_optional(a.positional, b.positional, f"{path}.$"),
        _merge_maps(a.selected, b.selected, path),
    )
    arrange(merged)
    return merged


def _merge_maps(a: dict[str, Node], b: dict[str, Node], path: str) -> dict[str, Node]:
    result = dict(a)
    for name, node in b.items():
        result[name] = merge(result[name], node, f"{path}.{name}") if name in result else node
    return result


def _merge_optional(a: Node | None, b: Node | None, path: str) -> Node | None:
    if a is None or b is None:
        return a if b is None else b
    return merge(a, b, path)


class Application:
    """One run of a tree over a document."""

    def __init__(self, context: Context, filters: ArrayFilters) -> None:
        self.context = context
        self.filters = filters

    def apply(self, node: Node, value: Any, path: str) -> Any:
        """The new value at ``path``; the same object when nothing changes, `MISSING` when it goes away."""
        if isinstance(node, Modifier):
            return self._modify(node, value)
        if node.selected:
            return self._selected(node, value, path)
        if type(value) is list:
            return self._array(node, value, path)
        if type(value) is dict or value is MISSING:
            return self._object(node, value, path)
        self._refuse_blocked(node, value, path)
        return value

    def _modify(self, leaf: Modifier, value: Any) -> Any:
        if leaf.applies is not None and not leaf.applies(self.context):
            return value
        if value is MISSING and not leaf.creates:
            return value
        return leaf.change(value, self.context)

    def _members(self, branch: Branch, path: str) -> dict[str, Node]:
        if branch.positional is None:
            return branch.members
        if self.context.position is None:
            raise bad_value("The positional operator did not find the match needed from the query.")
        name = str(self.context.position)
        members = dict(branch.members)
        if name in members:
            members[name] = merge(members[name], branch.positional, f"{path}.{name}")
        else:
            members[name] = branch.positional
        return members

    def _object(self, branch: Branch, value: Any, path: str) -> Any:
        result = value
        for name, child in self._members(branch, path).items():
            old = MISSING if value is MISSING else value.get(name, MISSING)
            new = self.apply(child, old, f"{path}.{name}" if path else name)
            if new is old:
                continue
            if result is value:
                result = {} if value is MISSING else dict(value)
            if old is MISSING and name.startswith("$") and not self.context.inserting:
                raise dollar_field(name, f"{path}.{name}" if path else name)
            if new is MISSING:
                del result[name]
            else:
                result[name] = new
        return result

    def _array(self, branch: Branch, value: list[Any], path: str) -> Any:
        result = value
        for name, child in self._members(branch, path).items():
            if not is_index(name):
                self._refuse_field(child, name, value, path)
                continue
            index = int(name)
            old = value[index] if index < len(value) else MISSING
            new = self.apply(child, old, f"{path}.{name}")
            if new is old:
                continue
            if result is value:
                result = list(value)
            _fill(result, index)
            result[index] = None if new is MISSING else new
        return result

    def _selected(self, branch: Branch, value: Any, path: str) -> Any:
        if value is MISSING:
            raise bad_value(f"The path '{path}' must exist in the document in order to apply array updates.")
        if type(value) is not list:
            raise bad_value(
                f"Cannot apply array updates to non-array element {path.rpartition('.')[2]}: {shown(value)}"
            )
        result = value
        for index, old in enumerate(value):
            node = self._node_for(branch, old, f"{path}.{index}")
            if node is None:
                continue
            new = self.apply(node, old, f"{path}.{index}")
            if new is not old:
                if result is value:
                    result = list(value)
                result[index] = None if new is MISSING else new
        return result

    def _node_for(self, branch: Branch, item: Any, path: str) -> Node | None:
        node: Node | None = None
        for identifier, child in branch.selected.items():
            if not identifier or self.filters[identifier](item):
                node = child if node is None else merge(node, child, path)
        return node

    def _refuse_blocked(self, branch: Branch, value: Any, path: str) -> None:
        for name, child in self._members(branch, path).items():
            self._refuse_field(child, name, value, path)

    def _refuse_field(self, child: Node, name: str, value: Any, path: str) -> None:
        """Raise when something below ``name`` would have to be made inside a value that cannot hold it."""
        if any(leaf.strict and (leaf.applies is None or leaf.applies(self.context)) for leaf in leaves(child)):
            raise QueryError(
                f"Cannot create field '{name}' in element {{{path.rpartition('.')[2]}: {shown(value)}}}",
                number=28,
                name="PathNotViable",
            )
        if isinstance(child, Branch) and child.selected:
            raise bad_value(f"The path '{path}.{name}' must exist in the document in order to apply array updates.")


def dollar_field(name: str, path: str) -> QueryError:
    """The error of a new field whose name begins with ``$``: updates change such a field only where there is one."""
    return QueryError(
        f"The dollar ($) prefixed field '{name}' in '{path}' is not allowed in the context of an update's replacement "
        "document. Consider using an aggregation pipeline with $replaceWith.",
        number=52,
        name="DollarPrefixedFieldName",
    )


def leaves(node: Node) -> Iterator[Modifier]:
    """The modifiers below a node."""
    if isinstance(node, Modifier):
        yield node
        return
    for child in node.children():
        yield from leaves(child)


def _fill(items: list[Any], index: int) -> None:
    missing = index + 1 - len(items)
    if missing > MAX_BACKFILL:
        raise QueryError(f"can't backfill more than {MAX_BACKFILL} elements", number=146, name="CannotBackfillArray")
    items.extend([None] * missing)
