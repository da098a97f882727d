"""The unmodified @cloudbase/wx-cloud-client-sdk: models over collections, through ``callFunction`` of our client."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.compat.test_cloudbase_js_sdk import HERE
from tests.protocols.tcb.test_origins import call, signed_in
from tests.sdk.test_client import built, create_collections, passed, run_lines
from tests.server import LiveServer

__all__ = ["built"]


@pytest.mark.parametrize("mode", ["call", "http"])
def test_models(cloud: LiveServer, mode: str) -> None:
    space = cloud.create_space()
    create_collections(cloud, space, "post")
    assert passed(run_lines(HERE / "js" / "models.mjs", mode, cloud.endpoint, space.id)) == 9


def test_others_cannot_be_read_through_models(cloud: LiveServer) -> None:
    space = cloud.create_space()
    create_collections(cloud, space, "post")

    def ask(token: str, operation: str, body: dict[str, Any], method: str = "POST") -> Any:
        url = f"{cloud.endpoint}/v1/model/prod/post/{operation}"
        headers = {"authorization": f"Bearer {token}"} if token else {}
        return httpx.request(method, url, json=body, headers=headers, trust_env=False).json()

    ann, bob = signed_in(cloud, space), signed_in(cloud, space)
    made = ask(ann, "create", {"data": {"n": 1, "owner": "bob", "createBy": "bob"}})["data"]["id"]
    mine = {"filter": {"where": {"_id": {"$eq": made}}}}
    assert ask(ann, "get", mine)["data"]["record"]["owner"] == ask(ann, "get", mine)["data"]["record"]["_openid"]
    assert ask(bob, "get", mine)["data"] == {"record": {}}
    assert ask(bob, "update", {**mine, "data": {"n": 2}}, "PUT")["data"] == {"count": 0}
    assert ask(bob, "deleteMany", {"filter": {"where": {}}})["data"] == {"count": 0}
    assert ask(bob, "create", {"data": {"_openid": "ann"}})["code"] == "DATABASE_PERMISSION_DENIED"
    assert ask(bob, "deleteMany", {})["code"] == "INVALID_PARAM"
    assert ask(bob, "update", {**mine, "data": {"$inc": {"n": 1}}}, "PUT")["code"] == "INVALID_PARAM"
    assert ask("", "list", {})["code"] == "INVALID_CREDENTIALS"


def test_a_deployed_function_of_the_name_counts_more(cloud: LiveServer, tmp_path: Any) -> None:
    space = cloud.create_space()
    (tmp_path / "index.js").write_text("exports.main = async () => 'mine'\n")
    cloud.call(cloud.services.functions.deploy(space.id, tmp_path, "lowcode-datasource"))
    token = signed_in(cloud, space)
    answer = call(cloud, space, "functions.invokeFunction", function_name="lowcode-datasource", access_token=token)
    assert answer["data"]["response_data"] == '"mine"'
