"""What is known of a volume before a pixel of it is read: its frames, its place, how its slices are made, its size."""

from __future__ import annotations

from dataclasses import dataclass

from webviewer.core.errors import LimitExceeded
from webviewer.dicom.volume import VolumeGrid
from webviewer.dicom.volume_slices import SliceSampling

BYTES_PER_VOXEL = 2
_GIB = 1024**3
_NO_IMAGES = "There are no images that could be a volume."


@dataclass(frozen=True, slots=True, eq=False)
class VolumePlan:
    """A volume that can be made, before a pixel of it is read.

    ``frames`` are indices into what `split_volumes` was given, along the stacking; ``positions_mm`` are theirs along
    the slice normal. ``sampling`` makes the slices of ``grid`` of them. ``warnings`` are sentences for the doctor.
    """

    label: str
    frames: tuple[int, ...]
    positions_mm: tuple[float, ...]
    grid: VolumeGrid
    sampling: SliceSampling
    warnings: tuple[str, ...]
    phase_number: int = 1  # of phase_count stacks at the same place
    phase_count: int = 1

    @property
    def memory_bytes(self) -> int:
        """Bytes of the volume with 16 bits a voxel, and of source slices where they must be kept beside it."""
        slices, rows, columns = self.grid.shape
        beside = 0 if self.sampling.is_in_place else len(self.frames)
        return BYTES_PER_VOXEL * (slices + beside) * rows * columns


@dataclass(frozen=True, slots=True)
class VolumeRefusal:
    """Frames (indices into what `split_volumes` was given) that make no volume, and why: a sentence for the doctor."""

    frames: tuple[int, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class VolumeSplit:
    """All frames of a series, each in one of the plans or refusals."""

    plans: tuple[VolumePlan, ...]
    refusals: tuple[VolumeRefusal, ...]

    @property
    def reason(self) -> str:
        """Why the series is no volume at all, as a disabled button says it: that of most frames; empty if it is one."""
        if self.plans:
            return ""
        if not self.refusals:
            return _NO_IMAGES
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
        raise LimitExceeded(
            f"This volume of {slices} slices of {columns} × {rows} pixels needs {_gib(plan.memory_bytes)} of memory, "
            f"more than the {_gib(budget_bytes)} that a volume may have here.",
            code="volume_too_big",
            details={"needed_bytes": plan.memory_bytes, "budget_bytes": budget_bytes},
        )


def _gib(size_bytes: int) -> str:
    return f"{size_bytes / _GIB:.1f} GiB" if size_bytes >= _GIB else f"{size_bytes / 1024**2:.0f} MiB"
