"""A frame of 12 megapixels comes in: decoded once in a process of its own, hashed, kept, both previews, a row. Beside the same by separate passes,
four senders at once, and a preview beside Pillow's thumbnail."""

from __future__ import annotations

import hashlib
import io
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import psutil
from PIL import Image

from annotations.desk import Desk
from annotations.store import FILE, Store
from bench.measure import Row, in_turns, median
from core.decoding.pool import Decoder
from core.frames import Vault, preview
from core.profile import read
from core.settings import ASSETS
from core.vault import SIZES

SIZE = (4000, 3000)
AT_ONCE = 4  # senders
A_SENDER = 10  # frames of each, a run


def photograph() -> bytes:
    """A real bench, as a telephone would have taken it: 12 megapixels with a camera's fine grain."""
    with Image.open(sorted((ASSETS / "samples").glob("*.jpg"))[0]) as small:
        large = small.convert("RGB").resize(SIZE, Image.Resampling.BICUBIC)
    grain = Image.effect_noise((1000, 750), 12).resize(SIZE, Image.Resampling.BILINEAR).convert("RGB")
    out = io.BytesIO()
    Image.blend(large, grain, 0.12).save(out, "JPEG", quality=90)
    return out.getvalue()


def measure(work: Path, runs: int) -> list[Row]:
    """CPU seconds of this process and of those that decode; every run is another frame, or it would be answered from what is kept."""
    content, serial = photograph(), count()
    vault = Vault(work / "data")
    with Store(work / "data" / FILE) as store, Decoder(sizes=SIZES, keep=vault.keep_previews) as decoder:
        desk = Desk(store, vault, read(ASSETS / "profiles" / "bench.toml"), admit=decoder.admit)
        elsewhere: list[float] = []

        def fresh() -> bytes:
            return content + next(serial).to_bytes(4, "big")  # after the end mark of a JPEG nothing is looked at

        def spent() -> float:
            return float(sum(sum(psutil.Process(pid).cpu_times()[:2]) for pid in decoder.pids))

        def whole() -> None:
            before = spent()
            frame = desk.receive(fresh(), "bench.jpg", by="bench")
            for size in SIZES:
                desk.preview(frame.id, size)
            elsewhere.append(spent() - before)

        def separate() -> None:
            other = fresh()
            file = work / f"{hashlib.sha256(other).hexdigest()}.jpg"
            file.write_bytes(other)
            with Image.open(file) as picture:
                picture.load()  # is it whole?
            for size in SIZES:
                with Image.open(file) as picture:
                    picture.thumbnail((size, size))
                    picture.save(work / f"{size}.jpg", quality=85)

        def thumbnail() -> None:
            picture = Image.open(io.BytesIO(content)).convert("RGB")
            picture.thumbnail((1600, 1600))
            picture.save(io.BytesIO(), "JPEG", quality=85)

        def at_once() -> None:
            with ThreadPoolExecutor(AT_ONCE) as hands:
                list(hands.map(lambda _: desk.receive(fresh(), "bench.jpg", by="bench"), range(AT_ONCE * A_SENDER)))

        cases = {"whole": whole, "separate": separate, "preview": lambda: preview(content, 1600, 85), "thumbnail": thumbnail}
        taken = in_turns(cases, runs)
        for _ in range(max(0, 20 - runs)):  # the system counts another process's time in hundredths of a second: the mean of many is exact
            whole()
        at_once()
        began = time.perf_counter()
        at_once()
        each = 1000 * (time.perf_counter() - began) / (AT_ONCE * A_SENDER)
    cpu = {name: 1000 * median([seconds for _, seconds in times]) for name, times in taken.items()}
    ours = cpu["whole"] + 1000 * sum(elsewhere) / len(elsewhere)
    alone = 1000 * median([wall for wall, _ in taken["separate"]])
    return [
        Row("ingest of 12 MP, CPU", ours, cpu["separate"], "separate passes", "ms", runs, goal=1.0, absolute_goal=75),
        Row("ingest of 12 MP, four senders, a frame", each, alone, "separate passes, one after another", "ms", runs, absolute_goal=50),
        Row("12 MP to the screen, CPU", cpu["preview"], cpu["thumbnail"], "Pillow thumbnail()", "ms", runs, goal=1.0, absolute_goal=55),
    ]
