"""Adding, checking and using models, against a real server on loopback that sees rectangles."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from core.backends import catalogue
from core.backends.base import Backend
from core.backends.catalogue import Checked, EndpointSpec, Entry, LocalSpec, Spec
from core.backends.endpoint import Endpoint
from core.backends.folder import read_folder
from core.backends.opening import open_model, open_spec
from core.backends.registering import Registry, spec_of
from core.backends.standing import UNCHECKED
from core.errors import AppError, ModelMissing, ModelRefused, ModelUnfit, SettingsError
from core.framecheck import Convention, convention_of
from core.profile import Profile
from core.settings import ASSETS, Settings
from tests.makers import NOON
from tests.model_server import serving
from tests.seeing import Seer


@pytest.fixture(scope="module")
def thousandths() -> Iterator[str]:
    """The address of a server whose model writes thousandths."""
    with serving(Path("bench-lora"), backend=Seer()) as address:
        yield address


@pytest.fixture(scope="module")
def blind() -> Iterator[str]:
    """The address of a server whose model sees no rectangles."""
    with serving(Path("bench-lora"), backend=Seer(blind=True, chance=0.3)) as address:
        yield address


@pytest.fixture
def registry(tmp_path: Path, bench: Profile) -> Registry:
    """Of a profile that has no frames with known boxes."""
    return Registry(Settings(data=tmp_path), replace(bench, key="elsewhere"), now=lambda: NOON)


def at(address: str, family: str = "qwen2-vl", **more: object) -> dict[str, object]:
    return {"url": address, "model": "bench-lora", "family": family, **more}


def test_a_model_that_is_declared_right_is_added_checked_and_used(registry: Registry, thousandths: str) -> None:
    added = registry.add("bench", at(thousandths))
    assert (added.state, added.why_not, added.active) == ("fit", None, False)
    assert added.checked is not None
    assert added.checked.passed
    assert added.checked.at == "2026-11-20T12:00:00+00:00"
    assert "from the next start on" in registry.use("bench")
    assert registry.shown("bench").active
    with closing(open_model(registry.settings)) as backend:
        assert isinstance(backend, Endpoint)
        assert backend.model == added.checked.model
    kept = catalogue.read(registry.settings.data).entry("bench").spec
    assert isinstance(kept, EndpointSpec)
    assert [float(n) for n in added.checked.findings["scale"].split(" x ")] == pytest.approx([1.0, 1.0], abs=0.01)
    assert kept.masked  # as the probe found; nobody had said so


def test_a_model_whose_boxes_are_in_another_frame_is_not_used_and_the_sentence_says_what_to_declare(
    registry: Registry, thousandths: str
) -> None:
    added = registry.add("bench", at(thousandths, "qwen2.5-vl"))
    assert added.state == "failed"
    with pytest.raises(
        ModelUnfit, match=r"thousandths of the picture \(0 to 1000\).*Declare the family qwen2-vl.*add it again with that --family"
    ):
        registry.use("bench")
    with pytest.raises(ModelUnfit):  # nobody's word helps against what was seen
        registry.use("bench", unchecked=True)
    assert catalogue.read(registry.settings.data).active is None
    assert registry.add("bench", at(thousandths, "qwen3-vl")).state == "fit"


def test_a_model_can_be_taken_out_unless_it_is_in_use(registry: Registry, thousandths: str) -> None:
    registry.add("bench", at(thousandths))
    registry.use("bench")
    with pytest.raises(SettingsError, match="in use"):
        registry.remove("bench")
    registry.use("compact")
    assert "no longer" in registry.remove("bench")
    assert [each.name for each in registry.listed()] == ["compact"]
    with pytest.raises(ModelMissing):
        registry.remove("bench")


def test_what_was_never_checked_is_not_used(registry: Registry, thousandths: str) -> None:
    spec = spec_of(at(thousandths))
    catalogue.write(registry.settings.data, catalogue.read(registry.settings.data).with_entry(Entry("bench", spec)))
    assert registry.shown("bench").state == "unchecked"
    for unchecked in (False, True):
        with pytest.raises(ModelUnfit, match=r"never checked.*launch\.py models check bench"):
            registry.use("bench", unchecked=unchecked)
    assert registry.check("bench").state == "fit"
    registry.use("bench")


@pytest.mark.parametrize(
    ("change", "says"),
    [({"guided": False}, ":guided, this is 127"), ({"model": "other"}, "/other"), ({"family": "qwen2.5-vl"}, "this is pixels")],
    ids=["another constraint", "another model", "another family"],
)
def test_an_entry_that_was_changed_after_its_check_is_another_model(
    registry: Registry, thousandths: str, change: Mapping[str, object], says: str
) -> None:
    registry.add("bench", at(thousandths))
    known = catalogue.read(registry.settings.data)
    entry = known.entry("bench")
    assert isinstance(entry.spec, EndpointSpec)
    changed = replace(entry, spec=replace(entry.spec, **change))  # type: ignore[arg-type]
    catalogue.write(registry.settings.data, known.with_entry(changed))
    with pytest.raises(ModelUnfit, match="is not what was checked") as told:
        registry.use("bench")
    assert says in str(told.value)
    assert catalogue.read(registry.settings.data).active is None


def test_a_model_whose_boxes_could_not_be_told_needs_the_word_of_a_person_and_that_is_kept(registry: Registry, blind: str) -> None:
    added = registry.add("bench", at(blind))
    assert added.state == "untold"
    assert added.checked is not None
    assert not added.checked.passed
    with pytest.raises(ModelUnfit, match=r"could not be told.*models use bench --unchecked"):
        registry.use("bench")
    registry.use("bench", unchecked=True)
    kept = catalogue.read(registry.settings.data)
    assert kept.active == "bench"
    checked = kept.entry("bench").checked
    assert checked is not None
    assert not checked.passed  # it is not called a pass
    assert "2026-11-20T12:00:00+00:00 on the word of a person" in checked.findings[UNCHECKED]
    registry.use("bench")  # once is enough
    catalogue.write(registry.settings.data, kept.using(None))
    assert registry.check("bench").state == "untold"  # a new check asks for a new word


def test_log_probabilities_before_the_mask_are_kept_as_such(registry: Registry, blind: str) -> None:
    spec = registry.add("bench", at(blind, masked=True)) and catalogue.read(registry.settings.data).entry("bench").spec
    assert isinstance(spec, EndpointSpec)
    assert not spec.masked


def test_the_model_that_ships_can_always_be_used_again(registry: Registry, thousandths: str) -> None:
    assert [(each.name, each.state, each.active) for each in registry.listed()] == [("compact", "ships", True)]
    assert registry.listed()[0].guided == read_folder(ASSETS / "models" / "compact").guided
    registry.add("bench", at(thousandths))
    registry.use("bench")
    assert [(each.name, each.active) for each in registry.listed()] == [("compact", False), ("bench", True)]
    registry.use("compact")
    assert [(each.name, each.active) for each in registry.listed()] == [("compact", True), ("bench", False)]
    assert catalogue.read(registry.settings.data).active is None


def test_who_is_named_by_a_flag_goes_first_and_that_is_said(registry: Registry) -> None:
    named = replace(registry, settings=replace(registry.settings, model="other"))
    assert "goes first" in named.use("compact")
    assert "goes first" not in registry.use("compact")


@pytest.mark.parametrize(
    ("wanted", "kind"),
    [
        ({"folder": "/nowhere/at-all"}, ModelMissing),
        ({"folder": str(ASSETS / "models" / "compact"), "adapter": "/nowhere/adapter"}, AppError),
        ({"url": "http://192.0.2.7:8000/v1", "model": "m"}, ModelRefused),
        ({"url": "http://127.0.0.1:8000/v1", "model": "m", "key_variable": "GEMBALENS_KEY_NOT_SET"}, SettingsError),
    ],
    ids=["no folder", "no adapter", "another machine", "no key"],
)
def test_what_cannot_be_opened_is_not_written(registry: Registry, wanted: Mapping[str, object], kind: type[AppError]) -> None:
    with pytest.raises(kind):
        registry.add("bench", wanted)
    assert not (registry.settings.data / catalogue.FILE).exists()


@pytest.mark.parametrize("name", ["", "compact", "a b", "../x", "scripted:x", "x" * 65, "-x", "名"])
def test_a_name_is_a_plain_word(registry: Registry, thousandths: str, name: str) -> None:
    with pytest.raises(SettingsError, match="cannot be the name"):
        registry.add(name, at(thousandths))


def test_the_model_in_use_is_not_replaced_under_the_running_house(registry: Registry, thousandths: str) -> None:
    registry.add("bench", at(thousandths))
    registry.use("bench")
    with pytest.raises(SettingsError, match="is in use"):
        registry.add("bench", at(thousandths, "qwen2.5-vl"))


def test_a_model_that_nobody_knows_is_told_as_missing(registry: Registry) -> None:
    for verb in (registry.use, registry.check, registry.shown):
        with pytest.raises(ModelMissing, match="no model nothing"):
            verb("nothing")


def test_a_server_that_is_not_there_leaves_an_entry_that_failed(registry: Registry) -> None:
    added = registry.add("bench", {"url": "http://127.0.0.1:9/v1", "model": "m", "timeout_seconds": 3.0})
    assert added.state == "failed"
    assert added.why_not is not None
    assert "Does it answer: no" in added.why_not
    with pytest.raises(ModelUnfit, match="did not pass"):
        registry.use("bench")


def test_no_key_is_shown_or_kept(registry: Registry, thousandths: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEMBALENS_KEY_BENCH", "sk-very-secret")
    shown = registry.add("bench", at(thousandths, key_variable="GEMBALENS_KEY_BENCH"))
    assert shown.state == "fit"
    assert "sk-very-secret" not in repr(shown) + (registry.settings.data / catalogue.FILE).read_text("utf-8")
    assert shown.host == thousandths.removeprefix("http://").removesuffix("/v1")


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        ({}, "in one way"),
        ({"folder": "x", "url": "y"}, "in one way"),
        ({"url": "http://127.0.0.1/v1"}, "--served-name"),
        ({"url": "http://127.0.0.1/v1", "model": "m", "adapter": "a"}, "a model name of its own"),
        ({"url": "http://127.0.0.1/v1", "model": "m", "quantisation": "nf4"}, "quantisation means nothing for a server"),
        ({"url": "http://127.0.0.1/v1", "model": "m", "key_variable": "PATH"}, "begins with GEMBALENS_KEY_"),
        ({"hub": "a/b"}, "--revision"),
        ({"folder": "x", "revision": "0" * 40}, "belongs to --hub"),
        ({"folder": "x", "family": "qwen2-vl"}, "stands in its folder"),
        ({"folder": "x", "allow_remote": True}, "allow_remote means nothing for a model on this machine"),
    ],
)
def test_flags_that_do_not_belong_together_are_told(wanted: Mapping[str, object], says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        spec_of(wanted)


def test_flags_become_an_entry() -> None:
    made = spec_of({"folder": "x", "adapter": "y", "quantisation": "nf4", "merge": None})
    assert made == LocalSpec(str(Path("x").absolute()), adapter=str(Path("y").absolute()), quantisation="nf4")
    assert spec_of({"hub": "a/b", "revision": "0" * 40, "offline": False}) == LocalSpec("a/b", "0" * 40, offline=False)


def test_a_check_that_began_before_the_entry_was_changed_is_not_kept(registry: Registry, thousandths: str) -> None:
    registry.add("bench", at(thousandths))

    def change(done: int, of: int) -> None:
        known = catalogue.read(registry.settings.data)
        catalogue.write(registry.settings.data, known.with_entry(Entry("bench", spec_of(at(thousandths, guided=False)))))

    with pytest.raises(SettingsError, match="was changed while"):
        registry.check("bench", change)
    assert registry.shown("bench").state == "unchecked"


def meanwhile(registry: Registry, do: Callable[[], object]) -> Registry:
    """The registry, while somebody else does something each time it opens a model."""

    def opens(name: str, spec: Spec, settings: Settings) -> Backend:
        do()
        return open_spec(name, spec, settings)

    return replace(registry, open=opens)


def put(registry: Registry, name: str, wanted: Mapping[str, object]) -> None:
    """Add an entry as another process would."""
    catalogue.write(registry.settings.data, catalogue.read(registry.settings.data).with_entry(Entry(name, spec_of(wanted))))


def test_what_another_adds_while_a_model_is_added_checked_or_used_survives(registry: Registry, thousandths: str) -> None:
    count = iter(range(10))
    beside = meanwhile(registry, lambda: put(registry, f"other-{next(count)}", at(thousandths)))
    beside.add("bench", at(thousandths))
    beside.check("bench")
    beside.use("bench")
    known = catalogue.read(registry.settings.data)
    assert known.active == "bench"
    assert set(known.entries) == {"bench", *(f"other-{n}" for n in range(next(count)))}
    assert len(known.entries) >= 5


def test_what_another_changes_while_it_is_taken_into_use_is_not_used(registry: Registry, thousandths: str) -> None:
    registry.add("bench", at(thousandths))
    beside = meanwhile(registry, lambda: put(registry, "bench", at(thousandths, guided=False)))
    with pytest.raises(SettingsError, match="was changed meanwhile"):
        beside.use("bench")
    assert catalogue.read(registry.settings.data).active is None


def test_what_another_takes_into_use_while_it_is_added_is_not_replaced(registry: Registry, thousandths: str) -> None:
    registry.add("bench", at(thousandths))
    beside = meanwhile(registry, lambda: registry.use("bench"))
    with pytest.raises(SettingsError, match="into use meanwhile"):
        beside.add("bench", at(thousandths, "qwen2.5-vl"))
    assert registry.shown("bench").state == "fit"


def test_a_folder_of_this_machine_is_compared_without_starting_it(registry: Registry) -> None:
    folder = read_folder(ASSETS / "models" / "compact")
    checked = Checked(folder.model, True, NOON.isoformat(), {"declared": convention_of(folder.box_format).words})
    entry = Entry("mine", LocalSpec(str(folder.path)), checked)
    catalogue.write(registry.settings.data, catalogue.read(registry.settings.data).with_entry(entry))
    opened: list[None] = []
    meanwhile(registry, lambda: opened.append(None)).use("mine")
    assert opened == []
    assert registry.shown("mine").active
    changed = replace(entry, checked=replace(checked, model="compact@000000000000"))
    catalogue.write(registry.settings.data, catalogue.read(registry.settings.data).with_entry(changed))
    with pytest.raises(ModelUnfit, match="is not what was checked"):
        registry.use("mine")


@pytest.mark.slow
def test_the_model_that_ships_can_be_checked_and_nothing_is_kept(tmp_path: Path, bench: Profile) -> None:
    checked = Registry(Settings(data=tmp_path), bench).check("compact").checked
    assert checked is not None
    assert checked.passed
    assert not (tmp_path / catalogue.FILE).exists()


@pytest.mark.slow
def test_a_folder_of_this_machine_goes_the_same_way(tmp_path: Path, bench: Profile) -> None:
    registry = Registry(Settings(data=tmp_path), bench)
    assert registry.add("mine", {"folder": str(ASSETS / "models" / "compact"), "batch": 2}).state == "fit"
    registry.use("mine")
    shown = registry.shown("mine")
    assert (shown.source, shown.host, shown.kind) == ("compact", "", "local")
    assert isinstance(shown.checked and shown.checked.model, str)
    assert Convention().words in (shown.checked.findings["frame"] if shown.checked else "")
