"""What a doctor reads about volumes: names to choose from, cautions, and why there is none."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from webviewer.dicom.geometry import FramePlace
from webviewer.dicom.volume import VolumeGrid
from webviewer.dicom.volume_plan import VolumePlan
from webviewer.dicom.volume_slices import Gap, SliceLayout

COLOR = "These images are in color; a volume is made of gray values."
NO_PLACE = "These images do not say where in the patient they lie, so they are no volume."
NOWHERE = "The position of these images in the patient cannot be true: it is more than 100 m away."
NO_SPACING = "These images do not say how large their pixels are, so they are no volume."

_MOST_GAPS = 5
_TILTED_FROM_DEGREES = 0.5
_THIN_BELOW = 0.5  # of the spacing
_AXES = ("Sagittal", "Coronal", "Axial")
_ALONG_AXIS = 0.82  # cosine of 35°: a tilted gantry is still axial
_PHASE_WORDS: tuple[tuple[Callable[[FramePlace], float | None], str], ...] = (
    (lambda place: place.frame.temporal_position_index, "time {:g}"),
    (lambda place: place.trigger_time_ms, "trigger time {:g} ms"),
    (lambda place: place.b_value, "b = {:g} s/mm²"),
    (lambda place: place.acquisition_number, "acquisition {:g}"),
)


def too_few(slices: int, least: int) -> str:
    """Return why so few slices are no volume."""
    if slices == 1:
        return f"Only 1 slice lies in this direction; a volume needs at least {least}."
    return f"Only {slices} slices lie in this direction; a volume needs at least {least}."


def one_position(images: int) -> str:
    """Return why a cine is no volume."""
    return f"All {images} images lie at one position, as in a film, so they are no volume."


def doubled(position_mm: float) -> str:
    """Return why frames at one position that are no phases are no volume."""
    return (
        f"Several images lie at the same position ({position_mm:.1f} mm, and maybe others), and nothing tells which "
        "of them belong together."
    )


def not_parallel(degrees: float) -> str:
    """Return why slices that turn a little are no volume."""
    return f"The slices are not parallel: they are turned by up to {degrees:.1f}° against their mean direction."


def not_parallel_at_all(directions: int, most: int, least: int) -> str:
    """Return why slices in many directions are no volume."""
    return f"The slices are not parallel: they lie in {directions} directions, {_too_few_in_each(most, least)}"


def localizer(directions: int, most: int, least: int) -> str:
    """Return why scouts are no volume."""
    return f"These are localizer images in {directions} directions, {_too_few_in_each(most, least)}"


def different_sizes(sizes: int) -> str:
    """Return why pictures of several sizes are no volume."""
    return f"The images have {sizes} different sizes or pixel spacings, so they do not fit on one another."


def too_far_apart(layout: SliceLayout) -> str:
    """Return why a stack with vast gaps is no volume."""
    gap = max(layout.gaps, key=lambda gap: gap.missing)
    return (
        f"The slices lie too far apart: between {gap.from_mm:.1f} mm and {gap.to_mm:.1f} mm alone "
        f"{gap.missing} are missing."
    )


def _too_few_in_each(most: int, least: int) -> str:
    return f"at most {most} in each; a volume needs at least {least} parallel ones."


def warnings(
    layout: SliceLayout, grid: VolumeGrid, off_mm: float, places: Sequence[FramePlace], modality: str
) -> tuple[str, ...]:
    """Return what a doctor should know of a volume: gaps, uneven spacing, tilt, slices that lie beside their place."""
    found = _gaps(layout.gaps)
    if layout.is_uneven:
        found.append(_uneven(layout))
    step = grid.lps_from_index[:3, 2]
    along = float(np.dot(step, _normal(grid)))
    tilt = math.degrees(math.acos(min(along / float(np.linalg.norm(step)), 1.0)))
    if tilt >= _TILTED_FROM_DEGREES:
        what = "The gantry was tilted by" if modality == "CT" else "The slices are stacked aslant, by"
        found.append(f"{what} {tilt:.1f}°. The volume is sheared accordingly: places and lengths in it are true.")
    if off_mm > 0.5 * min(grid.spacing_mm[1:]):
        found.append(
            f"The slices are shifted against one another by up to {off_mm:.1f} mm: in planes across them places and "
            "lengths are no truer than that."
        )
    thickness = [place.frame.slice_thickness for place in places if place.frame.slice_thickness is not None]
    if thickness and max(thickness) < _THIN_BELOW * along:
        found.append(
            f"Slices {max(thickness):.1f} mm thick lie {along:.1f} mm apart: what is between them was not measured."
        )
    return tuple(found)


def _gaps(gaps: Sequence[Gap]) -> list[str]:
    found = [
        f"Between {gap.from_mm:.1f} mm and {gap.to_mm:.1f} mm {_slices_are(gap.missing)} missing: values there are "
        "interpolated."
        for gap in gaps[:_MOST_GAPS]
    ]
    rest = gaps[_MOST_GAPS:]
    if rest:
        missing = _slices_are(sum(gap.missing for gap in rest))
        found.append(f"In {len(rest)} further gaps up to {rest[-1].to_mm:.1f} mm {missing} missing.")
    return found


def _slices_are(number: int) -> str:
    return "1 slice is" if number == 1 else f"{number} slices are"


def _uneven(layout: SliceLayout) -> str:
    steps = np.diff(np.array(layout.index)) * layout.spacing_mm
    return (
        f"The slices are unevenly spaced, {steps.min():.1f} mm to {steps.max():.1f} mm: values are interpolated at "
        f"steps of {layout.spacing_mm:.1f} mm."
    )


def labels(plans: Sequence[VolumePlan], places: Sequence[FramePlace]) -> list[str]:
    """Return a name for each volume of a series, all different, that says what tells it from the others."""
    phases = _phase_words(plans, places)
    names = [_direction(plan.grid) for plan in plans]
    sizes = {
        name: {plan.grid.shape[1:] for plan, own in zip(plans, names, strict=True) if own == name} for name in names
    }
    found = []
    for plan, name, phase in zip(plans, names, phases, strict=True):
        parts = [name, f"{len(plan.frames)} slices"]
        if len(sizes[name]) > 1:
            parts.append(f"{plan.grid.shape[2]} × {plan.grid.shape[1]}")
        found.append(", ".join([*parts, phase] if phase else parts))
    ranges = [f"{plan.positions_mm[0]:.1f} to {plan.positions_mm[-1]:.1f} mm" for plan in plans]
    return _numbered(_with(found, ranges))


def _normal(grid: VolumeGrid) -> NDArray[np.float64]:
    normal = np.cross(grid.lps_from_index[:3, 0], grid.lps_from_index[:3, 1])
    return normal / float(np.linalg.norm(normal))


def _direction(grid: VolumeGrid) -> str:
    part = np.abs(_normal(grid))
    axis = int(part.argmax())
    return _AXES[axis] if part[axis] > _ALONG_AXIS else "Oblique"


def _phase_words(plans: Sequence[VolumePlan], places: Sequence[FramePlace]) -> list[str]:
    """Return what tells a phase from the others of its place, empty where there are none."""
    found: list[str] = []
    start = 0
    for stop in range(1, len(plans) + 1):
        if stop < len(plans) and plans[stop].phase_number > plans[stop - 1].phase_number:
            continue
        found.extend(_words_of_phases(plans[start:stop], places))
        start = stop
    return found


def _words_of_phases(plans: Sequence[VolumePlan], places: Sequence[FramePlace]) -> list[str]:
    if plans[0].phase_count == 1:
        return [""]
    numbers = [f"phase {plan.phase_number} of {plan.phase_count}" for plan in plans]
    parts: list[list[str]] = [[] for _ in plans]
    for value_of, template in _PHASE_WORDS:
        values = [{value_of(places[i]) for i in plan.frames} for plan in plans]
        if any(len(own) != 1 or None in own for own in values) or len({min(own, key=str) for own in values}) == 1:
            continue
        for part, own in zip(parts, values, strict=True):
            part.append(template.format(own.pop()))
    names = _with([", ".join(part) for part in parts], numbers)
    return [name.removeprefix(", ") or number for name, number in zip(names, numbers, strict=True)]


def _with(names: Sequence[str], more: Sequence[str]) -> list[str]:
    """Return names; of those that stand for several volumes, with ``more`` behind where that tells them apart."""
    kinds = Counter(name for name, _ in set(zip(names, more, strict=True)))
    return [f"{name}, {extra}" if kinds[name] > 1 else name for name, extra in zip(names, more, strict=True)]


def _numbered(names: Sequence[str]) -> list[str]:
    count, seen = Counter(names), Counter[str]()
    found = []
    for name in names:
        seen[name] += 1
        found.append(f"{name} ({seen[name]} of {count[name]})" if count[name] > 1 else name)
    return found
