"""Stored colour to RGB: YBR variants, palettes, depths (PS3.3 C.7.6.3.1.2 and C.7.9)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from webviewer.core.errors import DecodeError
from webviewer.dicom.attributes import ImageAttributes, LookupTable
from webviewer.dicom.colour_table import ColourSpace

# Rows give R, G, B from Y, Cb, Cr (ITU-R BT.601), chroma about their middle.
_RGB_FROM_YBR = np.array([[1.0, 0.0, 1.402], [1.0, -0.344136, -0.714136], [1.0, 1.772, 0.0]])


def rgb_from_ybr(values: NDArray[Any], bits: int, *, is_partial: bool = False) -> NDArray[Any]:
    """Return RGB of full-range (or partial-range) YCbCr, (…, 3), unsigned of ``bits`` bits, same dtype."""
    top = float((1 << bits) - 1)
    middle = float(1 << (bits - 1))
    ybr = values.astype(np.float64)
    if is_partial:
        scale = float(1 << (bits - 8))
        ybr[..., 0] = (ybr[..., 0] - 16 * scale) * (top / (219 * scale))
        ybr[..., 1:] = (ybr[..., 1:] - middle) * (top / (224 * scale))
    else:
        ybr[..., 1:] -= middle
    rgb = ybr @ _RGB_FROM_YBR.T
    rounded: NDArray[Any] = np.clip(np.floor(rgb + 0.5), 0, top).astype(values.dtype)
    return rounded


def palette_rgb(stored: NDArray[Any], attributes: ImageAttributes) -> NDArray[Any]:
    """Return the entries of the palette, (rows, columns, 3), uint8 or uint16 as the entries of the tables are.

    Raises
    ------
    DecodeError
        There is no palette.
    """
    if attributes.palette is None:
        raise DecodeError("The color palette of this image is missing or damaged.")
    is_byte = not any(_has_words(table) for table in attributes.palette)
    planes = [_looked_up(stored, table, np.uint8 if is_byte else np.uint16) for table in attributes.palette]
    return np.stack(planes, axis=-1)


def _looked_up(stored: NDArray[Any], table: LookupTable, dtype: type[np.generic]) -> NDArray[Any]:
    entries = np.array(table.data).astype(dtype)
    index = np.clip(stored.astype(np.int64) - table.first_mapped, 0, len(entries) - 1)
    return entries[index]


def _has_words(table: LookupTable) -> bool:
    """Tell whether entries of a table have more than 8 bits; some writers claim 8 bits for 16-bit entries."""
    return table.bits > 8 or max(table.data, default=0) > 0xFF


def _excess_bits(palette: Sequence[LookupTable]) -> NDArray[np.int64]:
    """Return for each table of a palette by how many bits its entries exceed 8.

    Tables with more than 8 bits have one depth together: blue may be dark throughout. Where all their entries are below
    256, they are 8-bit entries in words of 16 bits: common against the standard, unlike an all but black palette.
    """
    words = [table for table in palette if _has_words(table)]
    top = max((max(table.data, default=0) for table in words), default=0)
    bits = max((table.bits for table in words), default=8)
    excess = 0 if top <= 0xFF else 8 if top >> bits else bits - 8
    return np.array([excess if _has_words(table) else 0 for table in palette])


def rgb8_of(stored: NDArray[Any], space: ColourSpace, attributes: ImageAttributes) -> NDArray[np.uint8]:
    """Return RGB for showing.

    Parameters
    ----------
    stored
        Decoded values, (rows, columns) or (rows, columns, 3), as `decode.decode_stored` returns them.
    space
        Their color space: not `ColourSpace.GREY`.
    attributes
        Of the image: palette and depth.

    Returns
    -------
    numpy.ndarray
        (rows, columns, 3), uint8.

    Raises
    ------
    DecodeError
        A palette is missing.
    """
    if space is ColourSpace.PALETTE:
        rgb = palette_rgb(stored, attributes)
        shown: NDArray[np.uint8] = (rgb >> _excess_bits(attributes.palette or ()).astype(rgb.dtype)).astype(np.uint8)
        return shown
    bits = attributes.bits_stored
    if space in {ColourSpace.YBR_FULL, ColourSpace.YBR_PARTIAL}:
        stored = rgb_from_ybr(stored, bits, is_partial=space is ColourSpace.YBR_PARTIAL)
    if bits == 8:
        return stored.astype(np.uint8, copy=False)
    top = float((1 << bits) - 1)
    return np.floor(stored.astype(np.float64) * (255.0 / top) + 0.5).clip(0, 255).astype(np.uint8)
