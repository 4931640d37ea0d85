"""Two patients under one Study Instance UID, sent by storescu: kept apart by default, refused where it is set."""

from __future__ import annotations

import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from sqlalchemy import delete, select, update

from tests.dimse.node import AE_TITLE, Node, running_node
from tests.dimse.test_upper_layer import wait_until
from tests.support.phantom_files import make_ct, to_bytes
from webviewer.adapters.db.archive_tables import instance, series, stated_patient, study
from webviewer.adapters.db.engine import make_engine

ROOT = "1.2.826.0.1.3680043.8.498.7.66"


def ct(number: int, name: str, patient_id: str, *, character_set: str = "ISO_IR 192") -> Dataset:
    made = make_ct(rows=8, columns=8, sop_instance_uid=f"{ROOT}.{number}", patient_name=name, patient_id=patient_id)
    made.SpecificCharacterSet = character_set
    return made


ANA = [
    ct(1, "GONÇALVES^ANA", "1"),
    ct(2, "Gonçalves^Ana^^", " 1", character_set="ISO_IR 100"),
    ct(3, "GONCALVES^ANA", ""),
]
PEDRO = [ct(4, "SANTOS^PEDRO", "2"), ct(5, "SANTOS^PEDRO", "2")]


def send(node: Node, folder: Path, *data_sets: Dataset) -> subprocess.CompletedProcess[str]:
    files = []
    for data_set in data_sets:
        files.append(folder / f"{data_set.SOPInstanceUID}.dcm")
        files[-1].write_bytes(to_bytes(data_set))
    return subprocess.run(
        ["storescu", "-d", "-nh", "-aec", AE_TITLE, "127.0.0.1", str(node.dicom_port), *map(str, files)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def rows(node: Node) -> dict[str, list[str]]:
    """Return the SOP Instance UIDs of each study row by its patient's name."""
    engine = make_engine(node.database)
    with engine.connect() as connection:
        found: dict[str, list[str]] = {}
        statement = (
            select(study.c.patient_name, instance.c.sop_instance_uid)
            .join(series, series.c.study_id == study.c.study_id)
            .join(instance, instance.c.series_id == series.c.series_id)
            .order_by(instance.c.sop_instance_uid)
        )
        for name, uid in connection.execute(statement):
            found.setdefault(name, []).append(uid.rpartition(".")[2])
    engine.dispose()
    return found


def metric(node: Node, name: str) -> float:
    with urllib.request.urlopen(f"http://127.0.0.1:{node.port}/metrics", timeout=30) as answer:
        lines = answer.read().decode().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(f"{name} "))


@pytest.fixture
def refusing(tmp_path: Path) -> Iterator[Node]:
    with running_node(tmp_path / "node", {"WEBVIEWER_PATIENT_CONFLICT_POLICY": "refuse"}) as running:
        yield running


def test_two_patients_of_one_study_are_kept_apart_logged_and_counted(tmp_path: Path) -> None:
    with running_node(tmp_path / "node") as node:
        sent = send(node, tmp_path, ANA[0], PEDRO[0], *ANA[1:], PEDRO[1])
        assert sent.returncode == 0, sent.stderr
        assert rows(node) == {"GONÇALVES^ANA": ["1", "2", "3"], "SANTOS^PEDRO": ["4", "5"]}
        (line,) = node.messages("patient_kept_apart")
        assert line["sop_instance_uid"] == f"{ROOT}.4"
        assert line["attributes"] == ["PatientID", "PatientName"]
        assert line["other_study_ids"] == [1]
        assert line["study_id"] == 2
        assert metric(node, "webviewer_index_patients_kept_apart_total") == 1
        assert metric(node, "webviewer_index_patient_conflicts") == 2
        node.assert_tidy()
        assert_no_names(node)


def test_two_senders_at_once_with_two_patients_make_two_studies(tmp_path: Path) -> None:
    with running_node(tmp_path / "node") as node:
        for folder, data_sets in (("ana", ANA), ("pedro", PEDRO)):
            (tmp_path / folder).mkdir()
            for data_set in data_sets:
                (tmp_path / folder / f"{data_set.SOPInstanceUID}.dcm").write_bytes(to_bytes(data_set))
        senders = [
            subprocess.Popen(
                ["storescu", "-aec", AE_TITLE, "127.0.0.1", str(node.dicom_port), "+sd", str(tmp_path / folder)]
            )
            for folder in ("ana", "pedro")
        ]
        assert [sender.wait(120) for sender in senders] == [0, 0]
        by_patient = sorted(rows(node).values())
        assert by_patient == [["1", "2", "3"], ["4", "5"]]


def test_under_refuse_the_sender_is_told_why_and_nothing_is_left(refusing: Node, tmp_path: Path) -> None:
    assert send(refusing, tmp_path, *ANA).returncode == 0
    refused = send(refusing, tmp_path, PEDRO[0])
    assert "0xc001" in refused.stderr.lower(), refused.stderr
    assert "Another patient is stored under this Study Instance UID." in refused.stderr
    assert rows(refusing) == {"GONÇALVES^ANA": ["1", "2", "3"]}
    (line,) = refusing.messages("patient_refused")
    assert line["attributes"] == ["PatientID", "PatientName"]
    assert line["sop_instance_uid"] == f"{ROOT}.4"
    assert metric(refusing, "webviewer_index_patients_refused_total") == 1
    refusing.assert_tidy()
    assert_no_names(refusing)


def test_objects_of_an_earlier_version_are_read_at_the_start_and_kept_apart(tmp_path: Path) -> None:
    with running_node(tmp_path / "node") as node:
        assert send(node, tmp_path, *ANA, *PEDRO).returncode == 0
        node.stop()
        file_as_earlier(node)
        assert rows(node) == {"GONÇALVES^ANA": ["1", "2", "3", "4", "5"]}
        node.start()
        wait_until(lambda: rows(node) == {"GONÇALVES^ANA": ["1", "2", "3"], "SANTOS^PEDRO": ["4", "5"]})
        wait_until(lambda: bool(node.messages("patients_read")))
        (line,) = node.messages("patients_read")
        assert (line["objects"], line["moved"], line["unreadable"]) == (5, 2, 0)
        assert metric(node, "webviewer_index_patient_conflicts") == 2
        assert_no_names(node)


def file_as_earlier(node: Node) -> None:
    """Bring the index to what an earlier version made of two patients: one study row, one series row."""
    engine = make_engine(node.database)
    with engine.begin() as connection:
        first = connection.execute(select(study.c.study_id).order_by(study.c.study_id)).scalars().first()
        place = connection.execute(select(series.c.series_id).where(series.c.study_id == first)).scalar_one()
        connection.execute(update(instance).values(series_id=place, stated_patient_id=None))
        connection.execute(delete(stated_patient))
        connection.execute(delete(study).where(study.c.study_id != first))
        connection.execute(update(study).values(instance_count=5, image_count=5))
        connection.execute(update(series).values(instance_count=5, image_count=5))
    engine.dispose()


def assert_no_names(node: Node) -> None:
    for name in ("GON", "SANTOS", "PEDRO"):
        assert name not in node.log.upper()
