"""`dpo.lf.json`: one list of a question with its frame, the chosen and the rejected answer, as LLaMA-Factory reads pairs. With its `dataset_info.json`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import orjson

from annotations.formats.folder import TAG
from annotations.formats.paired import listed, opened, pair, plain
from core.errors import Malformed
from core.schema import Pair

FILE, INFO = "dpo.lf.json", "dataset_info.json"
VALID_FOR = ("LLaMA-Factory 0.9.5 (dataset gembalens_dpo)",)
NOT_FOR = ("ms-swift 4.6: loads it and drops the preference silently", "TRL 1.16")

_DATASET_INFO = {
    "gembalens_dpo": {
        "file_name": FILE,
        "formatting": "sharegpt",
        "ranking": True,
        "columns": {"messages": "conversations", "chosen": "chosen", "rejected": "rejected", "images": "images"},
    }
}


def write(pairs: Iterable[Pair], folder: Path) -> tuple[Path, ...]:
    """A JSON list, one pair a line, written as it goes; and our data set among those that the loader's file knows already."""
    path, info = folder / FILE, folder / INFO
    with path.open("wb") as file:
        file.write(b"[")
        for i, each in enumerate(pairs):
            file.write((b",\n" if i else b"\n") + orjson.dumps(_entry(each)))
        file.write(b"\n]\n")
    known = orjson.loads(info.read_bytes()) if info.exists() else {}
    info.write_bytes(orjson.dumps({**known, **_DATASET_INFO}, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    return path, info


def read(folder: Path) -> tuple[Pair, ...]:
    """The pairs of a folder. Raises Malformed with file, entry and reason."""
    pairs = []
    for place, entry in listed(folder / FILE):
        match entry:
            case {
                "conversations": [{"from": "human", "value": str(asked)}],
                "chosen": {"from": "gpt", "value": str(chosen)},
                "rejected": {"from": "gpt", "value": str(rejected)},
                "images": [str(image)],
            }:
                pairs.append(pair(folder, image, opened(asked, place), chosen, rejected, entry, place))
            case _:
                raise Malformed(f"{place}: not one question with one frame, a chosen and a rejected answer.")
    return tuple(pairs)


def _entry(each: Pair) -> dict[str, object]:
    prompt, chosen, rejected = plain(each)
    return {
        "conversations": [{"from": "human", "value": f"{TAG}{prompt}"}],
        "chosen": {"from": "gpt", "value": chosen},
        "rejected": {"from": "gpt", "value": rejected},
        "images": [each.image],
        "kinds": list(each.kinds),
        "model": each.model,
    }
