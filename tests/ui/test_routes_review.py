"""What becomes of corrections, by the API: who said it stands in the record, what is refused says why, what is sent twice is done once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from annotations.store import Store
from tests.annotations.desks import new_record
from tests.makers import jpeg
from tests.ui.acting import Acting, as_
from tests.ui.answering import SITE, app_of, correction, received

TOOL = {"step": {"tool": {"value": "hammer", "said_by": "person"}}}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    new_record(tmp_path)
    return tmp_path


@pytest.fixture
def client(place: Path) -> Iterator[TestClient]:
    app, store = app_of(place)
    with TestClient(Acting(app), base_url=SITE, raise_server_exceptions=False) as client:
        yield client
    store.close()


@pytest.fixture
def frame_id(client: TestClient) -> str:
    return received(client, jpeg(64, 48))


def post(client: TestClient, address: str, body: object, who: str, **more: Any) -> Any:
    return client.post(f"/api/v1/{address}", json=body, headers=as_(who, **more))


def correct(client: TestClient, frame_id: str, who: str, saw: int = 0, **changes: Any) -> Any:
    return post(client, f"frames/{frame_id}/corrections", correction(saw_revision=saw, **changes), who)


def sheet(client: TestClient, frame_id: str, who: str, role: str = "annotator") -> dict[str, Any]:
    said: dict[str, Any] = client.get(f"/api/v1/frames/{frame_id}", headers=as_(who, role)).json()
    return said


def test_a_correction_is_by_who_logged_in_whatever_the_body_says(client: TestClient, frame_id: str) -> None:
    assert correct(client, frame_id, "lin", author="boss").json()["author"] == "lin"
    assert client.get(f"/api/v1/frames/{frame_id}/history", headers=as_("lin")).json()[0]["author"] == "lin"


def test_a_frame_that_came_in_is_by_who_sent_it(client: TestClient) -> None:
    client.post("/api/v1/frames", files={"file": ("a.jpg", jpeg(70, 48), "image/jpeg")}, headers=as_("cam", "inspector"))
    entries = client.get("/api/v1/audit", headers=as_("boss", "lead")).json()["entries"]
    assert [(entry["action"], entry["who"]) for entry in entries] == [("received", "cam")]


def test_a_frame_goes_its_way_and_the_sheet_tells_it(client: TestClient, frame_id: str) -> None:
    assert sheet(client, frame_id, "lin")["state"] == "open"
    correct(client, frame_id, "lin")
    own = post(client, f"frames/{frame_id}/reviews", {"verdict": "accepted", "revision": 1}, "lin")
    assert (own.status_code, own.json()["kind"]) == (403, "Forbidden")
    back = post(client, f"frames/{frame_id}/reviews", {"verdict": "returned", "comment": "the bolt", "revision": 1}, "wang")
    assert (back.status_code, back.json()["state"]) == (200, "returned")
    said = sheet(client, frame_id, "lin")
    looked = {key: said["reviews"][0][key] for key in ("reviewer", "verdict", "comment", "revision")}
    assert (said["state"], looked) == ("returned", {"reviewer": "wang", "verdict": "returned", "comment": "the bolt", "revision": 1})
    newer = correct(client, frame_id, "lin", 1)
    late = post(client, f"frames/{frame_id}/reviews", {"verdict": "accepted", "comment": "", "revision": 1}, "wang")
    assert (late.status_code, late.json()["kind"], late.json()["theirs"]["revision"]) == (409, "OutOfTurn", newer.json()["revision"])
    assert post(client, f"frames/{frame_id}/reviews", {"verdict": "accepted", "revision": 2}, "wang").json()["state"] == "accepted"
    again = post(client, f"frames/{frame_id}/restore", {"revision": 1, "saw_revision": 2}, "chen")
    assert (again.json()["revision"], again.json()["author"], sheet(client, frame_id, "lin")["state"]) == (3, "chen", "corrected")
    both = post(client, f"frames/{frame_id}/restore", {"revision": 1, "saw_revision": 2}, "chen")
    assert (both.status_code, both.json()["theirs"]["revision"], both.json()["yours"]["author"]) == (409, 3, "chen")


def test_a_blind_opinion_and_what_a_reviewer_sees_of_a_dispute(client: TestClient, frame_id: str) -> None:
    want = client.put(f"/api/v1/frames/{frame_id}/wanted", json={"n": 2}, headers=as_("boss"))
    assert want.json()["wanted"] == 2
    correct(client, frame_id, "lin", note="lin's secret")
    blind = client.get(f"/api/v1/frames/{frame_id}", headers=as_("wang"))
    assert (blind.json()["blind"], blind.json()["correction"], blind.json()["revision"]) == (True, None, 0)
    assert "secret" not in blind.text
    assert client.get(f"/api/v1/frames/{frame_id}/history", headers=as_("wang")).json() == []
    early = correct(client, frame_id, "wang")
    assert (early.status_code, "theirs" in early.json(), "secret" in early.text) == (409, False, False)
    body = {key: value for key, value in correction(**TOOL).items() if key != "saw_revision"}
    given = post(client, f"frames/{frame_id}/opinions", body, "wang")
    assert given.json()["state"] == "disputed"
    assert post(client, f"frames/{frame_id}/opinions", body, "wang").status_code == 409
    assert sheet(client, frame_id, "chen")["opinions"] == []
    judged = sheet(client, frame_id, "chen", "reviewer")
    assert [each["author"] for each in judged["opinions"]] == ["wang"]
    assert (judged["agreed"], judged["differences"]) == (False, ["tool", "part", "action", "phase"])
    done = post(client, f"frames/{frame_id}/adjudicate", correction(saw_revision=1), "chen")
    assert (done.json()["state"], done.json()["revision"]) == ("accepted", 2)


def test_what_is_drawn_for_who_owes_an_opinion_is_the_machines_word(client: TestClient, frame_id: str) -> None:
    client.post(f"/api/v1/frames/{frame_id}/assess", headers=as_("lin"))
    drawn = client.get(f"/api/v1/frames/{frame_id}/annotated", headers=as_("wang")).content
    client.put(f"/api/v1/frames/{frame_id}/wanted", json={"n": 2}, headers=as_("boss"))
    correct(client, frame_id, "lin")
    assert client.get(f"/api/v1/frames/{frame_id}/annotated", headers=as_("wang")).content == drawn
    assert client.get(f"/api/v1/frames/{frame_id}/annotated", headers=as_("lin")).content != drawn


def test_the_bin_and_its_list(client: TestClient) -> None:
    ids = [received(client, jpeg(64, 60 + n)) for n in range(3)]
    for each in ids:
        assert post(client, f"frames/{each}/bin", {"why": "blurred"}, "boss", role="lead").json()["binned"] is True
    assert client.get("/api/v1/walk").json() == []
    assert client.get("/api/v1/next").json() == {"frame_id": None}
    first = client.get("/api/v1/bin", params={"limit": 2}, headers=as_("boss", "lead")).json()
    assert [(each["frame_id"], each["why"], each["who"]) for each in first["frames"]] == [
        (ids[2], "blurred", "boss"),
        (ids[1], "blurred", "boss"),
    ]
    rest = client.get("/api/v1/bin", params={"limit": 2, "before": first["next"]}, headers=as_("boss", "lead")).json()
    assert ([each["frame_id"] for each in rest["frames"]], rest["next"]) == ([ids[0]], None)
    said = sheet(client, ids[0], "lin")
    assert (said["binned"], said["bin_why"]) == (True, "blurred")
    assert client.post(f"/api/v1/frames/{ids[0]}/unbin", headers=as_("boss", "lead")).json()["binned"] is False
    assert post(client, f"frames/{ids[0]}/unbin", {}, "boss", role="lead").status_code == 409
    assert [card["frame_id"] for card in client.get("/api/v1/walk").json()] == [ids[0]]


def test_many_at_once_are_told_first_and_done_with_the_token_of_it(client: TestClient) -> None:
    ids = [received(client, jpeg(64, 60 + n)) for n in range(3)]
    for each in ids[:2]:
        correct(client, each, "lin")
    told = post(client, "bulk", {"verb": "accept", "frames": ids, "preview": True}, "boss", role="lead").json()
    assert told["would"] == {"done": 2, "left_out": {"not corrected": 1}}
    assert post(client, "bulk", {"verb": "accept", "frames": ids, "preview": False}, "boss").status_code == 422
    assert post(client, "bulk", {"verb": "accept", "frames": ids, "preview": False, "token": "x"}, "boss").status_code == 409
    by_filter = {"verb": "accept", "filter": {"state": "corrected"}}
    listed = post(client, "bulk", {**by_filter, "preview": True}, "boss").json()
    assert listed["would"] == {"done": 2, "left_out": {}}
    done = post(client, "bulk", {**by_filter, "preview": False, "token": listed["token"]}, "boss").json()
    assert (done["done"], [sheet(client, each, "lin")["state"] for each in ids]) == (2, ["accepted", "accepted", "open"])


def test_the_audit_is_read_by_frame_by_person_and_page_by_page(client: TestClient, frame_id: str) -> None:
    other = received(client, jpeg(64, 60))
    correct(client, frame_id, "lin")
    correct(client, other, "wang")
    of_frame = client.get("/api/v1/audit", params={"frame": frame_id}, headers=as_("boss", "lead")).json()["entries"]
    assert [(entry["action"], entry["who"]) for entry in of_frame] == [("corrected", "lin"), ("received", "local")]
    assert (of_frame[0]["before"], of_frame[0]["after"]["revision"]) == ({"revision": 0, "state": "open"}, 1)
    assert [entry["frame"] for entry in client.get("/api/v1/audit", params={"who": "wang"}).json()["entries"]] == [other]
    numbers: list[int] = []
    page: dict[str, Any] = {"next": None}
    while not numbers or page["next"] is not None:
        page = client.get("/api/v1/audit", params={"limit": 3, **({"before": page["next"]} if numbers else {})}).json()
        numbers += [entry["seq"] for entry in page["entries"]]
    assert numbers == [4, 3, 2, 1]


FRAME = "0" * 64
WRONG: dict[str, tuple[str, str, Any, str]] = {
    "no JSON object": ("POST", f"frames/{FRAME}/reviews", [], "JSON object"),
    "an unknown word": ("POST", f"frames/{FRAME}/reviews", {"verdikt": "accepted"}, '"verdikt" is not known'),
    "a revision that is no number": ("POST", f"frames/{FRAME}/reviews", {"verdict": "accepted", "revision": "1"}, "revision must be"),
    "a revision that is true": ("POST", f"frames/{FRAME}/reviews", {"verdict": "accepted", "revision": True}, "revision must be"),
    "a comment that is no text": ("POST", f"frames/{FRAME}/reviews", {"verdict": "returned", "comment": 7, "revision": 1}, "comment must be"),
    "a huge number": ("POST", f"frames/{FRAME}/restore", {"revision": 2**70, "saw_revision": 1}, "revision must be"),
    "no number": ("PUT", f"frames/{FRAME}/wanted", {}, "n must be"),
    "no reason": ("POST", f"frames/{FRAME}/bin", {}, "Say why"),
    "neither frames nor filter": ("POST", "bulk", {"verb": "accept"}, "Name the frames"),
    "frames and filter": ("POST", "bulk", {"verb": "accept", "frames": [], "filter": {}}, "Name the frames"),
    "frames that are none": ("POST", "bulk", {"verb": "accept", "frames": [1]}, "a list of ids"),
    "a filter that is none": ("POST", "bulk", {"verb": "accept", "filter": "all"}, "filter must be"),
    "an unknown filter": ("POST", "bulk", {"verb": "accept", "filter": {"colour": "red"}}, '"colour" is no filter'),
    "an unknown verb": ("POST", "bulk", {"verb": "delete", "frames": []}, "no verb for many"),
    "an opinion that follows a revision nobody can have seen": ("POST", f"frames/{FRAME}/opinions", {"saw_revision": "x"}, "saw_revision"),
}  # fmt: skip


@pytest.mark.parametrize(("method", "address", "body", "sentence"), WRONG.values(), ids=WRONG)
def test_a_request_that_cannot_be_understood_is_told_so(client: TestClient, method: str, address: str, body: Any, sentence: str) -> None:
    answer = client.request(method, f"/api/v1/{address}", json=body, headers=as_("wang"))
    assert (answer.status_code, sentence in answer.json()["error"]) == (422, True), answer.text


@pytest.mark.parametrize("address", ["reviews", "restore", "opinions", "adjudicate", "bin", "unbin"])
def test_a_frame_that_is_not_there_is_not_found_by_any_route(client: TestClient, address: str) -> None:
    bodies = {
        "reviews": {"verdict": "accepted", "revision": 1},
        "restore": {"revision": 1, "saw_revision": 1},
        "bin": {"why": "x"},
        "unbin": {},
    }
    answer = post(client, f"frames/{FRAME}/{address}", bodies.get(address, correction()), "wang")
    assert answer.status_code == 404


Send = Callable[[TestClient, str, str], Any]
"""A write of a frame under a key."""


def sent(address: str, body: dict[str, Any], method: str = "POST") -> Send:
    return lambda client, frame_id, key: client.request(
        method, f"/api/v1/{address.format(frame_id)}", json=body, headers=as_("wang", "admin", key)
    )


def uploaded(client: TestClient, frame_id: str, key: str, sizes: tuple[int, ...] = (90, 91)) -> Any:
    files = [("file", (f"{size}.jpg", jpeg(size, 48), "image/jpeg")) for size in sizes]
    return client.post("/api/v1/frames", files=files, headers=as_("wang", "admin", key))


def inspected(client: TestClient, frame_id: str, key: str, sizes: tuple[int, ...] = (90, 91)) -> Any:
    files = [("files", (f"{size}.jpg", jpeg(size, 48), "image/jpeg")) for size in sizes]
    return client.post("/api/v1/inspect", files=files, headers=as_("wang", "admin", key))


WRITES: dict[str, tuple[Send, Send, dict[str, int]]] = {
    "upload": (uploaded, lambda c, f, k: uploaded(c, f, k, (92, 93)), {"frames": 2, "arrivals": 2}),
    "inspect": (inspected, lambda c, f, k: inspected(c, f, k, (92, 93)), {"frames": 2, "arrivals": 2, "assessments": 2, "replies": 2}),
    "sample": (sent("samples/20231102150443.jpg", {}), sent("samples/20231102150443.jpg", {}), {"frames": 1, "arrivals": 1}),
    "assess": (sent("frames/{}/assess", {}), sent("frames/{}/assess", {}), {"assessments": 1, "replies": 1}),
    "correct": (sent("frames/{}/corrections", correction(saw_revision=1)), sent("frames/{}/corrections", correction()), {"corrections": 1}),
    "review": (
        sent("frames/{}/reviews", {"verdict": "accepted", "revision": 1}),
        sent("frames/{}/reviews", {"verdict": "returned", "comment": "x", "revision": 1}),
        {"reviews": 1},
    ),
    "restore": (
        sent("frames/{}/restore", {"revision": 1, "saw_revision": 1}),
        sent("frames/{}/restore", {"revision": 1, "saw_revision": 2}),
        {"corrections": 1},
    ),
    "want": (sent("frames/{}/wanted", {"n": 2}, "PUT"), sent("frames/{}/wanted", {"n": 3}, "PUT"), {"wanted_opinions": 1}),
    "bin": (sent("frames/{}/bin", {"why": "x"}), sent("frames/{}/bin", {"why": "y"}), {"bin_moves": 1}),
    "export": (sent("exports/sft", {"family": "qwen3-vl"}), sent("exports/sft", {}), {}),
}


def counted(store: Store) -> dict[str, int]:
    tables = ("frames", "arrivals", "assessments", "replies", "corrections", "reviews", "bin_moves", "wanted_opinions")
    with store.reading() as connection:
        return {table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables}


@pytest.mark.parametrize("write", WRITES)
def test_ten_at_once_and_one_after_a_restart_are_one_write_and_another_body_is_refused(place: Path, write: str) -> None:
    send, other, rows = WRITES[write]
    app, store = app_of(place)
    answers: list[Any] = []
    with TestClient(Acting(app), base_url=SITE, raise_server_exceptions=False) as client:
        frame_id = received(client, jpeg(64, 48))
        correct(client, frame_id, "lin")
        before = counted(store)
        start = threading.Barrier(10)

        def one() -> None:
            start.wait()
            answers.append(send(client, frame_id, "my-key"))

        threads = [threading.Thread(target=one) for _ in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        after = counted(store)
    store.close()
    assert {answer.status_code for answer in answers} == {200}, answers[0].text
    assert len({answer.text for answer in answers}) == 1
    assert {table: n - before[table] for table, n in after.items() if n != before[table]} == rows
    app, store = app_of(place)
    with TestClient(Acting(app), base_url=SITE, raise_server_exceptions=False) as client:
        again = send(client, frame_id, "my-key")
        assert (again.status_code, again.text) == (200, answers[0].text)
        assert counted(store) == after
        if write not in ("sample", "assess"):  # they have no body that could be another
            refused = other(client, frame_id, "my-key")
            kinds = [refused.json()] if refused.status_code != 200 else refused.json()
            assert "KeyReused" in str(kinds), refused.text
            assert counted(store) == after
            assert refused.status_code == 422
    store.close()


def test_of_two_who_save_at_once_one_is_answered_with_both_versions(client: TestClient, frame_id: str) -> None:
    pairs = 25
    for seen in range(pairs):
        answers: dict[str, Any] = {}
        start = threading.Barrier(2)

        def save(who: str, seen: int = seen, answers: dict[str, Any] = answers, start: threading.Barrier = start) -> None:
            start.wait()
            answers[who] = correct(client, frame_id, who, seen, note=f"{who} {seen}")

        threads = [threading.Thread(target=save, args=(who,)) for who in ("lin", "wang")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(answer.status_code for answer in answers.values()) == [200, 409]
        winner, late = sorted(answers, key=lambda who: answers[who].status_code)
        said = answers[late].json()
        assert (said["theirs"]["note"], said["yours"]["note"]) == (f"{winner} {seen}", f"{late} {seen}")
    history = client.get(f"/api/v1/frames/{frame_id}/history", headers=as_("lin")).json()
    assert [each["revision"] for each in history] == list(range(1, pairs + 1))
