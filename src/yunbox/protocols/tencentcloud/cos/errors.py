"""Failures in the form of COS."""

from __future__ import annotations

import secrets
from xml.sax.saxutils import escape

from yunbox.errors import YunboxError
from yunbox.http import Response

_CODES: dict[str, tuple[int, str]] = {
    "unauthenticated": (403, "SignatureDoesNotMatch"),
    "permission_denied": (403, "AccessDenied"),
    "file_not_found": (404, "NoSuchKey"),
    "space_not_found": (404, "NoSuchBucket"),
    "not_found": (404, "NoSuchBucket"),
    "already_exists": (409, "FileAlreadyExists"),
    "limit_exceeded": (400, "EntityTooLarge"),
    "quota_exceeded": (403, "AccessDenied"),
    "invalid_request": (400, "InvalidArgument"),
}


class ObjectError(YunboxError):
    """An answer with a ``Code`` of COS and its HTTP status."""

    def __init__(self, status: int, cos_code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.cos_code = cos_code


def failure(error: YunboxError, resource: str) -> Response:
    """``error`` as XML, with the four elements that SDKs look for."""
    if isinstance(error, ObjectError):
        status, code = error.status, error.cos_code
    else:
        status, code = _CODES.get(error.code, (500, "InternalError"))
    trace = secrets.token_hex(12)
    text = (
        "<?xml version='1.0' encoding='utf-8' ?>\n"
        f"<Error>\n\t<Code>{code}</Code>\n\t<Message>{escape(error.message)}</Message>\n"
        f"\t<Resource>{escape(resource)}</Resource>\n\t<RequestId>{trace}</RequestId>\n\t<TraceId>{trace}</TraceId>\n</Error>\n"
    )
    return Response(text.encode(), status, "application/xml", (("x-cos-request-id", trace),))


def not_implemented(what: str) -> ObjectError:
    return ObjectError(501, "NotImplemented", f"{what} is not done here / 不支持此操作")
