"""A storage node in memory for tests of the session: generated grey images, with delays and faults on demand."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from renderpool.session.source import FrameKey, SeriesFrames
from webviewer.core.errors import DataError, NotFound, Unavailable, WebviewerError
from webviewer.dicom.attributes import FrameAttributes, ImageAttributes, VoiWindow

EXPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
ROWS, COLUMNS = 64, 80


def attributes(rows: int = ROWS, columns: int = COLUMNS) -> ImageAttributes:
    """A CT image: 16 bits, signed, window 40 / 400."""
    return ImageAttributes(
        transfer_syntax_uid=EXPLICIT_LITTLE_ENDIAN,
        rows=rows,
        columns=columns,
        number_of_frames=1,
        samples_per_pixel=1,
        photometric_interpretation="MONOCHROME2",
        bits_allocated=16,
        bits_stored=16,
        high_bit=15,
        pixel_representation=1,
        planar_configuration=0,
        pixel_element="PixelData",
        frames=(FrameAttributes(windows=(VoiWindow(40.0, 400.0),)),),
        modality="CT",
    )


def values_of(instance_id: int, rows: int = ROWS, columns: int = COLUMNS) -> NDArray[np.int16]:
    """A slope whose level tells the instances apart."""
    slope = np.linspace(-200, 200, rows * columns).reshape(rows, columns)
    return (slope + instance_id % 50).astype("<i2")


class MemorySource:
    """Series 1 has instances 1 … ``count`` of owner 7; ``bad`` ones cannot be had.

    ``gate`` holds every request for frames back while it is cleared; ``gates`` those of single instances;
    ``series_gate`` those for series.
    """

    def __init__(
        self, count: int = 5, bad: frozenset[int] = frozenset(), size: tuple[int, int] = (ROWS, COLUMNS)
    ) -> None:
        self.count = count
        self.bad = bad
        self.size = size
        self.away = False
        self.away_for: frozenset[int] = frozenset()  # instances that the storage node does not send now
        self.gate = threading.Event()
        self.gate.set()
        self.gates: dict[int, threading.Event] = {}
        self.asked: list[tuple[FrameKey, ...]] = []
        self.series_gate = threading.Event()
        self.series_gate.set()
        self.series_asked: list[int] = []
        self._lock = threading.Lock()

    def file_of(self, instance_id: int) -> str:
        return f"{type(self).__name__}/{instance_id}"

    def series(self, owner_id: int, series_id: int) -> SeriesFrames:
        if owner_id != 7 or series_id not in (1, 2):
            raise NotFound("There is no such series.")
        self.series_asked.append(series_id)
        assert self.series_gate.wait(20)
        first = 1 if series_id == 1 else 1001
        ids = range(first, first + self.count)
        return SeriesFrames(
            series_id,
            "CT",
            tuple((one, 1) for one in ids),
            dict.fromkeys(ids, attributes(*self.size)),
            {one: self.file_of(one) for one in ids},
            f'"{self.count}"',
        )

    def newer_series(self, owner_id: int, series_id: int, version: str) -> SeriesFrames | None:
        if owner_id == 7 and version == f'"{self.count}"':
            return None
        return self.series(owner_id, series_id)

    def instance(self, owner_id: int, instance_id: int) -> SeriesFrames:
        if owner_id != 7 or not 1 <= instance_id <= self.count:
            raise NotFound("There is no such image.")
        images, files = {instance_id: attributes(*self.size)}, {instance_id: self.file_of(instance_id)}
        return SeriesFrames(1, "CT", ((instance_id, 1),), images, files)

    def frames(self, owner_id: int, keys: Sequence[FrameKey]) -> Iterator[tuple[FrameKey, bytes | WebviewerError]]:
        with self._lock:
            self.asked.append(tuple(keys))
        assert owner_id == 7
        assert self.gate.wait(20)
        if self.away:
            raise Unavailable("The storage node does not answer.")
        for key in keys:
            assert self.gates.get(key[0], self.gate).wait(20)
            if key[0] in self.away_for:
                yield key, Unavailable("The storage node does not answer.")
            elif key[0] in self.bad:
                yield key, DataError("This image is damaged: its pixel data end early.")
            else:
                yield key, values_of(key[0], *self.size).tobytes()

    def loads_of(self, key: FrameKey) -> int:
        return sum(keys.count(key) for keys in self.asked)
