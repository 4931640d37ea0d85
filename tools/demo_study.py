"""The demo study: a CT of the chest that code makes, two series and a scout, written as files or sent to a server.

``python -m tools.demo_study write FOLDER`` and ``… send HOST:PORT --called AE [--state FILE]``. With a state file the
study is the same at each try (same UIDs, same bytes), so that an interrupted one goes on without duplicates.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from multiprocessing import get_context, parent_process
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ComputedRadiographyImageStorage, CTImageStorage, ExplicitVRLittleEndian

from tools.chest_phantom import FIELD_MM, PIXEL_MM, PIXELS, Chest, kernel_noise, noise_level
from webviewer.core.process import leave_with_parent
from webviewer.core.uid import new_uid
from webviewer.dicom.file_meta import IMPLEMENTATION_CLASS_UID

if TYPE_CHECKING:
    from pynetdicom.association import Association

TRIES = 4  # the first and three more, for each object
PAUSE_S = 2.0

SLICES = 120
SPACING_MM = 2.5
SEED = 3


@dataclass(frozen=True, slots=True)
class Plan:
    """What makes a study the same at each try."""

    study_instance_uid: str
    date: str
    time: str

    def uid(self, series: int, instance: int = 0) -> str:
        """Return the UID of a series or of an instance below the study's."""
        base = int(self.study_instance_uid.removeprefix("2.25."))
        return f"2.25.{base + series * 1000 + instance}"


@dataclass(frozen=True, slots=True)
class Series:
    """One reconstruction."""

    number: int
    description: str
    kernel: str
    sharpness: float
    noise_hu: float
    center: float
    width: float


SERIES = (
    Series(2, "Thorax 2.5 mm mediastinum", "SOFT", 0.40, 11.0, 40, 400),
    Series(3, "Thorax 2.5 mm lung", "LUNG", 0.66, 42.0, -600, 1500),
)
TOTAL = 1 + SLICES * len(SERIES)


def new_plan(now: datetime) -> Plan:
    """Plan a fresh study of today."""
    base = int(new_uid().removeprefix("2.25.")) // 10_000 * 10_000  # room for the series and instances
    return Plan(f"2.25.{base}", now.strftime("%Y%m%d"), now.strftime("%H%M%S"))


class _Maker:
    """Makes slices in a worker process."""

    def __init__(self) -> None:
        self.chest = Chest(SEED)
        self.tiles = {s.number: kernel_noise(np.random.default_rng(SEED + s.number), s.sharpness) for s in SERIES}

    def slice_pixels(self, index: int) -> tuple[dict[int, npt.NDArray[np.int16]], npt.NDArray[np.float32]]:
        """Return the stored values of one slice by series number, and its contribution to the scout."""
        clean = self.chest.clean_slice(index * SPACING_MM)
        level = noise_level(clean)
        rng = np.random.default_rng(SEED * 1000 + index)
        result = {}
        for series in SERIES:
            dy, dx = rng.integers(0, 1024 - PIXELS, 2)
            noise = self.tiles[series.number][dy : dy + PIXELS, dx : dx + PIXELS]
            hu: npt.NDArray[np.float32] = np.asarray(clean + series.noise_hu * level * noise, np.float32)
            if series.sharpness > 0.5:  # a lung kernel overshoots at edges
                hu = np.asarray(hu + 0.55 * (clean - _blur(clean)), np.float32)
            result[series.number] = np.clip(np.rint(hu), -1024, 3071).astype(np.int16)
        return result, np.clip(clean + 1000, 0, 2200).sum(0, dtype=np.float32)


def _blur(image: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    padded = np.pad(image, 1, mode="edge")
    rows = (padded[:-2] + 2 * padded[1:-1] + padded[2:]) / 4
    return np.asarray((rows[:, :-2] + 2 * rows[:, 1:-1] + rows[:, 2:]) / 4, np.float32)


_makers: list[_Maker] = []  # one for each worker process


def _start_worker() -> None:
    parent = parent_process()
    if parent is not None:
        # The workers themselves hold their queue open: without this a killed sender leaves them behind.
        leave_with_parent(parent.sentinel)
    _makers.append(_Maker())


def _make(index: int) -> tuple[dict[int, npt.NDArray[np.int16]], npt.NDArray[np.float32]]:
    return _makers[0].slice_pixels(index)


def make_study(plan: Plan, *, workers: int = 2) -> Iterator[Dataset]:
    """Make the data sets, from the head downwards, the scout last.

    Parameters
    ----------
    plan
        UIDs and date.
    workers
        Processes that paint.

    Yields
    ------
    Dataset
        With file meta information, ready to be written or sent.
    """
    scout = np.zeros((SLICES, PIXELS), dtype=np.float32)
    order = range(SLICES - 1, -1, -1)
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_start_worker) as pool:
        for index, (pixels, row) in zip(order, pool.map(_make, order, chunksize=2), strict=True):
            scout[SLICES - 1 - index] = row
            for series in SERIES:
                yield _ct(plan, series, index, pixels[series.number])
    yield _scout(plan, scout)


def _common(plan: Plan, sop_class: str, sop_instance_uid: str) -> Dataset:
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.MediaStorageSOPClassUID = UID(sop_class)
    ds.file_meta.MediaStorageSOPInstanceUID = UID(sop_instance_uid)
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.file_meta.ImplementationClassUID = UID(IMPLEMENTATION_CLASS_UID)
    ds.file_meta.ImplementationVersionName = "WEBVIEWER_DEMO"
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.SOPClassUID = sop_class
    ds.SOPInstanceUID = sop_instance_uid
    ds.StudyInstanceUID = plan.study_instance_uid
    ds.FrameOfReferenceUID = plan.uid(9)
    ds.PatientName = "Sample^Anna"
    ds.PatientID = "DEMO-0001"
    ds.PatientBirthDate = "19680214"
    ds.PatientSex = "F"
    ds.PatientAge = f"{int(plan.date[:4]) - 1968:03d}Y"
    ds.StudyID = "1"
    ds.AccessionNumber = "DEMO-1"
    ds.ReferringPhysicianName = "Example^Doctor"
    ds.StudyDate = ds.SeriesDate = ds.AcquisitionDate = ds.ContentDate = plan.date
    ds.StudyTime = ds.SeriesTime = ds.AcquisitionTime = ds.ContentTime = plan.time
    ds.StudyDescription = "CT chest with contrast (made by code)"
    ds.Manufacturer = "Generated"
    ds.ManufacturerModelName = "Chest phantom"
    ds.InstitutionName = "Demo hospital"
    ds.PositionReferenceIndicator = ""
    ds.BodyPartExamined = "CHEST"
    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.BitsAllocated = 16
    return ds


def _ct(plan: Plan, series: Series, index: int, pixels: npt.NDArray[np.int16]) -> Dataset:
    number = SLICES - index  # 1 is the topmost
    ds = _common(plan, CTImageStorage, plan.uid(series.number, number))
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    ds.Modality = "CT"
    ds.SeriesInstanceUID = plan.uid(series.number)
    ds.SeriesNumber = series.number
    ds.SeriesDescription = series.description
    ds.InstanceNumber = number
    ds.AcquisitionNumber = 1
    ds.PatientPosition = "HFS"
    ds.ContrastBolusAgent = "Invented contrast medium"
    ds.ConvolutionKernel = series.kernel
    ds.KVP = "120"
    ds.XRayTubeCurrent = 220
    ds.ExposureTime = 500
    ds.SliceThickness = f"{SPACING_MM}"
    ds.SpacingBetweenSlices = f"{SPACING_MM}"
    ds.ReconstructionDiameter = f"{FIELD_MM:g}"
    ds.DataCollectionDiameter = "500"
    ds.GantryDetectorTilt = "0"
    corner = -FIELD_MM / 2 + PIXEL_MM / 2
    height = index * SPACING_MM - 300
    ds.ImagePositionPatient = [f"{corner:g}", f"{corner:g}", f"{height:g}"]
    ds.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
    ds.SliceLocation = f"{height:g}"
    ds.PixelSpacing = [f"{PIXEL_MM:g}", f"{PIXEL_MM:g}"]
    ds.Rows, ds.Columns = pixels.shape
    ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 15, 1
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = "0", "1", "HU"
    ds.WindowCenter, ds.WindowWidth = f"{series.center:g}", f"{series.width:g}"
    ds.PixelData = np.ascontiguousarray(pixels, dtype="<i2").tobytes()
    ds["PixelData"].VR = "OW"
    return ds


def _scout(plan: Plan, rows: npt.NDArray[np.float32]) -> Dataset:
    """Make a radiograph of the chest from the sums along the way of the rays."""
    height = round(SLICES * SPACING_MM / PIXEL_MM)
    at = np.linspace(0, SLICES - 1, height)
    low = np.floor(at).astype(int)
    high = np.minimum(low + 1, SLICES - 1)
    share = (at - low)[:, None]
    lines = rows[low] * (1 - share) + rows[high] * share
    path = lines * (PIXEL_MM * 0.02 / 1000)
    value = 4095 * (1 - np.exp(-0.42 * path)) ** 1.2
    value += kernel_noise(np.random.default_rng(SEED), 0.6)[:height, :PIXELS] * 9
    pixels = np.clip(np.rint(value), 0, 4095).astype(np.uint16)
    ds = _common(plan, ComputedRadiographyImageStorage, plan.uid(1, 1))
    ds.ImageType = ["DERIVED", "SECONDARY", "PROJECTION"]
    ds.Modality = "CR"
    ds.SeriesInstanceUID = plan.uid(1)
    ds.SeriesNumber = 1
    ds.SeriesDescription = "Scout"
    ds.InstanceNumber = 1
    ds.ViewPosition = "AP"
    ds.PatientOrientation = ["L", "F"]
    ds.CassetteOrientation = ""
    ds.ImagerPixelSpacing = [f"{PIXEL_MM:g}", f"{PIXEL_MM:g}"]
    ds.Rows, ds.Columns = pixels.shape
    ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 12, 11, 0
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = "0", "1", "US"
    ds.WindowCenter, ds.WindowWidth = "2750", "2300"
    ds.PixelData = np.ascontiguousarray(pixels, dtype="<u2").tobytes()
    ds["PixelData"].VR = "OW"
    return ds


def write_files(folder: Path, plan: Plan) -> int:
    """Write the study as DICOM files; returns how many."""
    folder.mkdir(parents=True, exist_ok=True)
    count = 0
    for count, ds in enumerate(make_study(plan), 1):
        name = f"series{ds.SeriesNumber}-{ds.InstanceNumber:03d}.dcm"
        ds.save_as(folder / name, enforce_file_format=True)
        _progress(count)
    return count


def send(host: str, port: int, called_ae: str, plan: Plan) -> int:
    """Send the study by C-STORE while it is being made; see `send_all`."""
    return send_all(host, port, called_ae, make_study(plan))


def send_all(host: str, port: int, called_ae: str, data_sets: Iterable[Dataset], *, pause_s: float = PAUSE_S) -> int:
    """Send objects by C-STORE; a broken association is opened anew and goes on with the object without an answer.

    Parameters
    ----------
    host, port, called_ae
        Of the server.
    data_sets
        What to send, CT or CR, Explicit VR Little Endian.
    pause_s
        Between two tries, in seconds.

    Returns
    -------
    int
        How many objects the server has stored.

    Raises
    ------
    ConnectionError
        The server does not accept the association, refuses an object, or gave no answer in `TRIES` tries in a row.
    """
    count = 0
    connection = _Connection(host, port, called_ae)
    try:
        for count, ds in enumerate(data_sets, 1):
            for left in range(TRIES - 1, -1, -1):
                try:
                    connection.store(ds, count)
                    break
                except _Broken as exc:
                    if left == 0:
                        raise
                    print(f"{exc} Trying again.", file=sys.stderr, flush=True)
                    time.sleep(pause_s)
            _progress(count)
    finally:
        connection.close()
    return count


class _Broken(ConnectionError):
    """The association broke, or was not accepted: another try may help."""


class _Connection:
    """An association with a server, opened when it is needed."""

    def __init__(self, host: str, port: int, called_ae: str) -> None:
        from pynetdicom import AE

        self._where = f"{host}:{port}"
        self._address = (host, port)
        self._called_ae = called_ae
        self._entity = AE(ae_title="DEMO")
        self._entity.dimse_timeout = 10  # seconds: our own server on this machine never needs as long
        for sop_class in (CTImageStorage, ComputedRadiographyImageStorage):
            self._entity.add_requested_context(sop_class, ExplicitVRLittleEndian)
        self._association: Association | None = None

    def store(self, ds: Dataset, number: int) -> None:
        """Send one object."""
        association = self._association
        if association is None or not association.is_established:
            association = self._entity.associate(*self._address, ae_title=self._called_ae)
            # When the library's reactor comes late to its checkpoint it takes our reply for a request and drops it.
            queue = association.dimse.msg_queue
            setattr(association, "_serve_request", lambda message, context_id: queue.put((context_id, message)))  # noqa: B010
            self._association = association
        if not association.is_established:
            raise _Broken(f"{self._where} does not accept an association for {self._called_ae}.")
        try:
            status = association.send_c_store(ds).get("Status")
        except RuntimeError:  # it ended just now
            status = None
        if status is None:
            association.abort()
            self._association = None
            raise _Broken(f"{self._where} gave no answer to object {number}.")
        if status != 0:
            raise ConnectionError(f"{self._where} did not store object {number}: status {status:#06x}.")

    def close(self) -> None:
        """Release the association, if there is one."""
        if self._association is not None and self._association.is_established:
            self._association.release()


def _progress(count: int) -> None:
    if sys.stdout.isatty():
        sys.stdout.write(f"\rDemo study: {count} of {TOTAL} images" + ("\n" if count == TOTAL else ""))
        sys.stdout.flush()
    elif count % 60 == 0 or count == TOTAL:
        print(f"Demo study: {count} of {TOTAL} images", flush=True)


def _plan_from(state_file: Path | None, now: datetime) -> Plan:
    if state_file is not None and state_file.exists():
        with contextlib.suppress(ValueError, KeyError, TypeError):
            state = json.loads(state_file.read_text("utf-8"))
            return Plan(state["study_instance_uid"], state["date"], state["time"])
    return new_plan(now)


def _write_state(state_file: Path, plan: Plan, state: str) -> None:
    content = {"study_instance_uid": plan.study_instance_uid, "date": plan.date, "time": plan.time, "state": state}
    temporary = state_file.with_suffix(".new")
    temporary.write_text(json.dumps(content, indent=1) + "\n", "utf-8")
    temporary.replace(state_file)


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.demo_study", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    write = commands.add_parser("write", help="write DICOM files")
    write.add_argument("folder", type=Path)
    sender = commands.add_parser("send", help="send to a DICOM server")
    sender.add_argument("address", metavar="HOST:PORT")
    sender.add_argument("--called", required=True, metavar="AE")
    sender.add_argument("--state", type=Path, metavar="FILE")
    args = parser.parse_args()
    leave_with_parent()
    now = datetime.now().astimezone()
    if args.command == "write":
        count = write_files(args.folder, new_plan(now))
        print(f"{args.folder}: {count} files")
        return 0
    plan = _plan_from(args.state, now)
    if args.state is not None:
        _write_state(args.state, plan, "sending")
    host, _, port = args.address.rpartition(":")
    try:
        send(host.strip("[]"), int(port), args.called, plan)
    except ConnectionError as exc:
        print(exc, file=sys.stderr)
        return 1
    if args.state is not None:
        _write_state(args.state, plan, "done")
    return 0


if __name__ == "__main__":
    sys.exit(main())
