"""Random parameters for every action of every protocol: each request is answered in form, and none surprises the server.

A surprise is an exception that no handler expected; the server logs it with its traceback. ``YUNBOX_GARBAGE=5000`` sends
more to each protocol.
"""

from __future__ import annotations

import inspect
import json
import logging
import os
import random
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

import httpx
import pytest
from websockets.sync.client import connect

from bench.http.requests import signed_admin
from tests.protocols.mpserverless.signed import GatewayClient, ServerClient
from tests.protocols.mpserverless.test_openapi import Account
from tests.protocols.tcb_client.clients import WebClient
from tests.protocols.wechat_http.test_api import HttpApi
from tests.server import LiveServer
from yunbox.documents import commands
from yunbox.documents.rules import rules_of_mode
from yunbox.protocols import manage, wechat_http
from yunbox.protocols.mpserverless import registry as methods
from yunbox.protocols.mpserverless.openapi import registry as openapi
from yunbox.protocols.tcb import auth, gateway, web
from yunbox.protocols.tcb.admin import actions as admin_actions
from yunbox.spaces import Space

REQUESTS = int(os.environ.get("YUNBOX_GARBAGE", "100"))

SCALARS: list[Any] = [
    *(None, True, False, 0, -1, 1.5, 1e308, 2**31, 2**53, 2**63, 2**70, "", "x", "c", "../..", "a.b", "a..b", "$set", "\0", "中文"),
    *("[]", "{}", "[", "null", '{"a":{"$gt":1}}', "9" * 400, "2020-01-01T00:00:00Z", "NaN", "undefined", "a" * 70000),
]  # fmt: skip
OPERATORS = [
    *("$gt", "$in", "$and", "$not", "$regex", "$options", "$expr", "$set", "$inc", "$push", "$each", "$slice", "$pull", "$rename"),
    *("$unset", "$match", "$group", "$project", "$lookup", "$sort", "$limit", "$skip", "$unwind", "$facet", "$geoNear", "$near"),
    *("$elemMatch", "$all", "$size", "$type", "$mod", "$date", "$oid", "$numberLong", "$binary", "$cond", "$dateToString", "$_id"),
]  # fmt: skip
DESTRUCTIVE = re.compile("space$|delete_space|keys$|restore|backup|stop", re.IGNORECASE)


class Garbage:
    """Random values, the same in every run."""

    def __init__(self, seed: str) -> None:
        self.random = random.Random(seed)

    def value(self, depth: int = 0) -> Any:
        choice = self.random.random()
        if depth > 3 or choice < 0.5:
            return self.random.choice(SCALARS)
        if choice < 0.65:
            return [self.value(depth + 1) for _ in range(self.random.randint(0, 3))]
        names = [*OPERATORS, "a", "b.c", "_id", "", "x" * 200, "n"]
        return {self.random.choice(names): self.value(depth + 1) for _ in range(self.random.randint(0, 3))}

    def params(self, names: list[str], base: Mapping[str, Any]) -> dict[str, Any]:
        """Some of the names with any values, over the sensible ``base``."""
        chosen = self.random.sample(names, min(len(names), self.random.randint(0, 6)))
        made = {**base, **{name: self.value() for name in chosen}}
        if self.random.random() < 0.3:
            made = {name: json.dumps(value) for name, value in made.items()}
        return made


@cache
def words_of(module: str) -> list[str]:
    """Whatever a module writes as a word in quotes: among it the names of its parameters."""
    return sorted(set(re.findall(r'"([A-Za-z_][A-Za-z0-9_]{1,40})"', inspect.getsource(sys.modules[module]))))


def words(handler: Any) -> list[str]:
    while hasattr(handler, "func"):
        handler = handler.func
    return words_of(getattr(handler, "__module__", __name__))


Send = Callable[[Garbage], httpx.Response]


@pytest.fixture(scope="module")
def http(cloud: LiveServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=cloud.endpoint, timeout=60, trust_env=False) as client:
        yield client


@pytest.fixture(scope="module")
def space(cloud: LiveServer) -> Iterator[Space]:
    space = cloud.create_space()
    engine = cloud.services.documents.engine(space.id)
    cloud.call(engine.run(commands.CreateCollection("c")))
    cloud.call(engine.run(commands.Insert("c", [{"_id": str(n), "a": n, "b": {"c": [n]}} for n in range(20)])))
    cloud.services.documents.set_rules(space.id, "c", rules_of_mode("ADMINWRITE"))
    yield space
    cloud.delete_space(space.id)


def admin_sender(cloud: LiveServer, space: Space, http: httpx.Client) -> Send:
    keys = {"secret_id": space.secret_id, "secret_key": space.secret_key}
    actions = dict(admin_actions.ACTIONS)

    def send(garbage: Garbage) -> httpx.Response:
        action = garbage.random.choice(sorted(actions))
        base = {"collectionName": "c", "query": '{"a":1}', "queryType": "WHERE", "data": '{"a":2}'}
        params = garbage.params([*base, *words(actions[action])], base)
        request = {"envName": space.id, **params, "action": action}
        body, headers = signed_admin(cloud.endpoint.partition("://")[2], keys, request)
        return http.post("/admin", content=body, headers=headers)

    return send


def web_sender(cloud: LiveServer, space: Space, http: httpx.Client) -> Send:
    token = WebClient(cloud, space).sign_in()
    names = sorted(set(web.ACTIONS.names()) - {"auth.logout"})

    def send(garbage: Garbage) -> httpx.Response:
        action = garbage.random.choice(names)
        base = {"collectionName": "c", "query": {"a": 1}, "queryType": "WHERE", "data": {"a": 2}, "access_token": token}
        params = garbage.params([*base, *words(web.ACTIONS.find(action))], base)
        return http.post(f"/web?env={space.id}", json={"dataVersion": "2020-01-10", **params, "action": action})

    return send


def resource_sender(cloud: LiveServer, space: Space, http: httpx.Client, prefix: str, resources: Any) -> Send:
    headers = {"authorization": f"Bearer {WebClient(cloud, space).sign_in()}"}
    names = sorted(name for name in resources.names() if "signout" not in name and "revoke" not in name)
    modules = [name for name in list(sys.modules) if name.startswith("yunbox.protocols.tcb")]
    known = sorted({word for module in modules for word in words_of(module)})

    def send(garbage: Garbage) -> httpx.Response:
        method, _, path = garbage.random.choice(names).partition(" ")
        path = re.sub(r"\*|\{[^}]*\}", lambda _: garbage.random.choice(["c", "1", "x", "-", "%00", space.id]), path)
        body = garbage.params(known, {}) if garbage.random.random() < 0.9 else garbage.value()
        query = {name: str(value)[:200] for name, value in garbage.params(known, {"client_id": space.id}).items()}
        return http.request(method, prefix + path, params=query, json=body, headers=headers)

    return send


def gateway_sender(client: GatewayClient, path: str) -> Send:
    actions = dict(methods.METHODS)
    names = ["find", "insertOne", "updateMany", "aggregate", "findOneAndUpdate", "count", "distinct", "replaceOne"]

    def send(garbage: Garbage) -> httpx.Response:
        method = garbage.random.choice(sorted(actions))
        base = {"collection": "c", "command": garbage.random.choice(names), "query": {"a": 1}, "options": {}}
        params: Any = garbage.params([*base, "doc", "update", "pipeline", *words(actions[method])], base)
        return client.post(client.body(method, params if garbage.random.random() < 0.9 else garbage.value()), path)

    return send


def openapi_sender(account: Account) -> Send:
    names = sorted(name for name in openapi.ACTIONS if not DESTRUCTIVE.search(name))
    signed = account.parameters("ListSpace", "POST").keys()

    def send(garbage: Garbage) -> httpx.Response:
        action = garbage.random.choice(names)
        params = garbage.params(words(openapi.ACTIONS[action]), {})
        texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in params.items()}
        own = {name: text for name, text in texts.items() if name not in signed}
        return account.send(account.parameters(action, "POST", **own))

    return send


def wechat_sender(cloud: LiveServer, space: Space, http: httpx.Client) -> Send:
    token = HttpApi(cloud, space).fetch_token(space.secret_id, space.secret_key)["access_token"]

    def send(garbage: Garbage) -> httpx.Response:
        name = garbage.random.choice(sorted(wechat_http.ACTIONS))
        base = {"env": space.id, "collection_name": "c", "query": "db.collection('c').where({a: 1}).get()"}
        params = garbage.params([*base, *words(wechat_http.ACTIONS[name])], base)
        body = params if garbage.random.random() < 0.9 else garbage.value()
        return http.post(f"/tcb/{name}", params={"access_token": token}, json=body)

    return send


def manage_sender(cloud: LiveServer, space: Space, http: httpx.Client) -> Send:
    token = (cloud.services.settings.data / "admin.token").read_text().strip()
    headers = {"authorization": f"Bearer {token}"}
    routes = [
        one for one in manage.ROUTES if not DESTRUCTIVE.search(one[1]) and not DESTRUCTIVE.search(one[2].__name__)
    ]

    def send(garbage: Garbage) -> httpx.Response:
        method, path, handler = garbage.random.choice(routes)
        path = path.replace("{space}", space.id).replace("{collection}", "c")
        path = re.sub(r"\{[^}]*\}", lambda _: garbage.random.choice(["c", "1", "x", "%2E%2E", "%00"]), path)
        params = garbage.params(words(handler), {})
        query = {name: str(value)[:200] for name, value in garbage.params(words(handler), {}).items()}
        body = params if garbage.random.random() < 0.9 else garbage.value()
        return http.request(method, f"/manage/v1/{path}", params=query, json=body, headers=headers)

    return send


SENDERS: dict[str, Callable[[LiveServer, Space, httpx.Client], Send]] = {
    "admin": admin_sender,
    "web": web_sender,
    "auth": lambda cloud, space, http: resource_sender(cloud, space, http, "/auth/v1/", auth.ACTIONS),
    "gateway": lambda cloud, space, http: resource_sender(cloud, space, http, "/v1/", gateway.RESOURCES),
    "client": lambda cloud, space, http: gateway_sender(GatewayClient("", space, http).authorize(), "/client"),
    "server": lambda cloud, space, http: gateway_sender(ServerClient("", space, http), "/server"),
    "openapi": lambda cloud, space, http: openapi_sender(Account("", space, http)),
    "wechat": wechat_sender,
    "manage": manage_sender,
}


@pytest.mark.parametrize("protocol", SENDERS)
def test_no_parameters_surprise_the_server(
    cloud: LiveServer, space: Space, http: httpx.Client, caplog: pytest.LogCaptureFixture, protocol: str
) -> None:
    caplog.set_level(logging.ERROR, "yunbox")
    send = SENDERS[protocol](cloud, space, http)
    garbage = Garbage(protocol)
    for _ in range(REQUESTS):
        answer = send(garbage)
        assert answer.status_code < 500 or answer.status_code == 501, answer.text[:500]
        assert "Traceback" not in answer.text
    surprises = [caplog.handler.format(record) for record in caplog.records if record.exc_info]
    assert surprises == []


KINDS = ["LOGIN", "INIT_WATCH", "REBUILD_WATCH", "CHECK_LAST", "CLOSE_WATCH", "PING"]


def test_no_message_surprises_the_socket(cloud: LiveServer, space: Space, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR, "yunbox")
    web_client = WebClient(cloud, space)
    signed = web_client.call("auth.wsWebSign", access_token=web_client.sign_in(), runtime="web")["data"]
    extra = {"runtime": "web", "signStr": signed["signStr"], "secretVersion": "1"}
    garbage = Garbage("watch")
    known = sorted({*words_of("yunbox.protocols.tcb.watch"), "asc", "desc"})
    with connect(signed["wsUrl"]) as socket:
        socket.send(
            json.dumps({"msgType": "LOGIN", "requestId": "in", "msgData": {"envId": space.id}, "exMsgData": extra})
        )
        for number in range(REQUESTS):
            base = {"envId": space.id, "collName": "c", "query": '{"a":1}', "limit": 5, "orderBy": {"a": "asc"}}
            data = garbage.params([*base, *known], base) if garbage.random.random() < 0.9 else garbage.value()
            kind = garbage.random.choice(KINDS)
            watch = garbage.value() if garbage.random.random() < 0.2 else f"w{number % 5}"
            message = {
                "msgType": kind,
                "requestId": f"r{number}",
                "watchId": watch,
                "msgData": data,
                "exMsgData": extra,
            }
            socket.send(json.dumps(message))
        socket.send(json.dumps({"msgType": "PING", "requestId": "last", "watchId": "", "msgData": None}))
        while json.loads(socket.recv(30))["requestId"] != "last":
            pass
    surprises = [caplog.handler.format(record) for record in caplog.records if record.exc_info]
    assert surprises == []
