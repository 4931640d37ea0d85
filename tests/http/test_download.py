"""Downloads: a ZIP with a DICOMDIR that other software can read, made in constant memory."""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import time
import warnings
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from pydicom import dcmread
from pydicom.fileset import FileSet

from dicom_gateway.dicomdir import record_type_of
from dicom_gateway.download import ArchiveStream
from tests.support import shared_data
from tests.support.phantom_files import base, make_ct_series, make_mr, one_of_each_kind, to_bytes
from tests.support.storage_http import StorageHttp, fill_series, sqlite_settings
from webviewer.adapters.db.engine import make_engine
from webviewer.adapters.db.unit_of_work import SqlStorageUnitOfWorkFactory
from webviewer.archive import OwnerId, StudyId
from webviewer.dicom.file_meta import IMPLEMENTATION_CLASS_UID
from webviewer.usecases.download_studies import studies_to_download
from webviewer.usecases.stored_files import StoredFiles

ROOT = "1.2.826.0.1.3680043.8.498.7.6"
KINDS = ("rt", "sr", "pdf", "ecg", "seg", "presentation_state", "key_object", "charset", "color", "video")
PHANTOMS = "phantoms"  # always there; the shared files beside the repository may not be


@pytest.fixture
def node(tmp_path: Path) -> Iterator[StorageHttp]:
    running = StorageHttp(tmp_path / "node", sqlite_settings(tmp_path))
    running.start()
    yield running
    running.stop()


@contextlib.contextmanager
def medium_of(folder: Path) -> Iterator[FileSet]:
    """Open a medium; pydicom leaves its own temporary folder to the garbage collector, which warns."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # invalid UIDs of the shared data are as they were received
        medium = FileSet(folder / "DICOMDIR")
        try:
            yield medium
        finally:
            medium._stage["t"].cleanup()


def all_studies(node: StorageHttp) -> list[int]:
    answer = node.session.get(f"{node.owner()}/studies", params={"limit": 200}).json()
    return [study["study_id"] for study in answer["studies"]]


def fetch(node: StorageHttp, ids: list[int]) -> tuple[zipfile.ZipFile, str]:
    answer = node.session.get(f"{node.owner()}/archive", params={"study_ids": ids})
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "application/zip"
    return zipfile.ZipFile(io.BytesIO(answer.content)), answer.headers["Content-Disposition"]


def documents() -> list[bytes]:
    report = base(sop_class_uid="1.2.840.10008.5.1.4.1.1.88.11", modality="SR", series_uid=f"{ROOT}.1.3")
    pdf = base(sop_class_uid="1.2.840.10008.5.1.4.1.1.104.1", modality="DOC", series_uid=f"{ROOT}.1.4")
    pdf.MIMETypeOfEncapsulatedDocument = "application/pdf"
    pdf.EncapsulatedDocument = b"%PDF-"
    return [to_bytes(report), to_bytes(pdf)]


def test_an_archive_holds_every_object_as_received_and_a_directory_that_finds_them(
    node: StorageHttp, tmp_path: Path
) -> None:
    originals = [to_bytes(ds) for ds in make_ct_series(3)]
    unnumbered = make_mr(series_uid=f"{ROOT}.1.2")
    unnumbered.InstanceNumber = unnumbered.SeriesNumber = None
    originals.append(to_bytes(unnumbered))
    originals += documents()
    second = make_mr(study_uid=f"{ROOT}.2", series_uid=f"{ROOT}.2.1", patient_id="ÄÖ-2", patient_name="Grün^Ärne=山田")
    del second.StudyDate, second.StudyTime
    originals.append(to_bytes(second))
    for data in originals:
        assert node.upload(data)["stored"] == 1
    archive, disposition = fetch(node, all_studies(node))
    assert re.fullmatch(r'attachment; filename="studies-2-\d{8}\.zip"', disposition)
    names = archive.namelist()
    assert archive.testzip() is None
    assert "DICOMDIR" in names
    assert len(names) == 8
    for name in names:
        for part in name.split("/"):
            assert re.fullmatch(r"[A-Z0-9_]{1,8}", part), name
    assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}
    assert sorted(archive.read(name) for name in names if name != "DICOMDIR") == sorted(originals)

    archive.extractall(tmp_path / "medium")
    uids = {dcmread(io.BytesIO(data)).SOPInstanceUID for data in originals}
    with medium_of(tmp_path / "medium") as medium:
        assert len(medium) == 7
        assert {instance.load().SOPInstanceUID for instance in medium} == uids
        assert set(medium.find_values("PatientID")) == {"PH-1", "ÄÖ-2"}
    directory = dcmread(tmp_path / "medium" / "DICOMDIR")
    assert directory.file_meta.ImplementationClassUID == IMPLEMENTATION_CLASS_UID
    records = directory.DirectoryRecordSequence
    kinds = [record.DirectoryRecordType for record in records]
    # The report has no concept name, which a record of its own kind needs: it is listed as an image.
    assert Counter(kinds) == {"PATIENT": 2, "STUDY": 2, "SERIES": 5, "IMAGE": 6, "ENCAP DOC": 1}
    dumped = subprocess.run(
        ["dcmdump", str(tmp_path / "medium" / "DICOMDIR")], capture_output=True, check=True, timeout=60
    )
    assert b"W:" not in dumped.stderr
    assert b"E:" not in dumped.stderr
    checked = subprocess.run(
        ["dciodvfy", str(tmp_path / "medium" / "DICOMDIR")], capture_output=True, check=False, timeout=60, text=True
    )
    errors = [line for line in (checked.stdout + checked.stderr).splitlines() if line.startswith("Error")]
    assert errors == []


def test_one_study_is_named_by_its_number_and_date_and_by_no_patient(node: StorageHttp) -> None:
    fill_series(node, 2)
    (study_id,) = all_studies(node)
    archive, disposition = fetch(node, [study_id])
    assert disposition == f'attachment; filename="study-{study_id}-20240305.zip"'
    assert not any("Phantom" in name or "PH-1" in name for name in archive.namelist())
    assert archive.namelist() == [
        "DICOM/PT000001/ST000001/SE000001/IM000001",
        "DICOM/PT000001/ST000001/SE000001/IM000002",
        "DICOMDIR",
    ]


def test_a_file_that_is_gone_leaves_a_note_and_the_rest_is_whole(node: StorageHttp, tmp_path: Path) -> None:
    fill_series(node, 3)
    victims = node.stored_files()
    victims[0].unlink()
    archive, _ = fetch(node, all_studies(node))
    assert archive.testzip() is None
    note = archive.read("PROBLEMS.TXT").decode()
    assert "is missing in the storage and is not in this archive" in note
    assert "Phantom" not in note
    assert len([name for name in archive.namelist() if name.startswith("DICOM/")]) == 2
    archive.extractall(tmp_path / "medium")
    with medium_of(tmp_path / "medium") as medium:
        assert len(medium) == 2


def test_wrong_wishes_for_an_archive_are_refused_before_it_begins(node: StorageHttp) -> None:
    fill_series(node, 1)
    (study_id,) = all_studies(node)
    get = lambda query: node.session.get(f"{node.owner()}/archive?{query}")  # noqa: E731
    assert get("").status_code == 400
    assert get("study_ids=x").status_code == 400
    assert get("study_ids=-1").status_code == 400
    assert get("study_ids=" + ",".join(map(str, range(1, 202)))).status_code == 400
    assert get(f"study_ids={study_id},{study_id + 1}").status_code == 404
    assert get(f"study_ids={study_id},{study_id}").status_code == 200


def files_of_kind(name: str) -> dict[str, bytes]:
    if name == PHANTOMS:
        return one_of_each_kind(f"{ROOT}.9")
    files = [path for path in shared_data.all_files_under(name) if path.stat().st_size < 16_000_000]
    return {str(path): path.read_bytes() for path in files}


@pytest.mark.parametrize("name", [PHANTOMS, *(kind for kind in KINDS if kind in shared_data.folders())])
def test_objects_of_all_kinds_make_a_readable_medium(node: StorageHttp, tmp_path: Path, name: str) -> None:
    stored = sum(int(node.upload(data, Path(path).name)["stored"]) for path, data in files_of_kind(name).items())
    ids = all_studies(node)
    assert ids
    archive, _ = fetch(node, ids)
    archive.extractall(tmp_path / "medium")
    count = len([one for one in archive.namelist() if one.startswith("DICOM/")])
    assert count == stored > 0
    with medium_of(tmp_path / "medium") as medium:
        assert len(medium) == count
        assert all(Path(instance.path).is_file() for instance in medium)
    dumped = subprocess.run(
        ["dcmdump", "+E", str(tmp_path / "medium" / "DICOMDIR")], capture_output=True, check=True, timeout=60
    )
    assert b"E:" not in dumped.stderr


def test_kinds_of_objects_have_their_kinds_of_records() -> None:
    assert record_type_of("1.2.840.10008.5.1.4.1.1.2") == "IMAGE"
    assert record_type_of("1.2.840.10008.5.1.4.1.1.481.3") == "RT STRUCTURE SET"
    assert record_type_of("1.2.840.10008.5.1.4.1.1.9.1.1") == "WAVEFORM"
    assert record_type_of("1.2.840.10008.5.1.4.1.1.88.33") == "SR DOCUMENT"
    assert record_type_of("1.2.840.10008.5.1.4.1.1.11.1") == "PRESENTATION"
    assert record_type_of("1.2.3.4") == "IMAGE"


def slow_read(node: StorageHttp, total: int, pause_every: int) -> tuple[int, int]:
    """Read an archive slowly; return its bytes and by how much the server's memory grew."""
    process = psutil.Process(node.worker_pid())
    before = process.memory_info().rss
    peak = read = 0
    answer: Any = node.session.get(f"{node.owner()}/archive", params={"study_ids": all_studies(node)}, stream=True)
    for piece in answer.iter_content(1024**2):
        read += len(piece)
        if read % pause_every < 1024**2:
            time.sleep(0.005)
            peak = max(peak, process.memory_info().rss)
    assert read > total
    return read, peak - before


def test_memory_does_not_grow_with_the_archive(node: StorageHttp) -> None:
    fill_series(node, 8)
    node.stretch_files(64 * 1024**2)
    _, grown = slow_read(node, 512 * 1024**2, 8 * 1024**2)
    assert grown < 32 * 1024**2


@pytest.mark.prove
@pytest.mark.timeout(900)
def test_ten_gigabytes_go_through_in_constant_memory_with_a_member_beyond_four(node: StorageHttp) -> None:
    fill_series(node, 2)
    node.stretch_files(5 * 1024**3 + 12345)
    read, grown = slow_read(node, 10 * 1024**3, 256 * 1024**2)
    assert read > 10 * 1024**3
    assert grown < 32 * 1024**2


def test_a_download_leaves_a_trace_of_who_took_what_and_no_name(
    node: StorageHttp, caplog: pytest.LogCaptureFixture
) -> None:
    fill_series(node, 3)
    (study_id,) = all_studies(node)
    units = SqlStorageUnitOfWorkFactory(make_engine(node.database))
    studies = studies_to_download(units, OwnerId(1), [StudyId(study_id)])

    files = StoredFiles(lambda name: os.open(node.data / name, os.O_RDONLY))
    with caplog.at_level("INFO", logger="dicom_gateway.download"):
        whole = b"".join(ArchiveStream(units, OwnerId(1), studies, files, node.data))
        cut = iter(ArchiveStream(units, OwnerId(1), studies, files, node.data))
        next(cut)
        cut.close()  # type: ignore[attr-defined]
    first, second = caplog.records
    assert (first.message, first.owner_id, first.study_ids) == ("studies_downloaded", 1, [study_id])  # type: ignore[attr-defined]
    assert (first.files, first.sent_bytes, first.is_complete) == (3, len(whole), True)  # type: ignore[attr-defined]
    assert (second.study_ids, second.files, second.is_complete) == ([study_id], 0, False)  # type: ignore[attr-defined]
    assert "Phantom" not in "".join(str(vars(record)) for record in caplog.records)
