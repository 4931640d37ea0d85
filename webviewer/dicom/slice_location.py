"""Images without Image Position (Patient) that state a Slice Location: a stack whose place is not known.

References
----------
PS3.3 C.7.6.2.1.2 (Slice Location: a relative position whose direction is not defined), C.7.6.1.1.1 (letters).
"""

from __future__ import annotations

from dataclasses import replace

from webviewer.dicom import elements as tags
from webviewer.dicom.attributes import ImageAttributes, Notice
from webviewer.dicom.dataset import DataSet
from webviewer.dicom.pixel_module import PROJECTIONS
from webviewer.dicom.slice_geometry import AXIAL, Orientation, moved, normal_of

_MOST_MM = 10_000.0
_DIRECTIONS = {
    "L": (1.0, 0.0, 0.0),
    "R": (-1.0, 0.0, 0.0),
    "P": (0.0, 1.0, 0.0),
    "A": (0.0, -1.0, 0.0),
    "H": (0.0, 0.0, 1.0),
    "F": (0.0, 0.0, -1.0),
}


def located(image: ImageAttributes, ds: DataSet) -> ImageAttributes:
    """Return the attributes of an image with a place from its Slice Location; other images as they are.

    Never raises.
    """
    frame = image.frames[0]
    if image.number_of_frames != 1 or frame.image_position_patient is not None or image.modality in PROJECTIONS:
        return image
    if image.refusal or image.volume_refusal is not None or "LOCALIZER" in frame.image_type:
        return image
    location_mm = ds.number(tags.SLICE_LOCATION)
    if location_mm is None or abs(location_mm) > _MOST_MM:
        return image
    orientation = frame.image_orientation_patient or _of_letters(image.patient_orientation)
    notices = (Notice("slice_location"), *([Notice("orientation_assumed")] if orientation is None else []))
    direction = orientation or AXIAL
    position = moved((0.0, 0.0, 0.0), normal_of(direction), location_mm)
    return replace(
        image,
        frames=(replace(frame, image_position_patient=position, image_orientation_patient=direction),),
        notices=(*image.notices, *notices),
        place_source="SliceLocation",
        is_orientation_assumed=orientation is None,
    )


def _of_letters(letters: tuple[str, str] | None) -> Orientation | None:
    """Return the orientation of Patient Orientation, None where a direction has several letters: no angle is stated."""
    if letters is None or not all(one in _DIRECTIONS for one in letters):
        return None
    return (*_DIRECTIONS[letters[0]], *_DIRECTIONS[letters[1]])
