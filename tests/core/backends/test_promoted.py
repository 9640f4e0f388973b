"""A start with an adapter that was promoted: it is laid over its base, or the start is refused with the way back; never the base in its place."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from core.backends import catalogue
from core.backends.base import Switching
from core.backends.catalogue import Catalogue, Checked, Entry, LocalSpec
from core.backends.folder import ModelFolder, read_folder
from core.backends.opening import open_model, promoted
from core.errors import ModelMissing, ModelUnfit
from core.framecheck import convention_of
from core.looking_at import switcher
from core.profile import Profile
from core.settings import Settings
from tests.seeing import Seer


@pytest.fixture
def base(families: Mapping[str, Path]) -> ModelFolder:
    return read_folder(families["qwen2_5_vl"])


def of_catalogue(data: Path, base: ModelFolder, adapter: Path | None = None) -> Settings:
    """The base in the catalogue, checked and in use."""
    found = {"declared": convention_of(base.box_format).words}
    entry = Entry("bench", LocalSpec(str(base.path), adapter=str(adapter) if adapter else None))
    entry = replace(entry, checked=Checked(base.model, True, "2026-11-21T00:00:00Z", found))
    catalogue.write(data, Catalogue().with_entry(entry).using("bench"))
    return Settings(data=data)


def test_what_was_promoted_for_a_base_is_laid_over_it(base: ModelFolder, loras: Mapping[str, Path], tmp_path: Path) -> None:
    lora = loras["qwen2_5_vl"]
    asked: list[str] = []

    def live(of: str) -> Path | None:
        asked.append(of)
        return lora

    assert promoted(base, live).adapter == lora
    assert promoted(base, live).model.startswith(f"{base.base}+qwen2_5_vl-bench@")
    assert promoted(base, lambda of: None) == base
    own = replace(base, adapter=tmp_path)
    assert promoted(own, live) is own  # an entry that names an adapter keeps it
    with closing(open_model(of_catalogue(tmp_path, base), live)) as backend:  # although the base alone was checked
        assert backend.model == promoted(base, live).model
        assert isinstance(backend, Switching)
        assert backend.base == base.base
    assert set(asked) == {base.base}


@pytest.mark.parametrize("fault", ["gone", "damaged", "of another base"])
def test_a_promoted_adapter_that_cannot_be_opened_is_no_start(
    fault: str, base: ModelFolder, loras: Mapping[str, Path], tmp_path: Path
) -> None:
    place = tmp_path / "good"
    if fault != "gone":
        shutil.copytree(loras["qwen2_vl" if fault == "of another base" else "qwen2_5_vl"], place)
    if fault == "damaged":
        (place / "adapter_model.safetensors").write_bytes(b"\x10")
    with pytest.raises((ModelMissing, ModelUnfit), match=r"good was promoted and cannot be opened.*launch\.py adapters roll-back"):
        open_model(of_catalogue(tmp_path, base), lambda of: place)


def test_who_cannot_switch_says_so(bench: Profile) -> None:
    with pytest.raises(ModelUnfit, match="is not opened here"):
        switcher(Seer(), bench)(None)
