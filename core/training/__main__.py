"""`python -m core.training JOB_FOLDER`: the one process that does a training, from measuring to the report. It asks nobody and opens no port."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from core.settings import quiet_frameworks


def main() -> int:
    """0: done. 1: it failed; `state.json` says why. 143: somebody ended it; it can go on."""
    if len(sys.argv) != 2:
        print("python -m core.training JOB_FOLDER", file=sys.stderr)
        return 2
    if hasattr(os, "nice"):
        os.nice(max(0, 10 - os.nice(0)))  # people at the screens come first
    with tempfile.TemporaryDirectory(prefix="gembalens-training-") as work:
        quiet_frameworks(Path(work))
        from core.errors import AppError
        from core.training.job import run

        try:
            state = run(Path(sys.argv[1]))
        except AppError as error:
            print(error, file=sys.stderr)
            return 1
    if state.error:
        print(state.error, file=sys.stderr)
    return {"done": 0, "cancelled": 143}.get(state.phase, 1)


if __name__ == "__main__":
    sys.exit(main())
