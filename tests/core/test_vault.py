"""The vault: content names, whole or not at all, and no path out of a stranger's words."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from PIL import Image

from core.errors import NotFound, StoreError
from core.upkeep import Swept
from core.vault import Vault
from tests.makers import jpeg


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_bytes_come_back_as_they_went_in(tmp_path: Path) -> None:
    vault, content = Vault(tmp_path), jpeg()
    assert vault.get(vault.put(content)) == content
    assert Vault(tmp_path).get(hashlib.sha256(content).hexdigest()) == content


def test_the_same_bytes_at_once_from_many_hands_are_one_file(tmp_path: Path) -> None:
    vault, content = Vault(tmp_path), jpeg()
    with ThreadPoolExecutor(16) as hands:
        assert len(set(hands.map(vault.put, [content] * 100))) == 1
    assert len(files(tmp_path)) == 1


@pytest.mark.parametrize("size", [320, 1600])
def test_a_preview_is_made_once_and_upright(tmp_path: Path, size: int) -> None:
    vault = Vault(tmp_path)
    made = vault.preview(vault.put(jpeg(400, 200, exif_orientation=6)), size)
    with Image.open(made) as opened:
        assert opened.size == (min(200, size // 2), min(400, size))
    before = made.stat().st_mtime_ns
    assert vault.preview(made.stem, size).stat().st_mtime_ns == before


@pytest.mark.parametrize("frame_id", ["", "..", "../../etc/passwd", "a" * 63, "A" * 64, "a" * 64 + "\n", "a" * 64 + "/x", "中" * 64])
def test_what_is_no_id_never_becomes_a_path(tmp_path: Path, frame_id: str) -> None:
    with pytest.raises(NotFound):
        Vault(tmp_path).get(frame_id)
    with pytest.raises(NotFound):
        Vault(tmp_path).preview(frame_id, 320)


def test_a_frame_that_is_not_here_and_a_size_that_is_not_made(tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    with pytest.raises(NotFound, match="There is no frame"):
        vault.get("0" * 64)
    with pytest.raises(NotFound, match="320 and 1600"):
        vault.preview(vault.put(jpeg()), 321)


def test_a_frame_that_changed_on_the_disk_is_not_given_out(tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    frame_id = vault.put(jpeg())
    files(tmp_path)[0].write_bytes(jpeg(colour="red"))
    with pytest.raises(StoreError, match="damaged"):
        vault.get(frame_id)


def test_a_frame_that_was_cut_on_the_disk_is_made_whole_by_the_same_bytes(tmp_path: Path) -> None:
    vault, content = Vault(tmp_path), jpeg()
    frame_id = vault.put(content)
    vault.place(frame_id).write_bytes(content[:100])
    assert vault.get(vault.put(content)) == content


def test_what_a_sudden_end_left_half_is_swept_and_nothing_else(tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    frame_id = vault.put(jpeg())
    (tmp_path / "frames" / frame_id[:2] / "tmpabc.half").write_bytes(b"half")
    vault.preview(frame_id, 320)
    assert vault.sweep() == Swept(halves=1)
    assert len(files(tmp_path)) == 3
    assert vault.sweep() == Swept()


def test_previews_that_were_made_elsewhere_are_kept_and_not_made_again(tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    frame_id = vault.put(jpeg(40, 40))
    vault.keep_previews(frame_id, {320: b"made elsewhere", 1600: b"too"})
    assert vault.preview(frame_id, 320).read_bytes() == b"made elsewhere"
    vault.keep_previews(frame_id, {320: b"again"})
    assert vault.preview(frame_id, 320).read_bytes() == b"made elsewhere"


def test_a_disk_that_refuses_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "frames").write_text("a file stands where a folder should")
    with pytest.raises(StoreError, match=r"The vault could not make its folder: .+\.$"):
        Vault(tmp_path)
