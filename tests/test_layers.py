"""Layers point one way (docs/architecture.md): every import is checked against what its layer may see."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parent.parent / "src" / "yunbox"

SERVICES = {"spaces", "identity", "documents", "files", "functions", "realtime", "statistics", "quotas"}
FOUNDATION = {"errors", "caller", "tools"}

MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "caller": set(),
    "tools": set(),
    "documents.query": {"errors"},
    "settings": {"errors", "quotas"},
    "http": {"errors"},
    "listener": {"errors"},
    "gathering": set(),
    **dict.fromkeys(SERVICES, FOUNDATION | SERVICES),
    "services": FOUNDATION | SERVICES | {"settings"},
    "protocols": FOUNDATION | SERVICES | {"settings", "services", "http"},
    "app": FOUNDATION | SERVICES | {"settings", "services", "http", "protocols"},
    "server": FOUNDATION | {"settings", "services", "http", "app", "listener", "gathering"},
    "projects": FOUNDATION | {"settings"},
    "testing": FOUNDATION | SERVICES | {"settings", "services", "app", "server", "projects"},
    "pytest_plugin": {"testing"},
    "cli": FOUNDATION | {"settings", "services", "http", "app", "server", "projects", "protocols", "testing"},
    "runtimes": set(),
    "console": set(),
}
"""Layer -> the layers it may import (itself always)."""

PRIVATE = {("documents", "stores"): {"documents", "app"}, ("files", "stores"): {"files", "app"}}
"""Packages that only their own service and the composition root may import."""


def modules() -> Iterator[tuple[str, Path]]:
    for path in sorted(SOURCE.rglob("*.py")):
        parts = path.relative_to(SOURCE).with_suffix("").parts
        yield ".".join(part for part in parts if part != "__init__"), path


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        yield from (name.removeprefix("yunbox.") for name in names if name.startswith("yunbox."))


def layer_of(module: str) -> str:
    if module.startswith("documents.query"):
        return "documents.query"
    return module.split(".")[0]


@pytest.mark.parametrize(("module", "path"), [pytest.param(m, p, id=m or "yunbox") for m, p in modules() if m])
def test_imports_point_down(module: str, path: Path) -> None:
    layer = layer_of(module)
    assert layer in MAY_IMPORT, f"{module}: give the layer `{layer}` a row in MAY_IMPORT"
    for name in imported(path):
        target = layer_of(name)
        inside = target == layer or (layer == "documents" and target == "documents.query")
        down = target in MAY_IMPORT[layer] or (target == "documents.query" and "documents" in MAY_IMPORT[layer])
        assert inside or down or name == "__version__", f"{module} must not import yunbox.{name}"


@pytest.mark.parametrize(("module", "path"), [pytest.param(m, p, id=m or "yunbox") for m, p in modules() if m])
def test_stores_are_private_to_their_service(module: str, path: Path) -> None:
    for name in imported(path):
        owners = PRIVATE.get(tuple(name.split(".")[:2]))  # type: ignore[arg-type]
        assert owners is None or module.split(".")[0] in owners, f"{module} must go through the service, not {name}"


VENDOR_WORDS = ("tencent", "cloudbase", "wechat", "weixin", "alibaba", "aliyun", "mpserverless", "tcb", "qcloud")


def test_vendor_words_stay_out_of_service_names() -> None:
    """File names below the services carry the field's terms, not a vendor's (DESIGN §1)."""
    for service in SERVICES - {"identity"}:
        for path in (SOURCE / service).rglob("*.py"):
            assert not any(word in path.stem.lower() for word in VENDOR_WORDS), path
