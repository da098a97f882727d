"""The embedded engine as a Python library: synchronous, and shaped as pymongo is.

    from yunbox.documents import open_database

    with open_database("shop.sqlite") as db:
        db["orders"].insert_one({"total": 12})
        print(db.orders.find({"total": {"$gt": 10}}).sort("total", -1).limit(5))

Collections appear on their first write; a missing one reads as empty. Dates come back timezone-aware in UTC.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from yunbox.errors import CollectionNotFound, InvalidRequest

from . import arguments as arg
from . import commands as c
from . import opening
from .collection import Collection
from .cursors import Found
from .failures import numbered
from .query.match import compile_filter
from .query.pipeline import NO_COLLECTION
from .stores import Change, Engine


def open_database(path: str | Path | None = None, *, durability: str = "full") -> Database:
    """Open a database file, which is made when it does not exist; ``None`` gives one that lasts until it is closed.

    ``durability``: ``full`` survives a power cut, ``normal`` may lose the last writes in one, ``off`` more. A file that
    this process has open already is shared; it is closed when all that opened it have closed it.

    Raises:
        InvalidRequest: when the file is something else, or another process has it open.
    """
    if path is None:
        return Database(Engine.open(None, durability=durability))
    return Database(opening.acquire(Path(path), durability), shared=True)


class Database:
    """The collections of one file. Close it, or use it in a ``with`` statement. Safe to share between threads."""

    def __init__(self, engine: Engine, transaction: str | None = None, *, shared: bool = False) -> None:
        self.engine = engine
        self._transaction = transaction
        self._shared = shared
        self._closed = False

    def __getitem__(self, name: str) -> Collection:
        return Collection(self, name)

    def __getattr__(self, name: str) -> Collection:
        """``database.orders`` is ``database["orders"]``, unless the database has such a method."""
        if name.startswith("_"):
            raise AttributeError(f"{name} is no attribute; for a collection of this name write database[{name!r}]")
        return self[name]

    def __repr__(self) -> str:
        return f"Database({self.name!r}{'' if self._transaction is None else ', in a transaction'})"

    @property
    def name(self) -> str:
        """The name of the file without its ending."""
        return self.engine.path.stem

    def get_collection(self, name: str, **options: Any) -> Collection:
        """The collection ``name``, whether it exists or not. pymongo's options have no meaning here."""
        return self[name]

    def __enter__(self) -> Database:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Finish and close the file."""
        if self._closed or self._transaction is not None:
            return
        self._closed = True
        if self._shared:
            opening.release(self.engine)
        else:
            self.engine.close()

    def run(self, command: c.Command) -> Any:
        """The result of a command. Raises `OperationFailure`, which carries MongoDB's ``code`` and ``code_name``."""
        self._check_open()
        with numbered(writes=isinstance(command, c.Insert | c.Update | c.Delete)):
            return self.engine.run_sync(command, transaction=self._transaction)

    def _check_open(self) -> None:
        if self._closed:
            raise InvalidRequest("the database is closed / 数据库已关闭")

    def create_collection(self, name: str, **options: Any) -> Collection:
        """Make an empty collection. Raises `AlreadyExists`; `TypeError` for MongoDB's options, such as ``capped``."""
        arg.time_limit(None, {option: value for option, value in options.items() if value is not None})
        self.run(c.CreateCollection(arg.text("name", name)))
        return self[name]

    def drop_collection(self, name: str | Collection, **others: Any) -> None:
        """Remove a collection; a missing one is no error."""
        arg.time_limit(None, others)
        try:
            self.run(c.DropCollection(name.name if isinstance(name, Collection) else arg.text("name", name)))
        except CollectionNotFound:
            return

    def list_collection_names(self, *, filter: Mapping[str, Any] | None = None, **others: Any) -> list[str]:
        """The names of all collections, in order."""
        return [one["name"] for one in self.list_collections(filter=filter, **others)]

    def list_collections(self, *, filter: Mapping[str, Any] | None = None, **others: Any) -> Found:
        """What there is to say about each collection: its ``name``, ``type``, ``options``."""
        arg.time_limit(None, others)
        with numbered():
            matches = compile_filter(arg.document(filter))
        infos: list[c.CollectionInfo] = self.run(c.ListCollections())
        collections: list[dict[str, Any]] = [{"name": one.name, "type": "collection", "options": {}} for one in infos]
        return Found(one for one in collections if matches(one))

    def aggregate(self, pipeline: Sequence[Mapping[str, Any]], **options: Any) -> Found:
        """Run a pipeline that makes its own documents (``$documents``)."""
        return self[NO_COLLECTION].aggregate(pipeline, **options)

    @contextmanager
    def transaction(self) -> Iterator[Database]:
        """A database whose reads and writes belong to one transaction of at most 10 s; it is committed at the end of the block,
        or forgotten when the block raises.

        Raises:
            WriteConflict: at the end, when somebody else wrote what was read or written: run the block again.
        """
        self._check_open()
        if self._transaction is not None:
            raise InvalidRequest("a transaction cannot hold another one / 事务不能嵌套")
        name = self.engine.begin_sync()
        try:
            yield Database(self.engine, name)
        except BaseException:
            self.engine.abort_sync(name)
            raise
        with numbered():
            self.engine.commit_sync(name)

    def watch(self, callback: Callable[[Change], None]) -> Callable[[], None]:
        """Call ``callback`` with every committed change, in order, in the writing thread; the result ends that."""
        return self.engine.subscribe(callback)
