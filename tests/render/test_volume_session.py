"""Volumes over the stream: a session on a real device, and its pictures as the NumPy reference says them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.render.house import House, Viewer, pixels_of
from tests.render.reference_view import grey_linear
from tests.render.reference_volume import Cut, Vector, cut_volume, report_worst
from tests.render.volume_sources import COLUMNS, ROWS, SpaceSource, even
from tests.support.reference_volume_geometry import along
from webviewer.protocol.framing import Encoding, FrameFlag
from webviewer.protocol.volumes import VolumeOpened
from webviewer.protocol.windows import WindowValues

SLICES = 40
STEP_MM = 1.5
ORIGIN = along([0.0])[0]
LATTICE: tuple[Vector, Vector, Vector, Vector] = ((0.75, 0, 0), (0, 0.5, 0), (0, 0, STEP_MM), ORIGIN)
WINDOW = WindowValues(center=300.0, width=2400.0)
MIDDLE = (ORIGIN[0] + COLUMNS / 2 * 0.75, ORIGIN[1] + ROWS / 2 * 0.5, ORIGIN[2] + SLICES / 2 * STEP_MM)


def smooth_pixels(slices: int = SLICES) -> NDArray[np.int16]:
    """Stored values of a smooth thing with a hard edge; the modality's are twice that, less 1000."""
    k, j, i = np.mgrid[:slices, :ROWS, :COLUMNS]
    values = 600 + 300 * np.sin(i / 5) * np.cos(j / 4 + k / 6)
    values[:, :6, 20:] = 1500
    return values.astype("<i2")


def values_hu(pixels: NDArray[np.int16]) -> NDArray[np.float64]:
    return pixels.astype(float) * 2.0 - 1000.0


@pytest.fixture
def source() -> SpaceSource:
    return SpaceSource(smooth_pixels(), even(SLICES, STEP_MM))


def check(payload: bytes, pixels: NDArray[np.int16], cut: Cut) -> None:
    shown = cut_volume(values_hu(pixels), LATTICE, cut)
    expected = np.where(shown.inside, grey_linear(shown.values, WINDOW.center, WINDOW.width), 0)
    worst, where = report_worst(pixels_of(payload), expected, ~shown.undecided)
    assert worst <= 1, where


def oblique(**changes: Any) -> dict[str, Any]:
    turn = math.radians(30)
    return {
        "center_lps_mm": MIDDLE,
        "right_lps": (math.cos(turn), math.sin(turn), 0.0),
        "down_lps": (0.0, 0.0, -1.0),
        "mm_per_px": 0.4,
        "window": WINDOW,
        **changes,
    }


def test_a_plane_over_the_stream_is_what_the_reference_says(
    make_house: Callable[..., House], source: SpaceSource
) -> None:
    viewer = Viewer(make_house(source))
    opened = viewer.open_volume()
    assert isinstance(opened, VolumeOpened)
    assert (opened.series_id, opened.volume, opened.shape, opened.modality) == (1, 0, (SLICES, ROWS, COLUMNS), "CT")
    x, y, z = ORIGIN
    assert opened.lps_from_index == (0.75, 0, 0, x, 0, 0.5, 0, y, 0, 0, STEP_MM, z)
    assert [choice.number for choice in opened.volumes] == [0]
    viewer.plane(3, **oblique())
    header, payload = viewer.next_still()
    assert (header.cell, header.revision, header.instance_id, header.frame_number) == (0, 3, 0, 0)
    assert header.flags == FrameFlag.STILL | FrameFlag.LOSSLESS
    assert header.encoding is Encoding.PNG
    assert (header.zoom, header.center_x, header.center_y) == (1 / 0.4, 0, 0)
    assert (header.window_center, header.window_width) == (WINDOW.center, WINDOW.width)
    turn = math.radians(30)
    cut = Cut(header.width_px, header.height_px, 0.4, MIDDLE, (math.cos(turn), math.sin(turn), 0), (0, 0, -1))
    check(payload, source.pixels, cut)
