"""Every row of the color table with a decoded patch: codec × Photometric Interpretation × what the stream says.

The truth is written here a second time, by hand: the color space of a sender's values under each header. A codec or a
Photometric Interpretation that is added without a row, or without a truth here, fails.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from tests.support import colour_streams as streams
from tests.support.colour_streams import coded, native, patch, subsampled, ybr_of
from tests.support.phantom_files import make_grey, make_palette, to_bytes
from tests.support.stored_image import read_image
from webviewer.core.errors import DecodeError
from webviewer.dicom.codestream import describe_stream
from webviewer.dicom.colour_table import DECODED, ColourSpace, StreamColour
from webviewer.dicom.decode import DecodedFrame, decode_frame
from webviewer.dicom.pixel_module import COLOUR, GREY
from webviewer.dicom.transfer_syntaxes import CODECS, Codec

SILENT, YBR, RGB = StreamColour.SILENT, StreamColour.YBR, StreamColour.RGB
_JPEG: Final = "1.2.840.10008.1.2.4."

# Header → color space of the values in a stream that is silent, that says YCbCr, that says RGB.
TRUTH: Final = {
    "RGB": ("RGB", "YBR_FULL", "RGB"),
    "YBR_FULL": ("YBR_FULL", "YBR_FULL", "RGB"),
    "YBR_FULL_422": ("YBR_FULL", "YBR_FULL", "RGB"),
    "YBR_PARTIAL_422": ("YBR_PARTIAL", "YBR_PARTIAL", "RGB"),
    "YBR_PARTIAL_420": ("YBR_PARTIAL", "YBR_PARTIAL", "RGB"),
    "YBR_ICT": ("RGB", "YBR_FULL", "RGB"),
    "YBR_RCT": ("RGB", "YBR_FULL", "RGB"),
    "XYB": ("RGB", "YBR_FULL", "RGB"),
}
EVIDENCE: Final = {
    Codec.NATIVE: {SILENT},
    Codec.RLE: {SILENT},
    Codec.DEFLATED_FRAME: {SILENT},
    Codec.JPEG: {SILENT, YBR, RGB},
    Codec.JPEG_LS: {SILENT, YBR, RGB},
    Codec.JPEG_2000: {SILENT, RGB},
    Codec.HTJ2K: {SILENT, RGB},
    Codec.JPEG_XL: {SILENT, RGB},
}
ONE_SAMPLE: Final = {"MONOCHROME1": "grey", "MONOCHROME2": "grey", "PALETTE COLOR": "palette"}

Pixels = NDArray[np.uint8]
Make = Callable[[Pixels], bytes]


class Case(NamedTuple):
    """A stream under a header."""

    codec: Codec
    says: StreamColour
    photometric: str
    name: str
    syntax: str
    make: Make


def bare_jpeg(components: Pixels) -> bytes:
    """Return a JPEG stream that says nothing of color."""
    return streams.with_identifiers(streams.without_application_markers(streams.jpeg(components)), b"\1\2\3")


# Streams that carry the components as they are, by what they say of them.
CARRIERS: Final[dict[tuple[Codec, StreamColour], list[tuple[str, str, Make]]]] = {
    (Codec.RLE, SILENT): [("three planes", "1.2.840.10008.1.2.5", streams.rle)],
    (Codec.DEFLATED_FRAME, SILENT): [],  # as native: its own test below
    (Codec.NATIVE, SILENT): [],
    (Codec.JPEG, SILENT): [
        ("no markers", f"{_JPEG}50", bare_jpeg),
        ("lossless", f"{_JPEG}70", streams.jpeg_lossless),
    ],
    (Codec.JPEG, YBR): [
        ("JFIF", f"{_JPEG}50", lambda c: streams.with_segment(bare_jpeg(c), 0xE0, streams.JFIF)),
        ("Adobe 1", f"{_JPEG}50", lambda c: streams.with_segment(bare_jpeg(c), 0xEE, streams.adobe(1))),
        (
            "Adobe 1 over JFIF",
            f"{_JPEG}50",
            lambda c: streams.with_segment(
                streams.with_segment(bare_jpeg(c), 0xE0, streams.JFIF), 0xEE, streams.adobe(1)
            ),
        ),
        ("12 bits of process 4 hold 8", f"{_JPEG}51", lambda c: streams.with_segment(bare_jpeg(c), 0xE0, streams.JFIF)),
    ],
    (Codec.JPEG, RGB): [
        ("Adobe 0", f"{_JPEG}50", streams.jpeg),
        (
            "Adobe 0, identifiers 1 2 3",
            f"{_JPEG}50",
            lambda c: streams.with_segment(bare_jpeg(c), 0xEE, streams.adobe(0)),
        ),
        ("identifiers R G B alone", f"{_JPEG}50", lambda c: streams.without_application_markers(streams.jpeg(c))),
        (
            "identifiers R G B under JFIF",
            f"{_JPEG}50",
            lambda c: streams.with_segment(streams.without_application_markers(streams.jpeg(c)), 0xE0, streams.JFIF),
        ),
    ],
    (Codec.JPEG_LS, SILENT): [
        ("SPIFF of CharLS", f"{_JPEG}80", streams.jpeg_ls),
        ("no markers", f"{_JPEG}80", lambda c: streams.without_application_markers(streams.jpeg_ls(c))),
        ("near-lossless", f"{_JPEG}81", lambda c: streams.jpeg_ls(c, 1)),
    ],
    (Codec.JPEG_LS, YBR): [("SPIFF of YCbCr", f"{_JPEG}80", lambda c: streams.jpeg_ls_with_spiff_colour(c, 3))],
    (Codec.JPEG_LS, RGB): [("transform of HP", f"{_JPEG}80", streams.jpeg_ls_with_hp_transform)],
    (Codec.JPEG_2000, SILENT): [
        ("5/3", f"{_JPEG}90", lambda c: streams.jpeg_2000(c, transform=False)),
        ("9/7", f"{_JPEG}91", lambda c: streams.jpeg_2000(c, transform=False, reversible=False)),
        (
            "JP2 that says sYCC",
            f"{_JPEG}90",
            lambda c: streams.jpeg_2000(c, transform=False, codecformat="JP2", colorspace="SYCC"),
        ),
    ],
    (Codec.JPEG_2000, RGB): [
        ("RCT", f"{_JPEG}90", lambda c: streams.jpeg_2000(c, transform=True)),
        ("ICT", f"{_JPEG}91", lambda c: streams.jpeg_2000(c, transform=True, reversible=False)),
        (
            "RCT in a JP2 that says sYCC",
            f"{_JPEG}91",
            lambda c: streams.jp2_that_says_sycc(
                streams.jpeg_2000(c, transform=True, codecformat="JP2", colorspace="SRGB")
            ),
        ),
    ],
    (Codec.HTJ2K, SILENT): [
        ("5/3", f"{_JPEG}201", lambda c: streams.htj2k(c, transform=False)),
        ("9/7", f"{_JPEG}203", lambda c: streams.htj2k(c, transform=False, reversible=False)),
    ],
    (Codec.HTJ2K, RGB): [
        ("RCT", f"{_JPEG}201", lambda c: streams.htj2k(c, transform=True)),
        ("RPCL", f"{_JPEG}202", lambda c: streams.htj2k(c, transform=True)),
        ("ICT", f"{_JPEG}203", lambda c: streams.htj2k(c, transform=True, reversible=False)),
    ],
    (Codec.JPEG_XL, SILENT): [],  # no encoder here makes colors without a color encoding
    (Codec.JPEG_XL, RGB): [
        ("lossless", f"{_JPEG}110", streams.jpeg_xl),
        ("lossless in a container", f"{_JPEG}110", lambda c: streams.jpeg_xl(c, lossless=True, usecontainer=True)),
        ("XYB", f"{_JPEG}112", lambda c: streams.jpeg_xl(c, distance=0.1)),
        ("XYB under the lossless name", f"{_JPEG}110", lambda c: streams.jpeg_xl(c, distance=0.1)),
        ("recompressed JPEG", f"{_JPEG}111", lambda c: streams.jpeg_xl_of_jpeg(streams.jpeg_of_rgb(c))),
        (
            "recompressed JPEG without boxes",
            f"{_JPEG}111",
            lambda c: streams.bare_jpeg_xl(streams.jpeg_xl_of_jpeg(streams.jpeg_of_rgb(c, "422"))),
        ),
    ],
}
CASES: Final = [
    Case(codec, says, photometric, name, syntax, make)
    for (codec, says), carriers in CARRIERS.items()
    for name, syntax, make in carriers
    for photometric in TRUTH
]
LEAST_ERROR: Final = {"RGB": 0, "YBR_FULL": 2, "YBR_PARTIAL": 3}  # of rounding YCbCr to whole numbers
LOSS: Final = 8  # of a lossy stream of good quality; a wrong color space is off by 100 and more


def in_space(space: str) -> Pixels:
    """Return the patch in a color space."""
    if space == "RGB":
        return patch()
    return ybr_of(patch(), is_partial=space == "YBR_PARTIAL")


def shown(ds: Dataset) -> DecodedFrame:
    """Return the only frame of an object, decoded for showing."""
    file = io.BytesIO(to_bytes(ds))
    image = read_image(file)
    assert image is not None
    return decode_frame(image.frame_bytes(file, 1), image.attributes)


def error_of(found: DecodedFrame) -> int:
    """Return the largest difference to the patch, away from the edges of its squares: some codecs blur chroma there."""
    assert found.is_colour
    assert found.values.dtype == np.uint8
    return int(np.abs(found.values.astype(int) - patch()).reshape(4, 16, 4, 16, 3)[:, 4:12, :, 4:12].max())


# -- the table is whole -----------------------------------------------------------------------------------------------


def test_the_table_has_every_codec_with_all_that_its_streams_can_say() -> None:
    drawn = {codec for codec in CODECS.values() if codec is not Codec.VIDEO}
    assert set(EVIDENCE) == drawn
    assert set(DECODED) == {(codec, says) for codec, said in EVIDENCE.items() for says in said} == set(CARRIERS)


@pytest.mark.parametrize(("codec", "says"), list(DECODED))
def test_a_row_names_every_photometric_interpretation(codec: Codec, says: StreamColour) -> None:
    column = [SILENT, YBR, RGB].index(says)
    wanted = {name: spaces[column] for name, spaces in TRUTH.items()} | ONE_SAMPLE
    assert set(wanted) == COLOUR | GREY | {"PALETTE COLOR"}
    assert {name: space.value for name, space in DECODED[codec, says].items()} == wanted


def test_every_row_of_colour_but_two_has_a_patch() -> None:
    without = {key for key, carriers in CARRIERS.items() if not carriers}
    assert without == {(Codec.NATIVE, SILENT), (Codec.DEFLATED_FRAME, SILENT), (Codec.JPEG_XL, SILENT)}


# -- patches ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("planar_configuration", [0, 1])
@pytest.mark.parametrize("case", CASES, ids=[f"{case.codec}-{case.name}-{case.photometric}" for case in CASES])
def test_a_patch_has_its_colours(case: Case, planar_configuration: int) -> None:
    codec, says, photometric, name, syntax, make = case
    space = TRUTH[photometric][[SILENT, YBR, RGB].index(says)]
    stream = make(in_space(space))
    if codec is not Codec.RLE:
        assert describe_stream(stream).colour is says, name
    # A planar configuration of 1 is what some senders leave in the header; of these codecs none obeys it.
    found = shown(coded(photometric, syntax, stream, planar_configuration))
    assert error_of(found) <= LEAST_ERROR[space] + (LOSS if found.is_lossy else 0)


@pytest.mark.parametrize("photometric", list(TRUTH))
@pytest.mark.parametrize("planar_configuration", [0, 1])
def test_uncompressed_pixels_have_the_colours_of_their_header(photometric: str, planar_configuration: int) -> None:
    space = TRUTH[photometric][0]
    found = shown(native(photometric, in_space(space), planar_configuration))
    assert error_of(found) <= LEAST_ERROR[space]
    assert not found.is_lossy


@pytest.mark.parametrize("photometric", list(TRUTH))
def test_deflated_frames_have_the_colours_of_their_header(photometric: str) -> None:
    space = TRUTH[photometric][0]
    data = subsampled(in_space(space)) if photometric.endswith("422") else in_space(space).tobytes()
    assert error_of(shown(coded(photometric, "1.2.840.10008.1.2.8.1", streams.deflated(data)))) <= LEAST_ERROR[space]


# -- as found in the wild ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("subsampling", ["444", "422", "420"])
@pytest.mark.parametrize("has_markers", [True, False])
@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL", "YBR_FULL_422", "YBR_RCT"])
def test_a_jpeg_of_ycbcr_shows_its_colours_under_every_header(
    photometric: str, has_markers: bool, subsampling: str
) -> None:
    # Without markers the chroma tables (4:4:4) or the sampling factors still prove YCbCr.
    stream = streams.jpeg_of_rgb(patch(), subsampling)
    stream = stream if has_markers else streams.without_application_markers(stream)
    found = shown(coded(photometric, f"{_JPEG}50", stream))
    assert error_of(found) <= 4


def test_a_jpeg_xl_object_that_still_says_ybr_full_422_is_converted_once() -> None:
    found = shown(coded("YBR_FULL_422", f"{_JPEG}110", streams.jpeg_xl(patch())))
    assert np.array_equal(found.values, patch())
    assert not found.is_lossy


def test_an_rle_object_that_still_says_422_has_three_whole_planes() -> None:
    found = shown(coded("YBR_FULL_422", "1.2.840.10008.1.2.5", streams.rle(ybr_of(patch()))))
    assert error_of(found) <= 2


def test_uncompressed_pixels_that_say_422_but_have_three_whole_samples_are_ybr() -> None:
    ds = native("YBR_FULL", ybr_of(patch()))
    ds.PhotometricInterpretation = "YBR_FULL_422"
    assert error_of(shown(ds)) <= 2


def test_several_uncompressed_frames_that_say_422_but_are_whole_are_each_in_place() -> None:
    ds = native("YBR_FULL", np.stack([ybr_of(patch()), ybr_of(patch()[::-1])]))
    ds.PhotometricInterpretation = "YBR_FULL_422"
    file = io.BytesIO(to_bytes(ds))
    image = read_image(file)
    assert image is not None
    second = decode_frame(image.frame_bytes(file, 2), image.attributes, 2).values
    assert int(np.abs(second.astype(int) - patch()[::-1]).max()) <= 2


def test_grey_and_palette_streams_stay_what_they_are() -> None:
    values = (np.arange(64 * 64) % 256).astype(np.uint8).reshape(64, 64)
    for syntax, stream in (
        (f"{_JPEG}80", streams.jpeg_ls(values)),
        (f"{_JPEG}90", streams.jpeg_2000_grey(values)),
        (f"{_JPEG}110", streams.jpeg_xl(values)),
        ("1.2.840.10008.1.2.5", streams.rle(values)),
    ):
        grey = make_grey(values)
        palette = make_palette(rows=64, columns=64)
        for ds in (grey, palette):
            photometric = ds.PhotometricInterpretation
            one = coded("RGB", syntax, stream)
            ds.PixelData, ds.file_meta.TransferSyntaxUID = one.PixelData, one.file_meta.TransferSyntaxUID
            ds["PixelData"].VR = "OB"
            ds["PixelData"].is_undefined_length = True
            found = shown(ds)
            assert found.is_colour == (photometric == "PALETTE COLOR")
            if not found.is_colour:
                assert np.array_equal(found.values, values)
            else:
                assert np.array_equal(found.values[..., 0], values)  # its red is the index


def test_a_jpeg_xl_head_without_a_colour_space_leaves_the_header_to_decide() -> None:
    info = describe_stream(streams.jpeg_xl_head_of_unknown_colour())
    assert (info.rows, info.columns, info.components, info.precision) == (64, 64, 3, 8)
    assert info.colour is SILENT
    assert DECODED[Codec.JPEG_XL, SILENT]["YBR_FULL"] is ColourSpace.YBR_FULL


# -- lossless is true -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "syntax", "stream", "is_lossy"),
    [
        ("JPEG baseline", f"{_JPEG}50", streams.jpeg(patch()), True),
        ("JPEG lossless", f"{_JPEG}70", streams.jpeg_lossless(patch()), False),
        ("JPEG-LS", f"{_JPEG}80", streams.jpeg_ls(patch()), False),
        ("JPEG-LS near under the lossless name", f"{_JPEG}80", streams.jpeg_ls(patch(), 2), True),
        ("JPEG-LS near", f"{_JPEG}81", streams.jpeg_ls(patch(), 2), True),
        ("JPEG-LS that uses no loss of 81", f"{_JPEG}81", streams.jpeg_ls(patch()), False),
        ("J2K 5/3", f"{_JPEG}90", streams.jpeg_2000(patch(), transform=True), False),
        ("J2K 9/7 as lossless", f"{_JPEG}90", streams.jpeg_2000(patch(), transform=True, reversible=False), True),
        ("J2K 5/3 of 91", f"{_JPEG}91", streams.jpeg_2000(patch(), transform=True), False),
        ("HTJ2K 9/7 as lossless", f"{_JPEG}201", streams.htj2k(patch(), transform=True, reversible=False), True),
        ("HTJ2K 5/3 of 203", f"{_JPEG}203", streams.htj2k(patch(), transform=True), False),
        ("JPEG XL", f"{_JPEG}110", streams.jpeg_xl(patch()), False),
        ("JPEG XL that uses no loss of 112", f"{_JPEG}112", streams.jpeg_xl(patch()), False),
        ("JPEG XL of XYB under the lossless name", f"{_JPEG}110", streams.jpeg_xl(patch(), distance=1.0), True),
        (
            "JPEG XL of a JPEG under the lossless name",
            f"{_JPEG}110",
            streams.bare_jpeg_xl(streams.jpeg_xl_of_jpeg(streams.jpeg_of_rgb(patch()))),
            True,
        ),
        ("RLE", "1.2.840.10008.1.2.5", streams.rle(patch()), False),
    ],
)  # fmt: skip
def test_a_stream_says_whether_it_lost_anything(name: str, syntax: str, stream: bytes, is_lossy: bool) -> None:
    found = shown(coded("RGB", syntax, stream))
    assert found.is_lossy is is_lossy, name
    assert is_lossy or np.array_equal(found.values, patch())


def test_a_jpeg_xl_stream_of_other_size_is_refused_with_both_sizes() -> None:
    ds = coded("RGB", f"{_JPEG}110", streams.jpeg_xl(patch()[:32].copy()))
    with pytest.raises(DecodeError, match="64 rows × 64 columns, but the image data hold 32 × 64"):
        shown(ds)
    with pytest.raises(DecodeError, match="3 samples per pixel, but the image data hold 1"):
        shown(coded("RGB", f"{_JPEG}110", streams.jpeg_xl(patch()[..., 0].copy())))
    with pytest.raises(DecodeError, match="extra channels"):
        shown(coded("RGB", f"{_JPEG}110", streams.jpeg_xl(np.dstack([patch(), patch()[..., :1]]))))
