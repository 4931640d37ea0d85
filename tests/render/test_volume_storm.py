"""Viewers that send anything at any time: nothing breaks, nothing is left behind, and the last wish is answered."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from renderpool.session.session import Message
from tests.render.house import House, Viewer, wait_until
from tests.render.test_volume_session import (
    BRIGHT,
    HOLE,
    MIDDLE,
    PIECE,
    SLICES,
    STEP_MM,
    line_on_image,
    oblique,
    smooth_pixels,
)
from tests.render.volume_sources import SpaceSource, even
from webviewer.protocol.base import ImageReference
from webviewer.protocol.framing import FrameFlag
from webviewer.protocol.messages import Ack, Close, Open, View
from webviewer.protocol.questions import Ask, Measure, OnPlane, Pick
from webviewer.protocol.volumes import CameraPose, CameraView, Edit, OpenVolume, PlaneView, RemoveTable
from webviewer.protocol.windows import ColourTable

CELLS = 4
STORM_S = 6.0


class Storm:
    """What one viewer sends."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._revision = 0

    def message(self) -> Message:
        choose, cell = self._random, self._random.randrange(CELLS)
        self._revision += 1
        revision = max(0, self._revision - choose.randrange(3))
        moving = choose.random() < 0.6
        kind = choose.choices(
            ("open", "volume", "view", "plane", "camera", "edit", "ask", "ack", "close"),
            (4, 4, 20, 20, 14, 6, 10, 4, 3),
        )[0]
        if kind == "open":
            return Open(cell=cell, series_id=choose.choice((1, 2)))
        if kind == "volume":
            return OpenVolume(cell=cell, series_id=choose.choice((1, 2)), volume=choose.choice((0, 0, 0, 7)))
        if kind == "view":
            image = ImageReference(instance_id=choose.randrange(1, SLICES + 3), frame_number=1)
            return View(cell=cell, revision=revision, image=image, width_px=64, height_px=48, moving=moving)
        if kind == "plane":
            size: dict[str, Any] = {"width_px": choose.randrange(1, 200), "height_px": choose.randrange(1, 200)}
            tables: tuple[ColourTable, ...] = ("grey", "spring")
            colours = choose.choice(tables)
            return PlaneView(cell=cell, revision=revision, moving=moving, colours=colours, **oblique(), **size)
        if kind == "camera":
            side = choose.choice((1, 40, 90))
            pose = CameraPose(
                width_px=side,
                height_px=side,
                target_lps_mm=MIDDLE,
                right_lps=(1.0, 0.0, 0.0),
                down_lps=(0.0, 0.0, -1.0),
                mm_per_px=0.5,
            )
            return CameraView(cell=cell, revision=revision, pose=pose, moving=moving, edits=choose.randrange(4))
        if kind == "edit":
            step = choose.choice((HOLE, PIECE, RemoveTable()))
            return Edit(cell=cell, number=choose.randrange(1, 5), step=step)
        if kind == "ask":
            on = OnPlane(origin_lps_mm=BRIGHT, right_lps=(1.0, 0.0, 0.0), down_lps=(0.0, 1.0, 0.0))
            what: Any = choose.choice(
                (
                    Pick(x_px=9, y_px=9),
                    line_on_image(2, (0, 0), (5, 5)),
                    Measure(on=on, shape="point", points=((0, 0),)),
                )
            )
            return Ask(cell=cell, question=choose.randrange(5), what=what)
        if kind == "ack":
            return Ack(sequence=choose.randrange(1, 500))
        return Close(cell=cell)


class Reader:
    """Acknowledges what comes, in a thread of its own."""

    def __init__(self, viewer: Viewer) -> None:
        self.viewer = viewer
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        while not self._ends.is_set():
            while not self.viewer.frames.empty():
                self.viewer.next_frame()
            time.sleep(0.005)

    def stop(self) -> None:
        self._ends.set()
        self._thread.join()


@pytest.mark.parametrize("keep", [True, False])
def test_whatever_viewers_send_nothing_breaks_and_nothing_is_left(
    make_house: Callable[..., House], keep: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    source = SpaceSource(smooth_pixels(), even(SLICES, STEP_MM), bad={4})
    house = make_house(source, keep_volumes=keep, volume_bytes=2 * source.pixels.nbytes)
    readers = [Reader(Viewer(house)) for _ in range(4)]
    storms = [Storm(seed) for seed in range(4)]
    end_s = time.monotonic() + STORM_S
    try:
        while time.monotonic() < end_s:
            for storm, reader in zip(storms, readers, strict=True):
                for _ in range(5):
                    reader.viewer.session.handle(storm.message())
            time.sleep(0.02)
        for reader in readers[1:]:
            house.scheduler.close_session(reader.viewer.session)
        viewer = readers[0].viewer
        for cell in range(16):
            viewer.session.handle(Close(cell=cell))
        wait_until(lambda: house.volumes.in_use_bytes() == 0)
        viewer.session.handle(OpenVolume(cell=1, series_id=1))
        viewer.session.handle(PlaneView(cell=1, revision=3, width_px=64, height_px=64, **oblique()))
        wait_until(
            lambda: any(
                header.cell == 1 and header.revision == 3 and FrameFlag.STILL in header.flags
                for header in viewer.all_frames[-3:]
            )
        )
        house.scheduler.close_session(viewer.session)
        wait_until(lambda: house.volumes.in_use_bytes() == 0)
    finally:
        for reader in readers:
            reader.stop()
    assert house.volumes.size_bytes == (len(house.volumes) * source.pixels.nbytes if keep else 0)
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []
    shown = {header.instance_id == 0 for reader in readers for header in reader.viewer.all_frames}
    assert shown == {True, False}, "images and volumes"
    assert sum(len(reader.viewer.all_frames) for reader in readers) > 30
    assert not house.scheduler._queue._begun
    assert house.scheduler._encoding == house.scheduler._encoding_stills == 0
    assert not house.scheduler._encoding_of
    assert not any(account._used_s for account in house.scheduler._queue._turns._moving._sessions.values())
