"""`launch.py people`: who may come in, at the server's terminal. Asks the record's verbs and prints; it holds no rule."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from core.errors import SettingsError
from core.rights import ROLES, Role
from core.settings import Settings
from ui.wire import to_json

if TYPE_CHECKING:
    from annotations.entering.members import Members as EveryMember
    from annotations.store import Store

BY = "terminal"
"""Who did it, in the record: whoever can log in to this machine."""

LINK = "Send them this link. It works once, for 72 hours, and lets them set a password:"


class Members(Protocol):
    """The verbs of `annotations.entering.members.Members` that are asked here."""

    def everybody(self) -> Sequence[Any]: ...
    def add(self, name: str, role: Role, *, shown: str = "", by: str) -> tuple[Any, str | None]: ...
    def set_role(self, name: str, role: Role, *, by: str) -> Any: ...
    def set_active(self, name: str, active: bool, *, by: str) -> Any: ...
    def invite(self, name: str, *, by: str) -> str: ...


def arguments(verbs: Any, common: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """The verb and its own verbs."""
    text = "who may come in: add, list, role, on, off, link; the server must be stopped, but for list"
    top: argparse.ArgumentParser = verbs.add_parser("people", help=text, description=f"{text[0].upper()}{text[1:]}.")
    acts = top.add_subparsers(dest="act", metavar="VERB", required=True)

    def act(name: str, text: str) -> argparse.ArgumentParser:
        made: argparse.ArgumentParser = acts.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.", parents=[common])
        made.add_argument("--port", metavar="N", help=argparse.SUPPRESS)
        made.add_argument("--public-hosts", metavar="NAMES", help="other host names it answers to; the first stands in the link")
        made.add_argument("--behind-tls", action="store_const", const="yes", help="the link begins with https")
        return made

    added = act("add", "let somebody in; prints the link by which they set a password")
    added.add_argument("name", metavar="NAME")
    added.add_argument("--role", choices=ROLES, required=True, help="the first person is an admin")
    added.add_argument("--shown", default="", metavar="WORDS", help="how others read them (default: the name)")
    act("list", "everybody who may come in").add_argument("--json", action="store_true", help="one JSON object a line")
    changed = act("role", "give somebody another role; their sessions end")
    changed.add_argument("name", metavar="NAME")
    changed.add_argument("role", choices=ROLES, metavar="ROLE", help=", ".join(ROLES))
    act("off", "let somebody in no more; what they said stays").add_argument("name", metavar="NAME")
    act("on", "let somebody in again").add_argument("name", metavar="NAME")
    act("link", "a new link by which somebody sets a password; earlier ones end").add_argument("name", metavar="NAME")
    return top


def answer(asked: argparse.Namespace, members: Members, address: str) -> int:
    """Do what was asked and tell; `address` begins a link."""
    if asked.act == "add":
        person, link = members.add(asked.name, asked.role, shown=asked.shown, by=BY)
        print(f"{person.name} may come in as {person.role}. {LINK}\n{address}/join/{link}")
    elif asked.act == "link":
        print(f"{LINK}\n{address}/join/{members.invite(asked.name, by=BY)}")
    elif asked.act == "role":
        print(f"{asked.name} is {members.set_role(asked.name, asked.role, by=BY).role} now.")
    else:
        members.set_active(asked.name, asked.act == "on", by=BY)
        print(f"{asked.name} may come in {'again' if asked.act == 'on' else 'no more'}.")
    return 0


def lines(people: Sequence[Any], *, as_json: bool = False) -> list[str]:
    """A line a person."""
    if as_json:
        return [json.dumps(to_json(each), ensure_ascii=False) for each in people]
    if not people:
        return [
            "Nobody has to log in: whoever sits at this machine may do everything. `launch.py people add NAME --role admin` changes that."
        ]
    return [f"{each.name:<20} {each.role:<10} {_standing(each):<16} {each.shown}".rstrip() for each in people]


def _standing(person: Any) -> str:
    if not person.active:
        return "shut out"
    return "may come in" if person.ready else "link not used"


def members_of(store: Store, settings: Settings) -> EveryMember:
    """Who may come in. Raises SettingsError where a stranger could reach the server and nobody would be asked who they are."""
    from annotations.entering.members import Members as EveryMember

    members = EveryMember(store, always=settings.login)
    if settings.reached and not members.login:
        named = settings.host if not settings.public_hosts else settings.public_hosts[0]
        raise SettingsError(
            f"{named} can be reached by other machines, and nobody has to log in here yet. Add --login (the link for the first admin is then "
            "printed here), or `launch.py people add NAME --role admin`, or use --host 127.0.0.1 without --public-hosts."
        )
    return members
