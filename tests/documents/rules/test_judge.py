"""What security rules allow: the documentation's examples, traps, and random rules that must not grant by accident."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from yunbox.caller import Caller
from yunbox.documents import commands as c
from yunbox.documents.query.values import compare, equal
from yunbox.documents.rules.conditions import facts_of, unmet
from yunbox.documents.rules.evaluate import Situation, condition_of
from yunbox.documents.rules.judge import Judge
from yunbox.documents.rules.language import parse
from yunbox.documents.rules.security import SecurityRules, security_rules
from yunbox.errors import InvalidRequest, PermissionDenied

NOW = 1_700_000_000_000
ME = Caller("user", "demo", user_id="u1", openid="me", provider="wechat")
WEB = Caller("user", "demo", user_id="u2", provider="anonymous")
GUEST = Caller("guest", "demo")
STORED: dict[tuple[str, str], Mapping[str, Any]] = {
    ("rooms", "r1"): {"_id": "r1", "owner": "me", "members": ["me", "you"], "next": "r2"},
    ("rooms", "r2"): {"_id": "r2", "owner": "you", "members": ["you"]},
}


async def read(collection: str, document: str) -> Mapping[str, Any] | None:
    return STORED.get((collection, document))


async def judged(rules: Mapping[str, Any], command: c.Command, caller: Caller = ME) -> c.Command:
    compiled = security_rules(rules).security
    assert isinstance(compiled, SecurityRules)
    return await Judge(caller, "c", compiled, lambda name: name == "open", read, NOW).apply(command)


async def allows(rules: Mapping[str, Any], command: c.Command, caller: Caller = ME) -> bool:
    try:
        await judged(rules, command, caller)
    except PermissionDenied:
        return False
    return True


@pytest.mark.parametrize(
    ("rule", "filter", "allowed"),
    [
        # The documentation's examples.
        ("doc.age > 10", {"age": {"$gt": 10}}, True),
        ("doc.age > 10", {"age": {"$gt": 8}}, False),
        ("doc.age > 10", {"age": {"$gt": 20}}, True),
        ("doc.age > 10", {"age": {"$gte": 10}}, False),
        ("doc.age >= 10", {"age": {"$gt": 10}}, True),
        ("doc.age > 10", {"age": 11}, True),
        ("doc.age > 10", {"age": {"$in": [11, 12]}}, True),
        ("doc.age > 10", {"age": {"$in": [11, 9]}}, False),
        ("doc.age > 10", {"age": {"$in": []}}, False),
        ("doc.age > 10", {}, False),
        ("doc._openid == auth.openid", {"_openid": "me"}, True),
        ("doc._openid === auth.openid", {"_openid": "me"}, True),
        ("auth.openid == doc._openid", {"_openid": "me", "_id": "x"}, True),
        ("doc._openid == auth.openid", {"_openid": "you"}, False),
        ("doc._openid == auth.openid", {"_id": "x"}, False),
        ("doc._openid == auth.openid", {"_openid": {"$in": ["me"]}}, True),
        ("doc._openid == auth.openid", {"_openid": {"$in": ["me", "you"]}}, False),
        ("doc._openid == auth.openid", {"_openid": {"$ne": "you"}}, False),
        ("doc._openid == auth.openid", {"_openid": {"$exists": True}}, False),
        # Combinations.
        ("doc._openid == auth.openid", {"$and": [{"_openid": "me"}, {"n": {"$gt": 1}}]}, True),
        ("doc._openid == auth.openid", {"$or": [{"_openid": "me"}, {"n": 1}]}, False),
        ("doc._openid == auth.openid", {"$or": [{"_openid": "me", "n": 1}, {"_openid": "me", "n": 2}]}, True),
        ("doc._openid == auth.openid", {"_openid": "me", "$or": [{"n": 1}, {"n": 2}]}, True),
        ("doc.a == 1 || doc.b == 1", {"a": 1}, True),
        ("doc.a == 1 || doc.b == 1", {"$or": [{"a": 1}, {"b": 1}]}, True),
        ("doc.a == 1 || doc.b == 1", {"$or": [{"a": 1}, {"c": 1}]}, False),
        ("doc.a == 1 && doc.b == 1", {"a": 1}, False),
        ("doc.a == 1 && doc.b == 1", {"$and": [{"a": 1}, {"$or": [{"b": 1}]}]}, True),
        ("!(doc.a == 1)", {"a": 2}, True),
        ("!(doc.a == 1)", {"a": {"$ne": 1}}, True),
        ("!(doc.a == 1 || doc.b == 1)", {"a": 2}, False),
        ("!(doc.a in [1, 2])", {"a": {"$nin": [1, 2, 3]}}, True),
        ("!(doc.a in [1, 2])", {"a": {"$nin": [1]}}, False),
        ("!(doc.a > 10)", {"a": {"$lte": 10}}, True),
        ("!(doc.a > 10)", {"a": {"$lt": 11}}, False),
        ("doc.a != 3", {"a": {"$gt": 3}}, True),
        ("doc.a != 3", {"a": {"$gte": 3}}, False),
        ("doc.state in ['open', 'done']", {"state": "open"}, True),
        ("doc.state in ['open', 'done']", {"state": {"$in": ["open", "done"]}}, True),
        ("doc.state in ['open', 'done']", {"state": {"$in": ["open", "secret"]}}, False),
        ("auth.openid in doc.members", {"members": "me"}, True),
        ("auth.openid in doc.members", {"members": {"$all": ["me", "you"]}}, True),
        ("auth.openid in doc.members", {"members": "you"}, False),
        ("doc.shared", {"shared": True}, True),
        ("doc.shared", {"shared": False}, False),
        ("!doc.hidden", {"hidden": False}, True),
        ("!doc.hidden", {}, False),
        ("doc.a.b == 1", {"a.b": 1}, True),
        ("doc.a.b == 1", {"a": {"b": 1}}, True),
        ("doc.a == doc.b", {"a": 1, "b": 1}, True),
        ("doc.a == doc.b", {"a": 1, "b": 2}, False),
        ("doc.a == doc.b", {"a": 1}, False),
        ("doc.end > now", {"end": {"$gt": datetime(2030, 1, 1, tzinfo=UTC)}}, True),
        ("doc.end > now", {"end": {"$gt": datetime(2020, 1, 1, tzinfo=UTC)}}, False),
        ("doc.end > now", {"end": {"$gt": NOW}}, True),
        # What says nothing allows nothing.
        ("doc.a == 1", {"$nor": [{"a": 2}]}, False),
        ("doc.a == 1", {"$expr": {"$eq": ["$a", 1]}}, False),
        ("doc.a == 'x'", {"a": {"$regex": "x"}}, False),
        ("doc.a > 'x'", {"a": {"$gt": 5}}, False),
        # get().
        ("get('database.rooms.r1').owner == auth.openid", {}, True),
        ("get('database.rooms.r2').owner == auth.openid", {}, False),
        ("get('database.rooms.none').owner == auth.openid", {}, False),
        ("get('database.rooms.none') == null", {}, True),
        ("auth.openid in get(`database.rooms.${doc.room}`).members", {"room": "r1"}, True),
        ("auth.openid in get(`database.rooms.${doc.room}`).members", {"room": "r2"}, False),
        ("auth.openid in get(`database.rooms.${doc.room}`).members", {"room": {"$in": ["r1"]}}, True),
        ("auth.openid in get(`database.rooms.${doc.room}`).members", {"room": {"$in": ["r1", "r2"]}}, False),
        ("auth.openid in get(`database.rooms.${doc.room}`).members", {"n": 1}, False),
        ("get(`database.rooms.${get('database.rooms.r1').next}`).owner == 'you'", {}, True),
        ("get('elsewhere.rooms.r1').owner == auth.openid", {}, False),
        # The rest of the language.
        ("true", {}, True),
        ("false", {}, False),
        ("auth != null", {}, True),
        ("auth.loginType == 'WECHAT'", {}, True),
        ("auth.nothing == null", {}, True),
        ("auth.nothing.more == null", {}, False),
        ("!(auth.nothing.more == null)", {}, False),
        ("auth.nothing.more == 1 || true", {}, True),
        ("1 < 'a' || false", {}, False),
        ("!(1 < 'a')", {}, False),
        ("request.data.x == 1", {}, False),
    ],
)
async def test_reading(rule: str, filter: dict[str, Any], allowed: bool) -> None:
    assert await allows({"read": rule}, c.Find("c", filter)) is allowed


async def test_every_read_is_judged() -> None:
    rules = {"read": "doc.n > 1"}
    good, bad = {"n": {"$gt": 1}}, {"n": {"$gt": 0}}
    for command in (c.Find, c.Count):
        assert await allows(rules, command("c", good))
        assert not await allows(rules, command("c", bad))
    assert await allows(rules, c.Distinct("c", "n", good))
    assert not await allows(rules, c.Distinct("c", "n", bad))
    assert await allows(rules, c.Aggregate("c", [{"$match": good}, {"$count": "n"}]))
    assert not await allows(rules, c.Aggregate("c", [{"$match": bad}]))
    assert not await allows(rules, c.Aggregate("c", [{"$project": {"n": {"$literal": 5}}}, {"$match": good}]))
    assert not await allows({"read": True}, c.Aggregate("c", [{"$lookup": {"from": "closed"}}]))
    assert await allows({"read": True}, c.Aggregate("c", [{"$lookup": {"from": "open"}}]))
    assert not await allows({"read": True, "write": True}, c.Aggregate("c", [{"$out": "c"}]))


async def test_guests_have_no_auth() -> None:
    assert await allows({"read": True}, c.Find("c", {}), GUEST)
    assert await allows({"read": "auth == null"}, c.Find("c", {}), GUEST)
    for rule in ("auth != null", "auth.openid == doc._openid", "auth.openid == null", "!(auth.openid == 'x')"):
        assert not await allows({"read": rule}, c.Find("c", {"_openid": None}), GUEST), rule


async def test_web_users_are_known_by_uid_under_both_names() -> None:
    for name in ("openid", "uid"):
        assert await allows({"read": f"doc._openid == auth.{name}"}, c.Find("c", {"_openid": "u2"}), WEB)


async def test_create_judges_the_document() -> None:
    rules = {"create": "request.data.n > 1 && doc._openid == auth.openid && doc.kind in ['a', 'b']"}
    made = await judged(rules, c.Insert("c", [{"_id": "1", "n": 2, "kind": "a"}]))
    assert isinstance(made, c.Insert)
    assert made.documents == [{"_id": "1", "n": 2, "kind": "a", "_openid": "me"}]
    for document in ({"n": 1, "kind": "a"}, {"n": 2, "kind": "c"}, {"n": 2}, {"n": 2, "kind": "a", "_openid": "you"}):
        assert not await allows(rules, c.Insert("c", [document])), document
    assert not await allows(rules, c.Insert("c", [{"n": 2, "kind": "a"}, {"n": 0, "kind": "a"}]))


@pytest.mark.parametrize(
    ("rule", "update", "allowed"),
    [
        ("doc._openid == auth.openid", {"$set": {"n": 1}}, True),
        ("request.data.n == 1", {"$set": {"n": 1}}, True),
        ("request.data.n == 1", {"$set": {"n": 2}}, False),
        ("request.data.n == 1", {"$inc": {"n": 1}}, False),
        ("!(request.data.n == 1)", {"$inc": {"n": 1}}, False),
        ("request.data.n == null", {"$inc": {"n": 1}}, False),
        ("request.data.price == null", {"$set": {"n": 1}}, True),
        ("request.data.price == null", {"$set": {"price": 1}}, False),
        ("request.data.price == null", {"$rename": {"n": "price"}}, False),
        ("request.data.a.b == 1", {"$set": {"a.b": 1}}, True),
        ("request.data.n == 1", {"n": 1}, True),
        ("true", {"$set": {"_openid": "you"}}, False),
        ("true", {"$unset": {"_openid": ""}}, False),
        ("true", {"$rename": {"n": "_openid"}}, False),
        ("true", {"$set": {"_openid.x": 1}}, False),
        ("true", {"_openid": "you"}, False),
        ("true", [{"$set": {"n": 1}}], False),
        ("false", {"$set": {"n": 1}}, False),
    ],
)
async def test_updating(rule: str, update: Any, allowed: bool) -> None:
    command = c.Update("c", {"_id": "1", "_openid": "me"}, update)
    assert await allows({"update": rule}, command) is allowed
    assert await allows({"write": rule}, command) is allowed
    assert not await allows({"create": True, "delete": True}, command)


async def test_upsert_needs_both_rights() -> None:
    command = c.Update("c", {"_id": "1"}, {"n": 1}, upsert=True)
    assert await allows({"write": True}, command)
    assert not await allows({"update": True}, command)
    assert not await allows({"create": True}, command)
    assert await allows({"update": True, "create": "doc._openid == auth.openid"}, command)
    assert not await allows({"write": "doc._openid == auth.openid"}, command)


async def test_deleting_and_find_and_modify() -> None:
    mine = {"_openid": "me"}
    rules = {"read": True, "delete": "doc._openid == auth.openid"}
    assert await allows(rules, c.Delete("c", mine))
    assert not await allows(rules, c.Delete("c", {"_id": "1"}))
    assert await allows(rules, c.FindAndModify("c", mine, remove=True))
    assert not await allows({"delete": True}, c.FindAndModify("c", mine, remove=True))
    assert not await allows(rules, c.FindAndModify("c", mine, {"$set": {"n": 1}}))
    assert not await allows({"read": True, "write": True}, c.CreateIndex("c", [("n", 1)]))


async def test_a_refusal_names_what_is_missing() -> None:
    with pytest.raises(PermissionDenied, match=r"doc\._openid == 'me'"):
        await judged({"read": "doc._openid == auth.openid"}, c.Find("c", {"_id": "1"}))


@pytest.mark.parametrize(
    "rules", [{"read": 1}, {"read": None}, {"reed": True}, {"read": "doc."}, {"write": []}, {"read": "true;"}]
)
def test_rules_that_cannot_be_read_are_refused(rules: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest):
        security_rules(rules)


def test_rules_are_kept_as_written() -> None:
    written = {"read": "doc.n > 1", "write": False}
    rules = security_rules(written)
    assert rules.to_json() == {"security": written}
    assert (rules.read, rules.update, rules.mode) == ("none", "none", None)
    assert security_rules({"read": True, "write": "doc._openid == auth.openid"}).grant("update") == "owner"


def test_no_random_rule_grants_a_document_that_it_denies() -> None:
    """If a query is allowed, every document it can find satisfies the rule: checked against plain evaluation."""
    chance = random.Random(20)
    allowed = 0
    for _ in range(4000):
        text = _random_rule(chance, 3)
        filter = _random_filter(chance, 2)
        node = parse(text)
        situation = Situation(auth={"openid": 1}, now=2, pins=facts_of(filter).pinned())
        if unmet(condition_of(node, situation), facts_of(filter)):
            continue
        allowed += 1
        for a in range(5):
            for b in range(5):
                document = {"a": a, "b": b}
                if _matches(filter, document):
                    whole = Situation(auth={"openid": 1}, now=2, document=document)
                    assert not unmet(condition_of(node, whole), facts_of({})), (text, filter, document)
    assert allowed > 200


def _random_rule(chance: random.Random, depth: int) -> str:
    if depth == 0 or chance.random() < 0.3:
        left = chance.choice(["doc.a", "doc.b", "1", "auth.openid"])
        if chance.random() < 0.2:
            return f"{left} in [{chance.randint(0, 2)}, {chance.randint(0, 3)}]"
        return f"{left} {chance.choice(['==', '!=', '>', '>=', '<', '<='])} {chance.choice(['0', '1', '2', 'now', 'doc.b'])}"
    if chance.random() < 0.25:
        return f"!({_random_rule(chance, depth - 1)})"
    operator = chance.choice(["&&", "||"])
    return f"({_random_rule(chance, depth - 1)} {operator} {_random_rule(chance, depth - 1)})"


def _random_filter(chance: random.Random, depth: int) -> dict[str, Any]:
    filter: dict[str, Any] = {}
    for name in ("a", "b"):
        if chance.random() < 0.6:
            operator = chance.choice(["$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$in", "$nin"])
            value = chance.randint(0, 3)
            filter[name] = {operator: [value, chance.randint(0, 3)] if operator in ("$in", "$nin") else value}
    if depth and chance.random() < 0.4:
        parts = [_random_filter(chance, depth - 1) for _ in range(chance.randint(1, 2))]
        filter[chance.choice(["$or", "$and"])] = parts
    return filter


def _matches(filter: Mapping[str, Any], document: Mapping[str, Any]) -> bool:
    for name, condition in filter.items():
        if name in ("$and", "$or"):
            results = [_matches(part, document) for part in condition]
            if not (all(results) if name == "$and" else any(results)):
                return False
        elif not all(_meets(document[name], operator, value) for operator, value in condition.items()):
            return False
    return True


def _meets(have: Any, operator: str, value: Any) -> bool:
    if operator in ("$in", "$nin"):
        return any(equal(have, item) for item in value) is (operator == "$in")
    if operator in ("$eq", "$ne"):
        return equal(have, value) is (operator == "$eq")
    if isinstance(have, bool) or not isinstance(have, int):
        return False
    order = compare(have, value)
    return {"$gt": order > 0, "$gte": order >= 0, "$lt": order < 0, "$lte": order <= 0}[operator]
