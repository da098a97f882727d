"""$cond $ifNull $switch $let $literal."""

from __future__ import annotations

from typing import Any

from ..values import MISSING, UNDEFINED
from .comparison import truth
from .compiler import check_variable_name, compile_in
from .failures import failure
from .registry import Constant, Document, Evaluate, Variables, check_arity, fold, operands, operator
from .scope import Scope


@operator("$literal", "$const")
def build_literal(operand: Any, scope: Scope) -> Evaluate:
    """The operand itself, unparsed."""
    return Constant(operand)


@operator("$cond")
def build_cond(operand: Any, scope: Scope) -> Evaluate:
    """The second or the third of three expressions, as the first is true or false."""
    if isinstance(operand, dict):
        operand = _cond_arguments(operand)
    arguments = operands(operand)
    check_arity("$cond", len(arguments), 3)
    condition, then, otherwise = (compile_in(argument, scope) for argument in arguments)
    if isinstance(condition, Constant):
        return then if truth(condition.value) else otherwise

    def evaluate(document: Document, variables: Variables) -> Any:
        return then(document, variables) if truth(condition(document, variables)) else otherwise(document, variables)

    return evaluate


def _cond_arguments(operand: dict[str, Any]) -> list[Any]:
    for key in operand:
        if key not in ("if", "then", "else"):
            raise failure(17083, f"Unrecognized parameter to $cond: {key}")
    for number, key in ((17080, "if"), (17081, "then"), (17082, "else")):
        if key not in operand:
            raise failure(number, f"Missing '{key}' parameter to $cond")
    return [operand["if"], operand["then"], operand["else"]]


@operator("$ifNull")
def build_if_null(operand: Any, scope: Scope) -> Evaluate:
    """The first of two or more values that is neither null nor missing; otherwise the last one."""
    arguments = operands(operand)
    if len(arguments) < 2:
        raise failure(1257300, f"$ifNull needs at least two arguments, had: {len(arguments)}")
    *parts, last = (compile_in(argument, scope) for argument in arguments)

    def evaluate(document: Document, variables: Variables) -> Any:
        for part in parts:
            value = part(document, variables)
            if value is not None and value is not MISSING and value is not UNDEFINED:
                return value
        return last(document, variables)

    return fold(evaluate, [*parts, last])


@operator("$switch")
def build_switch(operand: Any, scope: Scope) -> Evaluate:
    """The ``then`` of the first branch whose ``case`` is true, else ``default``."""
    branches, default = _switch_parts(operand, scope)

    def evaluate(document: Document, variables: Variables) -> Any:
        for case, then in branches:
            if truth(case(document, variables)):
                return then(document, variables)
        if default is None:
            raise failure(40066, "$switch could not find a matching branch for an input, and no default was specified.")
        return default(document, variables)

    parts = [part for branch in branches for part in branch]
    return fold(evaluate, parts if default is None else [*parts, default])


def _switch_parts(operand: Any, scope: Scope) -> tuple[list[tuple[Evaluate, Evaluate]], Evaluate | None]:
    if not isinstance(operand, dict):
        raise failure(40060, f"$switch requires an object as an argument, found: {operand!r}")
    branches: list[tuple[Evaluate, Evaluate]] = []
    default = None
    for key, value in operand.items():
        if key == "branches":
            if not isinstance(value, list):
                raise failure(40061, "$switch expected an array for 'branches'")
            branches = [_branch(branch, scope) for branch in value]
        elif key == "default":
            default = compile_in(value, scope)
        else:
            raise failure(40067, f"$switch found an unknown argument: {key}")
    if not branches:
        raise failure(40068, "$switch requires at least one branch.")
    return branches, default


def _branch(branch: Any, scope: Scope) -> tuple[Evaluate, Evaluate]:
    if not isinstance(branch, dict):
        raise failure(40062, "$switch expected each branch to be an object")
    for key in branch:
        if key not in ("case", "then"):
            raise failure(40063, f"$switch found an unknown argument to a branch: {key}")
    if "case" not in branch:
        raise failure(40064, "$switch requires each branch have a 'case' expression")
    if "then" not in branch:
        raise failure(40065, "$switch requires each branch have a 'then' expression.")
    return compile_in(branch["case"], scope), compile_in(branch["then"], scope)


@operator("$let")
def build_let(operand: Any, scope: Scope) -> Evaluate:
    """The value of ``in`` with the variables of ``vars`` bound."""
    bound, body, rebinds = _let_parts(operand, scope)

    def evaluate(document: Document, variables: Variables) -> Any:
        values = {name: part(document, variables) for name, part in bound}
        inner = {**variables, **values}
        if not rebinds:
            return body(document, inner)
        inner.setdefault("ROOT", document)
        return body(inner.pop("CURRENT"), inner)

    return evaluate


def _let_parts(operand: Any, scope: Scope) -> tuple[list[tuple[str, Evaluate]], Evaluate, bool]:
    if not isinstance(operand, dict):
        raise failure(16874, "$let only supports an object as its argument")
    for key in operand:
        if key not in ("vars", "in"):
            raise failure(16875, f"Unrecognized parameter to $let: {key}")
    for number, key in ((16876, "vars"), (16877, "in")):
        if key not in operand:
            raise failure(number, f"Missing '{key}' parameter to $let")
    if not isinstance(operand["vars"], dict):
        raise failure(10065, "invalid parameter: expected an object (vars)")
    bound = []
    for name, expression in operand["vars"].items():
        check_variable_name(name, defining=True)
        bound.append((name, compile_in(expression, scope)))
    rebinds = any(name == "CURRENT" for name, _ in bound)
    inner = scope.with_current_rebound() if rebinds else scope
    body = compile_in(operand["in"], inner.extended(name for name, _ in bound if name != "CURRENT"))
    return bound, body, rebinds
