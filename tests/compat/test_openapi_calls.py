"""Open API calls of a function through a real SDK: every API simulated by family, permissions, relay; kept for inspection."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import CommandLine, environment_of
from tests.compat.test_wx_server_sdk import HERE
from tests.protocols.tcb.test_wechat import Platform
from tests.server import LiveServer
from yunbox.caller import Caller
from yunbox.protocols.tcb.admin.wechat import GET_PATHS, PATHS


@pytest.fixture
def yunbox(cloud: LiveServer) -> CommandLine:
    return CommandLine(environment_of(cloud), cloud.create_space())


APIS = sorted({*PATHS, *GET_PATHS})
CODE = """
const cloud = require('wx-server-sdk-4.0.2')
cloud.init({ env: cloud.DYNAMIC_CURRENT_ENV })
const told = async (name) => {
  const [family, method] = name.split('.')
  try {
    const { errCode, buffer, contentType } = await cloud.openapi[family][method]({ content: 'hello', media: { contentType: 'image/png', value: Buffer.from('abc') } })
    return buffer ? contentType : errCode
  } catch (error) {
    return error.errCode
  }
}
exports.main = async ({ apis }) => Object.fromEntries(await Promise.all(apis.map(async (name) => [name, await told(name)])))
"""


def deploy(cloud: LiveServer, space: str, directory: Path, permitted: list[str]) -> None:
    directory.mkdir()
    (directory / "index.js").write_text(CODE)
    (directory / "config.json").write_text(json.dumps({"permissions": {"openapi": permitted}}))
    (directory / "node_modules").symlink_to(HERE / "node_modules", target_is_directory=True)
    cloud.call(cloud.services.functions.deploy(space, directory, "asks", in_place=True))
    cloud.call(cloud.services.functions.configure(space, "asks", timeout=60))


def ask(cloud: LiveServer, space: str, *apis: str) -> dict[str, Any]:
    user = Caller("user", space, openid="alice", app_id="wx1", source="wx_client")
    result = cloud.call(cloud.services.functions.invoke(user, "asks", {"apis": apis})).result_json
    told: dict[str, Any] = json.loads(result)
    return told


def test_every_api_is_simulated_and_kept(cloud: LiveServer, yunbox: CommandLine, tmp_path: Path) -> None:
    space = yunbox.space.id
    deploy(cloud, space, tmp_path / "asks", APIS)
    pictures = {"wxacode.get", "wxacode.getUnlimited", "wxacode.createQRCode"}
    assert len(APIS) == 46
    assert ask(cloud, space, *APIS) == {name: "image/png" if name in pictures else 0 for name in APIS}
    rows = yunbox.json("openapi", "calls", "--limit", "1000")
    assert sorted(row["api"] for row in rows) == APIS
    assert {(row["function"], row["caller"], row["simulated"], row["error"]) for row in rows} == {
        ("asks", "alice", True, 0)
    }
    (check,) = yunbox.json("openapi", "calls", "--api", "security.msgSec")
    assert check["arguments"] == {"content": "hello", "media": "<3 bytes>"}
    assert check["answer"] == {**check["answer"], "result": {"suggest": "pass", "label": 100}, "simulated": True}
    assert yunbox.json("openapi", "calls", "--api", "wxacode.get")[-1]["answer"].endswith(" bytes of image/png>")
    assert yunbox.json("openapi", "calls", "--function", "other") == []
    assert len(yunbox.json("openapi", "calls", "--limit", "3")) == 3
    assert "security.msgSecCheck" in yunbox.text("openapi", "calls")


def test_what_config_json_does_not_list_is_refused_and_kept(
    cloud: LiveServer, yunbox: CommandLine, tmp_path: Path
) -> None:
    deploy(cloud, yunbox.space.id, tmp_path / "asks", ["wxacode.get"])
    told = ask(cloud, yunbox.space.id, "security.msgSecCheck", "wxacode.get")
    assert told == {"security.msgSecCheck": -604101, "wxacode.get": "image/png"}
    (refused,) = yunbox.json("openapi", "calls", "--api", "security")
    assert (refused["error"], refused["answer"]) == (-604101, {"errcode": -604101})


@pytest.fixture
def platform() -> Iterator[Platform]:
    with Platform() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def test_calls_of_a_registered_app_are_relayed_and_kept(platform: Platform, tmp_path: Path) -> None:
    with LiveServer(tmp_path / "data", wechat_api_url=platform.url) as cloud:
        space = cloud.create_space()
        cloud.services.spaces.set_app(space.id, "wechat", "wx1", {"secret": "right"})
        deploy(cloud, space.id, tmp_path / "asks", ["security.msgSecCheck", "made.up"])
        assert ask(cloud, space.id, "security.msgSecCheck", "made.up") == {
            "security.msgSecCheck": 0,
            "made.up": -604100,
        }
        rows = CommandLine(environment_of(cloud), space).json("openapi", "calls")
    assert "/wxa/msg_sec_check" in [path for _, path, _, _ in platform.calls]
    assert {(row["api"], row["simulated"], row["error"]) for row in rows} == {
        ("security.msgSecCheck", False, 0),
        ("made.up", False, -604100),
    }
