"""Grey maps: from modality values to the 8-bit grey of a canvas, as plain data for the engine (PS3.3 C.11.2)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from webviewer.core.errors import InvalidInput
from webviewer.dicom.lut import VoiChoice


class VoiFunction(IntEnum):
    """How a window maps values; numbers are those of ``shaders/voi.glsl``."""

    LINEAR = 0
    LINEAR_EXACT = 1
    SIGMOID = 2
    LUT = 3


@dataclass(frozen=True, slots=True)
class GreyMap:
    """One way from modality values to grey.

    ``table`` is (entries,) float32 from 0 to 1, for ``LUT`` only; ``first_mapped`` is the value of its first entry.
    """

    function: VoiFunction
    center: float
    width: float
    inverted: bool = False
    first_mapped: float = 0.0
    table: NDArray[np.float32] | None = None


def grey_map(voi: VoiChoice, *, inverted: bool) -> GreyMap:
    """Return the grey map of a VOI choice; ``inverted`` is whether low values are bright.

    Of a VOI LUT, center and width tell the range of values that it maps.

    Raises
    ------
    InvalidInput
        A window without width, an unknown function, an empty table.
    """
    if voi.lut is not None:
        entries = len(voi.lut.data)
        if entries == 0 or not 1 <= voi.lut.bits <= 16:
            raise InvalidInput(f"A VOI LUT of {entries} entries of {voi.lut.bits} bits cannot be used.")
        table = np.asarray(voi.lut.data, dtype=np.float32) / np.float32(2**voi.lut.bits - 1)
        return GreyMap(
            function=VoiFunction.LUT,
            center=voi.lut.first_mapped + entries / 2,
            width=float(entries),
            inverted=inverted,
            first_mapped=float(voi.lut.first_mapped),
            table=np.clip(table, 0.0, 1.0),
        )
    if voi.function not in VoiFunction.__members__ or voi.function == "LUT":
        raise InvalidInput(f"VOI LUT Function {voi.function!r} is invalid: must be LINEAR, LINEAR_EXACT or SIGMOID.")
    if not voi.width > 0:
        raise InvalidInput(f"Window Width {voi.width} is invalid: must be greater than 0.")
    return GreyMap(function=VoiFunction[voi.function], center=voi.center, width=voi.width, inverted=inverted)
