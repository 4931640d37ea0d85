"""Volumes of real series, where the shared data are there: order, spacing and places as independent readers found."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support import shared_data
from tests.support.reference_volume_geometry import lps_of_pixel
from tests.support.stored_image import image_attributes, read_image
from webviewer.dicom.attributes import ImageAttributes
from webviewer.dicom.decode import decode_stored
from webviewer.dicom.geometry import FramePlace, places_of
from webviewer.dicom.header import read_header
from webviewer.dicom.lut import modality_values
from webviewer.dicom.volume_split import split_volumes
from webviewer.dicom.volume_values import plan_values, to_voxels


def _files_of(series: dict[str, Any]) -> list[Path]:
    found = []
    for path in shared_data.files_under(series["directory"]):
        with path.open("rb") as file:
            if read_header(file).series_instance_uid == series["series_instance_uid"]:
                found.append(path)
    return found


def _frames(paths: list[Path]) -> tuple[list[FramePlace], list[ImageAttributes], list[str]]:
    places: list[FramePlace] = []
    images: list[ImageAttributes] = []
    names: list[str] = []
    for path in paths:
        with path.open("rb") as file:
            header = read_header(file)
        attributes = image_attributes(header)
        if attributes is None:
            continue
        own = places_of(attributes, header.instance_number, header.sop_instance_uid)
        places += own
        images += [attributes] * len(own)
        names += [path.name] * len(own)
    return places, images, names


def _series() -> list[Any]:
    # CT2 has 3 slices side by side and one 200 mm away: tried below.
    return [
        s
        for s in shared_data.expected()["series"]
        if s["one_orientation"] and not s["directory"].endswith("77654033/CT2")
    ]


@pytest.mark.parametrize("series", _series(), ids=lambda series: str(series["directory"]))
def test_a_real_series_lies_where_the_reference_says(series: dict[str, Any]) -> None:
    places, images, names = _frames(_files_of(series))
    found = split_volumes(places, images)
    assert found.refusals == ()
    assert len(found.plans) == series["files"] // series["distinct_positions"]
    distance = {entry["file"]: entry["distance"] for entry in series["order_by_position"]}
    for plan in found.plans:
        assert plan.grid.shape == (series["distinct_positions"], series["rows"], series["columns"])
        assert plan.sampling.is_in_place
        assert [distance[names[i]] for i in plan.frames] == sorted({round(d, 4) for d in distance.values()})
        assert plan.positions_mm == pytest.approx([distance[names[i]] for i in plan.frames], abs=1e-3)
        step = plan.grid.lps_from_index[:3, 2]
        assert step.tolist() == pytest.approx(series["mean_step_vector"], abs=1e-4)
        assert plan.grid.spacing_mm == pytest.approx(
            [series["distance_between_origins_mm"], *series["pixel_spacing"]], abs=1e-4
        )
        tilt = series["gantry_tilt"] or 0.0
        assert [
            words
            for words in plan.warnings
            if words.code == "tilted" and words.numbers[0] == pytest.approx(tilt, abs=0.051)
        ] == list(plan.warnings[: tilt > 0])
        _every_slice_lies_where_it_says([places[i] for i in plan.frames], plan.grid.index_from_lps)


def _every_slice_lies_where_it_says(places: list[FramePlace], index_from_lps: Any) -> None:
    worst = 0.0
    for number, place in enumerate(places):
        for column, row in ((0, 0), (15, 0), (0, 15), (7.5, 3.25)):
            found = index_from_lps @ np.array([*lps_of_pixel(place.frame, column, row), 1.0])
            worst = max(worst, float(np.abs(found[:3] - (column, row, number)).max()))
    assert worst < 0.01  # of a voxel: the digits of the headers


def _named(end: str) -> list[Any]:
    return [s for s in shared_data.expected()["series"] if s["directory"].endswith(end)]


@pytest.mark.parametrize("series", _named("77654033/CT2"), ids=lambda series: str(series["directory"]))
def test_a_slice_far_from_the_others_is_left_out(series: dict[str, Any]) -> None:
    places, images, names = _frames(_files_of(series))
    found = split_volumes(places, images)
    distance = {entry["file"]: entry["distance"] for entry in series["order_by_position"]}
    (plan,) = found.plans
    assert plan.grid.spacing_mm[0] == pytest.approx(1.25)
    assert [distance[names[i]] for i in plan.frames] == sorted(distance.values())[-3:]
    assert [len(refusal.frames) for refusal in found.refusals] == [1]


@pytest.mark.parametrize("series", _named("98892003/MR700"), ids=lambda series: str(series["directory"]))
def test_slices_of_many_directions_are_refused(series: dict[str, Any]) -> None:
    places, images, _ = _frames(_files_of(series))
    assert split_volumes(places, images).reason


@pytest.mark.parametrize("series", _named("pet_wholebody_30"), ids=lambda series: str(series["directory"]))
def test_pet_with_a_slope_for_each_slice_is_within_half_a_step(series: dict[str, Any]) -> None:
    files = [_read(path) for path in _files_of(series)]
    assert plan_values([attributes for attributes, _ in files], [1] * len(files)).is_exact  # one slope, as it is
    # Slopes as another maker writes them: each slice fills its 16 bits.
    images = [
        replace(attributes, frames=(replace(attributes.frame(1), rescale_slope=0.1 + 0.37 * number),))
        for number, (attributes, _) in enumerate(files)
    ]
    values = plan_values(images, [1] * len(images))
    assert not values.is_exact
    assert values.slope <= (0.1 + 0.37 * 29) * (1 + 1e-12)
    for position, (attributes, (_, stored)) in enumerate(zip(images, files, strict=True)):
        out = np.empty(stored.shape, np.uint16)
        to_voxels(values, position, stored, attributes, 1, out=out)
        off = out * values.slope + values.intercept - modality_values(stored, attributes)
        assert np.abs(off).max() <= 0.501 * values.slope


def _read(path: Path) -> tuple[ImageAttributes, Any]:
    with path.open("rb") as file:
        stored = read_image(file)
        assert stored is not None
        return stored.attributes, decode_stored(stored.frame_bytes(file, 1), stored.attributes)


@pytest.mark.parametrize("path", shared_data.all_files_under("enhanced_multiframe"), ids=lambda path: str(path.name))
def test_frames_of_enhanced_objects_lie_where_their_groups_say(path: Path) -> None:
    with path.open("rb") as file:
        stored = read_image(file)
    assert stored is not None
    attributes = stored.attributes
    places = places_of(attributes, 1, "1.2")
    found = split_volumes(places, [attributes] * len(places))
    told = [i for plan in found.plans for i in plan.frames] + [i for r in found.refusals for i in r.frames]
    assert sorted(told) == list(range(attributes.number_of_frames))
    for plan in found.plans:
        if plan.sampling.is_in_place and not plan.sampling.source_count < plan.sampling.slices:
            _every_slice_lies_where_it_says([places[i] for i in plan.frames], plan.grid.index_from_lps)
