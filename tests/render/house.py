"""A scheduler over images in memory, and viewers that talk to it: what the tests of sessions share."""

from __future__ import annotations

import io
import queue
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image

from renderpool.session.cache import ImageCache
from renderpool.session.images import ImageStore
from renderpool.session.scheduler import Scheduler
from renderpool.session.session import RenderSession
from renderpool.session.stores import Stores
from renderpool.session.volume_cache import VolumeCache
from renderpool.session.volume_store import VolumeStore
from renderpool.session.volume_warm_up import VolumeWarmUp
from tests.render.sources import COLUMNS, ROWS, MemorySource
from tests.support.frames import unpack_frame
from webviewer.protocol.base import ImageReference
from webviewer.protocol.framing import FrameFlag, FrameHeader
from webviewer.protocol.messages import Ack, Open, Opened, ServerMessage, View
from webviewer.protocol.questions import Ask, AskError, Measured, Picked
from webviewer.protocol.volumes import CameraPose, CameraView, OpenVolume, PlaneView, VolumeOpened

WAIT_S = 20.0


class Viewer:
    """A browser of the test: sends wishes, collects what comes."""

    def __init__(self, house: House, owner_id: int = 7, *, acknowledges: bool = True) -> None:
        self.messages: queue.Queue[ServerMessage] = queue.Queue()
        self.frames: queue.Queue[tuple[FrameHeader, bytes]] = queue.Queue()
        self.all_frames: list[FrameHeader] = []
        self.acknowledges = acknowledges
        self.session: RenderSession = house.scheduler.open_session(owner_id, house.stores, self._take)

    def _take(self, item: ServerMessage | bytes) -> None:
        if isinstance(item, bytes):
            header, payload = unpack_frame(item)
            self.all_frames.append(header)
            self.session.written()
            self.frames.put((header, payload))
        else:
            self.messages.put(item)

    def open(self, series_id: int = 1, cell: int = 0) -> Opened:
        self.session.handle(Open(cell=cell, series_id=series_id))
        opened: Opened = self.next_message(Opened)
        return opened

    def view(self, revision: int, instance_id: int | None = None, cell: int = 0, **wishes: Any) -> None:
        image = None if instance_id is None else ImageReference(instance_id=instance_id, frame_number=1)
        wish = {"width_px": COLUMNS, "height_px": ROWS, **wishes}
        self.session.handle(View(cell=cell, revision=revision, image=image, **wish))

    def open_volume(self, series_id: int = 1, cell: int = 0, volume: int = 0) -> VolumeOpened:
        self.session.handle(OpenVolume(cell=cell, series_id=series_id, volume=volume))
        opened: VolumeOpened = self.next_message(VolumeOpened)
        return opened

    def plane(self, revision: int, cell: int = 0, **wishes: Any) -> None:
        """An axial plane through the origin, unless wished otherwise."""
        wish = {
            "width_px": COLUMNS,
            "height_px": ROWS,
            "center_lps_mm": (0.0, 0.0, 0.0),
            "right_lps": (1.0, 0.0, 0.0),
            "down_lps": (0.0, 1.0, 0.0),
            "mm_per_px": 0.5,
            **wishes,
        }
        self.session.handle(PlaneView(cell=cell, revision=revision, **wish))

    def camera(self, revision: int, cell: int = 0, **wishes: Any) -> None:
        """The volume from the front, unless wished otherwise."""
        own = ("look", "box", "plane", "edits", "moving")
        pose = {
            "width_px": COLUMNS,
            "height_px": ROWS,
            "target_lps_mm": (0.0, 0.0, 0.0),
            "right_lps": (1.0, 0.0, 0.0),
            "down_lps": (0.0, 0.0, -1.0),
            "mm_per_px": 0.5,
            **{name: wish for name, wish in wishes.items() if name not in own},
        }
        rest = {name: wish for name, wish in wishes.items() if name in own}
        self.session.handle(CameraView(cell=cell, revision=revision, pose=CameraPose(**pose), **rest))

    def ask(self, question: int, what: Any, cell: int = 0) -> Any:
        """Return the answer, or the refusal."""
        self.session.handle(Ask(cell=cell, question=question, what=what))
        return self.next_message((Measured, Picked, AskError))

    def next_frame(self) -> tuple[FrameHeader, bytes]:
        header, payload = self.frames.get(timeout=WAIT_S)
        if self.acknowledges:
            self.session.handle(Ack(sequence=header.sequence))
        return header, payload

    def next_still(self) -> tuple[FrameHeader, bytes]:
        while True:
            header, payload = self.next_frame()
            if FrameFlag.STILL in header.flags:
                return header, payload

    def next_message(self, kind: type[Any] | tuple[type[Any], ...]) -> Any:
        until = time.monotonic() + WAIT_S
        while time.monotonic() < until:
            message = self.messages.get(timeout=WAIT_S)
            if isinstance(message, kind):
                return message
        raise AssertionError(f"no {kind} came")


def pixels_of(payload: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(payload)))


def wait_until(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < until, "did not happen in time"
        time.sleep(0.005)


class House:
    """A render node without its sockets."""

    def __init__(
        self,
        source: Any,  # a `FrameSource`, with what its tests do to it
        budget_bytes: int = 64 * 1024**2,
        bandwidth: int | None = None,
        volume_bytes: int = 256 * 1024**2,
        keep_volumes: bool = True,
        *,
        warm_up: VolumeWarmUp | None = None,
        scheduler: Scheduler | None = None,  # one that is not started: the test draws itself
    ) -> None:
        self.source = source
        self.cache = ImageCache(budget_bytes, decode_threads=2)
        self.volumes = VolumeCache(volume_bytes, keep=keep_volumes)
        self.store = ImageStore(self.cache, source)
        sink = source if hasattr(source, "store_derived") else None
        self.stores = Stores(self.store, VolumeStore(self.volumes, self.cache, source, "storage"), sink)
        if scheduler is not None:
            self.scheduler = scheduler
            return
        self.scheduler = Scheduler(
            keep_textures=budget_bytes > 0, bandwidth_bytes_per_s=bandwidth, debug=True, warm_up=warm_up
        )
        self.scheduler.start()

    def close(self) -> None:
        gate = getattr(self.source, "gate", None)
        if gate is not None:
            gate.set()
        self.cache.close()
        self.stores.close()
        self.scheduler.stop()
        assert not self.scheduler.is_drawing


@pytest.fixture
def make_house() -> Iterator[Callable[..., House]]:
    houses: list[House] = []

    def make(source: Any = None, **options: Any) -> House:
        house = House(source or MemorySource(), **options)
        houses.append(house)
        return house

    yield make
    for house in houses:
        house.close()


@pytest.fixture
def house(make_house: Callable[..., House]) -> House:
    return make_house()
