"""``yunbox push``: messages that WeChat pushes, and the functions that get them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from yunbox.cli.app import read_secret
from yunbox.cli.options import Target, connected, in_space, json_argument
from yunbox.cli.output import table


@click.group(help="Messages and events that WeChat pushes to functions. / 消息推送")
def push() -> None:
    pass


def _of_app(command: Callable[..., Any]) -> Callable[..., Any]:
    option = click.option("--app-id", required=True, help="The WeChat app, added with `yunbox app add`. / 应用 ID")
    return option(in_space(connected(command)))


def _of_messages(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--type`` and ``--event``."""
    event = click.option("--event", default="", help="The Event, for messages of type event. / 事件类型")
    return click.option("--type", "kind", required=True, help="The MsgType: text, image, event … / 消息类型")(
        event(command)
    )


def _show(target: Target, shown: dict[str, Any]) -> None:
    def text() -> None:
        for name, label in (
            ("url", "URL"),
            ("token", "Token"),
            ("aes_key", "EncodingAESKey"),
            ("mode", "mode / 加密方式"),
        ):
            click.echo(f"{label:18} {shown[name]}")
        columns = [("type", "MsgType"), ("event", "Event"), ("space", "SPACE"), ("function", "FUNCTION")]
        table(shown["routes"], columns)

    target.show(shown, text)


@push.command("enable", help="Set up an app's push, or change it; prints what to enter at WeChat. / 开启消息推送")
@click.option("--token-file", type=click.Path(path_type=Path), help="A token of your own; default: a made one.")
@click.option(
    "--aes-key-file", type=click.Path(path_type=Path), help="An EncodingAESKey of your own; default: a made one."
)
@click.option("--mode", type=click.Choice(["plain", "compat", "safe"]), help="Encryption; default: safe. / 加密方式")
@_of_app
def enable(target: Target, token_file: Path | None, aes_key_file: Path | None, mode: str | None, app_id: str) -> None:
    content: dict[str, Any] = {"mode": mode} if mode else {}
    for name, file in (("token", token_file), ("aes_key", aes_key_file)):
        if file is not None:
            content[name] = read_secret(file)
    with target.open() as api:
        _show(target, api.put("spaces", target.space(api), "apps", "wechat", app_id, "push", content=content))


@push.command("show", help="Show what to enter at WeChat, and which function gets what. / 查看消息推送")
@_of_app
def show(target: Target, app_id: str) -> None:
    with target.open() as api:
        _show(target, api.get("spaces", target.space(api), "apps", "wechat", app_id, "push"))


@push.command("disable", help="End an app's push. / 关闭消息推送")
@_of_app
def disable(target: Target, app_id: str) -> None:
    with target.open() as api:
        done = api.delete("spaces", target.space(api), "apps", "wechat", app_id, "push")
    target.show(done, f"disabled {app_id} / 已关闭 {app_id}")


@push.command("route", help="Let a function get messages of a type. / 配置接收消息的云函数")
@click.argument("function")
@_of_messages
@click.option("--to-space", help="The function's space, when it is another one with this app. / 云函数所在空间")
@_of_app
def route(target: Target, function: str, kind: str, event: str, to_space: str | None, app_id: str) -> None:
    content = {"type": kind, "event": event, "function": function, **({"space": to_space} if to_space else {})}
    with target.open() as api:
        shown = api.put("spaces", target.space(api), "apps", "wechat", app_id, "push", "routes", content=content)
    _show(target, shown)


@push.command("unroute", help="Let no function get messages of a type any more. / 删除配置")
@_of_messages
@_of_app
def unroute(target: Target, kind: str, event: str, app_id: str) -> None:
    with target.open() as api:
        path = ("spaces", target.space(api), "apps", "wechat", app_id, "push", "routes")
        _show(target, api.request("DELETE", path, query={"type": kind, "event": event}))


@push.command("send", help="Hand a made-up message to its function, to try it. / 发送测试消息")
@_of_messages
@click.option("--openid", default="test-openid", show_default=True, help="Who sends it. / 发送者 openid")
@click.option("--content", default="", help="The text of a text message. / 文本内容")
@click.option("--fields", default="{}", help="More fields as JSON, @file or @-. / 其他字段")
@_of_app
def send(target: Target, kind: str, event: str, openid: str, content: str, fields: str, app_id: str) -> None:
    message = {"MsgType": kind, "FromUserName": openid, **({"Event": event} if event else {})}
    if kind == "text":
        message["Content"] = content
    message.update(json_argument(fields, "--fields"))
    with target.open(functions=True) as api:
        path = ("spaces", target.space(api), "apps", "wechat", app_id, "push", "send")
        done = api.post(*path, content={"message": message})

    def text() -> None:
        click.echo(
            f"{done['route']['space']}/{done['route']['function']}: {done['error'] or done['reply'] or 'success'}"
        )

    target.show(done, text)
