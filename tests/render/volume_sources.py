"""A storage node in memory that holds one series in space, with faults on demand, and its volume said in NumPy."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from renderpool.session.source import FrameKey, SeriesFrames
from tests.support.reference_volume_geometry import AXIAL, Orientation, along, image
from webviewer.core.errors import DataError, NotFound, Unavailable, WebviewerError
from webviewer.dicom.attributes import FrameAttributes, ImageAttributes

ROWS, COLUMNS = 24, 32
OWNER = 7
SLICE_BYTES = 2 * ROWS * COLUMNS


def even(slices: int, step_mm: float = 1.5) -> list[float]:
    return [step_mm * k for k in range(slices)]


@dataclass
class SpaceSource:
    """Instances 1 … n with these pixels, at these positions; of owner 7, any series number.

    ``gate`` holds requests back while it is cleared, ``hold_after`` (frames of a request) says where in them;
    ``dies`` requests break off after ``dies_after`` frames; ``bad`` and ``silent`` instances are refused, not sent.
    """

    pixels: NDArray[Any]  # (slices, rows, columns)
    positions_mm: Sequence[float]
    orientation: Orientation = AXIAL
    changes: dict[str, Any] = field(default_factory=dict)
    bad: set[int] = field(default_factory=set)
    silent: set[int] = field(default_factory=set)
    cut: set[int] = field(default_factory=set)
    is_shuffled: bool = False
    dies: int = 0
    dies_after: int = 0
    hold_after: int = 0
    encode: Callable[[NDArray[Any]], bytes] = field(default=lambda pixels: pixels.tobytes())

    def __post_init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.waits = threading.Event()
        self.asked: list[list[int]] = []
        self.sent = 0
        self.lock = threading.Lock()
        self.count = len(self.pixels)
        self.longest_hang_s = 20.0

    def attributes(self, number: int) -> ImageAttributes:
        x, y, z = along(self.positions_mm)[number]
        frame = FrameAttributes(
            image_position_patient=(x, y, z),
            image_orientation_patient=self.orientation,
            pixel_spacing=(0.5, 0.75),
            rescale_slope=2.0,
            rescale_intercept=-1000.0,
            rescale_type="HU",
        )
        is_signed = self.pixels.dtype.kind == "i"
        known = {"rows": self.pixels.shape[1], "columns": self.pixels.shape[2], **self.changes}
        return image(frames=(frame,), pixel_representation=int(is_signed), **known)

    def series(self, owner_id: int, series_id: int) -> SeriesFrames:
        if owner_id != OWNER:
            raise NotFound("There is no such series.")
        # Display order is by position; ids tell the order of arrival.
        order = sorted(range(self.count), key=lambda number: self.positions_mm[number])
        instances = {number + 1: self.attributes(number) for number in range(self.count)}
        files = {instance_id: f"{instance_id}.dcm" for instance_id in instances}
        return SeriesFrames(series_id, "CT", tuple((n + 1, 1) for n in order), instances, files, f'"{self.count}"')

    def newer_series(self, owner_id: int, series_id: int, version: str) -> SeriesFrames | None:
        return None if version == f'"{self.count}"' else self.series(owner_id, series_id)

    def instance(self, owner_id: int, instance_id: int) -> SeriesFrames:
        raise NotFound("There is no such image.")

    def frames(self, owner_id: int, keys: Sequence[FrameKey]) -> Iterator[tuple[FrameKey, bytes | WebviewerError]]:
        assert owner_id == OWNER
        with self.lock:
            self.asked.append([instance for instance, _ in keys])
            dying = self.dies > 0
            self.dies -= dying
        sent = list(keys)
        if self.is_shuffled:
            random.Random(len(keys)).shuffle(sent)
            sent = [(999, 1), *sent, sent[0]]
        for number, key in enumerate(sent):
            if number >= self.hold_after and not self.gate.is_set():
                self.waits.set()
                if not self.gate.wait(self.longest_hang_s):
                    raise Unavailable("The storage node does not answer.")
            if dying and number >= self.dies_after:
                raise Unavailable("The storage node broke off a stream of frames.")
            self.sent += 1
            if key[0] in self.silent:
                continue
            if key[0] in self.bad:
                yield key, DataError("This image is damaged: its pixel data end early.")
            elif key[0] == 999:
                yield key, b"none of yours"
            else:
                data = self.encode(self.pixels[key[0] - 1])
                yield key, data[: len(data) // 2] if key[0] in self.cut else data


def random_pixels(slices: int, dtype: Any = np.int16, seed: int = 1) -> NDArray[Any]:
    ends = np.iinfo(dtype)
    return np.random.default_rng(seed).integers(ends.min, ends.max, (slices, ROWS, COLUMNS), dtype, endpoint=True)


def source_of(slices: int, **changes: Any) -> SpaceSource:
    return SpaceSource(random_pixels(slices), even(slices), **changes)


def renamed(series: SeriesFrames, series_id: int) -> SeriesFrames:
    return replace(series, series_id=series_id)
