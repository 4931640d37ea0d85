"""One volume in the node's memory, while its slices come and after: shared by all who look at it.

Threads. One thread, that of its load, publishes; decoding threads write slices nobody sees yet (`source_out`,
`arrive`); any thread reads. What was published is never written again, so readers need no lock for voxels: `news_since`
holds one only to copy a few numbers per slice. Nothing here calls back, and nothing is computed under that lock.

While the volume is not whole, a slice that has not come is shown by the nearest one that has (it *stands in*): slices
come coarsely first, so that a coarse picture can be drawn early. Bricks are made only when somebody asks for them, as
only rays do; from then on they cover what was published.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from renderpool.engine.bricks import BrickRanges, fold_rows
from renderpool.session.source import FrameKey, SeriesFrames
from renderpool.session.value_facts import FactsKept
from renderpool.session.volume_levels import one_of_each_layer, regions_of
from renderpool.session.volume_presence import SlicePresence, VolumePresence
from renderpool.session.volume_repair import Loss, loss_warnings, sampling_without, source_index
from renderpool.session.volume_slabs import ITSELF, NOTHING, SourceSlices, VolumeNews, folded_slabs, slabs_of
from webviewer.core.errors import DataError, LimitExceeded, Unavailable, WebviewerError
from webviewer.dicom.sentence import Sentence, gib, say
from webviewer.dicom.volume import VolumeGrid
from webviewer.dicom.volume_plan import VolumePlan
from webviewer.dicom.volume_slices import SliceSampling, absent_between, resample_slab
from webviewer.dicom.volume_values import VolumeValues

_NO_SLICES: NDArray[np.int64] = np.zeros(0, np.int64)

VolumeKey = tuple[str, int, int, str]  # storage node, series_id, number of the plan, version of the series


class LoadedVolume:
    """A volume: its voxels, what they mean, and how many slices are there.

    Parameters
    ----------
    key
        What tells it from others.
    series
        What it is made of.
    plan
        Where its slices lie and how they are made of frames.
    frame_keys
        The frames of the plan.

    Raises
    ------
    LimitExceeded
        This machine has not so much memory.
    """

    def __init__(
        self, key: VolumeKey, series: SeriesFrames, plan: VolumePlan, frame_keys: tuple[FrameKey, ...]
    ) -> None:
        self.key = key
        self.series = series
        self.plan = plan
        self.frame_keys = frame_keys
        self.facts_kept = FactsKept()
        """What is known of its values; see `renderpool.session.volume_facts`."""
        self.source_lossy = any(series.instances[instance].lossy for instance in {key[0] for key in frame_keys})
        """Whether any of its images was compressed with loss, by its header or, once it came, by its code stream."""
        self.presence = VolumePresence(plan.grid.shape)
        """Which voxels are no padding; to be read only."""
        self._bricks = BrickRanges(plan.grid.shape)
        self.values: VolumeValues | None = None
        """What voxels mean; None while that is not known, which is before anything is published."""
        try:
            self._voxels: NDArray[np.uint16] = np.zeros(plan.grid.shape, np.uint16)
        except MemoryError as exc:
            words = say("memory_short", gib(plan.memory_bytes))
            raise LimitExceeded(words.text, code=words.code, details=words.details) from exc
        slices = plan.grid.shape[0]
        self._places = plan.sampling.grid_slice_of_source
        self._beside: dict[int, NDArray[np.uint16]] = {}
        self._index = source_index(plan)
        self._regions = regions_of(self._index, slices)
        self._pending: deque[int] = deque()
        self._arrived: set[int] = set()
        self._bricks_wanted = False
        self._bricks_made = False
        self._bricks_lock = threading.Lock()  # taken before the other one: of bricks, and of showing anything new
        self._folded: dict[int, NDArray[np.uint16]] = {}  # of source slices that no bricks have yet
        self._lost: dict[int, Loss] = {}
        self._distance = np.full(slices, np.inf)
        self._lock = threading.Lock()  # of what follows
        self._shown_by = np.full(slices, NOTHING, np.int64)
        self._changed_at = np.zeros(slices, np.int64)
        self._revision = 0
        self._error: WebviewerError | None = None
        self._warnings: tuple[Sentence, ...] = ()
        self._ended = threading.Event()
        self._cancelled = threading.Event()

    # -- what it is ------------------------------------------------------------------------------------------------

    @property
    def grid(self) -> VolumeGrid:
        """Where it lies."""
        return self.plan.grid

    @property
    def size_bytes(self) -> int:
        """What it takes of memory, beside some kB of bricks; until it is whole, what its plan says."""
        return int(self._voxels.nbytes) + self.presence.size_bytes if self.is_whole else self.plan.memory_bytes

    @property
    def warnings(self) -> tuple[Sentence, ...]:
        """What the doctor should know: of the plan, of the values, and of slices that could not be had."""
        note = self.values.note if self.values is not None else None
        return (*self.plan.warnings, *((note,) if note is not None else ()), *self._warnings)

    @property
    def voxels(self) -> NDArray[np.uint16]:
        """(slices, rows, columns) uint16, read-only; zero where nothing has come, also where another stands in.

        Absent voxels hold zero, too: `presence` tells them apart.
        """
        voxels = self._voxels[:]
        voxels.flags.writeable = False
        return voxels

    @property
    def is_whole(self) -> bool:
        """Whether every slice is there: nothing changes any more."""
        return self._ended.is_set() and self._error is None and not self.is_dropped

    @property
    def is_dropped(self) -> bool:
        """Whether nobody may look at it any more; what was made of it elsewhere should go, too."""
        return self._cancelled.is_set()

    @property
    def error(self) -> WebviewerError | None:
        """Why its load failed."""
        return self._error

    @property
    def revision(self) -> int:
        """A number that grows with each change."""
        return self._revision

    @property
    def slices_there(self) -> int:
        """How many slices are shown as they are, no other one standing in."""
        with self._lock:
            return int((self._shown_by == ITSELF).sum())

    def standing_in(self) -> NDArray[np.bool_]:
        """Return which slices are not there yet, (slices,)."""
        with self._lock:
            found: NDArray[np.bool_] = self._shown_by != ITSELF
        return found

    def wait(self, timeout_s: float) -> None:
        """Wait until it is whole; for worker threads.

        Raises
        ------
        WebviewerError
            Why it is not.
        """
        if not self._ended.wait(timeout_s):
            raise Unavailable(f"The volume was not loaded within {timeout_s:g} s.")
        if self._error is not None:
            raise self._error

    def news_since(self, revision: int, most_slices: int | None = None) -> VolumeNews:
        """Return what changed after a revision (0 = everything), as slabs to upload.

        Parameters
        ----------
        most_slices
            So many at most, oldest changes first; the rest is for the next time.
        """
        with self._lock:
            if self.is_dropped:
                return VolumeNews(revision, (), True)
            changed_at, shown_by = self._changed_at.copy(), self._shown_by.copy()
            newest = self._revision
            voxels, beside = self._voxels, dict(self._beside)
        changed = np.flatnonzero(changed_at > revision)
        if most_slices is not None and len(changed) > most_slices:
            newest = int(np.sort(changed_at[changed])[most_slices - 1])
            changed = changed[changed_at[changed] <= newest]
            is_all = False
        else:
            is_all = True
        slabs = tuple(slabs_of(changed, shown_by, SourceSlices(voxels, beside, self._places, self.presence)))
        return VolumeNews(newest, slabs, is_all)

    @property
    def bricks(self) -> BrickRanges:
        """Ranges of what was published, or wider; whole only when the volume is. Read it after `news_since`.

        Whoever asks first has them made, 0.1 ms for each slice that is there.
        """
        with self._bricks_lock:
            self._bricks_wanted = True
            self._make_bricks()
        return self._bricks

    def want_bricks(self) -> None:
        """Say that bricks will be asked for: whoever writes a slice folds it on the way. Any thread; never waits."""
        self._bricks_wanted = True

    def _make_bricks(self) -> None:
        """Make bricks of what is shown, unless there are some: under their lock."""
        if self._bricks_made:
            return
        self._bricks_made = True
        self._bricks.is_padded = self.presence.is_padded
        for shown in folded_slabs(self.news_since(0).slabs, self.presence):
            self._bricks.add_folded(shown)

    # -- for its load ----------------------------------------------------------------------------------------------

    @property
    def lost(self) -> Mapping[int, Loss]:
        """Source slices that cannot be had, and why."""
        return self._lost

    def wait_cancelled(self, timeout_s: float) -> bool:
        """Wait that long at most; return whether nobody wants it any more."""
        return self._cancelled.wait(timeout_s)

    @property
    def waiting(self) -> int:
        """How many source slices have arrived since the last `publish`."""
        return len(self._pending)

    def source_out(self, source: int) -> NDArray[np.uint16]:
        """Return where a source slice is to be written, (rows, columns) uint16. Each is written once."""
        place = self._places[source]
        if place is not None:
            found: NDArray[np.uint16] = self._voxels[place]
            return found
        out = np.empty(self.plan.grid.shape[1:], np.uint16)
        with self._lock:
            if not self.is_dropped:
                self._beside[source] = out
        return out

    def arrive(self, source: int, absent: NDArray[np.bool_] | None = None) -> None:
        """Say that a source slice is written; it is shown after the next `publish`. In the thread that wrote it.

        Parameters
        ----------
        absent
            Which of its voxels are absent, (rows, columns): they hold 0. None = none.
        """
        if self._bricks_wanted or absent is not None:
            place = self._places[source]
            voxels = self._beside[source] if place is None else self._voxels[place]
            if absent is not None:
                self.presence.put_source(source, SlicePresence.of(voxels, absent))
            if self._bricks_wanted:
                self._folded[source] = fold_rows(voxels, absent)
        self._pending.append(source)

    def lose(self, source: int, reason: Loss) -> None:
        """Say that a source slice cannot be had."""
        self._lost[source] = reason

    def publish(self) -> None:
        """Show what has arrived; in the thread of the load only."""
        sources = []
        while self._pending:
            sources.append(self._pending.popleft())
        if not sources or self.is_dropped:
            return
        made: set[int] = set()
        for source in sources:
            self._arrived.add(source)
            made.update(self.plan.sampling.ready_after(source, self._arrived))
        for grid_slice in sorted(made):
            self._make_slice(self.plan.sampling, grid_slice)
        self._distance[list(made)] = -1.0
        self._show(sorted(made), [(source, self._stand_in(source)) for source in sources])

    def _make_slice(self, sampling: SliceSampling, grid_slice: int) -> None:
        """Write a slice of the grid, unless it is a copy, which was written where it belongs; absent voxels with it."""
        given = SourceSlices(self._voxels, self._beside, self._places, self.presence)
        out = self._voxels[grid_slice]
        if not sampling.is_copy(grid_slice) or self._places[sampling.lower[grid_slice]] != grid_slice:
            resample_slab(sampling, given, grid_slice, out[np.newaxis])
        if not self.presence.is_padded:
            return
        sources = {sampling.lower[grid_slice], sampling.upper[grid_slice]}
        if len(sources) == 1:
            presence = self.presence.of_source(sources.pop())
        else:
            absent = absent_between(sampling, given, self.presence.absent_of_sources(*sources), grid_slice, out)
            presence = None if absent is None else SlicePresence.of(out, absent)
        if presence is not None:
            self.presence.put_slice(grid_slice, presence)

    def _stand_in(self, source: int) -> NDArray[np.int64]:
        """Return the slices that a source slice is now the nearest for."""
        begin, end = self._regions[source]
        if end == begin + 1 and self._distance[begin] < 0:  # the rest of a load: it is there itself
            return _NO_SLICES
        region = np.arange(begin, end)
        distance = np.abs(region - self._index[source])
        nearer = distance < self._distance[begin:end]
        self._distance[begin:end][nearer] = distance[nearer]
        found: NDArray[np.int64] = region[nearer]
        return found

    def _show(self, made: list[int], stand_ins: list[tuple[int, NDArray[np.int64]]]) -> None:
        with self._bricks_lock:
            if self._bricks_wanted:
                self._make_bricks()
                self._bricks.is_padded = self.presence.is_padded
                self._add_bricks(made, stand_ins)
            with self._lock:
                for source, region in stand_ins:
                    if len(region):
                        self._mark(region, source)
                self._mark(np.array(made, np.int64), ITSELF)

    def _add_bricks(self, made: list[int], stand_ins: list[tuple[int, NDArray[np.int64]]]) -> None:
        given = SourceSlices(self._voxels, self._beside, self._places, self.presence)
        shown: list[tuple[int, NDArray[np.uint16]]] = []
        in_place: dict[int | None, NDArray[np.uint16]] = {}
        for source, region in stand_ins:
            folded = self._folded.pop(source, None)
            if folded is None:  # written before anybody asked for bricks
                folded = fold_rows(given[source], self.presence.absent(self.presence.of_source(source)))
            in_place[self._places[source]] = folded
            if len(region):  # once for each layer of bricks is enough: what they have not seen counts as 0, too
                layers = one_of_each_layer(int(region[0]), int(region[-1]) + 1)
                shown.extend((grid_slice, folded) for grid_slice in layers)
        for k in made:
            folded = in_place.get(k)
            shown.append((k, fold_rows(self._voxels[k], self.presence.absent_slice(k)) if folded is None else folded))
        self._bricks.add_folded(shown)

    def _mark(self, slices: NDArray[np.int64], shown_by: int) -> None:
        self._shown_by[slices] = shown_by
        self._changed_at[slices] = np.arange(len(slices)) + self._revision + 1  # of each its own: news may be cut there
        self._revision += len(slices)

    def finish(self) -> None:
        """Fill what could not be had from its neighbours; the volume is whole then.

        Raises
        ------
        DataError
            Too little could be had to be a volume, or every voxel is absent.
        """
        self.publish()
        self._warnings = loss_warnings(self.plan, self._lost)
        if self._lost:
            sampling = sampling_without(self.plan, self._index, self._lost)
            left = [int(k) for k in np.flatnonzero(self.standing_in())]
            self._distance[left] = -1.0
            for grid_slice in left:
                self._make_slice(sampling, grid_slice)
            self._show(left, [])
        if not self.is_dropped and self.standing_in().any():
            words = say("not_made")
            raise DataError(words.text, code=words.code)
        if self.presence.is_nothing_present:
            words = say("all_padding")
            raise DataError(words.text, code=words.code)
        self._voxels.flags.writeable = False
        with self._lock:
            self._beside = {}
        self.presence.forget_sources()
        self._ended.set()

    def fail(self, error: WebviewerError) -> None:
        """Say why it is not loaded."""
        self._error = error
        self._ended.set()

    def drop(self) -> None:
        """Let go of its memory: nobody may look at it any more."""
        self._cancelled.set()
        with self._lock:
            self._voxels = np.zeros((0, *self.plan.grid.shape[1:]), np.uint16)
            self._beside = {}
            self.presence.clear()
            self._changed_at[:] = 0
