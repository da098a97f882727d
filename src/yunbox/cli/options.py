"""Options that many commands share."""

from __future__ import annotations

import contextlib
import functools
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from yunbox.cli.connection import Api, ApiError, connect
from yunbox.cli.output import fail, note, print_json
from yunbox.errors import InvalidRequest, YunboxError


@dataclass(frozen=True, slots=True)
class Target:
    """Where a command works, and how it prints."""

    endpoint: str | None
    data: Path | None
    as_json: bool
    wanted_space: str | None = None

    @contextlib.contextmanager
    def open(self, *, functions: bool = False) -> Iterator[Api]:
        """The server's API; ``functions`` when user code may run."""
        with connect(self.endpoint, self.data, functions=functions) as api:
            yield api

    def space(self, api: Api) -> str:
        """The space given by ``--space``, else the only one there is.

        Raises:
            InvalidRequest: when there are none or several.
        """
        if self.wanted_space is not None:
            return self.wanted_space
        found = [row["space_id"] for row in api.get("spaces")]
        if len(found) == 1:
            return str(found[0])
        if not found:
            raise InvalidRequest("there is no space yet; make one with `yunbox space create` / 还没有空间")
        raise InvalidRequest(f"which space? give --space with one of: {', '.join(found)} / 请用 --space 指定空间")

    def show(self, content: Any, text: str | Callable[[], None]) -> None:
        """Print a result: as JSON, or in words."""
        if self.as_json:
            print_json(content)
        elif callable(text):
            text()
        else:
            click.echo(text)

    def note(self, message: str) -> None:
        note(message)


def connected(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--endpoint``, ``--data`` and ``--json``; the command gets a :class:`Target` first. Errors end with status 1."""

    @click.option(
        "--endpoint", metavar="URL", help="The server to talk to; default: the one that runs here. / 服务器地址"
    )
    @click.option("--data", type=click.Path(path_type=Path), metavar="DIR", help="Data directory. / 数据目录")
    @click.option("--json", "as_json", is_flag=True, help="Print JSON. / 以 JSON 输出")
    @functools.wraps(command)
    def run(
        *args: Any, endpoint: str | None, data: Path | None, as_json: bool, space: str | None = None, **kwargs: Any
    ) -> Any:
        with failures(as_json):
            return command(Target(endpoint, data, as_json, space), *args, **kwargs)

    return run


@contextlib.contextmanager
def failures(as_json: bool) -> Iterator[None]:
    """End the program with status 1 and a message for whatever is known to go wrong."""
    try:
        yield
    except ApiError as error:
        fail(error.message, error.content, as_json=as_json)
    except YunboxError as error:
        fail(error.message, {"error": {"code": error.code, "message": error.message}}, as_json=as_json)
    except BrokenPipeError:
        raise  # click ends quietly when nobody reads any more
    except OSError as error:
        fail(str(error), as_json=as_json)
    except KeyboardInterrupt:
        raise SystemExit(130) from None


def in_space(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--space``; see :meth:`Target.space`."""
    return click.option(
        "--space",
        envvar="YUNBOX_SPACE",
        metavar="SPACE",
        help="The space; not needed when there is only one. / 空间 ID",
    )(command)


def json_argument(text: str, name: str) -> Any:
    """The JSON value in ``text``, or in the file ``@path``, or on standard input for ``@-``.

    Raises:
        InvalidRequest: when it is not JSON.
    """
    if text == "@-":
        text = sys.stdin.read()
    elif text.startswith("@"):
        text = Path(text[1:]).read_text(encoding="utf-8-sig")
    try:
        return json.loads(text)
    except ValueError as error:
        raise InvalidRequest(f"{name} is not valid JSON: {error} / {name} 不是合法的 JSON") from None
