"""The window that the images of a series share, as a session draws it and as thumbnails show it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import pytest

from renderpool.session.source import FrameKey, SeriesFrames
from tests.render.house import House, Viewer, pixels_of
from tests.render.reference_view import grey_linear_exact, worst
from tests.render.sources import MemorySource, attributes, values_of
from webviewer.core.errors import WebviewerError
from webviewer.dicom.attributes import ImageAttributes, VoiWindow
from webviewer.protocol.base import ImageReference
from webviewer.protocol.messages import ViewError
from webviewer.protocol.windows import WindowFullDynamic, WindowRecommended, WindowValues

WIDTHS = {1: 1475.0, 2: 3834.0, 3: 5147.0}  # of three slices of magnetic resonance, as a scanner wrote them
PER_IMAGE = WindowRecommended(scope="image")


def slice_of(instance_id: int) -> ImageAttributes:
    """Return a slice with its own window, and a second one whose order changes from slice to slice."""
    one = attributes()
    width = WIDTHS[instance_id]
    windows = [VoiWindow(width / 2, width, "SOFT"), VoiWindow(width, width * 2, "WIDE")]
    own = tuple(windows if instance_id != 1 else reversed(windows))
    return replace(one, modality="MR", frames=(replace(one.frames[0], windows=own),))


class SliceSource(MemorySource):
    """Series 1 has slices with windows of their own; ``describe`` gives the header of each."""

    def __init__(self, describe: Callable[[int], ImageAttributes] = slice_of, count: int = 3) -> None:
        super().__init__(count)
        self._describe = describe

    def series(self, owner_id: int, series_id: int) -> SeriesFrames:
        found = super().series(owner_id, series_id)
        return replace(found, instances={one: self._describe(one) for one in found.instances})


def without_window(_: int) -> ImageAttributes:
    one = attributes()
    return replace(one, modality="MR", frames=(replace(one.frames[0], windows=()),))


@pytest.fixture
def make_house() -> Iterator[Callable[[MemorySource], House]]:
    made: list[House] = []

    def make(source: MemorySource) -> House:
        made.append(House(source))
        return made[-1]

    yield make
    for house in made:
        house.close()


def window_of(viewer: Viewer, revision: int, instance_id: int, window: WindowRecommended) -> tuple[float, float]:
    viewer.view(revision, instance_id, window=window)
    header, _ = viewer.next_still()
    assert (header.revision, header.instance_id) == (revision, instance_id)
    return header.window_center, header.window_width


def test_scrolling_keeps_the_window_of_the_middle_slice(make_house: Callable[[MemorySource], House]) -> None:
    viewer = Viewer(make_house(SliceSource()))
    viewer.open()
    found = [window_of(viewer, one, one, WindowRecommended()) for one in (1, 2, 3)]
    assert found == [(1917.0, 3834.0)] * 3
    assert window_of(viewer, 4, 1, WindowRecommended(index=1)) == (3834.0, 7668.0)
    assert window_of(viewer, 5, 1, WindowRecommended(index=9)) == (1917.0, 3834.0), "past the end is the first"


def test_each_image_has_its_own_on_request_by_the_name_of_the_window(
    make_house: Callable[[MemorySource], House],
) -> None:
    viewer = Viewer(make_house(SliceSource()))
    viewer.open()
    found = [window_of(viewer, one, one, PER_IMAGE) for one in (1, 2, 3)]
    assert found == [(737.5, 1475.0), (1917.0, 3834.0), (2573.5, 5147.0)]
    wide = WindowRecommended(scope="image", index=1)
    assert window_of(viewer, 4, 1, wide) == (1475.0, 2950.0), "which this slice states first"


def test_two_cells_of_one_series_and_a_second_session_show_the_same(
    make_house: Callable[[MemorySource], House],
) -> None:
    house = make_house(SliceSource())
    for viewer in (Viewer(house), Viewer(house)):
        for cell in (0, 1):
            viewer.open(cell=cell)
            viewer.view(1, 1 + cell, cell=cell)
            header, _ = viewer.next_still()
            assert (header.window_center, header.window_width) == (1917.0, 3834.0)


def test_without_any_window_the_values_of_the_middle_slice_are_those_of_all(
    make_house: Callable[[MemorySource], House],
) -> None:
    viewer = Viewer(make_house(SliceSource(without_window)))
    viewer.open()
    middle = values_of(2)
    low, high = float(middle.min()), float(middle.max())
    expected = ((low + high) / 2, high - low)
    for one in (1, 3, 2):
        viewer.view(one if one != 2 else 9, one)
        header, payload = viewer.next_still()
        assert (header.window_center, header.window_width) == expected
        values = values_of(one).astype(float)
        assert worst(pixels_of(payload), grey_linear_exact(values, *expected)) <= 1
    viewer.view(10, 3, window=WindowFullDynamic())
    header, _ = viewer.next_still()
    own = values_of(3)
    assert header.window_center == (float(own.min()) + float(own.max())) / 2


def test_a_picture_waits_for_the_slice_whose_values_tell_the_window(
    make_house: Callable[[MemorySource], House],
) -> None:
    source = SliceSource(without_window)
    source.gates[2] = threading.Event()
    viewer = Viewer(make_house(source))
    viewer.open()
    viewer.view(1, 1)
    viewer.view(2, 1, window=WindowValues(center=10, width=20))
    header, _ = viewer.next_still()
    assert header.revision == 2, "which needs no other slice"
    viewer.view(3, 1)
    source.gates[2].set()
    header, _ = viewer.next_still()
    middle = values_of(2)
    assert (header.revision, header.window_width) == (3, float(middle.max()) - float(middle.min()))


def test_a_damaged_middle_slice_leaves_each_image_its_own(make_house: Callable[[MemorySource], House]) -> None:
    source = SliceSource(without_window)
    source.bad = frozenset({2})
    viewer = Viewer(make_house(source))
    viewer.open()
    own = values_of(3)
    viewer.view(1, 3)
    header, _ = viewer.next_still()
    assert header.window_center == (float(own.min()) + float(own.max())) / 2
    viewer.view(2, 2)
    error: ViewError = viewer.next_message(ViewError)
    assert error.revision == 2


def test_a_middle_slice_that_was_away_for_a_moment_tells_the_window_once_it_is_back(
    make_house: Callable[[MemorySource], House],
) -> None:
    source = SliceSource(without_window)
    source.away_for = frozenset({2})
    viewer = Viewer(make_house(source))
    viewer.open()
    own, middle = values_of(3), values_of(2)
    shared = float(middle.max()) + float(middle.min())
    viewer.view(1, 3)
    header, _ = viewer.next_still()
    assert header.window_center * 2 == float(own.min()) + float(own.max()) != shared
    source.away_for = frozenset()
    # Each wish asks once more, and its picture does not wait; the first may meet a request that is failing still.
    revision = 1
    while header.window_center * 2 != shared:
        assert revision < 50
        revision += 1
        viewer.view(revision, 3)
        header, _ = viewer.next_still()
    viewer.view(revision + 1, 1)
    while header.revision <= revision:
        header, _ = viewer.next_still()
    assert header.window_center * 2 == shared


def test_a_series_of_radiographs_keeps_the_window_of_each(make_house: Callable[[MemorySource], House]) -> None:
    viewer = Viewer(make_house(SliceSource(lambda one: replace(slice_of(one), modality="DX"))))
    viewer.open()
    found = [window_of(viewer, one, one, WindowRecommended()) for one in (2, 3)]
    assert found == [(1917.0, 3834.0), (2573.5, 5147.0)]


def test_the_image_that_a_wish_names_recommends_also_when_it_is_not_the_middle_one(
    make_house: Callable[[MemorySource], House],
) -> None:
    viewer = Viewer(make_house(SliceSource()))
    viewer.open()

    def named(instance_id: int) -> WindowRecommended:
        return WindowRecommended(image=ImageReference(instance_id=instance_id, frame_number=1))

    assert window_of(viewer, 1, 1, named(3)) == (2573.5, 5147.0)
    assert window_of(viewer, 2, 2, named(3)) == (2573.5, 5147.0)
    assert window_of(viewer, 3, 2, named(99)) == (1917.0, 3834.0), "which the series does not have"
    assert window_of(viewer, 4, 1, named(3).model_copy(update={"scope": "image"})) == (737.5, 1475.0)


def test_the_values_of_a_named_image_tell_the_window_where_none_is_recommended(
    make_house: Callable[[MemorySource], House],
) -> None:
    viewer = Viewer(make_house(SliceSource(without_window)))
    viewer.open()
    viewer.view(1, 1, window=WindowRecommended(image=ImageReference(instance_id=3, frame_number=1)))
    header, _ = viewer.next_still()
    third = values_of(3)
    assert header.window_center == (float(third.min()) + float(third.max())) / 2


def test_an_image_of_another_kind_does_not_recommend(make_house: Callable[[MemorySource], House]) -> None:
    def describe(instance_id: int) -> ImageAttributes:
        one = slice_of(instance_id)
        return replace(one, photometric_interpretation="MONOCHROME1") if instance_id == 3 else one

    viewer = Viewer(make_house(SliceSource(describe)))
    viewer.open()
    window = WindowRecommended(image=ImageReference(instance_id=3, frame_number=1))
    assert window_of(viewer, 1, 1, window) == (1917.0, 3834.0)


class BlankSource(SliceSource):
    """Slices without windows, of which those named have one value everywhere."""

    def __init__(self, blank: frozenset[int], count: int = 5, value: int = 0) -> None:
        super().__init__(without_window, count)
        self._blank = blank
        self._value = value

    def frames(self, owner_id: int, keys: Sequence[FrameKey]) -> Iterator[tuple[FrameKey, bytes | WebviewerError]]:
        for key, data in super().frames(owner_id, keys):
            if key[0] in self._blank and isinstance(data, bytes):
                yield key, np.full(len(data) // 2, self._value, "<i2").tobytes()
            else:
                yield key, data


@pytest.mark.parametrize("value", [0, 500])
@pytest.mark.parametrize(
    ("blank", "representative"),
    [
        pytest.param({3}, 2, id="the middle"),
        pytest.param({3, 2}, 4, id="the middle and the one before"),
        pytest.param({3, 2, 4, 1}, 5, id="all but the last"),
    ],
)
def test_a_blank_middle_slice_leaves_the_window_to_the_nearest_slice_with_a_range(
    make_house: Callable[[MemorySource], House], blank: set[int], representative: int, value: int
) -> None:
    viewer = Viewer(make_house(BlankSource(frozenset(blank), value=value)))
    viewer.open()
    own = values_of(representative)
    low, high = float(own.min()), float(own.max())
    for revision, one in enumerate((1, 3, 5), 1):
        assert window_of(viewer, revision, one, WindowRecommended()) == ((low + high) / 2, high - low)
    named = WindowRecommended(image=ImageReference(instance_id=3, frame_number=1))
    assert window_of(viewer, 9, 1, named) == ((low + high) / 2, high - low), "as the page names the middle"


def test_blank_slices_alone_keep_their_own_windows(make_house: Callable[[MemorySource], House]) -> None:
    viewer = Viewer(make_house(BlankSource(frozenset({1, 2, 3}), count=3, value=7)))
    viewer.open()
    assert [window_of(viewer, one, one, WindowRecommended()) for one in (1, 2, 3)] == [(7.0, 1.0)] * 3


def test_without_an_image_cache_the_nearest_slice_with_a_range_is_found_as_well() -> None:
    house = House(BlankSource(frozenset({2, 3})), budget_bytes=0)
    try:
        viewer = Viewer(house)
        viewer.open()
        own = values_of(4)
        low, high = float(own.min()), float(own.max())
        assert window_of(viewer, 1, 1, WindowRecommended()) == ((low + high) / 2, high - low)
    finally:
        house.close()
