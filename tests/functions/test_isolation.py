"""What a function cannot reach, and what it may leave behind."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.functions.conftest import ANN, Bench
from yunbox.errors import FunctionFailed
from yunbox.functions.runners.confinement import describe_isolation
from yunbox.tools import landlock

READ = "exports.main = e => { try { return require('fs').readFileSync(e.path, 'utf8') } catch (error) { return error.code } }"
WRITE = "exports.main = e => { try { require('fs').writeFileSync(e.path, 'x'); return 'written' } catch (error) { return error.code } }"

confined = pytest.mark.skipif(landlock.version() == 0, reason="this kernel has no landlock")


@confined
async def test_what_cannot_be_read(bench: Bench) -> None:
    for name in ("secret.key", "admin.token"):
        (bench.data / name).write_text("secret")
    other = await bench.deploy("other", {"index.js": "exports.main = () => 1", "private.txt": "other's"})
    await bench.deploy("f", READ)
    secrets = [
        bench.data / "secret.key",
        bench.data / "admin.token",
        bench.data / "server.sqlite",
        bench.data / "spaces" / "demo" / "functions.sqlite",
        other.directory / "private.txt",
        Path(f"/proc/{os.getpid()}/environ"),
        Path("/root/.bashrc"),
        Path("/etc/shadow"),
    ]
    seen = {str(path): await bench.call("f", {"path": str(path)}) for path in secrets if path.exists()}
    assert set(seen.values()) == {"EACCES"}, seen


@confined
async def test_what_cannot_be_written(bench: Bench) -> None:
    await bench.deploy("f", WRITE)
    places = [bench.data / "new.txt", bench.data / "server.sqlite", "index.js", "new.js", "/usr/new", "/dev/shm/new"]
    seen = {str(path): await bench.call("f", {"path": str(path)}) for path in places}
    assert set(seen.values()) <= {"EACCES", "EXDEV"}, seen


@confined
async def test_other_processes_are_out_of_reach(bench: Bench) -> None:
    code = "exports.main = e => { try { process.kill(e.pid, 'SIGCONT'); return 'sent' } catch (error) { return error.code } }"
    if landlock.version() >= 6:
        assert await bench.run(code, {"pid": os.getpid()}) == "EPERM"


async def test_the_environment_is_clean(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVER_SECRET", "secret")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    env: dict[str, str] = await bench.run("exports.main = () => ({ ...process.env })")
    assert "SERVER_SECRET" not in env
    assert "KUBERNETES_SERVICE_HOST" not in env
    assert set(env) & set(os.environ) <= {"PATH", "LANG", "HOME", "TZ", "TMPDIR"}


async def test_tmp_is_private_and_survives_while_warm(bench: Bench) -> None:
    code = """
        const fs = require('fs')
        exports.main = async e => {
          if (e.read) return { text: fs.readFileSync('/tmp/a/b.txt', 'utf8'), names: await fs.promises.readdir('/tmp') }
          fs.mkdirSync('/tmp/a', { recursive: true })
          await require('util').promisify(fs.writeFile)('/tmp/a/b.txt', 'kept')
          await new Promise(resolve => fs.createWriteStream('/tmp/c.txt').end('c', resolve))
          const made = fs.mkdtempSync(require('os').tmpdir() + '/x-')
          return fs.existsSync(made)
        }
        """
    await bench.deploy("f", code)
    assert await bench.call("f") is True
    seen = await bench.call("f", {"read": True})
    assert seen["text"] == "kept"
    assert {name[:1] for name in seen["names"]} == {"a", "c", "x"}
    await bench.deploy("g", code)
    with pytest.raises(FunctionFailed, match="ENOENT"):
        await bench.call("g", {"read": True})
    assert not Path("/tmp/a/b.txt").exists()


async def test_children_end_with_the_function(bench: Bench) -> None:
    pid = await bench.run("exports.main = () => require('child_process').spawn('sleep', ['60']).pid")
    assert Path(f"/proc/{pid}").exists()
    await bench.service.close()
    state = Path(f"/proc/{pid}/stat")
    assert not state.exists() or state.read_text().split()[2] == "Z"


async def test_two_spaces_do_not_share_functions(bench: Bench) -> None:
    bench.spaces.create("second")
    await bench.deploy("f", "exports.main = () => process.env.TCB_ENV")
    await bench.deploy("f", "exports.main = () => process.env.SCF_NAMESPACE + '!'", space="second")
    second = ANN.__class__(kind="user", space="second", openid="x")
    assert [await bench.call("f"), await bench.call("f", caller=second)] == ["demo", "second!"]


def test_the_description_names_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landlock, "version", lambda: 0)
    described = describe_isolation(tmp_path)
    assert (described.level, described.confines_files) == ("none", False)
    assert "not isolated" in described.notes[0]
