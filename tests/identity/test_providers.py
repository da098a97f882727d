from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from yunbox.errors import InvalidRequest, LimitExceeded, Unauthenticated, YunboxError
from yunbox.identity import IdentityService
from yunbox.identity.providers import App, WeChat, developer_user
from yunbox.spaces import Space, SpaceService


async def ask(answer: httpx.Response | Exception) -> Any:
    seen: list[httpx.URL] = []

    def respond(request: httpx.Request) -> httpx.Response:
        seen.append(request.url)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async with httpx.AsyncClient(transport=httpx.MockTransport(respond)) as client:
        user = await WeChat().resolve(client, "http://stand-in/", App("wx1", "s3"), "code-1")
    assert seen[0].path == "/sns/jscode2session"
    assert dict(seen[0].params) == {
        "appid": "wx1",
        "secret": "s3",
        "js_code": "code-1",
        "grant_type": "authorization_code",
    }
    return user


async def test_wechat_answers_as_plain_text() -> None:
    body = json.dumps({"openid": "oX", "session_key": "k", "unionid": "u"})
    user = await ask(httpx.Response(200, text=body, headers={"content-type": "text/plain"}))
    assert (user.external_id, user.openid, user.unionid) == ("oX", "oX", "u")


@pytest.mark.parametrize(
    ("number", "error"),
    [(40029, Unauthenticated), (40163, Unauthenticated), (40013, Unauthenticated), (45011, LimitExceeded)],
)
async def test_wechat_refusals(number: int, error: type[Exception]) -> None:
    with pytest.raises(error):
        await ask(httpx.Response(200, json={"errcode": number, "errmsg": "no"}))


@pytest.mark.parametrize(
    "answer",
    [httpx.Response(502, text="bad gateway"), httpx.Response(200, text="[]"), httpx.ConnectError("refused")],
)
async def test_wechat_out_of_order(answer: httpx.Response | Exception) -> None:
    with pytest.raises(YunboxError):
        await ask(answer)


def test_developer_openids() -> None:
    user = developer_user("demo", "wx1", "device-1")
    assert user == developer_user("demo", "wx1", "device-1")
    assert user.openid == user.external_id
    assert len(user.external_id) == 28
    assert user.external_id.startswith("o")
    others = {developer_user(*key).external_id for key in (("d2", "wx1", "device-1"), ("demo", "wx1", "device-2"))}
    assert user.external_id not in others


async def test_developer_login_is_off_unless_asked_for(
    identity: IdentityService, space: Space, spaces: SpaceService
) -> None:
    with pytest.raises(Unauthenticated, match="yunbox app add"):
        await identity.platform_user(space, "wechat", "wx1", "alice")
    spaces.set_app(space.id, "developer", "any", {})
    assert (await identity.platform_user(space, "wechat", "wx1", "alice")).openid
    with pytest.raises(InvalidRequest):
        await identity.platform_user(space, "wechat", "wx1", "")


async def test_developer_login_under_dev_can_be_switched_off(spaces: SpaceService, space: Space) -> None:
    identity = IdentityService(spaces, developer_login=True)
    assert (await identity.platform_user(space, "wechat", "wx1", "alice")).openid
    changed = spaces.set(space.id, {"developer_login": False})
    with pytest.raises(Unauthenticated):
        await identity.platform_user(changed, "wechat", "wx1", "alice")
    await identity.aclose()
