"""The test kit as a project's own tests use it."""

from __future__ import annotations

import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import not_run
from tests.examples.test_examples import EXAMPLES, modules
from yunbox.errors import (
    CollectionNotFound,
    DuplicateKey,
    FunctionFailed,
    FunctionNotFound,
    InvalidRequest,
    LimitExceeded,
    PermissionDenied,
)
from yunbox.testing import Cloud, start_cloud
from yunbox.testing.places import package_cache

__all__ = ["modules"]
HERE = Path(__file__).resolve().parent
DAY = 86_400

CLOCK = "exports.main = async () => [Date.now(), new Date().getTime(), new Date(0).getTime(), Date.UTC(1970, 0)]"
WHO = "exports.main = async (event) => ({ event, openid: event.userInfo ? event.userInfo.openId : null })"
CONTEXT = "module.exports = async (ctx) => ctx.args.a + ctx.args.b"
BROKEN = "exports.main = async () => { console.log('on my way'); throw new Error('no luck') }"


@pytest.fixture(autouse=True)
def node() -> None:
    if shutil.which("node") is None:
        not_run("the test kit", "node is missing")


def write(place: Path, **functions: str) -> Path:
    for name, code in functions.items():
        (place / name).mkdir(parents=True)
        (place / name / "index.js").write_text(code, encoding="utf-8")
    return place


def refresh(cloud: Cloud, token: str) -> dict[str, Any]:
    body = {"action": "auth.fetchAccessTokenWithRefreshToken", "refresh_token": token, "dataVersion": "2020-01-10"}
    answer: dict[str, Any] = httpx.post(f"{cloud.endpoint}/web?env={cloud.space_id}", json=body).json()
    return answer


def test_documents_and_rules(yunbox_cloud: Cloud) -> None:
    ids = yunbox_cloud.seed({"todos": [{"text": "milk"}, {"text": "tea", "_openid": "ann"}], "empty": []})
    assert len(ids["todos"]) == 2
    ann, bob = yunbox_cloud.as_user("ann"), yunbox_cloud.as_user("bob")
    assert [one["text"] for one in ann.find("todos")] == ["tea"]
    assert bob.find("todos") == []
    [mine] = bob.insert("todos", {"text": "rice"})
    assert bob.find("todos", {"_id": mine}) == [{"_id": mine, "_openid": "bob", "text": "rice"}]
    assert ann.update("todos", {}, {"$set": {"done": True}}) == 1
    assert ann.remove("todos", {"text": "rice"}) == 0
    assert {one["text"] for one in yunbox_cloud.admin.find("todos")} == {"milk", "tea", "rice"}
    yunbox_cloud.set_rules("todos", "ADMINONLY")
    with pytest.raises(PermissionDenied):
        ann.find("todos")
    yunbox_cloud.set_rules("todos", {"read": "auth.openid == 'bob'"})
    assert len(bob.find("todos")) == 3
    assert ann.find("empty") == []
    with pytest.raises(CollectionNotFound):
        ann.find("nothing")


def test_functions_of_both_kinds(yunbox_cloud: Cloud, tmp_path: Path) -> None:
    empty = tmp_path / "none"
    empty.mkdir()
    (empty / "project.config.json").write_text("{}")
    directory = write(tmp_path / "some", who=WHO, add=CONTEXT, broken=BROKEN)
    assert yunbox_cloud.deploy(directory) == ["add", "broken", "who"]
    ann = yunbox_cloud.as_user("ann")
    assert ann.call("who", {"n": 1})["openid"] == "ann"
    assert ann.call("add", {"a": 1, "b": 2}) == 3
    assert yunbox_cloud.admin.call("who")["openid"] is None
    with pytest.raises(FunctionFailed, match="no luck") as failed:
        ann.call("broken")
    assert [line.text for line in failed.value.data["logs"]] == ["on my way"]
    with pytest.raises(FunctionNotFound):
        ann.call("nothing")
    with pytest.raises(InvalidRequest, match="no functions"):
        yunbox_cloud.deploy(empty)


def test_rules_of_functions_and_files(yunbox_cloud: Cloud, tmp_path: Path) -> None:
    yunbox_cloud.deploy(write(tmp_path, who=WHO))
    yunbox_cloud.set_function_rules({"*": {"invoke": "auth.openid == 'ann'"}})
    assert yunbox_cloud.as_user("ann").call("who")["openid"] == "ann"
    with pytest.raises(PermissionDenied, match="is not true"):
        yunbox_cloud.as_user("bob").call("who")
    assert yunbox_cloud.admin.call("who")["openid"] is None
    yunbox_cloud.set_storage_rules({"read": True, "write": "auth.openid == 'ann'"})
    yunbox_cloud.as_user("ann").upload("a.txt", b"1")
    with pytest.raises(PermissionDenied):
        yunbox_cloud.as_user("bob").upload("b.txt", b"1")


def test_functions_see_the_clock(yunbox_cloud: Cloud, tmp_path: Path) -> None:
    yunbox_cloud.deploy(write(tmp_path, clock=CLOCK))
    yunbox_cloud.advance(30 * DAY)
    now, also_now, epoch, also_epoch = yunbox_cloud.admin.call("clock")
    assert abs(now / 1000 - yunbox_cloud.now()) < 5
    assert abs(also_now - now) < 1000
    assert epoch == also_epoch == 0
    assert yunbox_cloud.now() - datetime.now(UTC).timestamp() == pytest.approx(30 * DAY, abs=5)


def test_sessions_expire(yunbox_cloud: Cloud) -> None:
    token = yunbox_cloud.token("ann")["refresh_token"]
    assert refresh(yunbox_cloud, token)["access_token"]
    yunbox_cloud.advance(29 * DAY)
    assert refresh(yunbox_cloud, token)["access_token"]
    yunbox_cloud.advance(31 * DAY)
    assert "access_token" not in refresh(yunbox_cloud, token)


def test_documents_expire(yunbox_cloud: Cloud) -> None:
    now = datetime.now(UTC)
    yunbox_cloud.seed({"codes": [{"n": 1, "at": now}, {"n": 2, "at": now + timedelta(days=2)}]})
    yunbox_cloud.create_index("codes", "at", expire_after_seconds=3600)
    yunbox_cloud.advance(3000)
    assert len(yunbox_cloud.admin.find("codes")) == 2
    yunbox_cloud.advance(1000)
    assert [one["n"] for one in yunbox_cloud.admin.find("codes")] == [2]


def test_links_expire(yunbox_cloud: Cloud) -> None:
    ann = yunbox_cloud.as_user("ann")
    ann.upload("notes/a.txt", b"hello")
    url = ann.temporary_url("notes/a.txt", seconds=60)
    with urllib.request.urlopen(url) as answer:
        assert answer.read() == b"hello"
    yunbox_cloud.set_storage_rules("PRIVATE")
    yunbox_cloud.advance(61)
    assert httpx.get(url).status_code == 403


def test_dates_in_queries_follow_the_clock(yunbox_cloud: Cloud) -> None:
    yunbox_cloud.seed({"events": [{"at": datetime.now(UTC) + timedelta(hours=1)}]})
    past = {"$expr": {"$lt": ["$at", "$$NOW"]}}
    assert yunbox_cloud.admin.find("events", past) == []
    yunbox_cloud.advance(7200)
    assert len(yunbox_cloud.admin.find("events", past)) == 1
    yunbox_cloud.admin.update("events", {}, {"$currentDate": {"seen": True}})
    seen = yunbox_cloud.admin.find("events")[0]["seen"]
    assert seen.timestamp() == pytest.approx(yunbox_cloud.now(), abs=5)


def test_a_whole_project_through_a_month(yunbox_cloud: Cloud, tmp_path: Path, modules: Path) -> None:
    """The nightly timer of the example runs each night, with the SDK's signatures made by the moved clock."""
    project = tmp_path / "todo"
    shutil.copytree(EXAMPLES / "todo-wechat", project)
    for directory in (project / "cloudfunctions").iterdir():
        (directory / "node_modules").symlink_to(modules, target_is_directory=True)
    assert "cleanup" in yunbox_cloud.deploy(project)
    now = datetime.now(UTC)
    yunbox_cloud.seed({"todos": [{"text": "old", "done": True, "doneAt": now}, {"text": "open", "done": False}]})
    yunbox_cloud.advance(29 * DAY)
    assert len(yunbox_cloud.admin.find("todos")) == 2
    yunbox_cloud.advance(3 * DAY)
    assert [one["text"] for one in yunbox_cloud.admin.find("todos")] == ["open"]


def test_a_timer_runs_at_each_of_its_moments(yunbox_cloud: Cloud, tmp_path: Path) -> None:
    write(tmp_path, tick="exports.main = async (event) => event.Time")
    (tmp_path / "tick" / "config.json").write_text(
        '{"triggers": [{"name": "hourly", "type": "timer", "config": "0 0 * * * * *"}]}'
    )
    yunbox_cloud.deploy(tmp_path / "tick")
    yunbox_cloud.advance(6 * 3600)
    moments = [run.started_at / 1000 for run in yunbox_cloud.runs("tick")]
    assert len(moments) == 6
    assert all(moment % 3600 < 60 for moment in moments)


def test_too_many_runs_are_refused(yunbox_cloud: Cloud, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("yunbox.testing.ephemeral.MOST_RUNS", 3)
    write(tmp_path, tick="exports.main = async () => 1")
    (tmp_path / "tick" / "config.json").write_text(
        '{"triggers": [{"name": "t", "type": "timer", "config": "0 * * * * * *"}]}'
    )
    yunbox_cloud.deploy(tmp_path)
    with pytest.raises(LimitExceeded, match="smaller steps"):
        yunbox_cloud.advance(3600)
    with pytest.raises(InvalidRequest, match="forward"):
        yunbox_cloud.advance(-1)


@pytest.fixture
def pair() -> Iterator[tuple[Cloud, Cloud]]:
    with start_cloud() as one, start_cloud("named") as other:
        yield one, other


def test_two_clouds_share_nothing(pair: tuple[Cloud, Cloud]) -> None:
    one, other = pair
    assert other.space_id == "named"
    assert one.endpoint != other.endpoint
    assert not set(one.keys.values()) & set(other.keys.values())
    one.seed({"a": [{"n": 1}]})
    other.seed({"a": []})
    assert other.admin.find("a") == []
    one.advance(DAY)
    assert one.now() - other.now() == pytest.approx(DAY, abs=5)
    answer = refresh(other, one.token("ann")["refresh_token"])
    assert "access_token" not in answer


def test_nothing_is_left_behind() -> None:
    with start_cloud() as cloud:
        data = cloud.directory
        assert data.is_dir()
    assert not data.exists()
    assert not package_cache().is_relative_to(data)
    with pytest.raises(InvalidRequest):
        start_cloud("Not An Id")


def test_a_cloud_that_was_not_closed_ends_with_its_process() -> None:
    script = (
        "from yunbox.testing import start_cloud; cloud = start_cloud(); cloud.seed({'a': []}); print(cloud.directory)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert not Path(done.stdout.strip()).exists()
    assert done.stderr == ""


def test_the_fixture_comes_with_the_package(tmp_path: Path) -> None:
    """Two processes of pytest at the same time, each with clouds of its own."""
    (tmp_path / "test_it.py").write_text(
        "def test_one(yunbox_cloud):\n"
        "    yunbox_cloud.seed({'a': [{'n': 1}]})\n"
        "    assert yunbox_cloud.as_user('ann').find('a') == []\n"
        "def test_two(yunbox_cloud):\n"
        "    yunbox_cloud.seed({'a': []})\n"
        "    assert yunbox_cloud.admin.find('a') == []\n"
    )
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:asyncio",
        "-p",
        "no:hypothesispytest",
    ]
    runs = [subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    for run in runs:
        output, _ = run.communicate(timeout=120)
        assert "2 passed" in output, output


def test_unique_indexes_hold(yunbox_cloud: Cloud) -> None:
    yunbox_cloud.create_index("users", "phone", unique=True)
    yunbox_cloud.seed({"users": [{"phone": "1"}]})
    with pytest.raises(DuplicateKey):
        yunbox_cloud.as_user("ann").insert("users", {"phone": "1"})
