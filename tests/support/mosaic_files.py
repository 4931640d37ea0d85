"""Mosaics as Siemens and United Imaging store them, made from what is published of their private elements.

Written without regard to how the program reads them. A slice is known by the place of its first pixel; where the corner
of the whole mosaic comes to lie is counted from the middle of the slice, which both share.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import MRImageStorage

from tests.support.phantom_files import FRAME_OF_REFERENCE_UID, base, set_pixels

CsaTags = Mapping[str, tuple[str, Sequence[str]]]
"""VR and texts of each tag by its name."""

_SPARE_ITEMS = 6  # real tags have items beyond their values, which are empty


def csa1(tags: CsaTags) -> bytes:
    """Return a header of the first form."""
    first_items = len(next(iter(tags.values()))[1]) + _SPARE_ITEMS
    return struct.pack("<2I", len(tags), 77) + b"".join(
        _tag(name, vr, texts, lambda length: (length + first_items, length, 77, length))
        for name, (vr, texts) in tags.items()
    )


def csa2(tags: CsaTags) -> bytes:
    """Return a header of the second form."""
    return (
        b"SV10\4\3\2\1"
        + struct.pack("<2I", len(tags), 77)
        + b"".join(
            _tag(name, vr, texts, lambda length: (length, length, 77, length)) for name, (vr, texts) in tags.items()
        )
    )


def _tag(name: str, vr: str, texts: Sequence[str], head_of: Any) -> bytes:
    items = [*texts, *[""] * _SPARE_ITEMS]
    parts = [struct.pack("<64si4s3i", name.encode(), len(texts), vr.encode(), 6, len(items), 77)]
    for text in items:
        value = text.encode() + b"\0" if text else b""
        parts += [struct.pack("<4i", *head_of(len(value))), value + b"\0" * (-len(value) % 4)]
    return b"".join(parts)


def slices(count: int, rows: int, columns: int, seed: int = 1) -> NDArray[np.uint16]:
    """Return slices of 12 bits, (count, rows, columns): every pixel of them tells its place."""
    k, j, i = np.mgrid[0:count, 0:rows, 0:columns]
    values: NDArray[np.uint16] = ((k * 131 + j * 17 + i * 5 + seed * 977) % 4096).astype(np.uint16)
    return values


def tiled(values: NDArray[np.uint16], down: int, across: int) -> NDArray[np.uint16]:
    """Return slices (count, rows, columns) beside and below one another in one picture, blank behind the last one."""
    count, rows, columns = values.shape
    picture = np.zeros((down * rows, across * columns), np.uint16)
    for number in range(count):
        y, x = number // across * rows, number % across * columns
        picture[y : y + rows, x : x + columns] = values[number]
    return picture


def siemens_mosaic(
    values: NDArray[np.uint16],
    *,
    first: Sequence[float] = (-100.0, -90.0, -40.0),
    orientation: Sequence[float] = (1, 0, 0, 0, 1, 0),
    pixel_spacing: tuple[float, float] = (2.0, 2.5),
    step: Sequence[float] = (0.0, 0.0, 4.0),
    form: Any = csa2,
    b_value: str | None = None,
    instance_number: int = 1,
    **more: Any,
) -> Dataset:
    """Return a mosaic whose first tile lies at ``first`` and each further one ``step`` on, mm in LPS."""
    count, rows, columns = values.shape
    across = math.ceil(math.sqrt(count))
    ds = _mr(orientation, pixel_spacing, instance_number, **more)
    ds.ImageType = ["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"]
    right, below = np.array(orientation[:3], float), np.array(orientation[3:], float)
    middle = (
        np.array(first, float)
        + right * pixel_spacing[1] * (columns - 1) / 2
        + below * pixel_spacing[0] * (rows - 1) / 2
    )
    corner = (
        middle
        - right * pixel_spacing[1] * (across * columns - 1) / 2
        - below * pixel_spacing[0] * (across * rows - 1) / 2
    )
    distance = float(np.linalg.norm(step))
    ds.ImagePositionPatient = [f"{v:.9g}" for v in corner]
    ds.SpacingBetweenSlices = f"{distance:.9g}"
    ds.SliceThickness = f"{distance * 0.8:.9g}"
    block = ds.private_block(0x0019, "SIEMENS MR HEADER", create=True)
    block.add_new(0x0A, "US", count)
    normal = np.array(step, float) / distance
    tags: dict[str, tuple[str, Sequence[str]]] = {
        "EchoLinePosition": ("IS", ["64"]),
        "NumberOfImagesInMosaic": ("US", [f"{count:8d}"]),
        "SliceNormalVector": ("FD", [f"{v:.8f}" for v in normal]),
        "ProtocolSliceNumber": ("IS", ["0"]),
        "MosaicRefAcqTimes": ("FD", [f"{62.5 * (number * 7 % count):.8f}" for number in range(count)]),
    }
    if b_value is not None:
        tags["B_value"] = ("IS", [b_value])
    ds.private_block(0x0029, "SIEMENS CSA HEADER", create=True).add_new(0x10, "OB", _even(form(tags)))
    return set_pixels(ds, tiled(values, across, across), bits_stored=12)


def uih_mosaic(
    values: NDArray[np.uint16],
    *,
    first: Sequence[float] = (-100.0, -90.0, -40.0),
    orientation: Sequence[float] = (1, 0, 0, 0, 1, 0),
    pixel_spacing: tuple[float, float] = (2.0, 2.5),
    step: Sequence[float] = (0.0, 0.0, 4.0),
    instance_number: int = 1,
    **more: Any,
) -> Dataset:
    """Return a grid of United Imaging: its rows of tiles are as few as hold all of them."""
    count = len(values)
    across = math.ceil(math.sqrt(count))
    ds = _mr(orientation, pixel_spacing, instance_number, **more)
    ds.ImageType = ["ORIGINAL", "PRIMARY", "DIFFUSION", "VFRAME"]
    ds.ImagePositionPatient = [str(v) for v in first]
    block = ds.private_block(0x0065, "Image Private Header", create=True)
    block.add_new(0x50, "DS", str(count))
    items = []
    for number in range(count):
        item = Dataset()
        item.ImagePositionPatient = [f"{v:.9g}" for v in np.array(first, float) + number * np.array(step, float)]
        items.append(item)
    block.add_new(0x51, "SQ", DicomSequence(items))
    return set_pixels(ds, tiled(values, math.ceil(count / across), across), bits_stored=12)


def _mr(orientation: Sequence[float], pixel_spacing: tuple[float, float], instance_number: int, **more: Any) -> Dataset:
    ds = base(sop_class_uid=MRImageStorage, modality="MR", instance_number=instance_number, **more)
    ds.FrameOfReferenceUID = FRAME_OF_REFERENCE_UID
    ds.PatientPosition = "HFS"
    ds.AcquisitionNumber = instance_number
    ds.ImageOrientationPatient = [f"{v:.9g}" for v in orientation]
    ds.PixelSpacing = [f"{v:.9g}" for v in pixel_spacing]
    ds.WindowCenter, ds.WindowWidth = "2048", "4096"
    return ds


def _even(octets: bytes) -> bytes:
    return octets + b"\0" * (len(octets) % 2)
