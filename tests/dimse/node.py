"""A real storage node in a folder of its own, and what the tests ask about it."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import select

from webviewer.adapters.db.archive_tables import instance
from webviewer.adapters.db.engine import make_engine
from webviewer.adapters.db.maintenance import create_database
from webviewer.adapters.db.unit_of_work import SqlStorageUnitOfWorkFactory
from webviewer.archive import OwnerId
from webviewer.config import DatabaseDriver, DatabaseSettings

AE_TITLE = "USER-AE"
OWNER = OwnerId(1)
TOKEN = "0123456789abcdef0123456789abcdef0123456789abcdef"
REPOSITORY = Path(__file__).resolve().parents[2]

_START_S = 60.0
_STOP_S = 15.0
_GENERATED = re.compile(r"[0-9a-f]{2}/[0-9a-f]{2}/[0-9a-f]{32}")


def free_ports(count: int) -> list[int]:
    """Return ports of loopback that nobody listens on."""
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(probe.getsockname()[1]) for probe in probes]
    for probe in probes:
        probe.close()
    return ports


@dataclass
class Node:
    """A storage node under test."""

    folder: Path
    environ: Mapping[str, str] = field(default_factory=dict)
    dicom_port: int = 0
    port: int = 0
    process: subprocess.Popen[bytes] | None = None

    @property
    def storage(self) -> Path:
        """The storage folder."""
        return self.folder / "storage"

    @property
    def database(self) -> DatabaseSettings:
        """The database of the node."""
        return DatabaseSettings(DatabaseDriver.SQLITE, str(self.folder / "index.db"))

    @property
    def log(self) -> str:
        """What the node wrote."""
        return (self.folder / "log").read_text("utf-8", "replace") if (self.folder / "log").exists() else ""

    def prepare(self) -> None:
        """Make folders, configuration and database."""
        self.storage.mkdir(parents=True, exist_ok=True)
        self.dicom_port, self.port = free_ports(2)
        (self.folder / "renderserverconfig.json").write_text("{}")
        create_database(self.database)
        engine = make_engine(self.database)
        with SqlStorageUnitOfWorkFactory(engine)() as unit:
            unit.archive.set_ae_titles(OWNER, [AE_TITLE])
            unit.commit()
        engine.dispose()

    def start(self) -> None:
        """Start the node and wait until it listens and answers."""
        environ = {
            **os.environ,
            "WEBVIEWER_STORAGE": str(self.storage),
            "WEBVIEWER_LOG_FILE": str(self.folder / "storagenode.log"),
            "WEBVIEWER_DATABASE_DRIVER": "QSQLITE",
            "WEBVIEWER_DATABASE_NAME": self.database.name,
            "WEBVIEWER_STORAGE_PORT": str(self.port),
            "WEBVIEWER_DICOM_PORT": str(self.dicom_port),
            "WEBVIEWER_CONTROL_URL": "http://127.0.0.1:9",  # nobody is there: events wait and are dropped
            "WEBVIEWER_INTERNAL_TOKEN": TOKEN,
            **self.environ,
        }
        started = len(self.messages("storage_node_ready"))
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "dicom_gateway.main", "-c", str(self.folder / "renderserverconfig.json")],
                cwd=REPOSITORY,
                env=environ,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        wait_for_port(self.dicom_port, self)
        deadline = time.monotonic() + _START_S
        while len(self.messages("storage_node_ready")) == started:
            assert self.process.poll() is None, f"the storage node ended: {self.log[-3000:]}"
            assert time.monotonic() < deadline, "the storage node is not ready"
            time.sleep(0.02)

    def kill(self) -> None:
        """Kill -9 the node's main process and wait until all of its processes are gone."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.wait_until_gone()

    def stop(self) -> int:
        """Stop as a supervisor does and return the exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(_STOP_S)
        finally:
            self.end()
        return code

    def end(self) -> None:
        """Make sure that nothing of the node is left."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.wait_until_gone()

    def wait_until_gone(self) -> None:
        """Wait until no process of the node's session is left; a child leaves by itself when its parent is dead."""
        if self.process is None:
            return
        deadline = time.monotonic() + _STOP_S
        while processes_of_session(self.process.pid):
            assert time.monotonic() < deadline, "processes of a dead node are left"
            time.sleep(0.01)

    def rows(self) -> list[tuple[str, str, int, int, str]]:
        """Return SOP Instance UID, file name, offset of the data set, size and transfer syntax of each object."""
        engine = make_engine(self.database)
        columns = instance.c
        with engine.connect() as connection:
            found = connection.execute(
                select(
                    columns.sop_instance_uid,
                    columns.file_name,
                    columns.data_set_offset_bytes,
                    columns.file_bytes,
                    columns.transfer_syntax_uid,
                )
            ).all()
        engine.dispose()
        return [(row[0], row[1], row[2], row[3], row[4]) for row in found]

    def stored(self) -> dict[str, bytes]:
        """Return the data set bytes of each object by its SOP Instance UID."""
        result = {}
        for uid, file_name, offset, size, _syntax in self.rows():
            data = (self.storage / "data" / file_name).read_bytes()
            assert len(data) == size, uid
            result[uid] = data[offset:]
        return result

    def files(self) -> set[str]:
        """Return the names of all files below ``data``, relative to it."""
        root = self.storage / "data"
        return {str(path.relative_to(root)) for path in root.rglob("*") if not path.is_dir()}

    def claims(self) -> list[str]:
        """Return the claims."""
        return [path.name for path in (self.storage / "claims").iterdir()]

    def assert_tidy(self) -> None:
        """Fail unless there is one file for each row, under a generated name, and no claim."""
        names = {row[1] for row in self.rows()}
        assert self.files() == names
        assert all(_GENERATED.fullmatch(name) for name in names)
        assert self.claims() == []

    def messages(self, message: str) -> list[dict[str, object]]:
        """Return the log lines with a message."""
        lines = [json.loads(line) for line in self.log.splitlines() if line.startswith("{")]
        return [line for line in lines if line["message"] == message]


def processes_of_session(session: int) -> list[int]:
    """Return the processes of a session that are not yet dead."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            text = (entry / "stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        state, _parent, _group, its_session = text.rpartition(")")[2].split()[:4]
        if int(its_session) == session and state != "Z":
            found.append(int(entry.name))
    return found


def wait_for_port(port: int, node: Node | None = None) -> None:
    """Wait until somebody listens; fail with the node's log when it ends before."""
    deadline = time.monotonic() + _START_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if node is not None and node.process is not None and node.process.poll() is not None:
                raise AssertionError(f"the storage node ended: {node.log[-3000:]}") from None
            assert time.monotonic() < deadline, f"nobody listens on port {port}"
            time.sleep(0.02)
        else:
            return


@contextmanager
def running_node(folder: Path, environ: Mapping[str, str] | None = None) -> Iterator[Node]:
    """Run a storage node in a folder."""
    node = Node(folder, environ or {})
    node.prepare()
    node.start()
    try:
        yield node
    finally:
        node.end()
