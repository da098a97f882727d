"""Rules and first documents that projects bring along as files."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.projects.test_detect import write
from yunbox.errors import InvalidRequest
from yunbox.projects import find_project
from yunbox.projects.rule_files import find_rules, read_rules

LISTED = """
- collectionName: comment
  rules: {read: openid, count: openid, add: "!!openid", update: "openid == query._openid", remove: false}
- collectionName: open
  rules:
    read: true
"""


def rules_of(root: Path) -> dict[str, object]:
    return {rules.collection: rules.content for rules in find_rules(root, [])}


def test_listed_rules(tmp_path: Path) -> None:
    write(tmp_path, {"policies/app.yaml": LISTED})
    assert rules_of(tmp_path) == {
        "comment": {"grants": {"read": "all", "create": "all", "update": "owner", "delete": "none"}},
        "open": {"grants": {"read": "all", "create": "none", "update": "none", "delete": "none"}},
    }


def test_policies_by_collection(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "rules/a.yml": "notes: PRIVATE\nnews: {.read: true, .write: false}\n",
            "rules/b.json": '{"news": {"*": false}, // closed\n}',
            "rules/unrelated.yaml": "name: build\nsteps: [x]\n",
            "rules/README.md": "# rules",
        },
    )
    assert rules_of(tmp_path) == {"notes": {"policy": "PRIVATE"}, "news": {"policy": {"*": False}}}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("- collectionName: a\n  rules: {read: 'doc.age > 3'}", "a: the condition `doc.age > 3` of `read`"),
        ("a: [", "cannot be read"),
        ("!!python/object/apply:os.system ['true']", "cannot be read"),
    ],
)
def test_rules_that_are_not_understood_are_told(tmp_path: Path, text: str, told: str) -> None:
    path = write(tmp_path, {"policies/app.yaml": text}) / "policies" / "app.yaml"
    with pytest.raises(InvalidRequest, match=r"cannot be read|not understood"):
        read_rules(path)
    notes: list[str] = []
    assert find_rules(tmp_path, notes) == ()
    assert told in notes[0]


def test_seed_files(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "functions/a/index.js": "module.exports = async (ctx) => 1",
            "initDatabase/science.json": "{}",
            "initDatabase/database-science.json": "{}",
            "initDatabase/database-setting.json": "{}",
            "initDatabase/图片.png": "",
            "miniprogram/data/cities.json": "[]",
        },
    )
    seeds = find_project(tmp_path).seeds
    assert [(seed.collection, seed.path.name) for seed in seeds] == [
        ("science", "science.json"),
        ("setting", "database-setting.json"),
    ]


def test_what_a_client_hard_codes(tmp_path: Path) -> None:
    client = "new MPServerless(wx, { appId: 'a', spaceId: 'mp-1f', clientSecret: 'c2VjcmV0==', endpoint: 'https://x' })"
    write(tmp_path, {"app.js": client, "functions/a/index.js": "module.exports = async (ctx) => 1"})
    project = find_project(tmp_path)
    assert (project.kind, project.space_id, project.client_secret) == ("mpserverless", "mp-1f", "c2VjcmV0==")


def test_of_several_clouds_folders_the_one_with_context_functions(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "project.config.json": '{"cloudfunctionRoot": "cloudfunctions/"}',
            "app.js": "new MPServerless(wx, {})",
            "cloudfunctions/old/index.js": "exports.main = async () => 1",
            "functions/x/index.js": "export default async () => 1",
            "functionsEMAS/a/index.js": "module.exports = async (ctx) => 1",
            "functionsEMAS/b/index.js": "module.exports = async (ctx) => 1",
        },
    )
    assert [source.name for source in find_project(tmp_path).functions] == ["a", "b"]
