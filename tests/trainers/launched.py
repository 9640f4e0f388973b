"""Starts the script that we ship for TRL as `accelerate launch` would, with what stands in for compiled parts that a CPU build lacks."""

from __future__ import annotations

import runpy
import sys

from tests.trainers.in_trl import SCRIPT
from tests.trainers.standing_in import compiled_parts

if __name__ == "__main__":
    compiled_parts()
    sys.argv[0] = str(SCRIPT)
    runpy.run_path(str(SCRIPT), run_name="__main__")
