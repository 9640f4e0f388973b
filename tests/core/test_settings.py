"""Settings: who wins, and which sentence a wrong one gives."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from core.errors import SettingsError
from core.settings import _READERS, ASSETS, Settings, default_data, load


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "settings.toml"
    path.write_text('port = 7001\nlanguage = "zh"\nopen_browser = false\n', "utf-8")
    return path


@pytest.mark.parametrize(
    ("flags", "environ", "port"),
    [
        ({"port": 7003}, {"GEMBALENS_PORT": "7002"}, 7003),
        ({"port": None}, {"GEMBALENS_PORT": "7002"}, 7002),
        ({}, {"GEMBALENS_PORT": " "}, 7001),
    ],
    ids=["the flag first", "then the environment", "then the file"],
)
def test_the_nearer_word_wins(flags: dict[str, object], environ: dict[str, str], port: int, file: Path) -> None:
    assert load(flags, environ, file).port == port


def test_what_nobody_says_is_the_default() -> None:
    settings = load({}, {"HOME": "/home/li"})
    assert (settings.host, settings.port, settings.language, settings.model, settings.profile) == (
        "127.0.0.1",
        7860,
        "en",
        "",
        "bench",
    )
    assert settings.data == Path("/home/li/.local/share/gembalens")


def test_the_data_folder_follows_the_desktop_convention() -> None:
    assert default_data({"XDG_DATA_HOME": "/srv/x", "HOME": "/home/li"}) == Path("/srv/x/gembalens")


def test_a_file_may_say_no_to_the_browser(file: Path) -> None:
    assert load({}, {}, file).open_browser is False


@pytest.mark.parametrize(
    ("flags", "environ", "words"),
    [
        ({"port": 0}, {}, ("--port", "1 to 65535")),
        ({"port": "eighty"}, {}, ("--port", "eighty")),
        ({}, {"GEMBALENS_PORT": "99999"}, ("GEMBALENS_PORT", "99999")),
        ({"language": "fr"}, {}, ("--language", "en, zh")),
        ({}, {"GEMBALENS_OPEN_BROWSER": "maybe"}, ("GEMBALENS_OPEN_BROWSER", "neither yes nor no")),
        ({"max_megapixels": "nan"}, {}, ("--max-megapixels", "number")),
        ({"data": " "}, {}, ("--data", "not a name")),
    ],
    ids=["port 0", "a word for a port", "a port too high", "a language we do not speak", "maybe", "not a number", "no name"],
)
def test_a_wrong_setting_is_a_sentence_with_its_place(flags: dict[str, object], environ: dict[str, str], words: tuple[str, ...]) -> None:
    with pytest.raises(SettingsError) as caught:
        load(flags, environ)
    assert all(word in str(caught.value) for word in words), str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [("colour = 1\n", ("colour", "no setting")), ("port =\n", ("cannot be read",)), ('port = "x"\n', ("port", "whole number"))],
    ids=["an unknown name", "no TOML", "a wrong value"],
)
def test_a_wrong_settings_file_is_named(text: str, words: tuple[str, ...], tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(SettingsError) as caught:
        load({}, {}, path)
    assert all(word in str(caught.value) for word in ("mine.toml", *words)), str(caught.value)


def test_a_settings_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no settings file"):
        load({}, {}, tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("flags", "reached"),
    [
        ({}, False),
        ({"host": "127.0.0.1"}, False),
        ({"host": "127.0.0.2"}, False),
        ({"host": "localhost"}, False),
        ({"host": "::1"}, False),
        ({"host": "0.0.0.0"}, True),
        ({"host": "::"}, True),
        ({"host": "192.168.1.4"}, True),
        ({"host": "gemba.example"}, True),
        ({"public_hosts": "gemba.example"}, True),
    ],
    ids=str,
)
def test_it_is_known_whether_others_can_come_to_the_door(flags: dict[str, str], reached: bool) -> None:
    assert load(flags, {}).reached is reached


def test_login_and_tls_are_said_by_flag_or_environment() -> None:
    assert (load({}, {}).login, load({}, {}).behind_tls) == (False, False)
    assert load({"login": "yes"}, {"GEMBALENS_BEHIND_TLS": "on"}).login
    assert load({"login": "yes"}, {"GEMBALENS_BEHIND_TLS": "on"}).behind_tls


@pytest.mark.parametrize(
    ("flags", "address"),
    [
        ({}, "http://127.0.0.1:7860"),
        ({"public_hosts": "gemba.example"}, "http://gemba.example:7860"),
        ({"public_hosts": "gemba.example", "behind_tls": "yes"}, "https://gemba.example"),
        ({"public_hosts": "::2", "behind_tls": "yes"}, "https://[::2]"),
    ],
    ids=str,
)
def test_a_link_begins_with_what_others_type(flags: dict[str, str], address: str) -> None:
    assert load(flags, {}).public_address == address


def test_public_hosts_are_names_with_commas_and_none_unless_said(tmp_path: Path) -> None:
    assert load({}, {}).public_hosts == ()
    assert load({}, {"GEMBALENS_PUBLIC_HOSTS": "Gemba.example, 10.0.0.5,::2 ,gemba.example"}).public_hosts == (
        "gemba.example",
        "10.0.0.5",
        "::2",
    )
    path = tmp_path / "mine.toml"
    path.write_text('public_hosts = ["a.example", "b.example"]\n', "utf-8")
    assert load({}, {}, path).public_hosts == ("a.example", "b.example")


@pytest.mark.parametrize("said", ["https://gemba.example", "gemba.example:8080", "*", "*.example", "a b", "gemba.example/x"])
def test_what_is_no_host_name_is_refused(said: str) -> None:
    with pytest.raises(SettingsError, match=r"--public-hosts.*names alone"):
        load({"public_hosts": said}, {})


def test_every_setting_has_a_reader() -> None:
    assert set(_READERS) == {field.name for field in fields(Settings)}


def test_a_profile_is_a_shipped_name_or_a_path() -> None:
    assert load({}, {}).profile_file == ASSETS / "profiles" / "bench.toml"
    assert load({"profile": "/site/mine.toml"}, {}).profile_file == Path("/site/mine.toml")


def test_the_address_that_is_printed_can_be_opened() -> None:
    assert load({"host": "::1"}, {}).address == "http://[::1]:7860"
    assert load({"host": "0.0.0.0"}, {}).address == "http://127.0.0.1:7860"
