"""Overlay planes in a header: what is drawn, from where, and what cannot be."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
    JPEGLSLossless,
)

from tests.support import shared_data
from tests.support.overlay_files import add_overlay, frame_of_lines
from tests.support.phantom_files import base, compress, make_grey, make_rgb, to_bytes
from tests.support.stored_image import read_image
from webviewer.dicom.attributes import ImageAttributes, OverlayPlane
from webviewer.dicom.overlay import bits_of_frame, has_bits, overlay_frame

ROWS, COLUMNS = 10, 13


def grey(frames: int | None = None, **more: Any) -> Dataset:
    shape = (ROWS, COLUMNS) if frames is None else (frames, ROWS, COLUMNS)
    return make_grey(np.arange(np.prod(shape), dtype=np.uint16).reshape(shape) % 4096, bits_stored=12, **more)


def lines(frames: int | None = None) -> Any:
    one = frame_of_lines(ROWS, COLUMNS)
    return one if frames is None else np.stack([np.roll(one, k, 0) for k in range(frames)])


def attributes_of(ds: Dataset) -> ImageAttributes:
    found = read_image(io.BytesIO(to_bytes(ds)))
    assert found is not None
    assert ImageAttributes.from_json(found.attributes.to_json()) == found.attributes
    return found.attributes


def only_plane(ds: Dataset) -> OverlayPlane:
    (plane,) = attributes_of(ds).overlays
    return plane


def test_an_image_without_overlays_says_nothing_of_them_in_the_index() -> None:
    attributes = attributes_of(grey())
    assert attributes.overlays == ()
    assert "overlays" not in attributes.to_json()


def test_an_index_of_a_version_that_knew_no_overlays_is_read_as_an_image_without() -> None:
    text = attributes_of(grey()).to_json()
    assert ImageAttributes.from_json(text).overlays == ()
    assert ImageAttributes.from_json(text).frame(1).shutter is None


@pytest.mark.parametrize("syntax", [None, ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian])
def test_the_place_of_the_bits_counts_from_the_start_of_the_data_set(syntax: UID | None) -> None:
    ds = add_overlay(grey(), lines(), origin=(-2, 5))
    if syntax:
        ds.file_meta.TransferSyntaxUID = syntax
    plane = only_plane(ds)
    assert (plane.group, plane.rows, plane.columns, plane.refusal) == (0x6000, 10, 13, "")
    assert (plane.origin_row, plane.origin_column) == (-2, 5)
    assert plane.length_bytes == 18
    if syntax is None:
        data = to_bytes(ds)
        found = read_image(io.BytesIO(data))
        assert found is not None
        assert plane.first_byte is not None
        start = found.data_set_offset_bytes + plane.first_byte
        assert data[start : start + 18] == ds[0x6000, 0x3000].value


def test_sixteen_groups_are_read_and_no_more() -> None:
    ds = grey()
    for group in range(0x6000, 0x6040, 2):
        add_overlay(ds, lines(), group=group)
    assert [plane.group for plane in attributes_of(ds).overlays] == list(range(0x6000, 0x6020, 2))


def test_an_overlay_inside_a_sequence_is_not_one_of_the_image() -> None:
    item = add_overlay(grey(), lines())
    del item.PixelData, item.file_meta
    ds = grey()
    ds.SharedFunctionalGroupsSequence = Sequence([item])
    assert attributes_of(ds).overlays == ()


def test_bits_in_pixel_data_are_those_that_no_value_uses() -> None:
    plane = only_plane(add_overlay(grey(), lines(), allocated=16, position=15, data=None))
    assert (plane.bit_position, plane.first_byte, plane.refusal) == (15, None, "")


@pytest.mark.parametrize("position", [0, 11, 16, 40])
def test_bits_that_are_part_of_the_values_or_not_there_are_refused(position: int) -> None:
    plane = only_plane(add_overlay(grey(), lines(), allocated=16, position=position, data=None))
    assert (plane.bit_position, plane.refusal) == (None, "bits")


def test_bits_in_pixel_data_of_a_color_image_are_refused() -> None:
    ds = add_overlay(make_rgb(), np.zeros((32, 48)), allocated=8, position=7, data=None)
    assert only_plane(ds).refusal == "bits"


def test_bits_in_pixel_data_that_were_compressed_with_loss_are_refused() -> None:
    ds = make_grey(np.zeros((16, 16), np.uint8), bits_stored=8)
    ds = compress(ds, JPEGBaseline8Bit)
    ds.BitsStored, ds.HighBit = 7, 6
    assert only_plane(add_overlay(ds, np.zeros((16, 16)), allocated=8, position=7, data=None)).refusal == "compressed"


def test_bits_in_losslessly_compressed_pixel_data_are_taken() -> None:
    ds = compress(grey(), JPEGLSLossless)
    assert only_plane(add_overlay(ds, lines(), allocated=16, position=13, data=None)).bit_position == 13


def test_bits_in_pixel_data_of_another_size_than_the_image_are_refused() -> None:
    ds = add_overlay(grey(), np.zeros((5, 5)), allocated=16, position=15, data=None)
    assert only_plane(ds).refusal == "size"


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"data": b"\0\0"}, "short"),
        ({"rows": 65535, "columns": 65535}, "limit"),
        ({"rows": None, "data": b"\0" * 40}, "size"),
        ({"rows": 0, "data": b"\0" * 40}, "size"),
        ({"rows": 300, "columns": 300}, "short"),
        ({"allocated": 8, "data": b"\0" * 130}, "layout"),
    ],
)
def test_what_cannot_be_an_overlay_is_kept_as_a_refusal(changes: dict[str, Any], refusal: str) -> None:
    plane = only_plane(add_overlay(grey(), lines(), **changes))
    assert (plane.refusal, plane.first_byte) == (refusal, None)


def test_an_overlay_without_a_size_has_that_of_an_image_with_as_many_pixels() -> None:
    plane = only_plane(add_overlay(grey(), lines(), rows=None, columns=None))
    assert (plane.rows, plane.columns, plane.refusal) == (10, 13, "")


def test_data_count_more_than_a_bit_position_that_contradicts_them() -> None:
    plane = only_plane(add_overlay(grey(), lines(), allocated=16, position=12))
    assert (plane.bit_position, plane.length_bytes, plane.refusal) == (None, 18, "")


def test_an_origin_that_is_no_pair_of_numbers_is_the_corner() -> None:
    ds = add_overlay(grey(), lines())
    ds[0x6000, 0x0050].value = [7]
    plane = only_plane(ds)
    assert (plane.origin_row, plane.origin_column) == (1, 1)


def test_a_group_that_only_switches_an_overlay_on_is_none() -> None:
    ds = grey()
    ds.add_new((0x6000, 0x0040), "CS", "G")
    ds.add_new((0x6002, 0x3000), "OW", b"")
    assert attributes_of(ds).overlays == ()


@pytest.mark.parametrize("vr", ["OW", "OB"])
def test_words_of_big_endian_data_are_exchanged_and_bytes_are_not(vr: str) -> None:
    ds = add_overlay(grey(), lines(), vr=vr)
    ds.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    assert only_plane(ds).is_byte_swapped == (vr == "OW")


def test_one_plane_lies_over_all_frames_of_an_image() -> None:
    plane = only_plane(add_overlay(grey(4), lines()))
    assert [overlay_frame(plane, frame) for frame in (1, 2, 4)] == [0, 0, 0]


def test_a_multi_frame_overlay_begins_at_its_image_frame_origin() -> None:
    plane = only_plane(add_overlay(grey(5), lines(2), image_frame_origin=3))
    assert [overlay_frame(plane, frame) for frame in (1, 2, 3, 4, 5)] == [None, None, 0, 1, None]


def test_a_plane_for_each_frame_needs_no_module_of_its_own() -> None:
    plane = only_plane(add_overlay(grey(4), lines(4), frames=None, image_frame_origin=None))
    assert [overlay_frame(plane, frame) for frame in (1, 2, 3, 4)] == [0, 1, 2, 3]


def test_frames_that_are_claimed_without_data_are_kept_so_that_they_are_said_to_be_missing() -> None:
    plane = only_plane(add_overlay(grey(5), lines(2), frames=5))
    assert [overlay_frame(plane, frame) for frame in (1, 2, 3)] == [0, 1, 2]
    assert [has_bits(plane, frame) for frame in (0, 1, 2)] == [True, True, False]


def test_all_planes_together_have_a_limit() -> None:
    ds = make_grey(np.zeros((40, 50), np.uint16))
    bits = b"\0" * (2 * (11585 * 11585 // 16 + 1))
    for k in range(4):
        add_overlay(ds, np.ones((1, 1)), group=0x6000 + 2 * k, rows=11585, columns=11585, data=bits)
    add_overlay(ds, np.ones((5, 5)), group=0x6008)
    assert [plane.refusal for plane in attributes_of(ds).overlays] == ["", "", "limit", "limit", ""]


@pytest.mark.parametrize("frame", [0, 1, 2])
def test_frames_that_do_not_start_on_a_byte_are_moved_to_one(frame: int) -> None:
    pixels = np.random.default_rng(5).integers(0, 2, (3, 5, 5)).astype(bool)
    data = np.packbits(pixels.ravel(), bitorder="little").tobytes()
    bits = bits_of_frame(data, frame * 25, 25)
    assert len(bits) == 4
    assert np.array_equal(
        np.unpackbits(np.frombuffer(bits, np.uint8), count=25, bitorder="little"), pixels[frame].ravel()
    )


def test_an_object_without_pixels_has_no_image_attributes_for_its_overlays() -> None:
    ds = add_overlay(base(sop_class_uid="1.2.840.10008.5.1.4.1.1.11.1", modality="PR"), lines())
    assert read_image(io.BytesIO(to_bytes(ds))) is None


REAL: dict[str, list[tuple[int, int, int, int, int, int | None, str]]] = {
    "overlays/MR-SIEMENS-DICOM-WithOverlays.dcm": [(0x6000, 484, 484, 1, 1, None, "")],
    "overlays/ovly_p01.dcm": [
        (0x6000, 512, 512, 1, 1, 15, ""),
        (0x6002, 512, 512, 1, 1, 14, ""),
        (0x6004, 512, 512, 1, 1, None, ""),
        (0x6006, 512, 512, 1, 1, None, ""),
    ],
    "xray_dx_cr_mg/OutOfBoundsOverlay.dcm": [
        (0x6000, 101, 101, 704, 409, None, ""),
        (0x6002, 101, 101, -25, -25, None, ""),
    ],
}


@pytest.mark.parametrize("name", [name for name in REAL if shared_data.has_shared_data()])
def test_real_files_have_the_overlays_that_their_headers_describe(name: str) -> None:
    with shared_data.path_of(name).open("rb") as file:
        image = read_image(file)
    assert image is not None
    assert [
        (p.group, p.rows, p.columns, p.origin_row, p.origin_column, p.bit_position, p.refusal)
        for p in image.attributes.overlays
    ] == REAL[name]
