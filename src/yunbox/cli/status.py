"""``yunbox status``: what runs here."""

from __future__ import annotations

import click

from yunbox.cli.options import Target, connected


@click.command(help="Show the server: address, version, spaces. / 查看服务器状态")
@connected
def status(target: Target) -> None:
    import os

    from yunbox.cli.connection import default_data, running_endpoint

    given = target.endpoint or os.environ.get("YUNBOX_ENDPOINT")
    running = given or running_endpoint(target.data or default_data())
    with target.open() as api:
        found = api.get("status")
    content = {"running": bool(running), **found}
    if not running:
        content["pid"] = None

    def text() -> None:
        click.echo(f"running / 运行中     {'yes' if running else 'no'}")
        for name in ("endpoint", "console_url", "version", "mode", "data", "spaces", "functions", "profile"):
            click.echo(f"{name:18} {content[name]}")
        click.echo(f"{'isolation':18} {content['isolation']['level']}")
        for line in content["isolation"]["notes"]:
            click.echo(f"  {line}")

    target.show(content, text)
