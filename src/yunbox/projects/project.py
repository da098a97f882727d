"""What a mini-program project is, for running its cloud."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from yunbox.projects.rule_files import CollectionRules
from yunbox.projects.seeds import Seed

Kind = Literal["wechat", "mpserverless", "functions"]


@dataclass(frozen=True, slots=True)
class FunctionSource:
    """One function's directory; ``settings`` are what the project file says of it (``timeout``, ``envVariables`` …)."""

    name: str
    directory: Path
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Project:
    """A project directory as found.

    ``kind`` is whose SDK its client uses, ``functions`` when only functions were found. ``space_id`` is the one its code
    names, or one made of the directory's name: the same in every run; ``client_secret`` what its mpserverless client signs
    with, if the code says so. ``skipped`` are directories among the functions
    that hold none. ``rules`` and ``seeds`` are those of its rule and seed files. ``notes`` tell what was odd.
    """

    root: Path
    kind: Kind
    space_id: str
    functions_root: Path | None
    functions: tuple[FunctionSource, ...] = ()
    skipped: tuple[Path, ...] = ()
    app_id: str = ""
    client_secret: str = ""
    collections: tuple[str, ...] = ()
    rules: tuple[CollectionRules, ...] = ()
    seeds: tuple[Seed, ...] = ()
    notes: tuple[str, ...] = ()
