"""The storage node's internal HTTP as a process of its own on a real folder and a real database, without DIMSE.

``python -m tests.support.storage_http FD FOLDER`` serves on the listening socket FD; ``FOLDER/database.json`` says
which database. Events are appended to ``FOLDER/events.jsonl``. `StorageHttp` starts and stops it.
"""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import zipfile
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

import requests

from dicom_gateway.api import make_parts, serve
from dicom_gateway.counters import SharedCounters
from dicom_gateway.damage_report import DamageReporter
from dicom_gateway.indexer import IndexWriter
from dicom_gateway.node_state import NodeState
from dicom_gateway.upload import UploadLimits
from dicom_gateway.upload_examine import ExamineLimits
from tests.support.phantom_files import make_ct_series, to_bytes
from tests.support.ports import free_port
from webviewer.adapters.db.engine import make_engine
from webviewer.adapters.db.maintenance import create_database
from webviewer.adapters.db.unit_of_work import SqlStorageUnitOfWorkFactory
from webviewer.adapters.files import ObjectStore
from webviewer.archive import InstanceRecord, KnownObject, OwnerId, Receipt
from webviewer.config import DatabaseDriver, DatabaseSettings, LogSettings, PatientConflictPolicy, StorageSettings
from webviewer.core import log
from webviewer.usecases.served_owners import node_identity

TOKEN = "internal-token-of-the-tests"


class DirectIndex:
    """The index writer without a process between."""

    def __init__(self, writer: IndexWriter) -> None:
        self._writer = writer

    def submit(self, owner_id: OwnerId, record: InstanceRecord) -> Receipt | KnownObject:
        """Index one object, or return what is known under its UID."""
        outcome = self._writer.write([(owner_id, record)])[0]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


class StorageHttp:
    """A running storage HTTP; ``url`` is up to and with the owner: ``…/internal/v1/owners/1``."""

    def __init__(self, folder: Path, database: DatabaseSettings, *, limits: Mapping[str, Any] | None = None) -> None:
        self.folder = folder
        self.database = database
        self.data = folder / "storage" / "data"
        self.claims = folder / "storage" / "claims"
        folder.mkdir(parents=True, exist_ok=True)
        plain = asdict(database)
        del plain["tables"]  # as by default: all
        (folder / "database.json").write_text(json.dumps(plain))
        (folder / "limits.json").write_text(json.dumps(limits or {}))
        self.port = free_port()
        self.base_url = f"http://127.0.0.1:{self.port}"
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers["Authorization"] = f"Bearer {TOKEN}"
        self.process: subprocess.Popen[bytes] | None = None

    def owner(self, owner_id: int = 1) -> str:
        """Return the address of an owner's resources."""
        return f"{self.base_url}/internal/v1/owners/{owner_id}"

    def start(self) -> None:
        """Start the process and wait until it answers."""
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        deadline = time.monotonic() + 10
        while True:
            try:
                listener.bind(("127.0.0.1", self.port))
                break
            except OSError:  # a killed worker needs a moment to let go
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
        listener.listen(64)
        with listener:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.support.storage_http", str(listener.fileno()), str(self.folder)],
                pass_fds=(listener.fileno(),),
                start_new_session=True,
            )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(f"the storage HTTP ended with {self.process.returncode}")
            try:
                if self.session.get(f"{self.base_url}/internal/v1/health", timeout=5).status_code == 200:
                    return
            except (requests.ConnectionError, requests.Timeout):  # a busy machine may need long to import all
                time.sleep(0.05)
        self.kill()
        raise TimeoutError("the storage HTTP does not answer")

    def kill(self) -> None:
        """End the process and its worker as a power cut would."""
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(10)
            self.process = None

    def stop(self) -> None:
        """End the process politely, then not."""
        self.session.close()  # a kept connection would make the server wait for its next request
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()
            self.process = None

    def worker_pid(self) -> int:
        """Return the process that serves."""
        assert self.process is not None
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return int(children[0])

    def events(self) -> list[dict[str, Any]]:
        """Return what was published so far."""
        file = self.folder / "events.jsonl"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def log_lines(self) -> list[dict[str, Any]]:
        """Return what the process wrote into its log so far."""
        return [json.loads(line) for line in (self.folder / "server.log").read_text("utf-8").splitlines()]

    def upload(self, data: bytes, name: str = "one.dcm", owner_id: int = 1) -> dict[str, Any]:
        """Send a small file in one request and return the state."""
        answer = self.session.post(
            f"{self.owner(owner_id)}/uploads/whole", params={"name": name}, data=data, timeout=60
        )
        assert answer.status_code == 200, answer.text
        state: dict[str, Any] = answer.json()
        return state

    def upload_in_parts(
        self, data: bytes, name: str, owner_id: int = 1, part_bytes: int = 16 * 1024**2
    ) -> dict[str, Any]:
        """Send a file in parts and return the state when all is dealt with."""
        url = f"{self.owner(owner_id)}/uploads"
        made = self.session.post(url, json={"name": name, "size_bytes": len(data)}, timeout=60)
        assert made.status_code == 201, made.text
        upload_id = made.json()["upload_id"]
        for offset in range(0, len(data), part_bytes):
            part = data[offset : offset + part_bytes]
            sent = self.session.put(f"{url}/{upload_id}", params={"offset": offset}, data=part, timeout=60)
            assert sent.status_code == 200, sent.text
        return self.wait_done(upload_id, owner_id)

    def wait_done(self, upload_id: str, owner_id: int = 1) -> dict[str, Any]:
        """Wait until an upload is dealt with and return its state."""
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            state: dict[str, Any] = self.session.get(f"{self.owner(owner_id)}/uploads/{upload_id}", timeout=60).json()
            if state["state"] == "done":
                return state
            time.sleep(0.02)
        raise TimeoutError("the upload is not done")

    def stored_files(self) -> list[Path]:
        """Return all files of stored objects."""
        return sorted(path for path in self.data.rglob("*") if path.is_file())

    def stretch_files(self, size_bytes: int) -> None:
        """Make every stored file as large as a huge object, without using the disk; the index knows no digests then."""
        for path in self.stored_files():
            os.truncate(path, size_bytes)
        with closing(sqlite3.connect(self.database.name)) as database, database:
            database.execute(
                "UPDATE instance SET file_bytes = ?, file_digest = NULL, block_digests = ''", (size_bytes,)
            )


def sqlite_settings(folder: Path) -> DatabaseSettings:
    """Make an empty SQLite file with all tables."""
    settings = DatabaseSettings(DatabaseDriver.SQLITE, str(folder / "webviewer.db"))
    create_database(settings)
    return settings


def fill_series(node: StorageHttp, count: int, *, rows: int = 64, columns: int = 64) -> int:
    """Send a CT series of `count` slices as one ZIP and return its series_id."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for ds in make_ct_series(count, rows=rows, columns=columns):
            archive.writestr(f"{ds.InstanceNumber}.dcm", to_bytes(ds))
    state = node.upload_in_parts(buffer.getvalue(), "series.zip")
    assert state["stored"] == count, state
    study = node.session.get(f"{node.owner()}/studies").json()["studies"][0]
    detail = node.session.get(f"{node.owner()}/studies/{study['study_id']}").json()
    return int(detail["series"][0]["series_id"])


def main() -> None:
    """Serve until SIGTERM."""
    descriptor, folder = int(sys.argv[1]), Path(sys.argv[2])
    log.configure(LogSettings(file=folder / "server.log", to_console=False), "storage")
    plain = json.loads((folder / "database.json").read_text())
    database = DatabaseSettings(**{**plain, "driver": DatabaseDriver(plain["driver"])})
    limits = json.loads((folder / "limits.json").read_text())
    store = ObjectStore(folder / "storage")
    store.prepare()

    def publish(event: Mapping[str, object]) -> None:
        with (folder / "events.jsonl").open("a") as file:
            file.write(json.dumps(event) + "\n")

    def publish_stored(receipts: Sequence[tuple[OwnerId, Receipt]]) -> None:
        for owner_id, receipt in receipts:
            publish({"type": "study_changed", "owner_id": owner_id, "study_id": receipt.study_id})

    def parts(_writer: str) -> Any:
        units = SqlStorageUnitOfWorkFactory(make_engine(database))
        damages = DamageReporter(units, SharedCounters(1).row(0))
        damages.start()
        return make_parts(
            StorageSettings(storage=folder / "storage"),
            TOKEN,
            units,
            DirectIndex(IndexWriter(units, publish_stored, PatientConflictPolicy(limits.get("policy", "keep_apart")))),
            publish=publish,
            problems=list,
            status=lambda: {"version": "test"},
            metrics=lambda: b"# none\n",
            describe=lambda: {"kind": "storage", "identity": node_identity(units)},
            state=NodeState(),
            on_damage=damages.report,
            upload_limits=UploadLimits(**{"keep_free_bytes": 0, **limits.get("upload", {})}),
            examine_limits=ExamineLimits(**limits.get("examine", {})),
        )

    serve(socket.socket(fileno=descriptor), parts)


if __name__ == "__main__":
    main()
