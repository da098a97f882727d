"""Storing files: bytes by hash, metadata by key, rules by mode."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from yunbox.caller import Caller
from yunbox.errors import (
    AlreadyExists,
    FileNotFound,
    InvalidRequest,
    LimitExceeded,
    PermissionDenied,
    Unauthenticated,
)
from yunbox.files import FileService
from yunbox.files.stores.local import LocalStore
from yunbox.spaces import Space, SpaceService, SpaceStore
from yunbox.tools.keyring import Keyring

ADMIN = Caller("admin", "box")
ALICE = Caller("user", "box", openid="alice")
BOB = Caller("user", "box", openid="bob")
GUEST = Caller("guest", "box")


@pytest.fixture
def spaces(tmp_path: Path) -> Iterator[SpaceService]:
    service = SpaceService(SpaceStore(tmp_path / "server.sqlite", Keyring(b"k" * 32)), lambda name, value: value)
    service.create("box")
    yield service
    service.close()


@pytest.fixture
def files(spaces: SpaceService, tmp_path: Path) -> Iterator[FileService]:
    service = FileService(spaces, LocalStore(tmp_path / "spaces"), b"signing key", max_upload=1000)
    yield service
    service.close()


def objects(space: Space) -> list[Path]:
    return [path for path in (space.directory / "objects").rglob("*") if path.is_file()]


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def test_stores_and_reads_back(files: FileService) -> None:
    stored = await files.put(ADMIN, "目录 a/f.txt", b"hello")
    assert (stored.size, stored.content_type, stored.owner) == (5, "text/plain", None)
    assert await files.read("box", "目录 a/f.txt") == b"hello"
    assert files.stat("box", "目录 a/f.txt") == stored
    assert files.find("box", stored.id) == stored


async def test_equal_bytes_are_kept_once_and_removed_with_their_last_file(
    files: FileService, spaces: SpaceService
) -> None:
    await files.put(ADMIN, "a", b"same")
    await files.put(ADMIN, "b", b"same")
    assert len(objects(spaces.get("box"))) == 1
    assert await files.delete(ADMIN, ["a"]) == {"a": None}
    assert await files.read("box", "b") == b"same"
    await files.delete(ADMIN, ["b"])
    assert objects(spaces.get("box")) == []


async def test_overwriting_keeps_id_and_releases_old_bytes(files: FileService, spaces: SpaceService) -> None:
    first = await files.put(ALICE, "a", b"1")
    second = await files.put(ALICE, "a", b"2")
    assert (second.id, second.owner, second.created_at) == (first.id, "alice", first.created_at)
    assert len(objects(spaces.get("box"))) == 1


async def test_an_open_file_survives_its_deletion(files: FileService) -> None:
    await files.put(ADMIN, "a", b"bytes")
    opened = files.open("box", "a")
    await files.delete(ADMIN, ["a"])
    assert opened.reader.read(1, 3) == b"yte"
    opened.reader.close()
    with pytest.raises(FileNotFound):
        files.open("box", "a")


async def test_too_large_an_upload_leaves_nothing(files: FileService, spaces: SpaceService) -> None:
    ticket = files.prepare_upload(ADMIN, "big", max_size=10)
    with pytest.raises(LimitExceeded):
        await files.receive(ticket, chunks(b"x" * 8, b"x" * 8))
    assert objects(spaces.get("box")) == []


async def test_a_broken_upload_leaves_nothing(files: FileService, spaces: SpaceService) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"x"
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await files.receive(files.prepare_upload(ADMIN, "k"), broken())
    assert objects(spaces.get("box")) == []


@pytest.mark.parametrize("key", ["", "/a", "a//b", "a\nb", "a/../b", "./a", "x" * 2000, "\ud800"])
def test_refuses_unusable_keys(files: FileService, key: str) -> None:
    with pytest.raises(InvalidRequest):
        files.prepare_upload(ADMIN, key)


@pytest.mark.parametrize(
    ("mode", "creates", "reads_other", "public"),
    [
        ("READONLY", True, True, True),
        ("PRIVATE", True, False, False),
        ("ADMINWRITE", False, True, True),
        ("ADMINONLY", False, False, False),
    ],
)
async def test_modes(
    files: FileService, spaces: SpaceService, mode: str, creates: bool, reads_other: bool, public: bool
) -> None:
    own = await files.put(ALICE, "alice/own", b"1")
    other = await files.put(BOB, "bob/own", b"2")
    spaces.set("box", {"storage_rule": mode})
    assert files.may_write(ALICE, None) is creates
    assert files.may_write(ALICE, own) is creates
    assert not files.may_write(ALICE, other)
    assert not files.may_write(GUEST, None)
    assert files.may_read(ALICE, other) is reads_other
    assert files.may_read(ALICE, own) is (mode != "ADMINONLY")
    assert files.may_read(GUEST, own) is public
    assert files.is_public("box", "any") is public
    assert files.may_read(ADMIN, own)
    assert files.may_write(ADMIN, own)


async def test_rules_may_let_others_replace_a_file(files: FileService, spaces: SpaceService) -> None:
    await files.put(BOB, "k", b"bob")
    files.set_rules("box", {"read": "auth.openid == 'alice'", "write": "auth.openid in ['alice', 'bob']"})
    assert (await files.put(ALICE, "k", b"alice")).owner == "bob"
    assert files.may_read(ALICE, files.stat("box", "k"))
    assert not files.may_read(BOB, files.stat("box", "k"))
    ticket = files.prepare_upload(ALICE, "k")
    await files.delete(BOB, ["k"])
    await files.put(BOB, "k", b"another")
    with pytest.raises(PermissionDenied, match="meanwhile"):
        await files.receive(ticket, chunks(b"alice"))
    spaces.set("box", {"storage_rule": "PRIVATE"})
    assert not files.may_write(ALICE, files.stat("box", "k"))


@pytest.mark.parametrize("stored", [None, {"read": "nonsense ("}, {"readable": True}])
async def test_rules_that_cannot_be_read_deny(files: FileService, spaces: SpaceService, stored: object) -> None:
    own = await files.put(ALICE, "own", b"1")
    spaces.set("box", {"storage_rule": "CUSTOM"})
    if stored is not None:
        spaces.set_rule("box", "files", "", stored)
    for caller in (ALICE, GUEST):
        assert not files.may_read(caller, own)
        assert not files.may_write(caller, own)
    assert files.may_write(ADMIN, own)


async def test_guests_write_only_where_the_space_lets_them(files: FileService, spaces: SpaceService) -> None:
    files.set_rules("box", {"write": True})
    assert "sign in first" in files.missing("write", GUEST, None)
    spaces.set("box", {"allow_guests": True})
    assert files.may_write(GUEST, None)


async def test_a_ticket_does_not_overwrite_what_someone_else_stored_meanwhile(files: FileService) -> None:
    ticket = files.prepare_upload(ALICE, "k")
    await files.put(BOB, "k", b"bob")
    with pytest.raises(PermissionDenied):
        await files.receive(ticket, chunks(b"alice"))
    assert await files.read("box", "k") == b"bob"


async def test_no_overwrite(files: FileService) -> None:
    ticket = files.prepare_upload(ADMIN, "k", overwrite=False)
    await files.receive(ticket, chunks(b"1"))
    with pytest.raises(AlreadyExists):
        await files.receive(ticket, chunks(b"2"))
    with pytest.raises(AlreadyExists):
        files.prepare_upload(ADMIN, "k", overwrite=False)


def test_ticket_text(files: FileService, monkeypatch: pytest.MonkeyPatch) -> None:
    ticket = files.prepare_upload(ALICE, "路径/k.png", content_type="image/png")
    claims, signature = files.sign_ticket(ticket)
    assert files.read_ticket(claims, signature) == ticket
    forged, _ = files.sign_ticket(files.prepare_upload(ADMIN, "other"))
    for bad in ((forged, signature), (claims, "0" * 40), (claims, ""), (claims, "ä"), ("%", signature)):
        with pytest.raises(Unauthenticated):
            files.read_ticket(*bad)
    monkeypatch.setattr(time, "time", lambda: float(ticket.expires_at + 1))
    with pytest.raises(Unauthenticated, match="expired"):
        files.read_ticket(claims, signature)


async def test_links(files: FileService, monkeypatch: pytest.MonkeyPatch) -> None:
    await files.put(ADMIN, "目录/a b.txt", b"1")
    path, _, query = files.temporary_url("box", "目录/a b.txt", 60).partition("?")
    assert path.endswith("/目录/a b.txt")
    sign, expires = query.removeprefix("sign=").split("&t=")
    assert files.check_link("box", "目录/a b.txt", sign, expires)
    assert not files.check_link("box", "other", sign, expires)
    assert not files.check_link("box", "目录/a b.txt", sign, str(int(expires) + 1))
    assert not files.check_link("box", "目录/a b.txt", sign, "x")
    monkeypatch.setattr(time, "time", lambda: float(int(expires) + 1))
    assert not files.check_link("box", "目录/a b.txt", sign, expires)


def test_a_key_that_a_link_cannot_carry_is_written_in_hex(files: FileService, spaces: SpaceService) -> None:
    assert files.public_path(spaces.get("box"), "50%?.txt").endswith(f"/~/{b'50%?.txt'.hex()}")


async def test_listing(files: FileService) -> None:
    for key in ("a/1", "a/2", "a/3", "b/1"):
        await files.put(ADMIN, key, key.encode())
    page = files.list("box", "a/", limit=2)
    assert ([file.key for file in page.files], page.marker) == (["a/1", "a/2"], "a/2")
    page = files.list("box", "a/", page.marker, limit=2)
    assert ([file.key for file in page.files], page.marker) == (["a/3"], "")
    assert files.usage("box") == (4, 12)


async def test_copy_and_move(files: FileService) -> None:
    await files.put(ADMIN, "a", b"1")
    await files.copy(ADMIN, "a", "b")
    await files.copy(ADMIN, "a", "c", move=True)
    assert [file.key for file in files.list("box").files] == ["b", "c"]
    assert await files.read("box", "c") == b"1"
    with pytest.raises(AlreadyExists):
        await files.copy(ADMIN, "b", "c", overwrite=False)
    with pytest.raises(FileNotFound):
        await files.copy(ADMIN, "nothing", "d")
    with pytest.raises(PermissionDenied):
        await files.copy(ALICE, "b", "c")


async def test_delete_reports_each_key(files: FileService) -> None:
    await files.put(BOB, "bob", b"1")
    result = await files.delete(ALICE, ["bob", "nothing"])
    assert [type(error) for error in result.values()] == [PermissionDenied, FileNotFound]


async def test_concurrent_uploads_of_one_key_leave_one_whole_file(files: FileService, spaces: SpaceService) -> None:
    bodies = [bytes([n]) * 900 for n in range(8)]
    await asyncio.gather(*(files.put(ADMIN, "k", body) for body in bodies))
    assert await files.read("box", "k") in bodies
    assert len(objects(spaces.get("box"))) == 1


async def test_deleting_a_space_closes_its_files(files: FileService, spaces: SpaceService) -> None:
    await files.put(ADMIN, "k", b"1")
    spaces.delete("box")
    assert not spaces._store._root.joinpath("box").exists()


async def test_what_a_killed_server_left_behind_is_swept(files: FileService, spaces: SpaceService) -> None:
    incoming = spaces.get("box").directory / "objects" / "incoming"
    incoming.mkdir(parents=True)
    (incoming / "half").write_bytes(b"half an upload")
    stored = await files.put(ADMIN, "k", b"whole")
    assert [path.name for path in objects(spaces.get("box"))] == [stored.hash]
