"""The collections and indexes of a file, as they are kept in memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from .shape import Shape

Kind = Literal["ordered", "geo", "text", "wildcard"]


@dataclass(frozen=True, slots=True)
class IndexField:
    """One component of an index: its path and direction (1 or -1; -1 sorts descending)."""

    path: str
    parts: tuple[str, ...]
    direction: int


@dataclass(slots=True, eq=False)
class Index:
    """An index. ``ready`` is false while it is filled; ``multikey`` and ``exact`` change at most once, before the commit
    of the document that changes them.
    """

    id: int
    name: str
    document: dict[str, Any]
    kind: Kind
    fields: tuple[IndexField, ...]
    unique: bool = False
    sparse: bool = False
    partial: dict[str, Any] | None = None
    collation: dict[str, Any] | None = None
    collated_as: tuple[Any, ...] | None = None
    """The identity of its collation; ``None`` when strings are in their own order."""
    expire_after_seconds: float | None = None
    multikey: frozenset[int] = frozenset()
    exact: bool = True
    ready: bool = False
    reached: int = 0
    """While it is filled, the row id of the last document entered."""
    filled: int = 0
    """While it is filled, how many documents were entered."""
    covers: Callable[[dict[str, Any]], bool] | None = None
    keyer: Any = None
    accesses: int = 0

    table: str = ""
    roots: tuple[str, ...] = ()
    """The top-level fields that its keys depend on; none when any field may matter."""
    columns: tuple[str, ...] = ()
    insert_sql: str = ""
    delete_sql: str = ""

    def __post_init__(self) -> None:
        self.table = {"ordered": "x", "wildcard": "x", "geo": "g", "text": "f"}[self.kind] + str(self.id)
        if self.kind in ("ordered", "geo") and self.partial is None:
            self.roots = tuple({field.parts[0] for field in self.fields})
        if self.kind == "geo":
            self.insert_sql = f"INSERT INTO {self.table}(x0, x1, y0, y1, id) VALUES(?, ?, ?, ?, ?)"
            self.delete_sql = f"DELETE FROM {self.table} WHERE id=?"
            return
        if self.kind == "text":
            self.insert_sql = f"INSERT INTO {self.table}(t, rowid) VALUES(?, ?)"
            self.delete_sql = f"DELETE FROM {self.table} WHERE rowid=?"
            return
        if self.kind == "wildcard":
            self.columns = ("p", "t0", "k0")
        else:
            self.columns = tuple(f"{column}{n}" for n in range(len(self.fields)) for column in "tk")
        self.insert_sql = f"INSERT INTO {self.table} VALUES({'?,' * len(self.columns)}?)"
        self.delete_sql = f"DELETE FROM {self.table} WHERE {self.row_is}"

    @property
    def row_is(self) -> str:
        """The condition on one row of the table, with parameters for its columns and the row id."""
        return "".join(f"{column}=? AND " for column in self.columns) + "rid=?"

    @property
    def holds_keys(self) -> bool:
        """Whether its table has a row for each key, row id last."""
        return self.kind in ("ordered", "wildcard")


@dataclass(slots=True)
class Collection:
    """A collection. ``count`` is the number of documents after the last commit."""

    id: int
    name: str
    shape: Shape = field(default_factory=Shape)
    count: int = 0
    indexes: tuple[Index, ...] = ()
    revision: int = 0
    saved_shape: int = 0
    flags_changed: bool = False
    plans: dict[Any, Any] = field(default_factory=dict)
    table: str = ""
    insert_sql: str = ""
    bulk_sql: str = ""
    replace_sql: str = ""

    def __post_init__(self) -> None:
        self.table = f"d{self.id}"
        self.insert_sql = f"INSERT INTO {self.table}(kt, k, d, sp) VALUES(?, ?, jsonb(?), ?)"
        self.replace_sql = f"UPDATE {self.table} SET d=jsonb(?), sp=? WHERE rid=?"
        self.bulk_sql = f"INSERT INTO {self.table}(rid, kt, k, d, sp) VALUES(?, ?, ?, jsonb(?), ?)"

    @property
    def version(self) -> tuple[int, int]:
        """Moves when a plan made before may no longer be right."""
        return (self.revision, self.shape.version)

    def changed(self) -> None:
        """Make plans made so far void: an index came, went or changed."""
        self.revision += 1

    def keys(self) -> list[dict[str, Any]]:
        """The key documents of the indexes that are ready."""
        return [index.document["key"] for index in self.indexes if index.ready]

    def index(self, name: str) -> Index | None:
        return next((index for index in self.indexes if index.name == name), None)
