"""Two spaces on one server cannot see each other's data, files or functions, by any protocol."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.protocols.mpserverless.signed import GatewayClient, ServerClient
from tests.protocols.tcb_client.clients import WebClient
from tests.scenarios.admin import AdminClient
from tests.server import LiveServer
from yunbox.caller import Caller
from yunbox.documents.rules import MODES
from yunbox.spaces import Space

SECRET = "only for this space"


@dataclass(frozen=True)
class Pair:
    """``mine`` holds a collection, a file and a function; ``foreign`` holds nothing."""

    mine: Space
    foreign: Space
    file_key: str


@pytest.fixture(scope="module")
def pair(cloud: LiveServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    mine, foreign = cloud.create_space(), cloud.create_space()
    admin = AdminClient(cloud, mine)
    admin.post("database.addCollection", collectionName="notes")
    admin.add("notes", {"text": SECRET})
    cloud.services.documents.set_rules(mine.id, "notes", MODES["READONLY"])
    function = Path(tmp_path_factory.mktemp("functions")) / "whoami"
    function.mkdir()
    (function / "index.js").write_text(f"exports.main = async () => '{SECRET}'\n", encoding="utf-8")
    cloud.call(cloud.services.functions.deploy(mine.id, function, "whoami"))
    caller = Caller("admin", mine.id)
    cloud.call(cloud.services.files.put(caller, "private/note.txt", SECRET.encode(), "text/plain"))
    yield Pair(mine, foreign, "private/note.txt")
    cloud.delete_space(mine.id)
    cloud.delete_space(foreign.id)


def test_the_owner_sees_all(cloud: LiveServer, pair: Pair) -> None:
    admin = AdminClient(cloud, pair.mine)
    assert [document["text"] for document in admin.find("notes")] == [SECRET]
    assert admin.invoke("whoami") == SECRET


def test_server_sdk_with_foreign_keys(cloud: LiveServer, pair: Pair) -> None:
    own_name = AdminClient(cloud, pair.foreign)
    assert own_name.error("database.getDocument", collectionName="notes", query="{}") == "DATABASE_COLLECTION_NOT_EXIST"
    assert own_name.error("functions.invokeFunction", function_name="whoami", request_data="{}") == "FUNCTION_NOT_FOUND"
    foreign_name = AdminClient(cloud, pair.foreign, env=pair.mine.id)
    assert foreign_name.error("database.getDocument", collectionName="notes", query="{}") in (
        "INVALID_ENV",
        "INVALIID_ENV",
    )
    assert foreign_name.error("functions.invokeFunction", function_name="whoami") in ("INVALID_ENV", "INVALIID_ENV")


def test_files_by_foreign_keys(cloud: LiveServer, pair: Pair) -> None:
    file_id = f"cloud://{pair.mine.id}.{pair.mine.bucket}/{pair.file_key}"
    admin = AdminClient(cloud, pair.foreign)
    links = admin.call("storage.batchGetDownloadUrl", file_list=[{"fileid": file_id}])["download_list"]
    assert links[0]["code"] != "SUCCESS"
    assert not links[0].get("tempFileURL")
    deleted = admin.call("storage.batchDeleteFile", fileid_list=[file_id])["delete_list"]
    assert deleted[0]["code"] != "SUCCESS"
    assert cloud.services.files.stat(pair.mine.id, pair.file_key).size == len(SECRET)


def test_web_user_of_another_space(cloud: LiveServer, pair: Pair) -> None:
    stranger = WebClient(cloud, pair.foreign).sign_in()
    here = WebClient(cloud, pair.mine)
    for action, params in (
        ("database.queryDocument", {"collectionName": "notes", "query": {}, "queryType": "WHERE"}),
        ("functions.invokeFunction", {"function_name": "whoami", "request_data": "{}"}),
    ):
        assert SECRET not in json.dumps(here.post(action, access_token=stranger, **params))
        assert here.error(action, access_token=stranger, **params)


def test_mpserverless_client_of_another_space(cloud: LiveServer, pair: Pair) -> None:
    with httpx.Client() as http:
        stranger = GatewayClient(cloud.endpoint, pair.foreign, http).authorize()
        here = GatewayClient(cloud.endpoint, pair.mine, http)
        here.token = stranger.token
        find = {"collection": "notes", "command": "find", "query": {}}
        assert here.refused("serverless.db.default.execute", find)
        assert here.refused("serverless.function.runtime.invoke", {"functionTarget": "whoami"})
        # A foreign signature over this space's name is no better.
        body = here.body("serverless.db.default.execute", find)
        forged = stranger.post(body).json()
        assert forged["success"] is False
        assert stranger.db("find", collection="notes", query={})["result"] == []
        assert stranger.refused("serverless.function.runtime.invoke", {"functionTarget": "whoami"})


def test_mpserverless_server_key_of_another_space(cloud: LiveServer, pair: Pair) -> None:
    with httpx.Client() as http:
        foreign = ServerClient(cloud.endpoint, pair.foreign, http)
        body = {**foreign.body("serverless.db.default.execute", {"collection": "notes", "command": "find"})}
        body["spaceId"] = pair.mine.id
        assert foreign.post(body).json()["success"] is False


def test_public_addresses_do_not_reach_across(cloud: LiveServer, pair: Pair) -> None:
    for path in (
        f"/files/{pair.foreign.id}/{pair.file_key}",
        f"/files/{pair.foreign.id}/../{pair.mine.id}/{pair.file_key}",
        f"/files/{pair.foreign.bucket}/{pair.file_key}",
        f"/files/{pair.foreign.id}/..%2f{pair.mine.id}%2f{pair.file_key}",
    ):
        answer = httpx.get(cloud.endpoint + path)
        assert answer.status_code >= 400 or SECRET not in answer.text or pair.mine.id in str(answer.url), path
