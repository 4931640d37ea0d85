"""Opening a series: how many frames can be told, and what is said of one that has more."""

from __future__ import annotations

import io
from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.support.mosaic_files import siemens_mosaic, slices
from tests.support.phantom_files import to_bytes
from tests.support.stored_image import read_image
from webviewer.archive import InstanceId, OwnerId, Series, SeriesId, StoredInstance, StudyId
from webviewer.dicom.attributes import FrameAttributes, ImageAttributes
from webviewer.usecases.open_series import MAX_FRAMES, open_series, open_series_for_render
from webviewer.usecases.unit_of_work import StorageUnitOfWorkFactory

OWNER, SERIES = OwnerId(1), SeriesId(1)


def image(frames: int) -> str:
    return ImageAttributes(
        transfer_syntax_uid="1.2.840.10008.1.2.1",
        rows=64,
        columns=64,
        number_of_frames=frames,
        samples_per_pixel=1,
        photometric_interpretation="MONOCHROME2",
        bits_allocated=16,
        bits_stored=12,
        high_bit=11,
        pixel_representation=0,
        planar_configuration=0,
        pixel_element="PixelData",
        frames=(FrameAttributes(),),
    ).to_json()


def stored(number: int, text: str | None, frames: int) -> StoredInstance:
    return StoredInstance(
        instance_id=InstanceId(number),
        series_id=SERIES,
        sop_instance_uid=f"1.2.{number}",
        sop_class_uid="1.2.840.10008.5.1.4.1.1.2.1",
        transfer_syntax_uid="1.2.840.10008.1.2.1",
        instance_number=number,
        number_of_frames=frames,
        file_name=f"ab/cd/{number:032x}",
        file_bytes=1,
        data_set_offset_bytes=0,
        pixel_data_offset_bytes=0,
        pixel_data_length_bytes=1,
        image=text,
    )


def series_of(*frames: int) -> StorageUnitOfWorkFactory:
    """Return an index of one series whose objects have so many frames, and of a report without any."""
    instances = [stored(number, image(count), count) for number, count in enumerate(frames, 1)]
    return units_of([*instances, stored(len(frames) + 1, None, 0)])


def units_of(instances: list[StoredInstance]) -> StorageUnitOfWorkFactory:
    """Return an index of one series with these objects."""
    series = Series(SERIES, StudyId(1), "1.2", "CT", 1, "", "", len(instances), len(instances), has_images=True)
    archive: Any = SimpleNamespace(
        get_series=lambda _owner, _series: series,
        list_instances=lambda _owner, _series: tuple(instances),
        stated_patients=lambda _owner, _study: (),
    )
    return cast("StorageUnitOfWorkFactory", lambda **_options: nullcontext(SimpleNamespace(archive=archive)))


def test_a_video_has_one_place_in_its_series_and_says_how_long_it_is() -> None:
    mpeg4 = "1.2.840.10008.1.2.4.102"
    film = replace(ImageAttributes.from_json(image(30)), transfer_syntax_uid=mpeg4, refusal="This is a video.")
    instances = [replace(stored(1, film.to_json(), 30), transfer_syntax_uid=mpeg4), stored(2, image(3), 3)]
    frames = open_series(units_of(instances), OWNER, SERIES).frames
    assert [(one.is_video, one.video_frames) for one in frames] == [(True, 30), *[(False, 0)] * 3]


def test_a_series_of_as_many_frames_as_can_be_told_is_opened() -> None:
    units = series_of(*[MAX_FRAMES // 4] * 4)
    assert len(open_series(units, OWNER, SERIES).frames) == MAX_FRAMES
    assert len(open_series_for_render(units, OWNER, SERIES).frames) == MAX_FRAMES


def test_mosaics_with_more_slices_than_can_be_told_are_shown_as_they_are_stored() -> None:
    count = MAX_FRAMES // 1024 + 1
    read = read_image(io.BytesIO(to_bytes(siemens_mosaic(slices(1024, 8, 8)))))
    assert read is not None
    text = read.attributes.to_json()
    series = Series(SERIES, StudyId(1), "1.2", "MR", 1, "", "", count, count, has_images=True)
    archive: Any = SimpleNamespace(
        get_series=lambda _owner, _series: series,
        list_instances=lambda _owner, _series: tuple(stored(number, text, 1024) for number in range(1, count + 1)),
        stated_patients=lambda _owner, _study: (),
    )
    units = cast("StorageUnitOfWorkFactory", lambda **_options: nullcontext(SimpleNamespace(archive=archive)))
    detail = open_series(units, OWNER, SERIES)
    assert [(frame.rows, frame.columns, frame.frame_number) for frame in detail.frames] == [(256, 256, 1)] * count
    assert [notice.code for notice in detail.notices] == ["mosaics_too_many"]
    assert detail.volume_refusal is not None
    assert detail.volume_refusal.code == "mosaics_too_many+for_example"
    assert detail.volume_refusal.text.endswith(f"This concerns {count} images, for example instance number 1.")
    assert detail.frames[0].image_orientation_patient is None
    render = open_series_for_render(units, OWNER, SERIES)
    attributes = ImageAttributes.from_json(render.images[render.frames[0][0]])
    assert (attributes.rows, attributes.tiling, attributes.is_folded) == (256, None, True)


@pytest.mark.parametrize(
    ("frames", "words"),
    [
        ([MAX_FRAMES, 1], f"The series has {MAX_FRAMES + 1} frames or more; at most {MAX_FRAMES} can be shown."),
        ([MAX_FRAMES + 1], f"The image says it has {MAX_FRAMES + 1} frames; at most {MAX_FRAMES} can be shown."),
    ],
)
def test_of_one_with_more_a_single_cell_says_so(frames: list[int], words: str) -> None:
    units = series_of(*frames)
    (only,) = open_series(units, OWNER, SERIES).frames
    assert (only.frame_number, only.refusal) == (1, words)
    told = open_series_for_render(units, OWNER, SERIES)
    assert told.frames == ((only.instance_id, 1),)
    assert ImageAttributes.from_json(told.images[only.instance_id]).refusal == words


def test_a_number_of_frames_that_lies_costs_only_its_own_object() -> None:
    frames = open_series(series_of(3, 2**31, 2), OWNER, SERIES).frames
    assert [one.refusal == "" for one in frames].count(True) == 5
    assert [one.refusal for one in frames if one.refusal] == [
        f"The image says it has {2**31} frames; at most {MAX_FRAMES} can be shown."
    ]
