"""Filters: compile a MongoDB filter into a test of documents."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from re import Pattern
from typing import Any

from bson import Regex

from yunbox.errors import QueryError

from . import predicates
from .collation import compile_collation
from .filters import And, Both, Combined, Condition, Field, Leaf, Node, Nor, Opposite, Or, Whole, element_match
from .geo import Near, geo_condition, is_geo_operator
from .jsonschema import compile_schema
from .nesting import bounded
from .predicates import bad_value, is_regex, starts_with_operator
from .text import TextSearch, compile_text
from .values import UNDEFINED, Collation, Document, is_number, is_text, is_truthy, regex_parts, sort_key

__all__ = ["Matcher", "compile_filter"]

MAX_TREE_DEPTH = 100


class Matcher:
    """A compiled filter: call it with a document.

    ``near`` is the condition of ``$near`` or ``$nearSphere``, by whose distance results must be ordered; ``text`` the search
    of ``$text``, which scores documents. Both are ``None`` when the filter has none.
    """

    __slots__ = ("_test", "near", "node", "text")

    def __init__(self, node: Node, near: Near | None, text: TextSearch | None) -> None:
        self.node = node
        self.near = near
        self.text = text
        self._test = node.compile()

    def __call__(self, document: Document) -> bool:
        return self._test(document)

    @property
    def test(self) -> Callable[[Document], bool]:
        """The bare closure, for loops over many documents."""
        return self._test

    def position(self, document: Document) -> int | None:
        """The array index by which a matching document matched: what the positional ``$`` stands for."""
        return self.node.locate(document)[1]


@bounded
def compile_filter(
    filter: Mapping[str, Any],
    *,
    collation: Any = None,
    variables: Mapping[str, Any] | None = None,
    top: bool = True,
) -> Matcher:
    """Compile a filter. ``collation`` is a collation document or an already compiled one; ``variables`` are what ``$expr``
    may read, looked up anew at every call.

    Raises `QueryError` with MongoDB's number and name for a filter that MongoDB refuses.
    """
    parser = _Parser(compile_collation(collation), {} if variables is None else variables)
    node = parser.document(filter, top=top, depth=0)
    if parser.near is not None and parser.text is not None:
        raise bad_value("text and geoNear not allowed in same query")
    return Matcher(node, parser.near, parser.text)


def compile_condition(operand: Any, *, collation: Any = None) -> Callable[[Any], bool]:
    """A test of array elements as ``$pull`` applies it. Raises `QueryError`."""
    parser = _Parser(compile_collation(collation), {})
    return parser.element(operand)


def compile_elements(operand: Mapping[str, Any], *, collation: Any = None) -> Callable[[Any], int | None]:
    """The index of the first element of an array that ``{$elemMatch: operand}`` matches. Raises `QueryError`."""
    leaf = _Parser(compile_collation(collation), {}).element_match("", operand, 0)
    assert leaf.index is not None
    return leaf.index


class _Parser:
    """Turns one filter into nodes; remembers the parts of it that only a whole query may have."""

    def __init__(self, collation: Collation | None, variables: Mapping[str, Any]) -> None:
        self.collation = collation
        self.variables = variables
        self.near: Near | None = None
        self.text: TextSearch | None = None

    def document(self, filter: Any, *, top: bool, depth: int) -> Node:
        """A filter document; ``top`` as long as it speaks about the root document."""
        if depth > MAX_TREE_DEPTH:
            raise bad_value(f"exceeded maximum query tree depth of {MAX_TREE_DEPTH}")
        if not isinstance(filter, Mapping):
            raise QueryError("Expected field filter to be of type object", number=14, name="TypeMismatch")
        nodes: list[Node] = []
        for name, operand in filter.items():
            if name.startswith("$"):
                node = self._top_operator(name, operand, top, depth)
                if node is not None:
                    nodes.append(node)
            else:
                nodes.append(Field(name, self._field(name, operand, depth)))
        return nodes[0] if len(nodes) == 1 else And(nodes)

    def _top_operator(self, name: str, operand: Any, top: bool, depth: int) -> Node | None:
        if name in _TREES:
            near = self.near
            nodes = self._clauses(name, operand, top, depth)
            if name != "$and":
                self._refuse_new_near(near)
            return Or(nodes, self._merged(nodes, operand, depth)) if name == "$or" else _TREES[name](nodes)
        if name == "$comment":
            return None
        if name in _ROOT_ONLY and not top:
            raise bad_value(f"{name} can only be applied to the top-level document")
        whole = _WHOLE_OPERATORS.get(name)
        if whole is None:
            raise bad_value(
                f"unknown top level operator: {name}. If you have a field name that starts with a '$' symbol, "
                "consider using $getField or $setField."
            )
        return whole(self, operand)

    def _clauses(self, name: str, operand: Any, top: bool, depth: int) -> list[Node]:
        if not isinstance(operand, list):
            raise bad_value(f"{name} must be an array")
        if not operand:
            raise bad_value("$and/$or/$nor must be a nonempty array")
        for clause in operand:
            if not isinstance(clause, dict):
                raise bad_value("$or/$and/$nor entries need to be full objects")
        return [self.document(clause, top=top, depth=depth + 1) for clause in operand]

    def _merged(self, nodes: list[Node], clauses: list[dict[str, Any]], depth: int) -> Node | None:
        """The only one of some alternatives, or the ``$in`` which says the same as equalities on one path."""
        if len(nodes) == 1:
            return nodes[0]
        path, values = "", []
        for clause in clauses:
            name, operand = next(iter(clause.items()), ("", None))
            if len(clause) != 1 or name.startswith("$") or name != (path or name):
                return None
            alternatives = _alternatives(operand)
            if alternatives is None:
                return None
            path = name
            values.extend(alternatives)
        return Field(path, self._field(path, {"$in": values}, depth))

    def _refuse_new_near(self, before: Near | None) -> None:
        if self.near is not before:
            raise bad_value("geoNear must be top-level expr")

    def expression(self, operand: Any) -> Node:
        """``$expr``."""
        from .expressions import compile_expression

        evaluate = compile_expression(operand, variables=self.variables.keys(), collation=self.collation)
        variables = self.variables

        return Whole(bounded(lambda document: is_truthy(evaluate(document, variables))))

    def text_search(self, operand: Any) -> Node:
        """``$text``."""
        if self.text is not None:
            raise bad_value("Too many text expressions")
        self.text = compile_text(operand)
        return Whole(self.text.matches)

    def _field(self, path: str, operand: Any, depth: int) -> Condition:
        if isinstance(operand, dict) and starts_with_operator(operand):
            return self._operators(path, operand, depth)
        if is_regex(operand):
            return Leaf(predicates.regular_expression(*regex_parts(operand)))
        return self._equality(operand)

    def _equality(self, operand: Any) -> Leaf:
        predicate = predicates.equality(operand, self.collation)
        if type(operand) is int:
            return Leaf(predicate, fast=lambda field: predicates.number_test("$eq", field, operand))
        return Leaf(predicate)

    def _operators(self, path: str, operand: dict[str, Any], depth: int) -> Condition:
        if depth > MAX_TREE_DEPTH:
            raise bad_value(f"exceeded maximum query tree depth of {MAX_TREE_DEPTH}")
        if any(is_geo_operator(name) for name in operand):
            return self._geo(path, operand, depth)
        conditions = []
        for name, argument in operand.items():
            if name == "$regex":
                conditions.append(self._regex(operand))
            elif name == "$options":
                if "$regex" not in operand:
                    raise bad_value("$options needs a $regex")
            elif name != "$comment":
                conditions.append(self._operator(path, name, argument, depth))
        return conditions[0] if len(conditions) == 1 else Both(conditions)

    def _geo(self, path: str, operand: dict[str, Any], depth: int) -> Condition:
        condition, near, rest = geo_condition(path, operand)
        if near is not None:
            if self.near is not None:
                raise bad_value("Too many geoNear expressions")
            self.near = near
        if not rest:
            return condition
        return Both([condition, self._operators(path, rest, depth)])

    def _operator(self, path: str, name: str, operand: Any, depth: int) -> Condition:
        if name in ("$gt", "$gte", "$lt", "$lte"):
            return self._ordering(path, name, operand)
        if name in _TREES:
            return self._logic(path, name, operand, depth)
        build = _FIELD_OPERATORS.get(name)
        if build is None:
            raise bad_value(f"unknown operator: {name}")
        return build(self, path, operand, depth)

    def _logic(self, path: str, name: str, operand: Any, depth: int) -> Condition:
        """``$and $or $nor`` written below a field, which MongoDB refuses: each clause speaks about the field's value."""
        if isinstance(operand, list) and operand and all(_is_operators(clause) for clause in operand):
            return Combined(name, [self._operators(path, clause, depth + 1) for clause in operand])
        test = _TREES[name](self._clauses(name, operand, False, depth)).compile()
        return Leaf(lambda value: type(value) is dict and test(value))

    def _ordering(self, path: str, name: str, operand: Any) -> Condition:
        if is_regex(operand):
            raise bad_value(f"Can't have RegEx as arg to predicate over field '{path}'.")
        predicate = predicates.ordering(name, operand, self.collation)
        if type(operand) is int or (type(operand) is float and operand == operand):
            return Leaf(predicate, fast=lambda field: predicates.number_test(name, field, operand))
        return Leaf(predicate)

    def not_equal(self, path: str, operand: Any, depth: int) -> Condition:
        """``$ne``."""
        if is_regex(operand):
            raise bad_value("Can't have regex as arg to $ne.")
        return Opposite(self._equality(operand))

    def equal(self, path: str, operand: Any, depth: int) -> Condition:
        """``$eq``."""
        return self._equality(operand)

    def member(self, path: str, operand: Any, depth: int) -> Condition:
        """``$in``."""
        return Leaf(predicates.membership(operand, self.collation))

    def not_member(self, path: str, operand: Any, depth: int) -> Condition:
        """``$nin``."""
        if not isinstance(operand, list):
            raise bad_value("$nin needs an array")
        return Opposite(self.member(path, operand, depth))

    def negation(self, path: str, operand: Any, depth: int) -> Condition:
        """``$not``."""
        if is_regex(operand):
            return Opposite(Leaf(predicates.regular_expression(*regex_parts(operand))))
        if not isinstance(operand, dict):
            raise bad_value("$not needs a regex or a document")
        if not operand:
            raise bad_value("$not cannot be empty")
        for name in operand:
            if not name.startswith("$"):
                raise bad_value(f"unknown operator: {name}")
        near = self.near
        condition = self._operators(path, operand, depth + 1)
        self._refuse_new_near(near)
        return Opposite(condition)

    def existence(self, path: str, operand: Any, depth: int) -> Condition:
        """``$exists``."""
        present = Leaf(predicates.exists)
        return present if _is_true(operand) else Opposite(present)

    def types(self, path: str, operand: Any, depth: int) -> Condition:
        """``$type``."""
        return Leaf(predicates.of_type(operand, path))

    def size(self, path: str, operand: Any, depth: int) -> Condition:
        """``$size``."""
        return Leaf(predicates.size(operand), expand=False)

    def remainder(self, path: str, operand: Any, depth: int) -> Condition:
        """``$mod``."""
        return Leaf(predicates.remainder(operand))

    def _regex(self, operand: dict[str, Any]) -> Condition:
        pattern, options = operand["$regex"], operand.get("$options")
        if options is not None and not is_text(options):
            raise bad_value("$options has to be a string")
        if isinstance(pattern, (Regex, Pattern)):
            pattern, own = regex_parts(pattern)
            if own and options:
                raise QueryError("options set in both $regex and $options", number=51075, name="Location51075")
            options = options or own
        if not is_text(pattern):
            raise bad_value("$regex has to be a string")
        return Leaf(predicates.regular_expression(pattern, options or ""))

    def all_of(self, path: str, operand: Any, depth: int) -> Condition:
        """``$all``."""
        if not isinstance(operand, list):
            raise bad_value("$all needs an array")
        if not operand:
            return Leaf(lambda value: False)
        with_elements = isinstance(operand[0], dict) and next(iter(operand[0]), "") == "$elemMatch"
        return Both([self._one_of_all(path, item, with_elements, depth) for item in operand], first=True)

    def _one_of_all(self, path: str, item: Any, with_elements: bool, depth: int) -> Condition:
        if with_elements:
            if not isinstance(item, dict) or next(iter(item), "") != "$elemMatch":
                raise bad_value("$all/$elemMatch has to be consistent")
            return self._operators(path, item, depth + 1)
        expression = predicates.regex_operand(item)
        if expression is not None:
            return Leaf(expression)
        if isinstance(item, dict) and starts_with_operator(item):
            raise bad_value("no $ expressions in $all")
        return self._equality(item)

    def element_match(self, path: str, operand: Any, depth: int) -> Leaf:
        """``$elemMatch``."""
        if not isinstance(operand, dict):
            raise bad_value("$elemMatch needs an Object")
        near = self.near
        first = next(iter(operand), "")
        by_value = starts_with_operator(operand) and first not in ("$and", "$or", "$nor", "$where")
        if by_value:
            test = self._operators("", operand, depth + 1).at_value()
        else:
            test = self.document(operand, top=False, depth=depth + 1).compile()
        self._refuse_new_near(near)
        return element_match(test, objects_only=not by_value)

    def element(self, operand: Any) -> Callable[[Any], bool]:
        """A test of array elements as ``$pull`` means it: operators, a filter on objects, or equality."""
        if is_regex(operand) or (isinstance(operand, dict) and next(iter(operand), "") in _PATH_OPERATORS):
            test = self._field("", operand, 0).at_path(("",))
            return lambda value: test({"": value})
        if isinstance(operand, dict):
            test = self.document(operand, top=False, depth=0).compile()
            return lambda value: type(value) is dict and test(value)
        key = sort_key(operand, self.collation)
        return lambda value: sort_key(value, self.collation) == key


def _is_operators(operand: Any) -> bool:
    return isinstance(operand, dict) and starts_with_operator(operand)


def _is_true(value: Any) -> bool:
    # Truth as a C++ driver sees it: everything but false, zero, null and undefined.
    if value is None or value is UNDEFINED or value is False:
        return False
    return not (is_number(value) and not is_truthy(value))


def _alternatives(operand: Any) -> list[Any] | None:
    """The values of a condition that only asks for equality; ``None`` for any other, and for values that ``$in`` would refuse
    or take for something else.
    """
    if not isinstance(operand, dict) or not starts_with_operator(operand):
        return [operand]
    if len(operand) == 1 and isinstance(operand.get("$in"), list):
        return list(operand["$in"])
    if len(operand) != 1 or "$eq" not in operand:
        return None
    value = operand["$eq"]
    means_more = is_regex(value) or value is UNDEFINED or (isinstance(value, dict) and starts_with_operator(value))
    return None if means_more else [value]


def _refuse_where(parser: _Parser, operand: Any) -> Node:
    raise bad_value("$where is not supported: no JavaScript runs inside the database; use $expr")


def _schema(parser: _Parser, operand: Any) -> Node:
    return Whole(compile_schema(operand))


def _always(value: bool) -> Callable[[_Parser, Any], Node]:
    def build(parser: _Parser, operand: Any) -> Node:
        if not is_number(operand) or operand != 1:
            raise QueryError("the value must be 1", number=9, name="FailedToParse")
        return Whole(lambda document: value)

    return build


def _sample_rate(parser: _Parser, operand: Any) -> Node:
    if not is_number(operand) or not 0 <= float(str(operand)) <= 1:
        raise bad_value("$sampleRate requires a number between 0.0 and 1.0")
    rate = float(str(operand))
    return Whole(lambda document: random.random() < rate)


_TREES: dict[str, Callable[[list[Node]], Node]] = {"$and": And, "$or": Or, "$nor": Nor}
_ROOT_ONLY = frozenset({"$expr", "$text", "$where"})
_WHOLE_OPERATORS: dict[str, Callable[[_Parser, Any], Node]] = {
    "$expr": _Parser.expression,
    "$text": _Parser.text_search,
    "$jsonSchema": _schema,
    "$where": _refuse_where,
    "$alwaysTrue": _always(True),
    "$alwaysFalse": _always(False),
    "$sampleRate": _sample_rate,
}


def _bits(name: str) -> Callable[[_Parser, str, Any, int], Condition]:
    return lambda parser, path, operand, depth: Leaf(predicates.bits(name, operand))


_FIELD_OPERATORS: dict[str, Callable[[_Parser, str, Any, int], Condition]] = {
    "$eq": _Parser.equal,
    "$ne": _Parser.not_equal,
    "$in": _Parser.member,
    "$nin": _Parser.not_member,
    "$not": _Parser.negation,
    "$exists": _Parser.existence,
    "$type": _Parser.types,
    "$size": _Parser.size,
    "$mod": _Parser.remainder,
    "$all": _Parser.all_of,
    "$elemMatch": _Parser.element_match,
    **{name: _bits(name) for name in ("$bitsAllSet", "$bitsAllClear", "$bitsAnySet", "$bitsAnyClear")},
}
_PATH_OPERATORS = frozenset({*_FIELD_OPERATORS, "$gt", "$gte", "$lt", "$lte", "$regex", "$options"})
