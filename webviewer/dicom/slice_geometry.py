"""Directions and distances of slices, for readers that compute places which a header does not state frame by frame."""

from __future__ import annotations

import math

from webviewer.dicom import elements as tags
from webviewer.dicom.attributes import FrameAttributes, Notice
from webviewer.dicom.dataset import DataSet

LEAST_MM, MOST_MM = 1e-3, 1000.0  # of a distance of slices that can be true

Vector = tuple[float, float, float]
Orientation = tuple[float, float, float, float, float, float]

AXIAL: Orientation = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
"""What is assumed of slices that do not say how they lie."""


def normal_of(orientation: Orientation) -> Vector:
    """Return the unit normal of Image Orientation (Patient): rows cross columns, which points away from the viewer."""
    rx, ry, rz, cx, cy, cz = orientation
    cross = ry * cz - rz * cy, rz * cx - rx * cz, rx * cy - ry * cx
    length = math.hypot(*cross)
    return cross[0] / length, cross[1] / length, cross[2] / length


def moved(point: Vector, direction: Vector, by_mm: float) -> Vector:
    """Return a point, mm in LPS, moved along a unit vector."""
    return point[0] + direction[0] * by_mm, point[1] + direction[1] * by_mm, point[2] + direction[2] * by_mm


def slice_distance(ds: DataSet, frame: FrameAttributes) -> tuple[float | None, tuple[Notice, ...]]:
    """Return the distance of slices in mm with its sign, and what was assumed; None where nothing states it.

    Spacing Between Slices (0018,0088), else Slice Thickness, which is less where slices have gaps, more where they
    overlap.
    """
    stated = ds.number(tags.SPACING_BETWEEN_SLICES)
    if stated is not None and LEAST_MM <= abs(stated) <= MOST_MM:
        return stated, ()
    thickness = frame.slice_thickness
    if thickness is not None and LEAST_MM <= thickness <= MOST_MM:
        return thickness, (Notice("spacing_from_thickness", (round(thickness, 3),)),)
    return None, ()
