"""Writes the bill of materials of a release: `make sbom`. CycloneDX 1.6, from the lock alone; the licences from what is installed."""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from supply import licences
from supply.pins import CPU_LOCK, CUDA_LOCK, LOCK, ROOT, read_files, written

PLACE = ROOT / "dist" / "gembalens.cdx.json"
_VERSION = re.compile(r"^## (\d+\.\d+\.\d+)", re.MULTILINE)


def bill(locks: Sequence[Path]) -> dict[str, Any]:
    """The bill of everything in these locks. Raises CalledProcessError, or Unlocked for a lock that is none."""
    pins = {pin.name: pin for pin in read_files(*locks)}
    with tempfile.TemporaryDirectory() as scratch:
        everything, made = Path(scratch, "requirements.lock"), Path(scratch, "bill.json")
        everything.write_text(written(pins.values(), "all locks"), "utf-8")
        words = ["requirements", str(everything), "--sv", "1.6", "--of", "JSON", "--output-reproducible", "--no-validate", "-o", str(made)]
        subprocess.run([sys.executable, "-m", "cyclonedx_py", *words], check=True, capture_output=True, text=True)
        found: dict[str, Any] = json.loads(made.read_text("utf-8"))
    found["metadata"]["component"] = {"type": "application", "name": "gembalens", "version": version(), "bom-ref": "gembalens"}
    known = licences.installed(pins, licences.rules())
    for component in found["components"]:
        component.pop("description", None)  # the line of the lock, once more
        said = known.get(component["name"])
        if said:
            component["licenses"] = [{"expression": said}]
    return found


def version() -> str:
    """Ours: the newest heading of CHANGELOG.md."""
    said = _VERSION.search((ROOT / "CHANGELOG.md").read_text("utf-8"))
    assert said, "CHANGELOG.md names no version"
    return said[1]


def main(argv: Sequence[str] | None = None) -> int:
    """Write the file."""
    parser = argparse.ArgumentParser(prog="supply.sbom", description=__doc__)
    parser.add_argument("--cuda", action="store_true", help="with torch's build for GPUs and its libraries")
    parser.add_argument("--out", type=Path, default=PLACE)
    given = parser.parse_args(argv)
    found = bill([LOCK, CUDA_LOCK if given.cuda else CPU_LOCK])
    text = json.dumps(found, indent=1, sort_keys=True) + "\n"
    fault = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if fault is not None:
        print(f"This is no CycloneDX 1.6: {fault}", file=sys.stderr)
        return 1
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(text, "utf-8")
    print(f"{given.out}: {len(found['components'])} components")
    return 0


if __name__ == "__main__":
    sys.exit(main())
