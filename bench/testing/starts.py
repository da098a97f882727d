"""How long a test waits for its cloud: the first of a process, further ones, and the first from npm."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
ROUNDS = 5
FURTHER = 5
PAUSE_S = 0.2
"""Between two starts, as a test takes: keys are made meanwhile."""

_PYTHON = f"""
import time
from yunbox.testing import start_cloud
took = []
for _ in range({1 + FURTHER}):
    began = time.perf_counter()
    start_cloud()
    took.append((time.perf_counter() - began) * 1000)
    time.sleep({PAUSE_S})
print(*took)
"""
_NODE = f"""
const {{ startCloud }} = require('{ROOT / "sdk" / "js" / "testing"}')
async function main () {{
  const took = []
  for (let n = 0; n < {1 + FURTHER}; n++) {{
    const began = performance.now()
    await startCloud()
    took.push(performance.now() - began)
    await new Promise(resolve => setTimeout(resolve, {PAUSE_S * 1000}))
  }}
  console.log(took.join(' '))
}}
main()
"""


def run() -> None:
    """Print the median and the worst of some processes, in milliseconds."""
    for name, command in {"Python": [sys.executable, "-c", _PYTHON], "npm": ["node", "-e", _NODE]}.items():
        first: list[float] = []
        further: list[float] = []
        for _ in range(ROUNDS):
            took = _measure(command)
            first.append(took[0])
            further += took[1:]
        _show(f"{name}: first cloud", first)
        _show(f"{name}: further cloud", further)


def _measure(command: list[str]) -> list[float]:
    environment = {**os.environ, "YUNBOX": str(Path(sys.executable).parent / "yunbox")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    time.sleep(PAUSE_S)
    return [float(text) for text in done.stdout.split()]


def _show(name: str, took: list[float]) -> None:
    print(f"{name:<24} median {statistics.median(took):7.1f} ms   worst {max(took):7.1f} ms", flush=True)
