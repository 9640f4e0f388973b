"""/api/v1/models with a real desk, a real catalogue, and a real server on loopback whose model sees rectangles."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from starlette.types import Receive, Scope, Send

from annotations.desk import Desk
from annotations.reports import Reports
from annotations.store import Store
from core.backends import catalogue
from core.backends.base import Backend
from core.backends.catalogue import Spec
from core.backends.opening import open_spec
from core.backends.registering import Open, Registry
from core.errors import ModelMissing
from core.frames import Limits, Vault
from core.rights import ROLES, Actor, Role
from core.settings import Settings
from tests.model_server import serving
from tests.seeing import Seer
from tests.ui.answering import PROFILE, SITE
from ui.api import create
from ui.routes_models import model_routes

Make = Callable[..., tuple[TestClient, Registry]]


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A server whose model writes thousandths."""
    with serving(Path("bench-lora"), backend=Seer()) as address:
        yield address


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """An app and the registry behind it, once a test; `running` is the id of the model that answers."""
    with ExitStack() as stack:

        def made(running: str | None = None, opens: Open = open_spec, role: Role = "admin", **settings: Any) -> tuple[TestClient, Registry]:
            chosen = Settings(data=tmp_path, **settings)
            registry = Registry(chosen, replace(PROFILE, key="elsewhere"), opens)
            store = stack.enter_context(Store(tmp_path / "record.sqlite3"))
            desk = Desk(store, Vault(tmp_path), PROFILE, inspect=None, model=running, prompt_id=None, limits=Limits())
            app = create(desk, Reports(store.path), chosen, screens=False, more=[model_routes(desk, registry)])

            async def as_role(scope: Scope, receive: Receive, send: Send) -> None:
                """What the doorman would have found out."""
                scope.setdefault("state", {})["actor"] = Actor("lin", role, "session")
                await app(scope, receive, send)

            return stack.enter_context(TestClient(as_role, base_url=SITE, raise_server_exceptions=False)), registry

        yield made


def at(address: str, family: str = "qwen2-vl", **more: object) -> dict[str, object]:
    return {"url": address, "model": "bench-lora", "family": family, **more}


def listed(client: TestClient) -> dict[str, Any]:
    answer = client.get("/api/v1/models")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    found: dict[str, Any] = answer.json()
    return found


def id_at(address: str) -> str:
    return f"{address.removeprefix('http://').removesuffix('/v1')}/bench-lora:guided"


def running(client: TestClient) -> list[str]:
    return [each["name"] for each in listed(client)["models"] if each["running"]]


def checked(client: TestClient, name: str) -> dict[str, Any]:
    """The model once its check is done."""
    end = time.monotonic() + 60
    while True:
        found: dict[str, Any] = next(each for each in listed(client)["models"] if each["name"] == name)
        if found["state"] != "checking":
            return found
        assert time.monotonic() < end
        time.sleep(0.05)


def test_the_models_are_listed_with_what_the_check_found(make: Make, server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEMBALENS_KEY_BENCH", "sk-very-secret")
    client, registry = make("compact@0123456789ab:guided")
    registry.add("bench", at(server, key_variable="GEMBALENS_KEY_BENCH"))
    found = listed(client)
    assert (found["running"], found["may_change"], found["why_not"]) == ("compact@0123456789ab:guided", True, None)
    ships, bench = found["models"]
    assert (ships["name"], ships["state"], ships["active"], ships["running"]) == ("compact", "ships", True, True)
    assert (bench["name"], bench["state"], bench["active"], bench["running"]) == ("bench", "fit", False, False)
    assert bench["host"] == server.removeprefix("http://").removesuffix("/v1")
    assert (bench["kind"], bench["source"], bench["family"], bench["remote"]) == ("endpoint", "bench-lora", "qwen2-vl", False)
    assert bench["checked"]["passed"]
    assert "scale 1.00 x 1.00" in bench["checked"]["findings"]["frame"]
    assert "secret" not in json.dumps(found)
    assert "GEMBALENS_KEY" not in json.dumps(found)


def test_the_model_that_answers_is_marked(make: Make, server: str) -> None:
    client, registry = make(id_at(server), model="bench")
    registry.add("bench", at(server))
    assert running(client) == ["bench"]


def test_of_two_entries_of_one_server_the_one_it_was_started_by_is_marked(make: Make, server: str, tmp_path: Path) -> None:
    entry = {"kind": "endpoint", **at(server)}
    (tmp_path / catalogue.FILE).write_text(json.dumps({"active": "bench", "models": {"bench": entry}}), "utf-8")
    client, registry = make(id_at(server))
    registry.check("bench")
    registry.add("again", at(server))
    registry.add("failed", at(server, "qwen2.5-vl"))
    assert {each["checked"]["model"] for each in listed(client)["models"] if each["checked"]} == {id_at(server)}
    assert running(client) == ["bench"]
    registry.use("again")
    assert running(client) == ["bench"], "until the next start"
    assert [each["name"] for each in listed(client)["models"] if each["active"]] == ["again"]


def test_a_model_that_is_none_of_the_list_marks_nobody(make: Make) -> None:
    client, _ = make("scripted:0123", model="scripted:replies.json")
    assert running(client) == []


def test_a_check_goes_on_beside_the_answer_and_its_result_stands_in_the_list(make: Make, server: str) -> None:
    client, registry = make()
    registry.add("bench", at(server, "qwen2.5-vl"))
    began = client.post("/api/v1/models/bench/check")
    assert (began.status_code, began.json()["state"]) in ((202, "checking"), (202, "failed"))
    found = checked(client, "bench")
    assert (found["state"], found["error"]) == ("failed", None)
    assert "Declare the family qwen2-vl" in found["checked"]["findings"]["frame"]


def test_one_is_checked_at_a_time(make: Make, server: str) -> None:
    client, registry = make()
    registry.add("bench", at(server))
    registry.add("again", at(server))
    answers = [client.post(f"/api/v1/models/{name}/check") for name in ("bench", "again", "bench", "again")]
    assert {answer.status_code for answer in answers} == {202, 503}
    assert all("is being checked" in answer.json()["error"] for answer in answers if answer.status_code == 503)
    checked(client, "bench")
    assert client.post("/api/v1/models/again/check").status_code == 202
    assert checked(client, "bench")["state"] == checked(client, "again")["state"] == "fit"


def test_a_check_that_cannot_begin_says_why(make: Make, server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    client, registry = make()
    monkeypatch.setenv("GEMBALENS_KEY_BENCH", "sk-very-secret")
    registry.add("bench", at(server, key_variable="GEMBALENS_KEY_BENCH"))
    monkeypatch.delenv("GEMBALENS_KEY_BENCH")
    assert client.post("/api/v1/models/bench/check").status_code == 202
    assert "GEMBALENS_KEY_BENCH is not set" in checked(client, "bench")["error"]


def test_a_checked_model_is_taken_from_the_next_start_on(make: Make, server: str, tmp_path: Path) -> None:
    client, registry = make()
    registry.add("bench", at(server))
    answer = client.post("/api/v1/models/bench/use")
    assert answer.status_code == 200
    assert "from the next start on" in answer.json()["said"]
    assert catalogue.read(tmp_path).active == "bench"
    assert [(each["name"], each["active"]) for each in listed(client)["models"]] == [("compact", False), ("bench", True)]
    assert client.post("/api/v1/models/compact/use").status_code == 200
    assert catalogue.read(tmp_path).active is None


def test_a_model_that_did_not_pass_is_409_with_the_way_out(make: Make, server: str, tmp_path: Path) -> None:
    client, registry = make()
    registry.add("bench", at(server, "qwen2.5-vl"))
    answer = client.post("/api/v1/models/bench/use")
    assert answer.status_code == 409
    assert "Declare the family qwen2-vl" in answer.json()["error"]
    assert catalogue.read(tmp_path).active is None


@pytest.mark.parametrize("role", ROLES[:-1])
def test_who_is_no_admin_sees_models_and_changes_none(make: Make, server: str, tmp_path: Path, role: Role) -> None:
    client, registry = make(role=role)
    registry.add("bench", at(server))
    found = listed(client)
    assert not found["may_change"]
    assert "by admins" in found["why_not"]
    before = (tmp_path / catalogue.FILE).read_bytes()
    for verb in ("check", "use"):
        answer = client.post(f"/api/v1/models/bench/{verb}")
        assert answer.status_code == 403
        assert "by admins" in answer.json()["error"]
    assert (tmp_path / catalogue.FILE).read_bytes() == before


@pytest.mark.parametrize("verb", ["check", "use"])
def test_another_site_changes_nothing(make: Make, server: str, tmp_path: Path, verb: str) -> None:
    client, registry = make()
    registry.add("bench", at(server))
    before = (tmp_path / catalogue.FILE).read_bytes()
    answer = client.post(f"/api/v1/models/bench/{verb}", headers={"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403
    assert (tmp_path / catalogue.FILE).read_bytes() == before


@pytest.mark.parametrize("name", ["nothing", "..%2f..%2fetc%2fpasswd", "scripted:x", "http:%2f%2f127.0.0.1:8000%2fv1"])
@pytest.mark.parametrize("verb", ["check", "use"])
def test_only_what_the_catalogue_names_can_be_asked_for(make: Make, tmp_path: Path, name: str, verb: str) -> None:
    client, _ = make()
    answer = client.post(f"/api/v1/models/{name}/{verb}", json={"url": "http://127.0.0.1:9/v1"})
    assert answer.status_code == 404
    assert not (tmp_path / catalogue.FILE).exists()


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_no_page_can_name_a_server(make: Make, server: str, tmp_path: Path, method: str) -> None:
    client, _ = make()
    for address in ("/api/v1/models", "/api/v1/models/bench"):
        assert client.request(method, address, json=at(server)).status_code in (404, 405)
    assert not (tmp_path / catalogue.FILE).exists()


def test_a_body_beside_a_verb_changes_no_address(make: Make, server: str, tmp_path: Path) -> None:
    client, registry = make()
    registry.add("bench", at(server))
    client.post("/api/v1/models/bench/use", json={"url": "http://192.0.2.9/v1", "name": "other", "unchecked": True})
    known = catalogue.read(tmp_path)
    assert getattr(known.entry("bench").spec, "url", None) == server
    assert set(known.entries) == {"bench"}


def test_what_could_not_be_told_is_decided_at_the_terminal_only(make: Make, tmp_path: Path) -> None:
    client, registry = make()
    with serving(Path("bench-lora"), backend=Seer(blind=True)) as address:
        registry.add("bench", at(address))
        answer = client.post("/api/v1/models/bench/use?unchecked=true", json={"unchecked": True})
    assert answer.status_code == 409
    assert "--unchecked" in answer.json()["error"]
    assert catalogue.read(tmp_path).active is None


def test_no_folder_of_this_machine_is_shown(make: Make, tmp_path: Path) -> None:
    place = tmp_path / "secret-place"

    def broken(name: str, spec: Spec, settings: Settings) -> Backend:
        raise ModelMissing(f"There is no {name} in {place / 'weights'}.")

    client, registry = make(opens=broken)
    entry = {"kind": "local", "source": str(place / "bench-7b"), "adapter": str(place / "lora")}
    (tmp_path / catalogue.FILE).write_text(json.dumps({"active": None, "models": {"bench": entry}}), "utf-8")
    client.post("/api/v1/models/bench/check")
    found = checked(client, "bench")
    assert (found["source"], found["adapter"]) == ("bench-7b", "lora")
    assert found["error"] == "There is no bench in weights."
    assert "secret-place" not in json.dumps(listed(client))
    assert registry.shown("bench").state == "unchecked"


def test_one_entry_that_cannot_be_read_is_named_and_no_accident(make: Make, tmp_path: Path) -> None:
    client, _ = make()
    bad = {"kind": "endpoint", "url": "http://[::1/v1", "model": "m"}
    (tmp_path / catalogue.FILE).write_text(json.dumps({"active": None, "models": {"bad": bad}}), "utf-8")
    answer = client.get("/api/v1/models")
    assert (answer.status_code, answer.json()["kind"]) == (503, "ModelError")
    assert 'models.bad: "url" is no address of a server' in answer.json()["error"]
