"""What a developer needs in order to point an app here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def how_to_connect(kind: str, described: Mapping[str, Any]) -> Iterator[str]:
    """Lines that show how each SDK of a project's kind is pointed at this server (tencent-client.md §1, aliyun-wire.md §1)."""
    if kind == "mpserverless":
        yield from _mpserverless(described)
    else:
        yield from _wechat(described)
        if kind == "functions":
            yield from _mpserverless(described)


def _wechat(described: Mapping[str, Any]) -> Iterator[str]:
    endpoint, space = described["endpoint"], described["space_id"]
    scheme, _, host = endpoint.partition("://")
    yield "wx-server-sdk, @cloudbase/node-sdk in functions: nothing to change / 云函数内无需修改"
    yield "wx.cloud in pages, first line of app.js (docs/client.md) / 小程序页面，app.js 第一行:"
    yield f"    require('yunbox/wx').configure({{ endpoint: '{endpoint}', env: '{space}' }})"
    yield "@cloudbase/js-sdk 3.x:"
    yield f"    const app = cloudbase.init({{ env: '{space}' }}); app.registerHost('{host}', '{scheme}')"
    yield "@cloudbase/js-sdk 2.x:"
    yield f"    const app = cloudbase.init({{ env: '{space}' }}); app.registerEndPoint('//{host}/web', '{scheme}')"
    yield f"    app.registerEndPointWithKey({{ key: 'GATEWAY', url: '//{host}/v1', protocol: '{scheme}' }})"
    yield "    const auth = app.auth({ persistence: 'local' })"
    yield "@cloudbase/js-sdk 1.x:"
    yield f"    cloudbase.init({{ env: '{space}' }}); cloudbase.registerEndPoint('{endpoint}/web')"
    yield "wx-server-sdk, @cloudbase/node-sdk elsewhere:"
    yield f"    init({{ env: '{space}', secretId, secretKey, serviceUrl: '{endpoint}/admin' }})"


def _mpserverless(described: Mapping[str, Any]) -> Iterator[str]:
    endpoint, space = described["endpoint"], described["space_id"]
    yield "@alicloud/mpserverless-sdk (wx, my, dd):"
    yield (
        f"    new MPServerless(my, {{ appId, spaceId: '{space}', clientSecret: '{described['client_secret']}', "
        f"endpoint: '{endpoint}' }})"
    )
    yield "@alicloud/mpserverless-node-sdk:"
    yield f"    new MPServerless({{ spaceId: '{space}', endpoint: '{endpoint}', serverSecret }})"
