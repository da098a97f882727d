"""Chapter 3, files: uploading from the platforms and from a server, deleting, asking (S4 §3, ST-12 to ST-19)."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.guide.conftest import PNG, Example, Run
from tests.server import LiveServer

UPLOAD = "await mpserverless.file.uploadFile({ filePath: options.png"
RESULT = {"fileUrl", "filePath", "fileId"}

EXAMPLES = [
    Example("3.0", "init", "return await mpserverless.init({ authorType: 'anonymous' })"),
    Example(
        "3.1",
        "upload a chosen picture",
        """
        return await new Promise((resolve, reject) => hosts.chooseImage({
          chooseImage: 1,
          success: res => {
            const path = (res.apFilePaths || res.tempFilePaths)[0]
            mpserverless.file.uploadFile({ filePath: path }).then(resolve).catch(reject)
          }
        }))
        """,
        lambda got: (
            got.keys() == RESULT
            and got["filePath"].startswith("cloudstorage/")
            and got["filePath"].endswith(".png")
            and got["fileUrl"].endswith(got["filePath"])
        ),
    ),
    Example(
        "3.1",
        "upload a downloaded file",
        """
        return await new Promise((resolve, reject) => hosts.downloadFile({
          url: 'https://example.com/a.png',
          success: res => mpserverless.file.uploadFile({ filePath: res.apFilePath || res.tempFilePath }).then(resolve).catch(reject)
        }))
        """,
        lambda got: got.keys() == RESULT,
    ),
    Example(
        "3.1",
        "every option",
        f"""
        const {{ fileUrl }} = {UPLOAD}, extension: '.png', env: 'public', timeout: 60000, fileSize: 70,
          headers: {{ cacheControl: 'max-age=1', contentDisposition: 'attachment', contentEncoding: 'identity', expires: 'Wed, 21 Oct 2037 07:28:00 GMT' }},
          meta: {{ userId: 'halo' }} }})
        const {{ status, headers }} = await fetchUrl(fileUrl)
        return [status, headers['x-meta-user-id'], headers['x-oss-meta-userid'], headers['content-disposition'], headers['content-type']]
        """,
        lambda got: got == [200, "halo", "halo", "attachment", "image/png"],
    ),
    Example(
        "3.1",
        "a path in the cloud",
        f"{UPLOAD}, cloudPath: '/static/image/hello.png' }}); return {UPLOAD}, cloudPath: '/static/image/hello.png' }})",
        lambda got: got["filePath"] == "static/image/hello.png",
    ),
    Example("3.1", "a file type that is not allowed", "await mpserverless.file.uploadFile({ filePath: options.png.replace('pic.png', 'tool.exe') })", code_of_error="ValidationFailed"),
    Example(
        "3.2",
        "delete by address",
        f"const {{ fileUrl }} = {UPLOAD} }}); const gone = await mpserverless.file.deleteFile(fileUrl); return [gone.success, (await fetchUrl(fileUrl)).status]",
        lambda got: got == [True, 404],
    ),
    Example(
        "3.2",
        "delete by id",
        f"const {{ fileId }} = {UPLOAD} }}); return await mpserverless.file.deleteFile(fileId)",
        lambda got: got["success"],
    ),
    Example("3.2", "delete what is not there", "await mpserverless.file.deleteFile('https://example.com/nothing.png')", code_of_error="FileNotFound"),
    Example(
        "3.3",
        "info",
        f"const {{ fileId, fileUrl }} = {UPLOAD} }}); const [info] = await mpserverless.file.info([fileId, 'unknown']); return {{ ...info, same: info.url === fileUrl }}",
        lambda got: (
            got.keys() == {"fileId", "name", "type", "size", "url", "gmtCreate", "gmtModified", "same"}
            and got["size"] == len(PNG)
            and got["same"]
        ),
    ),
    Example(
        "3.4",
        "server side: sign, put, register",
        """
        const client = new Core({ accessKeyId: options.accessKeyId, accessKeySecret: options.accessKeySecret, endpoint: options.endpoint, apiVersion: '2019-06-15' })
        const params = { RegionId: 'cn-hangzhou', SpaceId: options.spaceId, Filename: 'index.html', Size: '240', ContentType: 'text/html' }
        const signed = await client.request('DescribeFileUploadSignedUrl', params, { method: 'POST' })
        const put = await fetchUrl(signed.SignUrl, { method: 'PUT', headers: { 'content-type': 'text/html' }, body: '<p>guide</p>' })
        const registered = await client.request('RegisterFile', { RegionId: 'cn-hangzhou', SpaceId: options.spaceId, Id: signed.Id }, { method: 'POST' })
        const { DataList: [file] } = await client.request('ListFile', { SpaceId: options.spaceId, Keyword: '.html' }, { method: 'POST' })
        return { put: put.status, registered: Object.keys(registered), text: (await fetchUrl(file.Url)).text, url: signed.SignUrl }
        """,
        lambda got: (
            (got["put"], got["registered"], got["text"]) == (200, ["RequestId"], "<p>guide</p>") and "'" not in got["url"]
        ),
    ),
    Example(
        "3.4",
        "server side: a folder",
        """
        const client = new Core({ accessKeyId: options.accessKeyId, accessKeySecret: options.accessKeySecret, endpoint: options.endpoint, apiVersion: '2019-06-15' })
        return await client.request('DescribeFileUploadSignedUrl', { SpaceId: options.spaceId, Filename: 'folder/', Size: '0', ContentType: 'text/plain' }, { method: 'POST' })
        """,
        lambda got: bool(got["RequestId"]),
    ),
]  # fmt: skip


@pytest.fixture(scope="module")
def results(cloud: LiveServer, chapter: Run) -> dict[str, dict[str, Any]]:
    return {platform: chapter(cloud.create_space(), EXAMPLES, platform=platform) for platform in ("wx", "my", "dd")}


@pytest.mark.parametrize("platform", ["wx", "my", "dd"])
@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_example(results: dict[str, dict[str, Any]], platform: str, example: Example) -> None:
    example.verify(results[platform][str(example)])


def test_the_guides_own_command_line(cloud: LiveServer, chapter: Run, tmp_path: Path) -> None:
    """The guide puts the file with ``curl -T``, which asks for ``100 Continue`` first."""
    space = cloud.create_space()
    sign = Example(
        "3.4",
        "sign",
        """
        const client = new Core({ accessKeyId: options.accessKeyId, accessKeySecret: options.accessKeySecret, endpoint: options.endpoint, apiVersion: '2019-06-15' })
        return await client.request('DescribeFileUploadSignedUrl', { SpaceId: options.spaceId, Filename: 'big.html', Size: '240', ContentType: 'text/html' }, { method: 'POST' })
        """,
    )
    signed = chapter(space, [sign])["3.4-sign"]["value"]
    (tmp_path / "big.html").write_text("x" * 2_000_000)
    command = f"curl -sS -o /dev/null -w '%{{http_code}}' -X PUT -T big.html -H 'Content-Type: text/html' '{signed['SignUrl']}'"
    done = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("200", "")
    stored = cloud.services.files.find(space.id, signed["Id"])
    assert (stored.size, stored.content_type, json.dumps(signed["Overwrite"])) == (2_000_000, "text/html", "false")
