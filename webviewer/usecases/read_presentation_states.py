"""The presentation states of a study that refer to images of a series, read from their files when a page asks."""

from __future__ import annotations

import datetime as dt
import os
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from webviewer.archive import OwnerId, SeriesId, StoredInstance, StudyId
from webviewer.core.errors import NotFound, WebviewerError
from webviewer.core.seats import Seats
from webviewer.dicom.dataset import ReadLimits
from webviewer.dicom.presentation_state import (
    MAX_REFERENCES,
    PRESENTATION_STATE_CLASSES,
    STATE_LIMITS,
    PresentationState,
    StateCost,
    read_presentation_state,
)
from webviewer.usecases.stored_files import DamagedFile, StoredFiles
from webviewer.usecases.unit_of_work import StorageUnitOfWorkFactory

MAX_STATES = 256  # of one answer
MAX_LISTED = 2048  # of a study: states beyond them are not counted either
MAX_REFERENCES_AT_ONCE = 100_000  # images and frame numbers of all states of one answer
MAX_ELEMENTS_AT_ONCE = 600_000  # of the files of one answer: about one second
MAX_BYTES_AT_ONCE = 128 * 1024**2  # of the files of one answer, deflated files inflated
_READINGS_AT_ONCE = 4
_WAIT_S = 5.0  # for another reading of the same owner


@dataclass(frozen=True, slots=True)
class StateImage:
    """An image of the series that a state is for, all of its frames if none is named."""

    sop_instance_uid: str
    frame_numbers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class StateOfSeries:
    """A presentation state as the page says it. ``images`` None = all images of the series."""

    label: str
    description: str
    created_date: dt.date | None
    created_time: dt.time | None
    images: tuple[StateImage, ...] | None


@dataclass(frozen=True, slots=True)
class StatesOfSeries:
    """The states for a series, the newest first.

    ``unread`` states of the study are damaged. At least ``left_out`` states were not read, because all of them together
    are over a limit of one answer.
    """

    presentation_states: tuple[StateOfSeries, ...]
    unread: int
    left_out: int


@dataclass(frozen=True, slots=True)
class _StateIndex:
    """A state with its references as text: a state of 20,000 references takes 1 MiB, as objects it takes 3 MiB.

    A line ``=UID`` names a series. The lines behind it are references to its images: a SOP Instance UID, empty for all
    images, and frame numbers, with slashes between.
    """

    label: str
    description: str
    created_date: dt.date | None
    created_time: dt.time | None
    references: str


@dataclass(frozen=True, slots=True)
class _Reading:
    """The result of reading a state: no index where it is damaged, or where the limits did not suffice."""

    index: _StateIndex | None
    cost: StateCost
    is_over_limit: bool = False  # ``cost`` is a budget that did not suffice

    @property
    def weight_bytes(self) -> int:
        """Memory of this entry of the cache."""
        return 1000 if self.index is None else 1500 + len(self.index.references)


class _StateCache:
    """Readings by file name, which is never given twice. The least recently used are evicted."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._used_bytes = 0
        self._readings: OrderedDict[str, _Reading] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, file_name: str) -> _Reading | None:
        """Return the reading of a file, None if there is none."""
        with self._lock:
            if file_name in self._readings:
                self._readings.move_to_end(file_name)
            return self._readings.get(file_name)

    def put(self, file_name: str, reading: _Reading) -> None:
        """Keep the reading of a file."""
        with self._lock:
            former = self._readings.pop(file_name, None)
            self._used_bytes += reading.weight_bytes - (0 if former is None else former.weight_bytes)
            self._readings[file_name] = reading
            while self._used_bytes > self._limit_bytes:
                self._used_bytes -= self._readings.popitem(last=False)[1].weight_bytes


@dataclass(slots=True)
class _Budget:
    """The work that is left for one answer. States that are cached count, too: equal requests get equal answers."""

    elements: int = MAX_ELEMENTS_AT_ONCE
    size_bytes: int = MAX_BYTES_AT_ONCE
    references: int = MAX_REFERENCES_AT_ONCE

    def has(self, cost: StateCost) -> bool:
        """Tell whether it suffices."""
        return (
            cost.elements <= self.elements and cost.size_bytes <= self.size_bytes and cost.references <= self.references
        )

    def spend(self, cost: StateCost) -> None:
        """Take work off."""
        self.elements -= cost.elements
        self.size_bytes -= cost.size_bytes
        self.references -= cost.references

    def is_within(self, cost: StateCost) -> bool:
        """Tell whether it is not larger, in any kind of work, than a budget that did not suffice."""
        return (
            self.elements <= cost.elements and self.size_bytes <= cost.size_bytes and self.references <= cost.references
        )


class PresentationStateReader:
    """Reads references of presentation states for `GET …/series/{series}/presentation_states`.

    The index holds no references, so states that an earlier version stored are found, too.

    Parameters
    ----------
    units
        Transactions on the index.
    files
        Opens stored files and compares them with what was received.
    cache_bytes
        Memory for states that were read.
    """

    def __init__(self, units: StorageUnitOfWorkFactory, files: StoredFiles, cache_bytes: int = 32 * 1024**2) -> None:
        self._units = units
        self._files = files
        self._cache = _StateCache(cache_bytes)
        self._seats = Seats("readings of presentation states", _READINGS_AT_ONCE, 1)

    def read(self, owner_id: OwnerId, series_id: SeriesId, study_id: StudyId | None = None) -> StatesOfSeries:
        """Return the states for a series of the owner.

        Raises
        ------
        NotFound
            There is no such series, or it is of another study than ``study_id``.
        LimitExceeded
            Another reading of the owner is under way and takes long.
        Unavailable
            Too many readings of all owners are under way.
        """
        with self._units(read_only=True) as unit:
            series = unit.archive.get_series(owner_id, series_id)
            if study_id is not None and series.study_id != study_id:
                raise NotFound(f"There is no series {series_id} in study {study_id}.")
            stored = unit.archive.list_instances_of_class(
                owner_id, series.study_id, PRESENTATION_STATE_CLASSES, MAX_LISTED
            )
        with self._seats.take(owner_id, wait_s=_WAIT_S):
            return self._states(stored, series.series_instance_uid)

    def _states(self, stored: Sequence[StoredInstance], series_instance_uid: str) -> StatesOfSeries:
        states: list[StateOfSeries] = []
        budget, unread, seen = _Budget(), 0, 0
        for instance in stored[:MAX_STATES]:
            try:
                reading = self._reading(instance, budget)
            except (OSError, DamagedFile):  # the next request tries again: the file may be repaired
                unread, seen = unread + 1, seen + 1
                continue
            if reading is None:
                break
            budget.spend(reading.cost)
            seen += 1
            if reading.index is None:
                unread += 1
                continue
            state = _of_series(reading.index, series_instance_uid)
            if state is not None:
                states.append(state)
        return StatesOfSeries(tuple(states), unread, len(stored) - seen)

    def _reading(self, instance: StoredInstance, budget: _Budget) -> _Reading | None:
        """Return the reading of a file, None if the budget does not suffice; raises OSError, DamagedFile."""
        reading = self._cache.get(instance.file_name)
        if reading is None or (reading.is_over_limit and not budget.is_within(reading.cost)):
            reading = self._read(instance, budget)
            self._cache.put(instance.file_name, reading)
        return None if reading.is_over_limit or not budget.has(reading.cost) else reading

    def _read(self, instance: StoredInstance, budget: _Budget) -> _Reading:
        limits = ReadLimits(
            max_header_bytes=min(STATE_LIMITS.max_header_bytes, budget.size_bytes),
            max_inflated_bytes=min(STATE_LIMITS.max_inflated_bytes, budget.size_bytes),
            max_elements=min(STATE_LIMITS.max_elements, budget.elements),
        )
        references = min(MAX_REFERENCES, budget.references)
        cost = StateCost()
        with os.fdopen(self._files.open_whole(instance.file), "rb") as file:
            try:
                state = read_presentation_state(
                    file,
                    instance.transfer_syntax_uid,
                    instance.data_set_offset_bytes,
                    limits=limits,
                    max_references=references,
                    cost=cost,
                )
            except WebviewerError:
                # A state is called damaged, or too large by itself, only where the budget did suffice.
                is_over_limit = (
                    limits.max_inflated_bytes < STATE_LIMITS.max_inflated_bytes
                    or (limits.max_elements < STATE_LIMITS.max_elements and cost.elements >= limits.max_elements)
                    or (references < MAX_REFERENCES and cost.references > references)
                )
                if not is_over_limit:
                    return _Reading(None, replace(cost, references=0))
                failed = StateCost(budget.elements, budget.size_bytes, budget.references)
                return _Reading(None, failed, is_over_limit=True)
        return _Reading(_index_of(state), cost)


def _index_of(state: PresentationState) -> _StateIndex:
    by_series: dict[str, list[str]] = {}
    for image in state.images:
        numbers = "".join(f"/{number}" for number in image.frame_numbers)
        by_series.setdefault(image.series_instance_uid, []).append(image.sop_instance_uid + numbers)
    lines = [line for uid, images in by_series.items() for line in (f"={uid}", *images)]
    return _StateIndex(state.label, state.description, state.created_date, state.created_time, "\n".join(lines))


def _of_series(state: _StateIndex, series_instance_uid: str) -> StateOfSeries | None:
    """Return a state for a series, None if it refers to none of its images.

    A reference that names no series may be to any: the page looks for its SOP Instance UID.
    """
    images: list[StateImage] = []
    is_for_all = is_meant = False
    for line in state.references.split("\n"):
        if line.startswith("="):
            is_meant = line[1:] in {series_instance_uid, ""}
        elif is_meant:
            uid, *numbers = line.split("/")
            is_for_all |= not uid
            images.append(StateImage(uid, tuple(map(int, numbers))))
    if not images:
        return None
    return StateOfSeries(
        label=state.label,
        description=state.description,
        created_date=state.created_date,
        created_time=state.created_time,
        images=None if is_for_all else tuple(images),
    )
