"""The same object by another road: dcmtk writes it anew, and storescu or an upload brings it again."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import requests
from pydicom import Dataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import RLELossless

from tests.dimse.node import AE_TITLE, OWNER, TOKEN, Node
from tests.dimse.test_upper_layer import is_tidy, wait_until
from tests.support.phantom_files import compress, make_ct, to_bytes

ROOT = "1.2.826.0.1.3680043.8.498.7.91"
WHOLE = f"/internal/v1/owners/{OWNER}/uploads/whole"
ROADS = {
    "explicit lengths and group lengths": ["+te", "+e", "+g"],
    "undefined lengths and padding of the file": ["+te", "-e", "-g", "+p", "2048", "128"],
    "Implicit VR": ["+ti", "-e"],
    "Big Endian": ["+tb", "+e", "+g"],
    "deflated": ["+td", "-e"],
}
PROPOSALS = {"Implicit VR": "-xi", "Big Endian": "-xb", "deflated": "-xd"}


def ct(number: int, **more: Any) -> Dataset:
    """Return a CT with a sequence in a sequence."""
    ds = make_ct(rows=16, columns=16, SOPInstanceUID=f"{ROOT}.{number}", **more)
    code, image = Dataset(), Dataset()
    code.CodeValue = "121320"
    image.ReferencedSOPInstanceUID = "1.2.3"
    image.PurposeOfReferenceCodeSequence = DicomSequence([code])
    ds.SourceImageSequence = DicomSequence([image])
    return ds


def file_of(folder: Path, ds: Dataset, road: str = "") -> Path:
    """Write an object, and again with dcmconv if it takes a road."""
    source = folder / "source.dcm"
    source.write_bytes(to_bytes(ds))
    if not road:
        return source
    target = folder / "target.dcm"
    subprocess.run(["dcmconv", *ROADS[road], str(source), str(target)], check=True, capture_output=True)
    assert target.read_bytes() != source.read_bytes()
    return target


def storescu(node: Node, file: Path, road: str = "") -> str:
    """Send a file and return what storescu says."""
    options = ["-v", "-aec", AE_TITLE, *([PROPOSALS[road]] if road in PROPOSALS else [])]
    command = ["storescu", *options, "127.0.0.1", str(node.dicom_port), str(file)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False).stderr


def upload(node: Node, file: Path) -> dict[str, object]:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    address = f"http://127.0.0.1:{node.port}{WHOLE}"
    answer = requests.post(address, params={"name": "a.dcm"}, data=file.read_bytes(), headers=headers, timeout=60)
    return dict(answer.json())


@pytest.mark.parametrize("road", ROADS)
def test_an_object_that_comes_again_by_another_road_is_stored_once(node: Node, tmp_path: Path, road: str) -> None:
    number = 10 + list(ROADS).index(road)
    first = ct(number)
    assert "Received Store Response (Success)" in storescu(node, file_of(tmp_path, first))
    stored = node.stored()[f"{ROOT}.{number}"]
    again = file_of(tmp_path, first, road)
    assert "Received Store Response (Success)" in storescu(node, again, road)
    answer = upload(node, again)
    assert (answer["stored"], answer["duplicates"], answer["skipped"]) == (0, 1, [])
    assert node.stored()[f"{ROOT}.{number}"] == stored, "the first copy stays"
    other = ct(number, PatientID="ANOTHER")
    assert "Unknown Status: 0x111)" in storescu(node, file_of(tmp_path, other, road), road)
    skipped = upload(node, file_of(tmp_path, other, road))["skipped"]
    assert isinstance(skipped, list)
    assert [one["reason"] for one in skipped] == ["conflict"]
    wait_until(lambda: is_tidy(node))


def test_an_object_whose_pixels_were_compressed_without_loss_is_another_one(node: Node, tmp_path: Path) -> None:
    assert upload(node, file_of(tmp_path, ct(1)))["stored"] == 1
    skipped = upload(node, file_of(tmp_path, compress(ct(1), str(RLELossless))))["skipped"]
    assert isinstance(skipped, list)
    assert [one["reason"] for one in skipped] == ["conflict"]
