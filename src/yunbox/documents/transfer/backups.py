"""Collections as a backup holds them, and copies of them in the space as it is now (DBA-5)."""

from __future__ import annotations

import shutil
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from yunbox.documents import commands as c
from yunbox.documents.stores import Engine
from yunbox.errors import AlreadyExists, InvalidRequest, NotFound
from yunbox.tools.backup import BackupInfo, list_backups

from .importing import BATCH


def find_backup(data: Path, name: str) -> BackupInfo:
    """The kept backup called ``name``.

    Raises:
        NotFound: when there is none.
    """
    for info in list_backups(data):
        if info.name == name:
            return info
    raise NotFound(
        f"there is no backup `{name}`; `yunbox backup list` shows those that are kept / 没有备份 `{name}`", backup=name
    )


def collections_in(backup: BackupInfo, space_id: str) -> list[c.CollectionInfo]:
    """The collections of a space in a backup; none when the backup does not know the space."""
    with _opened(backup, space_id) as engine:
        return [] if engine is None else list(engine.run_sync(c.ListCollections()))


def check_restore(target: Engine, names: Mapping[str, str]) -> None:
    """Raises `InvalidRequest` for no collections or equal new names, `AlreadyExists` when a new name is taken."""
    if not names or len(set(names.values())) != len(names):
        raise InvalidRequest("name the collections to restore, each with a new name of its own / 请指定要恢复的集合")
    for name in names.values():
        if target.has_collection(name):
            raise AlreadyExists(f"collection `{name}` exists already; choose another name / 集合 `{name}` 已存在")


def restore_collections(backup: BackupInfo, space_id: str, target: Engine, names: Mapping[str, str]) -> int:
    """Copy collections (``{name in the backup: new name}``) with their indexes; how many documents there were.

    Collections that were made go again when something fails.

    Raises:
        NotFound: when the backup lacks one. See also :func:`check_restore`.
    """
    check_restore(target, names)
    with _opened(backup, space_id) as source:
        for name in names:
            if source is None or not source.has_collection(name):
                raise not_in(backup.name, name)
        assert source is not None
        made: list[str] = []
        try:
            return sum(_copy(source, target, name, new, made) for name, new in names.items())
        except BaseException:
            for new in made:
                target.run_sync(c.DropCollection(new))
            raise


def not_in(backup: str, collection: str) -> NotFound:
    """What is said of a collection that a backup lacks."""
    return NotFound(f"the backup `{backup}` has no collection `{collection}` / 备份中没有集合 `{collection}`")


def _copy(source: Engine, target: Engine, name: str, new: str, made: list[str]) -> int:
    target.run_sync(c.CreateCollection(new))
    made.append(new)
    count = 0
    documents = source.stream(c.Find(name))
    while batch := list(islice(documents, BATCH)):
        target.run_sync(c.Insert(new, batch))
        count += len(batch)
    for index in source.run_sync(c.ListIndexes(name)):
        if index["name"] != "_id_":
            target.run_sync(c.create_index(new, index["key"], index))
    return count


@contextmanager
def _opened(backup: BackupInfo, space_id: str) -> Iterator[Engine | None]:
    """The documents of a space as they were backed up, as an engine that goes again; ``None`` when there are none.

    Raises:
        InvalidRequest: when the archive cannot be read.
    """
    with tempfile.TemporaryDirectory(prefix=".reading-", dir=backup.path.parent) as folder:
        file = Path(folder) / "documents.sqlite"
        if not _extracted(backup, f"spaces/{space_id}/documents.sqlite", file):
            yield None
            return
        engine = Engine.open(file, durability="off", space=space_id)
        try:
            yield engine
        finally:
            engine.close()


def _extracted(backup: BackupInfo, member: str, target: Path) -> bool:
    try:
        with tarfile.open(backup.path) as archive:
            for info in archive:
                if info.name == member and (source := archive.extractfile(info)) is not None:
                    with source, target.open("wb") as file:
                        shutil.copyfileobj(source, file, 2**20)
                    return True
    except (tarfile.TarError, EOFError, OSError) as error:
        raise InvalidRequest(f"the backup `{backup.name}` cannot be read: {error} / 备份文件无法读取") from None
    return False
