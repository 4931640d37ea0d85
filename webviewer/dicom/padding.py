"""Pixel padding: which stored values stand for no measurement (PS3.3 C.7.5.1.1.2). Used wherever pixels become numbers.

- Padding is what the header says, never what looks like it: Pixel Padding Value, or all values from it to Pixel Padding
  Range Limit, of grey images; Float and Double Float Pixel Padding Value of floating point images.
- A float that is no finite number is no measurement either.
- A padded pixel is *absent*: it is no part of an interpolation, a statistic, a histogram or a window.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from webviewer.dicom.attributes import ImageAttributes
from webviewer.dicom.pixel_module import GREY


@dataclass(frozen=True, slots=True)
class PaddingRange:
    """The stored values from ``first`` to ``last``, both included, are padding; ``first`` is not over ``last``."""

    first: float
    last: float

    def holds(self, stored: NDArray[Any]) -> NDArray[np.bool_]:
        """Tell which stored values are padding; same shape."""
        is_one = self.first == self.last
        found = stored == self.first if is_one else (stored >= self.first) & (stored <= self.last)
        return np.asarray(found)


def padding_range(image: ImageAttributes) -> PaddingRange | None:
    """Return which stored values of an image are padding; None = no value is."""
    if image.pixel_element != "PixelData":
        return _ordered(image.float_padding_value, image.float_padding_range_limit)
    if image.photometric_interpretation not in GREY or image.samples_per_pixel != 1:
        return None
    value, limit = (
        None if found is None else _as_stored(found, image)
        for found in (image.pixel_padding_value, image.pixel_padding_range_limit)
    )
    return _ordered(value, limit)


def absent_pixels(stored: NDArray[Any], image: ImageAttributes) -> NDArray[np.bool_] | None:
    """Return which pixels of decoded stored values are absent, same shape; None = none of them."""
    padding = padding_range(image)
    absent = None if padding is None else padding.holds(stored)
    if stored.dtype.kind == "f":
        is_no_number = ~np.isfinite(stored)
        absent = is_no_number if absent is None else absent | is_no_number
    return absent if absent is not None and absent.any() else None


def keep_padding_words(decoded: NDArray[Any], words: NDArray[Any], image: ImageAttributes) -> NDArray[Any]:
    """Return decoded values in which padding that Bits Stored cannot express is as it was stored.

    Some writers pad with a word beyond Bits Stored, which cutting it to Bits Stored would turn into anatomy.

    Parameters
    ----------
    decoded
        Values cut to Bits Stored, whole numbers.
    words
        The same before they were cut, same shape and size of a number.
    """
    padding = padding_range(image)
    if padding is None:
        return decoded
    low, high = stored_ends(image.bits_stored, is_signed=image.pixel_representation == 1)
    if low <= padding.first and padding.last <= high:
        return decoded
    raw = words.view(decoded.dtype)
    is_beyond = padding.holds(raw) & ((raw < low) | (raw > high))
    return np.where(is_beyond, raw, decoded) if is_beyond.any() else decoded


def stored_ends(bits: int, *, is_signed: bool) -> tuple[int, int]:
    """Return the lowest and the highest whole number of so many bits."""
    return (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if is_signed else (0, (1 << bits) - 1)


def _ordered(value: float | None, limit: float | None) -> PaddingRange | None:
    if value is None:
        return None
    other = value if limit is None else limit
    return PaddingRange(min(value, other), max(value, other))


def _as_stored(value: int, image: ImageAttributes) -> int:
    """Return a value as pixels have it: one written as an unsigned pattern of Bits Stored may mean a signed number."""
    span = 1 << image.bits_stored
    is_pattern = image.pixel_representation == 1 and span // 2 <= value < span
    return value - span if is_pattern else value
