"""From an entry of the catalogue to a server that answers, with the key that the environment holds and no other secret."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from core.backends import catalogue
from core.backends.catalogue import Catalogue, Checked, EndpointSpec, Entry
from core.backends.endpoint import Endpoint
from core.backends.opening import open_model, open_spec
from core.errors import ModelUnfit, SettingsError
from core.framecheck import convention_of
from core.profile import Profile
from core.prompts import build
from core.settings import Settings, secret
from tests import makers
from tests.fault_server import WORDS, failing

VARIABLE = "GEMBALENS_KEY_LINE_3"


def test_a_server_is_used_by_its_name_in_the_catalogue(tmp_path: Path, bench: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, " sk-1 \n")
    with failing() as server:
        entry = Entry("line-3", EndpointSpec(server.url("ok"), "qwen", key_variable=VARIABLE))
        catalogue.write(tmp_path, Catalogue().with_entry(entry).using("line-3"))
        with pytest.raises(ModelUnfit, match="never checked"):
            open_model(Settings(tmp_path))
        asked = open_spec("line-3", entry.spec, Settings(tmp_path))
        findings = {"declared": convention_of(asked.box_format).words}
        passed = replace(entry, checked=Checked(asked.model, True, "2026-11-21T00:00:00Z", findings))
        asked.close()
        catalogue.write(tmp_path, Catalogue().with_entry(passed).using("line-3"))
        backend = open_model(Settings(tmp_path))
        assert isinstance(backend, Endpoint)
        reply = backend.ask(makers.picture(), build(bench, backend.prompt_style, backend.box_format))
        backend.close()
    assert (reply.text, reply.host) == (WORDS, f"127.0.0.1:{server.port}")
    assert "Authorization: Bearer sk-1\r\n" in server.heads[0]


def test_an_entry_with_a_family_that_nobody_knows_names_itself(tmp_path: Path) -> None:
    entry = Entry("line-3", EndpointSpec("http://127.0.0.1:8000/v1", "qwen", family="qwen9"))
    catalogue.write(tmp_path, Catalogue().with_entry(entry))
    with pytest.raises(ModelUnfit, match="line-3: family"):
        open_model(Settings(tmp_path, model="line-3"))


@pytest.mark.parametrize(
    "name", ["PATH", "AWS_SECRET_ACCESS_KEY", "GEMBALENS_DATA", "GEMBALENS_KEY_", "gembalens_key_x", "GEMBALENS_KEY_X\n", "", 7]
)
def test_only_variables_for_keys_are_read(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("GEMBALENS_KEY_X", "secret")
    with pytest.raises(SettingsError, match="begin with GEMBALENS_KEY_") as found:
        secret(name)
    assert "secret" not in str(found.value)


@pytest.mark.parametrize("key", ["sk-1\r\nHost: other", "schlüssel", "two words"], ids=ascii)
def test_a_key_that_is_none_is_refused_and_not_shown(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, key)
    with pytest.raises(SettingsError, match=VARIABLE) as found:
        secret(VARIABLE)
    assert key not in str(found.value)


def test_a_key_that_is_not_there_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    with pytest.raises(SettingsError, match="is not set"):
        secret(VARIABLE)
