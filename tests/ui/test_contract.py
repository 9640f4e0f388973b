"""The API against its own description: every operation is asked many things, by an admin and by a viewer, and every answer is held to what is told of it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest
import schemathesis
import schemathesis.specs.openapi.expressions.nodes  # here, near the top of the stack: deep in it, pytest's rewriting of a module fails (CPython 3.11)
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance, status_code_conformance

from annotations.desk import Desk
from annotations.reports import Reports
from annotations.store import Store
from core.backends.scripted import Scripted
from core.frames import Vault
from core.inspection import inspect_frame
from core.patience import Patience
from core.prompts import build
from core.schema import Assessment, Frame
from core.settings import Settings
from tests.annotations.membership import everybody, membership
from tests.makers import jpeg
from tests.ui.answering import PROFILE, REPLY, SITE, correction, received
from ui.api import create

CHECKS = (not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance)
OURS = (503, 507)  # a model that is busy, a data set that cannot be written: told, and no fault
ENDS_THE_RUN = ("/api/v1/logout",)  # would log out who asks


@dataclass
class Contract:
    """An app with people and one frame that all the verbs fit, and what was asked of it."""

    app: FastAPI
    tokens: dict[str, str]
    frame_id: str
    asked: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)


@contextmanager
def house(folder: Path) -> Iterator[Contract]:
    with membership(folder) as (members, clock, store):
        everybody(members)
        yield from opened(folder, members, clock, store)


def opened(folder: Path, members: Any, clock: Any, store: Store) -> Iterator[Contract]:
    backend = Scripted("scripted:test", {"*": (json.dumps(REPLY, separators=(",", ":")), ())})

    def look(frame: Frame, content: bytes, patience: Patience | None) -> Assessment:
        return inspect_frame(frame, content, backend, PROFILE, patience)

    prompt = build(PROFILE, backend.prompt_style, backend.box_format)
    desk = Desk(store, Vault(folder), PROFILE, inspect=look, model=backend.model, prompt_id=prompt.id, clock=clock)
    reports = Reports(store.path)
    app = create(desk, reports, Settings(data=folder), members=members, screens=False)
    tokens = {role: members.issue(f"the.{role}", "contract", role) for role in ("admin", "viewer")}
    with TestClient(app, base_url=SITE, headers={"Authorization": f"Bearer {tokens['admin']}"}) as client:
        frame_id = received(client, jpeg(640, 480))
        client.post(f"/api/v1/frames/{frame_id}/assess").raise_for_status()
        client.post(f"/api/v1/frames/{frame_id}/corrections", json=correction()).raise_for_status()
    yield Contract(app, tokens, frame_id)
    reports.close()


def ask(contract: Contract, operation: Any, role: str, examples: int) -> None:
    """So many examples of one operation; every second one of a place that is really there."""
    real = {"frame_id": contract.frame_id, "name": "the.viewer", "size": "320"}
    numbers = iter(range(10**9))

    @settings(max_examples=examples, deadline=None, phases=[Phase.generate], database=None, derandomize=True,
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(case=operation.as_strategy())
    def each(case: Any) -> None:
        if next(numbers) % 2 == 0 and case.path_parameters:
            case.path_parameters = {name: real.get(name, value) for name, value in case.path_parameters.items()}
        response = case.call(app=contract.app, base_url=SITE, headers={"Authorization": f"Bearer {contract.tokens[role]}"})
        contract.asked[operation.label] += 1
        contract.statuses[response.status_code] += 1
        checks = [each for each in CHECKS if not (each is not_a_server_error and response.status_code in OURS)]
        case.validate_response(response, checks=checks)

    each()


def all_asked(contract: Contract, role: str, examples: int) -> None:
    schema = schemathesis.openapi.from_dict(contract.app.openapi())
    operations = [cast(Any, found).ok() for found in schema.get_all_operations()]
    wrong: list[str] = []
    for operation in operations:
        if operation.path in ENDS_THE_RUN:
            continue
        try:
            ask(contract, operation, role, examples)
        except BaseExceptionGroup as error:  # schemathesis gathers what was wrong with one answer
            wrong.append(f"{operation.label}: {[str(each)[:300] for each in error.exceptions]}")
    told = dict(sorted(contract.statuses.items()))
    print(
        f"{role}: {len(contract.asked)} operations, {contract.asked.total()} requests, {told}; {len(wrong)} operations broke the contract"
    )
    assert not wrong, "\n".join(wrong)
    assert len(contract.asked) > 40
    assert contract.statuses[200] > 10


@pytest.mark.parametrize("role", ["admin", "viewer"])
def test_every_answer_is_as_it_is_described(tmp_path: Path, role: str) -> None:
    with house(tmp_path) as contract:
        all_asked(contract, role, examples=4)


@pytest.mark.slow
@pytest.mark.parametrize("role", ["admin", "viewer"])
def test_every_answer_of_two_hundred_is_as_it_is_described(tmp_path: Path, role: str) -> None:
    with house(tmp_path) as contract:
        all_asked(contract, role, examples=200)
