"""Chapter 5, users: authorize and getInfo with every option (S4 §5, USR-4 to USR-8)."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.guide.conftest import Example, Run
from tests.server import LiveServer

PROVIDERS = {"wx": "wechat_openapi", "my": "alipay_openapi", "dd": "dingtalk_openapi"}
DONE = {"success": True}


def is_user_id(text: str) -> bool:
    return re.fullmatch(r"[0-9a-f]{24}", text) is not None


EXAMPLES = [
    Example("5.1", "authorize anonymously", "return await mpserverless.user.authorize({ authType: 'anonymous' })", lambda got: got == DONE),
    Example(
        "5.2",
        "getInfo of an anonymous user",
        "return (await mpserverless.user.getInfo()).result",
        lambda got: is_user_id(got["user"]["userId"]) and "oAuthUserId" not in got["user"],
    ),
    Example(
        "5.1",
        "each anonymous authorization is a new user",
        """
        const first = (await mpserverless.user.getInfo()).result.user.userId
        await mpserverless.user.authorize({ authType: 'anonymous' })
        return first !== (await mpserverless.user.getInfo()).result.user.userId
        """,
        lambda got: got is True,
    ),
    Example("5.1", "authorize with the provider", "return await mpserverless.user.authorize({ authProvider: options.provider })", lambda got: got == DONE),
    Example(
        "5.2",
        "getInfo of the provider's user",
        "return await mpserverless.user.getInfo({ authProvider: options.provider })",
        lambda got: got["success"] and {"spaceId", "userId", "oAuthUserId", "createdAt", "lastSeenAt"} == got["result"]["user"].keys(),
    ),
    Example(
        "5.2",
        "getInfo as the guide prints it, flat",
        "const { result } = await mpserverless.user.getInfo(); return [result.userId === result.user.userId, result.oAuthUserId === result.user.oAuthUserId, result.spaceId === options.spaceId]",
        lambda got: got == [True, True, True],
    ),
    Example(
        "5.1",
        "the provider's user is the same next time",
        """
        const first = (await mpserverless.user.getInfo()).result.user
        await mpserverless.user.authorize({ authType: 'anonymous' })
        await mpserverless.user.authorize({ authProvider: options.provider })
        const again = (await mpserverless.user.getInfo()).result.user
        return [first.userId === again.userId, first.oAuthUserId === again.oAuthUserId]
        """,
        lambda got: got == [True, True],
    ),
    Example(
        "5.1",
        "authType wins when both are given",
        "await mpserverless.user.authorize({ authProvider: options.provider, authType: 'anonymous' }); return (await mpserverless.user.getInfo()).result.user.oAuthUserId",
        lambda got: got is None,
    ),
    Example(
        "5.1",
        "an expired token is renewed and the call repeated",
        """
        await mpserverless.user.authorize({ authProvider: options.provider })
        const before = (await mpserverless.user.getInfo()).result.user.userId
        mpserverless.user.accessToken = 'expired'
        const after = (await mpserverless.user.getInfo()).result.user.userId
        return before === after && mpserverless.user.accessToken !== 'expired'
        """,
        lambda got: got is True,
    ),
    Example("5.3", "server side: setUserId", "return await new NodeSdk({ spaceId: options.spaceId, serverSecret: options.serverSecret, endpoint: options.endpoint }).setUserId('62d901b1532130378100aaaa').user.getInfo()", lambda got: got["user"]["userId"] == "62d901b1532130378100aaaa"),
]  # fmt: skip


@pytest.fixture(scope="module")
def results(cloud: LiveServer, chapter: Run) -> dict[str, dict[str, Any]]:
    return {
        platform: chapter(cloud.create_space(), EXAMPLES, platform=platform, provider=provider)
        for platform, provider in PROVIDERS.items()
    }


@pytest.mark.parametrize("platform", PROVIDERS)
@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_example(results: dict[str, dict[str, Any]], platform: str, example: Example) -> None:
    example.verify(results[platform][str(example)])
