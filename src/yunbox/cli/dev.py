"""``yunbox dev``: a project's cloud on this machine."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import click

from yunbox.cli.connection import DEV_DATA
from yunbox.cli.options import failures
from yunbox.cli.running import log_to_stderr, run_server, setting_options


@click.command(
    help="Run the cloud of the mini-program project in PROJECT (default: here). / 在本机运行小程序项目的云端"
)
@click.argument("directory", metavar="[PROJECT]", type=click.Path(path_type=Path), default=".")
@click.option(
    "--data", envvar="YUNBOX_DATA", type=click.Path(path_type=Path), metavar="DIR", help="Data directory. / 数据目录"
)
@click.option("--space", help="The space's id; default: what the project names. / 空间 ID")
@click.option("--ephemeral", is_flag=True, help="Keep nothing: data goes when the server stops. / 退出后不保留数据")
@click.option(
    "--create-collections", is_flag=True, help="Make the collections that the code uses. / 自动创建代码用到的集合"
)
@click.option("--watch/--no-watch", default=True, help="Reload functions when files change. / 代码变更时自动重新加载")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object when ready. / 就绪后输出一行 JSON")
@setting_options
def dev(
    directory: Path,
    data: Path | None,
    space: str | None,
    ephemeral: bool,
    create_collections: bool,
    watch: bool,
    as_json: bool,
    **flags: Any,
) -> None:
    from yunbox.app import create_app
    from yunbox.cli.development import Development
    from yunbox.projects import find_project
    from yunbox.settings import load_settings

    with failures(as_json):
        project = find_project(directory)
        place = Path(tempfile.mkdtemp(prefix="yunbox-")) if ephemeral else data or DEV_DATA
        try:
            settings = load_settings(place, "dev", flags)
            log_to_stderr(settings.log_format)
            development = Development(create_app(settings), project, space or project.space_id)

            async def work() -> None:
                async with development.watching() if watch else contextlib.nullcontext():
                    ready = await development.bring_up(create_collections)
                    if as_json:
                        click.echo(json.dumps(ready, ensure_ascii=False))
                    else:
                        development.show(ready)
                    if watch:
                        await development.follow()

            run_server(development.app, work)
        finally:
            if ephemeral:
                shutil.rmtree(place, ignore_errors=True)
