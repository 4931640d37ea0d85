"""The lowest and the highest voxel of a volume, without the padding around what was scanned. Pure NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from webviewer.dicom.attributes import ImageAttributes
from webviewer.dicom.volume_values import VolumeValues

_TOP = 65535

Ends = tuple[int, int]
"""Two voxel values, both included."""


def padding_of(values: VolumeValues, image: ImageAttributes, frame_number: int) -> Ends | None:
    """Return which voxels are Pixel Padding (PS3.3 C.7.5.1.1.2) and not an image; None if none are.

    Bright padding is voxel 0 already, see `webviewer.dicom.volume_values.to_voxels`.

    Parameters
    ----------
    image, frame_number
        Any frame of the volume; where they are padded differently nothing is left out.
    """
    if image.pixel_padding_value is None or image.modality_lut is not None or image.pixel_element != "PixelData":
        return None
    limit = image.pixel_padding_range_limit
    first, last = sorted((image.pixel_padding_value, image.pixel_padding_value if limit is None else limit))
    top = 1 << image.bits_stored
    middle = -0.5 if image.pixel_representation == 1 else (top - 1) / 2
    if first > middle:
        return 0, 0
    if values.offsets is not None:
        if len(set(values.offsets)) > 1:
            return None
        ends = [end + values.offsets[0] for end in (first, last)]
    else:
        frame = image.frame(frame_number)
        found = [(end * frame.rescale_slope + frame.rescale_intercept - values.intercept) for end in (first, last)]
        ends = sorted(round(end / values.slope) for end in found)
    return (max(0, ends[0]), min(_TOP, ends[1])) if ends[1] >= 0 and ends[0] <= _TOP else None


def ends_of(voxels: NDArray[np.uint16], padding: Ends | None) -> Ends | None:
    """Return the lowest and the highest voxel that is no padding; None if there is none."""
    if not voxels.size:
        return None
    low, high = int(voxels.min()), int(voxels.max())
    if padding is None or high < padding[0] or low > padding[1]:
        return low, high
    first, last = padding
    width = last - first + 1
    # Counted from one end of the padding, modulo 65536, padding lies at the other end of all numbers.
    if low >= first:
        above = int(_shifted(voxels, -(last + 1)).min())
        if above > _TOP - width:
            return None
        low = above + last + 1
    if high <= last:
        below = int(_shifted(voxels, -first).max())
        if below < width:
            return None
        high = below + first - (_TOP + 1)
    return low, high


def _shifted(voxels: NDArray[np.uint16], by: int) -> NDArray[Any]:
    return voxels + np.uint16(by % (_TOP + 1))


def both_ends(one: Ends | None, other: Ends | None) -> Ends | None:
    """Return the ends of two ranges together."""
    if one is None or other is None:
        return one or other
    return min(one[0], other[0]), max(one[1], other[1])
