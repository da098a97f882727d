"""The XML that COS speaks: small trees, read without entities and written by hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from yunbox.http import Response
from yunbox.protocols.tencentcloud.cos.errors import ObjectError

Value = str | int | bool | Mapping[str, Any] | Iterable[Any]


def read(body: bytes) -> ElementTree.Element:
    """The root of a document.

    Raises:
        ObjectError: ``MalformedXML`` when it is none, or declares entities.
    """
    try:
        text = body.decode()  # which leaves no other encoding to hide a declaration in
        if "<!DOCTYPE" in text:
            raise _malformed("it declares entities")
        return ElementTree.fromstring(text)
    except (ElementTree.ParseError, UnicodeDecodeError) as error:
        raise _malformed(str(error)) from None


def text(element: ElementTree.Element, path: str) -> str:
    """The text at ``path``, or ``""``."""
    return (element.findtext(path) or "").strip()


def write(name: str, content: Mapping[str, Value]) -> Response:
    """An answer with one document. Lists repeat their element."""
    body = f"<?xml version='1.0' encoding='utf-8' ?>\n{_element(name, content)}"
    return Response(body.encode("utf-8", "replace"), 200, "application/xml")


def _element(name: str, value: Any) -> str:
    if isinstance(value, Mapping):
        return f"<{name}>{''.join(_element(child, inner) for child, inner in value.items())}</{name}>"
    if isinstance(value, list):
        return "".join(_element(name, item) for item in value)
    if isinstance(value, bool):
        return f"<{name}>{str(value).lower()}</{name}>"
    return f"<{name}>{escape(str(value))}</{name}>"


def _malformed(why: str) -> ObjectError:
    return ObjectError(400, "MalformedXML", f"the body is not the expected XML: {why} / XML 格式错误")
