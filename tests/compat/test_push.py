"""A message that WeChat pushes, as the guide's example takes it: with the unmodified wx-server-sdk (FN-23)."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.compat.test_wx_server_sdk import HERE
from tests.conftest import not_run
from tests.protocols.wechat_push.sender import Sender
from tests.server import LiveServer
from yunbox.protocols.wechat_push import channel as channels
from yunbox.protocols.wechat_push import delivery
from yunbox.protocols.wechat_push.channel import PushRoute

APP = "wx0123456789abcdef"
CODE = """
const cloud = require('%s')
cloud.init({ env: cloud.DYNAMIC_CURRENT_ENV })
exports.main = async (event) => {
  const { OPENID, APPID, SOURCE } = cloud.getWXContext()
  const { _id } = await cloud.database().collection('messages').add({ data: { from: OPENID, text: event.Content } })
  return { MsgType: 'text', Content: [OPENID, APPID, SOURCE, Boolean(_id)].join(' ') }
}
"""


@pytest.mark.parametrize("package", ["wx-server-sdk-2.6.3", "wx-server-sdk-4.0.2"])
def test_who_sent_a_message(cloud: LiveServer, tmp_path: Path, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "ANSWER_S", 60)  # a busy machine may take longer than WeChat waits
    if shutil.which("node") is None or not (HERE / "node_modules" / package).is_dir():
        not_run("message push through wx-server-sdk", "node or tests/compat/node_modules is missing; run `make`")
    space = cloud.create_space()
    cloud.services.spaces.set_app(space.id, "wechat", APP, {"secret": "s"})
    cloud.call(cloud.services.documents.create_by_default(space.id, "messages"))
    (tmp_path / "index.js").write_text(CODE % package)
    (tmp_path / "node_modules").symlink_to(HERE / "node_modules", target_is_directory=True)
    cloud.call(cloud.services.functions.deploy(space.id, tmp_path, "service", in_place=True))
    cloud.call(cloud.services.functions.configure(space.id, "service", timeout=60))
    channel = channels.configured(None, {}).with_route(PushRoute("text", "", space.id, "service"))
    channels.keep(cloud.services.spaces, space.id, APP, channel)
    url = cloud.endpoint + channels.path_of(space.id, APP)
    reply = Sender(url, channel.token, channel.aes_key, APP).reply(
        {"ToUserName": "gh_1", "FromUserName": "o-alice", "CreateTime": 1, "MsgType": "text", "Content": "hi"}
    )
    assert isinstance(reply, dict)
    assert reply["Content"] == f"o-alice {APP} wx_trigger true"
    assert (reply["ToUserName"], reply["FromUserName"]) == ("o-alice", "gh_1")
