"""Sees to it that there is a Chromium for the browser tests: the machine's own, else Debian's, else Playwright's. Fails when none can be had.

And strace for the tests of faults, where Debian's can be had.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")


def installed() -> str | None:
    """The machine's own Chromium, if it has one that starts."""
    for name in NAMES:
        path = shutil.which(name)
        if path and subprocess.run([path, "--version"], capture_output=True, check=False).returncode == 0:
            return path
    return None


def playwrights_own() -> str | None:
    """The Chromium that Playwright fetched for itself, if it did."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() else None


def reads_chinese() -> bool:
    """Whether the machine has letters for Chinese."""
    lister = shutil.which("fc-list")
    return bool(lister) and bool(subprocess.run([str(lister), ":lang=zh"], capture_output=True, check=False).stdout.strip())


def by_apt(*packages: str) -> bool:
    """Install Debian packages; False when this machine or this user cannot."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return False
    print(f"Installing {' and '.join(packages)} ...", flush=True)
    quiet = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq"]
    subprocess.run([*quiet, "update"], check=False, stdout=subprocess.DEVNULL)
    done = subprocess.run([*quiet, "install", "--yes", "--no-install-recommends", *packages], check=False, stdout=subprocess.DEVNULL)
    return done.returncode == 0


def main() -> int:
    """0 when a browser is there at the end."""
    if not reads_chinese():
        by_apt("fontconfig", "fonts-noto-cjk")  # without it Chinese is boxes on a screenshot; no test reads pixels of letters
    if not shutil.which("strace"):
        by_apt("strace")  # tests/annotations/test_faults.py refuses system calls with it, and is red without it
    if installed() or playwrights_own():
        return 0
    if by_apt("chromium") and installed():
        return 0
    print("Fetching Playwright's own Chromium ...", flush=True)
    subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)
    if playwrights_own():
        return 0
    print("There is no Chromium, and none could be installed. Install the package `chromium`, then try again.", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
