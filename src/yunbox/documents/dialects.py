"""How a protocol reads and writes documents: the differences of semantics.md §17 that the service decides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from bson import ObjectId

from yunbox.tools.random_names import random_hex


@dataclass(frozen=True, slots=True)
class Page:
    """How many documents one read returns when nothing is asked for, and at most."""

    default: int
    vendor: int
    generous: int


@dataclass(frozen=True, slots=True)
class Dialect:
    """``tcb`` or ``mongo``.

    ``creates_collections``: a write to a missing collection makes it, a read of one is empty (DB-11).
    ``shows_owner``: results carry the owner mark ``_openid`` (DESIGN §9.2).
    """

    name: Literal["tcb", "mongo"]
    new_id: Callable[[], str]
    creates_collections: bool
    shows_owner: bool
    user_page: Page
    admin_page: Page
    default_time_ms: int
    vendor_time_ms: int
    generous_time_ms: int


def _object_id() -> str:
    return str(ObjectId())


TCB = Dialect(
    name="tcb",
    new_id=random_hex,
    creates_collections=False,
    shows_owner=True,
    user_page=Page(default=100, vendor=1000, generous=10_000),
    admin_page=Page(default=100, vendor=1000, generous=10_000),
    default_time_ms=5000,
    vendor_time_ms=5000,
    generous_time_ms=60_000,
)
MONGO = Dialect(
    name="mongo",
    new_id=_object_id,
    creates_collections=True,
    shows_owner=False,
    user_page=Page(default=500, vendor=500, generous=10_000),
    admin_page=Page(default=500, vendor=500, generous=10_000),
    default_time_ms=1000,
    vendor_time_ms=3000,
    generous_time_ms=60_000,
)
