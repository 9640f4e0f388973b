"""/api/v1/adapters over a running worker with a tiny model of the true architecture: the adapter is switched while it runs, and taken back exactly."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from starlette.types import Receive, Scope, Send

from annotations.desk import Desk
from annotations.learning.adapters import Adapters, Running
from annotations.learning.promotions import FOLDER, promoted_in
from annotations.reports import Reports
from annotations.store import FILE, Store
from core.backends.folder import ModelFolder, read_folder
from core.backends.opening import promoted
from core.backends.worker import Worker
from core.frames import Limits, Vault
from core.looking_at import looker, switcher
from core.prompts import build
from core.rights import Actor, Role
from core.schema import Assessment
from core.settings import Settings
from tests import tiny
from tests.annotations.desks import new_record
from tests.annotations.learning.nursery import LOST, PASSED
from tests.makers import jpeg
from tests.ui.answering import PROFILE, SITE, received
from ui.api import create
from ui.routes_adapters import adapter_routes


@dataclass
class House:
    """An app over a desk whose model runs in a process of its own, and the folder of a training beside it."""

    client: TestClient
    desk: Desk
    worker: Worker
    described: ModelFolder
    data: Path
    role: Role = "admin"

    def answer(self, frame_id: str) -> Assessment:
        """What the model says of the frame now, asked of the worker and not of the record."""
        return looker(self.worker, PROFILE)(self.desk.frame(frame_id), self.desk._vault.get(frame_id), None)

    def said(self, method: str, address: str, status: int = 200, **body: object) -> dict[str, object]:
        """The answer of the API."""
        answer = self.client.request(method, address, json=body or None)
        assert answer.status_code == status, answer.text
        found: dict[str, object] = answer.json()
        return found


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.make("qwen2_5_vl", tmp_path_factory.mktemp("models") / "tiny-bench")


@pytest.fixture(scope="module")
def lora(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.adapter(model, tmp_path_factory.mktemp("loras") / "lora")


@pytest.fixture
def house(model: Path, tmp_path: Path) -> Iterator[House]:
    described = replace(read_folder(model), most_tokens=12, guided=False)
    described = described.with_adapter(None)
    with ExitStack() as stack:
        store = stack.enter_context(Store(tmp_path / FILE))
        worker = Worker(described, 1)
        stack.callback(worker.close)
        prompt = build(PROFILE, worker.prompt_style, worker.box_format)
        look = looker(worker, PROFILE)
        desk = Desk(store, Vault(tmp_path), PROFILE, inspect=look, model=worker.model, prompt_id=prompt.id, limits=Limits())
        adapters = Adapters(store, tmp_path / FOLDER, Running(desk, switcher(worker, PROFILE)))
        reports = Reports(store.path)
        stack.callback(reports.close)
        more = [adapter_routes(desk, adapters, tmp_path / "trainings")]
        app = create(desk, reports, Settings(data=tmp_path), screens=False, more=more)

        async def as_role(scope: Scope, receive: Receive, send: Send) -> None:
            """What the doorman would have found out."""
            scope.setdefault("state", {})["actor"] = Actor("lin", made.role, "session")
            await app(scope, receive, send)

        made = House(TestClient(as_role, base_url=SITE, raise_server_exceptions=False), desk, worker, described, tmp_path)
        stack.enter_context(made.client)
        yield made


def trained(house: House, job: str, lora: Path, *, base: str = "", passed: bool = True, damage: bool = False) -> None:
    """The folder of a training that came to its end."""
    folder = house.data / "trainings" / job
    shutil.copytree(lora, folder / "adapter")
    config = json.loads((folder / "adapter" / "adapter_config.json").read_text("utf-8"))
    if damage:  # reads well, and has places that the model has not
        config["target_modules"] = r"model\.language_model\.layers\.\d+\.self_attn\.q_proj"
    (folder / "adapter" / "adapter_config.json").write_text(json.dumps({**config, "revision": job}), "utf-8")
    manifest = {"base": base or house.described.base, "recipe": {"method": "sft"}, "prompt_id": house.desk.prompt_id}
    (folder / "adapter" / "gembalens.json").write_text(json.dumps(manifest), "utf-8")
    (folder / "job.json").write_text("{}", "utf-8")
    (folder / "before.jsonl").write_text(json.dumps({"frame_id": "f", "model": house.described.model}) + "\n", "utf-8")
    reasons = [PASSED] if passed else [LOST]
    (folder / "report.json").write_text(json.dumps({"figures": {"field_f1": 0.8}, "gate": {"passed": passed, "reasons": reasons}}), "utf-8")


def test_a_promotion_changes_the_answers_of_a_running_model_and_a_rolling_back_gives_them_back(house: House, lora: Path) -> None:
    frame_id = received(house.client, jpeg(80, 60))
    first, alone = house.desk.assess(frame_id)[0], house.answer(frame_id)
    trained(house, "run-1", lora)
    made = house.said("POST", "/api/v1/adapters", 201, job="run-1", name="bench-2")
    assert (made["name"], made["job"], made["dataset"], made["live"]) == ("bench-2", "run-1", None, False)
    done = house.said("POST", "/api/v1/adapters/bench-2/promote", why="+3 points")
    running = str(done["running"])
    assert running == house.desk.model == house.worker.model
    assert running.startswith(f"{house.described.base}+bench-2@")
    adapted, from_store = house.desk.assess(frame_id)
    assert (adapted.model, from_store) == (running, False)
    assert adapted.reply is not None
    assert first.reply is not None
    assert adapted.reply.text != first.reply.text

    told = house.said("GET", "/api/v1/adapters")
    assert (told["running"], told["live"]) == (running, "bench-2")
    one = house.said("GET", "/api/v1/adapters/bench-2")
    assert one["metrics"] == {"figures": {"field_f1": 0.8}}
    assert one["live"] is True
    number = house.client.get("/api/v1/assessments").json()
    assert number
    assert house.said("GET", f"/api/v1/lineage?frame={frame_id}")["adapter"] == one["id"]
    assert promoted(house.described, promoted_in(house.data)).model == running  # a start opens the same

    back = house.said("POST", "/api/v1/adapters/roll-back", why="worse at the press")
    assert back["running"] == house.desk.model == house.described.model
    again = house.answer(frame_id)
    assert (again.model, again.reply and again.reply.text) == (first.model, first.reply.text)
    assert again.reply is not None
    assert alone.reply is not None
    assert again.reply.tokens == alone.reply.tokens  # to the last digit
    assert house.desk.assess(frame_id)[1]  # and the record knew them
    assert promoted_in(house.data)(house.described.base) is None


def test_what_the_model_does_not_take_leaves_the_old_one_answering(house: House, lora: Path) -> None:
    frame_id = received(house.client, jpeg(80, 60))
    before = house.answer(frame_id)
    trained(house, "odd", lora, damage=True)
    trained(house, "foreign", lora, base="other@001122334455")
    trained(house, "bad", lora, passed=False)
    for name in ("odd", "foreign", "bad"):
        house.said("POST", "/api/v1/adapters", 201, job=name)
    odd = house.said("POST", "/api/v1/adapters/odd/promote", 409, why="x")
    assert odd["kind"] == "ModelUnfit"
    assert "odd" in str(odd["error"])
    assert "made for other@001122334455" in str(house.said("POST", "/api/v1/adapters/foreign/promote", 409, why="x", anyway=True)["error"])
    assert "Box F1 fell" in str(house.said("POST", "/api/v1/adapters/bad/promote", 409, why="x")["error"])
    assert house.said("GET", "/api/v1/adapters")["promotions"] == []
    after = house.answer(frame_id)
    assert (after.model, after.reply and after.reply.text) == (before.model, before.reply and before.reply.text)
    house.role = "lead"
    assert house.said("POST", "/api/v1/adapters/bad/promote", 403, why="x", anyway=True)["kind"] == "Forbidden"
    house.role = "admin"
    done = house.said("POST", "/api/v1/adapters/bad/promote", why="the line waits", anyway=True)
    assert isinstance(done["promotion"], dict)
    assert done["promotion"]["anyway"] is True


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """An app without a model and without an adapter."""
    data = tmp_path_factory.mktemp("bare")
    with Store(data / FILE) as store, closing(Reports(store.path)) as reports:
        desk = Desk(store, Vault(data), PROFILE)
        more = [adapter_routes(desk, Adapters(store, data / FOLDER), data / "trainings")]
        app = create(desk, reports, Settings(data=data), screens=False, more=more)
        with TestClient(app, base_url=SITE, raise_server_exceptions=False) as client:
            yield client


@pytest.mark.parametrize(
    ("method", "address", "body", "status"),
    [
        ("POST", "/api/v1/adapters", {"job": "../../etc"}, 404),
        ("POST", "/api/v1/adapters", {"job": "nobody"}, 404),
        ("POST", "/api/v1/adapters", {}, 422),
        ("POST", "/api/v1/adapters", {"job": "x", "folder": "/"}, 422),
        ("GET", "/api/v1/adapters/nobody", None, 404),
        ("POST", "/api/v1/adapters/nobody/promote", {"why": "x"}, 404),
        ("POST", "/api/v1/adapters/nobody/promote", {"why": " "}, 422),
        ("POST", "/api/v1/adapters/nobody/promote", {"why": "x", "anyway": "yes"}, 422),
        ("POST", "/api/v1/adapters/roll-back", {"why": "x"}, 409),
        ("GET", "/api/v1/lineage", None, 422),
        ("GET", "/api/v1/lineage?assessment=1&correction=1", None, 422),
        ("GET", "/api/v1/lineage?assessment=1", None, 404),
        ("GET", "/api/v1/lineage?frame=" + "0" * 64 + "&revision=1", None, 404),
    ],
)
def test_what_cannot_be_done_is_said(method: str, address: str, body: dict[str, object] | None, status: int, bare: TestClient) -> None:
    answer = bare.request(method, address, json=body)
    assert answer.status_code == status, answer.text
    assert answer.json()["error"]
    assert "trainings/" not in answer.text


@pytest.mark.parametrize("asked", ["assessment={n}", "correction={n}", "frame={frame}&revision={n}"])
def test_a_number_that_no_record_holds_is_refused_in_a_sentence(tmp_path: Path, asked: str) -> None:
    with Store(new_record(tmp_path)) as store, ExitStack() as stack:
        desk, reports = Desk(store, Vault(tmp_path), PROFILE), Reports(store.path)
        stack.callback(reports.close)
        more = [adapter_routes(desk, Adapters(store, tmp_path / FOLDER), tmp_path / "trainings")]
        app = create(desk, reports, Settings(data=tmp_path), screens=False, more=more)
        client = stack.enter_context(TestClient(app, base_url=SITE, raise_server_exceptions=False))
        asked = asked.replace("{frame}", received(client, jpeg(80, 60)))
        statuses = [client.get(f"/api/v1/lineage?{asked.format(n=n)}").status_code for n in (10**20, 2**53 + 1, 2**53)]
    assert statuses == [422, 422, 404]
