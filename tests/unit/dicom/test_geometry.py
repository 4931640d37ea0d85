"""Space: order, positions, matrices and letters, with literal values."""

from __future__ import annotations

import io

import numpy as np
import pytest

from tests.support.phantom_files import make_ct_series, make_enhanced_ct, to_bytes
from webviewer.dicom.attributes import FrameAttributes
from webviewer.dicom.geometry import (
    FramePlace,
    edge_letters,
    lps_from_index,
    order_frames,
    orientation_letters,
    places_of,
    slice_normal,
    slice_position_mm,
    slice_spacing,
)
from webviewer.dicom.header import read_header

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
    attributes = header.image_attributes()
    assert attributes is not None
    assert order_frames(places_of(attributes, 1, "1.2")).indices == (3, 2, 1, 0)


def test_a_phantom_series_is_regular() -> None:
    frames = []
    for ds in make_ct_series(5, rows=4, columns=4):
        attributes = read_header(io.BytesIO(to_bytes(ds))).image_attributes()
        assert attributes is not None
        frames.append(attributes.frame(1))
    spacing = slice_spacing(frames)
    assert (spacing.spacing_mm, spacing.is_regular, spacing.reason) == (1.25, True, "")


@pytest.mark.parametrize(
    ("positions", "reason"),
    [
        ([(0, 0, 0)], "fewer than two slices"),
        ([(0, 0, 0), (0, 0, 1), (0, 0, 3)], "varies from 1 to 2 mm"),
        ([(0, 0, 0), (0, 0, 0), (0, 0, 1)], "Several slices lie at one position"),
        ([(0, 0, 0), (0, 0, 2), (0, 0, 1)], "not in the order of their positions"),
        ([(0, 0, 0), (0, 0.3, 1), (0, 0.6, 2)], "shifted against each other by 0.3 mm (gantry tilt)"),
    ],
)
def test_irregular_spacing_says_why(positions: list[tuple[float, float, float]], reason: str) -> None:
    spacing = slice_spacing([FrameAttributes(p, AXIAL, (1.0, 1.0)) for p in positions])
    assert not spacing.is_regular
    assert reason in spacing.reason


def test_other_reasons_for_no_grid() -> None:
    here, there = FrameAttributes((0, 0, 0), AXIAL, (1, 1)), FrameAttributes((0, 0, 1), AXIAL, (1, 1))
    assert "no" not in slice_spacing([here, there]).reason
    assert "position in space" in slice_spacing([here, FrameAttributes()]).reason
    turned = FrameAttributes((0, 0, 1), SAGITTAL, (1, 1))
    assert "one orientation" in slice_spacing([here, turned]).reason
    coarser = FrameAttributes((0, 0, 1), AXIAL, (2, 2))
    assert "same pixel spacing" in slice_spacing([here, coarser]).reason


def test_the_matrix_takes_pixel_centres_to_the_patient() -> None:
    frame = FrameAttributes((-10.0, 20.0, 30.0), SAGITTAL, (2.0, 0.5))  # 2 mm between rows, 0.5 mm between columns
    matrix = lps_from_index(frame)
    assert matrix is not None
    assert (matrix @ [0, 0, 0, 1]).tolist() == [-10.0, 20.0, 30.0, 1.0]
    assert (matrix @ [4, 3, 0, 1]).tolist() == [-10.0, 22.0, 24.0, 1.0]
    assert matrix[:3, 2].tolist() == [-1.0, 0.0, 0.0]
    assert lps_from_index(FrameAttributes((0, 0, 0), AXIAL)) is None
    assert lps_from_index(FrameAttributes(None, AXIAL, (1, 1))) is None


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


@pytest.mark.parametrize(
    ("direction", "letters"),
    [
        ((1, 0, 0), "L"),
        ((-1, 0, 0), "R"),
        ((0, 1, 0), "P"),
        ((0, 0, 1), "H"),
        ((0, 0, -2), "F"),
        ((0.6, 0.8, 0), "PL"),
        ((-0.5, -0.7, -0.51), "AFR"),
        ((1, 0.05, 0), "L"),
        ((0, 0, 0), ""),
        ((float("nan"), 0, 0), ""),
    ],
)
def test_letters_of_a_direction(direction: tuple[float, float, float], letters: str) -> None:
    assert orientation_letters(direction) == letters


def test_letters_at_the_edges_of_an_axial_and_a_sagittal_image() -> None:
    assert edge_letters(FrameAttributes(image_orientation_patient=AXIAL)) == ("R", "L", "A", "P")
    assert edge_letters(FrameAttributes(image_orientation_patient=SAGITTAL)) == ("A", "P", "H", "F")
    assert edge_letters(FrameAttributes()) is None
