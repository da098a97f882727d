"""Wrong signatures, expired policies, other keys, foreign spaces, files that are too large: every SDK's promise is rejected,
none hangs (aliyun-wire.md §2.3, §6.1).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest

from tests.guide.conftest import Example, Run
from tests.server import LiveServer
from yunbox.caller import Caller
from yunbox.protocols.mpserverless import oss
from yunbox.spaces import Space

WITHIN = (
    "const within = promise => Promise.race([promise, new Promise(resolve => setTimeout(resolve, 20000, 'HUNG'))]);"
)
TAMPERED = (
    WITHIN
    + """
const tampered = async change => {
  const changed = { ...hosts, uploadFile: call => hosts.uploadFile({ ...call, formData: { ...call.formData, ...change(call.formData) } }) }
  const mp = new MPServerless(changed, options)
  await mp.init({ authorType: 'anonymous' })
  return within(mp.file.uploadFile({ filePath: options.png }))
};
"""
)


def upload(change: str) -> str:
    return f"{TAMPERED} return await tampered({change})"


def refused(name: str, code: str, error: str) -> Example:
    return Example("6", name, code, code_of_error=error)


MINI = [
    Example("6", "a good upload", upload("() => ({})"), lambda got: bool(got["fileId"])),
    refused("wrong form signature", upload("() => ({ Signature: 'x' })"), "SignatureDoesNotMatch"),
    refused("tampered policy", upload("form => ({ policy: form.policy.slice(0, -8) + 'AAAAAAA=' })"), "SignatureDoesNotMatch"),
    refused("another key", upload("() => ({ key: 'cloudstorage/evil.png' })"), "AccessDenied"),
    refused("expired policy", upload("() => options.expired"), "AccessDenied"),
    refused("policy of a foreign space", upload("() => options.foreign"), "SignatureDoesNotMatch"),
    refused("a file that says it is too large", f"{WITHIN} await mpserverless.init(); return await within(mpserverless.file.uploadFile({{ filePath: options.big }}))", "LimitExceeded"),
    refused(
        "a file that hides how large it is",
        f"""{WITHIN}
        const mp = new MPServerless({{ ...hosts, getFileInfo: call => call.complete({{ size: 10, errMsg: 'getFileInfo:ok' }}) }}, options)
        await mp.init({{ authorType: 'anonymous' }})
        return await within(mp.file.uploadFile({{ filePath: options.big }}))""",
        "EntityTooLarge",
    ),
    refused("wrong secret", f"{WITHIN} return await within(new MPServerless(hosts, {{ ...options, clientSecret: 'x' }}).init())", "SignatureNotMatch"),
    refused("unknown space", f"{WITHIN} return await within(new MPServerless(hosts, {{ ...options, spaceId: 'nobody' }}).init())", "InvalidSpaceId.NotFound"),
    refused("another space's secret", f"{WITHIN} return await within(new MPServerless(hosts, {{ ...options, spaceId: options.other }}).init())", "SignatureNotMatch"),
    refused(
        "a request of the day before yesterday",
        f"""{WITHIN}
        await mpserverless.init()
        const now = Date.now
        Date.now = () => now() - 2 * 86400000
        try {{ return await within(mpserverless.user.getInfo()) }} finally {{ Date.now = now }}""",
        "InvalidTimestamp.Expired",
    ),
    refused(
        "a body that was changed on the way",
        f"""{WITHIN}
        const name = hosts.httpRequest ? 'httpRequest' : 'request'
        const changed = {{ ...hosts, [name]: call => {{
          const data = typeof call.data === 'string' ? JSON.parse(call.data) : {{ ...call.data }}
          data.params = data.params.replace('cats', 'dogs')
          hosts[name]({{ ...call, data: JSON.stringify(data) }})
        }} }}
        const mp = new MPServerless(changed, options)
        await mp.init({{ authorType: 'anonymous' }})
        return await within(mp.db.collection('cats').find())""",
        "SignatureNotMatch",
    ),
]  # fmt: skip

SERVER = [
    refused("another space's key", f"{WITHIN} return await within(new NodeSdk({{ spaceId: options.other, serverSecret: options.serverSecret, endpoint: options.endpoint }}).user.getInfo())", "SignatureNotMatch"),
    refused("unknown space", f"{WITHIN} return await within(new NodeSdk({{ spaceId: 'nobody', serverSecret: options.serverSecret, endpoint: options.endpoint }}).user.getInfo())", "InvalidSpaceId.NotFound"),
    refused("a file that is too large", f"{WITHIN} return await within(server.file.uploadFile({{ filePath: options.big, fileName: 'big.png' }}))", "LimitExceeded"),
    refused("a call of an hour ago", f"{WITHIN} const now = Date.now; Date.now = () => now() - 3600000; try {{ return await within(server.user.getInfo()) }} finally {{ Date.now = now }}", "InvalidTimestamp.Expired"),
]  # fmt: skip

OPENAPI = [
    refused("wrong access key secret", "return await new Core({ ...keys, accessKeySecret: 'x' }).request('ListSpace', {}, { method: 'POST' })", "SignatureDoesNotMatch"),
    refused("unknown access key", "return await new Core({ ...keys, accessKeyId: 'x' }).request('ListSpace', {}, { method: 'POST' })", "InvalidAccessKeyId.NotFound"),
    refused("a foreign space", "return await new Core(keys).request('ListFile', { SpaceId: options.other }, { method: 'POST' })", "AccessDenied"),
    refused("an old request", "return await new Core(keys).request('ListSpace', { Timestamp: '2020-01-01T00:00:00Z' }, { method: 'POST' })", "InvalidTimeStamp.Expired"),
    Example(
        "6",
        "a replayed request",
        """
        const sent = { SignatureNonce: 'once', Timestamp: new Date().toISOString().replace(/\\.\\d+Z/, 'Z') }
        await new Core(keys).request('ListSpace', sent, { method: 'POST' })
        return await new Core(keys).request('ListSpace', sent, { method: 'POST' })
        """,
        code_of_error="SignatureNonceUsed",
    ),
]  # fmt: skip
KEYS = "const keys = { accessKeyId: options.accessKeyId, accessKeySecret: options.accessKeySecret, endpoint: options.endpoint, apiVersion: '2019-06-15' };"


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server that takes files of 1 MiB at most."""
    with LiveServer(tmp_path_factory.mktemp("small") / "data", "dev", max_upload_mb=1) as server:
        yield server


def form_of(server: LiveServer, space: Space, age_s: int = 0) -> dict[str, str]:
    """A signed form for one file, ``age_s`` after it expired if that is given."""
    files = server.services.files
    ticket = files.prepare_upload(Caller("admin", space.id), "cloudstorage/x.png")
    if age_s:
        ticket = dataclasses.replace(ticket, expires_at=ticket.expires_at - 3600 * 24 - age_s)
    signed = oss.sign(server.services, space, ticket)
    names = {"policy": "policy", "signature": "Signature", "accessKeyId": "OSSAccessKeyId"}
    return {"key": ticket.key, **{names[name]: value for name, value in signed.items()}}


def run(server: LiveServer, chapter: Run, tmp: Any, examples: list[Example], **more: Any) -> None:
    space, other = server.create_space(), server.create_space()
    big = tmp / "big.png"
    big.write_bytes(b"x" * (2 << 20))
    options = {
        "endpoint": server.endpoint,
        "other": other.id,
        "big": str(big),
        "expired": form_of(server, space, 60),
        "foreign": form_of(server, other),
        **more,
    }
    results = chapter(space, examples, **options)
    for example in examples:
        assert results[str(example)].get("value") != "HUNG", example.name
        example.verify(results[str(example)])


@pytest.mark.parametrize("platform", ["wx", "my", "dd"])
def test_mini_program_sdk(small: LiveServer, chapter: Run, tmp_path: Any, platform: str) -> None:
    run(small, chapter, tmp_path, MINI, platform=platform)


def test_server_sdk(small: LiveServer, chapter: Run, tmp_path: Any) -> None:
    run(small, chapter, tmp_path, SERVER)


def test_openapi_sdk(small: LiveServer, chapter: Run, tmp_path: Any) -> None:
    run(small, chapter, tmp_path, [with_keys(example) for example in OPENAPI])


def with_keys(example: Example) -> Example:
    return Example(example.section, example.name, KEYS + example.code, example.check, example.code_of_error)
