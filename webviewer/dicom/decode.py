"""From a frame's bytes as stored to its values: every transfer syntax with images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from webviewer.dicom.attributes import ImageAttributes


@dataclass(frozen=True, slots=True)
class DecodedFrame:
    """A decoded frame.

    ``values`` are stored values, (rows, columns), int8 … uint32, float32 or float64, of a grey image; of a colour image
    (``is_colour``) RGB, (rows, columns, 3), uint8, ready to be shown (YBR and palettes are resolved).
    """

    values: NDArray[Any]
    is_colour: bool


def decode_frame(data: bytes, attributes: ImageAttributes, frame_number: int = 1) -> DecodedFrame:
    """Return the values of a frame, ready for `webviewer.dicom.lut` (grey) or for showing (colour).

    Raises
    ------
    DecodeError
        Refused, short, damaged or contradicting data, in words for the doctor.
    """
    raise NotImplementedError


def decode_stored(data: bytes, attributes: ImageAttributes, frame_number: int = 1) -> NDArray[Any]:
    """Return the values as stored, before palette and colour conversion: (rows, columns) or (rows, columns, 3)."""
    raise NotImplementedError


def rgb_from_stored(stored: NDArray[Any], attributes: ImageAttributes) -> NDArray[np.uint8]:
    """Return RGB (rows, columns, 3) of stored colour or palette values."""
    raise NotImplementedError
