"""The frame files of a part: are they there, whole, and the ones that were exported. Each is read once; pixels are decoded only where a hash does not vouch for them."""

from __future__ import annotations

import hashlib
import io
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image, UnidentifiedImageError

from core.geometry import Size
from core.prints import phash

_END_OF_JPEG = b"\xff\xd9"
_TRAILING = 64  # bytes behind that mark which do no harm


@dataclass(frozen=True, slots=True)
class Seen:
    """A frame file. `wrong`: key of a defect and its words."""

    size: Size | None = None  # pixels; None: there is no telling
    sha256: str = ""
    looks: int | None = None  # perceptual hash, where it was asked for
    wrong: tuple[str, str] | None = None


def seen(folder: Path, image: str, listed: Mapping[str, Any], *, thorough: bool = False, looks: bool = False) -> Seen:
    """Look at a frame file. `listed`: what the manifest says of it.

    A file whose hash is the manifest's and whose end is there is the one that was exported, and is not decoded again; `thorough` decodes each.
    """
    path = Path(image)
    if path.is_absolute() or ".." in path.parts:
        return Seen(wrong=("missing", f"The frame {image} lies outside the folder."))
    try:
        content = (folder / path).read_bytes()
    except OSError:
        return Seen(wrong=("missing", f"The frame {image} is not there."))
    sha256 = hashlib.sha256(content).hexdigest()
    ours = listed.get("sha256") == sha256
    vouched = ours and not thorough and _END_OF_JPEG in content[-_TRAILING:]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content)) as picture:
                size = picture.size
                if not vouched or picture.format != "JPEG":
                    picture.load()
    except UnidentifiedImageError:
        return Seen(None, sha256, wrong=("unreadable", f"The frame {image} is no picture that can be read."))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        return Seen(None, sha256, wrong=("unreadable", f"The frame {image} cannot be read as a picture ({str(error)[:120]})."))
    if listed.get("sha256") and not ours:
        return Seen(size, sha256, wrong=("unreadable", f"The frame {image} is not the one that was exported: its hash is another one."))
    return Seen(size, sha256, phash(content) if looks else None)
