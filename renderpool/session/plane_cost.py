"""What a picture of a plane or a slab takes, thought of before it is drawn: the samples that it needs of the volume."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from renderpool.scene.plane_canvas import PlaneCanvas, places_of_pixel, plane_canvas
from renderpool.scene.slab import Interpolation, Slab, SlabMode, sample_offsets_mm
from renderpool.session.job import Pace
from renderpool.session.quality import QualityControl
from webviewer.dicom.volume import VolumeGrid
from webviewer.protocol.volumes import PlaneView

SAMPLE_S = 1.2e-8
"""Of a sample in software: a first guess, until it is known what this device takes."""
_PIXEL_SAMPLES, _SLAB_PIXEL_SAMPLES = 0.25, 3.0  # what a pixel takes beside its samples
_LOOKED_AT = 24  # pixels each way, of which the samples are counted
_STILL_S = 0.01  # what any still takes
_STILL_PIXEL_S = 2.5e-8  # to be encoded without loss
_BELIEVED = (0.02, 4.0)  # how far the last still may move what is thought of the next


@dataclass(frozen=True, slots=True)
class PlaneCost:
    """How many samples pixels of one place take.

    ``pixel`` of one on the average, ``row_pixel`` of one on the average of the costliest row, ``most`` of the
    costliest one.
    """

    pixel: float
    row_pixel: float
    most: float


def plane_parts(wish: PlaneView, grid: VolumeGrid) -> tuple[PlaneCanvas, Slab, int]:
    """Return the canvas of a wish, its slab, and n of the n × n places that its pixels are averaged from.

    Raises
    ------
    InvalidInput
        The wish's geometry is none; says the value and the rule.
    """
    canvas = plane_canvas(
        wish.width_px,
        wish.height_px,
        center_lps_mm=wish.center_lps_mm,
        right_lps=wish.right_lps,
        down_lps=wish.down_lps,
        mm_per_px=wish.mm_per_px,
    )
    slab = Slab(SlabMode(wish.slab), wish.thickness_mm, Interpolation(wish.interpolation))
    places = places_of_pixel(canvas, grid) if slab.interpolation is Interpolation.TRILINEAR else 1
    return canvas, slab, places


def plane_cost(canvas: PlaneCanvas, slab: Slab, grid: VolumeGrid) -> PlaneCost:
    """Return what a picture takes, counted of some pixels: much of a canvas or a slab may lie beside the volume."""
    offsets_mm = sample_offsets_mm(slab, grid)
    half_mm = max(abs(float(offsets_mm[0])), 1e-6)
    matrix = canvas.index_from_canvas(grid)
    size = np.array(grid.shape[::-1], np.float64)
    corners = np.array(list(itertools.product((0.0, 1.0), repeat=3))) * size - 0.5
    on_canvas = ((corners - matrix[:3, 3]) @ np.linalg.inv(matrix[:3, :3]).T)[:, :2]
    sides = np.array((canvas.width_px, canvas.height_px), np.float64)
    low, high = (np.clip(ends, 0.0, sides) for ends in (on_canvas.min(axis=0), on_canvas.max(axis=0)))
    covered = (high - low) / sides  # of width and height: the volume may be a small part of the canvas
    x, y = (low + (high - low) * ((np.arange(_LOOKED_AT) + 0.5) / _LOOKED_AT)[:, None]).T
    # Indices (rows, columns, 3), and what a mm along the normal adds.
    on_plane = x[None, :, None] * matrix[:3, 0] + y[:, None, None] * matrix[:3, 1] + matrix[:3, 3]
    away = np.where(np.abs(matrix[:3, 2]) < 1e-10, 1e-10, matrix[:3, 2])
    to_low, to_high = (-0.5 - on_plane) / away, (size - 0.5 - on_plane) / away
    entry = np.maximum(np.minimum(to_low, to_high).max(axis=-1), -half_mm)
    leave = np.minimum(np.maximum(to_low, to_high).min(axis=-1), half_mm)
    samples = np.clip((leave - entry) / (2 * half_mm), 0.0, 1.0) * len(offsets_mm)
    base = _PIXEL_SAMPLES if slab.is_plane else _SLAB_PIXEL_SAMPLES
    of_rows = samples.mean(axis=1) * covered[0]
    return PlaneCost(
        float(of_rows.mean() * covered[1]) + base, float(of_rows.max()) + base, float(samples.max()) + base
    )


class PlanePaces:
    """How fast planes of one cell are made: a still one is slow or not by what it needs, which wishes change."""

    def __init__(self, quality: QualityControl) -> None:
        self.quality = quality
        self._share = 1.0  # what the last still took of what was thought
        self._last: tuple[PlaneView, Pace] | None = None

    def of(self, wish: PlaneView, grid: VolumeGrid) -> Pace:
        """Return the pace of a wish; raises InvalidInput where its geometry is none."""
        if self._last is None or self._last[0] is not wish:
            self._last = (wish, self._made(wish, grid))
        return self._last[1]

    def _made(self, wish: PlaneView, grid: VolumeGrid) -> Pace:
        canvas, slab, places = plane_parts(wish, grid)
        samples = plane_cost(canvas, slab, grid).pixel * places**2
        thought_s = _STILL_S + wish.width_px * wish.height_px * (samples * SAMPLE_S + _STILL_PIXEL_S)

        def learn(made_s: float) -> None:
            self._share = float(np.clip(made_s / thought_s, *_BELIEVED))

        return Pace(self.quality, thought_s * self._share, learn)
