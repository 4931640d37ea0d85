"""Frames: every codec that the encoders here can write gives back what went in, bit for bit; lies are refused."""

from __future__ import annotations

import io
import zlib
from dataclasses import replace
from typing import Any

import imagecodecs
import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, encapsulate_extended
from pydicom.uid import (
    UID,
    ExplicitVRBigEndian,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from tests.support.phantom_files import (
    compress,
    data_set_bytes,
    make_ct,
    make_grey,
    make_monochrome1,
    make_palette,
    make_rgb,
    rgb_values,
    set_pixels,
    to_bytes,
)
from tests.support.stored_image import image_attributes, read_image
from webviewer.core.errors import DecodeError, NotFound
from webviewer.dicom.attributes import ImageAttributes
from webviewer.dicom.decode import DecodedFrame, decode_frame, decode_stored
from webviewer.dicom.encapsulation import FrameLocator, locate_frames
from webviewer.dicom.header import read_header_from_data_set

LOSSLESS_J2K = "1.2.840.10008.1.2.4.90"
HTJ2K_LOSSLESS = "1.2.840.10008.1.2.4.201"
JPEG_XL_LOSSLESS = "1.2.840.10008.1.2.4.110"
DEFLATED_FRAME = "1.2.840.10008.1.2.8.1"
ENCAPSULATED_UNCOMPRESSED = "1.2.840.10008.1.2.1.98"


def open_file(data: bytes) -> tuple[io.BytesIO, ImageAttributes, FrameLocator]:
    file = io.BytesIO(data)
    image = read_image(file)
    assert image is not None
    return file, image.attributes, locate_frames(file, image, image.attributes)


def stored(ds: Dataset, frame_number: int = 1) -> NDArray[Any]:
    file, attributes, locator = open_file(to_bytes(ds))
    return decode_stored(locator.read(file, frame_number), attributes, frame_number)


def shown(ds: Dataset, frame_number: int = 1) -> DecodedFrame:
    file, attributes, locator = open_file(to_bytes(ds))
    return decode_frame(locator.read(file, frame_number), attributes, frame_number)


def encapsulated(ds: Dataset, syntax: str, frames: list[bytes]) -> Dataset:
    ds.PixelData = encapsulate(frames)
    ds["PixelData"].VR = "OB"
    ds["PixelData"].is_undefined_length = True
    ds.file_meta.TransferSyntaxUID = UID(syntax)
    return ds


def ramp(dtype: str, bits: int, rows: int = 12, columns: int = 10) -> NDArray[Any]:
    """Return values over the whole range of ``bits``."""
    low = -(2 ** (bits - 1)) if dtype[0] == "i" else 0
    steps = np.linspace(0, 2**bits - 1, rows * columns).round().astype(np.int64) + low
    return steps.astype(dtype).reshape(rows, columns)


DEPTHS = [("u1", 8), ("u1", 7), ("i1", 8), ("u2", 9), ("i2", 9), ("u2", 12), ("i2", 12), ("u2", 16), ("i2", 16)]


@pytest.mark.parametrize(("dtype", "bits"), [*DEPTHS, ("u4", 32), ("i4", 32), ("u4", 24)])
def test_native_values_of_every_depth(dtype: str, bits: int) -> None:
    values = ramp(dtype, bits)
    found = stored(make_grey(values, bits_stored=bits))
    assert found.dtype == np.dtype(dtype)
    assert np.array_equal(found, values)


@pytest.mark.parametrize(("dtype", "bits"), [("u2", 12), ("i2", 16), ("i4", 32)])
def test_big_endian_values(dtype: str, bits: int) -> None:
    values = ramp(dtype, bits)
    ds = make_grey(values, bits_stored=bits, transfer_syntax_uid=ExplicitVRBigEndian)
    ds.PixelData = values.astype(f">{dtype}").tobytes()
    assert np.array_equal(stored(ds), values)


def test_bytes_in_big_endian_words_are_put_right() -> None:
    values = ramp("u1", 8)
    ds = make_grey(values, transfer_syntax_uid=ExplicitVRBigEndian)
    ds.PixelData = values.reshape(-1).view("<u2").astype(">u2").tobytes()
    ds["PixelData"].VR = "OW"
    assert np.array_equal(stored(ds), values)


def test_bits_outside_bits_stored_are_cut_away_and_the_sign_goes_on() -> None:
    ds = make_grey(np.array([[0xF123, 0x0FFF], [0x8800, 0x0800]], np.uint16), bits_stored=12)
    assert stored(ds).tolist() == [[0x123, 0xFFF], [0x800, 0x800]]
    ds.PixelRepresentation = 1
    assert stored(ds).tolist() == [[0x123, -1], [-2048, -2048]]


def test_a_high_bit_above_bits_stored_is_shifted_down() -> None:
    ds = make_grey(np.array([[0x1230, 0xFFF7]], np.uint16), bits_stored=12)
    ds.HighBit = 15
    assert stored(ds).tolist() == [[0x123, 0xFFF]]
    ds.PixelRepresentation = 1
    assert stored(ds).tolist() == [[0x123, -1]]


def test_one_bit_frames_that_do_not_end_on_a_byte() -> None:
    frames = (np.arange(3 * 5 * 3) % 3 == 0).reshape(3, 5, 3)
    ds = make_grey(np.zeros((3, 5, 3), np.uint8))
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 1, 1, 0
    packed = np.packbits(frames.reshape(-1), bitorder="little").tobytes()
    ds.PixelData = packed + b"\0" * (len(packed) % 2)
    for number in (1, 2, 3):
        assert np.array_equal(stored(ds, number), frames[number - 1])


@pytest.mark.parametrize(("keyword", "dtype"), [("FloatPixelData", "f4"), ("DoubleFloatPixelData", "f8")])
def test_floating_point_pixels(keyword: str, dtype: str) -> None:
    values = np.array([[1.5, -2.25], [1e30, 0.0]], dtype)
    ds = make_grey(np.zeros((2, 2), np.uint16))
    del ds.PixelData, ds.BitsStored, ds.HighBit, ds.PixelRepresentation
    ds.BitsAllocated = values.itemsize * 8
    setattr(ds, keyword, values.tobytes())
    assert np.array_equal(stored(ds), values)


@pytest.mark.parametrize("syntax", [JPEGLSLossless, JPEGLosslessSV1, RLELossless])
@pytest.mark.parametrize(("dtype", "bits"), DEPTHS)
def test_lossless_codecs_give_back_every_depth(syntax: str, dtype: str, bits: int) -> None:
    values = ramp(dtype, bits)
    assert np.array_equal(stored(compress(make_grey(values, bits_stored=bits), syntax)), values)


@pytest.mark.parametrize(("dtype", "bits"), [("u4", 32), ("i4", 32)])
def test_rle_of_32_bits(dtype: str, bits: int) -> None:
    values = ramp(dtype, bits)
    assert np.array_equal(stored(compress(make_grey(values), RLELossless)), values)


@pytest.mark.parametrize("syntax", [JPEGLSLossless, JPEGLosslessSV1, RLELossless])
def test_lossless_colour(syntax: str) -> None:
    found = shown(compress(make_rgb(), syntax))
    assert found.is_colour
    assert np.array_equal(found.values, rgb_values())


@pytest.mark.parametrize(("dtype", "bits"), [("u1", 8), ("u2", 12), ("u2", 16), ("i2", 16), ("i2", 12)])
def test_jpeg_2000_and_htj2k(dtype: str, bits: int) -> None:
    values = ramp(dtype, bits, 40, 48)
    for syntax, encode in ((LOSSLESS_J2K, imagecodecs.jpeg2k_encode), (HTJ2K_LOSSLESS, imagecodecs.htj2k_encode)):
        # The stream is of the unsigned pattern, as many scanners write it: the header decides about the sign.
        unsigned = values.view(f"u{values.itemsize}") & np.array((1 << bits) - 1, f"u{values.itemsize}")
        keywords: dict[str, Any] = {"reversible": True}
        if encode is imagecodecs.jpeg2k_encode:
            keywords |= {"codecformat": "J2K", "bitspersample": bits, "level": 0}
        ds = encapsulated(make_grey(values, bits_stored=bits), syntax, [bytes(encode(unsigned, **keywords))])
        assert np.array_equal(stored(ds), values), syntax


def test_signed_jpeg_2000() -> None:
    values = ramp("i2", 16, 40, 48)
    stream = bytes(imagecodecs.jpeg2k_encode(values, codecformat="J2K", reversible=True, level=0))
    assert np.array_equal(stored(encapsulated(make_grey(values), LOSSLESS_J2K, [stream])), values)


def test_jpeg_xl() -> None:
    for values in (ramp("u1", 8, 40, 48), ramp("u2", 16, 40, 48)):
        stream = bytes(imagecodecs.jpegxl_encode(values, lossless=True))
        assert np.array_equal(stored(encapsulated(make_grey(values), JPEG_XL_LOSSLESS, [stream])), values)


def test_encapsulated_uncompressed_and_deflated_frames() -> None:
    values = ramp("u2", 16)
    plain = encapsulated(make_grey(values), ENCAPSULATED_UNCOMPRESSED, [values.tobytes()])
    assert np.array_equal(stored(plain), values)
    deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
    stream = deflater.compress(values.tobytes()) + deflater.flush()
    assert np.array_equal(stored(encapsulated(make_grey(values), DEFLATED_FRAME, [stream])), values)


def test_a_deflated_data_set_with_several_frames() -> None:
    values = np.arange(3 * 4 * 6, dtype=np.uint16).reshape(3, 4, 6)
    deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
    data = deflater.compress(data_set_bytes(make_grey(values))) + deflater.flush()
    header = read_header_from_data_set(io.BytesIO(data), "1.2.840.10008.1.2.1.99")
    attributes = image_attributes(header)
    assert attributes is not None
    locator = locate_frames(io.BytesIO(data), header, attributes)
    frames = [decode_stored(d, attributes) for d in locator.read_many(io.BytesIO(data), [1, 2, 3])]
    assert np.array_equal(np.stack(frames), values)
    assert np.array_equal(decode_stored(locator.read(io.BytesIO(data), 2), attributes), values[1])


@pytest.mark.parametrize("planar_configuration", [0, 1])
def test_native_rgb_in_both_plane_orders(planar_configuration: int) -> None:
    assert np.array_equal(shown(make_rgb(planar_configuration=planar_configuration)).values, rgb_values())


def test_rgb_of_16_bits_is_shown_in_8() -> None:
    values = np.array([[[0, 257, 65535], [32768, 128, 129]]], np.uint16)
    assert shown(make_rgb(values=values)).values.tolist() == [[[0, 1, 255], [128, 0, 1]]]


@pytest.mark.parametrize(
    ("ybr", "rgb"),
    [
        ([0, 128, 128], [0, 0, 0]),
        ([255, 128, 128], [255, 255, 255]),
        ([76, 85, 255], [254, 0, 0]),
        ([149, 43, 21], [0, 255, 0]),
        ([29, 255, 107], [0, 0, 254]),
    ],
)
def test_ybr_full_becomes_rgb(ybr: list[int], rgb: list[int]) -> None:
    values = np.array([[ybr, ybr]], np.uint8)
    assert np.abs(shown(make_rgb(values=values, photometric="YBR_FULL")).values.astype(int) - rgb).max() <= 1


def test_ybr_full_422_shares_its_chroma_between_two_pixels() -> None:
    ds = make_rgb(values=np.zeros((1, 4, 3), np.uint8), photometric="YBR_FULL_422")
    ds.PixelData = bytes([10, 20, 128, 128, 30, 40, 128, 128])
    assert shown(ds).values[0, :, 0].tolist() == [10, 20, 30, 40]
    assert stored(ds)[0].tolist() == [[10, 128, 128], [20, 128, 128], [30, 128, 128], [40, 128, 128]]


def test_ybr_partial_stretches_16_to_235() -> None:
    ds = make_rgb(values=np.zeros((1, 2, 3), np.uint8), photometric="YBR_PARTIAL_422")
    ds.PixelData = bytes([16, 235, 128, 128])
    assert shown(ds).values.tolist() == [[[0, 0, 0], [255, 255, 255]]]


def test_a_palette_is_applied() -> None:
    found = shown(make_palette(rows=2, columns=2))
    assert found.is_colour
    assert found.values[0, 1].tolist() == [7, 248, 0]  # stored value 7: red rises, green falls, blue is the square


def test_a_segmented_palette_is_expanded() -> None:
    ds = make_palette(rows=16, columns=16)
    for name in ("Red", "Green", "Blue"):
        delattr(ds, f"{name}PaletteColorLookupTableData")
        # Discrete 1 value of 0, linear to 65535 in 100 steps, indirect repeat of the first, then 154 steps to 257.
        segments = np.array([0, 1, 0, 1, 100, 65535, 2, 1, 0, 0, 1, 154, 257], "<u2")
        setattr(ds, f"Segmented{name}PaletteColorLookupTableData", segments.tobytes())
    _, attributes, _ = open_file(to_bytes(ds))
    assert attributes.palette is not None
    table = attributes.palette[0].data
    assert len(table) == 256
    assert (table[0], table[50], table[100], table[101], table[255]) == (0, 32768, 65535, 0, 257)


def with_tables(values: NDArray[Any], *tables: tuple[int, NDArray[Any]]) -> Dataset:
    """Return a PALETTE COLOR image whose red, green and blue have (bits of an entry, entries in words)."""
    ds = set_pixels(make_palette(), values, photometric="PALETTE COLOR")
    for name, (bits, entries) in zip(("Red", "Green", "Blue"), tables, strict=True):
        setattr(ds, f"{name}PaletteColorLookupTableDescriptor", [len(entries) & 0xFFFF, 0, bits])
        setattr(ds, f"{name}PaletteColorLookupTableData", entries.astype("<u2").tobytes())
    return ds


def test_the_brightness_of_a_palette_does_not_depend_on_other_pixels_of_the_frame() -> None:
    frames = np.full((2, 4, 4), 200, np.uint16)
    frames[1, 0, 0] = 60000
    ds = with_tables(frames, *[(16, np.arange(65536))] * 3)
    data, attributes, locator = open_file(to_bytes(ds))
    first, second = (decode_frame(locator.read(data, number), attributes, number).values for number in (1, 2))
    assert first[3, 3].tolist() == second[3, 3].tolist() == [0, 0, 0]  # 200 of 65535
    assert second[0, 0].tolist() == [234, 234, 234]


INDICES = np.arange(256)


@pytest.mark.parametrize(
    ("tables", "expected"),
    [
        pytest.param([(16, INDICES)] * 3, [200, 200, 200], id="8-bit entries in words of 16 bits"),
        pytest.param([(8, INDICES)] * 3, [200, 200, 200], id="8-bit entries in words"),
        pytest.param([(8, INDICES * 257)] * 3, [200, 200, 200], id="16-bit entries that claim 8 bits"),
        pytest.param([(8, INDICES * 256)] * 3, [200, 200, 200], id="8-bit entries in the high bytes of words"),
        pytest.param([(12, INDICES * 16)] * 3, [200, 200, 200], id="12-bit entries"),
        pytest.param([(12, INDICES * 256)] * 3, [200, 200, 200], id="16-bit entries that claim 12 bits"),
        pytest.param([(16, INDICES * 257), (16, INDICES), (16, INDICES * 0)], [200, 0, 0], id="dark green"),
        pytest.param([(8, INDICES), (16, INDICES * 257), (16, INDICES * 257)], [200, 200, 200], id="two depths"),
    ],
)
def test_the_depth_of_a_palette_is_that_of_its_entries(
    tables: list[tuple[int, NDArray[Any]]], expected: list[int]
) -> None:
    found = shown(with_tables(np.full((4, 4), 200, np.uint8), *tables))
    assert found.values[0, 0].tolist() == expected


def test_a_palette_that_is_missing_is_said() -> None:
    ds = make_palette()
    del ds.BluePaletteColorLookupTableData
    with pytest.raises(DecodeError, match="palette of this image is missing"):
        shown(ds)


def test_jpeg_baseline_in_the_colours_of_its_header() -> None:
    smooth = np.stack(np.meshgrid(np.arange(0, 256, 4), np.arange(0, 256, 4)), axis=-1)
    rgb = np.dstack([smooth, np.full((64, 64), 90)]).astype(np.uint8)
    kept = bytes(imagecodecs.jpeg_encode(rgb, level=98, colorspace="RGB", outcolorspace="RGB"))
    ybr = bytes(imagecodecs.jpeg_encode(rgb, level=98, colorspace="RGB", outcolorspace="YCBCR", subsampling="444"))
    for stream, photometric in (
        (kept, "RGB"),
        (ybr, "YBR_FULL"),
        (ybr, "YBR_FULL_422"),
        (ybr, "RGB"),
        (kept, "YBR_FULL"),
    ):
        ds = encapsulated(make_rgb(values=rgb, photometric=photometric), JPEGBaseline8Bit, [stream])
        difference = np.abs(shown(ds).values.astype(int) - rgb)
        assert difference.max() <= 12, photometric
        assert difference.mean() <= 1.5, photometric


def test_grey_stays_grey_and_stored() -> None:
    found = shown(make_monochrome1())
    assert not found.is_colour
    assert found.values.dtype == np.uint16
    assert found.values[1, 2] == 2 * 25 + 3


def test_frames_in_fragments_without_offset_table_are_told_apart() -> None:
    values = np.stack([ramp("u2", 12, 40, 40), ramp("u2", 12, 40, 40)[::-1]])
    ds = compress(make_grey(values, bits_stored=12), JPEGLSLossless, has_offset_table=False)
    whole = [bytes(imagecodecs.jpegls_encode(np.ascontiguousarray(v))) for v in values]
    ds.PixelData = encapsulate(whole, fragments_per_frame=3, has_bot=False)
    for number in (1, 2):
        assert np.array_equal(stored(ds, number), values[number - 1])
    ds.PixelData = encapsulate(whole, fragments_per_frame=3, has_bot=True)
    for number in (1, 2):
        assert np.array_equal(stored(ds, number), values[number - 1])


def test_an_extended_offset_table() -> None:
    values = np.stack([ramp("u2", 12), ramp("u2", 12)[::-1]])
    ds = compress(make_grey(values, bits_stored=12), JPEGLSLossless)
    whole = [bytes(imagecodecs.jpegls_encode(np.ascontiguousarray(v))) for v in values]
    ds.PixelData, ds.ExtendedOffsetTable, ds.ExtendedOffsetTableLengths = encapsulate_extended(whole)
    assert np.array_equal(stored(ds, 2), values[1])


def test_fragments_that_cannot_be_told_apart_are_refused() -> None:
    values = np.zeros((2, 16, 16), np.uint8)
    ds = compress(make_grey(values), RLELossless)
    whole = [ds.PixelData[16:80]] * 3
    ds.PixelData = encapsulate(whole, has_bot=False)
    with pytest.raises(DecodeError, match="3 pieces of the pixel data cannot be told apart as 2 frames"):
        stored(ds, 1)


def test_a_cut_file_shows_the_frames_that_are_there() -> None:
    values = np.stack([ramp("u2", 12), ramp("u2", 12)[::-1]])
    data = to_bytes(compress(make_grey(values, bits_stored=12), JPEGLSLossless))
    file, attributes, locator = open_file(data[:-40])
    assert np.array_equal(decode_stored(locator.read(file, 1), attributes), values[0])
    with pytest.raises(DecodeError, match="The file ends in the middle of frame 2"):
        locator.read(file, 2)
    native = to_bytes(make_grey(values))
    file, attributes, locator = open_file(native[:-40])
    assert np.array_equal(decode_stored(locator.read(file, 1), attributes), values[0])
    with pytest.raises(DecodeError, match="40 bytes are missing"):
        locator.read(file, 2)


def test_a_frame_that_is_not_there_is_not_found() -> None:
    file, _, locator = open_file(to_bytes(make_ct()))
    for number in (0, 2, -1, 2**40):
        with pytest.raises(NotFound, match="the image has 1"):
            locator.read(file, number)


def coded(syntax: str = JPEGLSLossless) -> tuple[bytes, ImageAttributes]:
    file, attributes, locator = open_file(to_bytes(compress(make_ct(), syntax)))
    return locator.read(file, 1), attributes


@pytest.mark.parametrize("syntax", [JPEGLSLossless, JPEGLosslessSV1, RLELossless])
def test_a_stream_cut_in_half_is_refused(syntax: str) -> None:
    data, attributes = coded(syntax)
    with pytest.raises(DecodeError, match=r"damaged|cut off|RLE data"):
        decode_frame(data[: len(data) // 2], attributes)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"rows": 32}, "The header says 32 rows × 64 columns, but the image data hold 64 × 64"),
        ({"bits_allocated": 8, "bits_stored": 8, "high_bit": 7}, "8 bits allocated, but the image data hold 16"),
        (
            {"samples_per_pixel": 3, "photometric_interpretation": "RGB"},
            "3 samples per pixel, but the image data hold 1",
        ),
        ({"transfer_syntax_uid": LOSSLESS_J2K}, "says that it is JPEG 2000, but its data are JPEG-LS"),
        ({"transfer_syntax_uid": "1.2.3"}, "its transfer syntax 1.2.3 is not supported"),
        ({"transfer_syntax_uid": "1.2.840.10008.1.2.4.102"}, "This is a video: it is not shown here yet"),
        ({"rows": 65535, "columns": 65535}, "over the limit"),
        ({"rows": 20000, "columns": 20000}, "cannot hold 20000 × 20000 pixels"),
    ],
)
def test_a_header_that_contradicts_the_stream_is_refused(change: dict[str, Any], words: str) -> None:
    data, attributes = coded()
    with pytest.raises(DecodeError) as caught:
        decode_frame(data, replace(attributes, **change))
    assert words in caught.value.message


def test_short_native_data_are_refused() -> None:
    _, attributes, _ = open_file(to_bytes(make_ct()))
    with pytest.raises(DecodeError, match="100 bytes, but 8192 are needed"):
        decode_frame(bytes(100), attributes)


PYDICOM_FILES = [
    "CT_small.dcm",
    "MR_small.dcm",
    "MR_small_bigendian.dcm",
    "MR_small_implicit.dcm",
    "MR_small_RLE.dcm",
    "rtdose.dcm",
    "rtdose_rle.dcm",
    "SC_rgb_small_odd.dcm",
    "SC_rgb_rle.dcm",
    "image_dfl.dcm",
    "liver_1frame.dcm",
    "examples_overlay.dcm",
]


@pytest.mark.parametrize("name", PYDICOM_FILES)
def test_files_that_come_with_pydicom_are_as_pydicom_reads_them(name: str) -> None:
    path = get_testdata_file(name, download=False)
    assert path is not None, f"{name} does not come with this pydicom"
    ds = dcmread(path)
    truth = ds.pixel_array
    with open(path, "rb") as handle:  # noqa: PTH123 - pydicom gives a text
        data = handle.read()
    file, attributes, locator = open_file(data)
    frames = [decode_stored(d, attributes) for d in locator.read_many(file, range(1, attributes.number_of_frames + 1))]
    found = frames[0] if attributes.number_of_frames == 1 else np.stack(frames)
    truth = truth.astype(truth.dtype.newbyteorder("="))
    assert found.dtype == truth.dtype
    if attributes.bits_stored < attributes.bits_allocated and attributes.bits_allocated > 1:
        truth = truth & np.array((1 << attributes.bits_stored) - 1, truth.dtype)
        found = found & np.array((1 << attributes.bits_stored) - 1, found.dtype)
    assert np.array_equal(found, truth)
