"""Small volumes for tests that fill one or make one read-only. A tmpfs where this user may mount; else a limit on the size of files, and it says so."""

from __future__ import annotations

import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

BALLAST = "ballast"


class Volume:
    """A folder that can be full. `kind`: "tmpfs", or "file size limit" where nothing may be mounted."""

    def __init__(self, folder: Path, kind: str) -> None:
        self.folder, self.kind = folder, kind
        self._ballast = folder / BALLAST

    def fill(self, leave: int = 0) -> None:
        """No more room than `leave` bytes (of a limit: for any file that is there)."""
        if self.kind == "tmpfs":
            said = os.statvfs(self.folder)
            room = said.f_bavail * said.f_frsize - leave
            handle = os.open(self._ballast, os.O_WRONLY | os.O_CREAT)
            try:
                if room > 0:
                    os.posix_fallocate(handle, 0, room)
            finally:
                os.close(handle)
        else:
            largest = max((each.stat().st_size for each in self.folder.rglob("*") if each.is_file()), default=0)
            _limit(largest + leave)

    def free(self) -> None:
        """Room again."""
        if self.kind == "tmpfs":
            self._ballast.unlink(missing_ok=True)
        else:
            _limit(resource.RLIM_INFINITY)

    def read_only(self) -> bool:
        """Let nobody write any more; False where that cannot be had. Nobody may have a file of it open for writing."""
        return self.kind == "tmpfs" and _mounted("-o", "remount,ro", str(self.folder))

    def writable(self) -> None:
        """As it was before."""
        assert _mounted("-o", "remount,rw", str(self.folder))


@contextmanager
def volume(folder: Path, mib: int) -> Iterator[Volume]:
    """A volume of this size at a new folder; gone at the end."""
    folder.mkdir()
    if not _mounted("-t", "tmpfs", "-o", f"size={mib}m", "tmpfs", str(folder)):
        print("nothing can be mounted here: a limit on the size of files stands for a full disk")
        made = Volume(folder, "file size limit")
        try:
            yield made
        finally:
            made.free()
        return
    try:
        yield Volume(folder, "tmpfs")
    finally:
        assert subprocess.run(["umount", str(folder)], capture_output=True, check=False).returncode == 0 or _lazily(folder)


def _lazily(folder: Path) -> bool:
    return subprocess.run(["umount", "--lazy", str(folder)], capture_output=True, check=False).returncode == 0


def _mounted(*words: str) -> bool:
    try:
        return subprocess.run(["mount", *words], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _limit(soft: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
