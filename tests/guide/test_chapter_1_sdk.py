"""Chapter 1, getting the SDK going: every constructor and every way to authorize that SDK 3 has (S4 §1).

What SDK 1, 2 and the DingTalk package send runs from recordings: tests/protocols/mpserverless/test_recorded.py.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.guide.conftest import Example, Run
from tests.server import LiveServer

DONE = {"success": True}


def made(arguments: str, begin: str = "init()") -> str:
    return f"const mp = new MPServerless({arguments}); return await mp.{begin}"


EXAMPLES = [
    Example("1.3", "init with the platform's login", "return await mpserverless.init()", lambda got: got == DONE),
    Example(
        "1.3",
        "constructor",
        made("hosts, { appId: options.appId, spaceId: options.spaceId, clientSecret: options.clientSecret, endpoint: options.endpoint }"),
        lambda got: got == DONE,
    ),
    Example("1.3", "authorType", made("hosts, options", "init({ authorType: 'anonymous' })"), lambda got: got == DONE),
    Example("1.3", "authType", made("hosts, options", "init({ authType: 'anonymous' })"), lambda got: got == DONE),
    Example("1.3", "timeout in words", made("hosts, { ...options, timeout: '5s' }"), lambda got: got == DONE),
    Example("1.3", "timeout in milliseconds", made("hosts, { ...options, timeout: 5000 }"), lambda got: got == DONE),
    Example(
        "1.3",
        "app ids of several platforms",
        made("hosts, { ...options, appId: { wechat: 'app-1', alipay: 'app-1', dingtalk: 'app-1' } }"),
        lambda got: got == DONE,
    ),
    Example("1.3", "service provider's app", made("hosts, { ...options, isvAppId: 'isv-1' }"), lambda got: got == DONE),
    Example("1.3", "endpoint with a slash", made("hosts, { ...options, endpoint: options.endpoint + '/' }"), lambda got: got == DONE),
    Example("1.3", "endpoint with a path", made("hosts, { ...options, endpoint: options.endpoint + '/pre/fix' }"), lambda got: got == DONE),
    Example(
        "1.3",
        "a call before init",
        made("hosts, options", "db.collection('users').find()"),
        code_of_error="UnauthorizedError",
    ),
    Example("1.3", "wrong clientSecret", made("hosts, { ...options, clientSecret: 'x' }"), code_of_error="SignatureNotMatch"),
    Example("1.3", "wrong spaceId", made("hosts, { ...options, spaceId: 'mp-nobody' }"), code_of_error="InvalidSpaceId.NotFound"),
    Example(
        "1.3",
        "calls during init wait for it",
        """
        const mp = new MPServerless(hosts, options)
        const [begun, found] = await Promise.all([mp.init(), new Promise(resolve => setTimeout(resolve)).then(() => mp.db.collection('users').find())])
        return [begun, found.success]
        """,
        lambda got: got == [DONE, True],
    ),
]  # fmt: skip


@pytest.fixture(scope="module")
def results(cloud: LiveServer, chapter: Run) -> dict[str, dict[str, Any]]:
    return {platform: chapter(cloud.create_space(), EXAMPLES, platform=platform) for platform in ("wx", "my", "dd")}


@pytest.mark.parametrize("platform", ["wx", "my", "dd"])
@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_example(results: dict[str, dict[str, Any]], platform: str, example: Example) -> None:
    example.verify(results[platform][str(example)])
