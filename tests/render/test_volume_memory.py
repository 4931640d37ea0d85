"""What a further session on a cached series costs the render node."""

from __future__ import annotations

import os
from collections.abc import Callable

import numpy as np
import psutil

from tests.render.house import House, Viewer
from tests.render.volume_sources import SpaceSource, even
from webviewer.protocol.volumes import CutSphere, Edit

SLICES, SIDE, CANVAS_PX = 120, 256, 384
SESSIONS = 4
MIB = 1024**2


def test_a_further_session_on_a_cached_series_takes_less_than_64_mb(make_house: Callable[..., House]) -> None:
    """Three planes and a cut model each, as an MPR page has them."""
    k, j, i = np.mgrid[:SLICES, :SIDE, :SIDE]
    pixels = (500 + 400 * np.sin(i / 20) * np.cos(j / 15 + k / 9)).astype("<i2")
    house = make_house(SpaceSource(pixels, even(SLICES)))
    process = psutil.Process(os.getpid())
    used_bytes = []
    viewers = []
    for _ in range(SESSIONS):
        viewer = Viewer(house)
        viewers.append(viewer)
        for cell, (right, down) in enumerate(
            (((1.0, 0, 0), (0, 1.0, 0)), ((1.0, 0, 0), (0, 0, -1.0)), ((0, 1.0, 0), (0, 0, -1.0)))
        ):
            viewer.open_volume(cell=cell)
            viewer.plane(
                1,
                cell=cell,
                width_px=CANVAS_PX,
                height_px=CANVAS_PX,
                center_lps_mm=(60.0, 30.0, 90.0),
                right_lps=right,
                down_lps=down,
            )
            viewer.next_still()
        viewer.open_volume(cell=3)
        viewer.session.handle(
            Edit(cell=3, number=1, step=CutSphere(centers_lps_mm=((60.0, 30.0, 90.0),), radius_mm=20.0))
        )
        viewer.camera(
            1, cell=3, width_px=CANVAS_PX, height_px=CANVAS_PX, target_lps_mm=(60.0, 30.0, 90.0), edits=1, moving=True
        )
        viewer.next_frame()
        used_bytes.append(process.memory_info().rss)
    assert house.volumes.loads == 1
    further = (used_bytes[-1] - used_bytes[0]) / (SESSIONS - 1)
    assert further < 64 * MIB, used_bytes
