"""One load of a volume: asks the storage node for its frames, has them decoded, publishes what has come.

Runs in one thread of its own (`VolumeStore` has a few), which alone talks to the storage node, publishes and calls
back. Decoding goes to the threads that decode what 2D viewers may want soon; only a few frames at a time, so that those
come in between. Frames that somebody wants to see now are decoded elsewhere: no volume holds them up.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any

from numpy.typing import NDArray

from renderpool.session.cache import ImageCache
from renderpool.session.first_frames import FirstFrames
from renderpool.session.loaded_volume import LoadedVolume
from renderpool.session.mosaics import MosaicData
from renderpool.session.source import FrameInFile, FrameKey, FrameSource, LocalFrames
from renderpool.session.volume_levels import load_levels
from renderpool.session.volume_repair import Loss
from webviewer.core.errors import DataError, DecodeError, Unavailable, WebviewerError
from webviewer.dicom.attributes import ImageAttributes
from webviewer.dicom.decode import DecodedFrame
from webviewer.dicom.padding import padding_range
from webviewer.dicom.sentence import Sentence, say
from webviewer.dicom.volume_values import (
    VolumeValues,
    needs_value_range,
    plan_values,
    to_voxels,
    value_range,
    word_voxels,
)
from webviewer.usecases.stored_files import DamagedFile

_LOG = logging.getLogger(__name__)

REPORT_EVERY_S = 0.2
_BATCH_BYTES = 64 * 1024**2  # asked for at once: a request costs as much as some frames
_MAX_BATCH = 128
_AT_ONCE = 4  # frames that are here: a task of one would cost nearly as much as its work
_FRAMES_AHEAD = 8  # waiting for a decoder or in one: what a load takes of memory beside the volume
_RETRY_AFTER_S = 0.5
_PUBLISH_SLICES = 32  # arrived: their bricks are made while others are read
_TURN_S = 0.1  # how soon a load that waits for decoders hears that it is cancelled
_STOPPING = "The render node is stopping."

Stored = bytes | MosaicData | FrameInFile | DecodedFrame | NDArray[Any]
Work = Callable[[int, NDArray[Any]], None]
"""Takes a source slice and its stored values."""


class _Cancelled(Exception):
    """Nobody wants the volume any more."""


class VolumeLoad:
    """The load of one volume.

    Parameters
    ----------
    volume
        What is filled.
    owner_id
        Whose frames these are.
    source
        The storage node.
    images
        What 2D viewers have loaded already, and the decoding threads.
    report
        Called with frames settled and frames in all: at most each 0.2 s, and once at the end, be it good or bad; in
        the thread of the load, which waits for it.
    first
        Which frames go before those that only make a picture finer; shared by all loads.
    """

    def __init__(
        self,
        volume: LoadedVolume,
        owner_id: int,
        source: FrameSource,
        images: ImageCache,
        report: Callable[[int, int], None],
        *,
        first: FirstFrames,
    ) -> None:
        self._volume = volume
        self._owner_id = owner_id
        self._source = source
        self._images = images
        self._first = first
        self._is_coarse = True
        self._report = report
        self._slots = threading.Semaphore(_FRAMES_AHEAD)
        self._settled = 0
        self._count_lock = threading.Lock()
        self._passes = 1
        self._next_report_s = 0.0
        self._has_reported = False
        self._range: tuple[float, float] | None = None
        self._files = source if isinstance(source, LocalFrames) else None
        self._unread: deque[int] = deque()  # whose file could not be read here: the storage node says why

    def run(self) -> None:
        """Load it; returns when it is whole, failed or not wanted any more. Raises nothing."""
        volume = self._volume
        self._next_report_s = time.monotonic() + REPORT_EVERY_S
        try:
            self._check()
            self._load()
        except _Cancelled:
            volume.fail(Unavailable("Nobody waits for this volume any more."))
            return
        except WebviewerError as exc:
            volume.fail(exc)
        except Exception:  # noqa: BLE001  an edge: whoever waits for it must hear of it
            if volume.is_dropped:  # its memory went away under our hands
                volume.fail(Unavailable("Nobody waits for this volume any more."))
                return
            _LOG.exception("volume_load_failed", extra={"series_id": volume.series.series_id})
            words = say("not_made")
            volume.fail(DataError(words.text, code=words.code))
        self._report(self._settled, self._total)

    @property
    def _total(self) -> int:
        return len(self._volume.frame_keys) * self._passes

    def _load(self) -> None:
        volume = self._volume
        images = [volume.series.instances[instance_id] for instance_id, _ in volume.frame_keys]
        numbers = [number for _, number in volume.frame_keys]
        if needs_value_range(images):
            self._passes = 2
            self._pass(self._measure)
            if self._range is None:
                words = self._why_no_range(images)
                raise DataError(words.text, code=words.code, details=words.details)
        volume.values = plan_values(images, numbers, self._range)
        self._pass(partial(self._convert, volume.values))
        self._check()
        volume.finish()

    def _why_no_range(self, images: Sequence[ImageAttributes]) -> Sentence:
        if self._volume.lost:
            return say("too_few_slices_left", len(self._volume.lost), len(images))
        return say("all_padding" if any(padding_range(image) is not None for image in images) else "no_values")

    # -- asking ----------------------------------------------------------------------------------------------------

    def _pass(self, work: Work) -> None:
        volume = self._volume
        for number, level in enumerate(load_levels(len(volume.frame_keys))):
            self._is_coarse = number == 0
            wanted = [source for source in level if source not in volume.lost]
            self._settle(len(level) - len(wanted))
            for batch in self._batches(wanted):
                self._load_batch(batch, work)
            if number == 0:
                self._drain()
                self._publish()
        self._drain()
        self._ask_for_unread(work)

    def _ask_for_unread(self, work: Work) -> None:
        """Have the storage node send what could not be read here, or say why it cannot."""
        if not self._unread:
            return
        unread = sorted(self._unread)
        self._unread.clear()
        files, self._files = self._files, None
        for batch in self._batches(unread):
            self._load_batch(batch, work)
        self._files = files
        self._drain()

    def _batches(self, sources: Sequence[int]) -> Iterator[Sequence[int]]:
        _, rows, columns = self._volume.plan.grid.shape
        size = max(1, min(_MAX_BATCH, _BATCH_BYTES // (2 * rows * columns)))
        for first in range(0, len(sources), size):
            yield sources[first : first + size]

    def _load_batch(self, sources: Sequence[int], work: Work) -> None:
        wanted: dict[FrameKey, int] = {}
        here: list[tuple[int, Stored]] = []
        for source in sources:
            key = self._volume.frame_keys[source]
            image = self._images.get(self._volume.series.cache_key(key))
            in_file = self._files.frame_in_file(self._volume.series, key) if self._files and image is None else None
            if image is not None:
                self._volume.source_lossy |= image.source_lossy
                here.append((source, image.stored))
            elif in_file is not None:
                here.append((source, in_file))
            else:
                wanted[key] = source
        for first in range(0, len(here), _AT_ONCE):
            self._submit(here[first : first + _AT_ONCE], work)
            self._publish_if_due()
        for attempt in (1, 2):
            try:
                self._ask(wanted, work)
                if not wanted:
                    return
            except Unavailable:
                if attempt == 2:
                    raise
            if attempt == 1 and self._volume.wait_cancelled(_RETRY_AFTER_S):
                raise _Cancelled
        for source in wanted.values():
            self._lose(source, Loss.NOT_SENT)

    def _ask(self, wanted: dict[FrameKey, int], work: Work) -> None:
        """Ask for frames; those that are settled leave ``wanted``."""
        if not wanted:
            return
        gone: Unavailable | None = None
        fetched = self._images.mosaics.frames(self._source, self._owner_id, self._volume.series, list(wanted))
        for key, data in fetched:
            self._check()
            source = wanted.get(key)
            if source is None:  # not asked for, or sent twice
                continue
            if isinstance(data, Unavailable):
                gone = data
                continue
            del wanted[key]
            if isinstance(data, WebviewerError):
                self._lose(source, Loss.of(data), data.message)
            else:
                self._submit([(source, data)], work)
            self._publish_if_due()
        if gone is not None:
            raise gone

    # -- decoding --------------------------------------------------------------------------------------------------

    def _submit(self, frames: Sequence[tuple[int, Stored]], work: Work) -> None:
        is_coarse = self._is_coarse
        while not is_coarse and not self._first.wait(_TURN_S):
            self._go_on()
        self._take_slot()
        if is_coarse:
            self._first.begin()

        def done(_: object = None) -> None:
            self._slots.release()
            if is_coarse:
                self._first.end()

        try:
            future: Future[None] = self._images.decode.submit(self._decode, frames, work)
        except RuntimeError as exc:  # the pool is shut down
            done()
            raise Unavailable(_STOPPING) from exc
        future.add_done_callback(done)

    def _take_slot(self) -> None:
        while not self._slots.acquire(timeout=_TURN_S):
            self._go_on()

    def _go_on(self) -> None:
        """Do while the load waits what must not wait."""
        self._check()
        self._publish_if_due()

    def _drain(self) -> None:
        """Wait for all that is being decoded."""
        for _ in range(_FRAMES_AHEAD):
            self._take_slot()
        self._slots.release(_FRAMES_AHEAD)

    def _decode(self, frames: Sequence[tuple[int, Stored]], work: Work) -> None:
        for source, data in frames:
            self._decode_one(source, work, data)

    def _decode_one(self, source: int, work: Work, data: Stored) -> None:
        volume = self._volume
        if volume.is_dropped:
            return
        try:
            if isinstance(data, FrameInFile):
                self._read(source, work, data)
            else:
                work(source, self._decoded(source, data))
        except (OSError, DamagedFile):
            self._unread.append(source)
        except WebviewerError as exc:
            self._lose(source, Loss.UNREADABLE, exc.message)
        except Exception:  # noqa: BLE001  an edge: a decoder of somebody else's must not end the load
            if not volume.is_dropped:
                _LOG.exception("decode_failed", extra={"instance_id": volume.frame_keys[source][0]})
            self._lose(source, Loss.UNREADABLE)
        else:
            self._settle(1)

    def _read(self, source: int, work: Work, in_file: FrameInFile) -> None:
        """Read a frame to where its voxels belong, and make them there, if its words are nearly voxels."""
        volume = self._volume
        image = volume.series.instances[volume.frame_keys[source][0]]
        words = None if volume.values is None else word_voxels(volume.values, source, image)
        size = image.rows, image.columns
        is_alike = size == volume.plan.grid.shape[1:] and in_file.length_bytes == 2 * size[0] * size[1]
        if words is None or not is_alike:
            data = memoryview(bytearray(in_file.length_bytes))
            in_file.read_into(data)
            work(source, self._decoded(source, data))
            return
        out = volume.source_out(source)
        in_file.read_into(out.data.cast("B"))
        volume.arrive(source, words.apply(out))

    def _decoded(
        self, source: int, data: bytes | memoryview | MosaicData | DecodedFrame | NDArray[Any]
    ) -> NDArray[Any]:
        key = self._volume.frame_keys[source]
        if isinstance(data, bytes | memoryview | MosaicData):
            data = self._images.mosaics.decode(self._volume.series, key, data)
        if isinstance(data, DecodedFrame):
            if data.is_lossy:
                self._volume.source_lossy = True
            data = data.values
        stored = data
        if stored.shape != self._volume.plan.grid.shape[1:]:
            raise DecodeError("This image has another size than the others of the volume.")
        return stored

    def _convert(self, values: VolumeValues, source: int, stored: NDArray[Any]) -> None:
        volume = self._volume
        instance_id, number = volume.frame_keys[source]
        image = volume.series.instances[instance_id]
        volume.arrive(source, to_voxels(values, source, stored, image, number, out=volume.source_out(source)))

    def _measure(self, source: int, stored: NDArray[Any]) -> None:
        instance_id, number = self._volume.frame_keys[source]
        found = value_range(stored, self._volume.series.instances[instance_id], number)
        with self._count_lock:
            ends = [ends for ends in (found, self._range) if ends is not None]
            if ends:
                self._range = min(low for low, _ in ends), max(high for _, high in ends)

    # -- telling ---------------------------------------------------------------------------------------------------

    def _lose(self, source: int, reason: Loss, words: str = "") -> None:
        if not self._volume.lost:  # what is wrong with one is mostly wrong with all
            facts = {"instance_id": self._volume.frame_keys[source][0], "reason": reason.value, "words": words}
            _LOG.warning("volume_slice_lost", extra=facts)
        self._volume.lose(source, reason)
        self._settle(1)

    def _settle(self, frames: int) -> None:
        with self._count_lock:
            self._settled += frames

    def _publish_if_due(self) -> None:
        if time.monotonic() >= self._next_report_s or (self._has_reported and self._volume.waiting >= _PUBLISH_SLICES):
            self._publish()

    def _publish(self) -> None:
        self._check()
        self._volume.publish()
        now_s = time.monotonic()
        if now_s >= self._next_report_s or not self._has_reported:  # the coarse picture at once
            self._has_reported = True
            self._next_report_s = now_s + REPORT_EVERY_S
            self._report(self._settled, self._total)

    def _check(self) -> None:
        if self._volume.is_dropped:
            raise _Cancelled
        if self._images.is_closed:
            raise Unavailable(_STOPPING)
