"""Uploads: whole, in parts, over restarts; hostile archives; all shared data."""

from __future__ import annotations

import io
import json
import os
import stat
import struct
import threading
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support import shared_data
from tests.support.phantom_files import data_set_bytes, make_ct, make_ct_series, one_of_each_kind, to_bytes
from tests.support.raw_http import begin_request, leave_early
from tests.support.storage_http import StorageHttp, sqlite_settings
from tests.support.waiting import eventually

ROOT = "1.2.826.0.1.3680043.8.498.7.8"
PHANTOMS = "phantoms"  # always there; the shared files beside the repository may not be
REASONS = {
    "not_dicom", "broken", "conflict", "too_large", "zip_bomb", "encrypted", "unsupported", "index_file",
    "unsafe_name",
}  # fmt: skip


@pytest.fixture
def node(tmp_path: Path) -> Iterator[StorageHttp]:
    running = StorageHttp(tmp_path / "node", sqlite_settings(tmp_path))
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def shared_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StorageHttp]:
    folder = tmp_path_factory.mktemp("shared")
    running = StorageHttp(folder / "node", sqlite_settings(folder))
    running.start()
    yield running
    running.stop()


@pytest.fixture
def small_node(tmp_path: Path) -> Iterator[StorageHttp]:
    limits = {
        "upload": {"max_open_per_owner": 3, "max_open_bytes_per_owner": 50_000_000, "max_bytes": 40_000_000},
        "examine": {"max_members": 20, "max_inflated_bytes": 30_000_000, "max_object_bytes": 20_000_000,
                    "ratio_free_bytes": 1_000_000},
    }  # fmt: skip
    running = StorageHttp(tmp_path / "node", sqlite_settings(tmp_path), limits=limits)
    running.start()
    yield running
    running.stop()


def zip_of(members: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def ct_files(count: int) -> dict[str, bytes]:
    return {f"IM{index}": to_bytes(ds) for index, ds in enumerate(make_ct_series(count), 1)}


def skipped(state: dict[str, Any]) -> dict[str, str]:
    return {entry["name"]: entry["reason"] for entry in state["skipped"]}


def begin(node: StorageHttp, size: int, name: str = "x.zip", owner_id: int = 1) -> str:
    made = node.session.post(f"{node.owner(owner_id)}/uploads", json={"name": name, "size_bytes": size})
    assert made.status_code == 201, made.text
    assert (made.json()["part_bytes"], made.json()["offset"]) == (16777216, 0)
    return str(made.json()["upload_id"])


def put(node: StorageHttp, upload_id: str, offset: int, data: bytes, owner_id: int = 1) -> Any:
    return node.session.put(f"{node.owner(owner_id)}/uploads/{upload_id}", params={"offset": offset}, data=data)


def test_a_small_file_is_stored_byte_by_byte_and_known_the_second_time(node: StorageHttp) -> None:
    data = to_bytes(make_ct())
    state = node.upload(data, "one.dcm")
    assert (state["state"], state["stored"], state["duplicates"], state["skipped"]) == ("done", 1, 0, [])
    assert (state["done_files"], state["total_files"]) == (1, 1)
    assert [path.read_bytes() for path in node.stored_files()] == [data]
    again = node.upload(data, "one.dcm")
    assert (again["stored"], again["duplicates"]) == (0, 1)
    other = make_ct()
    other.PatientComments = "other bytes"
    conflict = node.upload(to_bytes(other), "other.dcm")
    assert skipped(conflict) == {"other.dcm": "conflict"}
    assert conflict["skipped"][0]["message"]
    assert len(node.stored_files()) == 1
    assert list(node.claims.iterdir()) == []
    assert list((node.folder / "storage" / "uploads").iterdir()) == []


def test_a_data_set_without_preamble_is_stored_as_a_readable_file(node: StorageHttp) -> None:
    from pydicom import dcmread

    state = node.upload(data_set_bytes(make_ct()), "bare")
    assert state["stored"] == 1, state
    stored = node.stored_files()[0]
    assert dcmread(stored).PixelData == make_ct().PixelData


def test_what_is_no_dicom_is_named_with_its_reason(node: StorageHttp) -> None:
    cases = {
        "empty": b"",
        "text.txt": b"hello",
        "page.html": b"<html>" + b"x" * 1000,
        "noise": bytes(range(256)) * 20,
        "only-preamble": b"\0" * 128 + b"DICM",
    }
    for name, data in cases.items():
        state = node.upload(data, name)
        assert state["stored"] == 0
        assert skipped(state)[name] in {"not_dicom", "broken"}, name
        assert state["skipped"][0]["message"].endswith(".")
    assert node.stored_files() == []
    assert list(node.claims.iterdir()) == []


def test_a_zip_goes_in_parts_and_each_member_gets_its_outcome(node: StorageHttp) -> None:
    members = ct_files(5)
    same = members["IM1"]
    data = zip_of({**members, "folder/again": same, "readme.txt": b"text", "inner.zip": zip_of(members)})
    assert len(data) > 10_000
    state = node.upload_in_parts(data, "study.zip", part_bytes=4001)
    assert (state["stored"], state["duplicates"]) == (5, 1)
    assert skipped(state) == {"readme.txt": "not_dicom", "inner.zip": "unsupported"}
    assert (state["done_files"], state["total_files"]) == (8, 8)
    assert len(node.stored_files()) == 5
    folder = node.folder / "storage" / "uploads" / state["upload_id"]
    assert [path.name for path in folder.iterdir()] == ["state.json"]


def test_a_part_at_a_wrong_offset_is_told_the_right_one(node: StorageHttp) -> None:
    upload_id = begin(node, 1000)
    assert put(node, upload_id, 0, b"a" * 400).json() == {"offset": 400, "state": "receiving"}
    for wrong in (0, 399, 401, 1000):
        answer = put(node, upload_id, wrong, b"b" * 10)
        assert answer.status_code == 409
        assert answer.json()["error"]["details"]["offset"] == 400
    assert put(node, upload_id, 400, b"b" * 601).status_code == 400
    assert node.session.get(f"{node.owner()}/uploads/{upload_id}").json()["offset"] == 400
    for bad in ("", "-1", "x", "1.5"):
        url = f"{node.owner()}/uploads/{upload_id}"
        assert node.session.put(url, params={"offset": bad}, data=b"x").status_code == 400
    too_long = node.session.put(f"{node.owner()}/uploads/{upload_id}?offset=400", data=b"x" * (16 * 1024**2 + 1))
    assert too_long.status_code == 400
    assert too_long.json()["error"]["code"] == "part_too_long"


def test_nobody_sees_continues_or_cancels_anothers_upload(node: StorageHttp) -> None:
    upload_id = begin(node, 1000)
    assert node.session.get(f"{node.owner(2)}/uploads/{upload_id}").status_code == 404
    assert put(node, upload_id, 0, b"x", owner_id=2).status_code == 404
    assert node.session.delete(f"{node.owner(2)}/uploads/{upload_id}").status_code == 404
    assert node.session.delete(f"{node.owner()}/uploads/{upload_id}").status_code == 204
    assert node.session.get(f"{node.owner()}/uploads/{upload_id}").status_code == 404
    assert list((node.folder / "storage" / "uploads").iterdir()) == []
    for strange in ("..", "%2e%2e", "../../etc", "0" * 32):
        assert node.session.get(f"{node.owner()}/uploads/{strange}").status_code == 404


def test_an_interrupted_upload_goes_on_after_the_node_was_killed(node: StorageHttp) -> None:
    data = zip_of(ct_files(6), zipfile.ZIP_STORED)
    upload_id = begin(node, len(data))
    half = len(data) // 2
    assert put(node, upload_id, 0, data[:half]).status_code == 200
    node.kill()
    node.start()
    state = node.session.get(f"{node.owner()}/uploads/{upload_id}").json()
    assert (state["offset"], state["state"]) == (half, "receiving")
    assert put(node, upload_id, half, data[half:]).json()["offset"] == len(data)
    assert node.wait_done(upload_id)["stored"] == 6


def test_a_part_whose_connection_breaks_keeps_what_arrived(node: StorageHttp) -> None:
    upload_id = begin(node, 3_000_000)
    headers = {"Content-Length": "3000000", "Authorization": str(node.session.headers["Authorization"])}
    path = f"/internal/v1/owners/1/uploads/{upload_id}?offset=0"
    status, told = leave_early(begin_request(node.port, "PUT", path, headers, b"z" * 1_500_000))
    assert (status, told["error"]["code"]) == (400, "part_cut")
    offset = node.session.get(f"{node.owner()}/uploads/{upload_id}").json()["offset"]
    assert 0 < offset <= 1_500_000
    assert put(node, upload_id, offset, b"z" * (3_000_000 - offset)).status_code == 200
    assert node.wait_done(upload_id)["skipped"][0]["reason"] == "not_dicom"


def test_a_whole_file_whose_connection_breaks_stores_nothing(node: StorageHttp) -> None:
    data = to_bytes(make_ct(rows=256, columns=256))
    headers = {"Content-Length": str(len(data)), "Authorization": str(node.session.headers["Authorization"])}
    path = "/internal/v1/owners/1/uploads/whole?name=a"
    status, told = leave_early(begin_request(node.port, "POST", path, headers, data[:-100]))
    assert (status, told["error"]["code"]) == (400, "part_cut")
    assert node.session.get(f"{node.owner()}/studies").json()["total"] == 0
    assert node.stored_files() == []
    assert list(node.claims.iterdir()) == []


def test_processing_goes_on_after_a_kill_and_ends_with_every_object(node: StorageHttp) -> None:
    data = zip_of(ct_files(300), zipfile.ZIP_STORED)
    upload_id = begin(node, len(data))
    put(node, upload_id, 0, data)
    eventually(
        lambda: node.session.get(f"{node.owner()}/uploads/{upload_id}").json()["done_files"] > 20, what="20 files"
    )
    node.kill()
    node.start()
    state = node.wait_done(upload_id)
    assert state["done_files"] == state["total_files"] == 300
    assert state["stored"] + state["duplicates"] >= 280
    assert state["skipped"] == []
    assert node.session.get(f"{node.owner()}/studies").json()["studies"][0]["instance_count"] == 300


def test_limits_of_open_uploads_are_told(small_node: StorageHttp) -> None:
    url = f"{small_node.owner()}/uploads"
    for size in (0, -1, 40_000_001):
        assert small_node.session.post(url, json={"name": "x", "size_bytes": size}).status_code == 400
    begin(small_node, 20_000_000)
    begin(small_node, 20_000_000)
    too_much = small_node.session.post(url, json={"name": "x", "size_bytes": 20_000_000})
    assert too_much.status_code == 429
    begin(small_node, 1)
    too_many = small_node.session.post(url, json={"name": "x", "size_bytes": 1})
    assert too_many.status_code == 429
    assert int(too_many.headers["Retry-After"]) > 0
    begin(small_node, 1, owner_id=2)


def test_of_finished_uploads_the_last_ones_can_be_asked_about(tmp_path: Path) -> None:
    node = StorageHttp(tmp_path / "node", sqlite_settings(tmp_path), limits={"upload": {"max_done_per_owner": 2}})
    node.start()
    try:
        ids = [node.upload_in_parts(b"no DICOM", f"{number}.txt")["upload_id"] for number in range(4)]
        node.upload_in_parts(b"no DICOM", "of another.txt", owner_id=2)
        asked = [node.session.get(f"{node.owner()}/uploads/{upload_id}").status_code for upload_id in ids]
        assert asked == [404, 404, 200, 200]
        assert len(list((node.folder / "storage" / "uploads").iterdir())) == 3
    finally:
        node.stop()


def test_a_full_disk_is_told_before_anything_is_sent(tmp_path: Path) -> None:
    limits = {"upload": {"keep_free_bytes": 10**18}}
    node = StorageHttp(tmp_path / "node", sqlite_settings(tmp_path), limits=limits)
    node.start()
    try:
        answer = node.session.post(f"{node.owner()}/uploads", json={"name": "x", "size_bytes": 10})
        assert answer.status_code == 507
        assert " MB left, of which " in answer.json()["error"]["message"]
        answer = node.session.post(f"{node.owner()}/uploads/whole?name=x", data=to_bytes(make_ct()))
        assert answer.status_code == 507
    finally:
        node.stop()


def test_names_inside_a_zip_never_become_paths(node: StorageHttp) -> None:
    files = list(ct_files(6).values())
    names = ["../../evil", "/etc/abs", "..\\..\\evil", "C:\\x", "a/" * 100 + "x", "nul\x01\u202e"]
    data = zip_of(dict(zip(names, files, strict=True)))
    state = node.upload_in_parts(data, "../../../up.zip")
    assert state["stored"] == 2
    assert skipped(state) == dict.fromkeys(names[:4], "unsafe_name")
    assert state["name"] == "../../../up.zip"
    everything = [path for path in node.folder.rglob("*") if path.is_file()]
    assert all(path.is_relative_to(node.folder) for path in everything)
    assert not list(node.folder.parent.glob("*evil*"))
    assert sorted(path.read_bytes() for path in node.stored_files()) == sorted(files[4:])


def test_hostile_members_are_refused_in_words(small_node: StorageHttp) -> None:
    good = to_bytes(make_ct())
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.dcm", good + b"\0" * 15_000_000)
        archive.writestr("large.dcm", os.urandom(1000) + b"\0" * 20_000_000)
        link = zipfile.ZipInfo("link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("bz2.dcm", good, zipfile.ZIP_BZIP2)
        archive.writestr("good.dcm", good)
        archive.writestr("DICOMDIR", dicomdir_head())
    data = bytearray(buffer.getvalue())
    # an encrypted member: set the flag in both headers of one that follows
    position = data.rfind(b"PK\x01\x02")
    state = small_node.upload_in_parts(bytes(data), "hostile.zip")
    assert position > 0
    assert skipped(state) == {
        "bomb.dcm": "zip_bomb", "large.dcm": "too_large", "link": "unsupported", "bz2.dcm": "unsupported",
    }  # fmt: skip
    assert (state["stored"], state["done_files"], state["total_files"]) == (1, 6, 6)


def dicomdir_head() -> bytes:
    from dicom_gateway.dicomdir import DicomDirectory

    return DicomDirectory(Path("/nonexistent")).encode()


def test_a_lone_dicomdir_is_named_an_index_file(node: StorageHttp) -> None:
    assert skipped(node.upload(dicomdir_head(), "DICOMDIR")) == {"DICOMDIR": "index_file"}


def patched(data: bytes, what: str) -> bytes:
    """Return a ZIP of one member with one lie in it."""
    out = bytearray(data)
    local, central, end = 0, out.find(b"PK\x01\x02"), out.find(b"PK\x05\x06")
    if what == "encrypted":
        out[local + 6] |= 1
        out[central + 8] |= 1
    elif what == "size too small":
        struct.pack_into("<I", out, central + 24, 500)
        struct.pack_into("<I", out, local + 22, 500)
    elif what == "size too large":
        struct.pack_into("<I", out, central + 24, 100_000)
        struct.pack_into("<I", out, local + 22, 100_000)
    elif what == "wrong checksum":
        struct.pack_into("<I", out, central + 16, 1)
    elif what == "cut":
        del out[len(out) // 2 :]
    elif what == "many members":
        struct.pack_into("<HH", out, end + 8, 60000, 60000)
    elif what == "directory elsewhere":
        struct.pack_into("<I", out, end + 16, 10**9)
    elif what == "garbage in the data":
        out[local + 60 : local + 200] = b"\xff" * 140
    return bytes(out)


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        ("encrypted", "encrypted"),
        ("size too small", "broken"),
        ("size too large", "broken"),
        ("wrong checksum", "broken"),
        ("cut", "broken"),
        ("many members", "zip_bomb"),
        ("directory elsewhere", "broken"),
        ("garbage in the data", "broken"),
    ],
)
def test_a_lying_zip_is_refused_in_words_and_leaves_nothing(tmp_path: Path, what: str, reason: str) -> None:
    from dicom_gateway.upload_examine import ExamineLimits, Examiner

    class Receiver:
        stored = 0

        def receive(self, owner_id: int, source: Any) -> Any:
            while source.read(4096):
                pass
            Receiver.stored += 1
            raise AssertionError("a lying member was read to its end without an error")

        def release(self) -> None:
            return None

    file = tmp_path / "lie.zip"
    file.write_bytes(patched(zip_of({"a.dcm": to_bytes(make_ct())}), what))
    examiner = Examiner(Receiver(), ExamineLimits(max_members=1000))
    _, outcomes = examiner.examine_file(1, lambda: file.open("rb"), "lie.zip")  # type: ignore[arg-type]
    found = list(outcomes)
    assert [outcome.reason for outcome in found] == [reason]
    assert found[0].message.endswith(".")


def test_overlapping_members_are_a_bomb(tmp_path: Path, node: StorageHttp) -> None:
    body = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = body.compress(to_bytes(make_ct())) + body.flush()
    local = struct.pack("<4s5H3L2H", b"PK\x03\x04", 20, 0, 8, 0, 33, 0, len(packed), 41000, 1, 0) + b"a" + packed
    entry = struct.pack("<4s6H3L5H2L", b"PK\x01\x02", 20, 20, 0, 8, 0, 33, 0, len(packed), 41000, 1, 0, 0, 0, 0, 0, 0)
    directory = (entry + b"a") * 50
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 50, 50, len(directory), len(local), 0)
    state = node.upload_in_parts(local + directory + end, "overlap.zip")
    assert skipped(state) == {"overlap.zip": "zip_bomb"}
    assert state["stored"] == 0


def test_a_zip_that_inflates_beyond_all_limits_stops(small_node: StorageHttp) -> None:
    members = {}
    for index in range(10):
        ds = make_ct(rows=1400, columns=1400, series_uid=f"{ROOT}.{index}")
        members[f"{index}.dcm"] = to_bytes(ds)
    data = zip_of(members)
    assert sum(map(len, members.values())) > 30_000_000
    state = small_node.upload_in_parts(data, "big.zip")
    assert skipped(state) == {"big.zip": "zip_bomb"}
    assert 1 <= state["stored"] < 10


def test_memory_stays_bounded_with_a_large_member(node: StorageHttp) -> None:
    import numpy as np

    from tests.support.phantom_files import set_pixels

    ds = set_pixels(make_ct(), np.zeros((300, 512, 512), np.uint16))
    data = zip_of({"large.dcm": to_bytes(ds)}, zipfile.ZIP_STORED)
    assert len(data) > 150_000_000
    process = psutil.Process(node.worker_pid())
    before, peak, stop = process.memory_info().rss, 0, threading.Event()

    def watch() -> None:
        nonlocal peak
        while not stop.wait(0.02):
            peak = max(peak, process.memory_info().rss)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        state = node.upload_in_parts(data, "large.zip")
    finally:
        stop.set()
        thread.join()
    assert state["stored"] == 1, state
    assert peak - before < 60 * 1024**2


def files_of(folder: str) -> dict[str, bytes]:
    if folder == PHANTOMS:
        others = {"text": b"hello", "empty": b"", "DICOMDIR": dicomdir_head()}
        return {**one_of_each_kind(f"{ROOT}.9"), **others}
    files = [path for path in shared_data.all_files_under(folder) if path.stat().st_size < 8_000_000][:60]
    return {str(path.relative_to(path.parents[1])): path.read_bytes() for path in files}


@pytest.mark.parametrize("folder", [PHANTOMS, *shared_data.folders()])
def test_every_file_gets_a_clear_result(shared_node: StorageHttp, folder: str) -> None:
    node, owner = shared_node, 1 + sum(folder.encode())  # an owner for each: nobody's objects are in the way
    files = files_of(folder)
    results = []
    for name, data in files.items():
        state = node.upload(data, name, owner)
        assert state["done_files"] == state["total_files"] == 1
        assert state["stored"] + state["duplicates"] + len(state["skipped"]) == 1
        for entry in state["skipped"]:
            assert entry["reason"] in REASONS
            assert entry["message"]
        results.append("stored" if state["stored"] else "known" if state["duplicates"] else "skipped")
    if folder == PHANTOMS:
        assert (results.count("stored"), results.count("skipped")) == (10, 3)
    zipped = node.upload_in_parts(zip_of(files), "all.zip", owner)
    assert zipped["stored"] == 0
    assert zipped["done_files"] == zipped["total_files"] == len(files) > 0
    page = node.session.get(f"{node.owner(owner)}/studies", params={"limit": 200}).json()
    assert json.dumps(page)
    for study in page["studies"]:
        detail = node.session.get(f"{node.owner(owner)}/studies/{study['study_id']}").json()
        for series in detail["series"]:
            answer = node.session.get(f"{node.owner(owner)}/series/{series['series_id']}")
            assert answer.status_code == 200, answer.text
            frames = [[one["instance_id"], one["frame_number"]] for one in answer.json()["frames"]]
            if frames:
                stream = node.session.post(f"{node.owner(owner)}/frames", json={"frames": frames[:50]})
                assert stream.status_code == 200
