"""Requests to ``<bucket>.cos.<region>.myqcloud.com``: who asks, for which bucket, and which operation."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from urllib.parse import parse_qsl, unquote

from yunbox.caller import Caller
from yunbox.errors import Unauthenticated, YunboxError
from yunbox.files.sites import SUFFIX
from yunbox.http import ClientDisconnected, Request, Response, Send
from yunbox.protocols.tcb.admin.authentication import resolve, secret_for
from yunbox.protocols.tcb.signing import encode_component, verify_q_sign_text
from yunbox.protocols.tencentcloud import packages
from yunbox.protocols.tencentcloud.addresses import public_bucket, site_bucket, staging_bucket, target_of
from yunbox.protocols.tencentcloud.cos import buckets, multipart, objects
from yunbox.protocols.tencentcloud.cos.call import Call, Handler, Place
from yunbox.protocols.tencentcloud.cos.errors import ObjectError, failure, not_implemented
from yunbox.protocols.tencentcloud.staging import signed_key
from yunbox.services import Services

_log = logging.getLogger("yunbox.tencentcloud.cos")

_BUCKET_OPERATIONS: dict[tuple[str, str], Handler] = {
    ("DELETE", "cors"): buckets.delete_cors,
    ("DELETE", "website"): buckets.delete_website,
    ("GET", ""): buckets.list_objects,
    ("GET", "cors"): buckets.get_cors,
    ("GET", "location"): buckets.location,
    ("GET", "uploads"): multipart.list_uploads,
    ("GET", "website"): buckets.get_website,
    ("HEAD", ""): buckets.head,
    ("POST", "delete"): buckets.delete_objects,
    ("PUT", "cors"): buckets.put_cors,
    ("PUT", "website"): buckets.put_website,
}
_OBJECT_OPERATIONS: dict[tuple[str, str], Handler] = {
    ("DELETE", ""): objects.delete,
    ("DELETE", "uploadId"): multipart.abort,
    ("GET", ""): objects.get,
    ("GET", "uploadId"): multipart.list_parts,
    ("HEAD", ""): objects.get,
    ("POST", "uploadId"): multipart.complete,
    ("POST", "uploads"): multipart.begin,
    ("PUT", ""): objects.put,
    ("PUT", "uploadId"): multipart.put_part,
}
OPERATIONS: dict[str, Handler] = {
    **{f"{method} /{'?' if name else ''}{name}": handler for (method, name), handler in _BUCKET_OPERATIONS.items()},
    **{f"{method} /KEY{'?' if name else ''}{name}": handler for (method, name), handler in _OBJECT_OPERATIONS.items()},
}
"""Every operation, for the reference."""

_PLAIN = {
    "prefix", "marker", "delimiter", "max-keys", "encoding-type", "partNumber", "max-parts", "part-number-marker",
    "max-uploads", "key-marker", "upload-id-marker",
}  # fmt: skip
"""Query parameters that do not choose an operation."""
_COPY_SOURCE = "x-cos-copy-source"


class ObjectApi:
    """Answers requests to buckets."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def __call__(self, request: Request, send: Send) -> None:
        target = target_of(request)
        key = unquote(target.raw_path[1:])
        try:
            response = await self._answer(request, send, target.bucket, key)
        except ClientDisconnected:
            return
        except YunboxError as error:
            _log.info("%s %s/%s: %s", request.method, target.bucket, key[:200], error.message)
            response = failure(error, f"/{key}")
        except Exception:
            _log.exception("unhandled error in %s %s/%s", request.method, target.bucket, key[:200])
            response = failure(YunboxError("internal error / 服务器内部错误"), f"/{key}")
        if response is not None:
            await response.send(send)

    async def _answer(self, request: Request, send: Send, bucket: str, key: str) -> Response | None:
        async with aclosing(_body(request)) as body:
            try:
                place = self._place(request, bucket, key)
                return await _operation(request, key)(Call(self._services, request, body, send, place, key))
            except YunboxError:
                await self._drain(body)
                raise

    async def _drain(self, body: AsyncIterator[bytes]) -> None:
        """Read what the SDK still sends, because it looks at the answer only afterwards; give up after twice the limit."""
        left = 2 * self._services.settings.max_upload_mb * 2**20
        async for chunk in body:
            left -= len(chunk)
            if left < 0:
                return

    def _place(self, request: Request, bucket: str, key: str) -> Place:
        """The bucket, when the signature opens it.

        Raises:
            Unauthenticated, ObjectError: when it does not.
        """
        authorization = request.header("authorization")
        if staging_bucket(bucket):
            # Uploads under way are looked up by prefix; nothing else may be asked of the bucket as a whole.
            prefix = request.query.get("prefix", "") if request.method == "GET" else ""
            return self._staging(bucket, key or prefix, authorization)
        if "q-sign-algorithm=" not in authorization:
            raise ObjectError(403, "AccessDenied", "the request is not signed / 请求没有签名")
        caller = self._caller(request, key, authorization)
        if caller.grantee is not None:
            raise ObjectError(403, "AccessDenied", "a shared environment is not administered / 共享环境不可管理")
        space = self._services.spaces.get(caller.space)
        if bucket == public_bucket(space):
            admin = Caller("admin", space.id, source="server", client_ip=request.client_ip)
            return Place(bucket, space, self._services.files, space.id, admin)
        if bucket == site_bucket(space):
            self._services.sites.get(space.id)
            sites = self._services.sites
            return Place(bucket, space, sites.files, space.id + SUFFIX, sites.owner(space.id))
        raise ObjectError(
            403, "AccessDenied", f"the bucket is not that of the environment `{space.id}` / 无权访问该存储桶"
        )

    def _staging(self, bucket: str, key: str, sign: str) -> Place:
        signed = signed_key(self._services, sign)
        space_id = packages.space_in(signed)
        if not signed or signed != key or space_id not in self._services.spaces:
            raise ObjectError(403, "SignatureDoesNotMatch", "the signature is for another package, or has expired")
        space = self._services.spaces.get(space_id)
        return Place(bucket, space, None, space.id, Caller("admin", space.id, source="server"))

    def _caller(self, request: Request, key: str, authorization: str) -> Caller:
        parameters = {name.lower(): value for name, value in parse_qsl(request.query_string, keep_blank_values=True)}

        def texts(names: list[str], headers: list[str]) -> list[str]:
            _check_covered(request, parameters, names, headers)
            lines = [
                request.method.lower(),
                f"/{key}",
                _joined({name: parameters.get(unquote(name), "") for name in names}),
                _joined({name: request.header(name) for name in headers}),
                "",
            ]
            return ["\n".join(lines)]

        secret_id = verify_q_sign_text(
            authorization, texts, lambda name: secret_for(self._services, name), self._services.clock
        )
        return resolve(self._services, request, secret_id, request.header("x-cos-security-token"), "")


async def _body(request: Request) -> AsyncGenerator[bytes, None]:
    """One view of the body, so that what a failed reader left can still be drained."""
    async for chunk in request.stream():
        yield chunk


def _operation(request: Request, key: str) -> Handler:
    names = [name for name, _ in parse_qsl(request.query_string, keep_blank_values=True)]
    chosen = [name for name in names if name not in _PLAIN and not name.startswith("response-")]
    table = _OBJECT_OPERATIONS if key else _BUCKET_OPERATIONS
    handler = table.get((request.method, chosen[0] if chosen else "")) if len(chosen) < 2 else None
    if handler is None:
        raise not_implemented(f"{request.method} with ?{'&'.join(chosen)[:60]}")
    return handler


def _check_covered(request: Request, parameters: dict[str, str], names: list[str], headers: list[str]) -> None:
    """What somebody added on the way would otherwise take effect without being signed. Of the headers this is the source
    of a copy; older SDKs do not sign those that only describe the object (cos-nodejs-sdk-v5@2.9)."""
    if missing := set(parameters) - {unquote(name) for name in names}:
        raise Unauthenticated(
            f"the parameter `{min(missing)[:40]}` is not covered by the signature / 参数未包含在签名中"
        )
    if request.header(_COPY_SOURCE) and _COPY_SOURCE not in headers:
        raise Unauthenticated(f"the header {_COPY_SOURCE} is not covered by the signature / 请求头未包含在签名中")


def _joined(values: dict[str, str]) -> str:
    return "&".join(f"{name}={encode_component(value)}" for name, value in sorted(values.items()))
