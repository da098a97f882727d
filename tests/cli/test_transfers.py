"""``db import``, ``db export``, upkeep, and restoring collections while the server runs."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import apsw
import bson
import httpx
import pytest

from tests.cli.conftest import CommandLine, environment_of
from tests.server import LiveServer

LINES = '{"_id": "a", "n": 1}\n{"_id": "b", "n": 2}\nbroken\n{"_id": "c", "n": 3}\n'


@pytest.fixture
def file(yunbox: CommandLine, tmp_path: Path) -> Path:
    yunbox.json("db", "create", "c")
    yunbox.json("db", "import", "c", "-", stdin='{"_id": "a", "n": 0}')
    path = tmp_path / "in.jsonl"
    path.write_text(LINES)
    return path


def values(yunbox: CommandLine) -> dict[str, int]:
    return {row["_id"]: row["n"] for row in yunbox.json("db", "query", "c")}


def test_flags_of_imports(yunbox: CommandLine, file: Path) -> None:
    tried = yunbox.failure("db", "import", "c", str(file), "--mode", "upsert", "--dry-run")
    assert (tried["inserted"], tried["updated"], tried["failed"], tried["dry_run"]) == (2, 1, 1, True)
    assert values(yunbox) == {"a": 0}
    stopped = yunbox.failure("db", "import", "c", str(file), "--mode", "skip", "--stop-on-error")
    assert (stopped["inserted"], stopped["skipped"], stopped["failed"], stopped["stopped"]) == (1, 1, 1, True)
    assert stopped["errors"][0]["line"] == 3
    told = yunbox.run("db", "import", "c", str(file), "--mode", "upsert")
    assert told.exit_code == 1
    assert "line 3" in told.stderr
    assert "inserted 1, updated 2, skipped 0, failed 1" in told.stderr
    assert values(yunbox) == {"a": 1, "b": 2, "c": 3}


def test_every_format_goes_and_comes(yunbox: CommandLine, tmp_path: Path) -> None:
    yunbox.json("db", "create", "c")
    yunbox.json("db", "import", "c", "-", stdin='{"_id": "a", "n": 1, "t": {"x": [1.5, "文"]}}\n{"_id": "b", "n": 2}')
    before = yunbox.json("db", "query", "c")
    for name in ("out.json", "out.bson", "out.jsonl.gz", "out.bson.gz", "out.csv"):
        path = tmp_path / name
        fields = ("--fields", "_id,n,t.x") if name.endswith(".csv") else ()
        assert yunbox.json("db", "export", "c", str(path), *fields)["exported"] == 2
        copy = name.replace(".", "_")
        assert yunbox.json("db", "import", copy, str(path), "--create")["inserted"] == 2
        assert yunbox.json("db", "query", copy) == before, name
    assert bson.decode_all((tmp_path / "out.bson").read_bytes())[0]["t"] == {"x": [1.5, "文"]}
    assert gzip.decompress((tmp_path / "out.jsonl.gz").read_bytes()) == (tmp_path / "out.json").read_bytes()
    array = yunbox.text("db", "export", "c", "--format", "array", "--query", '{"n": {"$gt": 1}}')
    assert json.loads(array) == [{"_id": "b", "n": 2}]
    text = yunbox.text("db", "export", "c", "--sort", '{"n": -1}', "--limit", "1", "--fields", "n")
    assert text == '{"_id":"b","n":2}\n'
    assert {path.name for path in tmp_path.iterdir()} == {
        "out.json",
        "out.bson",
        "out.jsonl.gz",
        "out.bson.gz",
        "out.csv",
    }


def test_exports_that_fail_leave_the_file_alone(yunbox: CommandLine, tmp_path: Path) -> None:
    path = tmp_path / "kept.json"
    path.write_text("kept")
    assert yunbox.failure("db", "export", "none", str(path))["error"]["code"] == "collection_not_found"
    yunbox.json("db", "create", "c")
    assert yunbox.failure("db", "export", "c", str(path), "--query", '{"n": {"$no": 1}}')["error"]["number"] == 2
    assert yunbox.failure("db", "export", "c", str(tmp_path / "x.csv"))["error"]["code"] == "invalid_request"
    assert path.read_text() == "kept"
    assert list(tmp_path.iterdir()) == [path]


def test_upkeep(yunbox: CommandLine, cloud: LiveServer) -> None:
    yunbox.json("db", "create", "c")
    yunbox.json("db", "index", "create", "c", "n")
    lines = "".join(json.dumps({"_id": n, "n": n, "t": "x" * 500}) + "\n" for n in range(2000))
    yunbox.json("db", "import", "c", "-", stdin=lines)
    assert yunbox.json("db", "check") == {"problems": []}
    assert "sound" in yunbox.text("db", "check")
    yunbox.json("db", "drop", "c")
    done = yunbox.json("db", "compact")
    assert done["after"] < done["before"]
    assert "->" in yunbox.text("db", "compact")


def test_damage_is_told(yunbox: CommandLine, cloud: LiveServer) -> None:
    yunbox.json("db", "create", "c")
    yunbox.json("db", "index", "create", "c", "n")
    yunbox.json("db", "import", "c", "-", stdin='{"_id": 1, "n": 1}')
    connection = apsw.Connection(str(yunbox.space.directory / "documents.sqlite"))
    connection.set_busy_timeout(5000)
    tables = connection.execute("SELECT name FROM sqlite_master WHERE type='table' AND name LIKE 'x%'").fetchall()
    for (name,) in tables:
        connection.execute(f"DELETE FROM {name}")
    connection.close()
    found = yunbox.failure("db", "check")
    assert found["error"]["code"] == "damaged"
    assert found["problems"]


@pytest.fixture
def backup(yunbox: CommandLine) -> str:
    """A backup of a collection ``todos`` that is empty by now."""
    yunbox.json("db", "create", "todos")
    yunbox.json("db", "index", "create", "todos", "n")
    yunbox.json("db", "import", "todos", "-", stdin='{"_id": 1, "n": 1}\n{"_id": 2, "n": 2}')
    name: str = yunbox.json("backup", "create", "--no-files")["name"]
    yunbox.json("db", "drop", "todos")
    return name


def test_restoring_collections(yunbox: CommandLine, backup: str) -> None:
    done = yunbox.json("backup", "restore", backup, "--collection", "todos", "--as", "again")
    assert done == {"restored": {"todos": "again"}, "documents": 2}
    assert yunbox.json("db", "query", "again", "--count") == {"count": 2}
    assert [row["name"] for row in yunbox.json("db", "index", "list", "again")] == ["_id_", "n_1"]
    assert "todos -> todos_bak" in yunbox.text("backup", "restore", backup, "--collection", "todos")
    assert yunbox.json("db", "query", "todos_bak", "--count") == {"count": 2}


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--collection", "todos", "--as", "taken"), "already_exists"),
        (("--collection", "none"), "not_found"),
        (("--collection", "todos", "--as", "x", "--as", "y"), "invalid_request"),
        (("--as", "x"), "invalid_request"),
    ],
)
def test_restores_that_cannot_be(yunbox: CommandLine, backup: str, arguments: tuple[str, ...], code: str) -> None:
    yunbox.json("db", "create", "taken")
    assert yunbox.failure("backup", "restore", backup, *arguments)["error"]["code"] == code
    assert [row["name"] for row in yunbox.json("db", "collections")] == ["taken"]


def test_backups_are_listed_with_their_kind(yunbox: CommandLine, backup: str) -> None:
    assert {row["name"]: row["automatic"] for row in yunbox.json("backup", "list")}[backup] is False


def test_the_interface_below(yunbox: CommandLine, cloud: LiveServer, backup: str) -> None:
    """What the console asks of the server."""
    environment = environment_of(cloud)
    headers = {"authorization": f"Bearer {environment['YUNBOX_ADMIN_TOKEN']}"}
    base = f"{cloud.endpoint}/manage/v1/spaces/{yunbox.space.id}/"
    with httpx.Client(base_url=base, headers=headers, timeout=30, trust_env=False) as api:
        assert [row["name"] for row in api.get(f"backups/{backup}").json()] == ["todos"]
        assert api.get("backups/none").status_code == 404
        bad: list[Any] = [{}, {"collections": []}, {"collections": {"todos": 5}}]
        for content in bad:
            assert api.post(f"backups/{backup}/restore", json=content).status_code == 400
        api.post("collections/c")
        lines = api.post("collections/c/import?progress=true", content=b'{"_id": 1}').text.splitlines()
        told = [json.loads(line) for line in lines]
        assert told[0] == {"progress": {"inserted": 1, "updated": 0, "skipped": 0, "failed": 0}}
        assert told[-1]["report"]["inserted"] == 1
        assert "error" in json.loads(api.post("collections/none/import?progress=true", content=b"{}").text)
        assert api.get("collections/c/export").headers["x-document-count"] == "1"
        for query in ("format=xml", "filter={", "filter=[]", "limit=-1"):
            assert api.get(f"collections/c/export?{query}").status_code == 400, query


def test_indexes_beside_a_dump(yunbox: CommandLine, tmp_path: Path) -> None:
    """What mongodump wrote for one collection: its documents, and its indexes in a file beside."""
    indexes = [
        {"v": {"$numberInt": "2"}, "key": {"_id": {"$numberInt": "1"}}, "name": "_id_"},
        {
            "key": {"n": {"$numberInt": "1"}},
            "name": "n_1",
            "unique": True,
            "partialFilterExpression": {"n": {"$gt": 1}},
        },
        {"key": {"bad": "what"}, "name": "bad"},
    ]
    (tmp_path / "c.bson").write_bytes(b"".join(bson.encode({"_id": n, "n": n}) for n in range(3)))
    (tmp_path / "c.metadata.json").write_text(json.dumps({"indexes": indexes[:2]}))
    report = yunbox.json("db", "import", "c", str(tmp_path / "c.bson"), "--create")
    assert (report["inserted"], report["indexes"], report["index_errors"]) == (3, ["n_1"], [])
    listed = yunbox.json("db", "index", "list", "c")
    assert listed[1]["partialFilterExpression"] == {"n": {"$gt": 1}}
    (tmp_path / "c.metadata.json").unlink()
    (tmp_path / "c.metadata.json.gz").write_bytes(gzip.compress(json.dumps({"indexes": indexes}).encode()))
    report = yunbox.failure("db", "import", "d", str(tmp_path / "c.bson"), "--create")
    assert (report["inserted"], report["indexes"]) == (3, ["n_1"])
    assert "what" in report["index_errors"][0]
