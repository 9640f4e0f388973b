"""Where a model's server stands: an address written in one plain way, looked up once, and only where frames may go. Opens no connection.

An address that can be read in two ways is refused, not interpreted: what is checked here is what is called later. One that is refused
is not repeated in the sentence, because somebody may have written a key or a password into it; the sentence names the fault.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import SplitResult, urlsplit

from core.errors import ModelLost, ModelRefused

Resolve = Callable[[str, int], Sequence[str]]
"""Name and port -> all addresses, as numbers. Raises OSError when the name is not known."""

_PORTS = {"http": 80, "https": 443}
_NAME = re.compile(r"(?=.{1,253}\Z)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*")
_NUMBER_LIKE = re.compile(r"(0x[0-9a-f]*|[0-9]+)")  # a last label that some readers take for a part of an IPv4 address
_UNNEEDED = " \\%@?#;"
_BEFORE_SECRETS = "@?#"
_PATH = re.compile(r"(/(?!\.{1,2}(/|\Z))[A-Za-z0-9._~-]+)*/?")
_NEVER = tuple(
    ip_network(block)
    for block in (
        "169.254.0.0/16",  # link-local: the metadata service of most clouds, which hands out credentials
        "fe80::/10",
        "fd00:ec2::/32",  # AWS, by IPv6
        "fd20:ce::/32",  # Google Cloud, by IPv6
        "100.100.100.200/32",  # Alibaba Cloud
        "168.63.129.16/32",  # Azure
        "192.0.0.0/24",  # Oracle Cloud, and protocol assignments
        "0.0.0.0/8",  # "this network": reaches this machine by another name
        "::/128",
        "224.0.0.0/3",  # multicast, reserved, broadcast
        "ff00::/8",
        "::ffff:0:0/96",  # an IPv4 address inside an IPv6 one, in all its forms: the inner one would not be looked at
        "::/96",
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "2002::/16",
        "2001::/32",
        "fec0::/10",
    )
)


@dataclass(frozen=True, slots=True)
class Address:
    """A server that may be called. `pinned`: the addresses that the name stood for when it was checked; nothing else is ever called."""

    scheme: str  # http or https
    host: str  # as written, in small letters; an IPv6 address without brackets
    port: int
    path: str  # begins with / and has none at its end; may be empty
    pinned: tuple[str, ...]

    @property
    def shown(self) -> str:
        """Host and port, as a person reads it."""
        return f"{_bracketed(self.host)}:{self.port}"

    @property
    def host_header(self) -> str:
        """What the server is told that it was called."""
        return _bracketed(self.host) if self.port == _PORTS[self.scheme] else self.shown

    def url(self, pinned: str, path: str) -> str:
        """The address of a page below, by number."""
        return f"{self.scheme}://{_bracketed(pinned)}:{self.port}{self.path}{path}"


def look_up(host: str, port: int) -> list[str]:
    """Every address of a name, as this machine's resolver gives them."""
    return list(dict.fromkeys(str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))


def read(url: str, *, allow_remote: bool, resolve: Resolve = look_up) -> Address:
    """The address that `url` stands for, looked up and checked. Raises ModelRefused; ModelLost for a name that nobody knows.

    >>> read("http://127.0.0.1:8000/v1/", allow_remote=False)
    Address(scheme='http', host='127.0.0.1', port=8000, path='/v1', pinned=('127.0.0.1',))
    """
    scheme, host, port, path = _parts(url)
    literal = _number(host)
    try:
        pinned = (str(literal),) if literal else tuple(resolve(host, port))
    except (OSError, UnicodeError) as error:
        raise ModelLost(
            f"The name {host} of the model's server is not known here ({error}). Check the name, or this machine's DNS."
        ) from error
    address = Address(scheme, host, port, path, pinned)
    if not pinned:
        raise ModelLost(f"The name {host} of the model's server has no address.")
    for each in pinned:
        _check(address, each, allow_remote)
    return address


def _parts(url: str) -> tuple[str, str, int, str]:
    wrong = next((sign for sign in url if not sign.isascii() or not sign.isprintable() or sign in _UNNEEDED), None)
    if wrong is not None:
        secret = " A key belongs in the variable that key_variable names." if wrong in _BEFORE_SECRETS else ""
        raise ModelRefused(
            f"The server's address has the sign {wrong!a} in it, which an address does not need. Write it as http://HOST:PORT/v1.{secret}"
        )
    split, port = _split(url)
    if split is None:
        raise ModelRefused("The server's address cannot be read. Write it as http://HOST:PORT/v1, the port as a number up to 65535.")
    host = (split.hostname or "").lower()
    if split.scheme not in _PORTS:
        raise ModelRefused("The server's address begins neither with http:// nor with https://. Write it as http://HOST:PORT/v1.")
    if port == 0 or split.netloc.endswith(":"):
        raise ModelRefused("The server's address names no port that can be called. Write it as http://HOST:PORT/v1.")
    bracketed = split.netloc.startswith("[")
    if bracketed != (":" in host) or (bracketed and _number(host) is None) or not (bracketed or _plain(host)):
        raise ModelRefused("The server's address names no host in a plain way. Write its name, or its number as 192.0.2.10.")
    if not _PATH.fullmatch(split.path):
        raise ModelRefused("The server's address has a path that can be read in two ways. Write it as http://HOST:PORT/v1.")
    return split.scheme, host, port or _PORTS[split.scheme], split.path.rstrip("/")


def _split(url: str) -> tuple[SplitResult | None, int | None]:
    """The parts of an address, and its port. Nothing of what cannot be read: the library's own error repeats it."""
    try:
        split = urlsplit(url)
        return split, split.port
    except ValueError:
        return None, None


def _plain(host: str) -> bool:
    """A name, or four decimal numbers; not 127.1, 0x7f000001, 017700000001 or 2130706433, which some readers take for an address."""
    if not _NAME.fullmatch(host):
        return False
    return isinstance(_number(host), IPv4Address) or not _NUMBER_LIKE.fullmatch(host.rsplit(".", 1)[-1])


def _check(address: Address, pinned: str, allow_remote: bool) -> None:
    number = _number(pinned)
    if number is None or any(number in block for block in _NEVER if number != IPv6Address("::1")):
        raise ModelRefused(
            f"The model's server {address.host} stands at {pinned}, and no frame is ever sent there: it is no address of a model's server."
        )
    if number.is_loopback:
        return
    if not allow_remote:
        raise ModelRefused(
            f"The model's server {address.shown} is not on this machine, so frames would leave it. "
            "If they may, add it with --allow-remote (in its entry: allow_remote)."
        )
    if address.scheme == "http" and number.is_global:
        raise ModelRefused(
            f"The model's server {address.shown} stands in the open network, where everybody on the way could read the frames. Use https://."
        )


def _number(host: str) -> IPv4Address | IPv6Address | None:
    try:
        number = ip_address(host)
    except ValueError:
        return None
    return None if isinstance(number, IPv6Address) and number.scope_id else number


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
