"""The files that reviewed frames can be written as. A new one: a file with `write` and `read`, and a line here. No single file serves all trainers."""

from __future__ import annotations

from collections.abc import Mapping

from annotations.formats import (
    coco,
    cvat,
    dpo_lf,
    dpo_swift,
    dpo_trl,
    kto_trl,
    label_studio,
    parquet,
    sft_parts,
    sft_qwen,
    sft_swift_grounding,
    sft_tag,
    sheet,
    tab,
    voc,
    yolo,
)
from annotations.formats.folder import Format
from annotations.formats.labelled import Exchange
from core.geometry import BoxFormat
from core.schema import Pair, Sample


def _plain_numbers(fmt: BoxFormat) -> bool:
    """Whether boxes are pixels or thousandths, as ms-swift knows them."""
    return fmt.order == "xyxy" and fmt.scale in (None, 1000) and not fmt.bins


FORMATS: Mapping[str, Format[Sample]] = {
    "sft_tag": Format(sft_tag.FILE, sft_tag.write, sft_tag.read, sft_tag.VALID_FOR, sft_tag.NOT_FOR),
    "sft_parts": Format(sft_parts.FILE, sft_parts.write, sft_parts.read, sft_parts.VALID_FOR, sft_parts.NOT_FOR),
    "sft_qwen": Format(sft_qwen.FILE, sft_qwen.write, sft_qwen.read, sft_qwen.VALID_FOR, sft_qwen.NOT_FOR),
    "sft_swift_grounding": Format(
        sft_swift_grounding.FILE,
        sft_swift_grounding.write,
        sft_swift_grounding.read,
        sft_swift_grounding.VALID_FOR,
        sft_swift_grounding.NOT_FOR,
        _plain_numbers,
    ),
}
"""What teaches by example, by the name a person asks for."""

PAIR_FORMATS: Mapping[str, Format[Pair]] = {
    "dpo_lf": Format(dpo_lf.FILE, dpo_lf.write, dpo_lf.read, dpo_lf.VALID_FOR, dpo_lf.NOT_FOR),
    "dpo_swift": Format(dpo_swift.FILE, dpo_swift.write, dpo_swift.read, dpo_swift.VALID_FOR, dpo_swift.NOT_FOR),
    "dpo_trl": Format(dpo_trl.FILE, dpo_trl.write, dpo_trl.read, dpo_trl.VALID_FOR, dpo_trl.NOT_FOR),
}
"""What teaches by preference."""

VERDICT_FORMATS: Mapping[str, Format[tuple[Sample, bool]]] = {
    "kto_trl": Format(kto_trl.FILE, kto_trl.write, kto_trl.read, kto_trl.VALID_FOR, kto_trl.NOT_FOR),
}
"""What teaches by single answers that were good or not."""

EXCHANGES: Mapping[str, Exchange] = {
    "coco": Exchange(coco.FILE, coco.write, coco.read, coco.CARRIES, coco.ABOUT),
    "yolo": Exchange(yolo.FILE, yolo.write, yolo.read, yolo.CARRIES, yolo.ABOUT),
    "voc": Exchange(voc.FILE, voc.write, voc.read, voc.CARRIES, voc.ABOUT),
    "label_studio": Exchange(label_studio.FILE, label_studio.write, label_studio.read, label_studio.CARRIES, label_studio.ABOUT),
    "cvat": Exchange(cvat.FILE, cvat.write, cvat.read, cvat.CARRIES, cvat.ABOUT),
    "parquet": Exchange(parquet.FILE, parquet.write, parquet.read, parquet.CARRIES, parquet.ABOUT),
    "csv": Exchange(sheet.FILE, sheet.write, sheet.read, sheet.CARRIES, sheet.ABOUT),
    "tab": Exchange(tab.FILE, tab.write, tab.read, tab.CARRIES, tab.ABOUT),
}
"""What other tools read: frames with all that is true of them, as far as such a file can carry it."""

NAMES = (*FORMATS, *PAIR_FORMATS, *VERDICT_FORMATS, *EXCHANGES)
"""Everything that can be asked for."""
