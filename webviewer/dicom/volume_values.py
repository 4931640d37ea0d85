"""Values of a volume: pixel values of all its slices as 16 bits with one slope and intercept.

``value = voxel * slope + intercept`` in modality units (PS3.3 C.11.1), a voxel being uint16. Where slices share a
rescale their stored values are kept exactly, those of signed data shifted; a Modality LUT is looked up, which is exact
too. Where rescale differs from slice to slice (PET), and for values of more than 16 bits, the whole range is divided
into 65,535 steps. Pixel padding (PS3.3 C.7.5.1.1.2) and floats that are no number are absent: their voxels hold 0, and
which ones they are is told beside the voxels.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from webviewer.core.errors import DataError
from webviewer.dicom.attributes import ImageAttributes
from webviewer.dicom.lut import modality_values
from webviewer.dicom.padding import absent_pixels, padding_range, stored_ends
from webviewer.dicom.pixel_module import GREY
from webviewer.dicom.sentence import Sentence, say
from webviewer.dicom.transfer_syntaxes import (
    EXPLICIT_VR_BIG_ENDIAN,
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
)

MAX_VALUE = 1e9
"""As the contract with the browser has it (`webviewer.protocol.base.Finite`)."""
_LEAST_RANGE = 1e-12  # as windows may be narrow
_TOP = 65535
_IN_OUR_ORDER = frozenset(
    {IMPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN} if sys.byteorder == "little" else {EXPLICIT_VR_BIG_ENDIAN}
)


@dataclass(frozen=True, slots=True)
class _Source:
    """What one frame stores: whole numbers ``low`` … ``high`` that mean ``number * slope + intercept``."""

    low: int
    high: int
    slope: float
    intercept: float

    @property
    def ends(self) -> tuple[float, float]:
        one, other = self.low * self.slope + self.intercept, self.high * self.slope + self.intercept
        return min(one, other), max(one, other)


@dataclass(frozen=True, slots=True)
class VolumeValues:
    """How the frames of a volume become voxels: ``value = voxel * slope + intercept``.

    ``offsets`` (one for each frame) are added to stored values to give voxels; None where values are quantised, in
    steps of ``slope``. ``units`` is the Rescale Type.
    """

    slope: float
    intercept: float
    offsets: tuple[int, ...] | None
    units: str = ""

    @property
    def is_exact(self) -> bool:
        """Tell whether every stored value has a voxel value of its own."""
        return self.offsets is not None

    @property
    def note(self) -> Sentence | None:
        """What a doctor should know of the values; None if they are those of the images."""
        return None if self.is_exact else say("values_rounded", float(f"{self.slope:.3g}"))


def needs_value_range(images: Sequence[ImageAttributes]) -> bool:
    """Tell whether the range of values must be known from the pixels: more than 16 bits, or floating point."""
    return any(image.modality_lut is None and (_is_float(image) or image.bits_allocated > 16) for image in images)


def value_range(stored: NDArray[Any], image: ImageAttributes, frame_number: int) -> tuple[float, float] | None:
    """Return the lowest and the highest modality value of a decoded frame; None if all its pixels are absent."""
    absent = absent_pixels(stored, image)
    values = _exact_values(stored if absent is None else stored[~absent], image, frame_number)
    return (float(values.min()), float(values.max())) if values.size else None


def plan_values(
    images: Sequence[ImageAttributes],
    frame_numbers: Sequence[int],
    value_range: tuple[float, float] | None = None,
) -> VolumeValues:
    """Return how the frames of a volume become voxels, before a pixel is read.

    Parameters
    ----------
    images, frame_numbers
        Object and number (from 1) of each frame of the volume, in the order of its plan.
    value_range
        Lowest and highest modality value of all frames (`value_range`), where `needs_value_range` asks for it. Where
        values are quantised anyway, it makes the steps finer.

    Raises
    ------
    DataError
        The range is needed and was not given, or the values have none, reach beyond ``MAX_VALUE``, or lie too close.
    """
    found = _planned(images, frame_numbers, value_range)
    highest = max(abs(found.intercept), abs(found.intercept + _TOP * found.slope))
    if not highest <= MAX_VALUE:
        raise DataError(
            f"The values of this volume may be as large as {highest:.3g}: windows and curves reach to {MAX_VALUE:.0e}."
        )
    if _TOP * found.slope < _LEAST_RANGE:
        raise DataError(f"The values of this volume span {_TOP * found.slope:.3g} only: no window is as narrow.")
    return found


def _planned(
    images: Sequence[ImageAttributes], frame_numbers: Sequence[int], value_range: tuple[float, float] | None
) -> VolumeValues:
    units = images[0].frame(frame_numbers[0]).rescale_type
    if needs_value_range(images):
        if value_range is None:
            raise DataError("The range of the values of this volume is not known, and they have more than 16 bits.")
        return _quantised(*value_range, units)
    sources = [_source(image, number) for image, number in zip(images, frame_numbers, strict=True)]
    exact = _exact(sources, units)
    if exact is None:
        exact = _exact([_within_bits(s, image) for s, image in zip(sources, images, strict=True)], units)
    if exact is not None:
        return exact
    if value_range is not None:
        return _quantised(*value_range, units)
    ends = [source.ends for source in sources]
    return _quantised(min(low for low, _ in ends), max(high for _, high in ends), units)


@dataclass(frozen=True, slots=True)
class WordVoxels:
    """How the 16-bit words of an uncompressed frame become voxels: ``((word & kept) ^ sign) + lift``, modulo 65,536.

    ``padding`` is the first and the last voxel that padding becomes; None where no word is padding.
    """

    kept: int
    sign: int
    lift: int
    padding: tuple[int, int] | None = None

    def apply(self, words: NDArray[np.uint16]) -> NDArray[np.bool_] | None:
        """Make voxels of words where they lie, and return as `to_voxels` which are absent."""
        if self.kept != _TOP:
            np.bitwise_and(words, np.uint16(self.kept), out=words)
        if self.sign:
            np.bitwise_xor(words, np.uint16(self.sign), out=words)
        if self.lift:
            np.add(words, np.uint16(self.lift), out=words)
        return None if self.padding is None else self._absent(words, *self.padding)

    @staticmethod
    def _absent(voxels: NDArray[np.uint16], first: int, last: int) -> NDArray[np.bool_] | None:
        # What is under the first comes out over the top.
        absent = voxels == first if first == last else voxels - np.uint16(first) <= np.uint16(last - first)
        if not absent.any():
            return None
        voxels[absent] = 0
        return np.asarray(absent)


def word_voxels(values: VolumeValues, position: int, image: ImageAttributes) -> WordVoxels | None:
    """Return how the words of a frame become voxels, as `to_voxels` makes them of what was decoded.

    Parameters
    ----------
    values, position, image
        As for `to_voxels`.

    Returns
    -------
    None where that is not enough to be done: compressed, big endian, of another size, looked up, quantised, or padded
    with words beyond Bits Stored.
    """
    bits = image.bits_stored
    if (
        values.offsets is None
        or image.transfer_syntax_uid not in _IN_OUR_ORDER
        or image.bits_allocated != 16
        or image.high_bit != bits - 1
        or image.is_byte_swapped
        or image.photometric_interpretation not in GREY
        or image.samples_per_pixel != 1
        or image.modality_lut is not None
        or image.refusal
        or _is_float(image)
    ):
        return None
    is_signed = image.pixel_representation == 1
    # A sign bit that is turned makes the lowest number 0: they rise from there.
    sign = 1 << (bits - 1) if is_signed else 0
    offset = values.offsets[position]
    how = WordVoxels((1 << bits) - 1, sign, (offset - sign) % (_TOP + 1))
    padding = padding_range(image)
    if padding is None:
        return how
    low, high = stored_ends(bits, is_signed=is_signed)
    if padding.first < low or padding.last > high:
        return None
    first, last = int(padding.first) + offset, int(padding.last) + offset
    return replace(how, padding=(first, last)) if first >= 0 and last <= _TOP else None


def to_voxels(
    values: VolumeValues,
    position: int,
    stored: NDArray[Any],
    image: ImageAttributes,
    frame_number: int,
    *,
    out: NDArray[np.uint16],
) -> NDArray[np.bool_] | None:
    """Write the voxels of one decoded frame.

    Parameters
    ----------
    values
        Of the volume.
    position
        Of the frame in the plan, from 0.
    stored
        Its stored values (rows, columns), as `decode.decode_stored` gives them.
    image, frame_number
        As for `plan_values`.
    out
        (rows, columns), uint16: written. Values outside take the nearest end.

    Returns
    -------
    Which voxels are absent, (rows, columns): they hold 0. None = none of them.
    """
    absent = absent_pixels(stored, image)
    if values.offsets is None:
        steps = (_exact_values(stored, image, frame_number) - values.intercept) / values.slope
        np.copyto(out, np.nan_to_num(np.clip(np.rint(steps), 0, _TOP), nan=0.0), casting="unsafe")
    else:
        _shifted(stored, values.offsets[position], image, frame_number, out)
    if absent is not None:
        out[absent] = 0
    return absent


def _shifted(
    stored: NDArray[Any], offset: int, image: ImageAttributes, frame_number: int, out: NDArray[np.uint16]
) -> None:
    if image.modality_lut is not None:
        stored = _exact_values(stored, image, frame_number).astype(np.int32)
    if stored.dtype == np.uint16 and offset == 0:
        np.copyto(out, stored)
    elif stored.dtype == np.int16 and offset == 32768:
        np.bitwise_xor(stored.view(np.uint16), np.uint16(32768), out=out)  # adds without a wider copy
    else:
        np.copyto(out, np.clip(stored.astype(np.int32) + offset, 0, _TOP), casting="unsafe")


def _is_float(image: ImageAttributes) -> bool:
    return image.pixel_element != "PixelData"


def _exact_values(stored: NDArray[Any], image: ImageAttributes, frame_number: int) -> NDArray[np.float64]:
    if image.modality_lut is not None:
        return modality_values(stored, image, frame_number).astype(np.float64)
    frame = image.frame(frame_number)
    return stored.astype(np.float64) * frame.rescale_slope + frame.rescale_intercept


def _source(image: ImageAttributes, frame_number: int) -> _Source:
    if image.modality_lut is not None:  # stands in place of the rescale
        return _Source(min(image.modality_lut.data), max(image.modality_lut.data), 1.0, 0.0)
    frame = image.frame(frame_number)
    # Bits Allocated: what a lossy stream overshoots Bits Stored by has room.
    low, high = stored_ends(max(image.bits_allocated, 8), is_signed=image.pixel_representation == 1)
    return _Source(low, high, frame.rescale_slope, frame.rescale_intercept)


def _within_bits(source: _Source, image: ImageAttributes) -> _Source:
    if image.modality_lut is not None:
        return source
    low, high = stored_ends(image.bits_stored, is_signed=image.pixel_representation == 1)
    return _Source(low, high, source.slope, source.intercept)


def _exact(sources: Sequence[_Source], units: str) -> VolumeValues | None:
    """Return values that keep every stored one; None if slopes differ, or 16 bits are too few for all of them.

    A slope under 0 is none here: the highest voxel is the highest value, or a maximum projection shows the minimum.
    """
    slope = sources[0].slope
    base = sources[0].intercept
    if slope <= 0:
        return None
    shifts = []  # of stored values, where intercepts differ by whole steps
    for source in sources:
        shift = (source.intercept - base) / slope
        if source.slope != slope or abs(shift - round(shift)) > 1e-9 or abs(shift) > _TOP:
            return None
        shifts.append(round(shift))
    low = min(source.low + shift for source, shift in zip(sources, shifts, strict=True))
    high = max(source.high + shift for source, shift in zip(sources, shifts, strict=True))
    if high - low > _TOP:
        return None
    low = min(low, 0) if high - min(low, 0) <= _TOP else low
    return VolumeValues(slope, base + low * slope, tuple(shift - low for shift in shifts), units)


def _quantised(low: float, high: float, units: str) -> VolumeValues:
    if not (math.isfinite(low) and math.isfinite(high)):
        raise DataError(f"The values of this volume reach from {low} to {high}, which is no range.")
    step = (high - low) / _TOP
    return VolumeValues(step if step > 0 else 1.0, low, None, units)
