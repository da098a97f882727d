"""Messages in WeChat's two formats: what a function is given, and what it answers (FN-23)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal
from xml.etree import ElementTree

import orjson

from yunbox.errors import InvalidRequest

Format = Literal["json", "xml"]
SUCCESS = b"success"
_FIRST = ("ToUserName", "FromUserName", "CreateTime", "MsgType")


def read(body: bytes) -> tuple[Format, dict[str, Any]]:
    """The fields of a message.

    Raises:
        InvalidRequest: when it is neither a JSON object nor ``<xml>``.
    """
    text = body.strip()
    return ("json", _read_json(text)) if text.startswith(b"{") else ("xml", _read_xml(text))


def _read_json(body: bytes) -> dict[str, Any]:
    try:
        fields = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise InvalidRequest("the message is not JSON / 消息格式错误") from None
    assert isinstance(fields, dict)
    return fields


def _read_xml(body: bytes) -> dict[str, Any]:
    try:
        text = body.decode()  # which leaves no other encoding to hide a declaration in
        if "<!DOCTYPE" in text:
            raise InvalidRequest("the message declares entities / 消息格式错误")
        value = _value(ElementTree.fromstring(text))
    except (ElementTree.ParseError, ValueError, RecursionError):
        raise InvalidRequest("the message is neither JSON nor XML / 消息格式错误") from None
    return value if isinstance(value, dict) else {}


def _value(element: ElementTree.Element) -> Any:
    """Text, or an object of the elements inside; a list where several have one name."""
    if not len(element):
        return element.text or ""
    found: dict[str, Any] = {}
    for child in element:
        value = _value(child)
        if child.tag not in found:
            found[child.tag] = value
        elif isinstance(found[child.tag], list):
            found[child.tag].append(value)
        else:
            found[child.tag] = [found[child.tag], value]
    return found


def event_of(fields: Mapping[str, Any]) -> dict[str, Any]:
    """A message as a function gets it: JSON in either format, the time a number, the id (longer than JavaScript's whole
    numbers) text.
    """
    event = {name: value for name, value in fields.items() if name != "Encrypt"}
    if isinstance(created := event.get("CreateTime"), str) and created.isascii() and created.isdigit():
        event["CreateTime"] = int(created)
    if isinstance(number := event.get("MsgId"), int):
        event["MsgId"] = str(number)
    return event


def reply_to(event: Mapping[str, Any], result: Any, now: int) -> dict[str, Any] | None:
    """What a function's result answers: an object with a ``MsgType`` is a passive reply or a transfer to customer service,
    completed with who it is from and to; anything else (``'success'``, nothing) answers that the message has arrived.
    """
    if not isinstance(result, dict) or not isinstance(result.get("MsgType"), str):
        return None
    completed = {"ToUserName": event.get("FromUserName", ""), "FromUserName": event.get("ToUserName", "")}
    reply = {**completed, "CreateTime": now, **result}
    if isinstance(articles := reply.get("Articles"), list):
        reply.setdefault("ArticleCount", len(articles))
    return {**{name: reply[name] for name in _FIRST}, **reply}


def write(format: Format, fields: Mapping[str, Any]) -> bytes:
    """A reply in the format in which the message came."""
    if format == "json":
        return orjson.dumps(fields)
    return f"<xml>{_elements(fields)}</xml>".encode()


def _elements(fields: Mapping[str, Any]) -> str:
    return "".join(f"<{name}>{_content(value)}</{name}>" for name, value in fields.items() if _is_name(name))


def _content(value: Any) -> str:
    if isinstance(value, Mapping):
        return _elements(value)
    if isinstance(value, list):
        return "".join(f"<item>{_content(item)}</item>" for item in value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    text = "".join(char for char in str(value) if char >= " " or char in "\n\t")
    return "<![CDATA[" + text.replace("]]>", "]]]]><![CDATA[>") + "]]>"


def _is_name(name: str) -> bool:
    return name.isidentifier() and name.isascii()
