"""``python -m yunbox.cli``."""

from __future__ import annotations

from yunbox.cli import main

main()
