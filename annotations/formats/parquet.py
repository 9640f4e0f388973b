"""A Parquet file as Hugging Face `datasets` keeps pictures with labels: a row a frame, the picture inside, and a card that names the file.

`datasets.load_dataset(FOLDER)` finds it by the card (`README.md`). Boxes are shares of the frame: left, top, right, bottom. Rows go out in groups of a
few dozen, so that no more pictures than those are ever in memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from annotations.bringing.incoming import Incoming, Refused
from annotations.formats.heard import Heard, Hearing, incoming
from annotations.formats.labelled import ALL, Frames, Labelled
from core.errors import Malformed
from core.profile import Profile
from core.schema import FIELDS, Box

FILE = "frames.parquet"
CARD = "README.md"
CARRIES = ALL
ABOUT = "Hugging Face datasets, pandas, DuckDB. Hazards by name, without their boxes"

AT_ONCE = 64  # rows of a group; each may hold a picture
MOST_PICTURE = 100 * 2**20  # bytes

_TEXT = {"dtype": "string", "_type": "Value"}
_FEATURES: dict[str, Any] = {
    "image": {"_type": "Image"},
    "frame_id": _TEXT,
    "width": {"dtype": "int32", "_type": "Value"},
    "height": {"dtype": "int32", "_type": "Value"},
    "findings": [{"label": _TEXT, "box": [{"dtype": "float64", "_type": "Value"}]}],
    **dict.fromkeys(FIELDS, _TEXT),
    "violations": [_TEXT],
    "risk": _TEXT,
}


def write(frames: Frames, profile: Profile, folder: Path) -> tuple[Path, ...]:
    """The file, and the card that `datasets` finds it by."""
    from pyarrow.parquet import ParquetWriter  # type: ignore[import-untyped]

    path, card = folder / FILE, folder / CARD
    schema = _schema()
    flow = iter(frames(False))
    with ParquetWriter(path, schema, compression="zstd", use_dictionary=["risk", *FIELDS]) as writer:
        while some := list(islice(flow, AT_ONCE)):
            writer.write_batch(_batch(some, folder, schema))
    card.write_text(carded({"train": FILE}, profile.key), "utf-8")
    return path, card


def carded(splits: dict[str, str], profile: str) -> str:
    """The card of a folder: which file is which split."""
    lines = ["---", "configs:", "- config_name: default", "  data_files:"]
    for split, file in splits.items():
        lines += [f"  - split: {split}", f"    path: {file}"]
    return "\n".join([*lines, "---", "", f"Frames with what people said of them, in the words of the profile {profile}.", ""])


def _schema() -> Any:
    import pyarrow as pa  # type: ignore[import-untyped]

    finding = pa.struct([("label", pa.string()), ("box", pa.list_(pa.float64()))])
    columns = [
        ("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
        ("frame_id", pa.string()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("findings", pa.list_(finding)),
        *((name, pa.string()) for name in FIELDS),
        ("violations", pa.list_(pa.string())),
        ("risk", pa.string()),
    ]
    return pa.schema(columns, metadata={"huggingface": orjson.dumps({"info": {"features": _FEATURES}})})


def _batch(some: Sequence[Labelled], folder: Path, schema: Any) -> Any:
    import pyarrow as pa

    rows = [
        {
            "image": {"bytes": _bytes(folder / each.image), "path": each.image},
            "frame_id": each.frame_id,
            "width": each.width,
            "height": each.height,
            "findings": [{"label": thing.label, "box": None if thing.box is None else list(thing.box)} for thing in each.said.findings],
            **{name: getattr(each.said.step, name).value for name in FIELDS},
            "violations": list(dict.fromkeys(fault.hazard for fault in each.said.violations)),
            "risk": each.said.risk.level,
        }
        for each in some
    ]
    return pa.RecordBatch.from_pylist(rows, schema=schema)


def _bytes(picture: Path) -> bytes | None:
    try:
        return picture.read_bytes()
    except FileNotFoundError:
        return None


def read(path: Path, profile: Profile, by: str) -> Iterator[Incoming | Refused]:
    """Row by row; the picture is the file that the row names, or the bytes inside. Raises Malformed for a file without these columns."""
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    hearing = Hearing(profile, by)
    number = 0
    try:
        with ParquetFile(path) as file:
            missing = sorted({"image", "findings"} - set(file.schema_arrow.names))
            if missing:
                raise Malformed(f"{path.name}: there is no column {missing[0]}. Nothing was taken.")
            for batch in file.iter_batches(batch_size=AT_ONCE):
                for row in batch.to_pylist():
                    number += 1
                    place = f"{path.name}, row {number}"
                    try:
                        yield _incoming(place, row, path, hearing)
                    except Malformed as error:
                        yield Refused(place, error)
    except (ArrowException, OSError) as error:
        raise Malformed(f"{path.name}: this is no Parquet file that can be read ({str(error)[:200]}).") from error


def _incoming(place: str, row: dict[str, Any], path: Path, hearing: Hearing) -> Incoming:
    heard = Heard(reviewed=True)
    for each in row["findings"] or []:
        match each:
            case {"label": str(label), "box": None}:
                box = None
            case {"label": str(label), "box": [float(), float(), float(), float()] as corners}:
                try:
                    box = Box(*corners)
                except ValueError as error:
                    raise Malformed(f"{place}: {error}. The frame was not taken.") from error
            case _:
                raise Malformed(f"{place}: a finding has a label and four shares of the frame, or no box. The frame was not taken.")
        heard.findings.append(hearing.finding(place, label, box))
    hearing.step(place, {name: row.get(name) for name in FIELDS}, heard)
    heard.hazards += [hearing.hazard(place, str(word)) for word in row.get("violations") or []]
    if row.get("risk") is not None:
        hearing.grade(place, str(row["risk"]), heard)
    match row["image"]:
        case {"path": str(file), "bytes": content} if content is None or len(content) <= MOST_PICTURE:
            inside = not Path(file).is_absolute() and ".." not in Path(file).parts
            held = None if content is None or (inside and (path.parent / file).is_file()) else content
        case _:
            raise Malformed(f"{place}: there is no picture, or one that is too large. The frame was not taken.")
    size = (row["width"], row["height"]) if row.get("width") and row.get("height") else None
    return incoming(place, file, size, told=[hearing.told(heard, f"Parquet: {path.name}"[:300])], content=held)
