"""What a person does with the catalogue: add a model, have it checked, use it. A model that was not found fit is never put to use.

Answers no question about a frame and prints nothing: `ui.terminal.models` and `ui.routes_models` show what happens here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from core.backends import catalogue, standing
from core.backends.catalogue import Catalogue, Checked, EndpointSpec, Entry, LocalSpec, Spec
from core.backends.folder import read_spec
from core.backends.opening import USUAL, chosen, open_spec
from core.backends.probe import Found, look
from core.errors import ModelUnfit, SettingsError
from core.settings import ASSETS, KEY_PREFIX, Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from core.backends.base import Backend
    from core.backends.standing import Named
    from core.profile import Profile

Open = Callable[[str, Spec, Settings], "Backend"]
State = Literal["ships", "unchecked", "failed", "untold", "fit"]
"""`core.backends.standing.State`, and: comes with the house and needs no check."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class Shown:
    """A model as it may be shown to anybody who may see the screens: no key, no folder of this machine."""

    name: str
    kind: Literal["local", "endpoint"]
    source: str  # last name of its folder, a hub id, or what its server calls it
    revision: str | None
    adapter: str | None
    quantisation: str
    guided: bool
    family: str | None  # as declared; None: as its folder says
    host: str  # where frames go, as host:port; empty: they stay on this machine
    remote: bool  # its entry says that frames may leave this machine
    active: bool  # the next start takes it, unless a flag names another
    state: State
    why_not: str | None  # why it cannot be used, and what to do; None: it can
    checked: Checked | None


@dataclass(frozen=True, slots=True)
class Registry:
    """The catalogue of a data folder and the verbs on it. Each verb reads the file anew: another process may have written it."""

    settings: Settings
    profile: Profile
    open: Open = open_spec
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def chosen(self) -> str:
        """The name of the model that a start takes now."""
        return chosen(self.settings)

    def listed(self) -> tuple[Shown, ...]:
        """All models by name, after the one that ships. Opens none."""
        known = catalogue.read(self.settings.data)
        usual = _shown(Entry(USUAL, LocalSpec(USUAL, guided=False)), known)  # as its own folder says
        return (usual, *(_shown(known.entries[name], known) for name in sorted(known.entries) if name != USUAL))

    def shown(self, name: str) -> Shown:
        """One of them. Raises ModelMissing."""
        if name != USUAL:
            catalogue.read(self.settings.data).entry(name)
        return next(each for each in self.listed() if each.name == name)

    def add(self, name: str, wanted: Mapping[str, object], seen: Callable[[int, int], None] = lambda done, of: None) -> Shown:
        """Write an entry and check it. `wanted`: as for `spec_of`. What cannot be opened is not written.

        Raises SettingsError and ModelError's kin.
        """
        if not _NAME.fullmatch(name) or name == USUAL:
            why = "that one ships" if name == USUAL else "small letters, digits, . _ and - only"
            raise SettingsError(f"{name!r} cannot be the name of a model ({why}). Choose another.")
        known = catalogue.read(self.settings.data)
        if known.active == name:
            raise SettingsError(f"{name} is in use. Use another first (`launch.py models use {USUAL}`), or add this one by another name.")
        entry = Entry(name, spec_of(wanted))
        with self._described(entry):
            pass

        def added(known: Catalogue) -> Catalogue:
            if known.active == name:  # since a moment ago
                raise SettingsError(f"{name} was taken into use meanwhile. Add this one by another name.")
            return known.with_entry(entry)

        catalogue.change(self.settings.data, added)
        return self.check(name, seen)

    def check(self, name: str, seen: Callable[[int, int], None] = lambda done, of: None) -> Shown:
        """Open a model, ask it what `core.backends.probe` asks, and keep the answers; not of the one that ships, which has no entry.

        Raises ModelMissing and what opening raises.
        """
        if name == USUAL:
            ships = Entry(USUAL, LocalSpec(str(ASSETS / "models" / USUAL)))
            with self._opened(ships) as backend:
                return replace(self.shown(name), checked=look(name, backend, self.profile, at=self.now(), seen=seen).checked)
        entry = catalogue.read(self.settings.data).entry(name)
        with self._opened(entry) as backend:
            found = look(name, backend, self.profile, at=self.now(), seen=seen)

        def checked(known: Catalogue) -> Catalogue:
            if known.entry(name).spec != entry.spec:  # minutes went by
                raise SettingsError(f"{name} was changed while it was being checked. Check it again.")
            return known.with_entry(Entry(name, _learned(entry.spec, found), found.checked))

        catalogue.change(self.settings.data, checked)
        return self.shown(name)

    def use(self, name: str, *, unchecked: bool = False) -> str:
        """Make a model the one that the next start takes; what was done, in a sentence.

        `unchecked`: a person says that its boxes are right although nobody could tell; that is kept. Raises ModelUnfit for a model
        that was never checked, did not pass, or is another than the one that was checked, and ModelMissing.
        """
        if name == USUAL:
            catalogue.change(self.settings.data, lambda known: known.using(None))
            return self._promise(name)
        entry = before = catalogue.read(self.settings.data).entry(name)
        if unchecked and entry.checked and standing.state(entry) == "untold":
            said = f"taken into use at {self.now().isoformat(timespec='seconds')} on the word of a person, without a check of its boxes"
            entry = replace(entry, checked=replace(entry.checked, findings={**entry.checked.findings, standing.UNCHECKED: said}))
        reason = standing.why_not(entry)
        if reason:
            raise ModelUnfit(reason)
        with self._described(entry) as described:
            standing.refuse(entry, described)

        def used(known: Catalogue) -> Catalogue:
            if known.entry(name) != before:
                raise SettingsError(f"{name} was changed meanwhile. Look at it (`launch.py models list`) and use it again.")
            return known.with_entry(entry).using(name)

        catalogue.change(self.settings.data, used)
        return self._promise(name)

    def remove(self, name: str) -> str:
        """Take an entry out of the catalogue; the model itself stays where it is, and so does all that it ever said. Raises ModelMissing, SettingsError."""

        def removed(known: Catalogue) -> Catalogue:
            known.entry(name)
            if known.active == name:
                raise SettingsError(f"{name} is in use. Use another first: `launch.py models use {USUAL}`.")
            return known.without(name)

        catalogue.change(self.settings.data, removed)
        return f"{name} is no longer in the catalogue. Its files and its answers stay."

    @contextmanager
    def _described(self, entry: Entry) -> Iterator[Named]:
        """The id and the box format of a model. Of one on this machine its files say them: no process is started."""
        if isinstance(entry.spec, LocalSpec):
            yield read_spec(entry.name, entry.spec)
            return
        with self._opened(entry) as backend:
            yield backend

    @contextmanager
    def _opened(self, entry: Entry) -> Iterator[Backend]:
        backend = self.open(entry.name, entry.spec, self.settings)
        try:
            yield backend
        finally:
            backend.close()

    def _promise(self, name: str) -> str:
        named = self.settings.model
        first = (
            f" But {named} is named by a flag, the environment or the settings file, and that goes first."
            if named and named != name
            else ""
        )
        return f"{name} is taken from the next start on.{first}"


def spec_of(wanted: Mapping[str, object]) -> Spec:
    """An entry's spec out of what a person asked for. One of `folder`, `hub`, `url` says which kind; None: not said. Raises SettingsError.

    >>> spec_of({"url": "http://127.0.0.1:8000/v1", "model": "bench"}).model
    'bench'
    """
    said = {key: value for key, value in wanted.items() if value is not None}
    places = [key for key in ("folder", "hub", "url") if key in said]
    if len(places) != 1:
        raise SettingsError(
            "Say where the model is, in one way: --folder FOLDER, --hub OWNER/NAME --revision COMMIT, or --url URL --served-name NAME."
        )
    place = str(said.pop(places[0]))
    if places[0] == "url":
        _only(said, EndpointSpec, "a server", {"adapter": "At a server an adapter is a model name of its own: --served-name."})
        if "model" not in said:
            raise SettingsError("Say how the server calls the model: --served-name NAME. `curl URL/models` lists the names.")
        variable = str(said.get("key_variable", KEY_PREFIX))
        if not variable.startswith(KEY_PREFIX):
            raise SettingsError(f"--key-variable names an environment variable, and its name begins with {KEY_PREFIX}.")
        return EndpointSpec(url=place, **said)  # type: ignore[arg-type]
    family = 'The family of a local model stands in its folder: config.json, or "family" in its gembalens.json.'
    _only(said, LocalSpec, "a model on this machine", {"family": family, "prompt_style": family.replace("family", "prompt style")})
    if places[0] == "hub":
        if "revision" not in said:
            raise SettingsError("A hub id needs --revision with the commit of 40 hex digits: a name can change its content.")
        return LocalSpec(place, **said)  # type: ignore[arg-type]
    if "revision" in said:
        raise SettingsError("--revision belongs to --hub; a folder is what it is.")
    for name in ("adapter",):
        if name in said:
            said[name] = str(Path(str(said[name])).expanduser().absolute())
    return LocalSpec(str(Path(place).expanduser().absolute()), **said)  # type: ignore[arg-type]


def _only(said: Mapping[str, object], kind: type[LocalSpec] | type[EndpointSpec], what: str, why: Mapping[str, str]) -> None:
    strange = sorted(set(said) - {each.name for each in fields(kind)})
    if strange:
        raise SettingsError(why.get(strange[0], f"{strange[0]} means nothing for {what}."))


def _learned(spec: Spec, found: Found) -> Spec:
    """The spec with what only the probe can know: whether a server's log-probabilities come after the mask."""
    if isinstance(spec, EndpointSpec) and found.masked in ("masked", "raw"):
        return replace(spec, masked=found.masked == "masked")
    return spec


def _shown(entry: Entry, known: Catalogue) -> Shown:
    spec: Any = entry.spec
    local = isinstance(spec, LocalSpec)
    folder = local and spec.revision is None
    ships = entry.name == USUAL
    return Shown(
        name=entry.name,
        kind=spec.kind,
        source=Path(spec.source).name if folder else spec.source if local else spec.model,
        revision=spec.revision if local else None,
        adapter=Path(spec.adapter).name if local and spec.adapter else None,
        quantisation=spec.quantisation if local else "none",
        guided=":guided" in entry.checked.model if entry.checked else spec.guided,  # a folder may say that it is not to be
        family=None if local else spec.family,
        host="" if local else urlsplit(spec.url).netloc.rpartition("@")[2],
        remote=False if local else spec.allow_remote,
        active=known.active == entry.name or (ships and known.active in (None, USUAL)),
        state="ships" if ships else standing.state(entry),
        why_not=None if ships else standing.why_not(entry),
        checked=entry.checked,
    )
