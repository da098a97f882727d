"""Documentation that cannot lie: reference pages are what they describe, links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from scripts.reference import PAGES
from yunbox.settings import SETTINGS, SPACE_SETTINGS

ROOT = Path(__file__).resolve().parent.parent
PAGES_BY_HAND = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("examples/*/*.md")])
_LINK = re.compile(r"\]\(([^)\s]+)\)")


@pytest.mark.parametrize("name", PAGES)
def test_reference_pages_are_current(name: str) -> None:
    written = (ROOT / "docs" / name).read_text(encoding="utf-8")
    assert written == PAGES[name](), "run: python scripts/reference.py"


@pytest.mark.parametrize("page", PAGES_BY_HAND, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in _LINK.findall(page.read_text(encoding="utf-8")):
        path = target.partition("#")[0]
        assert "://" in target or not path or (page.parent / path).exists(), target


def test_every_setting_is_documented() -> None:
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    for setting in (*SETTINGS, *SPACE_SETTINGS):
        assert f"| `{setting.name}` |" in page


@pytest.mark.parametrize("page", ["README.md", "README.zh-CN.md"])
def test_readme_begins_with_the_two_commands(page: str) -> None:
    beginning = (ROOT / page).read_text(encoding="utf-8")[:200]
    assert "make run" in beginning
    assert "make test" in beginning
