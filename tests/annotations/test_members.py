"""Who may come in: people, links, passwords, sessions and tokens, over a real record and a clock that is moved by hand."""

from __future__ import annotations

import re
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from annotations import audit
from annotations.entering.members import Members
from annotations.entering.secret_words import Passwords
from annotations.store import Store
from core.errors import AppError, Forbidden, LoginNeeded, Malformed, NotFound
from core.rights import ROLES, Actor
from tests.annotations.membership import CHEAP, PASSWORD, Clock, everybody, membership


@pytest.fixture
def made(tmp_path: Path) -> Iterator[tuple[Members, Clock, Store]]:
    with membership(tmp_path) as members:
        yield members


@pytest.fixture
def members(made: tuple[Members, Clock, Store]) -> Members:
    return made[0]


@pytest.fixture
def clock(made: tuple[Members, Clock, Store]) -> Clock:
    return made[1]


def admin(members: Members) -> str:
    """The cookie of the first admin."""
    link = members.first_link()
    assert link is not None
    return members.join(link, PASSWORD, name="Ada", shown="Ada L.")


def test_a_new_record_asks_nobody_and_asks_everybody_as_soon_as_it_knows_somebody(tmp_path: Path) -> None:
    asked: list[bool] = []
    with membership(tmp_path, always=False) as (members, _, _):
        asked.append(members.login)
        members.add("ada", "admin", by="local")
        asked.append(members.login)
    with membership(tmp_path, always=False) as (again, _, _):
        asked.append(again.login)
    assert asked == [False, True, True]


def test_the_first_admin_comes_by_a_link_that_works_once(members: Members) -> None:
    link = members.first_link()
    assert link is not None
    assert len(link) == 43
    cookie = members.join(link, PASSWORD, name="Ada", shown="Ada L.")
    assert members.by_cookie(cookie) == Actor("ada", "admin", "session", "Ada L.")
    assert members.first_link() is None
    with pytest.raises(NotFound, match="used already"):
        members.join(link, PASSWORD, name="eve")


def test_a_second_start_makes_the_link_of_the_first_worthless(members: Members) -> None:
    first, second = members.first_link(), members.first_link()
    assert first is not None and second is not None  # noqa: PT018 - one fact
    assert first != second
    with pytest.raises(NotFound):
        members.join(first, PASSWORD, name="ada")
    members.join(second, PASSWORD, name="ada")


def test_of_many_who_open_the_first_link_at_once_one_becomes_the_admin(members: Members) -> None:
    link, outcomes = members.first_link(), []
    assert link is not None

    def open_it(n: int) -> None:
        try:
            members.join(link, PASSWORD, name=f"person{n}")
            outcomes.append("in")
        except NotFound:
            outcomes.append("late")

    threads = [threading.Thread(target=open_it, args=(n,)) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["in", *["late"] * 11]
    assert len(members.everybody()) == 1


def test_the_first_person_must_be_an_admin(members: Members) -> None:
    with pytest.raises(Malformed, match="first person"):
        members.add("lin", "viewer", by="terminal")
    assert members.everybody() == []


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("Wang.Li", "wang.li"),
        ("  ｌｉｎ ", "lin"),
        ("王丽", "王丽"),
        ("m-weber+2@plant.example", "m-weber+2@plant.example"),
        ("", None),
        ("local", None),
        ("LOCAL", None),
        ("a b", None),
        (".lin", None),
        ("lin\u202egpj", None),
        ("lin\n", "lin"),
        ("x" * 65, None),
        ("<b>", None),
        (None, None),
        (7, None),
    ],
    ids=repr,
)
def test_names_that_can_and_cannot_be(members: Members, name: Any, kept: str | None) -> None:
    if kept is None:
        with pytest.raises(Malformed):
            members.add(name, "admin", by="terminal")
        assert members.everybody() == []
    else:
        assert members.add(name, "admin", by="terminal")[0].name == kept


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("short pass"[:9], "10 to 200"),
        ("x" * 201, "10 to 200"),
        ("ABABABABABAB", "one or two"),
        (None, "10 to 200"),
        (" the.boss.of.all ", "name"),
    ],
)
def test_passwords_that_are_not_taken_leave_the_link_good(members: Members, password: Any, why: str) -> None:
    _, link = members.add("the.boss.of.all", "admin", by="terminal")
    assert link is not None
    with pytest.raises(Malformed, match=why):
        members.join(link, password)
    members.join(link, PASSWORD)


def test_a_link_ends_after_72_hours_when_a_newer_one_is_made_and_when_somebody_is_shut_out(members: Members, clock: Clock) -> None:
    admin(members)
    _, old = members.add("lin", "annotator", by="ada")
    newer = members.invite("lin", by="ada")
    assert old is not None
    for link, why in ((old, "replaced"), ("x" * 43, "never there"), ("", "empty")):
        with pytest.raises(NotFound):
            members.invited(link)
        assert why
    clock.on(hours=71.9)
    assert members.invited(newer) == "lin"
    clock.on(hours=0.2)
    with pytest.raises(NotFound):
        members.invited(newer)
    last = members.invite("lin", by="ada")
    members.set_active("lin", False, by="ada")
    with pytest.raises(NotFound):
        members.join(last, PASSWORD)
    with pytest.raises(Forbidden):
        members.invite("lin", by="ada")


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("ada", "ladder beside the pres"),
        ("ada", ""),
        ("nobody", PASSWORD),
        ("", PASSWORD),
        ("lin", PASSWORD),
        ("off", PASSWORD),
        (None, None),
        ("ada\0", PASSWORD),
    ],
    ids=["wrong", "empty", "unknown", "no name", "no password yet", "shut out", "nothing", "NUL"],
)
def test_whoever_cannot_log_in_reads_the_same(members: Members, name: Any, password: Any) -> None:
    admin(members)
    members.add("lin", "viewer", by="ada")
    _, link = members.add("off", "viewer", by="ada")
    members.join(link or "", PASSWORD)
    members.set_active("off", False, by="ada")
    with pytest.raises(LoginNeeded, match=r"^This name and password do not belong together"):
        members.log_in(name, password)


def test_a_new_password_ends_every_session_and_the_old_password(members: Members) -> None:
    before = admin(members)
    members.join(members.invite("ada", by="ada"), "another word entirely")
    assert members.by_cookie(before) is None
    with pytest.raises(LoginNeeded):
        members.log_in("ada", PASSWORD)
    assert members.by_cookie(members.log_in("ADA", "another word entirely")) is not None


def test_a_session_is_idle_for_half_an_hour_and_lives_for_half_a_day(members: Members, clock: Clock) -> None:
    cookie = admin(members)
    for _ in range(5):
        clock.on(minutes=29)
        assert members.by_cookie(cookie) is not None
    clock.on(minutes=29)
    assert members.by_cookie(cookie, sign_of_life=False) is not None
    clock.on(minutes=2)
    assert members.by_cookie(cookie) is None, "a look without a sign of life keeps nobody in"
    lasting = members.log_in("ada", PASSWORD)
    for _ in range(25):
        clock.on(minutes=28)
        assert members.by_cookie(lasting) is not None
    clock.on(minutes=25)
    assert members.by_cookie(lasting) is None


def test_signs_of_life_outlast_the_process(tmp_path: Path) -> None:
    with membership(tmp_path) as (members, clock, _):
        cookie = admin(members)
        clock.on(minutes=20)
        members.by_cookie(cookie)
        moment = clock.now
    with membership(tmp_path) as (again, later, _):
        later.now = moment
        later.on(minutes=29)
        assert again.by_cookie(cookie) is not None
        later.on(minutes=31)
        assert again.by_cookie(cookie) is None


@pytest.mark.parametrize("change", ["log out", "another role", "shut out"])
def test_what_ends_a_session_ends_it_at_once(members: Members, change: str) -> None:
    cookie = everybody(members)["lead"]
    assert members.by_cookie(cookie) is not None
    if change == "log out":
        members.end(cookie)
    elif change == "another role":
        members.set_role("the.lead", "viewer", by="the.admin")
    else:
        members.set_active("the.lead", False, by="the.admin")
        members.set_active("the.lead", True, by="the.admin")
    assert members.by_cookie(cookie) is None
    assert members.by_cookie(members.log_in("the.lead", PASSWORD)) is not None


@pytest.mark.parametrize("change", [lambda m: m.set_role("ada", "lead", by="ada"), lambda m: m.set_active("ada", False, by="ada")])
def test_the_last_admin_stays(members: Members, change: Callable[[Members], object]) -> None:
    cookie = admin(members)
    with pytest.raises(Forbidden, match="last admin"):
        change(members)
    assert members.by_cookie(cookie) == Actor("ada", "admin", "session", "Ada L.")


@pytest.mark.parametrize("role", ROLES)
def test_a_token_does_what_its_role_may_and_never_more_than_its_person(members: Members, role: Any) -> None:
    everybody(members)
    for wanted in ROLES:
        if ROLES.index(wanted) > ROLES.index(role):
            with pytest.raises(Malformed, match="cannot be more"):
                members.issue(f"the.{role}", "x", wanted)
            continue
        token = members.issue(f"the.{role}", f"as {wanted}", wanted)
        assert re.fullmatch(r"gl_[\w-]{43}", token)
        assert members.by_token(token) == Actor(f"the.{role}", wanted, "token")


def test_a_token_sinks_with_its_person_and_ends_with_its_time(members: Members, clock: Clock) -> None:
    everybody(members)
    token = members.issue("the.lead", "script", "lead", ends_at=clock.now.replace(year=2027))
    assert members.by_token(token) == Actor("the.lead", "lead", "token")
    members.set_role("the.lead", "viewer", by="the.admin")
    assert members.by_token(token) == Actor("the.lead", "viewer", "token")
    members.set_active("the.lead", False, by="the.admin")
    assert members.by_token(token) is None
    members.set_active("the.lead", True, by="the.admin")
    assert members.by_token(token) is not None
    clock.now = clock.now.replace(year=2027)
    assert members.by_token(token) is None


def test_tokens_are_ended_by_their_person_and_by_nobody_else(members: Members) -> None:
    everybody(members)
    token = members.issue("the.lead", "script", "viewer")
    (listed,) = members.tokens("the.lead")
    assert (listed.name, listed.role, listed.seen_at) == ("script", "viewer", None)
    assert members.by_token(token) is not None
    assert members.tokens("the.lead")[0].seen_at is not None
    with pytest.raises(NotFound):
        members.end_token("the.viewer", listed.id, by="the.viewer")
    members.end_token("the.lead", listed.id, by="the.lead")
    assert members.by_token(token) is None
    assert members.tokens("the.lead") == []


def test_everything_is_told_in_the_audit_and_no_secret_stands_in_the_record(tmp_path: Path) -> None:
    with membership(tmp_path) as (members, _, store):
        cookies = everybody(members)
        token = members.issue("the.lead", "script", "lead")
        link = members.invite("the.viewer", by="the.admin")
        members.set_role("the.lead", "viewer", by="the.admin")
        members.end_token("the.lead", members.tokens("the.lead")[0].id, by="the.admin")
        members.set_active("the.lead", False, by="the.admin")
        members.end(cookies["admin"])
        with pytest.raises(AppError):
            members.log_in("the.viewer", "a wrong password")
        with store.reading() as connection:
            told = {entry.action for entry in audit.entries(connection, limit=1000)}
            assert list(audit.faults(connection)) == []
    assert told == {
        "person added", "invited", "password set", "session begun", "session ended", "sessions ended", "role changed", "person shut out",
        "token issued", "token ended",
    }  # fmt: skip
    kept = b"".join(file.read_bytes() for file in tmp_path.iterdir() if file.is_file())
    for secret in (PASSWORD, token, link, *cookies.values(), "a wrong password"):
        assert secret.encode() not in kept
    assert b"$argon2id$" in kept


def test_a_change_that_fails_leaves_no_trace(members: Members, made: tuple[Members, Clock, Store]) -> None:
    everybody(members)
    with made[2].reading() as connection:
        before = audit.head(connection)
    for wrong in (
        lambda: members.set_role("nobody", "lead", by="the.admin"),
        lambda: members.set_role("the.lead", "king", by="the.admin"),  # type: ignore[arg-type]
        lambda: members.add("the.lead", "viewer", by="the.admin"),
        lambda: members.add("lin", "viewer", shown="a\nb", by="the.admin"),
        lambda: members.issue("the.lead", "", "viewer"),
        lambda: members.invite("nobody", by="the.admin"),
    ):
        with pytest.raises(AppError):
            wrong()
    with made[2].reading() as connection:
        assert audit.head(connection) == before


def test_two_new_records_share_no_secret(tmp_path: Path) -> None:
    links = []
    for name in ("one", "two"):
        with membership(tmp_path / name) as (members, _, store):
            links.append(members.first_link())
            with store.reading() as connection:
                tables = ("people", "sessions", "tokens")
                assert all(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] == 0 for table in tables)
    assert len(set(links)) == 2
    assert all(link is not None and len(link) == 43 for link in links), "256 bits are 43 signs"


def test_who_is_remembered_costs_little(members: Members) -> None:
    cookie = admin(members)
    members.by_cookie(cookie)
    assert members.at_hand(cookie)
    begun = time.process_time()
    for _ in range(2000):
        members.by_cookie(cookie)
    milliseconds = (time.process_time() - begun) / 2
    print(f"{milliseconds:.4f} ms of CPU a look from memory")
    assert milliseconds < 0.2


def differing(passwords: Passwords, n: int) -> float:
    """By how much the median CPU time of an unknown name differs from that of a wrong password; n of each, in turns."""
    kept = passwords.kept(PASSWORD, "ada")
    seconds: dict[bool, list[float]] = {True: [], False: []}
    for turn in range(2 * n):
        known = turn % 2 == 0
        begun = time.process_time()
        assert not passwords.fits("another word entirely", kept if known else None)
        seconds[known].append(time.process_time() - begun)
    unknown, wrong = statistics.median(seconds[False]), statistics.median(seconds[True])
    print(f"n={n}: unknown {unknown * 1000:.2f} ms, wrong {wrong * 1000:.2f} ms")
    return abs(unknown - wrong) / wrong


def test_an_unknown_name_takes_as_long_as_a_wrong_password() -> None:
    from argon2 import PasswordHasher

    assert differing(Passwords(PasswordHasher(time_cost=1, memory_cost=4096, parallelism=1)), 60) < 0.10
    assert CHEAP.memory_cost < PasswordHasher().memory_cost == 65536


@pytest.mark.slow
def test_an_unknown_name_takes_as_long_as_a_wrong_password_at_full_cost() -> None:
    assert differing(Passwords(), 300) < 0.10
