"""What a running training tells of itself: steps, loss, memory, the seconds that are left; and that it shall stop. Changes nothing of what is learned."""

from __future__ import annotations

import functools
import resource
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core.training import keeping, states
from core.training.states import State

_EVERY_SECONDS = 1.0  # a state is written at most so often between log lines


class Telling:
    """The one place from which a job's state is written while it runs."""

    def __init__(self, folder: Path, device: str = "cpu") -> None:
        self._folder, self._device = folder, device
        self.state = states.read_state(folder)
        self._written = 0.0

    def say(self, *, now: bool = True, **changes: Any) -> None:
        """Change the state; not `now`: it may wait a moment, others follow."""
        self.state = self.state.with_(**changes)
        if now or time.monotonic() - self._written >= _EVERY_SECONDS:
            states.write_state(self._folder, self.state)
            self._written = time.monotonic()

    def on(self, device: str) -> None:
        """From here on memory means that of this device."""
        self._device = device

    def memory(self) -> tuple[int, int]:
        """Bytes now and at their peak: of the GPU where there is one, else of this process."""
        return memory(self._device)


def memory(device: str) -> tuple[int, int]:
    """Bytes in use now, and the most that ever were."""
    if device != "cpu":
        import torch

        return int(torch.cuda.memory_allocated()), int(torch.cuda.max_memory_allocated())
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    try:
        now = int(Path("/proc/self/statm").read_text("ascii").split()[1]) * resource.getpagesize()
    except OSError:
        now = peak
    return now, max(now, peak)


@functools.cache
def _callback_class() -> Any:
    from transformers import TrainerCallback

    class Watching(TrainerCallback):  # type: ignore[misc,unused-ignore]
        """Told by the trainer after each step, log line and checkpoint."""

        def __init__(self, folder: Path, telling: Telling, stopping: Callable[[], bool]) -> None:
            self.folder, self.telling, self.stopping = folder, telling, stopping
            self.began, self.first = 0.0, 0

        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            self.began, self.first = time.monotonic(), state.global_step
            self.telling.say(step=state.global_step, steps=state.max_steps)

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            done = state.global_step - self.first
            left = (time.monotonic() - self.began) / done * (state.max_steps - state.global_step)
            now, peak = self.telling.memory()
            self.telling.say(now=False, step=state.global_step, seconds_left=round(left, 1), memory_now=now, memory_peak=peak)
            if self.stopping():
                control.should_training_stop = control.should_save = True

        def on_log(self, args: Any, state: Any, control: Any, logs: Mapping[str, Any] | None = None, **_: Any) -> None:
            loss = (logs or {}).get("loss")
            if loss is None:
                return
            now, _peak = self.telling.memory()
            at = datetime.now(UTC).isoformat(timespec="seconds")
            rest = {name: _number(value) for name, value in (logs or {}).items() if name not in ("loss", "learning_rate", "epoch")}
            line = {
                "step": state.global_step,
                "loss": _number(loss),
                "rate": _number((logs or {}).get("learning_rate")),
                "memory": now,
                "at": at,
            }
            states.add_progress(self.folder, {**line, "more": rest})
            self.telling.say(loss=_number(loss))

        def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            keeping.mark_whole(Path(args.output_dir) / f"checkpoint-{state.global_step}")

    return Watching


def watching(folder: Path, telling: Telling, stopping: Callable[[], bool]) -> Any:
    """The trainer's callback. `stopping`: whether somebody wants it to end after this step."""
    return _callback_class()(folder, telling, stopping)


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def fresh(telling: Telling) -> State:
    """The state of a run that begins in this process."""
    import os

    pid = os.getpid()
    telling.say(phase="waiting", error=None, pid=pid, started_at=states.started_at(pid), seconds_left=None)
    return telling.state
