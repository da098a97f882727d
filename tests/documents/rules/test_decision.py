"""Rules where everything is known: functions and files."""

from __future__ import annotations

from typing import Any

import pytest

from yunbox.documents.rules.decision import compile_rule, missing
from yunbox.errors import InvalidRequest
from yunbox.files.rules import file_rules
from yunbox.functions.rules import DEFAULT, function_rules

NAMES = frozenset({"auth", "now", "resource"})
ANN = {"openid": "ann", "uid": "u1", "loginType": "WECHAT"}


@pytest.mark.parametrize(
    ("rule", "auth", "resource", "why"),
    [
        (True, None, None, ""),
        (False, ANN, None, "`false` is not true"),
        ("auth != null", ANN, None, ""),
        ("auth !== null", None, None, "`auth != null` is not true"),
        ("auth != null && auth.loginType == 'EMAIL'", ANN, None, '`auth.loginType == "EMAIL"` is not true'),
        ("auth.openid == 'ann'", None, None, "the rule reads `openid` of null"),
        ("auth.openid in ['bob', 'ann']", ANN, None, ""),
        ("!(auth.openid in ['bob', 'ann'])", ANN, None, '`!(auth.openid in ["bob", "ann"])` is not true'),
        ("resource.openid == auth.openid || resource.openid == auth.uid", ANN, {"openid": "u1"}, ""),
        ("resource.openid == auth.openid", ANN, {"openid": None}, "`resource.openid == auth.openid` is not true"),
        ("resource.openid == auth.openid", ANN, None, "the rule reads `openid` of null"),
        ("resource.owner == auth.name", ANN, {"openid": "ann"}, ""),
        ("now > 1700000000000 && now < 1800000000000", None, None, ""),
        ("auth['openid'] == `a${'n'}n`", ANN, None, ""),
        ("now > 'soon'", ANN, None, "have no order"),
        ("auth.openid", ANN, None, ""),
        ("auth", None, None, "`auth` is not true"),
    ],
)
def test_rules_are_true_or_say_what_is_missing(rule: Any, auth: Any, resource: Any, why: str) -> None:
    told = missing(compile_rule(rule, "it", NAMES), auth=auth, now=1750000000000, resource=resource)
    assert (told == "") is (why == "")
    assert why in told


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ("auth ==", "ends too early"),
        ("doc.owner == auth.openid", "`doc` means nothing here"),
        ("get('database.a.b').ok", "collections only"),
        ("request.data.n > 1", "`request` means nothing here"),
        ("nobody", "unknown name"),
        (1, "must be true, false or an expression"),
        (None, "must be true, false or an expression"),
        ("auth != null && " * 80 + "true", "at most 1024"),
    ],
)
def test_what_is_no_rule_is_refused(rule: Any, why: str) -> None:
    with pytest.raises(InvalidRequest, match="the rule `it`") as refused:
        compile_rule(rule, "it", NAMES)
    assert why in refused.value.message


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ({}, "\\*"),
        ({"f": {"invoke": True}}, "\\*"),
        ({"*": {}}, "invoke"),
        ({"*": True}, "invoke"),
        ({"*": {"invoke": True, "call": True}}, "invoke"),
        ({"*": {"invoke": "resource.openid == auth.openid"}}, "resource"),
    ],
)
def test_rules_of_functions_have_one_form(written: Any, why: str) -> None:
    with pytest.raises(InvalidRequest, match=why):
        function_rules(written)


def test_rules_of_files_have_one_form() -> None:
    with pytest.raises(InvalidRequest, match="delete"):
        file_rules({"delete": True})
    assert file_rules({"write": True}).to_json() == {"write": True}
    assert file_rules({"write": True}).grants().read == "none"
    assert file_rules({"read": True, "write": "auth.openid == resource.openid"}).grants().update == "owner"
    assert DEFAULT.to_json() == {"*": {"invoke": "auth != null"}}
