"""Our scripts of operations through ``/server``, and as a signed-in user through ``/client``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from tests.cases.own_scripts import BULK, SCRIPTS, Script
from tests.cases.scripts import Actor, by_place, play
from tests.protocols.mpserverless.signed import GatewayClient, ServerClient
from tests.server import LiveServer
from yunbox.documents.rules.policy import parse_policy
from yunbox.errors import YunboxError

EXECUTE = "serverless.db.default.execute"


class WireActor:
    """Carries out operations as commands of the gateway."""

    def __init__(self, client: GatewayClient) -> None:
        self._client = client

    def contents(self, collection: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._send("find", collection, {}, {"sort": {"_id": 1}})["result"]
        return found

    def run(self, name: str, collection: str, arguments: Mapping[str, Any]) -> Any:
        if name == "bulkWrite":
            return self._bulk_write(collection, **arguments)
        command, sent = _COMMANDS.get(name, name), dict(arguments)
        plain = {_PLAIN[command][key]: sent.pop(key) for key in list(sent) if key in _PLAIN[command]}
        if "returnDocument" in sent:
            sent["returnNewDocument"] = sent.pop("returnDocument") == "After"
        return _READ.get(command, _rows)(self._send(command, collection, plain, sent))

    def _bulk_write(
        self, collection: str, requests: Sequence[Mapping[str, Any]], ordered: bool = True, **options: Any
    ) -> dict[str, Any]:
        """One command for each operation: no SDK sends them together."""
        total: dict[str, Any] = {**dict.fromkeys(_COUNTS, 0), "upsertedIds": {}}
        failure: YunboxError | None = None
        for place, request in enumerate(requests):
            ((name, arguments),) = request.items()
            try:
                _add(total, place, name, self.run(name, collection, {**arguments, **options}))
            except YunboxError as error:
                failure = failure or error
                if ordered:
                    break
        if failure is not None:
            raise YunboxError(failure.message, result=total)
        return total

    def _send(self, command: str, collection: str, plain: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
        params = {"command": command, "collection": collection, "options": options, **plain}
        answer = self._client.answer(EXECUTE, params)
        if not answer["success"]:
            raise YunboxError(answer["error"]["message"])
        data: dict[str, Any] = answer["data"]
        return data


_COUNTS = ("insertedCount", "matchedCount", "modifiedCount", "deletedCount", "upsertedCount")


def _add(total: dict[str, Any], place: int, name: str, result: Mapping[str, Any]) -> None:
    """Count what one operation of many has done."""
    total["insertedCount"] += name == "insertOne"
    for count in _COUNTS:
        total[count] += result.get(count, 0)
    if "upsertedId" in result:
        total["upsertedIds"][str(place)] = result["upsertedId"]


_COMMANDS = {"countDocuments": "count", "estimatedDocumentCount": "count"}
_QUERY = {"filter": "query"}
_CHANGE = {"filter": "filter", "update": "update", "replacement": "doc"}
_FIND_AND_CHANGE = {"filter": "filter", "update": "update", "replacement": "replacement"}
_PLAIN: dict[str, dict[str, str]] = {
    **dict.fromkeys(("find", "findOne", "count"), _QUERY),
    "distinct": {"fieldName": "key", **_QUERY},
    "aggregate": {"pipeline": "pipeline"},
    "insertOne": {"document": "doc"},
    "insertMany": {"documents": "docs"},
    **dict.fromkeys(("updateOne", "updateMany", "replaceOne", "deleteOne", "deleteMany"), _CHANGE),
    **dict.fromkeys(("findOneAndUpdate", "findOneAndReplace", "findOneAndDelete"), _FIND_AND_CHANGE),
}
"""What the wire calls the arguments that are not options."""


def _rows(data: dict[str, Any]) -> Any:
    return data["result"]


def _updated(data: dict[str, Any]) -> dict[str, Any]:
    result = data["result"]
    upserted = [item["_id"] for item in result.get("upserted", [])]
    counts = {"matchedCount": result["n"] - len(upserted), "modifiedCount": result["nModified"]}
    return {**counts, "upsertedCount": len(upserted), **({"upsertedId": upserted[0]} if upserted else {})}


_READ: dict[str, Callable[[dict[str, Any]], Any]] = {
    "insertOne": _rows,
    "insertMany": lambda data: {"insertedIds": by_place(data["result"])},
    **dict.fromkeys(("updateOne", "updateMany", "replaceOne"), _updated),
    **dict.fromkeys(("deleteOne", "deleteMany"), lambda data: {"deletedCount": data["result"]["n"]}),
    **dict.fromkeys(
        ("findOneAndUpdate", "findOneAndReplace", "findOneAndDelete"), lambda data: data["result"]["value"]
    ),
}


def _problems(scripts: Iterable[Script], server: GatewayClient, actor: Actor) -> dict[str, Any]:
    """What went wrong, by script. All in one space, for making one takes longer than all scripts together."""
    problems = {}
    for script in scripts:
        for name, documents in script["collections"].items():
            server.db("deleteMany", collection=name)
            server.db("insertMany", collection=name, docs=documents)
        passed, problem = play(script, actor)
        if not passed:
            problems[script["id"]] = problem
    return problems


def test_through_the_server_side(server: ServerClient) -> None:
    assert not _problems([*SCRIPTS, *BULK], server, WireActor(server))


def test_as_a_client_who_may_do_everything(cloud: LiveServer, client: GatewayClient, server: ServerClient) -> None:
    cloud.services.documents.set_rules(client.space.id, "teas", parse_policy('{"*":true}'))
    assert not _problems(filter(_is_for_clients, SCRIPTS), server, WireActor(client.authorize()))


def _is_for_clients(script: Script) -> bool:
    """Pipelines that write are for owners only, or for the server side."""
    return not any(
        isinstance(step["args"].get("update"), list)
        or any("$out" in stage or "$merge" in stage for stage in step["args"].get("pipeline", []))
        for step in script["ops"]
    )
