"""Install the locked Python packages, and this project itself, into the virtual environment that runs this file."""

from __future__ import annotations

import compileall
import subprocess
import sys
import sysconfig
from pathlib import Path

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
    for entry in entry_points():
        program = Path(sys.executable).parent / entry
        program.write_text(
            f"#!{sys.executable}\nimport sys\nfrom yunbox.cli import main\nsys.exit(main())\n", encoding="utf-8"
        )
        program.chmod(0o755)


def entry_points() -> list[str]:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return list(project["project"]["scripts"])


if __name__ == "__main__":
    main(sys.argv[1])
