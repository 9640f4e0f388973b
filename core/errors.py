"""Every error of the house that is a sentence for a person. Anything else that is raised is a bug and keeps its traceback.

AppError                    a full sentence: what is wrong, where, what to do
├── FrameRefused            these bytes are not a picture we take
│   └── FrameTooLarge       ... because of their number or of the pixels they announce
├── Malformed               what was sent cannot be understood; the sentence names the field
├── NotFound                no frame, model, profile ... of this name
├── Conflict                somebody saved this frame meanwhile; carries both versions
├── OutOfTurn               the frame does not stand so that this could be done with it now
├── KeyReused               an idempotency key that stood for another write
├── Held                    somebody else works on this frame just now
├── LoginNeeded             nobody knows who asks
├── Forbidden               who asks may not do this
├── TooOften                too many tries, or too much at once; says when to come back
├── ProfileError            a profile that cannot be used; file, line, reason
├── SettingsError           a flag, variable or settings file that cannot be used
├── StoreError              the record cannot be opened or written
├── ExportError             a data set that cannot be written
├── DatasetUnfit            a data set that must not teach: each defect with file, line and reason
├── TrainingError           a training that cannot begin, or broke off
└── ModelError              the model could not be loaded or did not answer
    ├── ModelMissing        there is no model of this name here
    ├── ModelUnfit          it is here and cannot be used: no room, another base, another frame of boxes than declared
    ├── ModelBusy           too many are waiting; come back
    ├── ModelLost           its process ended, the line to it broke, or its server failed so often that it is left alone for a while
    ├── ModelSilent         it gave no answer in time
    ├── ModelRefused        a server said no: key, name, size, a host that nobody named in the settings
    ├── ModelGarbled        a server answered something that is no answer
    └── Abandoned           nobody waits for the answer any more
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.schema import Correction


class AppError(Exception):
    """A full sentence for the person at the screen."""


class FrameRefused(AppError):
    """These bytes are not a picture we take. Nothing was kept."""


class FrameTooLarge(FrameRefused):
    """Too many bytes, or a header that announces too many pixels."""


class Malformed(AppError):
    """What was sent cannot be understood. The sentence names the field; nothing was kept."""


class NotFound(AppError):
    """There is nothing of this name here."""


class Conflict(AppError):
    """The frame was saved by somebody since it was opened. Nothing was overwritten.

    `theirs` is the latest in the store, `yours` what was refused.
    """

    def __init__(self, sentence: str, *, theirs: Correction, yours: Correction) -> None:
        super().__init__(sentence)
        self.theirs = theirs
        self.yours = yours


class OutOfTurn(AppError):
    """The frame does not stand so that this could be done with it now: reviewed meanwhile, in the bin, not corrected yet. Nothing was changed.

    `theirs` is the latest correction where somebody saved one meanwhile.
    """

    def __init__(self, sentence: str, *, theirs: Correction | None = None) -> None:
        super().__init__(sentence)
        self.theirs = theirs


class KeyReused(AppError):
    """This idempotency key stood for another write. Nothing was saved."""


class Held(AppError):
    """Somebody else works on this frame just now."""


class LoginNeeded(AppError):
    """Nobody knows who asks."""


class Forbidden(AppError):
    """Who asks may not do this."""


class TooOften(AppError):
    """Too many tries, or too much at once. `seconds`: when to come back."""

    def __init__(self, sentence: str, seconds: int) -> None:
        super().__init__(sentence)
        self.seconds = seconds


class ProfileError(AppError):
    """A profile that cannot be used: file, line, reason."""


class SettingsError(AppError):
    """A flag, an environment variable or a settings file that cannot be used."""


class StoreError(AppError):
    """The record cannot be opened or written."""


class ExportError(AppError):
    """A data set that cannot be written."""


class ModelError(AppError):
    """The model could not be loaded, or did not answer."""


class ModelMissing(ModelError):
    """There is no model of this name on this machine."""


class ModelUnfit(ModelError):
    """The model or its adapter is here and must not be used as asked: no room, another base, boxes in another frame than declared."""


class ModelBusy(ModelError):
    """Too many frames are waiting for the model."""


class ModelLost(ModelError):
    """The model's process ended, or its server cannot be reached, broke off, or failed so often that it is left alone for a while."""


class ModelSilent(ModelError):
    """The model gave no answer in time."""


class ModelRefused(ModelError):
    """The model's server will not answer this: key, model name, size; or the host is not one that the settings allow."""


class ModelGarbled(ModelError):
    """The model's server sent something that is no answer."""


class Abandoned(ModelError):
    """Nobody waits for the answer any more, so it was not given."""


class DatasetUnfit(AppError):
    """A data set that must not teach. `defects`: each a sentence with file, line and reason."""

    def __init__(self, message: str, defects: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.defects = defects


class TrainingError(AppError):
    """A training that cannot begin, or broke off. What was there before is untouched."""
