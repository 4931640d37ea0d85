"""A picture says that its source was compressed with loss, whatever the header and the transfer syntax claim."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import imagecodecs
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.render.house import House, Viewer
from tests.render.volume_sources import COLUMNS, ROWS, SpaceSource, even
from webviewer.dicom.attributes import ImageAttributes, VoiWindow
from webviewer.protocol.framing import FrameFlag

JPEG_LS_LOSSLESS = "1.2.840.10008.1.2.4.80"
SLICES = 5


def pixels() -> NDArray[np.uint16]:
    return np.random.default_rng(3).integers(0, 4096, (SLICES, ROWS, COLUMNS), np.uint16)


def near_lossless(values: NDArray[Any]) -> bytes:
    return bytes(imagecodecs.jpegls_encode(np.ascontiguousarray(values), 3))


def lossless(values: NDArray[Any]) -> bytes:
    return bytes(imagecodecs.jpegls_encode(np.ascontiguousarray(values)))


def coded(encode: Callable[[NDArray[Any]], bytes], **changes: Any) -> SpaceSource:
    return SpaceSource(
        pixels(), even(SLICES), changes={"transfer_syntax_uid": JPEG_LS_LOSSLESS, **changes}, encode=encode
    )


class SlicesWithWindows(SpaceSource):
    """Slices whose windows differ: 100, 200, … wide."""

    def attributes(self, number: int) -> ImageAttributes:
        one = super().attributes(number)
        width = 100.0 * (number + 1)
        return replace(one, frames=(replace(one.frames[0], windows=(VoiWindow(width / 2, width),)),))


@pytest.fixture
def make_house() -> Iterator[Callable[[SpaceSource], House]]:
    made: list[House] = []

    def make(source: SpaceSource) -> House:
        made.append(House(source))
        return made[-1]

    yield make
    for house in made:
        house.close()


@pytest.mark.parametrize(
    ("source", "is_lossy"),
    [
        (coded(near_lossless), True),
        (coded(lossless), False),
        (coded(lossless, lossy=True), True),
    ],
    ids=["a stream with loss under a lossless name", "a lossless stream", "a lossless stream of a lossy image"],
)
def test_images_and_planes_are_marked_by_stream_and_header(
    make_house: Callable[[SpaceSource], House], source: SpaceSource, is_lossy: bool
) -> None:
    house = make_house(source)
    viewer = Viewer(house)
    viewer.open()
    viewer.view(1)
    header, _ = viewer.next_still()
    assert (FrameFlag.SOURCE_LOSSY in header.flags) is is_lossy
    assert FrameFlag.LOSSLESS in header.flags, "how it is sent is another thing"
    for cell in (1, 2):  # the second after the slices are in the cache of images
        viewer.open_volume(cell=cell)
        viewer.plane(1, cell=cell)
        header, _ = viewer.next_still()
        assert (FrameFlag.SOURCE_LOSSY in header.flags) is is_lossy


def test_planes_have_the_window_that_the_slices_share(make_house: Callable[[SpaceSource], House]) -> None:
    viewer = Viewer(make_house(SlicesWithWindows(pixels(), even(SLICES))))
    viewer.open()
    viewer.view(1, 1)
    in_2d, _ = viewer.next_still()
    viewer.open_volume(cell=1)
    viewer.plane(1, cell=1)
    on_plane, _ = viewer.next_still()
    assert (in_2d.window_center, in_2d.window_width) == (150.0, 300.0)
    assert (on_plane.window_center, on_plane.window_width) == (150.0, 300.0)
