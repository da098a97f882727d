"""``yunbox test-cloud``: clouds for the tests of other programs, such as those of the npm package ``yunbox/testing``."""

from __future__ import annotations

import click


@click.command(hidden=True, help="Test clouds over standard input and output. / 供测试使用的临时云环境")
def test_cloud() -> None:
    from yunbox.testing.stdio import serve

    serve()
