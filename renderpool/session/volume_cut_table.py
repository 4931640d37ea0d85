"""The removal of what the patient lies on, in axial CT: a table or a head holder.

Both are shells, thinner than patients anywhere, and in the same place of neighbouring cross-sections. So what is thin
and long is the table's; with it goes all that lies under it, but what is thick itself, as patients are. Where a shell
lies right on the skin both together are thick: there it stays. Hollows of patients count as thick, those of tables,
which are flat, do not. What has more than a little of the patient under it is no table.

Under is where images have their last rows, or their first ones for who lies on his belly; of one on his side no table
is found, or a part of it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from renderpool.engine.volume_mask import pack, unpack
from renderpool.session.loaded_volume import LoadedVolume
from renderpool.session.volume_cut import CutCancelled, IsCancelled, Packed, painted, without
from renderpool.session.volume_cut_object import between
from renderpool.session.volume_morphology import grown, shrunk
from renderpool.session.volume_pieces import Pieces, from_border
from renderpool.session.volume_runs import Runs
from webviewer.dicom.sentence import Sentence, say

_SOLID_HU = (-500.0, 1e6)
_LAYER_MM = 12.0  # of cross-sections in which a shell is in one place
_MOST = 0.6  # of those
_THIN_MM = 5.0
_LONG_MM, _LONG_BETWEEN_MM = 40.0, 100.0  # a shell at least; one that hangs on the patient at both ends
_MARGIN_MM = 2.0  # of values that are blurred, around shells and skin
_PATIENT_MM2 = 300.0  # a piece of a patient has that in its cross-sections: edges of tables 100, a wrist 1500
_FLAT, _WIDE_MM = 3.0, 150.0  # of a table that is no shell, and of its hollow: so much wider than high
_LITTLE = 0.02  # of the patient
_AXIAL = 0.7  # cosine of the angle between the steps of slices and the patient's long axis, at least

Plane = NDArray[np.bool_]


class TableCut:
    """What lies under the patient, as `renderpool.session.volume_cut.Cut`.

    Parameters
    ----------
    volume
        Whole.

    Raises
    ------
    CutCancelled
        When asked whether to go on, the answer was no.
    Unavailable
        The volume is not there any more.
    """

    def __init__(self, volume: LoadedVolume, is_cancelled: IsCancelled) -> None:
        self.note: Sentence | None = None
        along = volume.grid.lps_from_index[:3, 2]
        if volume.series.modality != "CT" or abs(along[2]) < _AXIAL * np.linalg.norm(along):
            self.note = say("table_only_ct")
            return
        self._mm = (volume.grid.spacing_mm[1], volume.grid.spacing_mm[2])
        self._shape = volume.grid.shape
        self._is_cancelled = is_cancelled
        is_solid = between(volume, *_SOLID_HU)
        self._solid = np.stack([pack(self._without_hollows(is_solid(number))) for number in range(self._shape[0])])
        count = max(1, round(self._shape[0] * volume.grid.spacing_mm[0] / _LAYER_MM))
        self._ends = [round(self._shape[0] * (number + 1) / count) for number in range(count)]
        layers = [_Layer(self._often(number), self._mm) for number in range(count)]
        way = _way_down(layers)
        self._tables = [layer.table(way) for layer in layers]
        if not any(table.any() for table, _ in self._tables):
            self.note = say("no_table")
            return
        self._cores = Runs(self._shape)
        for number in range(self._shape[0]):
            self._cores.add_slice(number, self._core(number))
        self._cores.finish()
        self._patient = self._patient_of(self._cores)

    def kept(self, first: int, end: int, packed: Packed) -> Packed:
        """Return what is left of slices."""
        if self.note is not None:
            return packed
        return without(packed, np.stack([self._removed(number) for number in range(first, end)]))

    def _without_hollows(self, solid: Plane) -> Plane:
        if self._is_cancelled():
            raise CutCancelled
        rows, columns = solid.shape
        # Four pixels as one: shells stay closed, and pieces cost a quarter.
        quarters = np.pad(solid, ((0, rows % 2), (0, columns % 2))).reshape(-(-rows // 2), 2, -1, 2)
        halves: Plane = np.logical_or.reduce(quarters, axis=(1, 3))
        pieces = Pieces(~halves & ~from_border(~halves))
        if not len(pieces):
            return solid
        hollow = pieces.painted(~_is_flat(pieces, (2 * self._mm[0], 2 * self._mm[1])))
        hollow = grown(hollow, (3, 3))  # up to the shell itself
        return solid | hollow.repeat(2, axis=0).repeat(2, axis=1)[:rows, :columns]

    def _often(self, layer: int) -> Plane:
        """Return what is solid in most slices of a layer."""
        first, end = self._ends[layer - 1] if layer else 0, self._ends[layer]
        count = unpack(self._solid[first:end], self._shape[1:]).sum(axis=0)
        return np.asarray(count >= _MOST * (end - first))

    def _table_of(self, number: int) -> tuple[Plane, Plane]:
        return self._tables[int(np.searchsorted(self._ends, number, side="right"))]

    def _core(self, number: int) -> Plane:
        if self._is_cancelled():
            raise CutCancelled
        return shrunk(
            unpack(self._solid[number], self._shape[1:]) & ~self._table_of(number)[1], box(_THIN_MM, self._mm)
        )

    def _removed(self, number: int) -> Plane:
        under, _ = self._table_of(number)
        patient = painted(self._cores.of_slice(number, self._patient), self._shape[1:])
        return under & ~grown(patient, box(_THIN_MM, self._mm, _MARGIN_MM))

    def _patient_of(self, cores: Runs) -> NDArray[np.bool_]:
        """Return which runs of the cores of all that is thick are the patient's."""
        first, of_run = np.unique(cores.labels(lambda: None), return_inverse=True)
        voxels = np.bincount(of_run, weights=cores.end - cores.first, minlength=len(first))
        slice_ = cores.first // (self._shape[1] * (self._shape[2] + 1))
        last = np.zeros(len(first), np.int64)
        np.maximum.at(last, of_run, slice_)
        area_mm2 = voxels / (last - slice_[first] + 1) * self._mm[0] * self._mm[1]
        found: NDArray[np.bool_] = (area_mm2 >= _PATIENT_MM2)[of_run]
        return found


class _Layer:
    """A few neighbouring cross-sections as one: what in it is the patient, and what may be the table."""

    def __init__(self, solid: Plane, mm: tuple[float, float]) -> None:
        self._mm = mm
        thick = grown(shrunk(solid, box(_THIN_MM, mm)), box(_THIN_MM, mm, _MARGIN_MM)) & solid
        shells = Pieces(solid & ~thick)
        length_mm = (shells.sides * mm).max(axis=1, initial=0.0)
        is_long = (length_mm >= _LONG_MM) & (shells.count_in(from_border(~thick)) > 0)
        touching = shells.count_in(grown(thick, (3, 3)))
        self.shells = [
            shells.painted(np.array([number]))
            for number in np.flatnonzero(is_long).tolist()
            if length_mm[number] >= _LONG_BETWEEN_MM or not touching[number] or not self._hangs(shells, number, thick)
        ]
        bodies = Pieces(thick)
        self.flat = np.zeros_like(solid)
        if len(bodies):
            largest = int(bodies.pixels.argmax())
            is_beside = (bodies.high[:, 0] < bodies.low[largest, 0]) | (bodies.low[:, 0] > bodies.high[largest, 0])
            is_table = _is_flat(bodies, mm) & is_beside
            self.flat = bodies.painted(is_table)
            self.shells += [bodies.painted(np.array([number])) for number in np.flatnonzero(is_table)]
        self.patient = thick & ~self.flat

    @staticmethod
    def _hangs(shells: Pieces, number: int, thick: Plane) -> bool:
        """Tell whether a shell touches what is thick at two places: a thin part of it."""
        return len(Pieces(shells.painted(np.array([number])) & grown(thick, (3, 3)))) > 1

    def table(self, way: int) -> tuple[Plane, Plane]:
        """Return where the table and all under it is, and where a table that is no shell is."""
        under = np.zeros_like(self.patient)
        little = _LITTLE * self.patient.sum()
        for shell in self.shells:
            part = _from_top(grown(shell, box(2 * _MARGIN_MM, self._mm))[::way])[::way]
            if (part & self.patient).sum() <= little:
                under |= part
        return under, grown(self.flat, box(2 * _MARGIN_MM, self._mm))


def box(size_mm: float, mm: tuple[float, float], more_mm: float = 0.0) -> tuple[int, int]:
    """Return how many rows and columns, odd numbers, a size takes, and so much more on each side."""
    rows, columns = (2 * round((size_mm / one - 1) / 2 + more_mm / one) + 1 for one in mm)
    return max(rows, 3), max(columns, 3)


def _is_flat(pieces: Pieces, mm: tuple[float, float]) -> NDArray[np.bool_]:
    high_mm, wide_mm = (pieces.sides * mm).T
    found: NDArray[np.bool_] = (wide_mm >= _WIDE_MM) & (wide_mm >= _FLAT * high_mm)
    return found


def _way_down(layers: list[_Layer]) -> int:
    """Return 1 where the table lies in later rows than the patient, -1 in earlier ones."""
    patient = np.sum([layer.patient.sum(axis=1) for layer in layers], axis=0)
    shells = np.sum([shell.sum(axis=1) for layer in layers for shell in layer.shells] or [patient], axis=0)
    if not patient.any() or not shells.any():
        return 1
    rows = np.arange(len(patient))
    return -1 if (rows * shells).sum() / shells.sum() < (rows * patient).sum() / patient.sum() else 1


def _from_top(piece: Plane) -> Plane:
    """Return all that is not above a piece, in the columns that it spans."""
    columns = np.flatnonzero(piece.any(axis=0))
    top = piece.argmax(axis=0)
    spanned = np.arange(columns[0], columns[-1] + 1)
    found = np.zeros_like(piece)
    found[:, spanned] = np.arange(len(piece))[:, None] >= np.interp(spanned, columns, top[columns])
    return found
