"""Durable ingest of real CT objects: our storage node against Orthanc on SQLite, same sender, same files."""

from __future__ import annotations

import functools
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import UID, ExplicitVRLittleEndian

from tests.bench.harness import Row, interleaved, median
from tests.dimse.node import AE_TITLE, free_ports, running_node, wait_for_port
from tests.support import shared_data
from tests.support.phantom_files import make_ct

IDS = ("ingest_1_nodelay", "ingest_4_nodelay", "ingest_1_default", "ingest_4_default")

OBJECTS = 200
ROUNDS = 5
_ORTHANC = "/usr/sbin/Orthanc"


def run() -> list[Row]:
    """Measure all four rows."""
    with tempfile.TemporaryDirectory(prefix="webviewer-bench-") as text:
        folder = Path(text)
        files = make_objects(folder / "objects")
        return [
            _measure(folder, files, associations=associations, nodelay=nodelay, goal=goal)
            for nodelay, goal in ((True, 1.3), (False, 3.0))
            for associations in (1, 4)
        ]


def make_objects(folder: Path) -> list[Path]:
    """Write CT objects of 512 x 512 x 16 bit with UIDs of their own, from real slices where there are some."""
    folder.mkdir()
    sources = shared_data.files_under("ct_series/philips_bone_1mm_30")
    files = []
    for number in range(OBJECTS):
        data_set: Dataset = dcmread(sources[number % len(sources)]) if sources else make_ct(rows=512, columns=512)
        uid = UID(f"1.2.826.0.1.3680043.8.498.99.{number + 1}")
        data_set.SOPInstanceUID = data_set.file_meta.MediaStorageSOPInstanceUID = uid
        data_set.StudyInstanceUID = "1.2.826.0.1.3680043.8.498.98.1"
        data_set.SeriesInstanceUID = "1.2.826.0.1.3680043.8.498.97.1"
        data_set.InstanceNumber = number + 1
        data_set.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        files.append(folder / f"{number:04d}.dcm")
        data_set.save_as(files[-1])
    return files


def _measure(folder: Path, files: Sequence[Path], *, associations: int, nodelay: bool, goal: float) -> Row:
    environ = {"TCP_NODELAY": "1"} if nodelay else {}

    def ours() -> float:
        with _folder(folder) as place, running_node(place) as node:
            rate = _send(files, node.dicom_port, associations, environ)
            assert len(node.rows()) == len(files), "ours has not stored all objects"
            return rate

    def peer() -> float:
        with _folder(folder) as place, _orthanc(place, environ) as port:
            return _send(files, port, associations, environ)

    values_ours, values_peer = interleaved(ours, peer, rounds=ROUNDS)
    ratios = [mine / other for mine, other in zip(values_ours, values_peer, strict=True)]
    ratio = median(ratios)
    setting = "TCP_NODELAY=1 for sender and peer" if nodelay else "environments as they come"
    return Row(
        id=f"ingest_{associations}_{'nodelay' if nodelay else 'default'}",
        what=f"{OBJECTS} CT slices of 512 KB, storescu, {associations} association(s), {setting}; stored durably",
        unit="objects/s",
        ours=median(values_ours),
        peer=median(values_peer),
        peer_name=_orthanc_version(),
        ratio=ratio,
        goal=f"≥ {goal} ×",
        met=ratio >= goal,
    )


def _send(files: Sequence[Path], port: int, associations: int, environ: Mapping[str, str]) -> float:
    """Send all files over so many associations at once and return objects per second."""
    clean = {name: value for name, value in os.environ.items() if name != "TCP_NODELAY"}
    begin = time.perf_counter()
    senders = [
        subprocess.Popen(
            ["storescu", "-q", "-aec", AE_TITLE, "127.0.0.1", str(port), *map(str, files[number::associations])],
            env={**clean, **environ},
        )
        for number in range(associations)
    ]
    codes = [sender.wait() for sender in senders]
    seconds = time.perf_counter() - begin
    assert codes == [0] * associations, f"storescu failed: {codes}"
    return len(files) / seconds


@contextmanager
def _folder(parent: Path) -> Iterator[Path]:
    place = Path(tempfile.mkdtemp(dir=parent))
    try:
        yield place
    finally:
        shutil.rmtree(place)
        os.sync()  # what one side left to be written must not burden the other


@contextmanager
def _orthanc(folder: Path, environ: Mapping[str, str]) -> Iterator[int]:
    dicom_port, http_port = free_ports(2)
    config = folder / "orthanc.json"
    config.write_text(
        json.dumps(
            {
                "Name": "bench",
                "StorageDirectory": str(folder / "storage"),
                "IndexDirectory": str(folder / "storage"),
                "StorageCompression": False,
                "DicomServerEnabled": True,
                "DicomAet": AE_TITLE,
                "DicomPort": dicom_port,
                "HttpPort": http_port,
                "RemoteAccessAllowed": False,
                "AuthenticationEnabled": False,
                "Plugins": [],
            }
        )
    )
    clean = {name: value for name, value in os.environ.items() if name != "TCP_NODELAY"}
    process = subprocess.Popen(
        [_ORTHANC, str(config)],
        cwd=folder,
        env={**clean, **environ},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for_port(dicom_port)
        yield dicom_port
    finally:
        process.terminate()
        process.wait()


@functools.cache
def _orthanc_version() -> str:
    text = subprocess.run([_ORTHANC, "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"Orthanc ([0-9.]+)", text)
    return f"Orthanc {found.group(1)}" if found else "Orthanc"
