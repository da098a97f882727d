"""Documents that a project brings along for its collections, one file for each."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_FOLDER = re.compile(
    r"(?:init[-_]?(?:data|database|db)|(?:data(?:base)?|db)[-_]?init|seeds?|seed[-_]data)", re.IGNORECASE
)
_PREFIX = re.compile(r"(?:database|db|collection)[-_](?=.)", re.IGNORECASE)
_SUFFIXES = (".json", ".jsonl", ".csv")
_COLLECTION = re.compile(r"[A-Za-z0-9_][\w-]{0,127}")


@dataclass(frozen=True, slots=True)
class Seed:
    """The file with a collection's first documents."""

    collection: str
    path: Path


def find_seeds(folders: list[Path]) -> tuple[Seed, ...]:
    """The seed files in ``folders`` that are called like ``initDatabase``, ``init_data`` or ``seeds``.

    A file's name is the collection's, also behind ``database-``; the file without it wins.
    """
    found: dict[str, Seed] = {}
    for folder in folders:
        if not _FOLDER.fullmatch(folder.name):
            continue
        for path in sorted(folder.iterdir()):
            name = _PREFIX.sub("", path.stem, count=1)
            fits = path.suffix.lower() in _SUFFIXES and path.is_file() and _COLLECTION.fullmatch(name)
            if fits and (name == path.stem or name not in found):
                found[name] = Seed(name, path)
    return tuple(found[name] for name in sorted(found))
