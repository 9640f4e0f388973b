"""Holds everything that is locked against the known flaws: `make audit`. Red when there is one, and red when it could not ask about each.

0: every distribution was asked about, and none has a known flaw. 1: some have; they are named. 2: not all could be asked about, so nothing
is shown; what holds then are the floors (floors.toml), and they are told too. pip-audit alone would exit 0 where the service knows none of them.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from supply import floors
from supply.pins import CPU_LOCK, CUDA_LOCK, LOCK, Pin, Unlocked, read_files

SERVICES = ("pypi", "osv")  # the first that knows all of them is believed
LONGEST_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Found:
    """What one service said."""

    asked: frozenset[str]  # names of which it knows whether there are flaws
    flaws: tuple[str, ...] = ()  # a line each
    silence: str = ""  # why it said nothing, if so


def understood(text: str, pins: Iterable[Pin], complaint: str = "") -> Found:
    """pip-audit's JSON. What it skipped, and what is not at exactly our version, was not asked about."""
    locked = {pin.name: pin.version for pin in pins}
    try:
        entries = [
            (str(e["name"]), str(e.get("version")), list(e.get("vulns", ())), "vulns" in e) for e in json.loads(text)["dependencies"]
        ]
    except (json.JSONDecodeError, KeyError, TypeError, AttributeError):
        said = complaint.strip().splitlines()
        return Found(frozenset(), (), said[-1][:160] if said else "It gave no answer that can be read.")
    known = [(name, version, vulns) for name, version, vulns, answered in entries if answered and locked.get(name) == version]
    flaws = tuple(
        f"{name} {version}: {flaw['id']}, mended in {', '.join(flaw.get('fix_versions') or ['none yet'])}"
        for name, version, vulns in known
        for flaw in vulns
    )
    return Found(frozenset(name for name, _, _ in known), flaws, "" if known else "It knows none of them.")


def asked(pins: Sequence[Pin], service: str, osv_url: str | None = None) -> Found:
    """Ask one service about every pin, at its locked version and for every platform, with nothing from a cache."""
    with tempfile.TemporaryDirectory() as scratch:
        plain = Path(scratch, "plain.txt")
        plain.write_text("".join(f"{pin.name}=={pin.version}\n" for pin in pins), "utf-8")
        words = ["-r", str(plain), "--no-deps", "--disable-pip", "--format", "json", "--progress-spinner", "off", "--timeout", "20"]
        words += ["--cache-dir", str(Path(scratch, "cache")), "--vulnerability-service", service]
        words += ["--osv-url", osv_url] if osv_url else []
        try:
            done = subprocess.run(
                [sys.executable, "-m", "pip_audit", *words], capture_output=True, text=True, check=False, timeout=LONGEST_SECONDS
            )
        except subprocess.TimeoutExpired:
            return Found(frozenset(), (), f"No answer within {LONGEST_SECONDS} s.")
    return understood(done.stdout, pins, done.stderr)


def verdict(found: Found, pins: Sequence[Pin]) -> tuple[int, str]:
    """The exit code, and the sentences for it."""
    if found.flaws:
        return 1, "\n".join([*found.flaws, f"{len(found.flaws)} known flaws in {len(found.asked)} of {len(pins)} locked distributions."])
    missing = sorted(pin.name for pin in pins if pin.name not in found.asked)
    if not pins or missing:
        shown = ", ".join(missing[:5]) + (" ..." if len(missing) > 5 else "")
        return (
            2,
            f"Asked about {len(found.asked)} of {len(pins)} locked distributions, so nothing is shown. {found.silence} Missing: {shown}",
        )
    return 0, f"All {len(pins)} locked distributions were asked about; none has a known flaw."


def main(argv: Sequence[str] | None = None) -> int:
    """Ask, tell, and exit as the file says."""
    parser = argparse.ArgumentParser(prog="supply.audit", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("locks", nargs="*", type=Path, default=[LOCK, CPU_LOCK, CUDA_LOCK], help="lock files (default: ours)")
    parser.add_argument("--osv-url", help="ask only this service, which speaks OSV's protocol")
    given = parser.parse_args(argv)
    try:
        pins = read_files(*given.locks)
    except (Unlocked, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    code, words = 2, ""
    for service in ("osv",) if given.osv_url else SERVICES:
        code, words = verdict(asked(pins, service, given.osv_url), pins)
        print(f"{service}: {words}", file=sys.stderr if code else sys.stdout)
        if code < 2:
            break
    if code == 2:
        print(floors_held(pins), file=sys.stderr)
    return code


def floors_held(pins: Sequence[Pin]) -> str:
    """What can be said without a service."""
    least = floors.floors("distributions")
    locked = {pin.name: pin.version for pin in pins}
    asked_of = {name: floor for name, floor in least.items() if name in locked}
    below = list(floors.faults(asked_of, locked))
    held = (
        "Below the floors: " + " ".join(below)
        if below
        else f"{len(asked_of)} of {len(least)} floors of {floors.FILE.name} are met here, all kept."
    )
    return f"{held} That is no audit: run this where an advisory service can be reached."


if __name__ == "__main__":
    sys.exit(main())
