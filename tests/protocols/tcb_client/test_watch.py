"""The realtime socket, frame by frame."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from websockets.sync.client import ClientConnection, connect

from tests.protocols.tcb_client.clients import WebClient
from tests.server import LiveServer
from yunbox.documents import commands
from yunbox.documents.rules import rules_of_mode


class Socket:
    """One socket of a signed-in user."""

    def __init__(self, web: WebClient, token: str) -> None:
        self.web = web
        self.signed = web.call("auth.wsWebSign", access_token=token, runtime="web")["data"]
        self._stack = ExitStack()
        self.socket: ClientConnection = self._stack.enter_context(connect(self.signed["wsUrl"]))

    def close(self) -> None:
        self._stack.close()

    def send(self, kind: str, data: Any = None, watch: str = "w", **more: Any) -> None:
        self.socket.send(json.dumps({"watchId": watch, "requestId": "r1", "msgType": kind, "msgData": data, **more}))

    def ask(self, kind: str, data: Any = None, watch: str = "w", **more: Any) -> Any:
        self.send(kind, data, watch, **more)
        return self.next()

    def next(self) -> Any:
        return json.loads(self.socket.recv(10))

    def log_in(self) -> Any:
        extra = {"runtime": "web", "signStr": self.signed["signStr"], "secretVersion": "1"}
        return self.ask("LOGIN", {"envId": self.web.space.id}, exMsgData=extra)

    def watch(self, query: Any = None, **more: Any) -> Any:
        data = {"envId": self.web.space.id, "collName": "c", "query": json.dumps(query or {}), **more}
        return self.ask("INIT_WATCH", data)


@pytest.fixture
def web(cloud: LiveServer) -> WebClient:
    web = WebClient(cloud, cloud.create_space())
    cloud.call(cloud.services.documents.engine(web.space.id).run(commands.CreateCollection("c")))
    return web


@pytest.fixture
def token(web: WebClient) -> str:
    return web.sign_in()


@pytest.fixture
def socket(web: WebClient, token: str) -> Iterator[Socket]:
    socket = Socket(web, token)
    yield socket
    socket.close()


def test_the_address_and_the_signature(cloud: LiveServer, socket: Socket) -> None:
    assert socket.signed["wsUrl"] == cloud.endpoint.replace("http", "ws", 1) + "/ws"
    assert socket.signed["envId"] == socket.web.space.id
    assert socket.log_in()["msgData"] == {"envId": socket.web.space.id}
    assert socket.ask("PING")["msgType"] == "PONG"


def test_watching_and_taking_up(cloud: LiveServer, socket: Socket, token: str) -> None:
    socket.log_in()
    socket.web.call(
        "database.addDocument", collectionName="c", data={"_id": "a", "at": {"$date": 5}}, access_token=token
    )
    first = socket.watch()
    assert first["msgType"] == "INIT_EVENT"
    [event] = first["msgData"]["events"]
    assert (event["ID"], event["DataType"], event["DocID"]) == (0, "init", "a")
    assert json.loads(event["Doc"])["at"] == {"$date": 5}
    socket.web.call("database.addDocument", collectionName="c", data={"_id": "b"}, access_token=token)
    second = socket.next()
    number = second["msgData"]["currEvent"]
    assert (second["msgType"], second["watchId"], number) == ("NEXT_EVENT", "w", first["msgData"]["currEvent"] + 1)
    query_id = first["msgData"]["queryID"]
    checked = socket.ask("CHECK_LAST", {"queryID": query_id, "eventID": number})
    assert (checked["msgType"], checked["msgData"]["currEvent"]) == ("CHECK_EVENT", number)
    socket.close()
    for name in ("x", "y"):
        socket.web.call("database.addDocument", collectionName="c", data={"_id": name}, access_token=token)
    again = Socket(socket.web, token)
    again.log_in()
    rebuilt = again.ask("REBUILD_WATCH", {"queryID": query_id, "eventID": number, "collName": "c"}, "w2")
    assert (rebuilt["msgType"], rebuilt["requestId"], rebuilt["watchId"]) == ("NEXT_EVENT", "r1", "w2")
    assert [(one["ID"], one["DocID"]) for one in rebuilt["msgData"]["events"]] == [(number + 1, "x"), (number + 2, "y")]
    nothing = again.ask("REBUILD_WATCH", {"queryID": query_id, "eventID": number + 2, "collName": "c"}, "w2")
    assert nothing["msgData"] == {"queryID": query_id, "currEvent": number + 2, "events": []}
    again.send("CLOSE_WATCH", None, "w2")
    assert again.ask("PING")["msgType"] == "PONG"
    gone = again.ask("REBUILD_WATCH", {"queryID": query_id, "eventID": number}, "w2")
    assert gone["msgData"]["code"] == "QUERYID_INVALID_ERROR"
    again.close()


def test_signing_in_is_needed(socket: Socket) -> None:
    refused = socket.watch()
    assert refused["msgData"]["code"] == "CHECK_LOGIN_FAILED"
    assert "watchId" not in refused
    wrong = socket.ask("LOGIN", {"envId": socket.web.space.id}, exMsgData={"signStr": "x"})
    assert (wrong["msgType"], wrong["msgData"]["code"]) == ("LOGIN", "SIGN_EXPIRED_ERROR")
    elsewhere = socket.ask("LOGIN", {"envId": "nowhere"}, exMsgData={"signStr": "x"})
    assert elsewhere["msgData"]["code"] == "INVALIID_ENV"


def test_signatures_are_of_one_space(cloud: LiveServer, socket: Socket) -> None:
    other = cloud.create_space()
    extra = {"signStr": socket.signed["signStr"]}
    assert "code" in socket.ask("LOGIN", {"envId": other.id}, exMsgData=extra)["msgData"]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ({"collName": "nowhere", "query": "{}"}, "DATABASE_COLLECTION_NOT_EXIST"),
        ({"query": "{}"}, "INVALID_PARAM"),
        ({"collName": "c", "query": "{"}, "INVALID_PARAM"),
        ({"collName": "c", "query": "[]"}, "INVALID_PARAM"),
        ({"collName": "c", "query": '{"$where":"1"}'}, "DATABASE_REQUEST_FAILED"),
        ({"collName": "c", "query": "{}", "limit": -1}, "INVALID_PARAM"),
        ({"collName": "c", "query": "{}", "limit": 1000}, "INVALID_PARAM"),
        ({"collName": "c", "query": "{}", "orderBy": "n"}, "INVALID_PARAM"),
    ],
)
def test_queries_that_cannot_be_watched(socket: Socket, data: dict[str, Any], code: str) -> None:
    socket.log_in()
    answer = socket.ask("INIT_WATCH", data)
    assert (answer["msgType"], answer["watchId"], answer["requestId"]) == ("ERROR", "w", "r1")
    assert answer["msgData"]["code"] == code


def test_a_watch_is_one_read(cloud: LiveServer, socket: Socket) -> None:
    cloud.services.spaces.set(socket.web.space.id, {"quota.db_reads_per_day": 1})
    socket.log_in()
    assert socket.watch()["msgType"] == "INIT_EVENT"
    refused = socket.watch({"n": 1})
    assert (refused["msgType"], refused["msgData"]["code"]) == ("ERROR", "EXCEED_REQUEST_LIMIT")


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"msgType":7}', '{"msgType":"NONE"}', '{"msgType":"INIT_WATCH"}']
)
def test_frames_that_are_no_message(socket: Socket, text: str) -> None:
    socket.socket.send(text)
    assert socket.next()["msgType"] == "ERROR"
    assert socket.ask("PING")["msgType"] == "PONG"


def test_rules_and_disabled_users(cloud: LiveServer, socket: Socket, token: str) -> None:
    socket.log_in()
    cloud.services.documents.set_rules(socket.web.space.id, "c", rules_of_mode("ADMINONLY"))
    assert socket.watch()["msgData"]["code"] == "COLLECTION_PERMISSION_DENIED"
    user = cloud.services.identity.verify(socket.web.space, token).user_id
    assert user is not None
    cloud.services.identity.change_user(socket.web.space, user, disabled=True)
    assert socket.ask("PING")["msgData"]["code"] == "CHECK_LOGIN_FAILED"
