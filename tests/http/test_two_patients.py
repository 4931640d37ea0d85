"""Two patients under one Study Instance UID over the storage node's HTTP: results of uploads, lists, archives."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from tests.support.phantom_files import ROOT, make_ct, to_bytes
from tests.support.storage_http import StorageHttp, sqlite_settings


def ct(number: int, name: str, patient_id: str) -> Dataset:
    uid = f"{ROOT}.67.{number}"
    return make_ct(rows=8, columns=8, sop_instance_uid=uid, patient_name=name, patient_id=patient_id)


ANA, PEDRO = ct(1, "SILVA^ANA", "1"), ct(2, "SANTOS^PEDRO", "2")


@pytest.fixture
def node(tmp_path: Path) -> Iterator[StorageHttp]:
    running = StorageHttp(tmp_path / "node", sqlite_settings(tmp_path))
    running.start()
    yield running
    running.stop()


@pytest.fixture
def refusing(tmp_path: Path) -> Iterator[StorageHttp]:
    running = StorageHttp(tmp_path / "node", sqlite_settings(tmp_path), limits={"policy": "refuse"})
    running.start()
    yield running
    running.stop()


def zipped(*data_sets: Dataset) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for data_set in data_sets:
            archive.writestr(f"{data_set.SOPInstanceUID}.dcm", to_bytes(data_set))
    return buffer.getvalue()


def studies(node: StorageHttp) -> dict[str, Any]:
    found = node.session.get(f"{node.owner()}/studies").json()["studies"]
    return {one["patient_name"]: one for one in found}


def test_an_upload_under_refuse_names_the_files_of_another_patient(refusing: StorageHttp) -> None:
    state = refusing.upload_in_parts(zipped(ANA, PEDRO), "two.zip")
    assert state["stored"] == 1
    assert state["skipped"] == [
        {
            "name": f"{PEDRO.SOPInstanceUID}.dcm",
            "reason": "another_patient",
            "message": "Another patient is stored under this Study Instance UID.",
        }
    ]
    assert list(studies(refusing)) == ["SILVA^ANA"]
    assert len(refusing.stored_files()) == 1
    assert list(refusing.claims.iterdir()) == []


def test_the_list_names_the_other_patients_rows_and_the_administrators_list_names_nobody(node: StorageHttp) -> None:
    assert node.upload_in_parts(zipped(ANA, PEDRO), "two.zip")["stored"] == 2
    found = studies(node)
    ana, pedro = found["SILVA^ANA"], found["SANTOS^PEDRO"]
    assert ana["other_patient_studies"] == [pedro["study_id"]]
    assert pedro["other_patient_studies"] == [ana["study_id"]]
    answer = node.session.get(f"{node.base_url}/internal/v1/patient_conflicts")
    assert answer.status_code == 200
    assert [name for name in ("SILVA", "ANA", "SANTOS", "PEDRO") if name in answer.text] == []
    body = answer.json()
    assert body["total"] == 2
    shown = [
        (one["owner_id"], one["study_id"], one["study_instance_uid"], one["instance_count"]) for one in body["studies"]
    ]
    uid = str(ANA.StudyInstanceUID)
    assert shown == [(1, pedro["study_id"], uid, 1), (1, ana["study_id"], uid, 1)]
    one = node.session.get(f"{node.base_url}/internal/v1/patient_conflicts", params={"limit": 1}).json()
    assert (len(one["studies"]), one["total"]) == (1, 2)
    refused = node.session.get(f"{node.base_url}/internal/v1/patient_conflicts", params={"limit": "1000000"})
    assert refused.status_code == 400


def test_each_image_comes_with_the_patient_that_its_object_states(node: StorageHttp) -> None:
    spelled = ct(3, "Silva^Ana^^", "1")
    spelled.InstanceNumber = 2
    assert node.upload_in_parts(zipped(ANA, PEDRO, spelled), "two.zip")["stored"] == 3
    for name, wanted in (("SILVA^ANA", ["SILVA^ANA", "Silva^Ana^^"]), ("SANTOS^PEDRO", ["SANTOS^PEDRO"])):
        study = node.session.get(f"{node.owner()}/studies/{studies(node)[name]['study_id']}").json()
        (series,) = study["series"]
        detail = node.session.get(f"{node.owner()}/series/{series['series_id']}").json()
        assert [detail["patients"][frame["patient"]]["patient_name"] for frame in detail["frames"]] == wanted


def test_an_archive_of_one_row_holds_no_object_of_the_other_patient(node: StorageHttp) -> None:
    node.upload_in_parts(zipped(ANA, PEDRO), "two.zip")
    found = studies(node)
    for name, data_set in (("SILVA^ANA", ANA), ("SANTOS^PEDRO", PEDRO)):
        names = archive(node, found[name]["study_id"])
        (file,) = [content for place, content in names.items() if place != "DICOMDIR"]
        assert file == to_bytes(data_set)
        assert patients_of(names["DICOMDIR"]) == {name: [str(data_set.SOPInstanceUID)]}


def test_an_archive_of_both_rows_has_a_patient_and_a_folder_for_each(node: StorageHttp) -> None:
    born = ct(5, "SILVA^ANA", "1")
    ana = ct(4, "SILVA^ANA", "1")
    ana.PatientBirthDate, born.PatientBirthDate = "19700102", "19710102"
    node.upload_in_parts(zipped(ana, born), "two.zip")
    rows = node.session.get(f"{node.owner()}/studies").json()["studies"]
    assert [one["patient_birth_date"] for one in rows] == ["1971-01-02", "1970-01-02"]
    names = archive(node, *(one["study_id"] for one in rows))
    assert len({place.split("/")[1] for place in names if place != "DICOMDIR"}) == 2
    records = dcmread(io.BytesIO(names["DICOMDIR"])).DirectoryRecordSequence
    assert [one.DirectoryRecordType for one in records].count("PATIENT") == 2


def test_deleting_one_row_leaves_the_file_of_the_other(node: StorageHttp) -> None:
    node.upload_in_parts(zipped(ANA, PEDRO), "two.zip")
    found = studies(node)
    gone = node.session.post(f"{node.owner()}/studies/delete", json={"study_ids": [found["SILVA^ANA"]["study_id"]]})
    assert gone.json() == {"deleted": 1}
    assert [path.read_bytes() for path in node.stored_files()] == [to_bytes(PEDRO)]
    assert studies(node)["SANTOS^PEDRO"]["other_patient_studies"] == []
    assert node.session.get(f"{node.base_url}/internal/v1/patient_conflicts").json() == {"studies": [], "total": 0}


def archive(node: StorageHttp, *study_ids: int) -> dict[str, bytes]:
    answer = node.session.get(f"{node.owner()}/archive", params={"study_ids": list(study_ids)}, timeout=60)
    assert answer.status_code == 200
    with zipfile.ZipFile(io.BytesIO(answer.content)) as file:
        return {name: file.read(name) for name in file.namelist()}


def patients_of(directory: bytes) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    name = ""
    for record in dcmread(io.BytesIO(directory)).DirectoryRecordSequence:
        if record.DirectoryRecordType == "PATIENT":
            name = str(record.PatientName)
        elif record.DirectoryRecordType == "IMAGE":
            found.setdefault(name, []).append(str(record.ReferencedSOPInstanceUIDInFile))
    return found
