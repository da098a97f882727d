"""``ctx.httpclient`` beside the real urllib 2.44: the same requests, answers, errors (FA-3)."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

import yunbox
from tests.conftest import not_run

HERE = Path(__file__).resolve().parent
HTTPCLIENT = Path(yunbox.__file__).parent / "runtimes" / "node" / "httpclient.js"


@pytest.fixture(scope="module")
def pairs() -> dict[str, list[object]]:
    """What each case gave, ours and urllib's."""
    if shutil.which("node") is None or not (HERE / "node_modules" / "urllib").is_dir():
        not_run("urllib in Node", "node or tests/compat/node_modules is missing; run `make`")
    command = ["node", str(HERE / "js" / "httpclient_pair.js"), str(HTTPCLIENT)]
    done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    results: dict[str, list[object]] = json.loads(done.stdout.splitlines()[-1])
    return results


def test_same_as_urllib(pairs: dict[str, list[object]]) -> None:
    assert len(pairs) > 40
    assert {name: ours for name, (ours, _) in pairs.items()} == {name: theirs for name, (_, theirs) in pairs.items()}


def test_errors_have_names_that_functions_look_at(pairs: dict[str, list[object]]) -> None:
    names = {name: ours["name"] for name, (ours, _) in pairs.items() if isinstance(ours, dict) and "name" in ours}
    assert names == {
        "notJson": "JSONResponseFormatError",
        "tooMany": "MaxRedirectError",
        "timeout": "ResponseTimeoutError",
        "timeouts": "ResponseTimeoutError",
        "refused": "RequestError",
        "addressRefused": "IllegalAddressError",
        "nameRefused": "IllegalAddressError",
    }
