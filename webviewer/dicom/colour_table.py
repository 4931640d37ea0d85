"""Color space of decoded values: codec × Photometric Interpretation × what the code stream says. Used by `decode`.

A decoder may undo the color transform of its stream. A header often keeps the Photometric Interpretation from before a
compression or a decompression. So neither of the two alone says whether values still have to become RGB, and a second
conversion makes a wrong picture. This table is the only place that decides.

Rules, strongest evidence first
-------------------------------
1. Samples per Pixel 1: grey or palette indices, whatever the stream says of color.
2. The stream states that its decoder returns RGB (`StreamColour.RGB`): RGB. A JPEG 2000 stream with a multiple
   component transform, a JPEG XL stream with an RGB color encoding, a JPEG stream with an Adobe marker of transform 0.
3. The stream states YCbCr, which the decoder leaves as it is (`StreamColour.YBR`): YCbCr of full range, the range of
   JFIF. Only a header that names the partial range is believed about the range.
4. The stream is silent: the header decides. YBR_RCT, YBR_ICT and XYB name transforms that only a decoder undoes, so
   values under these names are RGB: either a decoder undid the transform and left the name, or there was none.

References
----------
PS3.3 C.7.6.3.1.2; PS3.5 8.2 (tables of valid Photometric Interpretations for each codec).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from webviewer.dicom.transfer_syntaxes import Codec


class StreamColour(StrEnum):
    """What a code stream says of the color of its decoded values."""

    SILENT = "silent"
    YBR = "YBR"  # YCbCr, which our decoder does not convert
    RGB = "RGB"  # red, green and blue: of the stream itself, or because the decoder undoes its transform


class ColourSpace(StrEnum):
    """What the values of a decoded frame are."""

    GREY = "grey"
    PALETTE = "palette"
    RGB = "RGB"
    YBR_FULL = "YBR_FULL"
    YBR_PARTIAL = "YBR_PARTIAL"


_Row = MappingProxyType[str, ColourSpace]

_ONE_SAMPLE: Final = {
    "MONOCHROME1": ColourSpace.GREY,
    "MONOCHROME2": ColourSpace.GREY,
    "PALETTE COLOR": ColourSpace.PALETTE,
}
_BY_HEADER: Final = _Row(
    {
        **_ONE_SAMPLE,
        "RGB": ColourSpace.RGB,
        "YBR_FULL": ColourSpace.YBR_FULL,
        "YBR_FULL_422": ColourSpace.YBR_FULL,
        "YBR_PARTIAL_422": ColourSpace.YBR_PARTIAL,
        "YBR_PARTIAL_420": ColourSpace.YBR_PARTIAL,
        "YBR_ICT": ColourSpace.RGB,
        "YBR_RCT": ColourSpace.RGB,
        "XYB": ColourSpace.RGB,
    }
)
_STREAM_IS_YBR: Final = _Row(
    {
        **_ONE_SAMPLE,
        "RGB": ColourSpace.YBR_FULL,
        "YBR_FULL": ColourSpace.YBR_FULL,
        "YBR_FULL_422": ColourSpace.YBR_FULL,
        "YBR_PARTIAL_422": ColourSpace.YBR_PARTIAL,
        "YBR_PARTIAL_420": ColourSpace.YBR_PARTIAL,
        "YBR_ICT": ColourSpace.YBR_FULL,
        "YBR_RCT": ColourSpace.YBR_FULL,
        "XYB": ColourSpace.YBR_FULL,
    }
)
_STREAM_IS_RGB: Final = _Row(
    {
        **_ONE_SAMPLE,
        "RGB": ColourSpace.RGB,
        "YBR_FULL": ColourSpace.RGB,
        "YBR_FULL_422": ColourSpace.RGB,
        "YBR_PARTIAL_422": ColourSpace.RGB,
        "YBR_PARTIAL_420": ColourSpace.RGB,
        "YBR_ICT": ColourSpace.RGB,
        "YBR_RCT": ColourSpace.RGB,
        "XYB": ColourSpace.RGB,
    }
)

DECODED: Final[Mapping[tuple[Codec, StreamColour], Mapping[str, ColourSpace]]] = MappingProxyType(
    {
        # No color transform and no word about color in these streams.
        (Codec.NATIVE, StreamColour.SILENT): _BY_HEADER,
        (Codec.RLE, StreamColour.SILENT): _BY_HEADER,
        (Codec.DEFLATED_FRAME, StreamColour.SILENT): _BY_HEADER,
        # Adobe marker, JFIF, subsampling, component identifiers, quantization tables: `codestream`.
        (Codec.JPEG, StreamColour.SILENT): _BY_HEADER,
        (Codec.JPEG, StreamColour.YBR): _STREAM_IS_YBR,
        (Codec.JPEG, StreamColour.RGB): _STREAM_IS_RGB,
        # A SPIFF header of YCbCr, or the transform of Hewlett-Packard (`mrfx`), which the decoder undoes.
        (Codec.JPEG_LS, StreamColour.SILENT): _BY_HEADER,
        (Codec.JPEG_LS, StreamColour.YBR): _STREAM_IS_YBR,
        (Codec.JPEG_LS, StreamColour.RGB): _STREAM_IS_RGB,
        # Multiple component transform, which the decoder undoes, or none. Boxes of JP2 are not read (PS3.5 A.4.4).
        (Codec.JPEG_2000, StreamColour.SILENT): _BY_HEADER,
        (Codec.JPEG_2000, StreamColour.RGB): _STREAM_IS_RGB,
        (Codec.HTJ2K, StreamColour.SILENT): _BY_HEADER,
        (Codec.HTJ2K, StreamColour.RGB): _STREAM_IS_RGB,
        # The decoder returns the color encoding that the stream names; XYB and YCbCr inside the stream are undone. The
        # characteristics of the stream "shall be used to decode" it (PS3.5 8.2.15), so its RGB stands over the header.
        (Codec.JPEG_XL, StreamColour.SILENT): _BY_HEADER,
        (Codec.JPEG_XL, StreamColour.RGB): _STREAM_IS_RGB,
    }
)


def decoded_colour(codec: Codec, stream: StreamColour, photometric_interpretation: str) -> ColourSpace:
    """Return the color space of decoded values.

    Parameters
    ----------
    codec
        How the frame is coded; not `Codec.VIDEO`.
    stream
        What its code stream says.
    photometric_interpretation
        Of the header: one that `pixel_module` supports.
    """
    return DECODED[codec, stream][photometric_interpretation]
