"""``yunbox serve``: the server for real use."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from yunbox.cli.connection import serve_data
from yunbox.cli.options import failures
from yunbox.cli.output import note
from yunbox.cli.running import log_to_stderr, run_server, setting_options


@click.command(help="Run the server. / 启动服务器")
@click.option(
    "--data", envvar="YUNBOX_DATA", type=click.Path(path_type=Path), metavar="DIR", help="Data directory. / 数据目录"
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object when ready. / 就绪后输出一行 JSON")
@setting_options
def serve(data: Path | None, as_json: bool, **flags: Any) -> None:
    from yunbox.app import create_app
    from yunbox.settings import load_settings

    with failures(as_json):
        settings = load_settings(data or serve_data(), "serve", flags)
        log_to_stderr(settings.log_format)
        app = create_app(settings)

        async def announce() -> None:
            public = app.services.address.public
            ready = {"endpoint": public, "console_url": f"{public}/console/"}
            if as_json:
                click.echo(json.dumps(ready))
                return
            click.echo(f"yunbox is serving / 服务已启动: {public}")
            click.echo(f"console / 控制台: {ready['console_url']}")
            click.echo(f"data / 数据目录: {settings.data.resolve()}")
            for line in (await app.services.functions.isolation()).notes:
                note(line)

        run_server(app, announce)
