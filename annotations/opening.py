"""A desk with everything that it stands on, for as long as a server runs: processes for strangers' pictures, the coverer of faces, the daily chores."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from annotations.desk import Desk, Inspect
from annotations.erasing import Eraser
from annotations.keeping.manifest import note_new
from annotations.opinions import all_ids
from annotations.store import Store
from core.decoding.pool import Decoder
from core.decoding.worker import Allowance
from core.errors import AppError
from core.faces.apart import Coverer
from core.frames import Limits, Vault
from core.profile import Profile
from core.settings import Settings
from core.vault import SIZES

_log = logging.getLogger(__name__)
DAY = 24 * 3600.0  # seconds


@contextmanager
def opened_desk(
    store: Store, profile: Profile, settings: Settings, limits: Limits, *, inspect: Inspect, model: str, prompt_id: str
) -> Iterator[tuple[Desk, Eraser]]:
    """The desk, and what erases. At the start what a sudden end left is swept and finished; `settings.keep_days` is heeded then and once a day."""
    vault = Vault(settings.data)
    vault.sweep(all_ids(store).__contains__)
    with Decoder(Allowance.for_pixels(limits.max_pixels), sizes=SIZES, keep=vault.keep_previews) as decoder, Coverer() as coverer:
        desk = Desk(
            store,
            vault,
            profile,
            inspect=inspect,
            model=model,
            prompt_id=prompt_id,
            limits=limits,
            admit=decoder.admit,
            cover=coverer.cover,
            site=settings.site,
        )
        eraser = Eraser(store, vault.remove, settings.data)
        desk.forget_keys()
        eraser.finish()
        with store.writing() as connection:
            note_new(connection, settings.data)  # of backups that were made since
        with _daily(eraser, settings.keep_days):
            yield desk, eraser


@contextmanager
def _daily(eraser: Eraser, keep_days: int) -> Iterator[None]:
    """Erase what has outlived its time, now and every day, beside everything else."""
    if not keep_days:
        yield
        return
    over = threading.Event()

    def work() -> None:
        while True:
            try:
                eraser.outlived(keep_days)
            except AppError as error:  # a full disk, say: tomorrow again, and meanwhile the log tells
                _log.error("frames that have outlived their time could not be erased: %s", error)
            if over.wait(DAY):
                return

    worker = threading.Thread(target=work, name="retention", daemon=True)
    worker.start()
    try:
        yield
    finally:
        over.set()
        worker.join(60)
