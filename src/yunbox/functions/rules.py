"""Which clients may call which functions (semantics.md §8.2, FN-28)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson

from yunbox.caller import Caller
from yunbox.documents.rules import language as lang
from yunbox.documents.rules.decision import compile_rule, missing
from yunbox.documents.rules.judge import auth_of
from yunbox.documents.rules.written import WrittenRules, source_of
from yunbox.errors import InvalidRequest, PermissionDenied
from yunbox.spaces import SpaceService
from yunbox.tools.clock import Clock

EVERY = "*"
_RESOURCE = "functions"
_VARIABLES = frozenset({"auth", "now"})


@dataclass(frozen=True, slots=True)
class FunctionRules(WrittenRules):
    """An expression for each function that has one of its own, and under ``*`` one for the others."""

    expressions: Mapping[str, lang.Node]

    def missing(self, caller: Caller, name: str, now: int) -> str:
        """``""`` when a client may call the function ``name``; else the condition that it does not meet."""
        node = self.expressions.get(name, self.expressions[EVERY])
        return missing(node, auth=auth_of(caller), now=now)


def function_rules(written: Mapping[str, Any]) -> FunctionRules:
    """Rules in the form ``{"*": {"invoke": "auth != null"}, "name": {"invoke": true}}``.

    Raises:
        InvalidRequest: when ``*`` is missing, or something cannot be read; the message names it.
    """
    return _compiled(source_of(written, "the rules of functions"))


@lru_cache(maxsize=256)
def _compiled(source: str) -> FunctionRules:
    written = orjson.loads(source)
    if EVERY not in written:
        raise InvalidRequest(
            'the rules of functions need the key "*", for functions without a rule of their own / 缺少通配规则 "*"'
        )
    return FunctionRules(source, {name: _expression(name, rule) for name, rule in written.items()})


def _expression(name: str, rule: Any) -> lang.Node:
    if not isinstance(rule, dict) or set(rule) != {"invoke"}:
        raise InvalidRequest(f'the rule of `{name}` must be {{"invoke": …}} / 函数 {name} 的规则必须是 {{"invoke": …}}')
    return compile_rule(rule["invoke"], f"{name}.invoke", _VARIABLES)


DEFAULT = function_rules({EVERY: {"invoke": "auth != null"}})
"""Every signed-in user may call every function."""


class CallRules:
    """The rules of every space's functions. They hold for clients; servers, functions, timers and HTTP triggers pass."""

    def __init__(self, spaces: SpaceService, clock: Clock) -> None:
        self._spaces = spaces
        self._clock = clock

    def of(self, space_id: str) -> FunctionRules:
        """The rules of a space.

        Raises:
            InvalidRequest: when what is stored cannot be read.
        """
        stored = self._spaces.rule(space_id, _RESOURCE, "")
        return DEFAULT if stored is None else function_rules(stored)

    def set(self, space_id: str, written: Mapping[str, Any] | None) -> FunctionRules:
        """Change the rules; they hold from the next call on. ``None`` is the default again.

        Raises:
            InvalidRequest: when they cannot be read; nothing has changed then.
        """
        if written is None:
            self._spaces.delete_rule(space_id, _RESOURCE, "")
            return DEFAULT
        rules = function_rules(written)
        self._spaces.set_rule(space_id, _RESOURCE, "", rules.to_json())
        return rules

    def check(self, caller: Caller, name: str) -> None:
        """See that the caller may call a function.

        Raises:
            PermissionDenied: naming the condition that is missing.
        """
        self._spaces.sharing.check_function(caller, name)
        if caller.is_admin or caller.source == "http":
            return
        if why := self.missing(caller, name):
            raise PermissionDenied(f"permission denied: call of the function `{name}`: {why}", function=name)

    def missing(self, caller: Caller, name: str) -> str:
        """``""`` when a client may call the function ``name``; else why not."""
        if caller.kind == "guest" and not self._spaces.get(caller.space).settings.get("allow_guests", False):
            return "sign in first / 请先登录"
        try:
            return self.of(caller.space).missing(caller, name, self._clock.now_ms())
        except InvalidRequest as error:
            return error.message
