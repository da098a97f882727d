"""Turn an aggregation expression into a closure ``f(document, variables)``."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from bson import Regex

from ..values import MISSING, is_text
from .failures import failure
from .paths import check_field_name, field, resolve, split_path
from .registry import OPERATORS, Constant, Document, Evaluate, Variables, fold
from .scope import SYSTEM_VARIABLES, Scope


def compile_in(expression: Any, scope: Scope) -> Evaluate:
    """Compile ``expression``; constants come back as `Constant`. Raises `QueryError` for what MongoDB cannot parse."""
    if is_text(expression):
        return _compile_string(expression, scope)
    if isinstance(expression, dict):
        return _compile_object(expression, scope)
    if isinstance(expression, list):
        return _compile_array(expression, scope)
    return Constant(expression)


def _compile_string(text: str, scope: Scope) -> Evaluate:
    if text.startswith("$$"):
        return _compile_variable(text[2:], scope)
    if text.startswith("$"):
        return compile_path(text[1:], scope)
    return Constant(text)


def compile_path(path: str, scope: Scope) -> Evaluate:
    """A field path of the current document, without its dollar sign."""
    if not path:
        raise failure(16872, "'$' by itself is not a valid FieldPath")
    names = split_path(path)
    scope.read(path)
    return field(names)


def _compile_variable(text: str, scope: Scope) -> Evaluate:
    name, _, path = text.partition(".")
    check_variable_name(name)
    names = split_path(path if path else text) if "." in text else ()
    if name in scope.variables:
        return _user_variable(name, names)
    if name == "CURRENT":
        return compile_path(path, scope) if path else _current(scope)
    if name == "ROOT":
        return _root(names, path, scope)
    return _system_variable(name, names)


def check_variable_name(name: str, *, defining: bool = False) -> None:
    """Raise unless ``name`` can be read (or, when ``defining``, bound) as a variable."""
    if not name:
        raise failure(16869 if not defining else 16866, "empty variable names are not allowed")
    first = name[0]
    if defining and name == "CURRENT":
        return
    lower_start = "a" <= first <= "z" or first > "\x7f"
    if not lower_start and (defining or not "A" <= first <= "Z"):
        number = 16867 if defining else 16870
        raise failure(number, f"'{name}' starts with an invalid character for a user variable name")
    for character in name:
        if not (character.isalnum() or character == "_" or character > "\x7f"):
            number = 16868 if defining else 16871
            raise failure(number, f"'{name}' contains an invalid character for a variable name: '{character}'")


def _user_variable(name: str, names: tuple[str, ...]) -> Evaluate:
    if not names:

        def plain(document: Document, variables: Variables) -> Any:
            return variables[name]

        return plain

    def with_path(document: Document, variables: Variables) -> Any:
        return resolve(variables[name], names)

    return with_path


def _current(scope: Scope) -> Evaluate:
    if not scope.rebound:
        scope.read_whole()

    def current(document: Document, variables: Variables) -> Any:
        return document

    return current


def _root(names: tuple[str, ...], path: str, scope: Scope) -> Evaluate:
    if names:
        scope.reads.paths.add(path)
    else:
        scope.read_whole()

    def root(document: Document, variables: Variables) -> Any:
        return resolve(variables.get("ROOT", document), names)

    return root


def _system_variable(name: str, names: tuple[str, ...]) -> Evaluate:
    if name == "REMOVE":
        return Constant(MISSING)
    if name == "NOW":

        def now(document: Document, variables: Variables) -> Any:
            moment = variables.get("NOW")
            return resolve(datetime.now(UTC) if moment is None else moment, names)

        return now
    if name in SYSTEM_VARIABLES:
        return _optional_variable(name, names)
    raise failure(17276, f"Use of undefined variable: {name}")


def _optional_variable(name: str, names: tuple[str, ...]) -> Evaluate:
    def optional(document: Document, variables: Variables) -> Any:
        return resolve(variables.get(name, MISSING), names)

    return optional


def _compile_object(expression: dict[str, Any], scope: Scope) -> Evaluate:
    if not expression:
        return Constant({})
    first = next(iter(expression))
    if not first.startswith("$"):
        return _compile_literal_object(expression, scope)
    if first == "$regex":
        return _compile_regex(expression)
    if len(expression) > 1:
        raise failure(15983, f"an object representing an expression must have exactly one field: {expression}")
    builder = OPERATORS.get(first)
    if builder is None:
        raise failure(168, f"Unrecognized expression '{first}'")
    return builder(expression[first], scope)


def _compile_regex(expression: dict[str, Any]) -> Evaluate:
    """A regular expression in the form that older extended JSON writes it."""
    pattern, options = expression["$regex"], expression.get("$options", "")
    if not isinstance(pattern, str) or not isinstance(options, str) or not expression.keys() <= {"$regex", "$options"}:
        raise failure(168, "Unrecognized expression '$regex'")
    return Constant(Regex(pattern, options))


def _compile_literal_object(expression: dict[str, Any], scope: Scope) -> Evaluate:
    fields = []
    for name, value in expression.items():
        check_field_name(name)
        fields.append((name, compile_in(value, scope)))

    def evaluate(document: Document, variables: Variables) -> Any:
        result = {}
        for name, part in fields:
            value = part(document, variables)
            if value is not MISSING:
                result[name] = value
        return result

    return fold(evaluate, (part for _, part in fields))


def _compile_array(expression: list[Any], scope: Scope) -> Evaluate:
    parts = [compile_in(item, scope) for item in expression]

    def evaluate(document: Document, variables: Variables) -> Any:
        values = [part(document, variables) for part in parts]
        return [None if value is MISSING else value for value in values]

    return fold(evaluate, parts)
