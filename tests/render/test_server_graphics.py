"""Overlays and shutters over the render node's HTTP and WebSocket."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from renderpool.session.cache import ImageCache
from renderpool.session.images import ImageStore
from renderpool.session.source import FrameKey, SeriesFrames
from tests.render.house import pixels_of
from tests.render.reference_view import grey_linear, worst
from tests.render.sources import COLUMNS, ROWS, MemorySource, values_of
from tests.render.test_server import Server, receive, receive_still, send
from webviewer.core import errors
from webviewer.dicom.attributes import OverlayPlane, Shutter
from webviewer.protocol.framing import FrameFlag


class OverlaySource(MemorySource):
    """Each image has a shutter and an overlay: a row of dots, kept apart from the pixels."""

    def __init__(self) -> None:
        super().__init__(count=3)
        self.overlays_asked: list[FrameKey] = []
        self.failing = False

    def _marked(self, found: SeriesFrames) -> SeriesFrames:
        plane = OverlayPlane(0x6000, 1, 20, origin_row=10, first_byte=100, length_bytes=4)
        shutter = Shutter(rectangle=(1, 32, 1, COLUMNS))
        instances = {
            key: replace(image, overlays=(plane,), frames=(replace(image.frames[0], shutter=shutter),))
            for key, image in found.instances.items()
        }
        return replace(found, instances=instances)

    def series(self, owner_id: int, series_id: int) -> SeriesFrames:
        return self._marked(super().series(owner_id, series_id))

    def instance(self, owner_id: int, instance_id: int) -> SeriesFrames:
        return self._marked(super().instance(owner_id, instance_id))

    def overlays(self, owner_id: int, key: FrameKey) -> Iterator[tuple[int, bytes]]:
        assert owner_id == 7
        self.overlays_asked.append(key)
        if self.failing:
            raise errors.Unavailable("The storage node does not answer.")
        yield 0x6000, b"\xff\xff\x0f"


@pytest.fixture
def marked() -> Iterator[Server]:
    running = Server(OverlaySource())
    yield running
    running.stop()


def test_overlays_and_shutters_are_burnt_into_rendered_frames_unless_the_caller_wants_none(marked: Server) -> None:
    base = "/internal/v1/render/owners/7/instances/2/frames/1/rendered"
    pictures, etags = {}, set()
    for query in ("", "?overlays=false", "?shutters=false", "?overlays=false&shutters=false"):
        answer = marked.get(base + query)
        assert answer.status_code == 200
        pictures[query] = np.asarray(Image.open(io.BytesIO(answer.content))).astype(int)
        etags.add(answer.headers["ETag"])
    assert len(etags) == 4
    bare = grey_linear(values_of(2).astype(float), 40, 400)
    for query, picture in pictures.items():
        assert set(picture[9, :20].tolist()) == {255} or "overlays" in query
        assert not picture[32:].any() or "shutters" in query
    assert worst(pictures["?overlays=false&shutters=false"], bare) <= 1
    assert marked.source.overlays_asked == [(2, 1)], "the bits are asked for once"


def test_a_thumbnail_has_overlays_and_shutters_unless_the_caller_wants_none(marked: Server) -> None:
    path = f"/internal/v1/render/owners/7/series/1/thumbnail?size={COLUMNS}"
    with_all, without = (
        np.asarray(Image.open(io.BytesIO(marked.get(path + more).content))).astype(int)
        for more in ("", "&overlays=false&shutters=false")
    )
    assert with_all[9, 5:15].min() > 200 > without[9, 5:15].max()
    assert with_all[40:].max() < 40 < without[40:].min()


@pytest.mark.parametrize("value", ["no", "1", "True", ""])
def test_a_switch_is_true_or_false(marked: Server, value: str) -> None:
    answer = marked.get(f"/internal/v1/render/owners/7/instances/2/frames/1/rendered?overlays={value}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_input")


def test_an_image_whose_overlays_cannot_be_had_is_shown_and_says_so(marked: Server) -> None:
    marked.source.failing = True
    with marked.connect() as socket:
        send(socket, type="hello", version=1)
        receive(socket, "welcome")
        send(socket, type="open", cell=0, series_id=1)
        send(socket, type="view", cell=0, revision=1, width_px=COLUMNS, height_px=ROWS)
        header, payload = receive_still(socket)
    assert header.flags & FrameFlag.LACKS_OVERLAY
    assert not header.flags & FrameFlag.IGNORES_SHUTTER
    assert not pixels_of(payload)[32:].any()


@pytest.fixture
def plain() -> Iterator[Server]:
    running = Server(MemorySource(count=3))
    yield running
    running.stop()


def test_a_series_without_overlays_asks_for_none(plain: Server) -> None:
    asked: list[Any] = []
    plain.source.overlays = lambda owner_id, key: asked.append(key)  # now it could be asked
    assert plain.get("/internal/v1/render/owners/7/instances/2/frames/1/rendered").status_code == 200
    assert asked == []


class CountingOverlays(OverlaySource):
    """Counts the planes whose bits were handed over and are not drawn yet."""

    def __init__(self) -> None:
        super().__init__()
        self.outstanding = self.most_outstanding = 0

    def overlays(self, owner_id: int, key: FrameKey) -> Iterator[tuple[int, bytes]]:
        for group, bits in super().overlays(owner_id, key):
            self.outstanding += 1
            self.most_outstanding = max(self.most_outstanding, self.outstanding)
            yield group, bits
            self.outstanding -= 1


def test_a_prefetch_holds_the_overlay_bits_of_one_plane_at_a_time() -> None:
    source, cache = CountingOverlays(), ImageCache(64 * 1024**2, decode_threads=4)
    store, done = ImageStore(cache, source), threading.Event()
    series = source.series(7, 1)
    store.prefetch(7, series, series.frames, done.set)
    assert done.wait(20)
    store.close()
    cache.close()
    assert len(source.overlays_asked) == len(series.frames) == 3
    assert store.count_ready(series) == 3
    assert (source.most_outstanding, source.outstanding) == (1, 0)
