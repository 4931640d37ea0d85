"""`/v2/studies…` as two doctors' browsers see it: control node, storage node and databases are real."""

from __future__ import annotations

import io
import json
import os
import re
import socket
import struct
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psutil
import pytest

from tests.support.http_client import Browser, ControlServer, start_control
from tests.support.phantom_files import make_ct, make_ct_series, to_bytes
from tests.support.raw_http import begin_request, leave_early, read_answer
from tests.support.storage_http import StorageHttp, sqlite_settings
from tests.support.waiting import eventually
from webviewer.audit import AuditDetail, AuditEvent
from webviewer.config import DatabaseDriver, DatabaseSettings


@dataclass
class House:
    """A control node and a storage node."""

    control: ControlServer
    storage: StorageHttp


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("house")
    storage = StorageHttp(folder / "node", sqlite_settings(folder))
    storage.start()
    database = DatabaseSettings(DatabaseDriver.SQLITE, str(folder / "control.db"))
    nodes = start_control(folder / "control", database)
    control = next(nodes)
    control.register("storage", storage.base_url)
    try:
        yield House(control, storage)
    finally:
        storage.stop()
        next(nodes, None)


def send(browser: Browser, data: bytes, name: str = "one.dcm") -> dict[str, object]:
    answer = browser.post("/v2/studies/uploads/whole", params={"name": name}, data=data)
    assert answer.status_code == 200, answer.text
    state: dict[str, object] = answer.json()
    return state


def test_without_a_session_nothing_is_told(house: House) -> None:
    stranger = house.control.browser()
    for path in ("", "/1", "/1/series/1", "/archive?study_ids=1", "/uploads/abc"):
        answer = stranger.get(f"/v2/studies{path}")
        assert answer.status_code == 401
        assert answer.json()["error"]["code"] == "not_signed_in"
    assert stranger.post("/v2/studies/delete", json={"study_ids": [1]}).status_code == 401
    assert stranger.post("/v2/studies/uploads/whole?name=x", data=b"x" * 1_000_000).status_code == 401


def test_a_failed_request_has_one_id_in_the_page_and_in_the_log_of_each_node(house: House) -> None:
    browser = house.control.signed_in()
    answer = browser.get("/v2/studies/987654321", headers={"X-Request-Id": "chain-1"})
    assert (answer.status_code, answer.json()["error"]["correlation_id"]) == (404, "chain-1")

    def found(lines: list[dict[str, Any]]) -> list[tuple[str, str, int]]:
        with_id = [line for line in lines if line.get("correlation_id") == "chain-1"]
        return [(line["message"], line["route"], line["status"]) for line in with_id]

    eventually(lambda: found(house.control.log_lines()), what="the control node's line")
    assert found(house.control.log_lines()) == [("request", "/v2/studies/<int:study_id>", 404)]
    route = "/internal/v1/owners/<int:owner_id>/studies/<int:study_id>"
    assert found(house.storage.log_lines()) == [("request_failed", route, 404)]


@pytest.mark.parametrize("given", ["", "a b", "Spur^Sina", "x" * 65, "ä"])
def test_the_storage_node_takes_no_id_that_is_none(house: House, given: str) -> None:
    answer = house.storage.session.get(
        f"{house.storage.owner()}/studies/987654321", headers={"X-Request-Id": given.encode()}, timeout=10
    )
    made = answer.json()["error"]["correlation_id"]
    assert re.fullmatch("[0-9a-f]{32}", made)
    assert made in [line.get("correlation_id") for line in house.storage.log_lines()]


def test_what_changes_something_wants_the_csrf_token(house: House) -> None:
    browser = house.control.signed_in()
    for method, path in (
        ("POST", "/delete"),
        ("POST", "/uploads"),
        ("PUT", "/uploads/a?offset=0"),
        ("DELETE", "/uploads/a"),
    ):
        answer = browser.request(method, f"/v2/studies{path}", data=b"{}", headers={"X-CSRF-Token": ""})
        assert answer.status_code == 403, path


def test_a_doctor_uploads_finds_opens_downloads_and_deletes_a_study(house: House) -> None:
    browser = house.control.signed_in()
    originals = [to_bytes(ds) for ds in make_ct_series(3)]
    for data in originals:
        assert send(browser, data)["stored"] == 1
    page = browser.get(
        "/v2/studies", params={"patient_name": "anna", "sort": "patient_name", "descending": "false"}
    ).json()
    assert page["total"] == 1
    study_id = page["studies"][0]["study_id"]
    detail = browser.get(f"/v2/studies/{study_id}").json()
    series_id = detail["series"][0]["series_id"]
    series = browser.get(f"/v2/studies/{study_id}/series/{series_id}").json()
    assert [frame["instance_number"] for frame in series["frames"]] == [1, 2, 3]
    assert browser.get(f"/v2/studies/{study_id + 1}/series/{series_id}").status_code == 404
    archive = browser.get("/v2/studies/archive", params={"study_ids": study_id})
    assert archive.headers["Content-Disposition"] == f'attachment; filename="study-{study_id}-20240305.zip"'
    with zipfile.ZipFile(io.BytesIO(archive.content)) as unpacked:
        got = [unpacked.read(name) for name in unpacked.namelist() if name.startswith("DICOM/")]
    assert got == originals
    assert browser.post("/v2/studies/delete", json={"study_ids": [study_id]}).json() == {"deleted": 1}
    assert browser.get("/v2/studies").json() == {"studies": [], "total": 0}


def test_no_doctor_reaches_anothers_studies(house: House) -> None:
    anna, ben = house.control.signed_in(), house.control.signed_in()
    send(anna, to_bytes(make_ct()))
    study_id = anna.get("/v2/studies").json()["studies"][0]["study_id"]
    series_id = anna.get(f"/v2/studies/{study_id}").json()["series"][0]["series_id"]
    upload_id = anna.post("/v2/studies/uploads", json={"name": "x", "size_bytes": 10}).json()["upload_id"]
    assert ben.get("/v2/studies").json()["total"] == 0
    for path in (
        f"/{study_id}",
        f"/{study_id}/series/{series_id}",
        f"/archive?study_ids={study_id}",
        f"/uploads/{upload_id}",
    ):
        assert ben.get(f"/v2/studies{path}").status_code == 404, path
    assert ben.post("/v2/studies/delete", json={"study_ids": [study_id]}).json() == {"deleted": 0}
    assert ben.request("PUT", f"/v2/studies/uploads/{upload_id}?offset=0", data=b"x").status_code == 404
    assert ben.request("DELETE", f"/v2/studies/uploads/{upload_id}").status_code == 404
    assert anna.get("/v2/studies").json()["total"] == 1
    # the same object in another doctor's storage is another copy
    assert send(ben, to_bytes(make_ct()))["stored"] == 1
    assert anna.request("DELETE", f"/v2/studies/uploads/{upload_id}").status_code == 204


TOO_LARGE = 2**63  # no row of either database has such a number


@pytest.mark.parametrize("number", [TOO_LARGE, 2**64, 10**40])
def test_a_number_that_no_row_can_have_is_not_found(house: House, number: int) -> None:
    browser = house.control.signed_in()
    for path in (
        f"studies/{number}",
        f"studies/1/series/{number}",
        f"studies/{number}/series/1",
        f"studies/uploads/{number}",
        f"render/series/{number}/thumbnail",
        f"render/instances/{number}/frames/1/rendered",
        f"render/instances/1/frames/{number}/rendered",
    ):
        answer = browser.get(f"/v2/{path}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found"), path
    inside = house.storage.session
    for path in ("studies/{}", "series/{}", "series/{}/render", "instances/{}/render", "uploads/{}"):
        answer = inside.get(f"{house.storage.owner()}/{path.format(number)}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found"), path
    assert inside.get(f"{house.storage.owner(number)}/studies").status_code == 404
    assert inside.get(f"{house.storage.owner()}/studies/{TOO_LARGE - 1}").status_code == 404
    assert browser.get(f"/v2/studies/{TOO_LARGE - 1}").status_code == 404
    assert browser.get(f"/v2/studies/archive?study_ids={number}").status_code == 400
    assert browser.post("/v2/studies/delete", json={"study_ids": [number]}).status_code == 400


def test_wrong_parameters_are_named_by_the_front(house: House) -> None:
    browser = house.control.signed_in()
    for query, field in (
        ("limit=201", "limit"),
        ("sort=x", "sort"),
        ("study_date_to=1", "study_date_to"),
        ("q=1", "q"),
    ):
        answer = browser.get(f"/v2/studies?{query}")
        assert answer.status_code == 400
        assert answer.json()["error"]["details"]["field"] == field
        assert answer.json()["error"]["correlation_id"]
    assert browser.get("/v2/studies/archive").status_code == 400
    assert browser.get("/v2/studies/archive?study_ids=1;2").status_code == 400
    assert browser.post("/v2/studies/delete", json={"study_ids": []}).status_code == 400
    assert browser.post("/v2/studies/uploads", json={"name": "", "size_bytes": 1}).status_code == 400
    assert browser.post("/v2/studies/uploads/whole", data=b"x").status_code == 400
    assert browser.request("PUT", "/v2/studies/uploads/a?offset=x", data=b"x").status_code == 400


def test_a_zip_goes_through_in_parts_and_a_wrong_offset_is_told_the_right_one(house: House) -> None:
    browser = house.control.signed_in()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for index, ds in enumerate(make_ct_series(4)):
            archive.writestr(f"{index}", to_bytes(ds))
    data = buffer.getvalue()
    made = browser.post("/v2/studies/uploads", json={"name": "a.zip", "size_bytes": len(data)})
    assert made.status_code == 201
    path = f"/v2/studies/uploads/{made.json()['upload_id']}"
    assert browser.request("PUT", f"{path}?offset=0", data=data[:9000]).json() == {"offset": 9000, "state": "receiving"}
    wrong = browser.request("PUT", f"{path}?offset=0", data=data[:9000])
    assert wrong.status_code == 409
    assert wrong.json()["error"]["details"]["offset"] == 9000
    assert browser.request("PUT", f"{path}?offset=9000", data=data[9000:]).status_code == 200
    eventually(lambda: browser.get(path).json()["state"] == "done", what="the end of the upload")
    state = browser.get(path).json()
    assert (state["stored"], state["total_files"], state["skipped"]) == (4, 4, [])
    too_long = browser.request("PUT", f"{path}?offset=0", data=b"x" * (16 * 1024**2 + 1))
    assert too_long.status_code in {400, 413}


def test_full_parts_pass_without_being_held(house: House) -> None:
    browser = house.control.signed_in()
    part = os.urandom(16 * 1024**2)
    made = browser.post("/v2/studies/uploads", json={"name": "noise", "size_bytes": 5 * len(part)}).json()
    processes = [psutil.Process(house.control.process.pid)]
    processes += processes[0].children(recursive=True)

    def resident() -> int:
        return sum(process.memory_info().rss for process in processes)

    browser.request("PUT", f"/v2/studies/uploads/{made['upload_id']}?offset=0", data=part)
    before = resident()
    for index in range(1, 5):
        offset = index * len(part)
        answer = browser.request("PUT", f"/v2/studies/uploads/{made['upload_id']}?offset={offset}", data=part)
        assert answer.json()["offset"] == offset + len(part)
    assert resident() - before < 8 * 1024**2


def headers_of(browser: Browser, length_bytes: int = 0) -> dict[str, str]:
    cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in browser.http.cookies)
    return {"Cookie": cookies, "X-CSRF-Token": browser.csrf_token, "Content-Length": str(length_bytes)}


def test_a_part_that_breaks_off_is_kept_as_far_as_it_came(house: House) -> None:
    browser = house.control.signed_in()
    made = browser.post("/v2/studies/uploads", json={"name": "x", "size_bytes": 2_000_000}).json()
    path = f"/v2/studies/uploads/{made['upload_id']}"
    port = house.control.settings.control.port
    sender = begin_request(port, "PUT", f"{path}?offset=0", headers_of(browser, 2_000_000), b"q" * 1_000_000)
    status, told = leave_early(sender)
    assert (status, told["error"]["code"]) == (400, "part_cut")
    assert 900_000 < browser.get(path).json()["offset"] <= 1_000_000


def test_a_whole_file_that_breaks_off_is_not_stored(house: House) -> None:
    browser = house.control.signed_in()
    data = to_bytes(make_ct(rows=256, columns=256))
    port = house.control.settings.control.port
    path = "/v2/studies/uploads/whole?name=a"
    status, told = leave_early(begin_request(port, "POST", path, headers_of(browser, len(data)), data[:-100]))
    assert (status, told["error"]["code"]) == (400, "part_cut")
    assert browser.get("/v2/studies").json()["total"] == 0


@pytest.mark.parametrize("way", ["reset", "closed", "half closed"])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "uploads/{}?offset=0"),
        ("POST", "uploads/whole?name=a"),
        ("POST", "delete"),
    ],
)
def test_a_sender_that_leaves_is_no_error_in_the_log(house: House, method: str, path: str, way: str) -> None:
    browser = house.control.signed_in()
    made = browser.post("/v2/studies/uploads", json={"name": "x", "size_bytes": 2_000_000}).json()
    headers = headers_of(browser, 100_000)
    headers["Content-Type"] = "application/json" if path == "delete" else "application/octet-stream"
    headers["X-Request-Id"] = f"leaves-{next(house.control.numbers)}"
    before = len(house.control.log_lines())
    port = house.control.settings.control.port
    sender = begin_request(
        port, method, f"/v2/studies/{path.format(made['upload_id'])}", headers, b'{"name": "' + b"q" * 50_000
    )
    time.sleep(0.05)
    if way == "reset":
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    if way == "half closed":
        leave_early(sender)
    else:
        sender.close()

    def lines() -> list[dict[str, object]]:
        return house.control.log_lines()[before:]

    eventually(lambda: any(line.get("correlation_id") == headers["X-Request-Id"] for line in lines()), what="a line")
    time.sleep(0.1)
    assert [line for line in lines() if str(line["level"]).lower() not in ("info", "debug")] == []


def test_stalled_uploads_and_downloads_hold_up_nobody(house: House) -> None:
    port = house.control.settings.control.port
    doctor, others = house.control.signed_in(), [house.control.signed_in() for _ in range(6)]
    data = to_bytes(make_ct())
    opened: list[socket.socket] = []
    try:
        for index in range(40):  # one doctor: 8 are taken in, the others are told to come again
            path = f"/v2/studies/uploads/whole?name={index}"
            opened.append(begin_request(port, "POST", path, headers_of(doctor, 1_000_000), b"xx"))
        for other in others:
            assert send(other, data)["stored"] == 1
            study_id = other.get("/v2/studies").json()["studies"][0]["study_id"]
            other_path = f"/v2/studies/archive?study_ids={study_id}"
            house.storage.stretch_files(64 * 1024**2)  # far more than fits between a server and a silent reader
            for _ in range(4):
                opened.append(begin_request(port, "GET", other_path, headers_of(other), receive_bytes=4096))
        for browser in (doctor, *others, house.control.signed_in()):
            # sooner than those who stand still are let go, after 20 s
            assert browser.get("/v2/studies", timeout=8).status_code == 200
            assert browser.get("/v2/studies", params={"patient_name": "x"}, timeout=8).status_code == 200
        health = house.storage.session.get(f"{house.storage.base_url}/internal/v1/health", timeout=15)
        assert health.status_code == 200
        newcomer = house.control.signed_in()
        assert send(newcomer, data)["stored"] == 1
        study_id = newcomer.get("/v2/studies").json()["studies"][0]["study_id"]
        assert newcomer.get(f"/v2/studies/archive?study_ids={study_id}").status_code == 200
        answers = [read_answer(connection) for connection in opened[:40]]
        assert [status for status, _ in answers].count(408) == 8
        assert [status for status, _ in answers].count(429) == 32
        refused = next(told for status, told in answers if status == 429)
        assert refused["error"]["message"] == "8 uploads of yours are under way; at most 8 may be."
        assert send(doctor, data)["stored"] == 1
    finally:
        for connection in opened:
            connection.close()


def test_a_third_download_of_a_doctor_is_refused_in_words_until_one_ends(house: House) -> None:
    browser = house.control.signed_in()
    assert send(browser, to_bytes(make_ct()))["stored"] == 1
    study_id = browser.get("/v2/studies").json()["studies"][0]["study_id"]
    house.storage.stretch_files(64 * 1024**2)
    path = f"/v2/studies/archive?study_ids={study_id}"
    held = [browser.get(path, stream=True) for _ in range(2)]
    third = browser.get(path)
    assert third.status_code == 429, third.text[:200]
    assert third.headers["Retry-After"] == "5"
    assert third.json()["error"]["message"] == "2 downloads of yours are under way; at most 2 may be."
    held[0].close()
    eventually(lambda: browser.get(path).status_code == 200, what="the end of a download that was left")
    held[1].close()


def test_deleting_and_downloading_leave_a_trace_without_names(house: House) -> None:
    browser = house.control.signed_in()
    send(browser, to_bytes(make_ct(patient_name="Spur^Sina")))
    study_id = browser.get("/v2/studies").json()["studies"][0]["study_id"]
    assert browser.get(f"/v2/studies/archive?study_ids={study_id}").status_code == 200
    assert browser.post("/v2/studies/delete", json={"study_ids": [study_id]}).json() == {"deleted": 1}
    user_id = browser.get("/v2/auth/session").json()["user"]["user_id"]
    traces = [line for line in house.control.log_lines() if line.get("study_ids") == [study_id]]
    assert [(line["message"], line["user_id"]) for line in traces] == [
        ("studies_download_begun", user_id),
        ("studies_deletion_asked", user_id),
    ]
    assert all(line["session_number"] and line["correlation_id"] for line in traces)
    with house.control.units(read_only=True) as unit:
        deleted, downloaded = unit.audit.newest(2)
    assert (downloaded.event, deleted.event) == (AuditEvent.STUDIES_DOWNLOADED, AuditEvent.STUDIES_DELETED)
    for entry in (downloaded, deleted):
        assert entry.user_id == user_id
        assert entry.details[AuditDetail.STUDIES] == str(study_id)
        assert entry.details[AuditDetail.SESSION_ID] == str(traces[0]["session_number"])
    assert "Spur" not in json.dumps(traces) + repr([downloaded, deleted])


def test_a_storage_node_that_is_down_is_said_in_words_and_comes_back(house: House) -> None:
    browser = house.control.signed_in()
    assert browser.get("/v2/studies").status_code == 200
    house.storage.kill()
    try:
        for path in ("", "/1", "/archive?study_ids=1"):
            answer = browser.get(f"/v2/studies{path}")
            assert answer.status_code == 503
            assert answer.json()["error"]["code"] == "storage_unavailable"
            assert answer.json()["error"]["message"].startswith(
                "The storage node that keeps your studies does not answer"
            )
        answer = browser.post("/v2/studies/uploads/whole?name=x", data=to_bytes(make_ct()))
        assert answer.status_code == 503
    finally:
        house.storage.start()
    assert browser.get("/v2/studies").status_code == 200


def test_no_patient_and_no_search_is_in_the_log(house: House) -> None:
    browser = house.control.signed_in()
    send(browser, to_bytes(make_ct(patient_name="Geheim^Gerda", patient_id="SECRET-77")), "Geheim.dcm")
    browser.get("/v2/studies", params={"patient_name": "Geheim"})
    browser.get("/v2/studies", params={"patient_name": "Geheim" * 50})
    log = "\n".join(json.dumps(line, ensure_ascii=False) for line in house.control.log_lines())
    assert "studies" in log
    assert "Geheim" not in log
    assert "SECRET-77" not in log
