"""Who may read and write a collection: one neutral rule set, of which each protocol shows its own view (DESIGN §9.2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from yunbox.errors import InvalidRequest

if TYPE_CHECKING:
    from yunbox.documents.rules.security import SecurityRules

Grant = Literal["all", "owner", "none"]
Verb = Literal["read", "create", "update", "delete"]


@dataclass(frozen=True, slots=True)
class Rules:
    """What signed-in users may do. ``owner`` grants hold for the documents that carry the caller's owner mark.

    ``create`` is ``all`` (any signed-in user; the document is stamped with its owner) or ``none``. With ``security``
    its expressions decide, and the grants are what they surely grant at least.
    """

    read: Grant
    create: Grant
    update: Grant
    delete: Grant
    security: SecurityRules | None = None

    def grant(self, verb: Verb) -> Grant:
        grant: Grant = getattr(self, verb)
        return grant

    def to_json(self) -> dict[str, Any]:
        """What is stored, and what :func:`rules_from_json` reads."""
        if self.security is not None:
            return {"security": self.security.to_json()}
        return {"read": self.read, "create": self.create, "update": self.update, "delete": self.delete}

    @property
    def mode(self) -> str | None:
        """The name of the basic mode with these grants, or ``None``."""
        return next((name for name, rules in MODES.items() if rules == self), None)


MODES: dict[str, Rules] = {
    "READONLY": Rules(read="all", create="all", update="owner", delete="owner"),
    "PRIVATE": Rules(read="owner", create="all", update="owner", delete="owner"),
    "ADMINWRITE": Rules(read="all", create="none", update="none", delete="none"),
    "ADMINONLY": Rules(read="none", create="none", update="none", delete="none"),
}
"""The basic modes (tencent-client.md §12.1) by name."""

PRIVATE = MODES["PRIVATE"]


def rules_of_mode(name: str) -> Rules:
    """The rules of a basic mode.

    Raises:
        InvalidRequest: when there is no mode of this name.
    """
    try:
        return MODES[name.upper()]
    except KeyError:
        raise InvalidRequest(f"unknown permission mode `{name}`; use one of {', '.join(MODES)}") from None


def rules_from_json(stored: str | Mapping[str, Any]) -> Rules:
    """The rules kept as ``stored``: a mode's name or what :meth:`Rules.to_json` gave."""
    if isinstance(stored, str):
        return rules_of_mode(stored)
    if "security" in stored:
        from yunbox.documents.rules.security import security_rules

        return security_rules(stored["security"])
    return Rules(**{verb: stored[verb] for verb in ("read", "create", "update", "delete")})
