"""Finding the cloud part of projects as they occur in public: layouts, project files, space ids."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from yunbox.errors import InvalidRequest
from yunbox.projects import find_functions, find_project, why_skipped

FUNCTION = "exports.main = async () => 1\n"
CONTEXT_FUNCTION = "module.exports = async (ctx) => ctx.args\n"


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


def names(root: Path) -> list[str]:
    return [source.name for source in find_project(root).functions]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        pytest.param(
            {"project.config.json": '{"cloudfunctionRoot": "cloud/fns/"}', "cloud/fns/a/index.js": FUNCTION},
            ["a"],
            id="named-root",
        ),
        pytest.param(
            {
                "project.config.json": '\ufeff{\n // where\n "cloudfunctionRoot": "./cf/", /* x */ "appid": "wx1",\n}',
                "cf/a/index.js": FUNCTION,
            },
            ["a"],
            id="bom-comments-comma",
        ),
        pytest.param(
            {
                "project.config.json": '{"cloudfunctionRoot": "/cloudfunctions|prod-1"}',
                "cloudfunctions/b/index.js": FUNCTION,
            },
            ["b"],
            id="environment-behind-a-bar",
        ),
        pytest.param(
            {"project.config.json": "{}", "cloudfunctions|dev-x/c/index.js": FUNCTION}, ["c"], id="folder-with-a-bar"
        ),
        pytest.param(
            {"project.config.json": '{"cloudfunctionRoot": "CloudFunctions"}', "cloudfunctions/d/index.js": FUNCTION},
            ["d"],
            id="wrong-case",
        ),
        pytest.param(
            {"mini/project.config.json": '{"cloudfunctionRoot": "../server/fn"}', "server/fn/e/index.js": FUNCTION},
            ["e"],
            id="nested-project-file",
        ),
        pytest.param({"cloudfunctions/f/index.js": FUNCTION, "app.json": "{}"}, ["f"], id="no-project-file"),
        pytest.param({"functions/g/index.js": CONTEXT_FUNCTION}, ["g"], id="functions"),
        pytest.param(
            {"cloudbaserc.json": '{"envId": "e-1", "functionRoot": "fns"}', "fns/h/index.js": FUNCTION},
            ["h"],
            id="cloudbaserc",
        ),
        pytest.param(
            {
                "cloudbaserc.json": '{"functions": [{"name": "i", "handler": "app.main"}]}',
                "functions/i/app.js": FUNCTION,
            },
            ["i"],
            id="handler",
        ),
        pytest.param(
            {
                "project.config.json": "{}",
                "cloudfunctions/j/package.json": '{"main": "lib/start"}',
                "cloudfunctions/j/lib/start.js": FUNCTION,
            },
            ["j"],
            id="package-main",
        ),
        pytest.param({"a/index.js": FUNCTION, "b/index.js": FUNCTION}, ["a", "b"], id="folder-of-functions"),
        pytest.param(
            {"project.config.json": "{ not json", "cloudfunctions/k/index.js": FUNCTION},
            ["k"],
            id="broken-project-file",
        ),
        pytest.param({"project.config.json": '{"appid": "wx1"}', "pages/index.js": "Page({})"}, [], id="no-functions"),
    ],
)
def test_functions_are_found(tmp_path: Path, files: dict[str, str], expected: list[str]) -> None:
    assert names(write(tmp_path, files)) == expected


def test_single_function_is_a_project(tmp_path: Path) -> None:
    root = write(tmp_path / "hello", {"index.js": FUNCTION, "lib/index.js": ""})
    project = find_project(root)
    assert [(source.name, source.directory) for source in project.functions] == [("hello", root)]


def test_directories_without_entry_are_told(tmp_path: Path) -> None:
    write(
        tmp_path, {"cloudfunctions/a/index.js": FUNCTION, "cloudfunctions/shared/x.js": "", "project.config.json": "{}"}
    )
    project = find_project(tmp_path)
    assert [path.name for path in project.skipped] == ["shared"]


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"index.ts": "", "package.json": "{}"}, "TypeScript"),
        ({"package.json": '{"main": "dist/app.js"}'}, "main"),
        ({"x.js": ""}, "no entry file"),
    ],
)
def test_a_directory_without_entry_is_told_why(tmp_path: Path, files: dict[str, str], reason: str) -> None:
    assert reason in why_skipped(write(tmp_path, files))


def test_settings_of_functions(tmp_path: Path) -> None:
    content = {
        "envId": "{{env.ENV_ID}}",
        "functions": [{"name": "a", "timeout": 9, "envVariables": {"X": "1", "Y": "{{env.Y}}"}}],
    }
    write(tmp_path, {"cloudbaserc.json": json.dumps(content), "functions/a/index.js": FUNCTION})
    (source,) = find_project(tmp_path).functions
    assert source.settings["timeout"] == 9
    assert source.settings["envVariables"] == {"X": "1"}


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        pytest.param({"app.js": "wx.cloud.init({\n env: 'test-1a2b', traceUser: true })"}, "test-1a2b", id="client"),
        pytest.param({"app.js": "// wx.cloud.init({ env: 'old-1' })\nwx.cloud.init({})"}, "my-app", id="comment"),
        pytest.param({"app.js": "wx.cloud.init({ env: '请填写环境ID' })"}, "my-app", id="placeholder"),
        pytest.param({"app.js": "wx.cloud.init({ env: 'xxxxxx' })"}, "my-app", id="crossed-out"),
        pytest.param({"app.js": "wx.cloud.init({ env: 'your-env-id' })"}, "my-app", id="your-env-id"),
        pytest.param({"app.js": "wx.cloud.init({ env: config.env })"}, "my-app", id="expression"),
        pytest.param(
            {
                "app.js": "wx.cloud.init({ env: 'client-1' })",
                "cloudfunctions/b/index.js": "cloud.init({ env: 'server-1' })\ncloud.init({ env: 'server-1' })",
            },
            "client-1",
            id="client-first",
        ),
        pytest.param(
            {"cloudbaserc.json": '{"envId": "rc-1"}', "app.js": "wx.cloud.init({env: 'x-1'})"}, "rc-1", id="rc"
        ),
        pytest.param({}, "my-app", id="directory"),
    ],
)
def test_space_id(tmp_path: Path, files: dict[str, str], expected: str) -> None:
    root = write(tmp_path / "my-app", {"cloudfunctions/a/index.js": FUNCTION, **files})
    assert find_project(root).space_id == expected


@pytest.mark.parametrize("name", ["我的小程序", "My App", "x" * 80, "..weird"])
def test_space_id_of_any_directory_is_valid_and_stable(tmp_path: Path, name: str) -> None:
    root = write(tmp_path / name, {"cloudfunctions/a/index.js": FUNCTION})
    space_id = find_project(root).space_id
    assert space_id == find_project(root).space_id
    assert 0 < len(space_id) <= 64
    assert space_id[0].isalnum()
    assert set(space_id) <= set("abcdefghijklmnopqrstuvwxyz0123456789-_")


@pytest.mark.parametrize(
    ("files", "kind"),
    [
        ({"project.config.json": "{}", "cloudfunctions/a/index.js": FUNCTION}, "wechat"),
        ({"functions/a/index.js": CONTEXT_FUNCTION}, "mpserverless"),
        (
            {"functions/a/index.js": FUNCTION, "app.js": "const M = require('@alicloud/mpserverless-sdk')"},
            "mpserverless",
        ),
        ({"functions/a/index.js": FUNCTION}, "functions"),
    ],
)
def test_kind(tmp_path: Path, files: dict[str, str], kind: str) -> None:
    assert find_project(write(tmp_path, files)).kind == kind


def test_collections_of_client_and_functions(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "project.config.json": "{}",
            "pages/index.js": "db.collection('todos').get(); db.collection(name)",
            "cloudfunctions/a/index.js": 'db.collection("users").doc("1") // db.collection("gone")',
            "cloudfunctions/a/node_modules/x/index.js": "db.collection('foreign')",
        },
    )
    assert find_project(tmp_path).collections == ("todos", "users")


def test_app_id(tmp_path: Path) -> None:
    write(tmp_path, {"project.config.json": '{"appid": "wx0123456789abcdef"}', "cloudfunctions/a/index.js": FUNCTION})
    assert find_project(tmp_path).app_id == "wx0123456789abcdef"


def test_not_a_project(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match=r"project\.config\.json"):
        find_project(write(tmp_path, {"README.md": ""}))
    with pytest.raises(InvalidRequest, match="not a directory"):
        find_project(tmp_path / "missing")


def test_one_of_several_functions_by_name(tmp_path: Path) -> None:
    write(tmp_path, {"a/index.js": FUNCTION, "b/index.js": FUNCTION})
    found, _ = find_functions(tmp_path, "b")
    assert [source.name for source in found] == ["b"]
    with pytest.raises(InvalidRequest, match="no `c`"):
        find_functions(tmp_path, "c")
