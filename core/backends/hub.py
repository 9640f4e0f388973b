"""From a hub id and a commit to the folder in this machine's hub cache. A branch or a tag may change under us, so only a commit will do."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from core.errors import ModelMissing, ModelUnfit
from core.settings import environment

_ID = re.compile(r"[\w][\w.-]*/[\w][\w.-]*")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_KINDS = ("*.json", "*.safetensors", "*.jinja", "*.txt", "*.model")
"""What is fetched: never pickles, never code."""
DOWNLOAD_SECONDS = 6 * 3600.0


def is_id(source: str) -> bool:
    """Whether a source can be `owner/name` of a hub; a folder of this name goes before.

    >>> is_id("Qwen/Qwen2.5-VL-7B-Instruct"), is_id("/models/qwen"), is_id("a/b/c")
    (True, False, False)
    """
    return _ID.fullmatch(source) is not None and not Path(source).expanduser().exists()


def name_of(folder: Path) -> str | None:
    """`owner/name~` and the beginning of the commit for a folder in a hub cache; None for any other."""
    place = folder.resolve()
    if place.parent.name != "snapshots" or not place.parent.parent.name.startswith("models--"):
        return None
    return f"{place.parent.parent.name.removeprefix('models--').replace('--', '/', 1)}~{place.name[:12]}"


def snapshot(source: str, revision: str | None, *, offline: bool = True, cache: Path | None = None) -> Path:
    """The folder of this model at this commit; `cache` None: where the hub's own tools keep models.

    Raises ModelUnfit without a commit, ModelMissing when it is not there and may not or cannot be fetched.
    """
    if revision is None or not _COMMIT.fullmatch(revision):
        what = "no revision is given" if revision is None else f'"{revision}" is no commit'
        raise ModelUnfit(
            f"{source} is a hub id and {what}. A name can change its content, so give the commit of 40 hex digits as the "
            "revision; it stands on the model's page under Files and versions, History."
        )
    folder = _cached(source, revision, cache)
    if folder is None and not offline:
        _fetch(source, revision, cache)
        folder = _cached(source, revision, cache)
    if folder is None:
        raise ModelMissing(
            f"{source} at {revision[:12]} is not in this machine's hub cache{' and this model may not use the network' if offline else ''}. "
            f"Fetch it where there is a network with `hf download {source} --revision {revision}`, or copy its folder here and give that."
        )
    return folder


def _cached(source: str, revision: str, cache: Path | None) -> Path | None:
    from huggingface_hub import constants

    place = (cache or Path(constants.HF_HUB_CACHE)) / f"models--{source.replace('/', '--')}" / "snapshots" / revision
    return place if (place / "config.json").exists() else None


_FETCH = """
import sys
from huggingface_hub import snapshot_download
snapshot_download(sys.argv[1], revision=sys.argv[2], cache_dir=sys.argv[3] or None, allow_patterns=sys.argv[4:])
"""


def _fetch(source: str, revision: str, cache: Path | None) -> None:
    """In a process of its own: this one was told to stay off the network before its libraries were imported. Raises ModelMissing."""
    command = [sys.executable, "-c", _FETCH, source, revision, str(cache or ""), *_KINDS]
    try:
        done = subprocess.run(
            command, env={**environment(), "HF_HUB_OFFLINE": "0"}, capture_output=True, text=True, timeout=DOWNLOAD_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ModelMissing(f"{source} could not be fetched: {error}.") from error
    if done.returncode:
        faults = [line for line in done.stderr.splitlines() if re.match(r"[\w.]*(Error|Exception)\b", line)]
        why = (faults or done.stderr.splitlines() or ["no reason was given"])[-1]
        raise ModelMissing(f"{source} at {revision[:12]} is not on this machine and could not be fetched: {why[:300]}")
