"""``yunbox app``: the platform apps whose users may sign in to a space."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from yunbox.cli.options import Target, connected, in_space
from yunbox.cli.output import table
from yunbox.errors import InvalidRequest

_PROVIDERS = click.Choice(["wechat", "wechat_web", "wechat_public", "alipay", "dingtalk", "developer"])


@click.group(help="Platform apps whose users may sign in. / 小程序应用登记")
def app() -> None:
    pass


@app.command("add", help="Register an app; its secret comes from a file or standard input. / 登记应用")
@click.option("--provider", type=_PROVIDERS, required=True, help="The platform. / 平台")
@click.option("--app-id", required=True, help="The app's id. / 应用 ID")
@click.option(
    "--secret-file",
    type=click.Path(path_type=Path),
    help="WeChat's or DingTalk's app secret, Alipay's private key; - is standard input. / 密钥文件",
)
@in_space
@connected
def add(target: Target, provider: str, app_id: str, secret_file: Path | None) -> None:
    secret = read_secret(secret_file)
    if provider == "developer":
        target.note(
            "with the developer provider anyone can sign in as anyone / 开启 developer 登录后，任何人都可以以任意身份登录"
        )
    with target.open() as api:
        content: dict[str, Any] = {"secret": secret} if secret else {}
        added = api.put("spaces", target.space(api), "apps", provider, app_id, content=content)
    target.show(added, f"registered {provider} app {app_id} / 已登记 {app_id}")


def read_secret(file: Path | None) -> str:
    """The text of a file, or of standard input for ``-``; ``""`` without one.

    Raises:
        InvalidRequest: when it is empty.
    """
    if file is None:
        return ""
    text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8-sig")
    if not text.strip():
        raise InvalidRequest("the secret is empty / 密钥为空")
    return text.strip()


@app.command("list", help="List registered apps. / 列出应用")
@in_space
@connected
def list_apps(target: Target) -> None:
    with target.open() as api:
        rows = api.get("spaces", target.space(api), "apps")
    target.show(rows, lambda: table(rows, [("provider", "PROVIDER"), ("app_id", "APP"), ("has_secret", "SECRET")]))


@app.command("delete", help="Forget an app. / 删除应用")
@click.option("--provider", type=_PROVIDERS, required=True, help="The platform. / 平台")
@click.option("--app-id", required=True, help="The app's id. / 应用 ID")
@in_space
@connected
def delete(target: Target, provider: str, app_id: str) -> None:
    with target.open() as api:
        deleted = api.delete("spaces", target.space(api), "apps", provider, app_id)
    target.show(deleted, f"deleted {app_id} / 已删除 {app_id}")
