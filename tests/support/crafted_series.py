"""Series as scanners, anonymisers and broken senders make them, and the volumes that both nodes make of them."""

from __future__ import annotations

import io
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydicom.dataset import Dataset

from tests.support.phantom_files import make_ct, to_bytes
from tests.support.stored_image import image_attributes
from webviewer.dicom.attributes import ImageAttributes
from webviewer.dicom.geometry import place_of, places_of
from webviewer.dicom.header import read_header
from webviewer.dicom.stacks import order_frames
from webviewer.dicom.volume_plan import VolumePlan, VolumeSplit
from webviewer.dicom.volume_split import split_shown


def slices(
    positions_mm: Sequence[float],
    *,
    first_number: int = 1,
    beside_mm: Sequence[tuple[float, float]] = (),
    **elements: Any,
) -> list[Dataset]:
    """Return axial CT slices of 8 × 6 pixels at positions along z, numbered as they come.

    ``beside_mm`` moves each along x and y. ``elements`` are keywords; a list under the keyword
    ``each_…`` has one value for each slice.
    """
    found = []
    for count, z in enumerate(positions_mm):
        x, y = beside_mm[count] if beside_mm else (0.0, 0.0)
        ds = make_ct(rows=8, columns=6, instance_number=first_number + count, position=(x, y, z), slice_step_mm=5.0)
        ds.ImagePositionPatient = [f"{v:.8g}" for v in (x, y, z)]
        for keyword, value in elements.items():
            setattr(ds, keyword.removeprefix("each_"), value[count] if keyword.startswith("each_") else value)
        found.append(ds)
    return found


@dataclass(frozen=True)
class CraftedVolumes:
    """The volumes of a series, with what a test asks of them; frames are named by instance number."""

    split: VolumeSplit
    numbers: tuple[int | None, ...]
    order: tuple[int | None, ...]  # display order of the 2D view

    @property
    def names(self) -> list[str]:
        """The names of the volumes, without the direction and the count of slices."""
        return [plan.label.text.split(", ", 2)[-1] for plan in self.split.plans]

    @property
    def positions(self) -> list[list[float]]:
        """Positions of the slices of each volume, mm."""
        return [[round(position, 6) for position in plan.positions_mm] for plan in self.split.plans]

    @property
    def frames(self) -> list[list[int | None]]:
        """Instance numbers of the slices of each volume."""
        return [[self.numbers[i] for i in plan.frames] for plan in self.split.plans]

    @property
    def only(self) -> VolumePlan:
        """The one volume of the series."""
        (plan,) = self.split.plans
        return plan

    @property
    def notices(self) -> list[str]:
        """What a doctor reads of the one volume."""
        return [warning.text for warning in self.only.warnings]

    @property
    def codes(self) -> list[str]:
        """The codes of those notices."""
        return [warning.code for warning in self.only.warnings]


def volumes(objects: Sequence[Dataset]) -> CraftedVolumes:
    """Return the volumes of files, made as storage and render nodes make them: from headers, in display order."""
    images: dict[int, ImageAttributes] = {}
    places, keys = [], []
    for instance_id, ds in enumerate(objects):
        header = read_header(io.BytesIO(to_bytes(ds)))
        image = image_attributes(header)
        assert image is not None
        images[instance_id] = image
        own = places_of(image, header.instance_number, f"{header.sop_instance_uid}.{instance_id}")
        places += own
        keys += [(instance_id, place.frame_number) for place in own]
    order = order_frames(places).indices
    assert sorted(order) == list(range(len(places)))
    shown, split = split_shown([keys[i] for i in order], images.__getitem__)
    told = itertools.chain(*(p.frames for p in split.plans), *(r.frames for r in split.refusals))
    assert sorted(told) == list(range(len(shown))), "each frame is in one volume or one refusal"
    assert len({plan.label.text for plan in split.plans}) == len(split.plans)
    for plan in split.plans:
        _check_places(plan, [place_of(images[shown[i][0]], shown[i][1], None, "").frame for i in plan.frames])
    return CraftedVolumes(
        split,
        tuple(images[instance_id].instance_number for instance_id, _ in shown),
        tuple(places[i].instance_number for i in order),
    )


def _check_places(plan: VolumePlan, frames: Sequence[Any]) -> None:
    """Check with NumPy alone that slices of a volume rise along their normal, and lie where their headers say."""
    orientation = np.array(frames[0].image_orientation_patient)
    normal = np.cross(orientation[:3], orientation[3:])
    normal /= np.linalg.norm(normal)
    origins = np.array([frame.image_position_patient for frame in frames])
    along = origins @ normal
    assert (np.diff(along) > 0.0105 * min(1.0, np.ptp(along))).all()
    assert plan.positions_mm == tuple(along) or np.abs(np.array(plan.positions_mm) - along).max() < 1e-9
    if any(warning.code == "shifted" for warning in plan.warnings):
        return
    for source, grid_slice in enumerate(plan.sampling.grid_slice_of_source):
        if grid_slice is not None:
            found = plan.grid.lps_from_index[:3] @ np.array((0.0, 0.0, grid_slice, 1.0))
            assert np.abs(found - origins[source]).max() <= 0.1 + 1e-6
