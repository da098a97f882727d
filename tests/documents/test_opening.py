"""One file, opened more than once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.server import LiveServer
from yunbox.app import DataLock
from yunbox.documents import open_database
from yunbox.errors import InvalidRequest


def test_a_file_that_is_open_is_shared(tmp_path: Path) -> None:
    first = open_database(tmp_path / "notes.sqlite")
    second = open_database(str(tmp_path / "sub" / ".." / "notes.sqlite"))
    first.notes.create_index("n", unique=True)
    second.notes.insert_one({"_id": 1, "n": 1})
    assert first.notes.find() == [{"_id": 1, "n": 1}]
    first.close()
    first.close()
    second.notes.insert_one({"_id": 2, "n": 2})
    second.close()
    assert [path.name for path in tmp_path.iterdir()] == ["notes.sqlite"]
    with open_database(tmp_path / "notes.sqlite") as third:
        assert third.notes.count_documents() == 2
        assert third.engine.check() == []


PROGRAM = """
import sys
from yunbox.documents import open_database
from yunbox.errors import InvalidRequest
try:
    with open_database(sys.argv[1]) as database:
        database.notes.insert_one({})
except InvalidRequest as error:
    sys.exit(str(error))
"""


def _elsewhere(path: Path) -> str:
    done = subprocess.run([sys.executable, "-c", PROGRAM, path], capture_output=True, text=True, check=False)
    return done.stderr


def test_a_running_servers_file_is_refused(cloud: LiveServer) -> None:
    space = cloud.create_space()
    path = cloud.services.spaces.get(space.id).directory / "documents.sqlite"
    with pytest.raises(InvalidRequest, match="running server"):
        open_database(path)
    assert not path.with_name("documents.sqlite-lock").exists()


def test_a_stopped_servers_file_keeps_the_server_away(tmp_path: Path) -> None:
    data = DataLock(tmp_path)
    data.release()
    path = tmp_path / "spaces" / "one" / "documents.sqlite"
    with open_database(path), pytest.raises(InvalidRequest, match="another yunbox"):
        DataLock(tmp_path)
    DataLock(tmp_path).release()


def test_another_process_is_refused_until_the_file_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "notes.sqlite"
    with open_database(path) as database:
        assert "in another process" in _elsewhere(path)
        assert database.notes.count_documents() == 0
    assert _elsewhere(path) == ""
    with open_database(path) as database:
        assert database.notes.count_documents() == 1


def test_a_file_that_cannot_be_opened_is_not_kept(tmp_path: Path) -> None:
    path = tmp_path / "notes.sqlite"
    path.write_bytes(b"something else entirely" * 100)
    with pytest.raises(InvalidRequest, match="not a yunbox document file"):
        open_database(path)
    path.unlink()
    with open_database(path) as database:
        database.notes.insert_one({})


def test_what_is_closed_says_so(tmp_path: Path) -> None:
    with open_database(tmp_path / "notes.sqlite") as database:
        database.notes.insert_one({"_id": 1})
        found = database.notes.find()
    assert found == [{"_id": 1}]
    for use in (database.notes.find, database.list_collection_names, lambda: database.notes.insert_one({})):
        with pytest.raises(InvalidRequest, match="closed"):
            use()
    with pytest.raises(InvalidRequest, match="closed"), database.transaction():
        pass


def test_transactions_do_not_nest() -> None:
    with open_database() as database, database.transaction() as transaction:
        with pytest.raises(InvalidRequest, match="another one"), transaction.transaction():
            pass
        transaction.close()
        transaction.notes.insert_one({"_id": 1})
        assert transaction.notes.count_documents() == 1
