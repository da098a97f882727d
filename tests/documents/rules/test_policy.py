from __future__ import annotations

from typing import Any

import pytest

from yunbox.documents.rules import MODES, Rules
from yunbox.documents.rules.policy import PRESETS, parse_policy, policy_of
from yunbox.errors import InvalidRequest

OWNER = "request.auth.userId==resource.auth.userId"


@pytest.mark.parametrize(
    ("policy", "rules"),
    [
        ("PUBLICREAD", MODES["READONLY"]),
        ("private", MODES["PRIVATE"]),
        ("ADMINWRITEONLY", MODES["ADMINWRITE"]),
        ("ADMINREADWRITEONLY", MODES["ADMINONLY"]),
        ({"*": True}, Rules("all", "all", "all", "all")),
        ({"*": False, ".read": True}, MODES["ADMINWRITE"]),
        ({".read": True, ".write": OWNER}, MODES["READONLY"]),
        (
            {".read": "request.auth.userId === resource.auth.userId", ".write": "true"},
            Rules("owner", "all", "all", "all"),
        ),
        ('{".read": false, ".write": false}', MODES["ADMINONLY"]),
    ],
)
def test_policies(policy: Any, rules: Rules) -> None:
    assert parse_policy(policy) == rules


@pytest.mark.parametrize(
    "policy",
    [
        "PUBLIC",
        "{",
        "[]",
        {},
        {".read": True},
        {".write": True},
        {"read": True, "*": True},
        {"*": "auth.uid == 1"},
        {"*": 1},
    ],
)
def test_other_policies_are_refused(policy: Any) -> None:
    with pytest.raises(InvalidRequest):
        parse_policy(policy)


@pytest.mark.parametrize("name", PRESETS)
def test_presets_come_back_by_name(name: str) -> None:
    shown, policy = policy_of(PRESETS[name])
    assert shown == name
    assert parse_policy(policy) == PRESETS[name]


def test_custom_rules_come_back_as_extended() -> None:
    rules = parse_policy({".read": "true", ".write": "true"})
    assert policy_of(rules) == ("EXTENDED", {".read": True, ".write": True})
