"""Single objects: store, read, copy and delete them."""

from __future__ import annotations

import re
from urllib.parse import unquote

from yunbox.errors import FileNotFound
from yunbox.files import check_key
from yunbox.http import Response
from yunbox.protocols.tcb.objects import kept_headers, send_file
from yunbox.protocols.tencentcloud import packages
from yunbox.protocols.tencentcloud.cos import xml
from yunbox.protocols.tencentcloud.cos.call import Call, moment
from yunbox.protocols.tencentcloud.cos.errors import ObjectError

_SOURCE = re.compile(
    r"(?P<bucket>[a-z0-9_-]+)\.cos(?:-internal)?\.[a-z0-9-]+\.(?:myqcloud\.com|tencentcos\.cn)/(?P<key>.+)"
)


async def put(call: Call) -> Response:
    """Store the body, or a copy of the object in ``x-cos-copy-source``."""
    if source := call.request.header("x-cos-copy-source"):
        return await _copy(call, source)
    if call.place.files is None:
        md5 = await packages.keep(call.place.space, call.key, call.stream())
        return Response(b"", 200, "", (("etag", f'"{md5}"'),))
    fields = lower_headers(call)
    ticket = call.place.files.prepare_upload(call.place.caller, check_key(call.key))
    stored = await call.place.files.receive(ticket, call.stream(), fields.get("content-type", ""), kept_headers(fields))
    return Response(b"", 200, "", (("etag", stored.etag),))


async def get(call: Call) -> Response | None:
    """The object, or the range of it that is asked for; for ``HEAD`` without its bytes."""
    with call.place.store.downloading(call.place.name) as sent:
        opened = call.place.store.open(call.place.name, call.key)
        try:
            return await send_file(call.request, opened, [], call.send, sent)
        finally:
            opened.reader.close()


async def delete(call: Call) -> Response:
    """Delete an object; one that is not there is no error, as in COS."""
    error = (await call.place.store.delete(call.place.caller, [call.key]))[call.key]
    if error is not None and not isinstance(error, FileNotFound):
        raise error
    return Response(b"", 204, "")


async def _copy(call: Call, source: str) -> Response:
    match = _SOURCE.fullmatch(source)
    if match is None:
        raise ObjectError(400, "InvalidArgument", "x-cos-copy-source is not BUCKET.cos.REGION.myqcloud.com/KEY")
    if match["bucket"] != call.place.bucket:
        raise ObjectError(403, "AccessDenied", "only objects of the same bucket can be copied / 仅支持桶内复制")
    copied = await call.place.store.copy(call.place.caller, unquote(match["key"]), check_key(call.key))
    return xml.write("CopyObjectResult", {"ETag": copied.etag, "LastModified": moment(copied.modified_at)})


def lower_headers(call: Call) -> dict[str, str]:
    """The request's headers; names are in lower case."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in call.request.headers}
