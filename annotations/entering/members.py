"""Who may come in, as verbs: add, invite, join, log in, believe, end. The desk of people; it knows no cookie, no address and no route.

Whoever asks how often somebody may try, and what a role may do, asks elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from annotations.entering import invitations, people, sessions, tokens
from annotations.entering.believing import Beliefs
from annotations.entering.people import Person
from annotations.entering.secret_words import Passwords, digest
from annotations.entering.tokens import Token
from annotations.store import Store
from core.errors import Forbidden, LoginNeeded, Malformed, NotFound
from core.rights import Actor, Role

__all__ = ["Members", "Person", "Token"]

WRONG = "This name and password do not belong together. Try again, or ask an admin for a new link."


class Members:
    """A record's people. `always`: login is asked for even while nobody is known. Safe to use from many threads."""

    def __init__(
        self,
        store: Store,
        *,
        always: bool = False,
        passwords: Passwords | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._passwords = passwords or Passwords()
        self._clock = clock
        self._believed = Beliefs(store, clock)
        with store.reading() as connection:
            self._asked_for = always or people.anybody(connection)

    @property
    def login(self) -> bool:
        """Whether who comes has to say who they are."""
        return self._asked_for

    def everybody(self) -> list[Person]:
        """All people, by name."""
        with self._store.reading() as connection:
            return people.everybody(connection)

    def person(self, name: str) -> Person:
        """One of them. Raises NotFound."""
        with self._store.reading() as connection:
            return people.person_of(connection, name)

    def with_subject(self, subject: str) -> Person | None:
        """Whom another place, where people log in, calls so."""
        with self._store.reading() as connection:
            return people.with_subject(connection, subject)

    def first_link(self) -> str | None:
        """The token of a link for the first admin; None while there is an admin who can come in. Earlier ones end."""
        with self._store.writing() as connection:
            if people.has_admin(connection, self._clock()):
                return None
            return invitations.invite(connection, None, by="", at=self._clock())

    def add(self, name: str, role: Role, *, shown: str = "", by: str, subject: str | None = None) -> tuple[Person, str | None]:
        """A new person, and the token of their link; none for somebody who logs in elsewhere. Raises Malformed."""
        with self._store.writing() as connection:
            made = people.add(connection, name, role, shown=shown, by=by, at=self._clock(), subject=subject)
            link = None if subject else invitations.invite(connection, made.name, by=by, at=self._clock())
        self._asked_for = True
        return made, link

    def set_subject(self, name: str, subject: str | None, *, by: str) -> Person:
        """By which name the place where people log in knows this person; None: no more. Every session of theirs ends.

        Raises NotFound, Malformed.
        """
        with self._store.writing() as connection:
            if people.person_of(connection, name).login_elsewhere != subject:
                people.set_subject(connection, name, subject, by=by, at=self._clock())
                sessions.end_all(connection, name, by=by, at=self._clock())
            changed = people.person_of(connection, name)
        self._believed.forget()
        return changed

    def invite(self, name: str, *, by: str) -> str:
        """The token of a new link by which this person sets a password. Raises NotFound; Forbidden for somebody who is shut out."""
        with self._store.writing() as connection:
            if not people.person_of(connection, name).active:
                raise Forbidden(f"{name} is shut out. Let them in first; no link was made.")
            return invitations.invite(connection, name, by=by, at=self._clock())

    def set_role(self, name: str, role: Role, *, by: str) -> Person:
        """Another role; every session of theirs ends. Raises NotFound, Malformed, Forbidden."""
        with self._store.writing() as connection:
            if people.person_of(connection, name).role != role:
                people.set_role(connection, name, role, by=by, at=self._clock())
                sessions.end_all(connection, name, by=by, at=self._clock())
            changed = people.person_of(connection, name)
        self._believed.forget()
        return changed

    def set_active(self, name: str, active: bool, *, by: str) -> Person:
        """Let somebody in again, or no more; then their sessions and links end. Raises NotFound, Forbidden."""
        with self._store.writing() as connection:
            people.set_active(connection, name, active, by=by, at=self._clock())
            if not active:
                sessions.end_all(connection, name, by=by, at=self._clock())
                invitations.end(connection, people.row_of(connection, name)["seq"], self._clock())
            changed = people.person_of(connection, name)
        self._believed.forget()
        return changed

    def invited(self, link: str) -> str | None:
        """The name of the person whose link this is; None: of whoever becomes the first admin. Raises NotFound."""
        with self._store.reading() as connection:
            name = invitations.invited(connection, link, self._clock())
            if name is None and people.has_admin(connection, self._clock()):
                raise NotFound(invitations.GONE)
            return name

    def join(self, link: str, password: object, *, name: str = "", shown: str = "", agent: str = "") -> str:
        """Set a password by a link, which is used up then, and begin a session; what its cookie says. All other sessions of theirs end.

        `name` and `shown` only for the first admin. Raises NotFound, Malformed; the link is still good then.
        """
        person = self.invited(link) or people.known_as(name)
        kept = self._passwords.kept(password, person)
        with self._store.writing() as connection:
            now = self._clock()
            known = invitations.invited(connection, link, now)  # again: of two who come at once, one is late
            if known is None:
                if people.has_admin(connection, now):
                    raise NotFound(invitations.GONE)
                people.add(connection, person, "admin", shown=shown, by=person, at=now)
            invitations.use(connection, link, now)
            people.set_password(connection, person, kept, by=person, at=now)
            sessions.end_all(connection, person, by=person, at=now)
            cookie = sessions.begin(connection, person, agent=agent, at=now, how="link")
        self._asked_for = True
        self._believed.forget()
        return cookie

    def log_in(self, name: object, password: object, *, agent: str = "") -> str:
        """Begin a session; what its cookie says. Raises LoginNeeded, in the same time and words whoever is not known or not let in."""
        try:
            asked = people.known_as(name)
        except Malformed:
            asked = ""
        with self._store.reading() as connection:
            kept = people.password_of(connection, asked)
        if not self._passwords.fits(password, kept):
            raise LoginNeeded(WRONG)
        return self.begin(asked, agent=agent, how="password")

    def begin(self, name: str, *, agent: str = "", how: str) -> str:
        """A session of somebody who proved elsewhere who they are; what its cookie says. Raises LoginNeeded for who is shut out."""
        with self._store.writing() as connection:
            if not people.person_of(connection, name).active:
                raise LoginNeeded(WRONG)
            return sessions.begin(connection, name, agent=agent, at=self._clock(), how=how)

    def log_in_elsewhere(self, subject: str, first: Sequence[str] = (), *, agent: str = "") -> str:
        """Begin a session of whom another place proved; what its cookie says. Raises NotFound for a stranger, Forbidden for who is shut out."""
        with self._store.writing() as connection:
            person = people.recognised(connection, subject, first, at=self._clock())
            return sessions.begin(connection, person.name, agent=agent, at=self._clock(), how="elsewhere")

    def at_hand(self, said: str) -> bool:
        """Whether `by_cookie` or `by_token` answers from memory, without a look at the disk."""
        return self._believed.at_hand(digest(said))

    def by_cookie(self, cookie: str, *, sign_of_life: bool = True) -> Actor | None:
        """Whose session this is; None when it ended, was never there, or was idle for too long."""
        return self._believed.session(digest(cookie), sign_of_life=sign_of_life)

    def by_token(self, said: str) -> Actor | None:
        """Whose token this is, with the role that it has now."""
        return self._believed.token(digest(said))

    def end(self, cookie: str) -> None:
        """Log out: this session is over everywhere."""
        with self._store.writing() as connection:
            sessions.end(connection, digest(cookie), at=self._clock())
        self._believed.forget()

    def issue(self, person: str, name: object, role: object, *, ends_at: datetime | None = None) -> str:
        """What a new token of this person says: told once, here. Raises Malformed."""
        with self._store.writing() as connection:
            return tokens.issue(connection, person, name, role, ends_at=ends_at, by=person, at=self._clock())

    def tokens(self, person: str) -> list[Token]:
        """The tokens of a person, without what they say."""
        with self._store.reading() as connection:
            return tokens.listed(connection, person)

    def end_token(self, person: str, short: str, *, by: str) -> None:
        """End a token of this person. Raises NotFound."""
        with self._store.writing() as connection:
            tokens.end(connection, person, short, by=by, at=self._clock())
        self._believed.forget()
