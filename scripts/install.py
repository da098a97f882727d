"""Install the locked Python packages, and this project itself, into the virtual environment that runs this file."""

from __future__ import annotations

import compileall
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


def main(kind: str) -> None:
    lock = ROOT / "requirements" / f"{kind}.lock"
    pip("install", "--require-hashes", "--requirement", str(lock))
    link_project()


def pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", *arguments]
    subprocess.run(command, check=True)


def link_project() -> None:
    """Make `import yunbox` and the `yunbox` program use this checkout, without a build step or a download."""
    site = Path(sysconfig.get_path("purelib"))
    # Compiled once here: some environments forbid Python to keep what it compiles, and then every start would pay.
    compileall.compile_dir(ROOT / "src", quiet=1)
    (site / "yunbox-checkout.pth").write_text(f"{ROOT / 'src'}\n", encoding="utf-8")
    describe_project(site)
    for entry in project()["scripts"]:
        program = Path(sys.executable).parent / entry
        program.write_text(
            f"#!{sys.executable}\nimport sys\nfrom yunbox.cli import main\nsys.exit(main())\n", encoding="utf-8"
        )
        program.chmod(0o755)


def describe_project(site: Path) -> None:
    """What tells other packages of this one's plug-ins, such as pytest of the fixture."""
    name, version = project()["name"], project()["version"]
    directory = site / f"{name}-{version}.dist-info"
    directory.mkdir(exist_ok=True)
    (directory / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", encoding="utf-8")
    groups = project()["entry-points"].items()
    lines = [line for group, entries in groups for line in (f"[{group}]", *(f"{a} = {b}" for a, b in entries.items()))]
    (directory / "entry_points.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def project() -> dict[str, Any]:
    import tomllib

    content = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return dict(content["project"])


if __name__ == "__main__":
    main(sys.argv[1])
