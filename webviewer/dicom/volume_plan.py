"""What is known of a volume before a pixel of it is read: its frames, its place, how its slices are made, its size."""

from __future__ import annotations

from dataclasses import dataclass

from webviewer.core.errors import LimitExceeded
from webviewer.dicom.sentence import Sentence, gib, say
from webviewer.dicom.volume import VolumeGrid
from webviewer.dicom.volume_slices import SliceSampling

BYTES_PER_VOXEL = 2
_BYTES_PER_WORD = 4  # of presence


@dataclass(frozen=True, slots=True, eq=False)
class VolumePlan:
    """A volume that can be made, before a pixel of it is read.

    ``frames`` are indices into what `split_volumes` was given, along the stacking; ``positions_mm`` are theirs along
    the slice normal. ``sampling`` makes the slices of ``grid`` of them. ``warnings`` are for the doctor.
    ``is_angiography`` = its images say that they show vessels.
    """

    label: Sentence
    frames: tuple[int, ...]
    positions_mm: tuple[float, ...]
    grid: VolumeGrid
    sampling: SliceSampling
    warnings: tuple[Sentence, ...]
    phase_number: int = 1  # of phase_count stacks at the same place
    phase_count: int = 1
    is_angiography: bool = False
    place_source: str = ""  # `ImageAttributes.place_source`
    is_orientation_assumed: bool = False
    may_be_padded: bool = False  # an image names a padding value: voxels may be absent

    @property
    def has_letters(self) -> bool:
        """Tell whether all directions in the patient are known, which Slice Location says of none across the slices."""
        return not self.is_orientation_assumed and self.place_source != "SliceLocation"

    @property
    def is_placed(self) -> bool:
        """Tell whether the volume lies where it lies in the patient."""
        return not self.place_source and not self.is_orientation_assumed

    @property
    def memory_bytes(self) -> int:
        """Bytes of the volume with 16 bits a voxel, and of source slices where they must be kept beside it.

        Where voxels may be absent, a bit for each of them too, in words of 3 rows and 7 columns.
        """
        slices, rows, columns = self.grid.shape
        beside = 0 if self.sampling.is_in_place else len(self.frames)
        presence = _BYTES_PER_WORD * -(-rows // 3) * -(-columns // 7) if self.may_be_padded else 0
        return (slices + beside) * (BYTES_PER_VOXEL * rows * columns + presence)


@dataclass(frozen=True, slots=True)
class VolumeRefusal:
    """Frames (indices into what `split_volumes` was given) that make no volume, and why, for the doctor."""

    frames: tuple[int, ...]
    reason: Sentence


@dataclass(frozen=True, slots=True)
class VolumeSplit:
    """All frames of a series, each in one of the plans or refusals."""

    plans: tuple[VolumePlan, ...]
    refusals: tuple[VolumeRefusal, ...]

    @property
    def reason(self) -> Sentence | None:
        """Why the series is no volume at all, as a disabled button says it: that of most frames; None if it is one."""
        if self.plans:
            return None
        if not self.refusals:
            return say("no_images")
        return max(self.refusals, key=lambda refusal: len(refusal.frames)).reason


def check_memory(plan: VolumePlan, budget_bytes: int) -> None:
    """Refuse a volume beyond memory.

    Raises
    ------
    LimitExceeded
        The plan needs more than ``budget_bytes``; in words with the numbers.
    """
    if plan.memory_bytes > budget_bytes:
        slices, rows, columns = plan.grid.shape
        words = say("volume_too_big", slices, columns, rows, gib(plan.memory_bytes), gib(budget_bytes))
        details = {"needed_bytes": plan.memory_bytes, "budget_bytes": budget_bytes}
        raise LimitExceeded(words.text, code=words.code, details={**details, **words.details})
