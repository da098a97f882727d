"""Archives of functions: links, and what stays behind."""

from __future__ import annotations

import tarfile
from pathlib import Path

from yunbox.projects.packing import pack


def names(directory: Path) -> dict[str, tarfile.TarInfo]:
    with pack(directory) as file, tarfile.open(fileobj=file) as tar:
        return {member.name: member for member in tar.getmembers()}


def test_files_and_links(tmp_path: Path) -> None:
    code = tmp_path / "code"
    (code / "node_modules" / "real").mkdir(parents=True)
    (code / "node_modules" / "real" / "index.js").write_text("1")
    (code / "node_modules" / "alias").symlink_to("real", target_is_directory=True)
    (code / "index.js").write_text("2")
    (tmp_path / "shared.js").write_text("3")
    (code / "shared.js").symlink_to(tmp_path / "shared.js")
    (code / "broken").symlink_to(tmp_path / "nothing")
    (code / ".git").mkdir()
    members = names(code)
    assert set(members) == {
        "index.js",
        "node_modules",
        "node_modules/alias",
        "node_modules/real",
        "node_modules/real/index.js",
        "shared.js",
    }
    assert members["node_modules/alias"].issym()
    assert members["shared.js"].isfile()
