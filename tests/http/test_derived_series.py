"""A series that is computed of a stored one: sent to a storage node as pixels, stored as DICOM beside its source."""

from __future__ import annotations

import base64
import json
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from numpy.typing import NDArray
from pydicom import dcmread

from tests.support.databases import PostgresqlServer
from tests.support.phantom_files import make_ct_series, make_mr, to_bytes
from tests.support.storage_http import StorageHttp, sqlite_settings
from webviewer.adapters.db.maintenance import create_database
from webviewer.core.uid import new_uid

PLANE = {
    "kind": "plane",
    "is_signed": True,
    "image_position_patient": [-10.5, 20.0, 3.25],
    "image_orientation_patient": [1.0, 0.0, 0.0, 0.0, 0.0, -1.0],
    "pixel_spacing": [0.7, 0.7],
    "slice_thickness": 3.0,
    "spacing_between_slices": 1.5,
    "rescale_slope": 1.0,
    "rescale_intercept": -1024.0,
    "rescale_type": "HU",
    "grey": {"windows": [{"center": 40.0, "width": 400.0}]},
}

TABLE = {
    "first_mapped": -40,
    "bits": 12,
    "entries": base64.b64encode(np.arange(4096, dtype="<u2").tobytes()).decode(),
    "explanation": "bone",
}
TABLES = {"windows": [], "luts": [TABLE, {**TABLE, "first_mapped": 7}], "is_inverted": True}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def node(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, postgresql_server: PostgresqlServer
) -> Iterator[StorageHttp]:
    folder = tmp_path_factory.mktemp("derived")
    if request.param == "sqlite":
        database = sqlite_settings(folder)
    else:
        database = postgresql_server.new_database()
        create_database(database)
    running = StorageHttp(folder / "node", database)
    running.start()
    yield running
    running.stop()


@pytest.fixture
def series_id(node: StorageHttp) -> int:
    studies = node.session.get(f"{node.owner()}/studies").json()["studies"]
    if studies:
        node.session.post(f"{node.owner()}/studies/delete", json={"study_ids": [s["study_id"] for s in studies]})
    for ds in make_ct_series(3):
        assert node.upload(to_bytes(ds))["stored"] == 1
    return int(series_of(node)[0]["series_id"])


def series_of(node: StorageHttp) -> list[dict[str, Any]]:
    study = node.session.get(f"{node.owner()}/studies").json()["studies"][0]
    found: list[dict[str, Any]] = node.session.get(f"{node.owner()}/studies/{study['study_id']}").json()["series"]
    return found


def head_of(pixels: NDArray[Any], content: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "sop_instance_uid": new_uid(),
        "series_instance_uid": new_uid(),
        "series_description": "MPR coronal, às 3 mm",
        "instance_number": 1,
        "derivation_description": "Planes of 3 mm",
        "made_at": "2026-11-27T08:00:00+00:00",
        "rows": pixels.shape[0],
        "columns": pixels.shape[1],
        "content": content,
        **changes,
    }


def send(node: StorageHttp, series_id: int, head: dict[str, Any], data: bytes, owner_id: int = 1) -> requests.Response:
    text = json.dumps(head).encode()
    body = struct.pack("<I", len(text)) + text + data
    return node.session.post(f"{node.owner(owner_id)}/series/{series_id}/derived", data=body, timeout=30)


def errors_of(path: Path) -> list[str]:
    result = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, check=False)
    return [line for line in result.stderr.splitlines() if line.startswith("Error")]


def newest_file(node: StorageHttp) -> Path:
    return max(node.stored_files(), key=lambda path: path.stat().st_mtime_ns)


def test_a_computed_plane_is_a_valid_object_of_the_same_study(node: StorageHttp, series_id: int) -> None:
    pixels = np.arange(-300, 300, dtype=np.int16).reshape(20, 30)
    answer = send(node, series_id, head_of(pixels, PLANE), pixels.astype("<i2").tobytes())
    assert answer.status_code == 201, answer.text
    assert answer.json()["outcome"] == "stored"

    old, new = series_of(node)
    assert (new["series_id"], new["modality"]) == (answer.json()["series_id"], "CT")
    assert new["series_description"] == "MPR coronal, às 3 mm"
    made = dcmread(newest_file(node))
    assert np.array_equal(made.pixel_array, pixels)
    assert made.ImagePositionPatient == PLANE["image_position_patient"]
    assert made.ImageOrientationPatient == PLANE["image_orientation_patient"]
    assert made.ImageType == ["DERIVED", "SECONDARY", "MPR"]
    assert (made.PatientName, made.AccessionNumber) == ("Phantom^Anna", dcmread(node.stored_files()[0]).AccessionNumber)
    assert made.FrameOfReferenceUID == dcmread(node.stored_files()[0]).FrameOfReferenceUID
    assert errors_of(newest_file(node)) == []
    assert old["series_id"] == series_id


def test_numbers_of_series_count_on_and_all_of_one_have_the_same(node: StorageHttp, series_id: int) -> None:
    pixels = np.zeros((4, 4), np.int16)
    first, second = new_uid(), new_uid()
    for uid, number in ((first, 1), (first, 2), (second, 1), (first, 3)):
        head = head_of(pixels, PLANE, series_instance_uid=uid, instance_number=number)
        assert send(node, series_id, head, pixels.tobytes()).status_code == 201
    source, *made = series_of(node)
    hundredfold = source["series_number"] * 100
    assert [(one["series_number"], one["instance_count"]) for one in made] == [
        (hundredfold + 1, 3),
        (hundredfold + 2, 1),
    ]
    of_first = [made for made in map(dcmread, node.stored_files()) if made.SeriesInstanceUID == first]
    assert {one.SeriesNumber for one in of_first} == {hundredfold + 1}


def test_tables_of_values_and_light_air_are_those_of_the_source(node: StorageHttp, series_id: int) -> None:
    pixels = np.zeros((4, 4), np.int16)
    answer = send(node, series_id, head_of(pixels, {**PLANE, "grey": TABLES}), pixels.tobytes())
    assert answer.status_code == 201, answer.text
    made = dcmread(newest_file(node))
    assert made.PhotometricInterpretation == "MONOCHROME1"
    assert [item.LUTDescriptor for item in made.VOILUTSequence] == [[4096, -40, 16], [4096, 7, 16]]
    table = np.frombuffer(made.VOILUTSequence[0].LUTData, "<u2")
    assert table.tolist() == [round(k * 65535 / 4095) for k in range(4096)]
    assert "WindowCenter" not in made
    assert errors_of(newest_file(node)) == []


def test_a_picture_is_a_valid_secondary_capture(node: StorageHttp, series_id: int) -> None:
    pixels = np.random.default_rng(3).integers(0, 256, (15, 17, 3), dtype=np.uint8)  # an odd number of bytes
    answer = send(node, series_id, head_of(pixels, {"kind": "picture"}), pixels.tobytes())
    assert answer.status_code == 201, answer.text
    made = dcmread(newest_file(node))
    assert made.SOPClassUID.name == "Secondary Capture Image Storage"
    assert np.array_equal(made.pixel_array, pixels)
    assert errors_of(newest_file(node)) == []


def test_planes_of_an_mr_stay_mr(node: StorageHttp, series_id: int) -> None:
    node.upload(to_bytes(make_mr(series_uid=new_uid(), series_number=2)))
    mr = next(one for one in series_of(node) if one["modality"] == "MR")
    pixels = np.zeros((4, 4), np.uint16)
    content = {**PLANE, "is_signed": False, "rescale_intercept": 0.0, "rescale_type": ""}
    assert send(node, mr["series_id"], head_of(pixels, content), pixels.tobytes()).status_code == 201
    assert dcmread(newest_file(node)).SOPClassUID.name == "MR Image Storage"
    assert errors_of(newest_file(node)) == []


def test_the_same_object_twice_is_stored_once_and_another_under_its_uid_is_refused(
    node: StorageHttp, series_id: int
) -> None:
    pixels = np.zeros((4, 4), np.int16)
    head = head_of(pixels, PLANE)
    assert send(node, series_id, head, pixels.tobytes()).json()["outcome"] == "stored"
    assert send(node, series_id, head, pixels.tobytes()).json()["outcome"] == "duplicate"
    assert send(node, series_id, head, (pixels + 1).tobytes()).status_code == 409


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"rows": 5}, "32 bytes of pixels do not fit 4 × 5 of them: expected 40"),
        ({"columns": 0}, "columns of the new object"),
        ({"rows": 5000}, "rows of the new object"),
        ({"sop_instance_uid": "1.02"}, "must be valid UIDs"),
        ({"series_description": "x" * 65}, "series_description of the new object"),
        ({"content": {**PLANE, "pixel_spacing": [0.0, 1.0]}}, "pixel_spacing"),
        ({"content": {**PLANE, "grey": {"windows": []}}}, "0 windows and 0 VOI LUTs are invalid"),
        ({"content": {**PLANE, "grey": {"windows": [{"center": 1, "width": 0}]}}}, "width of the new object"),
        ({"content": {**PLANE, "grey": {**TABLES, "luts": [{**TABLE, "entries": "AAAA"}]}}}, "VOI LUT of 3 bytes"),
        ({"content": {"kind": "film"}}, "content of the new object"),
        ({"nothing": 1}, "nothing of the new object"),
        ({"made_at": "2026-11-27T08:00:00"}, "made_at of the new object"),
    ],
)
def test_what_cannot_be_an_object_is_refused_in_words(
    node: StorageHttp, series_id: int, changes: dict[str, Any], words: str
) -> None:
    pixels = np.zeros((4, 4), np.int16)
    before = node.stored_files()
    answer = send(node, series_id, {**head_of(pixels, PLANE), **changes}, pixels.tobytes())
    assert answer.status_code == 400, answer.text
    assert words in answer.json()["error"]["message"]
    assert node.stored_files() == before


@pytest.mark.parametrize("body", [b"", b"\x01", b"\xff\xff\xff\xff", struct.pack("<I", 10) + b"{}"])
def test_a_body_that_is_none_is_refused(node: StorageHttp, series_id: int, body: bytes) -> None:
    answer = node.session.post(f"{node.owner()}/series/{series_id}/derived", data=body, timeout=30)
    assert answer.status_code == 400, answer.text


def test_another_owners_series_is_not_there(node: StorageHttp, series_id: int) -> None:
    pixels = np.zeros((4, 4), np.int16)
    assert send(node, series_id, head_of(pixels, PLANE), pixels.tobytes(), owner_id=2).status_code == 404
    assert node.session.get(f"{node.owner(2)}/studies").json()["total"] == 0
