"""Backup and restore as ``docs/operate.md`` says it: the database first, the folder second, while objects arrive."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import shutil
import sqlite3
import subprocess
import threading
import time
import zipfile
from contextlib import closing
from pathlib import Path

import requests
from pydicom import dcmread

from tests.support.databases import POSTGRESQL_PROGRAMS
from tests.support.distributed_system import DistributedSystem, running_distributed_system, signed_in
from tests.support.phantom_files import data_set_bytes, make_ct_series, to_bytes
from tests.support.unified_server import UnifiedServer, running_unified_server
from tests.support.waiting import eventually

ROOT = "1.2.826.0.1.3680043.10.1565"
DATABASE = "webviewer-database"
GUIDE = Path(__file__).parents[2] / "docs" / "operate.md"


def write_study(folder: Path, number: int, slices: int = 12) -> dict[str, Path]:
    """Write a study and return its files by SOP Instance UID."""
    study = f"{ROOT}.{number}"
    files = {}
    for k, ds in enumerate(make_ct_series(slices, rows=96, columns=96, patient_id=f"BACKUP{number}"), 1):
        ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.SOPInstanceUID = study, f"{study}.1", f"{study}.1.{k}"
        file = folder / f"{number}-{k}.dcm"
        file.write_bytes(to_bytes(ds))
        files[str(ds.SOPInstanceUID)] = file
    return files


def store(port: int, files: dict[str, Path]) -> None:
    command = ["storescu", "-aec", "USER-AE", "127.0.0.1", str(port), *map(str, files.values())]
    subprocess.run(command, check=True, timeout=60)


def downloaded(doctor: requests.Session, url: str) -> dict[str, bytes]:
    """Return the data sets of all objects that the doctor has, by SOP Instance UID."""
    answer = doctor.get(f"{url}/v2/studies", params={"limit": 200}, timeout=20)
    assert answer.status_code == 200, answer.text
    studies = [study["study_id"] for study in answer.json()["studies"]]
    if not studies:
        return {}
    archive = doctor.get(f"{url}/v2/studies/archive", params={"study_ids": studies}, timeout=60)
    assert archive.status_code == 200, archive.text
    result = {}
    with zipfile.ZipFile(io.BytesIO(archive.content)) as opened:
        for name in opened.namelist():
            if "DICOMDIR" in name:
                continue
            data_set = dcmread(io.BytesIO(opened.read(name)))
            if "SOPInstanceUID" in data_set:
                result[str(data_set.SOPInstanceUID)] = data_set_bytes(data_set)
    return result


def copy_folder(storage: Path, target: Path) -> None:
    """Copy what the guide's rsync does."""
    found = re.search(r"^sudo rsync -a /var/lib/\S+/(\w+) /backup/storage/$", GUIDE.read_text("utf-8"), re.MULTILINE)
    assert found is not None
    shutil.copytree(storage / found[1], target / found[1])


def claim_every_file(storage: Path) -> None:
    """Run the guide's command that has files without a row removed at the next start."""
    found = re.search(r"sh -c 'cd /var/lib/\S+ (&& .*claims.*)'$", GUIDE.read_text("utf-8"), re.MULTILINE)
    assert found is not None
    subprocess.run(["bash", "-ec", f"cd {shlex.quote(str(storage))} {found[1]}"], check=True, timeout=60)


def files_and_rows(storage: Path) -> tuple[set[str], set[str]]:
    """Return the names of the stored files and those that the index has."""
    with closing(sqlite3.connect(storage / DATABASE)) as index:
        rows = {name for (name,) in index.execute("SELECT file_name FROM instance")}
    data = storage / "data"
    return {str(file.relative_to(data)) for file in data.rglob("*") if file.is_file()}, rows


class Modality(threading.Thread):
    """Sends study after study until it is stopped; ``done`` are those that were answered Success as a whole."""

    def __init__(self, server: UnifiedServer, folder: Path) -> None:
        super().__init__()
        self._server, self._folder = server, folder
        self.stopped = threading.Event()
        self.done: list[dict[str, Path]] = []

    def run(self) -> None:
        number = 100
        while not self.stopped.is_set():
            files = write_study(self._folder, number, slices=4)
            store(self._server.dicom_port, files)
            self.done.append(files)
            number += 1


def test_a_backup_made_while_images_arrive_brings_a_unified_server_back(tmp_path: Path) -> None:
    sent, kept_database, backup, new = (tmp_path / name for name in ("sent", DATABASE, "backup", "new"))
    sent.mkdir()
    backup.mkdir()
    with running_unified_server(tmp_path / "old") as server:
        main = json.loads((server.folder / "renderserverconfig.json").read_text("utf-8"))
        storage = server.folder / main["storage"]
        modality = Modality(server, sent)
        modality.start()
        try:
            eventually(lambda: len(modality.done) >= 2, 30, "two studies")
            before = {uid: file for files in list(modality.done) for uid, file in files.items()}
            with (
                closing(sqlite3.connect(storage / DATABASE)) as live,
                closing(sqlite3.connect(kept_database)) as copy,
            ):
                live.backup(copy)
            time.sleep(1.0)  # what comes in between is in the folder and not in the database
            copy_folder(storage, backup)
        finally:
            modality.stopped.set()
            modality.join(60)
        assert len(modality.done) * 4 > len(before)
        server.stop()
    shutil.rmtree(tmp_path / "old" / main["storage"])

    shutil.copytree(tmp_path / "old", new)
    storage = new / main["storage"]
    storage.mkdir()
    shutil.copyfile(kept_database, storage / DATABASE)
    shutil.copytree(backup, storage, dirs_exist_ok=True)
    with running_unified_server(new) as server:
        kept = downloaded(signed_in(server.url, "user", "user"), server.url)
        assert set(before) <= set(kept)
        assert {uid: kept[uid] for uid in before} == {
            uid: data_set_bytes(dcmread(file)) for uid, file in before.items()
        }
        # What came after the backup can be sent again, though files of the same objects may lie in the folder.
        everything = {uid: file for files in modality.done for uid, file in files.items()}
        store(server.dicom_port, everything)
        assert set(downloaded(signed_in(server.url, "user", "user"), server.url)) == set(everything)
        server.stop()
    files, rows = files_and_rows(storage)
    assert rows < files, "what came after the backup of the database lies there twice"
    claim_every_file(storage)
    with running_unified_server(new) as server:
        assert set(downloaded(signed_in(server.url, "user", "user"), server.url)) == set(everything)
        server.stop()
    assert files_and_rows(storage) == (rows, rows)
    assert not [file for file in (storage / "claims").iterdir() if len(file.name) == 32]


def tool(system: DistributedSystem, program: str, database: str, *words: str) -> None:
    """Run one of PostgreSQL's own programs as the owner of a database."""
    password = (system.folder / "secrets" / database).read_text("utf-8").strip()
    command = [
        str(POSTGRESQL_PROGRAMS / program),
        "-h",
        "127.0.0.1",
        "-p",
        str(system.ports["postgresql"]),
        "-U",
        database,
    ]
    subprocess.run([*command, *words], check=True, timeout=60, env={**os.environ, "PGPASSWORD": password})


def test_a_lost_storage_node_comes_back_from_its_backup(tmp_path: Path) -> None:
    with running_distributed_system() as system:
        kept, lost = write_study(tmp_path, 1), write_study(tmp_path, 2)
        system.send(list(kept.values()))
        dump, objects = tmp_path / "storage_1.dump", tmp_path / "objects"
        tool(system, "pg_dump", "storage_1", "--format=custom", f"--file={dump}", "storage_1")
        folder = system.folder / "storage-1" / "storage"
        copy_folder(folder, objects)
        system.send(list(lost.values()))
        doctor = signed_in(system.url(), "user", "user")
        assert set(downloaded(doctor, system.url())) == set(kept) | set(lost)

        with system.dead("storage-1"):
            shutil.rmtree(folder)
            tool(
                system,
                "psql",
                "storage_1",
                "--dbname=storage_1",
                "--command=DROP SCHEMA public CASCADE; CREATE SCHEMA public",
            )
            tool(system, "pg_restore", "storage_1", "--exit-on-error", "--no-owner", "--dbname=storage_1", str(dump))
            shutil.copytree(objects, folder)

        eventually(lambda: doctor.get(f"{system.url()}/v2/studies", timeout=10).status_code == 200, 30, "the node")
        expected = {uid: data_set_bytes(dcmread(file)) for uid, file in kept.items()}
        assert downloaded(doctor, system.url()) == expected
        system.send(list(lost.values()))
        assert set(downloaded(doctor, system.url())) == set(kept) | set(lost)
