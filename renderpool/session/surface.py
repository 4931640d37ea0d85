"""The surface of a volume at a level, as triangles of an STL file: "naive surface nets" (Gibson 1998).

Each cell between eight voxels of which some are inside has one vertex, the mean of where its edges cross the surface;
each edge that crosses has the four vertices around it as a face. So the surface is closed: what a cut took away is
outside, as is padding, and so is what is beyond the volume, half a voxel from the outer centres, where pictures end,
too. Only voxels around the surface cost more than a comparison, and no more than a few slices are in work.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from renderpool.engine.volume_mask import VolumeMask
from renderpool.session.loaded_volume import LoadedVolume
from renderpool.session.volume_cut import CutCancelled, IsCancelled, wait_until_whole
from webviewer.core.errors import InvalidInput, TooLarge, Unavailable
from webviewer.dicom.sentence import say

MAX_TRIANGLES = 6_000_000
"""Of a file of 300 MB."""
_CELLS_AT_ONCE = 8  # layers of them
_HEADER_BYTES = 80
_TRIANGLE = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attributes", "<u2")])
_MILLION = 1e6
_TOP_STORED = 65535

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]


def _never() -> bool:
    return False


def surface_stl(
    volume: LoadedVolume,
    iso_value: float,
    mask: VolumeMask | None = None,
    *,
    max_triangles: int = MAX_TRIANGLES,
    is_cancelled: IsCancelled = _never,
) -> Iterator[bytes]:
    """Return a binary STL file in parts: mm in LPS, triangles turned outwards.

    Waits until the volume is whole, and counts before it returns, so that errors come first.

    Parameters
    ----------
    iso_value
        Inside is what is not under it, in the modality's unit.
    mask
        What cuts left; None = all.

    Raises
    ------
    CutCancelled
        When asked whether to go on, the answer was no; also from the iterator.
    InvalidInput
        Nothing is inside, or the mask is of another volume.
    TooLarge
        The surface has too many triangles.
    WebviewerError
        The volume could not be loaded, or is not there any more.
    """
    wait_until_whole(volume, is_cancelled)
    if mask is not None and mask.shape != volume.grid.shape:
        raise InvalidInput(f"A mask of {mask.shape} is not of this volume: {volume.grid.shape}.")
    inside = _Inside(volume, iso_value, mask)
    count = 0
    for first, end in _slabs(volume.grid.shape[0]):
        if is_cancelled():
            raise CutCancelled
        count += inside.slab(first, end).count_triangles()
        if count > max_triangles:
            words = say("surface_too_big", float(f"{max_triangles / _MILLION:.3g}"))
            raise TooLarge(words.text, code=words.code, details=words.details)
    if not count:
        words = say("no_surface")
        raise InvalidInput(words.text, code=words.code)
    return _parts(volume, inside, count, is_cancelled)


def _parts(volume: LoadedVolume, inside: _Inside, count: int, is_cancelled: IsCancelled) -> Iterator[bytes]:
    yield b"Surface of a volume, mm in LPS".ljust(_HEADER_BYTES) + count.to_bytes(4, "little")
    for first, end in _slabs(volume.grid.shape[0]):
        if is_cancelled():
            raise CutCancelled
        triangles = inside.slab(first, end).triangles(volume.grid.lps_from_index)
        if len(triangles):
            yield triangles.tobytes()


def _slabs(slices: int) -> Iterator[tuple[int, int]]:
    """Yield first and end of layers of cells: layer k lies between the slices k and k + 1, from -1 on."""
    for first in range(-1, slices, _CELLS_AT_ONCE):
        yield first, min(first + _CELLS_AT_ONCE, slices)


class _Inside:
    """Which voxels are inside, and by how much."""

    def __init__(self, volume: LoadedVolume, iso_value: float, mask: VolumeMask | None) -> None:
        values, self._voxels, self._presence = volume.values, volume.voxels, volume.presence
        if values is None or len(self._voxels) != volume.grid.shape[0]:
            raise Unavailable("This volume is not there any more.")
        # Beyond what can be stored nothing changes any more, but whole numbers would not hold it.
        self._level = min(max((iso_value - values.intercept) / values.slope, -1.0), _TOP_STORED + 1.0)
        self._mask = mask

    def slab(self, first: int, end: int) -> _Slab:
        """Return what layers of cells, from one before the first on, lie between: with a voxel more on each side."""
        slices, rows, columns = self._voxels.shape
        low, high = max(first - 1, 0), min(end + 1, slices)
        shape = (end - first + 2, rows + 2, columns + 2)
        over = np.zeros(shape, np.float64 if self._level % 1 else np.int32)
        part = slice(low - (first - 1), high - (first - 1)), slice(1, -1), slice(1, -1)
        # Beyond the volume, and where something was cut away, the surface is no farther than half a voxel.
        is_there = np.zeros(shape, np.bool_)
        is_there[part] = True if self._mask is None else self._mask.kept(low, high)
        over[part] = self._voxels[low:high]
        over[part] -= over.dtype.type(self._level)
        for number in range(low, high):
            absent = self._presence.absent_slice(number)
            if absent is not None:
                is_there[number - (first - 1), 1:-1, 1:-1] &= ~absent
                over[number - (first - 1), 1:-1, 1:-1][absent] = 0  # no value that could draw the surface nearer
        return _Slab(first - 1, over, is_there)


@dataclass(frozen=True, slots=True)
class _Edges:
    """Edges along an axis, of which one end is inside."""

    axis: int
    at: Numbers  # (edges, 3), slice, row and column of the lower end, in the slab
    place: Floats  # (edges, 3), where they cross
    is_low_inside: NDArray[np.bool_]


class _Slab:
    """Voxels of neighbouring slices, from ``first`` on; the first layer of cells is there for its vertices only.

    Parameters
    ----------
    over
        (slices, rows, columns), by how much voxels are over the level, in stored values.
    is_there
        Which voxels there are.
    """

    def __init__(self, first: int, over: NDArray[np.float64] | NDArray[np.int32], is_there: NDArray[np.bool_]) -> None:
        self._first, self._over, self._is_there = first, over, is_there
        self._inside = (over >= 0) & is_there

    def count_triangles(self) -> int:
        """Return how many triangles belong to the slab."""
        return 2 * sum(int(np.count_nonzero(crosses[1:])) for crosses in map(self._crosses, range(3)))

    def _crosses(self, axis: int) -> NDArray[np.bool_]:
        """Return which edges cross, without those of the last slice within it: they are the next slab's."""
        ahead, behind = [slice(None)] * 3, [slice(None)] * 3
        ahead[axis], behind[axis] = slice(1, None), slice(None, -1)
        crosses: NDArray[np.bool_] = self._inside[tuple(ahead)] != self._inside[tuple(behind)]
        return crosses if axis == 0 else crosses[:-1]

    def triangles(self, lps_from_index: Floats) -> NDArray[np.void]:
        """Return the triangles, as an STL file has them."""
        # Vertices need the edges of the last slice, too.
        edges = [self._edges(axis) for axis in range(3)]
        cells = np.concatenate([cell for one in edges for cell in self._cells_around(one)])
        places = np.concatenate([one.place for one in edges for _ in range(4)])
        known, number = np.unique(cells, return_inverse=True)
        count = np.bincount(number, minlength=len(known))
        index = np.stack([np.bincount(number, places[:, k], len(known)) / np.maximum(count, 1) for k in (2, 1, 0)], -1)
        vertices = (index @ lps_from_index[:3, :3].T + lps_from_index[:3, 3]).astype(np.float32)
        is_mirrored = bool(np.linalg.det(lps_from_index[:3, :3]) < 0)
        last = self._inside.shape[0] - 1
        found = []
        for one in edges:
            own = (one.at[:, 0] > 0) & (one.at[:, 0] < last)
            corners = np.stack([vertices[np.searchsorted(known, cell[own])] for cell in self._cells_around(one)], 1)
            # (slice, row, column) is the reverse of the axes of the index.
            is_turned = one.is_low_inside[own] != is_mirrored
            found.append(_faces(corners, is_turned))
        return np.concatenate(found)

    def _edges(self, axis: int) -> _Edges:
        step = np.eye(3, dtype=np.int64)[axis]
        length = np.array(self._inside.shape) - step
        low = self._inside[: length[0], : length[1], : length[2]]
        high = self._inside[step[0] :, step[1] :, step[2] :]
        at = np.argwhere(low != high)
        is_low_inside = self._inside[tuple(at.T)]
        inner, outer = np.where(is_low_inside[:, None], at, at + step), np.where(is_low_inside[:, None], at + step, at)
        over, under = (self._over[tuple(end.T)].astype(np.float64) for end in (inner, outer))
        with np.errstate(divide="ignore", invalid="ignore"):
            part = np.where(under < 0, over / (over - under), 1.0)
        part = np.where(self._is_there[tuple(outer.T)], part, np.minimum(part, 0.5))
        place = inner + part[:, None] * (outer - inner)
        return _Edges(axis, at, place + np.array([self._first, -1, -1]), is_low_inside)

    def _cells_around(self, edges: _Edges) -> Iterator[Numbers]:
        """Yield the cells around each edge, by number, in their order around the axis."""
        rows, columns = self._inside.shape[1:]
        across, along = np.eye(3, dtype=np.int64)[[(edges.axis + 1) % 3, (edges.axis + 2) % 3]]
        for back in (0 * across, across, across + along, along):
            slice_, row, column = (edges.at - back).T
            # One of a layer before the slab is counted like any other: its vertex is asked for by no face.
            yield ((slice_ + 1) * (rows - 1) + row) * (columns - 1) + column


def _faces(corners: NDArray[np.float32], is_turned: NDArray[np.bool_]) -> NDArray[np.void]:
    """Return two triangles of each face of (faces, 4, 3), divided along the shorter diagonal."""
    corners = np.where(is_turned[:, None, None], corners[:, ::-1], corners)
    first = np.linalg.norm(corners[:, 0] - corners[:, 2], axis=1)
    other = np.linalg.norm(corners[:, 1] - corners[:, 3], axis=1)
    corners = np.where((first <= other)[:, None, None], corners, np.roll(corners, -1, axis=1))
    found = np.zeros((len(corners), 2), _TRIANGLE)
    found["corners"] = np.stack([corners[:, [0, 1, 2]], corners[:, [0, 2, 3]]], axis=1)
    flat = found.reshape(-1)
    a, b, c = flat["corners"].transpose(1, 0, 2).astype(np.float64)
    normal = np.cross(b - a, c - a)
    length = np.linalg.norm(normal, axis=1)
    flat["normal"] = normal / np.where(length > 0, length, 1)[:, None]
    return flat
