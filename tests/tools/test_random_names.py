from __future__ import annotations

import os
import re
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from yunbox.tools.random_names import random_hex, random_uuid


def test_names_differ_in_all_threads() -> None:
    with ThreadPoolExecutor(4) as pool:
        names = list(pool.map(lambda _: random_hex(), range(3000)))
    assert len(set(names)) == 3000
    assert all(re.fullmatch("[0-9a-f]{32}", name) for name in names)


def test_uuids_are_of_version_4() -> None:
    text = random_uuid()
    made = uuid.UUID(text)
    assert (str(made), made.version, made.variant) == (text, 4, uuid.RFC_4122)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_forked_process_has_other_names() -> None:
    random_hex()
    readable, writable = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writable, random_hex().encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(writable)
    theirs = os.read(readable, 100).decode()
    os.close(readable)
    assert theirs not in {random_hex() for _ in range(600)}
