"""Space: order, positions and normals, with literal values."""

from __future__ import annotations

import io

import numpy as np
import pytest

from tests.support.phantom_files import make_enhanced_ct, to_bytes
from tests.support.stored_image import image_attributes
from webviewer.dicom.attributes import FrameAttributes
from webviewer.dicom.geometry import (
    FramePlace,
    places_of,
    slice_normal,
    slice_position_mm,
)
from webviewer.dicom.header import read_header
from webviewer.dicom.stacks import order_frames

AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
SAGITTAL = (0.0, 1.0, 0.0, 0.0, 0.0, -1.0)


def place(
    z: float | None,
    number: int | None,
    *,
    orientation: tuple[float, float, float, float, float, float] = AXIAL,
    time: int | None = None,
    frame_number: int = 1,
) -> FramePlace:
    position = None if z is None else (0.0, 0.0, z)
    if z is not None and orientation == SAGITTAL:
        position = (z, 0.0, 0.0)
    frame = FrameAttributes(position, orientation, (1.0, 1.0), temporal_position_index=time)
    return FramePlace(frame, frame_number, number, f"1.2.{number}")


def test_positions_come_before_numbers() -> None:
    order = order_frames([place(30, 1), place(10, 2), place(20, 3)])
    assert order.indices == (1, 2, 0)
    assert order.rule == "by position along the slice normal"


def test_without_positions_numbers_decide_and_a_missing_number_is_last() -> None:
    order = order_frames([place(None, None), place(None, 12), place(5, 3)])
    assert order.indices == (2, 1, 0)
    assert order.rule == "by instance number: not every image has a position in space"


def test_a_cine_at_one_position_goes_by_number() -> None:
    order = order_frames([place(5, 1, frame_number=n) for n in (3, 1, 2)])
    assert order.indices == (1, 2, 0)
    assert "all images are at one position" in order.rule


def test_orientations_are_kept_together() -> None:
    mixed = [
        place(0, 1),
        place(7, 2, orientation=SAGITTAL),
        place(-5, 3),
        place(9, 4, orientation=SAGITTAL),
    ]
    order = order_frames(mixed)
    assert order.indices == (2, 0, 3, 1)  # the normal of SAGITTAL is (-1, 0, 0): 9 lies before 7
    assert order.rule == "2 orientations one after another, each by position along the slice normal"


def test_phases_at_the_same_positions_become_stacks() -> None:
    places = [place(z, 10 * time + z, time=time) for z in (2, 1) for time in (2, 1)]
    order = order_frames(places)
    assert [(places[i].frame.temporal_position_index, slice_position_mm(places[i].frame)) for i in order.indices] == [
        (1, 1.0),
        (1, 2.0),
        (2, 1.0),
        (2, 2.0),
    ]
    assert order.rule == "by position along the slice normal, 2 phases one after another"


def test_uneven_repeats_stay_beside_each_other() -> None:
    order = order_frames([place(1, 1), place(2, 2), place(1, 3)])
    assert order.indices == (0, 2, 1)
    assert order.rule == "by position along the slice normal, then by number"


def test_every_frame_is_in_the_order_once() -> None:
    places = [place(z % 4, z, orientation=AXIAL if z % 3 else SAGITTAL) for z in range(30)]
    assert sorted(order_frames(places).indices) == list(range(30))
    assert order_frames([]).indices == ()


def test_frames_of_an_enhanced_object_run_from_foot_to_head() -> None:
    header = read_header(io.BytesIO(to_bytes(make_enhanced_ct(4))))
    attributes = image_attributes(header)
    assert attributes is not None
    assert order_frames(places_of(attributes, 1, "1.2")).indices == (3, 2, 1, 0)


def test_the_position_is_along_the_normal_not_along_z() -> None:
    tilt = np.deg2rad(30)
    orientation = (1.0, 0.0, 0.0, 0.0, float(np.cos(tilt)), float(np.sin(tilt)))
    frame = FrameAttributes((100.0, 0.0, 10.0), orientation)
    normal = slice_normal(frame)
    assert normal is not None
    assert normal.tolist() == pytest.approx([0.0, -0.5, 0.8660254])
    assert slice_position_mm(frame) == pytest.approx(8.660254)
    assert slice_position_mm(FrameAttributes()) is None
    assert slice_normal(FrameAttributes(image_orientation_patient=(1, 0, 0, 1, 0, 0))) is None
