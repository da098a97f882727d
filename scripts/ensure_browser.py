"""Make sure the tests have a headless browser: Debian's Chromium, installed where that is possible."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")


def main() -> None:
    if any(shutil.which(name) for name in PROGRAMS):
        return
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        print(
            "No Chromium: install it to run the browser tests / 未找到 Chromium，浏览器测试将不会运行", file=sys.stderr
        )
        return
    print("Installing Chromium for the browser tests / 正在安装浏览器测试所需的 Chromium", file=sys.stderr)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", "chromium"]):
        done = subprocess.run(["apt-get", *command], env=environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            print(f"apt-get {command[0]} failed: {done.stderr[-500:]}", file=sys.stderr)
            return


if __name__ == "__main__":
    main()
