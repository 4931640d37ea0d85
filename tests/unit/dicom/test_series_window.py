"""The window that the images of a series share: by which image, for which images, and when each keeps its own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from webviewer.dicom.attributes import FrameAttributes, ImageAttributes, LookupTable, VoiWindow
from webviewer.dicom.lut import VoiChoice
from webviewer.dicom.series_window import in_order_of, series_windows

MR_TYPE = ("ORIGINAL", "PRIMARY", "M", "ND")


def image(
    *windows: VoiWindow | tuple[float, float],
    modality: str = "MR",
    frames: int = 1,
    frame: FrameAttributes | None = None,
    **more: Any,
) -> ImageAttributes:
    """Return a 16-bit image with windows (center, width)."""
    own = tuple(one if isinstance(one, VoiWindow) else VoiWindow(*one) for one in windows)
    base = FrameAttributes(windows=own, image_type=MR_TYPE) if frame is None else replace(frame, windows=own)
    facts: dict[str, Any] = {
        "transfer_syntax_uid": "1.2.840.10008.1.2.1",
        "rows": 64,
        "columns": 64,
        "number_of_frames": frames,
        "samples_per_pixel": 1,
        "photometric_interpretation": "MONOCHROME2",
        "bits_allocated": 16,
        "bits_stored": 12,
        "high_bit": 11,
        "pixel_representation": 0,
        "planar_configuration": 0,
        "pixel_element": "PixelData",
        "frames": (base,),
        "modality": modality,
    }
    return ImageAttributes(**(facts | more))


def shared_by(*images: ImageAttributes) -> list[tuple[float, float] | str]:
    """Return for each single image the window that it shares, "own", or "values of" the representative."""
    found = series_windows([(one, 1) for one in images])
    said: list[tuple[float, float] | str] = []
    for place in range(len(images)):
        shared = found.of(place)
        if shared is None:
            said.append("own")
        elif not shared.choices:
            said.append(f"values of {shared.representative}")
        else:
            said.append((shared.choices[0].center, shared.choices[0].width))
    return said


def test_slices_share_the_window_of_the_middle_one() -> None:
    assert shared_by(image((700, 1475)), image((1800, 3834)), image((2400, 5147))) == [(1800, 3834)] * 3
    assert shared_by(image((700, 1475)), image((1800, 3834))) == [(1800, 3834)] * 2


def test_a_single_image_keeps_its_own() -> None:
    assert shared_by(image((700, 1475))) == ["own"]


def test_the_nearest_image_with_a_window_stands_in_for_a_middle_without_one() -> None:
    assert shared_by(image((1, 10)), image((2, 20)), image(), image(), image((5, 50))) == [(2, 20)] * 5
    assert shared_by(image(), image(), image((3, 30))) == [(3, 30)] * 3


def test_a_filler_of_width_one_represents_only_where_no_image_has_a_wider_window() -> None:
    assert shared_by(image((300, 900)), image((0, 1)), image((0, 1))) == [(300, 900)] * 3
    assert shared_by(image((0.4, 0.9)), image((0.5, 0.8)), image((0.6, 0.7))) == [(0.5, 0.8)] * 3


def test_a_narrow_window_of_a_map_is_exact() -> None:
    shared = series_windows([(image((0.4, 0.9)), 1), (image((0.5, 0.8)), 1)]).of(0)
    assert shared is not None
    assert shared.choices == (VoiChoice(0.5, 0.8, "LINEAR_EXACT"),)


def test_ct_without_windows_shares_the_default_of_its_kind_and_mr_the_values_of_the_middle() -> None:
    hounsfield = FrameAttributes(rescale_intercept=-1024.0, rescale_type="HU")
    assert shared_by(*[image(modality="CT", frame=hounsfield)] * 3) == [(40, 400)] * 3
    assert shared_by(image(), image(), image(), image()) == ["values of 2"] * 4


def test_a_localizer_among_axial_images_keeps_its_own() -> None:
    scout = FrameAttributes(image_type=("ORIGINAL", "PRIMARY", "LOCALIZER"))
    slices = [image((40, 400), modality="CT"), image((50, 350), modality="CT"), image((60, 300), modality="CT")]
    assert shared_by(image((-200, 1600), modality="CT", frame=scout), *slices) == ["own", *[(50, 350)] * 3]


def test_maps_and_phases_and_b_values_share_among_themselves() -> None:
    magnitude = FrameAttributes(image_type=("ORIGINAL", "PRIMARY", "M"))
    phase = FrameAttributes(image_type=("ORIGINAL", "PRIMARY", "P"))
    pairs = [image((500, 1000), frame=magnitude), image((0, 8192), frame=phase)]
    assert shared_by(*pairs, image((600, 1100), frame=magnitude), image((0, 8000), frame=phase)) == [
        (600, 1100),
        (0, 8000),
        (600, 1100),
        (0, 8000),
    ]
    weak, strong = FrameAttributes(b_value=0.0), FrameAttributes(b_value=1000.0)
    assert shared_by(
        image((900, 1800), frame=weak),
        image((200, 400), frame=strong),
        image((950, 1900), frame=weak),
        image((210, 420), frame=strong),
    ) == [(950, 1900), (210, 420), (950, 1900), (210, 420)]


def test_other_sizes_units_and_polarities_do_not_share() -> None:
    first, second = image((100, 200)), image((110, 220))
    assert shared_by(first, second, image((7, 9), rows=128)) == [(110, 220)] * 2 + ["own"]
    units = [image((1, 2), modality="PT", units=unit) for unit in ("BQML", "BQML", "GML")]
    assert shared_by(*units) == [(1, 2), (1, 2), "own"]
    light = image((100, 200), photometric_interpretation="MONOCHROME1")
    assert shared_by(first, second, light) == [(110, 220)] * 2 + ["own"]


def test_windows_of_positron_emission_are_shared_in_modality_units_whatever_the_slopes() -> None:
    slices = [
        image((5000, 10000 + 1000 * k), modality="PT", frame=FrameAttributes(rescale_slope=1.0 + k)) for k in range(3)
    ]
    assert shared_by(*slices) == [(5000, 11000)] * 3


def test_radiographs_and_ultrasound_keep_their_own_also_with_places() -> None:
    placed = FrameAttributes(
        image_position_patient=(0.0, 0.0, 0.0), image_orientation_patient=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
    )
    for modality in ("CR", "DX", "MG", "XA", "US", "RF"):
        assert shared_by(*[image((500, 1000), modality=modality, frame=placed)] * 3) == ["own"] * 3, modality
    assert shared_by(*[image((5, 10), modality="OT")] * 2) == ["own"] * 2
    assert shared_by(*[image((5, 10), modality="NM", frame=placed)] * 2) == [(5, 10)] * 2


def test_the_frames_of_one_film_share_and_two_films_do_not() -> None:
    first = image((100, 200), modality="XA", frames=3)
    second = image((300, 600), modality="XA", frames=2)
    found = series_windows([(first, 1), (first, 2), (first, 3), (second, 1), (second, 2)])
    assert found.number_of_frame == (0, 0, 0, 1, 1)
    assert [shared.choices[0].width for shared in found.shared] == [200, 600]


def test_frames_with_windows_of_their_own_share_that_of_the_middle() -> None:
    one = image(frames=3)
    frames = tuple(FrameAttributes(windows=(VoiWindow(center, width),)) for center, width in ((1, 5), (2, 6), (3, 7)))
    found = series_windows([(replace(one, frames=frames), number) for number in (1, 2, 3)])
    assert [found.of(place) for place in range(3)] == [found.shared[0]] * 3
    assert found.shared[0].representative == 1
    assert found.shared[0].choices[0].width == 6


def test_the_function_of_the_representative_and_its_tables_come_along() -> None:
    table = LookupTable(0, 8, (0, 255), "bone")
    sigmoid = FrameAttributes(voi_lut_function="SIGMOID", image_type=MR_TYPE)
    first, middle = image((1, 10)), image((2, 20), frame=sigmoid, voi_luts=(table,))
    shared = series_windows([(first, 1), (middle, 1), (first, 1)]).of(0)
    assert shared is not None
    assert shared.choices == (VoiChoice(2, 20, "SIGMOID"), VoiChoice(lut=table, explanation="bone"))
    only_table = image(voi_luts=(table,))
    shared = series_windows([(image((1, 10)), 1), (only_table, 1), (image((1, 10)), 1)]).of(0)
    assert shared is not None
    assert shared.choices == (VoiChoice(lut=table, explanation="bone"),)


def test_colour_and_refused_images_share_nothing_and_represent_nothing() -> None:
    colour = image((1, 2), photometric_interpretation="RGB", samples_per_pixel=3)
    refused = image((3, 4), refusal="damaged")
    assert shared_by(image((10, 20)), refused, colour, image((30, 40))) == [(30, 40), "own", "own", (30, 40)]


def test_windows_in_another_order_are_told_apart_by_their_names() -> None:
    shared = (VoiChoice(1, 10, explanation="soft"), VoiChoice(2, 20, explanation="bone"))
    soft, bone, other = VoiWindow(11, 100, "soft"), VoiWindow(22, 200, "bone"), VoiWindow(33, 300, "")
    assert in_order_of((bone, soft), shared) == (soft, bone)
    assert in_order_of((other, bone, soft), shared) == (soft, bone, other)
    assert in_order_of((bone,), shared) == (bone,)
    assert in_order_of((other, bone), shared) == (other, bone)
    assert in_order_of((bone, other), shared) == (other, bone)
    assert in_order_of((), shared) == ()
    assert in_order_of((VoiWindow(5, 50), VoiWindow(6, 60)), (VoiChoice(1, 10), VoiChoice(2, 20))) == (
        VoiWindow(5, 50),
        VoiWindow(6, 60),
    )


def test_an_empty_series_shares_nothing() -> None:
    found = series_windows([])
    assert (found.shared, found.number_of_frame) == ((), ())


def test_images_of_one_kind_are_tried_outwards_from_the_middle() -> None:
    other = image(photometric_interpretation="MONOCHROME1")
    found = series_windows([(one, 1) for one in (image(), image(), other, image(), image(), image(), other)])
    assert list(found.nearest(3)) == [3, 1, 4, 0, 5]
    assert list(found.nearest(0)) == [0, 1, 3, 4, 5]
    assert list(found.nearest(2)) == [2, 6]


def test_at_most_64_images_are_tried() -> None:
    found = series_windows([(image(), 1)] * 1000)
    tried = list(found.nearest(500))
    assert len(tried) == 64
    assert tried[:4] == [500, 499, 501, 498]
    assert sorted(tried) == list(range(468, 532))
    assert list(found.nearest(999)) == list(range(999, 935, -1))


def test_a_single_image_has_no_other_to_try() -> None:
    assert list(series_windows([(image(), 1)]).nearest(0)) == []
