"""The image pixel module: what describes the raw values, and whether it can be true (PS3.3 C.7.6.3, PS3.5 8)."""

from __future__ import annotations

from dataclasses import dataclass

from webviewer.dicom import elements as tags
from webviewer.dicom.dataset import DataSet

MAX_FRAMES = 1_000_000
GREY = frozenset({"MONOCHROME1", "MONOCHROME2"})
SUBSAMPLED = frozenset({"YBR_FULL_422", "YBR_PARTIAL_422"})
PROJECTIONS = frozenset({"CR", "DX", "ES", "IO", "IVUS", "MG", "PX", "RF", "RG", "RTIMAGE", "US", "XA", "XC"})
"""Modalities whose images are no sections at places of a stack."""
COLOUR = frozenset({"RGB", "YBR_FULL", "YBR_PARTIAL_420", "YBR_ICT", "YBR_RCT", "XYB"}) | SUBSAMPLED


@dataclass(frozen=True, slots=True)
class PixelModule:
    """Facts of the module, with the standard's fall-backs; ``refusal`` says what cannot be true."""

    rows: int
    columns: int
    number_of_frames: int
    samples_per_pixel: int
    photometric_interpretation: str
    bits_allocated: int
    bits_stored: int
    high_bit: int
    pixel_representation: int
    planar_configuration: int
    refusal: str


def read_pixel_module(ds: DataSet, pixel_element: str) -> PixelModule:
    """Return the module of a data set; never raises."""
    refusals: list[str] = []

    def integer(tag: int, name: str, low: int, high: int, default: int | None = None) -> int:
        found = ds.integer(tag)
        if found is None and default is not None and not ds.raw(tag):
            return default
        if found is None or not low <= found <= high:
            shown = "missing" if not ds.raw(tag) else (found if found is not None else "no number")
            words = f"{name} ({tag >> 16:04X},{tag & 0xFFFF:04X}) is {shown}; {low} to {high} is allowed"
            refusals.append(f"The header of this image cannot be true: {words}.")
            return default if default is not None else low
        return found

    rows = integer(tags.ROWS, "Rows", 1, 65535)
    columns = integer(tags.COLUMNS, "Columns", 1, 65535)
    frames = integer(tags.NUMBER_OF_FRAMES, "Number of Frames", 1, MAX_FRAMES, 1)
    photometric = ds.code(tags.PHOTOMETRIC_INTERPRETATION).upper()[:16]
    samples = integer(tags.SAMPLES_PER_PIXEL, "Samples per Pixel", 1, 3, 3 if photometric in COLOUR else 1)
    photometric = photometric or ("MONOCHROME2" if samples == 1 else "RGB")
    is_float = pixel_element != "PixelData"
    default_bits = {"FloatPixelData": 32, "DoubleFloatPixelData": 64}.get(pixel_element)
    allocated = integer(tags.BITS_ALLOCATED, "Bits Allocated", 1, 64, default_bits)
    stored = integer(tags.BITS_STORED, "Bits Stored", 1, 64, allocated)
    high_bit = integer(tags.HIGH_BIT, "High Bit", 0, 63, stored - 1)
    representation = integer(tags.PIXEL_REPRESENTATION, "Pixel Representation", 0, 1, 0)
    planar = integer(tags.PLANAR_CONFIGURATION, "Planar Configuration", 0, 1, 0)
    if not refusals:
        refusals.extend(_contradictions(photometric, samples, allocated, stored, high_bit, is_float=is_float))
    return PixelModule(
        rows=rows,
        columns=columns,
        number_of_frames=frames,
        samples_per_pixel=samples,
        photometric_interpretation=photometric,
        bits_allocated=allocated,
        bits_stored=stored,
        high_bit=high_bit,
        pixel_representation=representation,
        planar_configuration=planar if samples == 3 else 0,
        refusal=refusals[0] if refusals else "",
    )


def _contradictions(
    photometric: str, samples: int, allocated: int, stored: int, high_bit: int, *, is_float: bool
) -> list[str]:
    found = []
    if photometric not in COLOUR | GREY | {"PALETTE COLOR"}:
        found.append(f"Photometric Interpretation (0028,0004) {photometric!r} is not supported")
    elif samples != (3 if photometric in COLOUR else 1):
        found.append(f"Samples per Pixel (0028,0002) is {samples}, which does not go with {photometric}")
    if is_float:
        if allocated not in {32, 64}:
            found.append(f"Bits Allocated (0028,0100) is {allocated} for floating point pixels; 32 and 64 are allowed")
    elif allocated not in {1, 8, 16, 32}:
        found.append(f"Bits Allocated (0028,0100) is {allocated}; 1, 8, 16 and 32 are supported")
    elif stored > allocated:
        found.append(f"Bits Stored (0028,0101) is {stored}, more than Bits Allocated (0028,0100), {allocated}")
    elif high_bit >= allocated or high_bit < stored - 1:
        found.append(f"High Bit (0028,0102) is {high_bit}, for {stored} bits stored in {allocated}")
    elif photometric == "PALETTE COLOR" and allocated not in {8, 16}:
        found.append(f"Bits Allocated (0028,0100) is {allocated} for a palette image; 8 and 16 are allowed")
    return [f"The header of this image cannot be true: {words}." for words in found]


def native_frame_bits(
    rows: int, columns: int, samples_per_pixel: int, bits_allocated: int, photometric_interpretation: str
) -> int:
    """Return the size of one native frame in bits; a frame of 1-bit pixels need not end on a byte."""
    if photometric_interpretation in SUBSAMPLED:
        return rows * ((columns + 1) // 2) * 4 * bits_allocated  # Y Y Cb Cr for each two pixels
    return rows * columns * samples_per_pixel * bits_allocated


def sampled_photometric(pixel: PixelModule, available_bytes: int) -> str:
    """Return the Photometric Interpretation of native pixels: YBR_FULL for a YBR_FULL_422 of three whole samples.

    Software that decompresses a JPEG object and keeps its name writes such objects: chroma is there for each pixel.
    """
    if pixel.photometric_interpretation != "YBR_FULL_422":
        return pixel.photometric_interpretation
    bits = pixel.rows * pixel.columns * 3 * pixel.bits_allocated * pixel.number_of_frames
    length = (bits + 7) // 8
    return "YBR_FULL" if length <= available_bytes <= length + 1 else "YBR_FULL_422"


def refusal_of_size(pixel: PixelModule, available_bytes: int | None, *, is_native: bool) -> str:
    """Return why the pixel data cannot hold what the header claims; empty if they can, or if it is not known.

    ``available_bytes`` is the length of Pixel Data, or for encapsulated data what the file still holds.
    """
    if available_bytes is None:
        return ""
    frames = pixel.number_of_frames
    size = f"{pixel.rows} rows × {pixel.columns} columns"
    if not is_native:
        # Each frame needs an item header and some bytes.
        if frames * 10 > max(available_bytes, 10):
            return f"The header claims {frames} frames, but the file cannot hold as many."
        return ""
    bits = native_frame_bits(
        pixel.rows, pixel.columns, pixel.samples_per_pixel, pixel.bits_allocated, pixel.photometric_interpretation
    )
    if (bits * frames + 7) // 8 > available_bytes:
        claim = f"{frames} frames of {size}" if frames > 1 else size
        return f"The header claims {claim}, but there are only {available_bytes} bytes of pixel data."
    return ""
