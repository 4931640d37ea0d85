"""Rules of the archive that need nothing but themselves."""

from __future__ import annotations

from webviewer.archive import Series, SeriesId, StudyId, in_reading_order


def series(number: int, image_count: int) -> Series:
    return Series(
        series_id=SeriesId(number),
        study_id=StudyId(1),
        series_instance_uid=f"1.2.{number}",
        modality="CT",
        series_number=number,
        series_description="",
        body_part_examined="",
        instance_count=max(image_count, 1),
        image_count=image_count,
        has_images=image_count > 0,
    )


def numbers(*given: tuple[int, int]) -> list[int | None]:
    return [one.series_number for one in in_reading_order(series(*pair) for pair in given)]


def test_a_localizer_and_a_report_come_after_the_stacks() -> None:
    assert numbers((1, 2), (2, 214), (3, 92), (99, 0)) == [2, 3, 1, 99]


def test_a_study_of_stills_keeps_its_order() -> None:
    assert numbers((1, 1), (2, 2), (3, 1)) == [1, 2, 3]


def test_objects_without_pixels_come_last_even_with_low_numbers() -> None:
    assert numbers((1, 0), (2, 1)) == [2, 1]
