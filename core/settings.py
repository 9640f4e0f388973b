"""Where, how and with which model the house runs: one frozen value. The only file that reads or writes the environment; it opens nothing.

Flag > environment `GEMBALENS_*` > settings file > default. `launch.py` builds it once and hands it down.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from ipaddress import ip_address
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from core.errors import SettingsError
from core.rights import ROLES, Role

ROOT = Path(__file__).resolve().parent.parent
ASSETS = ROOT / "assets"
PREFIX = "GEMBALENS_"
LANGUAGES = ("en", "zh")
KEY_PREFIX = f"{PREFIX}KEY_"
_KEY_VARIABLE = re.compile(rf"{KEY_PREFIX}[A-Z0-9_]{{1,64}}")
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")  # a name or an IPv4 address
EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104  every address of this machine


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a person can choose about a run."""

    data: Path  # folder of the record and the frames; made when missing
    host: str = "127.0.0.1"
    port: int = 7860
    language: str = "en"  # en or zh: what a first visitor sees
    profile: str = "bench"  # a name in assets/profiles, or a path to a .toml
    model: str = ""  # of the catalogue, one that ships, a model folder, or "scripted:FILE"; empty: the catalogue's active one, else the compact model
    open_browser: bool = True
    login: bool = False  # asked for even while the record knows nobody; as soon as it knows somebody it is always asked for
    behind_tls: bool = False  # something in front of this server speaks https: cookies for https only, and browsers are told to keep to it
    public_hosts: tuple[str, ...] = ()  # further names by which browsers may ask for it: its own on the network, or a proxy's
    max_upload_mib: int = 25
    max_megapixels: float = 50.0
    max_side: int = 16384  # pixels
    threads: int = 2  # of the model
    site: str = (
        ""  # where the frames come from that this server takes in; one word of the record, so that a site's frames can be found and erased
    )
    see_faces: Role = "inspector"  # the least role that is shown faces; for all below it they are covered
    keep_days: int = 0  # frames that came in longer ago are erased, with all that was said of them; 0: they are kept
    oidc_issuer: str = ""  # where people may log in instead of here, by OpenID Connect: its address as it names itself; empty: nowhere
    oidc_client_id: str = ""  # by which name that place knows this server; the secret, if it gave one, stands in GEMBALENS_KEY_OIDC
    oidc_name: str = ""  # what the button of the login page calls that place

    @property
    def address(self) -> str:
        """What a person types into the browser."""
        host = "127.0.0.1" if self.host in EVERYWHERE else self.host
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    @property
    def public_address(self) -> str:
        """What others type into their browser: the first public name, where there is one."""
        if not self.public_hosts:
            return self.address
        name = f"[{self.public_hosts[0]}]" if ":" in self.public_hosts[0] else self.public_hosts[0]
        return f"https://{name}" if self.behind_tls else f"http://{name}:{self.port}"

    @property
    def reached(self) -> bool:
        """Whether others than who sits at this machine can come to the door."""
        return bool(self.public_hosts) or not _loopback(self.host)

    @property
    def profile_file(self) -> Path:
        """The profile's file: a shipped one by its name, any other by its path."""
        return Path(self.profile) if self.profile.endswith(".toml") else ASSETS / "profiles" / f"{self.profile}.toml"


def environment() -> Mapping[str, str]:
    """The environment as it is now."""
    return dict(os.environ)


def secret(variable: str) -> str:
    """The API key in an environment variable. Raises SettingsError, which never tells what stands in it.

    Only names that begin with GEMBALENS_KEY_: an entry of the catalogue must not be able to send any other secret of this machine.
    """
    if not isinstance(variable, str) or not _KEY_VARIABLE.fullmatch(variable):
        raise SettingsError(f"{variable!r} is no name for the variable of a key. Such names begin with {KEY_PREFIX}, in capital letters.")
    key = os.environ.get(variable, "").strip()
    if not key:
        raise SettingsError(f"{variable} is not set, and the model's server wants the key that should stand in it.")
    if not key.isascii() or not key.isprintable() or " " in key:
        raise SettingsError(f"{variable} holds signs that no key has. Set it anew, without quotes and line breaks.")
    return key


def quiet_frameworks(temporary: Path) -> None:
    """Tell the frameworks, before they are imported, to send nothing anywhere and to keep their own files in `temporary`."""
    os.environ.update(
        {
            "GRADIO_ANALYTICS_ENABLED": "False",
            "GRADIO_ANALYTICS_MAX_EVENTS": "100",  # more would be summarised anew at each event
            "GRADIO_TEMP_DIR": str(temporary),
            "STREAMLIT_BROWSER_GATHER_USAGE_STATS": "false",
            # ui/guard.py has checked the origin; Streamlit's own check would ask another machine what our address is.
            "STREAMLIT_SERVER_ENABLE_CORS": "false",
            "STREAMLIT_SERVER_ENABLE_XSRF_PROTECTION": "false",
            "HF_HUB_OFFLINE": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            "TRANSFORMERS_VERBOSITY": "error",
            "TQDM_DISABLE": "1",
            "DO_NOT_TRACK": "1",
            "TOKENIZERS_PARALLELISM": "false",
            "MPLBACKEND": "agg",
            "OPENCV_LOG_LEVEL": "OFF",
            "OPENCV_FFMPEG_LOGLEVEL": "-8",
            "OPENCV_FFMPEG_CAPTURE_OPTIONS": "protocol_whitelist;file",  # a "video" may be a list of addresses
        }
    )


def load(flags: Mapping[str, object], environ: Mapping[str, str], file: Path | None = None) -> Settings:
    """Settle every setting. A flag that is None was not given. Raises SettingsError with the place of what is wrong.

    >>> load({"port": 8000}, {"GEMBALENS_PORT": "9000", "GEMBALENS_DATA": "/tmp/x"}).port
    8000
    """
    written = _from_file(file)
    chosen: dict[str, Any] = {}
    for name in (field.name for field in fields(Settings)):
        variable = PREFIX + name.upper()
        if flags.get(name) is not None:
            chosen[name] = _read(name, flags[name], f"--{name.replace('_', '-')}")
        elif environ.get(variable, "").strip():
            chosen[name] = _read(name, environ[variable].strip(), variable)
        elif name in written:
            chosen[name] = _read(name, written[name], f"{file}, {name}")
    chosen.setdefault("data", default_data(environ))
    settled = Settings(**chosen)
    if bool(settled.oidc_issuer) != bool(settled.oidc_client_id):
        raise SettingsError("oidc_issuer and oidc_client_id go together: the place where people log in, and its name for this server.")
    return settled


def default_data(environ: Mapping[str, str]) -> Path:
    """Where the record lives when nobody says otherwise (the XDG place for a program's data)."""
    base = environ.get("XDG_DATA_HOME", "")
    home = Path(base) if base.startswith("/") else Path(environ.get("HOME") or Path.home()) / ".local" / "share"
    return home / "gembalens"


def _loopback(host: str) -> bool:
    return host == "localhost" or (_is_address(host) and ip_address(host).is_loopback)


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _from_file(file: Path | None) -> Mapping[str, object]:
    """The settings file (TOML, flat). None: there is none."""
    if file is None:
        return {}
    try:
        raw = tomllib.loads(file.read_text("utf-8"))
    except FileNotFoundError as error:
        raise SettingsError(f"There is no settings file {file}.") from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{file}: this settings file cannot be read ({error}).") from error
    known = {field.name for field in fields(Settings)}
    for name in raw:
        if name not in known:
            raise SettingsError(f'{file}: "{name}" is no setting. There are: {", ".join(sorted(known))}.')
    return cast(Mapping[str, object], raw)


def _read(name: str, said: object, place: str) -> object:
    """What was said, as the type of the setting; `place` is where it was said."""
    try:
        return _READERS[name](said)
    except (ValueError, TypeError) as error:
        raise SettingsError(f"{place}: {said!r} {error}.") from error


def _text(said: object) -> str:
    if not isinstance(said, str | Path) or not str(said).strip():
        raise ValueError("is not a name")
    return str(said).strip()


def _folder(said: object) -> Path:
    return Path(_text(said)).expanduser().absolute()


def _hosts(said: object) -> tuple[str, ...]:
    """Host names, separated by commas (or a list in a settings file), in small letters."""
    names = said if isinstance(said, list | tuple) else str(said).split(",")
    found = tuple(dict.fromkeys(str(name).strip().lower() for name in names if str(name).strip()))
    for name in found:
        if not _HOST.fullmatch(name) and not _is_address(name):
            raise ValueError("is no list of host names: write names alone, without http:// and port, between them commas")
    return found


def _yes(said: object) -> bool:
    words = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
    word = str(said).strip().casefold()
    if word not in words:
        raise ValueError("is neither yes nor no")
    return words[word]


def _whole(least: int, most: int) -> Callable[[object], int]:
    def read(said: object) -> int:
        if (
            isinstance(said, bool)
            or not str(said).strip().isascii()
            or not str(said).strip().isdecimal()
            or not least <= int(str(said)) <= most
        ):
            raise ValueError(f"is not a whole number from {least} to {most}")
        return int(str(said))

    return read


def _number(least: float, most: float) -> Callable[[object], float]:
    def read(said: object) -> float:
        try:
            value = float(str(said))
        except ValueError:
            value = float("nan")
        if not least <= value <= most:
            raise ValueError(f"is not a number from {least:g} to {most:g}")
        return value

    return read


def _word(said: object) -> str:
    word = str(said).strip()
    if len(word) > 80 or not word.isprintable():
        raise ValueError("has more than 80 signs, or some that cannot be seen")
    return word


def _issuer(said: object) -> str:
    """An address as OpenID Connect names a place where people log in. Plain http only on this machine: all trust hangs on this line."""
    address = str(said).strip()
    parts = urlsplit(address)
    plain = parts.scheme == "http" and _loopback(parts.hostname or "")
    if (parts.scheme != "https" and not plain) or not parts.hostname or parts.username is not None or "?" in address or "#" in address:
        raise ValueError("is no address of https, without name, question and place in it")
    if len(address) > 200 or not address.isascii() or not address.isprintable() or " " in address or (parts.port or 443) < 1:
        raise ValueError("is no address of https of at most 200 signs")
    return address


def _one_of(*choices: str) -> Callable[[object], str]:
    def read(said: object) -> str:
        if str(said) not in choices:
            raise ValueError(f"is none of {', '.join(choices)}")
        return str(said)

    return read


_READERS: Mapping[str, Callable[[object], object]] = {
    "data": _folder,
    "host": _text,
    "port": _whole(1, 65535),
    "language": _one_of(*LANGUAGES),
    "profile": _text,
    "model": _text,
    "open_browser": _yes,
    "login": _yes,
    "behind_tls": _yes,
    "public_hosts": _hosts,
    "max_upload_mib": _whole(1, 1024),
    "max_megapixels": _number(0.01, 500),
    "max_side": _whole(16, 65535),
    "threads": _whole(1, 256),
    "site": _word,
    "see_faces": _one_of(*ROLES),
    "keep_days": _whole(0, 36500),
    "oidc_issuer": _issuer,
    "oidc_client_id": _word,
    "oidc_name": _word,
}
