"""What a project's code says of the cloud it wants: environment ids and collections, as far as they are literals."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from yunbox.projects.jsonc import read_text

_SOURCES = (".js", ".ts", ".mjs", ".cjs", ".vue", ".jsx", ".tsx", ".wxs")
_LEFT_OUT = frozenset(
    ("node_modules", "miniprogram_npm", "unpackage", "dist", "build", "uni_modules", ".git", ".yunbox", "coverage")
)
_LARGEST = 400_000
_MOST_FILES = 4000

_COMMENT = re.compile(r"""("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)|//[^\n]*|/\*.*?\*/""", re.DOTALL)
_COLLECTION = re.compile(r"""\.collection\(\s*(['"`])([A-Za-z0-9_][\w.-]{0,127})\1\s*\)""")
_INIT = re.compile(r"""\bcloud\.init\(\s*\{(.{0,600}?)\}\s*\)""", re.DOTALL)
_CLIENT_INIT = re.compile(r"""\b(?:wx|my|uni|Taro|tt)\.cloud\.init\(\s*\{(.{0,600}?)\}\s*\)""", re.DOTALL)
_ENV = re.compile(r"""\benv(?:Id)?\s*:\s*(['"`])([^'"`\n]+)\1""")
_MPSERVERLESS = re.compile(r"""@alicloud/mpserverless-sdk|new\s+MPServerless\s*\(|\bspaceId\s*:""")
_SPACE = re.compile(r"""\bspaceId\s*:\s*(['"`])([^'"`\n]+)\1""")
_SECRET = re.compile(r"""\bclientSecret\s*:\s*(['"`])([^'"`\s]{4,200})\1""")

_PLACEHOLDER = re.compile(r"(.)\1+|(?:your|my|some)?[-_]?env(?:ironment)?(?:[-_]?id)?|(?:your|some)[-_].*")
"""What stands in published code where an id was taken out."""

VALID_SPACE = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


def source_files(root: Path) -> Iterator[Path]:
    """The project's own source files, without installed or built ones."""
    count = 0
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in _LEFT_OUT and not name.startswith("."))
        for name in sorted(files):
            path = Path(folder, name)
            if name.endswith(_SOURCES) and not name.endswith(".min.js") and path.stat().st_size <= _LARGEST:
                count += 1
                if count > _MOST_FILES:
                    return
                yield path


class Findings:
    """What was read from all sources of a project."""

    def __init__(self, root: Path) -> None:
        self.environments: Counter[str] = Counter()
        self.spaces: Counter[str] = Counter()
        self.secrets: Counter[str] = Counter()
        self.collections: set[str] = set()
        self.speaks_mpserverless = False
        for path in source_files(root):
            try:
                self._read(_COMMENT.sub(lambda match: match[1] or " ", read_text(path)))
            except OSError:
                continue

    def _read(self, text: str) -> None:
        self.collections.update(match[2] for match in _COLLECTION.finditer(text))
        # What the client names counts for more: functions usually say "wherever I run".
        for pattern, weight in ((_CLIENT_INIT, 100), (_INIT, 1)):
            for init in pattern.finditer(text):
                for env in _ENV.finditer(init[1]):
                    self.environments[env[2]] += weight
        self.spaces.update(match[2] for match in _SPACE.finditer(text))
        self.secrets.update(match[2] for match in _SECRET.finditer(text))
        self.speaks_mpserverless = self.speaks_mpserverless or bool(_MPSERVERLESS.search(text))

    @property
    def space_id(self) -> str | None:
        """The environment or space id that the code names most, when it can be a space's id."""
        for name, _ in [*self.environments.most_common(), *self.spaces.most_common()]:
            if VALID_SPACE.fullmatch(name) and not _PLACEHOLDER.fullmatch(name):
                return name
        return None

    @property
    def client_secret(self) -> str:
        """The ``clientSecret`` that a mpserverless client signs with, as its code names it; empty when it does not."""
        return self.secrets.most_common(1)[0][0] if self.secrets and self.speaks_mpserverless else ""
