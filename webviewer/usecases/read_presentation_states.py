"""The presentation states of a study that refer to images of a series, read from their files when a page asks."""

from __future__ import annotations

import datetime as dt
import os
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from webviewer.archive import OwnerId, SeriesId, StoredInstance, StudyId
from webviewer.core.errors import NotFound, WebviewerError
from webviewer.dicom.presentation_state import (
    PRESENTATION_STATE_CLASSES,
    PresentationState,
    read_presentation_state,
)
from webviewer.usecases.unit_of_work import StorageUnitOfWorkFactory

MAX_STATES = 256  # of a study: reading one takes a few milliseconds
MAX_IMAGES = 50_000  # of one answer


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
    """The states for a series, the newest first, and how many of the study could not be read."""

    presentation_states: tuple[StateOfSeries, ...]
    unread: int


class _StateCache:
    """States by file name, which is never given twice; at most ``limit_bytes`` of them, the least used goes first."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._used_bytes = 0
        self._states: OrderedDict[str, PresentationState | None] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, file_name: str, read: Callable[[], PresentationState | None]) -> PresentationState | None:
        """Return a state, read if it is not there; None if it is damaged. An OSError of ``read`` is not kept."""
        with self._lock:
            if file_name in self._states:
                self._states.move_to_end(file_name)
                return self._states[file_name]
        state = read()
        with self._lock:
            if file_name not in self._states:
                self._states[file_name] = state
                self._used_bytes += _weight_bytes(state)
            while self._used_bytes > self._limit_bytes:
                self._used_bytes -= _weight_bytes(self._states.popitem(last=False)[1])
        return state


def _weight_bytes(state: PresentationState | None) -> int:
    return 500 if state is None else 1000 + sum(300 + 40 * len(image.frame_numbers) for image in state.images)


class PresentationStateReader:
    """Reads references of presentation states for `GET …/series/{series}/presentation_states`.

    The index holds no references, so states that an earlier version stored are found, too.

    Parameters
    ----------
    units
        Transactions on the index.
    open_file
        Opens a stored file by its name for reading and returns the descriptor.
    cache_bytes
        Memory for states that were read.
    """

    def __init__(
        self, units: StorageUnitOfWorkFactory, open_file: Callable[[str], int], cache_bytes: int = 16 * 1024**2
    ) -> None:
        self._units = units
        self._open_file = open_file
        self._cache = _StateCache(cache_bytes)

    def read(self, owner_id: OwnerId, series_id: SeriesId, study_id: StudyId | None = None) -> StatesOfSeries:
        """Return the states for a series of the owner.

        Raises
        ------
        NotFound
            There is no such series, or it is of another study than ``study_id``.
        """
        with self._units(read_only=True) as unit:
            series = unit.archive.get_series(owner_id, series_id)
            if study_id is not None and series.study_id != study_id:
                raise NotFound(f"There is no series {series_id} in study {study_id}.")
            stored = unit.archive.list_instances_of_class(
                owner_id, series.study_id, PRESENTATION_STATE_CLASSES, MAX_STATES + 1
            )
        found = [self._state(one) for one in stored[:MAX_STATES]]
        unread = found.count(None) + max(len(stored) - MAX_STATES, 0)
        states: list[StateOfSeries] = []
        left = MAX_IMAGES
        for state in found:
            one = None if state is None else _of_series(state, series.series_instance_uid)
            if one is None:
                continue
            left -= len(one.images or ())
            if left < 0:
                unread += 1
            else:
                states.append(one)
        return StatesOfSeries(tuple(states), unread)

    def _state(self, instance: StoredInstance) -> PresentationState | None:
        try:
            return self._cache.get(instance.file_name, partial(self._read, instance))
        except OSError:
            return None  # the next request tries again: the disk may be away for a moment

    def _read(self, instance: StoredInstance) -> PresentationState | None:
        """Return the state of a file, None if it is damaged; raises OSError."""
        with os.fdopen(self._open_file(instance.file_name), "rb") as file:
            try:
                return read_presentation_state(file, instance.transfer_syntax_uid, instance.data_set_offset_bytes)
            except WebviewerError:
                return None


def _of_series(state: PresentationState, series_instance_uid: str) -> StateOfSeries | None:
    """Return a state for a series, None if it refers to none of its images.

    A reference that names no series may be to any: the page looks for its SOP Instance UID.
    """
    images = [image for image in state.images if image.series_instance_uid in {series_instance_uid, ""}]
    if not images:
        return None
    is_for_all = any(not image.sop_instance_uid for image in images)
    return StateOfSeries(
        label=state.label,
        description=state.description,
        created_date=state.created_date,
        created_time=state.created_time,
        images=None
        if is_for_all
        else tuple(StateImage(image.sop_instance_uid, image.frame_numbers) for image in images),
    )
