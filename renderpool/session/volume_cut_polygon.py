"""The cut of a polygon: what is seen inside of an outline on the canvas, or outside of it, through the whole depth.

Voxels of a row lie on a line of the canvas. Where that crosses the outline, inside and outside change (even-odd, so
outlines with holes and with crossings of their own are none of a problem): a row takes as many sums as the outline has
edges, however long it is, and centres of voxels are judged exactly.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from renderpool.scene.camera_canvas import lps_from_camera_canvas
from renderpool.session.volume_cut import Packed, Slices, without
from webviewer.dicom.sentence import Sentence
from webviewer.dicom.volume import VolumeGrid
from webviewer.protocol.volumes import CutPolygon

Floats = NDArray[np.float64]

_A_POINT = 1e-7  # a row seen end on is a point of the canvas: its length there, in pixels and less


class PolygonCut:
    """A cut along an outline, as `renderpool.session.volume_cut.Cut`.

    Raises
    ------
    InvalidInput
        The pose is none.
    """

    note: Sentence | None = None

    def __init__(self, grid: VolumeGrid, step: CutPolygon) -> None:
        pose = step.pose
        lps_from_canvas = lps_from_camera_canvas(
            (pose.width_px, pose.height_px),
            target_lps_mm=pose.target_lps_mm,
            right_lps=pose.right_lps,
            down_lps=pose.down_lps,
            mm_per_px=pose.mm_per_px,
            offset_px=pose.offset_px,
            eye_distance_mm=pose.eye_distance_mm,
        )
        canvas_from_index = np.linalg.inv(lps_from_canvas) @ grid.lps_from_index
        self._canvas_from_index: Floats = canvas_from_index[[0, 1, 3]]
        self._rows, self._columns = grid.shape[1:]
        self._points = np.array(step.points, np.float64)
        self._inside = step.inside

    def kept(self, first: int, end: int, packed: Packed) -> Packed:
        """Return what is left of slices; what lies behind the eye is not seen, and stays."""
        found = [self._removed(number) for number in range(first, end)]
        if all(removed is None for removed in found):
            return packed
        nothing = np.zeros((self._rows, self._columns), np.bool_)
        removed: Slices = np.stack([nothing if one is None else one for one in found])
        return without(packed, removed)

    def _removed(self, number: int) -> NDArray[np.bool_] | None:
        """Return which voxels of a slice go, (rows, columns); None = none of them."""
        matrix = self._canvas_from_index
        # Points of a row: start + column * along, homogeneous.
        start = np.arange(self._rows)[:, None] * matrix[:, 1] + number * matrix[:, 2] + matrix[:, 3]
        along = matrix[:, 0]
        last = start + (self._columns - 1) * along
        if max(start[:, 2].max(), last[:, 2].max()) <= 0:
            return None
        inside = self._inside_of(start, along, last)
        if inside is None and self._inside:
            return None
        removed = np.zeros((self._rows, self._columns), np.bool_) if inside is None else inside
        if not self._inside:
            removed = ~removed
        if min(start[:, 2].min(), last[:, 2].min()) <= 0:
            removed &= start[:, 2:] + np.arange(self._columns) * along[2] > 0
        return removed

    def _inside_of(self, start: Floats, along: Floats, last: Floats) -> NDArray[np.bool_] | None:
        """Return which voxels are seen inside of the outline; None = none of them. Behind the eye: anything."""
        # Which way the row runs on the canvas, of any length: the same for all of it that is before the eye.
        way = along[:2] * start[:, 2:] - start[:, :2] * along[2]
        nearest = np.maximum(np.abs(start[:, 2]), np.abs(last[:, 2]))
        is_point = np.hypot(*way.T) * self._columns <= _A_POINT * nearest**2
        crossings = self._crossings(start, along, way)
        crossings = crossings[~is_point[crossings[:, 0].astype(np.int64)]]
        in_points = self._points_inside(np.where(start[:, 2:] >= last[:, 2:], start, last)) & is_point
        if not len(crossings) and not in_points.any():
            return None
        changes = np.zeros((self._rows, self._columns + 1), np.uint8)
        changes[in_points, 0] = 1
        row = crossings[:, 0].astype(np.int64)
        column = np.clip(np.floor(crossings[:, 1]) + 1, 0, self._columns).astype(np.int64)
        np.bitwise_xor.at(changes, (row, column), 1)
        inside: NDArray[np.bool_] = np.bitwise_xor.accumulate(changes, axis=1)[:, : self._columns].view(np.bool_)
        return inside

    def _crossings(self, start: Floats, along: Floats, way: Floats) -> Floats:
        """Return where rows cross the outline, (crossings, 2): row, and the column in parts of one, or without end."""
        a, b = self._points, np.roll(self._points, -1, axis=0)
        line = np.cross(start, along)  # of the row on the canvas
        from_line = line[:, :2] @ a.T + line[:, 2:]
        after = np.roll(from_line, -1, axis=1)
        # Each corner is on one side or the other, so a line that runs through it crosses there once or not at all.
        row, edge = np.nonzero((from_line >= 0) != (after >= 0))
        before, after = from_line[row, edge], after[row, edge]
        part = before / (before - after)
        place = (way[row] * (a[edge] + part[:, None] * (b[edge] - a[edge]))).sum(axis=1)
        # The column whose point is as far along the way: solved for, with the point homogeneous.
        here, ahead = (way[row] * start[row, :2]).sum(axis=1), way[row] @ along[:2]
        with np.errstate(divide="ignore", invalid="ignore"):
            column = (place * start[row, 2] - here) / (ahead - place * along[2])
            is_before_eye = start[row, 2] + column * along[2] > 0
        if along[2] != 0.0:
            # The row ends before the eye or begins there; beyond, its line goes on from the other side of the canvas.
            column[~is_before_eye] = -np.inf if along[2] < 0 else np.inf
        return np.stack([row.astype(np.float64), column], axis=1)

    def _points_inside(self, points: Floats) -> NDArray[np.bool_]:
        """Tell which of the points, (n, 3) homogeneous, are inside of the outline."""
        with np.errstate(divide="ignore", invalid="ignore"):
            x, y = (points[:, :2] / points[:, 2:]).T[..., None]
            (ax, ay), (bx, by) = self._points.T, np.roll(self._points, -1, axis=0).T
            is_between = (ay > y) != (by > y)
            is_left = x < ax + (y - ay) * (bx - ax) / (by - ay)
        found: NDArray[np.bool_] = (is_between & is_left).sum(axis=1) % 2 == 1
        return found
