from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.protocols.mpserverless.signed import GatewayClient, ServerClient
from tests.server import LiveServer
from yunbox.documents.rules.policy import parse_policy

EXECUTE = "serverless.db.default.execute"
WHEN = "2023-11-14T22:13:20.123Z"


def refused(client: GatewayClient, command: str, **params: Any) -> str:
    return client.refused(EXECUTE, {"command": command, **params})


@pytest.fixture
def numbers(server: ServerClient) -> ServerClient:
    """An administrator with five documents ``n`` 0 to 4, of which the even ones have a tag."""
    docs = [{"_id": f"{n:024x}", "n": n, **({"tag": "even"} if n % 2 == 0 else {})} for n in range(5)]
    server.db("insertMany", collection="numbers", docs=docs)
    return server


@pytest.mark.parametrize(
    ("command", "params", "affected", "result"),
    [
        (
            "find",
            {"query": {"n": {"$gt": 2}}, "options": {"sort": {"n": -1}, "projection": {"_id": 0, "n": 1}}},
            2,
            [{"n": 4}, {"n": 3}],
        ),
        (
            "find",
            {"options": {"sort": {"n": 1}, "skip": 1, "limit": 1, "projection": {"n": 1, "_id": 0}}},
            1,
            [{"n": 1}],
        ),
        ("find", {"query": {"n": 9}}, 0, []),
        ("findOne", {"query": {"n": 9}}, 0, None),
        ("findOne", {"options": {"sort": {"n": -1}, "projection": {"_id": 0}}}, 1, {"n": 4, "tag": "even"}),
        ("count", {}, 5, 5),
        ("count", {"query": {"tag": "even"}, "options": {"skip": 1, "limit": 1}}, 1, 1),
        ("distinct", {"key": "tag"}, 1, ["even"]),
        ("aggregate", {"pipeline": [{"$group": {"_id": None, "mean": {"$avg": "$n"}}}]}, 1, [{"_id": None, "mean": 2}]),
        ("updateOne", {"filter": {"n": 1}, "update": {"$set": {"n": 1}}}, 0, {"ok": 1, "n": 1, "nModified": 0}),
        ("updateMany", {"filter": {"tag": "even"}, "update": {"$inc": {"n": 1}}}, 3, {"ok": 1, "n": 3, "nModified": 3}),
        ("updateMany", {"filter": {}}, 0, {"ok": 1, "n": 5, "nModified": 0}),
        (
            "updateOne",
            {"filter": {"n": 0}, "update": [{"$set": {"n": {"$add": ["$n", 7]}}}]},
            1,
            {"ok": 1, "n": 1, "nModified": 1},
        ),
        ("replaceOne", {"filter": {"n": 1}, "doc": {"x": 1}}, 1, {"ok": 1, "n": 1, "nModified": 1}),
        ("replaceOne", {"filter": {"n": 1}}, 1, {"ok": 1, "n": 1, "nModified": 1}),
        ("deleteOne", {}, 1, {"ok": 1, "n": 1}),
        ("deleteMany", {"filter": {"n": {"$lt": 2}}}, 2, {"ok": 1, "n": 2}),
        ("deleteMany", {}, 5, {"ok": 1, "n": 5}),
    ],
)
def test_answers_of_commands(
    numbers: ServerClient, command: str, params: dict[str, Any], affected: int, result: Any
) -> None:
    answer = numbers.db(command, collection="numbers", **params)
    assert answer == {"affectedDocs": affected, "result": result}


@pytest.mark.parametrize(
    ("command", "params", "value"),
    [
        ("findOneAndUpdate", {"update": {"$inc": {"n": 10}}}, {"n": 3}),
        ("findOneAndUpdate", {"update": {"$inc": {"n": 10}}, "options": {"returnNewDocument": True}}, {"n": 13}),
        ("findOneAndReplace", {"replacement": {"x": 1}}, {"n": 3}),
        ("findOneAndDelete", {}, {"n": 3}),
    ],
)
def test_find_and_modify(numbers: ServerClient, command: str, params: dict[str, Any], value: Any) -> None:
    options = {"sort": {"n": -1}, "projection": {"_id": 0, "n": 1}, **params.pop("options", {})}
    answer = numbers.db(command, collection="numbers", filter={"n": {"$lt": 4}}, **params, options=options)
    assert (answer["affectedDocs"], answer["result"]["value"], answer["result"]["ok"]) == (1, value, 1)


def test_upserts_get_ids_of_this_protocol(server: ServerClient) -> None:
    answer = server.db(
        "updateOne", collection="u", filter={"k": 1}, update={"$set": {"v": 2}}, options={"upsert": True}
    )
    (upserted,) = answer["result"]["upserted"]
    assert (answer["affectedDocs"], upserted["index"], len(upserted["_id"])) == (1, 0, 24)
    assert server.db("findOne", collection="u")["result"] == {"_id": upserted["_id"], "k": 1, "v": 2}
    answer = server.db(
        "findOneAndUpdate", collection="u", filter={"k": 2}, update={"$set": {"v": 1}}, options={"upsert": True}
    )
    assert answer["result"]["value"] is None
    assert len(answer["result"]["lastErrorObject"]["upserted"]) == 24


def test_inserted_ids(server: ServerClient) -> None:
    one = server.db("insertOne", collection="ids", doc={"_id": None, "a": 1})["result"]
    assert (one["ok"], one["n"], len(one["insertedId"])) == (1, 1, 24)
    many = server.db("insertMany", collection="ids", docs=[{}, {"_id": "own"}, {}])["result"]
    assert many.keys() == {"0", "1", "2"}
    assert many["1"] == "own"
    assert one["insertedId"] < many["0"] < many["2"], "ids grow"
    assert refused(server, "insertOne", collection="ids", doc={"_id": "own"}) == "DuplicateKey"
    assert refused(server, "insertOne", collection="ids", doc={"_id": [1]}) == "InvalidParameter"


def test_dates_go_in_and_come_out_as_exact_text(server: ServerClient) -> None:
    document = {"when": WHEN, "nested": [{"at": WHEN}], "text": "2023-11-14", "word": 'a "$date" b'}
    made = server.db("insertOne", collection="dates", doc=document)["result"]["insertedId"]
    assert server.db("find", collection="dates")["result"] == [{"_id": made, **document}]
    assert server.db("count", collection="dates", query={"when": {"$lt": "2024-01-01T00:00:00.000Z"}})["result"] == 1
    assert server.db("count", collection="dates", query={"when": {"$type": "date"}})["result"] == 1
    pipeline = [{"$project": {"_id": 0, "year": {"$year": "$when"}, "when": 1}}]
    assert server.db("aggregate", collection="dates", pipeline=pipeline)["result"] == [{"year": 2023, "when": WHEN}]
    assert server.db("distinct", collection="dates", key="when")["result"] == [WHEN]


def test_missing_collections_read_as_empty(server: ServerClient) -> None:
    assert server.db("find", collection="none")["result"] == []
    assert server.db("count", collection="none")["result"] == 0
    assert server.db("aggregate", collection="none", pipeline=[])["result"] == []
    assert server.db("updateOne", collection="none", filter={}, update={"$set": {"a": 1}})["affectedDocs"] == 0
    assert server.db("deleteMany", collection="none")["affectedDocs"] == 0
    assert server.db("findOneAndDelete", collection="none")["result"]["value"] is None


def test_bad_queries_are_the_callers_fault(server: ServerClient) -> None:
    server.db("insertOne", collection="q", doc={"a": 1})
    assert refused(server, "find", collection="q", query={"a": {"$nope": 1}}) == "InvalidParameter"
    assert refused(server, "aggregate", collection="q", pipeline=[{"$nope": {}}]) == "InternalServerError"
    assert refused(server, "explode", collection="q") == "InvalidParameter"
    assert refused(server, "find") == "InvalidParameter"


def test_explain(numbers: ServerClient) -> None:
    answer = numbers.db("aggregate", collection="numbers", pipeline=[{"$match": {"n": 1}}], options={"explain": True})
    assert answer["affectedDocs"] == 1
    assert isinstance(answer["result"][0], dict)


def test_options_that_mean_nothing_here_are_ignored(numbers: ServerClient) -> None:
    options = {"raw": True, "promoteLongs": True, "bypassDocumentValidation": True, "unknown": 1, "allowDiskUse": True}
    assert numbers.db("aggregate", collection="numbers", pipeline=[{"$count": "n"}], options=options)["result"] == [
        {"n": 5}
    ]


def test_array_filters_and_positions(server: ServerClient) -> None:
    server.db("insertOne", collection="arrays", doc={"_id": "a" * 24, "items": [1, 5, 9]})
    update = {"$set": {"items.$[big]": 0}}
    server.db(
        "updateOne", collection="arrays", filter={}, update=update, options={"arrayFilters": [{"big": {"$gt": 4}}]}
    )
    assert server.db("findOne", collection="arrays")["result"]["items"] == [1, 0, 0]


def test_odd_arguments_are_refused_in_words(server: ServerClient) -> None:
    server.db("insertOne", collection="odd", doc={"n": 1})
    for hint in ({"a": {"b": 1}}, {"a": [1]}, "nothing"):
        answer = server.answer(
            EXECUTE, {"command": "find", "collection": "odd", "query": {"n": 1}, "options": {"hint": hint}}
        )
        assert "does not correspond to an existing index" in answer["error"]["message"]
    for depth in (250, 900):
        text = '{"command":"insertOne","collection":"odd","doc":' + '{"a":' * depth + "1" + "}" * (depth + 1)
        assert "nested object depth" in server.answer(EXECUTE, text)["error"]["message"]


def test_owners_are_kept_but_not_shown(cloud: LiveServer, client: GatewayClient, server: ServerClient) -> None:
    client.authorize().db("insertOne", collection="mine", doc={"n": 1})
    join: list[dict[str, Any]] = [{"$lookup": {"from": "mine", "localField": "n", "foreignField": "n", "as": "all"}}]
    update = {"update": {"$inc": {"m": 1}}, "options": {"returnNewDocument": True}}
    for caller, pipeline in ((client, [{"$match": {}}]), (server, join)):
        assert "_openid" not in str(caller.db("aggregate", collection="mine", pipeline=pipeline))
        assert "_openid" not in str(caller.db("findOneAndUpdate", collection="mine", **update))
        for command in ("find", "findOne"):
            assert "_openid" not in str(caller.db(command, collection="mine"))
    client.db("replaceOne", collection="mine", filter={"n": 1}, doc={"n": 2})
    assert client.db("find", collection="mine")["affectedDocs"] == 1, "a replaced document is still its owner's"
    assert client.of(client.space).authorize().db("find", collection="mine")["affectedDocs"] == 0


def test_an_applications_own_openid_field_is_shown(
    cloud: LiveServer, client: GatewayClient, server: ServerClient
) -> None:
    """Applications that came from the WeChat cloud write `_openid` from their functions and read it back."""
    doc = {"_id": "a" * 24, "_openid": "o-ann", "n": 1}
    server.db("insertOne", collection="comment", doc=doc)
    assert server.db("findOne", collection="comment", query={"_openid": "o-ann"})["result"] == doc
    found = server.db("find", collection="comment", options={"projection": {"_openid": 1, "_id": 0}})
    assert found["result"] == [{"_openid": "o-ann"}]
    ranks = [{"$group": {"_id": "$_openid", "n": {"$sum": 1}}}]
    assert server.db("aggregate", collection="comment", pipeline=ranks)["result"] == [{"_id": "o-ann", "n": 1}]
    assert server.db("aggregate", collection="comment", pipeline=[{"$match": {}}])["result"] == [doc]
    server.db("updateOne", collection="comment", filter={"n": 1}, update={"$set": {"_openid": "o-bob"}})
    assert server.db("findOne", collection="comment")["result"]["_openid"] == "o-bob"
    server.db("replaceOne", collection="comment", filter={"n": 1}, doc={"n": 2, "_openid": "o-eve"})
    cloud.services.documents.set_rules(client.space.id, "comment", parse_policy("PUBLICREAD"))
    assert client.authorize().db("findOne", collection="comment")["result"]["_openid"] == "o-eve"
    assert client.db("updateMany", collection="comment", filter={}, update={"$set": {"n": 3}})["affectedDocs"] == 0
    server.db("insertOne", collection="other", doc={"n": 1})
    assert "_openid" not in str(server.db("find", collection="other"))


def test_clients_cannot_claim_documents(client: GatewayClient, server: ServerClient) -> None:
    victim = client.authorize()
    victim.db("insertOne", collection="claims", doc={"secret": 1})
    thief = client.of(client.space).authorize()
    me = thief.call("serverless.auth.user.getProfileInfo")["userId"]
    for command, params in (
        ("updateMany", {"filter": {}, "update": {"$set": {"_openid": me}}}),
        ("insertOne", {"doc": {"_openid": "somebody"}}),
        ("findOneAndUpdate", {"filter": {}, "update": {"$set": {"stolen": 1}}}),
        ("deleteMany", {"filter": {"$or": [{}, {"_openid": {"$exists": True}}]}}),
        ("aggregate", {"pipeline": [{"$lookup": {"from": "claims", "pipeline": [], "as": "all"}}]}),
        ("aggregate", {"pipeline": [{"$unionWith": "claims"}]}),
        ("aggregate", {"pipeline": [{"$out": "elsewhere"}]}),
    ):
        answer = thief.answer(EXECUTE, {"command": command, "collection": "claims", **params})
        assert "secret" not in str(answer)
    assert server.db("find", collection="claims", query={"secret": 1, "stolen": None})["affectedDocs"] == 1
    assert victim.db("find", collection="claims", query={"secret": 1})["affectedDocs"] == 1


@pytest.mark.parametrize(
    ("policy", "reads", "writes"),
    [
        ("PUBLICREAD", True, False),
        ("PRIVATE", False, False),
        ("ADMINWRITEONLY", True, False),
        ("ADMINREADWRITEONLY", False, False),
        ('{"*":true}', True, True),
    ],
)
def test_policies_between_users(
    cloud: LiveServer, client: GatewayClient, server: ServerClient, policy: str, reads: bool, writes: bool
) -> None:
    owner, other = client.authorize(), client.of(client.space).authorize()
    owner.db("insertOne", collection="p", doc={"n": 1})
    cloud.services.documents.set_rules(client.space.id, "p", parse_policy(policy))
    seen = other.answer(EXECUTE, {"command": "find", "collection": "p"})
    assert bool(seen["success"] and seen["data"]["result"]) is reads
    changed = other.answer(
        EXECUTE, {"command": "updateMany", "collection": "p", "filter": {}, "update": {"$set": {"n": 2}}}
    )
    assert bool(changed["success"] and changed["data"]["affectedDocs"]) is writes
    assert server.db("find", collection="p")["affectedDocs"] == 1, "rules do not hold for keys"
    if not seen["success"]:
        assert seen["error"]["code"] == "PermissionDenied"


def test_replacing_keeps_the_owner_whoever_may_write(cloud: LiveServer, client: GatewayClient) -> None:
    owner, other = client.authorize(), client.of(client.space).authorize()
    cloud.services.documents.set_rules(client.space.id, "r", parse_policy('{"*":true}'))
    owner.db("insertOne", collection="r", doc={"n": 1})
    assert other.db("replaceOne", collection="r", filter={"n": 1}, doc={"n": 2})["affectedDocs"] == 1
    assert other.db("findOneAndReplace", collection="r", filter={"n": 2}, replacement={"n": 3})["affectedDocs"] == 1
    cloud.services.documents.set_rules(client.space.id, "r", parse_policy("PRIVATE"))
    assert owner.db("count", collection="r", query={"n": 3})["result"] == 1
    assert other.db("count", collection="r")["result"] == 0
    assert (
        other.db("replaceOne", collection="r", filter={"n": 9}, doc={"n": 4}, options={"upsert": True})["affectedDocs"]
        == 1
    )
    assert other.db("find", collection="r")["affectedDocs"] == 1, "an upserted document is its writer's"


def test_a_first_write_makes_the_collection_with_the_spaces_policy(cloud: LiveServer, client: GatewayClient) -> None:
    cloud.services.spaces.set(client.space.id, {"a_default_policy": "PUBLICREAD"})
    client.authorize().db("insertOne", collection="fresh", doc={"n": 1})
    assert client.of(client.space).authorize().db("find", collection="fresh")["affectedDocs"] == 1
    cloud.services.spaces.set(client.space.id, {"a_default_policy": "ADMINWRITEONLY"})
    assert refused(client, "insertOne", collection="closed", doc={}) == "PermissionDenied"


def test_transactions(client: GatewayClient, server: ServerClient) -> None:
    client.authorize().db("insertOne", collection="tx", doc={"n": 0})
    for ending, expected in (("abortTransaction", 1), ("commitTransaction", 2)):
        started = client.db("startTransaction")
        assert started["affectedDocs"] == 0
        transaction = started["transactionId"]
        client.db("insertOne", collection="tx", transactionId=transaction, doc={"n": 1})
        assert client.db("findOne", collection="tx", transactionId=transaction, query={"n": 1})["affectedDocs"] == 1
        assert client.db("find", collection="tx", query={"n": 1})["affectedDocs"] == 0
        assert client.db(ending, transactionId=transaction) == {"affectedDocs": 0}
        assert client.db("find", collection="tx")["affectedDocs"] == expected
        assert refused(client, "commitTransaction", transactionId=transaction) == "InvalidParameter"
    assert refused(client, "commitTransaction") == "InvalidParameter"
    theirs = client.of(client.space).authorize().db("startTransaction")["transactionId"]
    assert refused(client, "abortTransaction", transactionId=theirs) == "InvalidParameter"


def test_collections_appear_in_transactions(client: GatewayClient) -> None:
    client.authorize().db("insertOne", collection="known", doc={"n": 0})
    transaction = client.db("startTransaction")["transactionId"]
    assert client.db("findOne", collection="known", transactionId=transaction, query={"n": 0})["affectedDocs"] == 1
    client.db("insertOne", collection="unknown", transactionId=transaction, doc={"n": 1})
    assert client.db("find", collection="unknown")["affectedDocs"] == 0
    client.db("commitTransaction", transactionId=transaction)
    assert client.db("find", collection="unknown")["affectedDocs"] == 1


def test_spaces_do_not_see_each_others_documents(cloud: LiveServer, server: ServerClient) -> None:
    server.db("insertOne", collection="shared", doc={"n": 1})
    assert server.of(cloud.create_space()).db("find", collection="shared")["result"] == []


def test_pages_of_500(server: ServerClient) -> None:
    for start in (0, 300):
        server.db("insertMany", collection="pages", docs=[{"n": n} for n in range(start, start + 300)])
    assert server.db("find", collection="pages")["affectedDocs"] == 500
    assert server.db("find", collection="pages", options={"limit": 550})["affectedDocs"] == 550
    assert server.db("aggregate", collection="pages", pipeline=[])["affectedDocs"] == 600


def test_the_vendor_profile_returns_500_documents_at_most(tmp_path: Path, http: httpx.Client) -> None:
    with LiveServer(tmp_path, profile="vendor") as vendor:
        server = ServerClient(vendor.endpoint, vendor.create_space(), http)
        for start in (0, 300):
            server.db("insertMany", collection="pages", docs=[{"n": n} for n in range(start, start + 300)])
        assert server.db("find", collection="pages", options={"limit": 550})["affectedDocs"] == 500
        assert server.db("count", collection="pages")["result"] == 600
