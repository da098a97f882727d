"""The command line: ``yunbox``."""

from __future__ import annotations

import sys

from yunbox import __version__


def main() -> None:
    """Run the command line with the program's arguments."""
    # The version is asked for by scripts and editors, so it must not wait for imports.
    if sys.argv[1:] == ["--version"]:
        print(f"yunbox {__version__}")
        return
    from yunbox.cli.program import program

    program()


__all__ = ["main"]
