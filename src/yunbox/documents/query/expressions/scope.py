"""What an expression may refer to while it is compiled, and what it turned out to read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

SYSTEM_VARIABLES = frozenset({"ROOT", "CURRENT", "NOW", "CLUSTER_TIME", "REMOVE", "USER_ROLES", "SEARCH_META"})


class Reads:
    """The document paths that compiled expressions read; ``whole`` once any of them needs the entire document."""

    def __init__(self) -> None:
        self.paths: set[str] = set()
        self.whole = False


class Scope:
    """Names of the user variables in reach, the collation in force, and the record of paths read."""

    __slots__ = ("collation", "reads", "rebound", "variables")

    def __init__(
        self,
        variables: Iterable[str] = (),
        collation: Any = None,
        reads: Reads | None = None,
        *,
        rebound: bool = False,
    ) -> None:
        self.variables = frozenset(variables)
        self.collation = collation
        self.reads = Reads() if reads is None else reads
        self.rebound = rebound

    def extended(self, names: Iterable[str]) -> Scope:
        """The same scope with more variables in reach."""
        return Scope(self.variables.union(names), self.collation, self.reads, rebound=self.rebound)

    def with_current_rebound(self) -> Scope:
        """A scope in which ``$$CURRENT`` is no longer the root document, so that plain paths say nothing about it."""
        return Scope(self.variables, self.collation, self.reads, rebound=True)

    def read(self, path: str) -> None:
        """Note that ``path`` of the current document is read."""
        if not self.rebound:
            self.reads.paths.add(path)

    def read_whole(self) -> None:
        """Note that the entire document is read."""
        self.reads.whole = True
