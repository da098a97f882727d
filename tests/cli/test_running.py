"""The log of a server in the foreground."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest

from yunbox.cli.running import log_to_stderr

FORGED = "unknown action `a\x00\x1b[2J\n10:00:00 INFO yunbox: all is well`"


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    """The root logger, as it was afterwards."""
    logger, ours = logging.getLogger(), logging.getLogger("yunbox")
    handlers, level, our_level = list(logger.handlers), logger.level, ours.level
    yield logger
    logger.handlers[:] = handlers
    logger.setLevel(level)
    ours.setLevel(our_level)


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_a_record_is_one_line(root: logging.Logger, capsys: pytest.CaptureFixture[str], log_format: str) -> None:
    log_to_stderr(log_format)
    logging.getLogger("yunbox.web").info("%s", FORGED)
    (line,) = capsys.readouterr().err.splitlines()
    if log_format == "json":
        assert json.loads(line)["message"] == FORGED
    else:
        assert r"`a\x00\x1b[2J\n10:00:00 INFO" in line
