"""Whether the model really answers: it is asked about a known frame, now and then, beside everything else. Restarts nothing and judges no answer's quality."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from core.errors import AppError, ModelBusy, ModelGarbled
from core.patience import Patience
from core.risk import UNPARSED
from core.schema import Assessment

EVERY_SECONDS = 60.0  # how old a proof may be before another is asked for
AGAIN_SECONDS = 5.0  # the same after one that failed
DEADLINE_SECONDS = 30.0  # for an answer
LOADING_SECONDS = 900.0  # for the first one: a large model loads meanwhile

Prove = Callable[[Patience], object]
"""Asks the model and looks at the answer. Raises AppError with what is wrong."""


class Readiness:
    """Call it for the answer to "is it ready": None, or why not. It answers at once from the latest proof.

    A proof that is too old is renewed in the background, one at a time, and only when somebody asks. The first begins at birth.
    Until the new one must be there the old one stands, and no longer. A real frame that was answered is as good a proof.
    """

    def __init__(
        self,
        prove: Prove,
        *,
        every_seconds: float = EVERY_SECONDS,
        again_seconds: float = AGAIN_SECONDS,
        deadline_seconds: float = DEADLINE_SECONDS,
        loading_seconds: float = LOADING_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._prove = prove
        self._every, self._again, self._clock = every_seconds, again_seconds, clock
        self._deadline, self._loading = deadline_seconds, loading_seconds
        self._lock = threading.Lock()
        self._why: str | None = "The model is still loading."
        self._proved_once = False
        self._ended = 0.0  # when the latest proof ended, well or not
        self._answered = 0.0  # when the model last answered, a known frame or a real one
        self._began: float | None = None  # when the proof that runs now began
        self._patience = Patience()
        self._start()

    def __call__(self) -> str | None:
        """None: the model answered not long ago. Otherwise the reason why it cannot be relied on, in a sentence."""
        with self._lock:
            now = self._clock()
            if self._began is None:
                due = self._why is not None or now - self._answered >= self._every
                if due and now - self._ended >= self._again:
                    self._start()
            else:
                silent = now - max(self._began, self._answered)  # in a long line others are answered before the proof
                if silent > (self._deadline if self._proved_once else self._loading):
                    self._why = f"The model has not answered a known frame for {silent:.0f} seconds."
                    self._patience.give_up()  # its place is free then; the next proof begins when this one has ended
            if self._why is None and not self._fresh(now):
                return f"The model last answered {now - self._answered:.0f} seconds ago; it is being asked about a known frame again."
            return self._why

    def answered(self) -> None:
        """Told that the model answered a real frame just now, with something that can be read."""
        with self._lock:
            self._answered, self._why, self._proved_once = self._clock(), None, True

    def failed(self, why: str) -> None:
        """A real frame was not answered: nobody need wait for the next proof to know it."""
        with self._lock:
            self._why, self._ended = why, self._clock()

    def _fresh(self, now: float) -> bool:
        """Whether the latest answer still stands."""
        return now - self._answered <= self._every + self._deadline

    def _start(self) -> None:
        self._began, self._patience = self._clock(), Patience()
        threading.Thread(target=self._run, args=(self._patience,), name="readiness", daemon=True).start()

    def _run(self, patience: Patience) -> None:
        why: str | None = "The proof of the model broke off by a fault of this program; the log tells more."
        busy = False
        try:
            self._prove(patience)
            why = None
        except AppError as error:
            why, busy = str(error), isinstance(error, ModelBusy)
        finally:
            with self._lock:
                self._ended, self._began = self._clock(), None
                if why is None and not patience.gave_up:
                    self._answered, self._proved_once = self._ended, True
                if not patience.gave_up and not (busy and self._why is None and self._fresh(self._ended)):  # busy with real frames
                    self._why = why


def understood(said: Assessment) -> None:
    """The answer to a known frame must be one. Raises ModelGarbled.

    Whether the model sees well is a question for `evaluate`: a cautious "undetermined" is an answer, words that are no reply are none.
    """
    if UNPARSED in said.risk.reasons or said.reply is None:
        raise ModelGarbled("The model answered a known frame with something that cannot be read as an assessment.")
