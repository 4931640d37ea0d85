"""What an object says of its grey values, read by pydicom: rescale or Modality LUT, windows, VOI LUTs, inversion."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from tests.support.reference_pixels import ReferenceVoi

_FUNCTIONS = ("LINEAR", "LINEAR_EXACT", "SIGMOID")


def read(data: bytes) -> Dataset:
    """Return the data set of a file; one without a file header too."""
    return pydicom.dcmread(io.BytesIO(data), force=True)


def _group(ds: Dataset, number: int, keyword: str) -> Dataset:
    """Return the item of a functional group of a frame, the data set itself if there is none."""
    for sequence, index in (("PerFrameFunctionalGroupsSequence", number - 1), ("SharedFunctionalGroupsSequence", 0)):
        groups = ds.get(sequence)
        if groups and len(groups) > index and groups[index].get(keyword):
            found: Dataset = groups[index][keyword].value[0]
            return found
    return ds


def _table(item: Dataset) -> tuple[NDArray[np.int64], int, int]:
    """Return entries, first mapped value and bits of a Modality or VOI LUT (PS3.3 C.11.1.1.1)."""
    count, first, bits = (int(value) for value in item.LUTDescriptor)
    data = item.LUTData
    if isinstance(data, bytes):
        data = np.frombuffer(data, "<u2" if len(data) >= 2 * (count or 65536) else "u1")
    entries = np.atleast_1d(np.asarray(data)).astype(np.int64) & 0xFFFF
    return entries[: count or 65536], first, bits


def modality(ds: Dataset, stored: NDArray[Any], number: int) -> NDArray[np.float64]:
    """Return modality values of stored ones."""
    if ds.get("ModalityLUTSequence"):
        entries, first, _ = _table(ds.ModalityLUTSequence[0])
        return entries[np.clip(stored.astype(np.int64) - first, 0, len(entries) - 1)].astype(np.float64)
    item = _group(ds, number, "PixelValueTransformationSequence")
    slope, intercept = item.get("RescaleSlope"), item.get("RescaleIntercept")
    return stored.astype(np.float64) * float(1 if slope is None else slope) + float(intercept or 0)


def recommended(ds: Dataset, number: int) -> list[ReferenceVoi]:
    """Return windows, then VOI LUTs, as the object has them; a LINEAR one under 1 is meant exactly."""
    item = _group(ds, number, "FrameVOILUTSequence")
    found: list[ReferenceVoi] = []
    centers, widths = (np.atleast_1d(item.get(key) if item.get(key) is not None else []) for key in _WINDOW)
    for center, width in zip(centers, widths, strict=False):
        function = str(item.get("VOILUTFunction") or "LINEAR")
        function = function if function in _FUNCTIONS else "LINEAR"
        if float(width) > 0:
            exact = function == "LINEAR" and float(width) < 1
            found.append(ReferenceVoi(float(center), float(width), "LINEAR_EXACT" if exact else function))
    for one in ds.get("VOILUTSequence") or ():
        entries, first, bits = _table(one)
        found.append(ReferenceVoi(lut=tuple(entries.tolist()), lut_first_mapped=first, lut_bits=bits))
    return found


_WINDOW = ("WindowCenter", "WindowWidth")


def present(ds: Dataset, stored: NDArray[Any]) -> NDArray[np.bool_]:
    """Return which pixels of a grey image are no padding (PS3.3 C.7.5.1.1.2) and, of floats, a finite number."""
    found = np.isfinite(stored)
    padding = ds.get("PixelPaddingValue")
    if isinstance(padding, int) and stored.dtype.kind != "f":
        limit = ds.get("PixelPaddingRangeLimit")
        first, last = sorted((padding, padding if limit is None else int(limit)))
        found = (stored < first) | (stored > last)
    return np.asarray(found)


def full_dynamic(ds: Dataset, stored: NDArray[Any], values: NDArray[np.float64]) -> ReferenceVoi:
    """Return the window from the darkest to the lightest value, padding left out."""
    counted = np.isfinite(values) & present(ds, stored)
    if not counted.any():
        return ReferenceVoi(0.0, 1.0, "LINEAR_EXACT")
    low, high = float(values[counted].min()), float(values[counted].max())
    return ReferenceVoi((low + high) / 2, high - low if high > low else 1.0, "LINEAR_EXACT")


def default(ds: Dataset, stored: NDArray[Any], values: NDArray[np.float64], number: int) -> ReferenceVoi:
    """Return what an object without recommendation is shown with: see `webviewer.dicom.lut.default_voi`."""
    item = _group(ds, number, "PixelValueTransformationSequence")
    rescaled = (float(item.get("RescaleSlope") or 1), float(item.get("RescaleIntercept") or 0))
    if ds.get("Modality") == "CT" and rescaled[1] < 0 and item.get("RescaleType", "") in ("", None, "HU"):
        return ReferenceVoi(40.0, 400.0)
    is_as_stored = rescaled == (1.0, 0.0) and not ds.get("ModalityLUTSequence")
    if int(ds.get("BitsStored") or 16) <= 8 and not ds.get("PixelRepresentation") and is_as_stored:
        top = float(2 ** int(ds.BitsStored) - 1)
        return ReferenceVoi(top / 2, top, "LINEAR_EXACT")
    return full_dynamic(ds, stored, values)


def is_inverted(ds: Dataset) -> bool:
    """Tell whether low values are bright."""
    return bool(ds.PhotometricInterpretation == "MONOCHROME1" or ds.get("PresentationLUTShape") == "INVERSE")
