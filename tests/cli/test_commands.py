"""The command line's stable contract (docs/cli.md): every verb against a live server."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from tests.cli.conftest import CommandLine
from yunbox import __version__
from yunbox.cli.program import program

KEYS = {
    "space_id",
    "endpoint",
    "client_secret",
    "server_private_key",
    "secret_id",
    "secret_key",
    "access_key_id",
    "access_key_secret",
}
Write = Callable[[str, str], Path]


def test_version_needs_no_imports() -> None:
    code = (
        "import sys; sys.argv[1:] = ['--version']; import yunbox.cli; yunbox.cli.main(); print('click' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["yunbox", __version__, "False"]


def test_space_create(yunbox: CommandLine) -> None:
    made = yunbox.json("space", "create", "cli-made")
    assert set(made) == KEYS
    assert made["space_id"] == "cli-made"
    assert not made["endpoint"].endswith("/")
    assert made["server_private_key"].startswith("-----BEGIN PRIVATE KEY-----\n")
    assert yunbox.failure("space", "create", "cli-made")["error"]["code"] == "already_exists"
    assert yunbox.failure("space", "create", "Bad Name")["error"]["code"] == "invalid_request"
    assert made["client_secret"] == yunbox.json("space", "show", "cli-made")["client_secret"]
    assert "cli-made" in [row["space_id"] for row in yunbox.json("space", "list")]
    assert yunbox.json("space", "delete", "cli-made") == {"deleted": "cli-made"}
    assert yunbox.failure("space", "show", "cli-made")["error"]["code"] == "space_not_found"


def test_space_create_without_a_name_and_in_words(yunbox: CommandLine) -> None:
    text = yunbox.text("space", "create")
    assert "space_id" in text
    assert "PRIVATE KEY" not in text


def test_space_set(yunbox: CommandLine) -> None:
    space = yunbox.space.id
    assert yunbox.json("space", "set", space, "client_create_collections=false", "cors_origins=https://a.example") == {
        **yunbox.json("space", "show", space)["settings"],
        "client_create_collections": False,
        "cors_origins": "https://a.example",
    }
    assert yunbox.json("space", "set", space, "cors_origins=")["cors_origins"] == "*"
    error = yunbox.failure("space", "set", space, "cors_origin=x")["error"]
    assert "did you mean `cors_origins`" in error["message"]
    assert yunbox.failure("space", "set", space, "novalue")["error"]["code"] == "invalid_request"


def test_app(yunbox: CommandLine, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("s3cret\n")
    yunbox.json("app", "add", "--provider", "wechat", "--app-id", "wx1", "--secret-file", str(secret))
    yunbox.json("app", "add", "--provider", "alipay", "--app-id", "2021", "--secret-file", "-", stdin="pem")
    listed = yunbox.text("app", "list", "--json")
    assert "s3cret" not in listed
    assert [row["app_id"] for row in json.loads(listed)] == ["wx1", "2021"]
    missing = yunbox.failure("app", "add", "--provider", "dingtalk", "--app-id", "d")
    assert "--secret-file" in missing["error"]["message"]
    yunbox.json("app", "delete", "--provider", "wechat", "--app-id", "wx1")
    assert [row["app_id"] for row in yunbox.json("app", "list")] == ["2021"]


def test_functions(yunbox: CommandLine, function: Write, tmp_path: Path) -> None:
    source = function("hello", "exports.main = async (event) => { console.log('hi', event.a); return { got: event } }")
    deployed = yunbox.json("functions", "deploy", str(source))
    assert [(item["name"], item["version"]) for item in deployed["deployed"]] == [("hello", 1)]
    answer = yunbox.json("functions", "invoke", "hello", "--data", '{"a": 1}')
    assert set(answer) == {"result", "request_id", "duration_ms", "cold", "logs"}
    assert answer["result"]["got"]["a"] == 1
    assert [line["text"] for line in answer["logs"]] == ["hi 1"]
    event = tmp_path / "event.json"
    event.write_text('{"a": "文"}', encoding="utf-8")
    as_user = yunbox.json("functions", "invoke", "hello", "--data", f"@{event}", "--openid", "ann")
    assert as_user["result"]["got"]["userInfo"]["openId"] == "ann"
    assert as_user["result"]["got"]["a"] == "文"
    (record, *_) = yunbox.json("functions", "logs", "hello")
    assert set(record) == {
        *("request_id", "function", "version", "started_at", "duration_ms", "cold", "status", "caller", "lines"),
    }
    assert record["request_id"] == as_user["request_id"]
    assert yunbox.json("functions", "env", "hello", "A=1", "B=2") == {"A": "1", "B": "2"}
    assert yunbox.json("functions", "env", "hello", "A=") == {"B": "2"}
    assert [row["name"] for row in yunbox.json("functions", "list")] == ["hello"]
    (source / "index.js").write_text("exports.main = async () => 'second'")
    yunbox.json("functions", "deploy", str(source.parent))
    assert yunbox.json("functions", "invoke", "hello")["result"] == "second"
    assert yunbox.json("functions", "rollback", "hello")["version"] == 1
    yunbox.json("functions", "download", "hello", str(tmp_path / "out"))
    assert "got: event" in (tmp_path / "out" / "hello" / "index.js").read_text()
    assert yunbox.json("functions", "delete", "hello") == {"deleted": "hello"}
    assert yunbox.failure("functions", "invoke", "hello")["error"]["code"] == "function_not_found"


def test_failing_function(yunbox: CommandLine, function: Write) -> None:
    source = function("boom", "exports.main = async () => { console.error('before'); throw new Error('no milk') }")
    yunbox.json("functions", "deploy", str(source))
    answer = yunbox.failure("functions", "invoke", "boom")
    assert answer["error"]["code"] == "function_failed"
    assert "no milk" in answer["error"]["message"]
    assert answer["request_id"]
    assert [line["text"] for line in answer["logs"]] == ["before"]
    (record,) = yunbox.json("functions", "logs", "--status", "failure")
    assert record["status"] == "threw"


def test_timer(yunbox: CommandLine, function: Write) -> None:
    source = function("tick", "exports.main = async (event) => event")
    (source / "config.json").write_text('{"triggers": [{"name": "t1", "type": "timer", "config": "0 0 3 * * * *"}]}')
    yunbox.json("functions", "deploy", str(source))
    assert yunbox.json("functions", "invoke", "tick", "--timer", "t1")["result"]["TriggerName"] == "t1"
    assert yunbox.failure("functions", "invoke", "tick", "--timer", "t2")["error"]["code"] == "not_found"


def test_one_bad_function_does_not_stop_the_others(yunbox: CommandLine, function: Write) -> None:
    good = function("good", "exports.main = async () => 1")
    (function("bad", "exports.main = async () => 1") / "config.json").write_text('{"timeout": -1}')
    answer = yunbox.failure("functions", "deploy", str(good.parent))
    assert [item["name"] for item in answer["deployed"]] == ["good"]
    assert list(answer["failed"]) == ["bad"]


def test_users(yunbox: CommandLine) -> None:
    session = yunbox.json("users", "token", "--openid", "ann")
    assert set(session) == {"user_id", "openid", "access_token", "refresh_token", "expires_in"}
    assert session["openid"] == "ann"
    assert [row["openid"] for row in yunbox.json("users", "list")] == ["ann"]


def test_user_accounts(yunbox: CommandLine, tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("Passw0rd!\n")
    user = yunbox.json("users", "create", "alice", "--password-file", str(password))
    assert (user["username"], user["disabled"]) == ("alice", False)
    again = yunbox.failure("users", "create", "alice", "--password-file", str(password))
    assert again["error"]["code"] == "already_exists"
    assert yunbox.json("users", "disable", user["user_id"])["disabled"] is True
    assert yunbox.json("users", "enable", user["user_id"])["disabled"] is False
    assert yunbox.json("users", "delete", user["user_id"]) == {"deleted": user["user_id"]}
    assert yunbox.failure("users", "disable", user["user_id"])["error"]["code"] == "not_found"


def test_ticket_key(yunbox: CommandLine) -> None:
    key = yunbox.json("users", "ticket-key")
    assert set(key) == {"private_key_id", "private_key", "env_id"}
    assert "private_key_id" in yunbox.text("users", "ticket-key")


def test_documents(yunbox: CommandLine, tmp_path: Path) -> None:
    lines = tmp_path / "todos.jsonl"
    lines.write_text(
        '{"_id": "a", "n": 1, "at": {"$date": "2018-08-31T17:30:00.882Z"}}\n{"_id": "b", "n": 2}\nnonsense\n'
    )
    assert yunbox.failure("db", "import", "todos", str(lines))["error"]["code"] == "collection_not_found"
    yunbox.json("db", "create", "todos", "users")
    report = yunbox.failure("db", "import", "todos", str(lines))
    assert (report["inserted"], report["failed"], report["errors"][0]["line"]) == (2, 1, 3)
    lines.write_text('[{"_id": "a", "n": 10, "at": {"$date": 1535736600882}}, {"_id": "c", "n": 3}]')
    report = yunbox.json("db", "import", "todos", str(lines), "--mode", "upsert")
    assert (report["inserted"], report["updated"], report["failed"]) == (1, 1, 0)
    assert yunbox.json("db", "query", "todos", '{"n": {"$gte": 3}}', "--sort", '{"n": -1}') == [
        {"_id": "a", "n": 10, "at": {"$date": "2018-08-31T17:30:00.882Z"}},
        {"_id": "c", "n": 3},
    ]
    assert yunbox.json("db", "query", "todos", "--count") == {"count": 3}
    total = yunbox.json("db", "query", "todos", "--pipeline", '[{"$group": {"_id": null, "n": {"$sum": "$n"}}}]')
    assert total == [{"_id": None, "n": 15}]
    assert {row["name"]: row["count"] for row in yunbox.json("db", "collections")} == {"todos": 3, "users": 0}
    exported = yunbox.text("db", "export", "todos").splitlines()
    assert json.loads(exported[0]) == {"_id": "a", "n": 10, "at": {"$date": "2018-08-31T17:30:00.882Z"}}
    out = tmp_path / "out.csv"
    assert yunbox.json("db", "export", "todos", str(out), "--fields", "_id,n")["exported"] == 3
    assert out.read_text() == "_id,n\na,10\nb,2\nc,3\n"
    assert yunbox.json("db", "import", "users", str(out))["inserted"] == 3
    assert yunbox.json("db", "query", "users", '{"n": 10}') == [{"_id": "a", "n": 10}]
    yunbox.json("db", "drop", "users")
    assert yunbox.failure("db", "query", "users")["error"]["code"] == "collection_not_found"
    assert yunbox.failure("db", "query", "todos", "{nope")["error"]["code"] == "invalid_request"
    assert yunbox.failure("db", "query", "todos", '{"n": {"$nope": 1}}')["error"]["number"] == 2


def test_indexes(yunbox: CommandLine) -> None:
    yunbox.json("db", "create", "c")
    assert yunbox.json("db", "index", "create", "c", "n:-1", "--unique", "--name", "by_n") == {"name": "by_n"}
    assert [row["name"] for row in yunbox.json("db", "index", "list", "c")] == ["_id_", "by_n"]
    yunbox.json("db", "import", "c", "-", stdin='{"_id": 1, "n": 1}')
    report = yunbox.run("db", "import", "c", "-", "--json", stdin='{"_id": 2, "n": 1}\n{"_id": 3, "n": 3}')
    assert report.exit_code == 1
    assert json.loads(report.stdout)["inserted"] == 1
    yunbox.json("db", "index", "drop", "c", "by_n")
    assert [row["name"] for row in yunbox.json("db", "index", "list", "c")] == ["_id_"]


def test_rules_from_files(yunbox: CommandLine, tmp_path: Path) -> None:
    listed, policies, nothing = (tmp_path / name for name in ("app.yaml", "more.json", "empty.yaml"))
    listed.write_text("- collectionName: posts\n  rules: {read: openid, add: openid, update: false}\n")
    policies.write_text('{"notes": "PRIVATE"}')
    nothing.write_text("a: 1\n")
    done = yunbox.json("db", "rules", "import", str(listed), str(policies))
    assert [(row["collection"], row["mode"]) for row in done] == [("posts", "CUSTOM"), ("notes", "PRIVATE")]
    assert yunbox.json("db", "rules", "get", "posts")["rules"] == {
        "read": True,
        "create": True,
        "update": False,
        "delete": False,
    }
    assert yunbox.failure("db", "rules", "import", str(nothing))["error"]["code"] == "invalid_request"


def test_rules(yunbox: CommandLine, tmp_path: Path) -> None:
    yunbox.json("db", "create", "c")
    assert yunbox.json("db", "rules", "get", "c")["mode"] == "PRIVATE"
    assert yunbox.json("db", "rules", "set", "c", "--mode", "ADMINWRITE")["policy"]["name"] == "ADMINWRITEONLY"
    assert yunbox.json("db", "rules", "set", "c", "--policy", "PUBLICREAD")["mode"] == "READONLY"
    written = {"read": True, "write": "doc._openid == auth.openid"}
    file = tmp_path / "rules.json"
    file.write_text(json.dumps(written))
    yunbox.json("db", "rules", "set", "c", "--rules", str(file))
    assert yunbox.json("db", "rules", "get", "c")["rules"]["read"] is True
    assert "who" in yunbox.json("db", "rules", "explain", "c")
    assert yunbox.failure("db", "rules", "set", "c")["error"]["code"] == "invalid_request"
    assert yunbox.failure("db", "rules", "set", "c", "--mode", "NOPE")["error"]["code"] == "invalid_request"
    assert yunbox.failure("db", "rules", "get", "missing")["error"]["code"] == "collection_not_found"


def test_files(yunbox: CommandLine, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    (folder / "deep").mkdir(parents=True)
    (folder / "一.txt").write_text("one")
    (folder / "deep" / "two.txt").write_text("two")
    assert yunbox.json("files", "cp", str(folder), "cloud:album") == ["album/deep/two.txt", "album/一.txt"]
    listed = yunbox.json("files", "ls", "album/")
    assert [(row["key"], row["size"]) for row in listed] == [("album/deep/two.txt", 3), ("album/一.txt", 3)]
    link = yunbox.json("files", "url", listed[1]["file_id"])
    assert httpx.get(link["url"]).text == "one"
    yunbox.json("files", "cp", "cloud:album", str(tmp_path / "copy"))
    assert (tmp_path / "copy" / "deep" / "two.txt").read_text() == "two"
    yunbox.json("files", "cp", "cloud:album/一.txt", str(tmp_path / "single.txt"))
    assert (tmp_path / "single.txt").read_text() == "one"
    assert yunbox.json("files", "rm", "album/一.txt")["deleted"] == ["album/一.txt"]
    assert yunbox.failure("files", "rm", "album/一.txt")["failed"]
    assert yunbox.failure("files", "url", "nothing")["error"]["code"] == "file_not_found"
    assert yunbox.failure("files", "cp", "a", "b")["error"]["code"] == "invalid_request"


def test_status(yunbox: CommandLine) -> None:
    status = yunbox.json("status")
    assert status["running"] is True
    assert status["version"] == __version__
    assert "isolation" in yunbox.text("status")


@pytest.mark.parametrize(
    "command",
    [
        ["space", "list"],
        ["users", "list"],
        ["functions", "list"],
        ["functions", "logs"],
        ["files", "ls"],
        ["db", "collections"],
        ["app", "list"],
    ],
)
def test_listings_in_words(yunbox: CommandLine, command: list[str]) -> None:
    yunbox.json("users", "token", "--openid", "ann")
    yunbox.text(*command)


def test_wrong_token(yunbox: CommandLine) -> None:
    yunbox.environment["YUNBOX_ADMIN_TOKEN"] = "wrong"
    assert yunbox.failure("space", "list")["error"]["code"] == "unauthenticated"


def test_nobody_answers(yunbox: CommandLine) -> None:
    yunbox.environment["YUNBOX_ENDPOINT"] = "http://127.0.0.1:1"
    assert "http://127.0.0.1:1" in yunbox.failure("space", "list")["error"]["message"]


def test_unknown_command_is_a_usage_error() -> None:
    assert CliRunner().invoke(program, ["nope"]).exit_code == 2
    assert CliRunner().invoke(program, ["users", "token"]).exit_code == 2
