"""Archives that try to leave their directory."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from yunbox.tools.archive import UnsafeArchive, extract

Member = tuple[str, bytes, str]
"""Name, type, link target."""


def archive(*members: Member) -> tarfile.TarFile:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, kind, link in members:
            info = tarfile.TarInfo(name)
            info.type, info.linkname, info.mode = kind, link, 0o4777
            content = name.encode() if kind == tarfile.REGTYPE else b""
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    buffer.seek(0)
    return tarfile.open(fileobj=buffer)


def test_what_is_kept(tmp_path: Path) -> None:
    target = tmp_path / "in"
    members = [
        (".", tarfile.DIRTYPE, ""),
        ("a/b.js", tarfile.REGTYPE, ""),
        ("a/link.js", tarfile.SYMTYPE, "b.js"),
        ("a/hard.js", tarfile.LNKTYPE, "a/b.js"),
    ]
    target.mkdir()
    extract(archive(*members), target)
    assert (target / "a" / "link.js").read_text() == "a/b.js"
    assert (target / "a" / "hard.js").read_text() == "a/b.js"
    assert (target / "a" / "b.js").stat().st_mode & 0o7777 == 0o755


@pytest.mark.parametrize(
    "members",
    [
        [("../out.js", tarfile.REGTYPE, "")],
        [("/tmp/out.js", tarfile.REGTYPE, "")],
        [("a/../../out.js", tarfile.REGTYPE, "")],
        [("link", tarfile.SYMTYPE, "/etc/passwd")],
        [("link", tarfile.SYMTYPE, "../out")],
        [("a/up", tarfile.SYMTYPE, "../../out")],
        [("hard", tarfile.LNKTYPE, "../secret")],
        [("device", tarfile.CHRTYPE, "")],
        [("pipe", tarfile.FIFOTYPE, "")],
        # Through a link, `..` is another directory than the names say.
        [("a/b", tarfile.SYMTYPE, ".."), ("a/b/s", tarfile.SYMTYPE, "../../secret"), ("h", tarfile.LNKTYPE, "s")],
        [("a/b", tarfile.SYMTYPE, ".."), ("s", tarfile.SYMTYPE, "a/b/../secret"), ("h", tarfile.LNKTYPE, "s")],
        [("s", tarfile.SYMTYPE, "a/b/../../secret"), ("a/b", tarfile.SYMTYPE, "..")],
    ],
)
def test_what_is_refused(tmp_path: Path, members: list[Member]) -> None:
    target = tmp_path / "in"
    target.mkdir()
    (tmp_path / "secret").write_text("s")
    with pytest.raises(UnsafeArchive):
        extract(archive(*members), target)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "secret"]
    assert not [path for path in target.rglob("*") if not path.resolve().is_relative_to(target)]


def test_a_file_does_not_go_through_a_link(tmp_path: Path) -> None:
    target, outside = tmp_path / "in", tmp_path / "outside"
    target.mkdir()
    outside.mkdir()
    (target / "link").symlink_to(outside, target_is_directory=True)
    with pytest.raises(UnsafeArchive):
        extract(archive(("link/out.js", tarfile.REGTYPE, "")), target)
    assert list(outside.iterdir()) == []
