"""The storage node's internal HTTP on a real server, a real folder and both databases."""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pydicom.config
import pytest
import requests
from pydicom.dataelem import DataElement
from pydicom.uid import DeflatedExplicitVRLittleEndian, JPEGLSLossless, RLELossless

from tests.dimse.node import TOKEN as NODE_TOKEN
from tests.dimse.node import running_node
from tests.support.databases import PostgresqlServer
from tests.support.phantom_files import (
    base,
    compress,
    make_ct,
    make_ct_series,
    make_enhanced_ct,
    make_grey,
    set_pixels,
    to_bytes,
)
from tests.support.raw_http import begin_request, read_answer
from tests.support.storage_http import TOKEN, StorageHttp, fill_series, sqlite_settings
from tests.support.waiting import eventually
from webviewer.adapters.db.maintenance import create_database
from webviewer.adapters.node_probe import HttpNodeProbe
from webviewer.adapters.nodes import StorageClient
from webviewer.core import errors
from webviewer.dicom.attributes import ImageAttributes

ROOT = "1.2.826.0.1.3680043.8.498.7.9"


@pytest.fixture(scope="module")
def shared_nodes(
    tmp_path_factory: pytest.TempPathFactory, postgresql_server: PostgresqlServer
) -> Iterator[dict[str, StorageHttp]]:
    """Run a node on each kind of database for all tests: a start takes seconds."""
    folder = tmp_path_factory.mktemp("shared")
    postgresql = postgresql_server.new_database()
    create_database(postgresql)
    nodes = {
        "sqlite": StorageHttp(folder / "sqlite", sqlite_settings(folder)),
        "postgresql": StorageHttp(folder / "postgresql", postgresql),
    }
    with ExitStack() as stack:
        for running in nodes.values():
            stack.callback(running.stop)
            running.start()
        yield nodes


def emptied(node: StorageHttp) -> StorageHttp:
    """Let a node forget what a test before this one left."""
    for owner_id in (1, 2):
        owner = node.owner(owner_id)
        ids = [study["study_id"] for study in node.session.get(f"{owner}/studies").json()["studies"]]
        if ids:
            assert node.session.post(f"{owner}/studies/delete", json={"study_ids": ids}).json() == {"deleted": len(ids)}
        assert node.session.put(owner, json={"ae_titles": []}).status_code == 204
    assert node.stored_files() == []
    (node.folder / "events.jsonl").unlink(missing_ok=True)
    return node


@pytest.fixture(params=["sqlite", "postgresql"])
def node(request: pytest.FixtureRequest, shared_nodes: dict[str, StorageHttp]) -> StorageHttp:
    """Return an empty node; the test runs once for each kind of database."""
    return emptied(shared_nodes[request.param])


@pytest.fixture
def sqlite_node(shared_nodes: dict[str, StorageHttp]) -> StorageHttp:
    """Return an empty node on SQLite."""
    return emptied(shared_nodes["sqlite"])


@pytest.fixture
def own_node(tmp_path: Path) -> Iterator[StorageHttp]:
    """Run a node that a test may break."""
    running = StorageHttp(tmp_path / "node", sqlite_settings(tmp_path))
    running.start()
    yield running
    running.stop()


def frames_of(answer: bytes, count: int) -> list[tuple[int, int, int, bytes]]:
    found, position = [], 0
    for _ in range(count):
        instance, number, status, length = struct.unpack_from("<QIIQ", answer, position)
        position += 24
        found.append((instance, number, status, answer[position : position + length]))
        position += length
    assert position == len(answer)
    return found


def only_series(node: StorageHttp, owner_id: int = 1) -> dict[str, Any]:
    study = node.session.get(f"{node.owner(owner_id)}/studies").json()["studies"][0]
    detail = node.session.get(f"{node.owner(owner_id)}/studies/{study['study_id']}").json()
    series: dict[str, Any] = detail["series"][0]
    return series


def test_a_request_without_the_token_or_with_another_is_refused(node: StorageHttp) -> None:
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Bearer "}, {"Authorization": "bêarer x"}):
        encoded = {name: value.encode("utf-8") for name, value in headers.items()}
        for path in ("/internal/v1/status", "/internal/v1/report", "/internal/v1/owners/1/studies", "/nothing"):
            answer = requests.get(node.base_url + path, headers=encoded, timeout=10)
            assert answer.status_code == 401
            assert answer.json()["error"]["code"] == "not_signed_in"


def test_a_study_is_listed_with_its_facts_and_its_series(node: StorageHttp) -> None:
    for ds in make_ct_series(3):
        assert node.upload(to_bytes(ds))["stored"] == 1

    page = node.session.get(f"{node.owner()}/studies").json()
    assert page["total"] == 1
    study = page["studies"][0]
    assert study["patient_name"] == "Phantom^Anna"
    assert study["patient_birth_date"] == "1970-01-02"
    assert study["study_date"] == "2024-03-05"
    assert study["study_time"] == "10:11:12"
    assert study["modalities"] == ["CT"]
    assert (study["series_count"], study["instance_count"], study["image_count"]) == (1, 3, 3)
    assert dt.datetime.fromisoformat(study["received_at"]).tzinfo is not None

    detail = node.session.get(f"{node.owner()}/studies/{study['study_id']}").json()
    assert detail["study_id"] == study["study_id"]
    assert [series["series_description"] for series in detail["series"]] == ["Phantom series 1"]
    assert detail["series"][0]["has_images"] is True


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("sort=password", "sort"),
        ("limit=201", "limit"),
        ("limit=0", "limit"),
        ("offset=-1", "offset"),
        ("study_date_from=2024-13-01", "study_date_from"),
        ("study_date_from=2024-02-01&study_date_to=2024-01-01", "study_date_from"),
        ("patient_birth_date_from=1968", "patient_birth_date_from"),
        ("patient_birth_date_to=19681399", "patient_birth_date_to"),
        ("patient_birth_date_from=86400", "patient_birth_date_from"),
        ("patient_birth_date_from=-86400", "patient_birth_date_from"),
        ("patient_birth_date_to=1970-01-01T00:00:00", "patient_birth_date_to"),
        ("patient_birth_date_to=19700101", "patient_birth_date_to"),
        ("study_date_from=1700000000", "study_date_from"),
        ("study_date_to=2024-01-01T00:00:00Z", "study_date_to"),
        ("study_date_to=%202024-01-01", "study_date_to"),
        ("patient_birth_date_from=1969-01-01&patient_birth_date_to=1968-12-31", "patient_birth_date_from"),
        ("modalities=ct%27", "modalities"),
        ("limit=1&limit=2", "limit"),
        ("nothing=1", "nothing"),
        ("patient_name=" + "x" * 201, "patient_name"),
        ("patient_name=%00", "patient_name"),
    ],
)
def test_a_wrong_parameter_is_named_with_its_rule(tmp_path: Path, query: str, field: str) -> None:
    from urllib.parse import parse_qs

    from webviewer.usecases.list_studies import study_query_from

    with pytest.raises(errors.InvalidInput) as caught:
        study_query_from(parse_qs(query))
    assert caught.value.details["field"] == field
    assert caught.value.details["rule"]
    assert field in caught.value.message
    assert "pattern" not in caught.value.message  # that is no sentence for people
    assert "196" not in caught.value.message
    assert "xxx" not in caught.value.message  # what may be a patient's name is not repeated


def test_the_list_takes_search_sort_and_page(node: StorageHttp) -> None:
    for number, (name, date) in enumerate(
        [("Ähre^Udo", "20240101"), ("Berg^Ida", "20240201"), ("Chen^Li", "20240301")]
    ):
        uid = f"{ROOT}.{number}"
        node.upload(
            to_bytes(
                make_ct(
                    patient_name=name, patient_id=f"P{number}", study_uid=uid, series_uid=f"{uid}.1", StudyDate=date
                )
            )
        )
    get = lambda **query: node.session.get(f"{node.owner()}/studies", params=query).json()  # noqa: E731
    assert [one["patient_id"] for one in get()["studies"]] == ["P2", "P1", "P0"]
    assert [one["patient_id"] for one in get(sort="patient_name", descending="false")["studies"]] == ["P0", "P1", "P2"]
    assert get(limit=1, offset=1) == {"studies": get()["studies"][1:2], "total": 3}
    assert [one["patient_id"] for one in get(patient_name="b?rg")["studies"]] == ["P1"]
    assert get(modalities=["MR", "CT"])["total"] == 3
    assert get(study_date_from="2024-02-01", study_date_to="2024-02-29")["total"] == 1


def test_broken_and_missing_birth_dates_are_listed_but_fit_no_range(node: StorageHttp) -> None:
    for number, date in enumerate(["19680314", "1968", "196803", "19681399", "00000000", "", "1968.03.14", "19690101"]):
        uid = f"{ROOT}.{number}"
        ds = make_ct(patient_id=f"B{number}", study_uid=uid, series_uid=f"{uid}.1")
        ds["PatientBirthDate"] = DataElement("PatientBirthDate", "DA", date, validation_mode=pydicom.config.IGNORE)
        assert node.upload(to_bytes(ds))["stored"] == 1

    def found(**query: str) -> set[str]:
        page = node.session.get(f"{node.owner()}/studies", params=query).json()
        return {one["patient_id"] for one in page["studies"]}

    assert found() == {f"B{number}" for number in range(8)}
    assert found(patient_birth_date_from="1968-01-01", patient_birth_date_to="1968-12-31") == {"B0", "B6"}
    assert found(patient_birth_date_from="1968-03-14") == {"B0", "B6", "B7"}
    assert found(patient_birth_date_to="9999-12-31") == {"B0", "B6", "B7"}


def test_another_owner_sees_reads_downloads_and_deletes_nothing(node: StorageHttp) -> None:
    node.upload(to_bytes(make_ct()))
    series = only_series(node)
    study_id, series_id = series["study_id"], series["series_id"]
    instance_id = node.session.get(f"{node.owner()}/series/{series_id}").json()["frames"][0]["instance_id"]
    other = node.owner(2)
    assert node.session.get(f"{other}/studies").json() == {"studies": [], "total": 0}
    for path in (
        f"studies/{study_id}",
        f"series/{series_id}",
        f"series/{series_id}/render",
        f"instances/{instance_id}/render",
        f"archive?study_ids={study_id}",
    ):
        assert node.session.get(f"{other}/{path}").status_code == 404, path
    answer = node.session.post(f"{other}/frames", json={"frames": [[instance_id, 1]]}).content
    (_, _, status, text) = frames_of(answer, 1)[0]
    assert (status, text) == (1, b"There is no such image in the storage.")
    assert node.session.post(f"{other}/studies/delete", json={"study_ids": [study_id]}).json() == {"deleted": 0}
    assert node.session.get(f"{node.owner()}/studies").json()["total"] == 1
    assert len(node.stored_files()) == 1


def test_a_series_tells_the_page_about_its_frames_in_order_of_their_place(node: StorageHttp) -> None:
    slices = make_ct_series(4)
    for index in (2, 0, 3, 1):
        node.upload(to_bytes(slices[index]))
    series = only_series(node)
    detail = node.session.get(f"{node.owner()}/series/{series['series_id']}").json()
    assert detail["modality"] == "CT"
    assert [frame["instance_number"] for frame in detail["frames"]] == [1, 2, 3, 4]
    first = detail["frames"][0]
    assert (first["rows"], first["columns"], first["frame_number"]) == (64, 64, 1)
    assert first["pixel_spacing"] == [0.7, 0.7]
    assert first["pixel_aspect"] == 1.0
    assert first["pixel_scale"] == {"x": 0.7, "y": 0.7, "unit": "mm", "source": "patient"}
    assert first["windows"] == [{"center": 40.0, "width": 400.0, "explanation": ""}]
    assert first["rescale_type"] == "HU"
    assert first["refusal"] == ""
    assert [frame["slice_position_mm"] for frame in detail["frames"]] == pytest.approx([0, 1.25, 2.5, 3.75])
    assert set(first) == {
        "instance_id", "frame_number", "sop_instance_uid", "instance_number", "rows", "columns", "pixel_spacing",
        "spacing_source", "pixel_aspect", "pixel_scale", "image_position_patient", "image_orientation_patient",
        "patient_orientation",
        "slice_position_mm", "slice_thickness", "windows", "voi_lut_explanations", "voi_lut_function",
        "photometric_interpretation", "rescale_type", "lossy", "frame_time_ms", "is_video", "video_frames",
        "has_overlays", "has_shutter", "refusal", "notices", "patient", "series_window", "lossy_ratios",
    }  # fmt: skip

    assert first["patient_orientation"] is None
    assert first["is_video"] is False

    # one more object: the kept answer must not be given again
    node.upload(to_bytes(make_ct(instance_number=5)))
    again = node.session.get(f"{node.owner()}/series/{series['series_id']}").json()
    assert [frame["instance_number"] for frame in again["frames"]] == [1, 2, 3, 4, 5]

    wrong = node.session.get(
        f"{node.owner()}/series/{series['series_id']}", params={"study_id": series["study_id"] + 1}
    )
    assert wrong.status_code == 404


def test_a_series_tells_the_letters_of_a_radiograph(node: StorageHttp) -> None:
    radiograph = make_grey(np.arange(48, dtype=np.uint16).reshape(6, 8), series_uid=f"{ROOT}.1")
    radiograph.PatientOrientation = ["AF", "R"]
    node.upload(to_bytes(radiograph))
    detail = node.session.get(f"{node.owner()}/series/{only_series(node)['series_id']}").json()
    assert [frame["patient_orientation"] for frame in detail["frames"]] == [["AF", "R"]]
    assert [frame["image_orientation_patient"] for frame in detail["frames"]] == [None]


def test_the_render_node_gets_the_same_order_and_the_stored_bytes(node: StorageHttp) -> None:
    slices = make_ct_series(3)
    for ds in reversed(slices):
        node.upload(to_bytes(ds))
    with_client = StorageClient(node.base_url, TOKEN)
    series_id = only_series(node)["series_id"]
    series = with_client.series_for_render(1, series_id)
    assert series.modality == "CT"
    assert len(series.frames) == 3
    assert {image.rows for image in series.instances.values()} == {64}
    got = list(with_client.frames(1, series.frames))
    assert [key for key, _ in got] == list(series.frames)
    assert [data for _, data in got] == [ds.PixelData for ds in slices]
    one = with_client.instance_for_render(1, series.frames[1][0])
    assert one.frames == (series.frames[1],)
    with_client.close()


def test_attributes_are_made_of_what_is_looked_at_only(node: StorageHttp, monkeypatch: pytest.MonkeyPatch) -> None:
    for ds in make_ct_series(4):
        node.upload(to_bytes(ds))
    made, make = list[Any](), ImageAttributes.from_plain

    def make_and_tell(plain: Any) -> ImageAttributes:
        made.append(plain)
        return make(plain)

    monkeypatch.setattr(ImageAttributes, "from_plain", make_and_tell)
    client = StorageClient(node.base_url, TOKEN)
    series = client.series_for_render(1, only_series(node)["series_id"])
    assert made == []
    first = series.instances[series.frames[0][0]]
    assert first is series.instances[series.frames[0][0]]
    assert len(made) == 1
    client.close()


def test_frames_of_all_kinds_come_as_stored_in_the_order_asked(node: StorageHttp) -> None:
    enhanced = make_enhanced_ct(4, series_uid=f"{ROOT}.1")
    jpeg_ls = compress(make_ct(series_uid=f"{ROOT}.2"), JPEGLSLossless)
    rle = compress(make_enhanced_ct(3, series_uid=f"{ROOT}.3"), RLELossless)
    deflated = make_enhanced_ct(3, series_uid=f"{ROOT}.4", transfer_syntax_uid=DeflatedExplicitVRLittleEndian)
    bits = np.random.default_rng(1).integers(0, 2, (3, 5, 7), np.uint8)
    one_bit = set_pixels(make_ct(series_uid=f"{ROOT}.5"), np.zeros((3, 5, 7), np.uint8))
    one_bit.BitsAllocated = one_bit.BitsStored = 1
    one_bit.HighBit, one_bit.PixelRepresentation = 0, 0
    packed = np.packbits(bits.reshape(-1), bitorder="little").tobytes()
    one_bit.PixelData = packed + b"\0" * (len(packed) % 2)
    ids: dict[str, int] = {}
    for name, ds in (("e", enhanced), ("j", jpeg_ls), ("r", rle), ("d", deflated), ("b", one_bit)):
        assert node.upload(to_bytes(ds))["stored"] == 1, name
    study = node.session.get(f"{node.owner()}/studies").json()["studies"][0]
    for series in node.session.get(f"{node.owner()}/studies/{study['study_id']}").json()["series"]:
        frames = node.session.get(f"{node.owner()}/series/{series['series_id']}/render").json()["frames"]
        ids["ejrdb"[int(series["series_instance_uid"].split(".")[-1]) - 1]] = frames[0][0]
    wishes = [[ids["e"], 3], [ids["j"], 1], [ids["r"], 2], [ids["d"], 1], [ids["d"], 3], [ids["d"], 2], [ids["b"], 2],
              [ids["e"], 1], [ids["e"], 5], [ids["b"], 3], [999999, 1]]  # fmt: skip
    answer = node.session.post(f"{node.owner()}/frames", json={"frames": wishes}).content
    got = frames_of(answer, len(wishes))
    assert [[instance, number] for instance, number, _, _ in got] == wishes
    size = 32 * 32 * 2
    assert got[0][3] == enhanced.PixelData[2 * size : 3 * size]
    from pydicom.encaps import generate_frames

    assert got[1][3].rstrip(b"\0") == next(generate_frames(jpeg_ls.PixelData, number_of_frames=1)).rstrip(b"\0")
    assert got[2][3] == list(generate_frames(rle.PixelData, number_of_frames=3))[1]
    for index, frame in ((3, 0), (4, 2), (5, 1)):
        assert got[index][3] == deflated.PixelData[frame * size : (frame + 1) * size]
    for index, frame in ((6, 1), (9, 2)):
        unpacked = np.unpackbits(np.frombuffer(got[index][3], np.uint8), bitorder="little")[:35]
        assert unpacked.tolist() == bits[frame].reshape(-1).tolist()
    assert got[7][3] == enhanced.PixelData[:size]
    assert (got[8][2], got[8][3]) == (1, b"There is no frame 5; the image has 4.")
    assert (got[10][2], got[10][3]) == (1, b"There is no such image in the storage.")


def test_a_cut_and_a_missing_file_cost_only_their_own_frames(node: StorageHttp) -> None:
    for ds in make_ct_series(4):
        node.upload(to_bytes(ds))
    series_id = only_series(node)["series_id"]
    frames = node.session.get(f"{node.owner()}/series/{series_id}/render").json()["frames"]
    by_data = {path.read_bytes()[-8192:]: path for path in node.stored_files()}
    originals = [bytes(ds.PixelData) for ds in make_ct_series(4)]
    os.truncate(by_data[originals[1]], 2000)
    by_data[originals[2]].unlink()
    got = frames_of(node.session.post(f"{node.owner()}/frames", json={"frames": frames}).content, 4)
    assert [status for _, _, status, _ in got] == [0, 2, 2, 0]
    assert got[0][3] == originals[0]
    cut, gone = json.loads(got[1][3]), json.loads(got[2][3])
    assert cut["code"] == "stored_file_size"
    assert cut["numbers"][0] == 2000.0
    assert gone["code"] == "stored_file_missing"
    assert got[3][3] == originals[3]
    assert node.worker_pid() > 0
    links = [str(link.readlink()) for link in Path(f"/proc/{node.worker_pid()}/fd").iterdir() if link.is_symlink()]
    assert not [link for link in links if str(node.data) in link and Path(link).is_file()]


def test_frame_0_is_there_of_mosaics_only(node: StorageHttp) -> None:
    for ds in make_ct_series(1):
        node.upload(to_bytes(ds))
    series_id = only_series(node)["series_id"]
    (instance_id, _), *_ = node.session.get(f"{node.owner()}/series/{series_id}/render").json()["frames"]
    wish = {"frames": [[instance_id, 0]]}
    ((_, _, status, words),) = frames_of(node.session.post(f"{node.owner()}/frames", json=wish).content, 1)
    assert (status, words) == (1, b"There is no frame 0; the image has 1.")


def test_a_wrong_wish_for_frames_is_refused_in_words(sqlite_node: StorageHttp) -> None:
    wrong: list[bytes] = [
        b"",
        b"[]",
        b"{}",
        b'{"frames": []}',
        b'{"frames": [[1]]}',
        b'{"frames": [["x", 1]]}',
        b'{"frames": [[0, 1]]}',
        b'{"frames": [[1, -1]]}',
        b'{"frames": [[9223372036854775808, 1]]}',
        b"\xff\xfe",
        b'{"frames": ' + b"[" * 100,
    ]
    for body in wrong:
        answer = sqlite_node.session.post(f"{sqlite_node.owner()}/frames", data=body)
        assert answer.status_code == 400, body
        assert answer.json()["error"]["code"] == "invalid_input"


def test_a_render_node_that_knows_a_series_gets_it_only_when_it_has_grown(sqlite_node: StorageHttp) -> None:
    slices = make_ct_series(2)
    sqlite_node.upload(to_bytes(slices[0]))
    series_id = only_series(sqlite_node)["series_id"]
    client = StorageClient(sqlite_node.base_url, TOKEN)
    try:
        known = client.series_for_render(1, series_id)
        assert client.newer_series_for_render(1, series_id, known.version) is None
        sqlite_node.upload(to_bytes(slices[1]))
        newer = client.newer_series_for_render(1, series_id, known.version)
        assert newer is not None
        assert (len(known.frames), len(newer.frames)) == (1, 2)
        assert newer.version != known.version
    finally:
        client.close()


def test_callers_who_stand_still_leave_threads_for_all_others(own_node: StorageHttp) -> None:
    own_node.upload(to_bytes(make_ct()))
    own_node.stretch_files(64 * 1024**2)
    study_id = only_series(own_node)["study_id"]
    token = {"Authorization": f"Bearer {TOKEN}"}
    opened: list[socket.socket] = []
    try:
        for owner in range(1, 7):  # 6 × 8 uploads and the archives are more than there are threads
            path = f"/internal/v1/owners/{owner}/uploads/whole?name=x"
            for _ in range(8):
                opened.append(begin_request(own_node.port, "POST", path, {**token, "Content-Length": "100"}, b"x"))
        path = f"/internal/v1/owners/1/archive?study_ids={study_id}"
        for _ in range(20):
            opened.append(begin_request(own_node.port, "GET", path, token, receive_bytes=4096))
        answer = own_node.session.get(f"{own_node.owner()}/studies", timeout=15)  # those are let go after 20 s
        assert answer.json()["total"] == 1
        answers = [read_answer(connection) for connection in opened[:48]]
        statuses = [status for status, _ in answers]
        assert (statuses.count(408), statuses.count(503)) == (16, 32)  # fell silent on a seat; found no seat
        assert {told["error"]["code"] for _, told in answers} == {"part_cut", "busy"}
    finally:
        for connection in opened:
            connection.close()


def test_the_reason_why_the_node_is_not_ready_reaches_whoever_asks(tmp_path: Path) -> None:
    with running_node(tmp_path / "node") as node:
        probe = HttpNodeProbe(NODE_TOKEN)
        address = f"http://127.0.0.1:{node.port}"
        eventually(lambda: probe.health(address).ok, 60, what="ready")  # it waits some seconds for its list of users
        shutil.rmtree(node.storage / "data")
        told = probe.health(address)
        assert (told.ok, told.reason) == (False, "answers 503: The storage folder cannot be written.")


def test_ae_titles_belong_to_one_owner(node: StorageHttp) -> None:
    put = lambda owner, titles: node.session.put(node.owner(owner), json={"ae_titles": titles})  # noqa: E731
    assert put(1, ["USER-AE", "SECOND AE"]).status_code == 204
    taken = put(2, ["USER-AE"])
    assert taken.status_code == 409
    assert put(1, []).status_code == 204
    assert put(2, ["USER-AE"]).status_code == 204
    for wrong in ("", " ", "X" * 17, "A\\B", " A", "é"):
        assert put(1, [wrong]).status_code == 400, wrong


def test_the_worker_leaves_when_its_parent_is_killed(own_node: StorageHttp) -> None:
    worker = own_node.worker_pid()
    assert own_node.process is not None
    own_node.process.kill()
    own_node.process.wait(10)
    eventually(lambda: not Path(f"/proc/{worker}").exists(), what="the end of the worker")


def test_four_hundred_slices_are_told(sqlite_node: StorageHttp) -> None:
    series_id = fill_series(sqlite_node, 400)
    answer = sqlite_node.session.get(f"{sqlite_node.owner()}/series/{series_id}")
    assert len(answer.json()["frames"]) == 400


def test_an_object_without_pixels_makes_a_series_without_frames(sqlite_node: StorageHttp) -> None:
    note = base(sop_class_uid="1.2.840.10008.5.1.4.1.1.88.11", modality="SR")
    assert sqlite_node.upload(to_bytes(note))["stored"] == 1
    series = only_series(sqlite_node)
    assert series["has_images"] is False
    assert sqlite_node.session.get(f"{sqlite_node.owner()}/series/{series['series_id']}").json()["frames"] == []
