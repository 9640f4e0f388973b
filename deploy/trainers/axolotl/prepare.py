"""Writes `sft.axolotl.jsonl` beside `sft.parts.jsonl`: the same lines, each frame named inside its question by an absolute path, as axolotl asks for it.

python prepare.py export/train
"""

from __future__ import annotations

import json
import sys
from pathlib import Path


def main() -> None:
    """One line a sample, in the set's order."""
    folder = Path(sys.argv[1]).resolve()
    with (folder / "sft.parts.jsonl").open(encoding="utf-8") as lines, (folder / "sft.axolotl.jsonl").open("w", encoding="utf-8") as out:
        for line in lines:
            said = json.loads(line)
            (frame,) = said["images"]
            asked, answered = said["messages"]
            asked["content"][0] = {"type": "image", "path": str(folder / frame)}
            out.write(json.dumps({"messages": [asked, answered]}, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
