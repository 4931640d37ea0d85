"""What the edits of a cell leave of its volume: a mask for each list of steps, made once and kept in few bytes.

Steps come one by one on top of others, are undone and done again: of each list that is known the mask is kept,
compressed (some 100 kB), and a list that goes on where a known one ends costs only its new steps.
"""

from __future__ import annotations

import hashlib
import threading
import zlib
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np

from renderpool.engine.volume_mask import VolumeMask, packed_shape
from renderpool.session.loaded_volume import LoadedVolume, VolumeKey
from renderpool.session.volume_cut import Cut, IsCancelled, Packed, apply, wait_until_whole, whole
from renderpool.session.volume_cut_object import ObjectCut
from renderpool.session.volume_cut_polygon import PolygonCut
from renderpool.session.volume_cut_sphere import SphereCut
from renderpool.session.volume_cut_table import TableCut
from webviewer.core.errors import InvalidInput
from webviewer.dicom.sentence import Sentence
from webviewer.protocol.volumes import CutObject, CutPolygon, CutSphere, EditStep, RemoveTable

_BUDGET_BYTES = 8 * 1024**2
_LEVEL = 1  # of zlib: bits of cuts are long runs, and become a hundredth at any

_State = bytes  # what a list of steps is known by


@dataclass(frozen=True, slots=True)
class _Known:
    compressed: bytes
    note: Sentence | None


def _never() -> bool:
    return False


class VolumeEdits:
    """The masks of one cell; used by worker threads, one after the other.

    Parameters
    ----------
    budget_bytes
        Of what is kept beside the newest mask. Lists not asked for longest go first: undoing beyond them makes them
        anew.
    """

    def __init__(self, budget_bytes: int = _BUDGET_BYTES) -> None:
        self._budget_bytes = budget_bytes
        self._lock = threading.Lock()  # of making masks
        self._known: OrderedDict[_State, _Known] = OrderedDict()
        self._newest: tuple[_State, VolumeMask] | None = None
        self._volume: VolumeKey | None = None

    def mask_of(
        self, volume: LoadedVolume, steps: tuple[EditStep, ...], is_cancelled: IsCancelled = _never
    ) -> VolumeMask | None:
        """Return what steps, one after the other, leave of a volume; None = all of it, without steps.

        Steps that look at values wait until the volume is whole. The mask of another volume is forgotten.

        Parameters
        ----------
        is_cancelled
            Asked now and then, some hundred times a second.

        Raises
        ------
        CutCancelled
            When asked, the answer was yes. What was made by then is kept.
        InvalidInput
            The pose of a step is none.
        LimitExceeded
            What lies between the values of a step is in too many pieces.
        WebviewerError
            The volume could not be loaded, or is not there any more.
        """
        if not steps:
            return None
        with self._lock:
            if self._volume != volume.key:
                self._known.clear()
                self._newest, self._volume = None, volume.key
            states = _states(steps)
            done = len(steps)
            while done and not self._is_known(states[done - 1]):
                done -= 1
            mask = self._mask(volume, states[done - 1]) if done else None
            for number in range(done, len(steps)):
                mask = self._do(volume, steps[number], mask, states[number], is_cancelled)
            return mask

    def note_of(self, steps: tuple[EditStep, ...]) -> Sentence | None:
        """Return what the doctor should know of the last step, once its mask was made: such as that nothing was cut."""
        with self._lock:
            known = self._known.get(_states(steps)[-1]) if steps else None
        return known.note if known else None

    def count_made(self, volume: LoadedVolume, steps: tuple[EditStep, ...]) -> int:
        """Return of how many steps, from the first, the mask is known: the next one is what failed, if one did."""
        with self._lock:
            states = _states(steps) if self._volume == volume.key else []
            return max((number for number, state in enumerate(states, 1) if self._is_known(state)), default=0)

    @property
    def size_bytes(self) -> int:
        """What is kept, with the newest mask."""
        kept = sum(len(known.compressed) for known in self._known.values())
        return kept + (self._newest[1].size_bytes if self._newest else 0)

    def _is_known(self, state: _State) -> bool:
        return state in self._known or (self._newest is not None and self._newest[0] == state)

    def _mask(self, volume: LoadedVolume, state: _State) -> VolumeMask:
        if state in self._known:
            self._known.move_to_end(state)
        if self._newest is not None and self._newest[0] == state:
            return self._newest[1]
        # A copy of its own would be as large again: the bytes stay those of the decompressed text.
        packed = np.frombuffer(zlib.decompress(self._known[state].compressed), np.uint32)
        mask = VolumeMask(volume.grid.shape, packed.reshape(packed_shape(volume.grid.shape)))
        self._newest = (state, mask)
        return mask

    def _do(
        self, volume: LoadedVolume, step: EditStep, mask: VolumeMask | None, state: _State, is_cancelled: IsCancelled
    ) -> VolumeMask:
        packed = whole(volume.grid) if mask is None else mask.packed
        cut = _cut_of(volume, step, packed, is_cancelled)
        made = apply(cut, volume.grid, packed, is_cancelled)
        self._newest = (state, made)
        self._known[state] = _Known(zlib.compress(made.packed.data, _LEVEL), cut.note)
        while (
            len(self._known) > 1 and sum(len(known.compressed) for known in self._known.values()) > self._budget_bytes
        ):
            self._known.popitem(last=False)
        return made


def _states(steps: tuple[EditStep, ...]) -> list[_State]:
    """Return what the lists of the first step, the first two, … are known by."""
    found: list[_State] = []
    state = b""
    for step in steps:
        state = hashlib.blake2b(state + step.model_dump_json().encode(), digest_size=16).digest()
        found.append(state)
    return found


def _cut_of(volume: LoadedVolume, step: EditStep, packed: Packed, is_cancelled: IsCancelled) -> Cut:
    if isinstance(step, CutPolygon):
        return PolygonCut(volume.grid, step)
    if isinstance(step, CutSphere):
        return SphereCut(volume.grid, step)
    wait_until_whole(volume, is_cancelled)
    if isinstance(step, CutObject):
        return ObjectCut(volume, step, packed, is_cancelled)
    if isinstance(step, RemoveTable):
        return TableCut(volume, is_cancelled)
    raise InvalidInput(f"An edit of the kind {step.kind} is none.")
