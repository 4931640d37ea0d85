"""Uploads that were begun and left: listed to their owner, resumed, discarded, and dropped after an hour."""

from __future__ import annotations

import io
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.http.test_upload import begin, ct_files, put, zip_of
from tests.http.test_upload_failures import Storage
from tests.support.http_client import ControlServer
from tests.support.raw_http import begin_request, leave_early
from tests.support.storage_http import TOKEN, StorageHttp, sqlite_settings
from tests.support.waiting import eventually
from webviewer.archive import OwnerId
from webviewer.core.errors import NotFound

OWNER, OTHER = OwnerId(1), OwnerId(2)
HOUR_S = 3600.0


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    made = Storage(tmp_path)
    yield made
    made.engine.dispose()


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StorageHttp]:
    folder = tmp_path_factory.mktemp("left")
    running = StorageHttp(folder / "node", sqlite_settings(folder))
    running.start()
    yield running
    running.stop()


def listed(node: StorageHttp, owner_id: int = 1) -> list[dict[str, Any]]:
    answer = node.session.get(f"{node.owner(owner_id)}/uploads")
    assert answer.status_code == 200, answer.text
    return list(answer.json()["uploads"])


def test_an_upload_that_was_left_is_listed_to_its_owner_alone(storage: Storage) -> None:
    uploads = storage.uploads()
    upload_id = str(uploads.create(OWNER, "folder/study.zip", 1000)["upload_id"])
    uploads.write_part(OWNER, upload_id, 0, io.BytesIO(b"x" * 300))
    storage.later_s = 600.0
    assert uploads.unfinished(OTHER) == []
    (one,) = uploads.unfinished(OWNER)
    assert (one.pop("idle_s"), one.pop("expires_in_s")) in {(600, 2999), (600, 3000), (601, 2998), (601, 2999)}
    assert one == {"upload_id": upload_id, "name": "folder/study.zip", "size_bytes": 1000, "offset": 300}
    uploads.close()


def test_an_upload_is_dropped_an_hour_after_its_last_byte_and_its_bytes_go(storage: Storage) -> None:
    uploads = storage.uploads()
    upload_id = str(uploads.create(OWNER, "study.zip", 1000)["upload_id"])
    storage.later_s = HOUR_S - 60
    uploads.write_part(OWNER, upload_id, 0, io.BytesIO(b"x" * 300))
    storage.later_s += HOUR_S - 60
    assert uploads.get(OWNER, upload_id)["offset"] == 300
    storage.later_s += 120
    for ask in (
        lambda: uploads.get(OWNER, upload_id),
        lambda: uploads.write_part(OWNER, upload_id, 300, io.BytesIO(b"x")),
        lambda: uploads.cancel(OWNER, upload_id),
    ):
        with pytest.raises(NotFound, match="or it has expired"):
            ask()
    assert uploads.unfinished(OWNER) == []
    assert list(storage.uploads_folder.iterdir()) == []
    uploads.close()


def test_the_hour_counts_over_a_restart_from_the_last_byte(storage: Storage) -> None:
    uploads = storage.uploads(expires_after_s=2.0)
    old = str(uploads.create(OWNER, "old.zip", 1000)["upload_id"])
    fresh = str(uploads.create(OWNER, "fresh.zip", 1000)["upload_id"])
    state = storage.uploads_folder / fresh / "state.json"
    for upload_id in (old, fresh):  # both were begun long ago, and one got a byte just now
        file = storage.uploads_folder / upload_id / "state.json"
        text = file.read_text()
        at = text.index('"touched_at": ') + len('"touched_at": ')
        file.write_text(text[:at] + "1000000000.0" + text[text.index(",", at) :])
    os.utime(storage.uploads_folder / old / "data", (1e9, 1e9))
    uploads.close()
    assert state.exists()
    again = storage.uploads(expires_after_s=HOUR_S)
    assert [one["upload_id"] for one in again.unfinished(OWNER)] == [fresh]
    assert [path.name for path in storage.uploads_folder.iterdir()] == [fresh]
    again.close()


def test_an_upload_that_is_complete_or_done_is_not_listed(storage: Storage) -> None:
    uploads = storage.uploads()
    upload_id = str(uploads.create(OWNER, "a.txt", 3)["upload_id"])
    uploads.write_part(OWNER, upload_id, 0, io.BytesIO(b"abc"))
    assert uploads.unfinished(OWNER) == []
    eventually(lambda: uploads.get(OWNER, upload_id)["state"] == "done", what="an upload that is dealt with")
    assert uploads.unfinished(OWNER) == []
    uploads.close()


def test_the_tail_tells_one_file_from_another_of_the_same_size(storage: Storage) -> None:
    uploads = storage.uploads()
    data = bytes(range(256)) * 8192  # 2 MiB
    upload_id = str(uploads.create(OWNER, "a.zip", 3 * 2**20)["upload_id"])
    assert uploads.get(OWNER, upload_id)["tail"] == {"length": 0, "crc32": 0}
    uploads.write_part(OWNER, upload_id, 0, io.BytesIO(data[:1000]))
    assert uploads.get(OWNER, upload_id)["tail"] == {"length": 1000, "crc32": zlib.crc32(data[:1000])}
    uploads.write_part(OWNER, upload_id, 1000, io.BytesIO(data[1000:]))
    assert uploads.get(OWNER, upload_id)["tail"] == {"length": 2**20, "crc32": zlib.crc32(data[-(2**20) :])}
    uploads.close()


def test_an_upload_that_was_cut_goes_on_after_a_kill_of_the_node_and_is_stored(node: StorageHttp) -> None:
    data = zip_of(ct_files(4))
    upload_id = begin(node, len(data), "study.zip")
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Length": str(len(data))}
    path = f"/internal/v1/owners/1/uploads/{upload_id}?offset=0"
    status, _answer = leave_early(begin_request(node.port, "PUT", path, headers, data[:2000]))
    assert status == 400
    assert [(one["name"], one["offset"]) for one in listed(node)] == [("study.zip", 2000)]
    node.kill()
    node.start()
    assert [(one["upload_id"], one["offset"]) for one in listed(node)] == [(upload_id, 2000)]
    assert put(node, upload_id, 2000, data[2000:]).status_code == 200
    assert node.wait_done(upload_id)["stored"] == 4
    assert listed(node) == []


def test_another_user_finds_no_upload_of_this_one(node: StorageHttp) -> None:
    upload_id = begin(node, 100, "mine.zip")
    address = f"{node.owner(2)}/uploads/{upload_id}"
    assert listed(node, 2) == []
    assert node.session.get(address).status_code == 404
    assert put(node, upload_id, 0, b"x", owner_id=2).status_code == 404
    assert node.session.delete(address).status_code == 404
    assert [one["upload_id"] for one in listed(node)] == [upload_id]
    assert node.session.delete(f"{node.owner(1)}/uploads/{upload_id}").status_code == 204
    assert listed(node) == []
    assert list((node.folder / "storage" / "uploads").glob("*/data")) == [
        path for path in (node.folder / "storage" / "uploads").glob("*/data") if path.parent.name != upload_id
    ]


def test_the_page_lists_resumes_and_discards_the_uploads_of_its_user(control: ControlServer, node: StorageHttp) -> None:
    control.register("storage", f"http://127.0.0.1:{node.port}", "uploads-left")
    try:
        doctor, colleague = control.signed_in(), control.signed_in()
        begun = doctor.post("/v2/studies/uploads", json={"name": "study.zip", "size_bytes": 1000}).json()
        address = f"/v2/studies/uploads/{begun['upload_id']}"
        assert doctor.request("PUT", f"{address}?offset=0", data=b"x" * 300).status_code == 200
        (one,) = doctor.get("/v2/studies/uploads").json()["uploads"]
        assert (one["upload_id"], one["offset"]) == (begun["upload_id"], 300)
        assert colleague.get("/v2/studies/uploads").json() == {"uploads": []}
        for method in ("GET", "DELETE"):
            assert colleague.request(method, address).status_code == 404
        assert colleague.request("PUT", f"{address}?offset=300", data=b"x").status_code == 404
        assert doctor.request("PUT", f"{address}?offset=300", data=b"x" * 100).json()["offset"] == 400
        assert doctor.request("DELETE", address).status_code == 204
        assert doctor.get("/v2/studies/uploads").json() == {"uploads": []}
        assert doctor.get(address).status_code == 404
    finally:
        control.lose("storage", "uploads-left")


def test_uploads_that_were_left_count_against_the_limit_of_their_user_until_they_expire(storage: Storage) -> None:
    uploads = storage.uploads(max_open_per_owner=2)
    for _ in range(2):
        uploads.create(OWNER, "a.zip", 100)
    with pytest.raises(Exception, match="at most 2 may be"):
        uploads.create(OWNER, "a.zip", 100)
    uploads.create(OTHER, "a.zip", 100)
    storage.later_s = HOUR_S + 1
    uploads.create(OWNER, "a.zip", 100)
    uploads.close()
