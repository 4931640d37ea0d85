"""What was cut away in one cell: its list of edits, and the mask of the first so many of them.

Guarded by the scheduler's lock; masks are made in a worker thread, one at a time for a cell. A list that nobody wants
any more is given up, unless what is wanted goes on where it ends.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from renderpool.engine.volume_mask import VolumeMask
from renderpool.session.cell import Surroundings
from renderpool.session.loaded_volume import LoadedVolume
from renderpool.session.volume_cut import CutCancelled
from renderpool.session.volume_edits import VolumeEdits
from webviewer.core.errors import InvalidInput, LimitExceeded, Unavailable, WebviewerError
from webviewer.dicom.sentence import Sentence
from webviewer.protocol.volumes import MAX_EDIT_POINTS, CutObject, CutPolygon, CutSphere, EditStep, RemoveTable

_LOG = logging.getLogger(__name__)

Steps = tuple[EditStep, ...]


@dataclass(frozen=True, slots=True, eq=False)
class CutVolume:
    """What edits leave of a volume; ``mask`` None = all."""

    volume: LoadedVolume
    steps: Steps
    mask: VolumeMask | None


class CutFailed(Exception):
    """An edit cannot be made: its number, and why."""

    def __init__(self, edit: int, why: WebviewerError) -> None:
        super().__init__(why.message)
        self.edit, self.why = edit, why


class CellEdits:
    """The edits of one cell.

    Parameters
    ----------
    on_made
        Called, with the lock held, when a mask is made or cannot be.
    on_note
        Called likewise, once for each edit of which the doctor should know something: its number, and what.
    """

    def __init__(
        self, around: Surroundings, on_made: Callable[[], None], on_note: Callable[[int, Sentence], None]
    ) -> None:
        self._around = around
        self._on_made = on_made
        self._on_note = on_note
        self._noted: list[EditStep] = []
        self._steps: list[EditStep] = []
        self._edits = VolumeEdits()
        self._making: Steps | None = None
        self._wanted: Steps | None = None
        self._failed: tuple[LoadedVolume, Steps, CutFailed] | None = None
        self.made: CutVolume | None = None
        """The newest mask, maybe of fewer or other edits than are wanted."""

    def __len__(self) -> int:
        return len(self._steps)

    def put(self, number: int, step: EditStep) -> None:
        """Take an edit, counted from 1, in place of the one that has its number and those after it.

        Raises
        ------
        InvalidInput
            Those before it are missing.
        LimitExceeded
            All edits together have too many points.
        """
        if number > len(self._steps) + 1:
            raise InvalidInput(f"Edit {number} cannot follow edit {len(self._steps)}: none may be left out.")
        kept = self._steps[: number - 1]
        count = sum(map(_points_of, kept)) + _points_of(step)
        if count > MAX_EDIT_POINTS:
            raise LimitExceeded(
                f"The edits of a volume have {count} points together: at most {MAX_EDIT_POINTS} are kept."
            )
        self._steps = [*kept, step]
        self._noted = [noted for noted in self._noted if any(noted is one for one in kept)]

    def clear(self) -> None:
        """Forget all edits: another volume is shown."""
        self._steps, self._noted, self._wanted, self._failed, self.made = [], [], None, None, None

    def cut(self, volume: LoadedVolume, count: int) -> CutVolume | None:
        """Return what the first so many edits leave; None while that is being made.

        Raises
        ------
        CutFailed
            One of them cannot be made.
        InvalidInput
            So many are not known.
        """
        if count > len(self._steps):
            raise InvalidInput(f"{count} edits are to hold, and only {len(self._steps)} are known.")
        steps = tuple(self._steps[:count])
        self._wanted = steps
        if not steps:
            self.made = CutVolume(volume, (), None)
        if self.made is not None and self.made.volume is volume and _are_same(self.made.steps, steps):
            return self.made
        if self._failed is not None and self._failed[0] is volume and _are_same(self._failed[1], steps):
            raise self._failed[2]
        if self._making is None and (volume.is_whole or not any(map(_needs_values, steps))):
            self._make(volume, steps)
        return None

    def _make(self, volume: LoadedVolume, steps: Steps) -> None:
        def make() -> None:
            mask: VolumeMask | None = None
            failed: WebviewerError | None = None
            is_cancelled = False
            try:
                mask = self._edits.mask_of(volume, steps, lambda: not self._goes_on(steps))
            except CutCancelled:
                is_cancelled = True
            except WebviewerError as exc:
                failed = exc
            except Exception:  # noqa: BLE001  an edge: whoever waits for the picture must hear of it
                _LOG.exception("cut_failed", extra={"series_id": volume.series.series_id})
                failed = WebviewerError("This cut could not be made.")
            note = self._edits.note_of(steps) if mask is not None else None
            made_before = 0 if failed is None else min(self._edits.count_made(volume, steps), len(steps) - 1)
            with self._around.lock:
                self._making = None
                self._note(steps, note)
                if failed is not None:
                    self._failed = (volume, steps, CutFailed(made_before + 1, failed))
                elif not is_cancelled:
                    self._failed, self.made = None, CutVolume(volume, steps, mask)
                self._on_made()
                self._around.lock.notify_all()

        self._making = steps
        if not self._around.workers.cut(self._around.whose, make):
            why = Unavailable("The render node is stopping.")
            self._making, self._failed = None, (volume, steps, CutFailed(len(steps), why))

    def _note(self, steps: Steps, note: Sentence | None) -> None:
        if note is None or not _are_same(tuple(self._steps[: len(steps)]), steps):
            return
        if not any(noted is steps[-1] for noted in self._noted):
            self._noted.append(steps[-1])
            self._on_note(len(steps), note)

    def _goes_on(self, steps: Steps) -> bool:
        wanted = self._wanted
        return wanted is not None and _are_same(wanted[: len(steps)], steps)

    def close(self) -> None:
        """Make nothing any more."""
        self._wanted = None


def _are_same(one: Steps, other: Steps) -> bool:
    return len(one) == len(other) and all(a is b for a, b in zip(one, other, strict=True))


def _needs_values(step: EditStep) -> bool:
    return isinstance(step, CutObject | RemoveTable)


def _points_of(step: EditStep) -> int:
    if isinstance(step, CutPolygon):
        return len(step.points)
    return len(step.centers_lps_mm) if isinstance(step, CutSphere) else 1
