"""How much is measured: ``YUNBOX_BENCH_DOCUMENTS`` (a million) and what follows from it."""

from __future__ import annotations

import os

LARGE = int(os.environ.get("YUNBOX_BENCH_DOCUMENTS", "1000000"))
"""Documents of the large collection."""
MIDDLE = min(LARGE, 100_000)
"""Documents of the collection that most is measured on."""
SMALL = max(min(LARGE // 10, 10_000), 100)
FULL = LARGE >= 1_000_000
"""Whether the gates, which are for a million documents, can be judged."""


def repeats(times: int) -> int:
    """How often something is done that is done ``times`` times at full size; a tenth where nothing is judged."""
    return times if LARGE >= 10_000 else max(2, times // 10)
