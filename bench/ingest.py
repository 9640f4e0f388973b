"""A frame of 12 megapixels comes in: hashed, checked, kept, both previews, a row. Beside the same by separate passes, and a preview beside Pillow's thumbnail."""

from __future__ import annotations

import hashlib
import io
from itertools import count
from pathlib import Path

from PIL import Image

from annotations.desk import Desk
from annotations.store import FILE, Store
from bench.measure import Row, in_turns, median
from core.frames import Vault, preview
from core.profile import read
from core.settings import ASSETS

SIZE = (4000, 3000)


def photograph() -> bytes:
    """A real bench, as a telephone would have taken it: 12 megapixels with a camera's fine grain."""
    with Image.open(sorted((ASSETS / "samples").glob("*.jpg"))[0]) as small:
        large = small.convert("RGB").resize(SIZE, Image.Resampling.BICUBIC)
    grain = Image.effect_noise((1000, 750), 12).resize(SIZE, Image.Resampling.BILINEAR).convert("RGB")
    out = io.BytesIO()
    Image.blend(large, grain, 0.12).save(out, "JPEG", quality=90)
    return out.getvalue()


def measure(work: Path, runs: int) -> list[Row]:
    """CPU seconds of this process; every run is another frame, or it would be answered from what is kept."""
    content, serial = photograph(), count()
    vault = Vault(work / "data")
    with Store(work / "data" / FILE) as store:
        desk = Desk(store, vault, read(ASSETS / "profiles" / "bench.toml"))

        def whole() -> None:
            fresh = content + next(serial).to_bytes(4, "big")  # after the end mark of a JPEG nothing is looked at
            frame = desk.receive(fresh, "bench.jpg", by="bench")
            for size in (320, 1600):
                desk.preview(frame.id, size)

        def separate() -> None:
            fresh = content + next(serial).to_bytes(4, "big")
            file = work / f"{hashlib.sha256(fresh).hexdigest()}.jpg"
            file.write_bytes(fresh)
            with Image.open(file) as picture:
                picture.load()  # is it whole?
            for size in (320, 1600):
                with Image.open(file) as picture:
                    picture.thumbnail((size, size))
                    picture.save(work / f"{size}.jpg", quality=85)

        def thumbnail() -> None:
            picture = Image.open(io.BytesIO(content)).convert("RGB")
            picture.thumbnail((1600, 1600))
            picture.save(io.BytesIO(), "JPEG", quality=85)

        taken = in_turns(
            {"whole": whole, "separate": separate, "preview": lambda: preview(content, 1600, 85), "thumbnail": thumbnail}, runs
        )
    cpu = {name: 1000 * median([seconds for _, seconds in times]) for name, times in taken.items()}
    return [
        Row("ingest of 12 MP, CPU", cpu["whole"], cpu["separate"], "separate passes", "ms", runs, goal=1.0, absolute_goal=75),
        Row("12 MP to the screen, CPU", cpu["preview"], cpu["thumbnail"], "Pillow thumbnail()", "ms", runs, goal=1.0, absolute_goal=55),
    ]
