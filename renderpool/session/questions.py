"""What measurements say: lengths by what a file states of its pixels, values from what is stored, never from pictures.

Pure functions for worker threads. Statistics are of the pixels whose centres lie inside the shape, or, if there is
none, of the one in its middle; of a plane of the points of a lattice with the steps of the voxels, which are the voxels
themselves where the plane runs through them. The part outside of the image counts nothing. The standard deviation is
that of these values (divided by their number). Values that are no finite number and pixel padding (PS3.3 C.7.5.1.1.2)
count nothing either. A point of an image tells what is stored there, padding too; a point of a volume whose voxels are
absent has no value.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from renderpool.scene import measure
from renderpool.scene.directions import vector
from renderpool.scene.slab import Interpolation, Slab, SlabMode, sample_offsets_mm
from renderpool.session.loaded_image import LoadedImage
from renderpool.session.loaded_volume import LoadedVolume
from renderpool.session.voxel_values import IsCancelled, VoxelReader, lattice, volume_unit
from webviewer.core.errors import InvalidInput, LimitExceeded
from webviewer.dicom.lut import modality_values
from webviewer.dicom.measure import LengthUnit, SpacingSource, pixel_scale, value_unit
from webviewer.dicom.padding import absent_pixels
from webviewer.protocol.questions import Measure, Measured, OnImage, OnPlane, Statistics

_FEWEST = {"point": 1, "line": 2, "angle": 3, "cobb": 4, "ellipse": 2, "rectangle": 2, "polygon": 3}
_MOST = {**_FEWEST, "line": 512, "polygon": 512}
_REGIONS: dict[str, measure.Region] = {"ellipse": "ellipse", "rectangle": "rectangle", "polygon": "polygon"}
_MAX_SAMPLES = 5_000_000  # a few seconds
_MAX_LATTICE = 25_000_000  # points around a region, most of which may lie outside of it
_CROOKED = 1e-3


@dataclass(frozen=True, slots=True)
class Measurement:
    """What a shape measures, as `webviewer.protocol.questions.Measured` says it."""

    length: float | None = None
    area: float | None = None
    angle_deg: float | None = None
    length_unit: LengthUnit = "mm"
    spacing_source: SpacingSource = "patient"
    values: tuple[float, ...] | None = None
    statistics: Statistics | None = None
    unit: str = ""
    interpolated: bool = False

    def message(self, cell: int, question: int) -> Measured:
        """Return the answer to a question of a cell."""
        return Measured(
            cell=cell,
            question=question,
            length=self.length,
            area=self.area,
            angle_deg=self.angle_deg,
            length_unit=self.length_unit,
            spacing_source=self.spacing_source,
            values=self.values,
            statistics=self.statistics,
            unit=self.unit,
            interpolated=self.interpolated,
        )


def measure_on_image(image: LoadedImage, what: Measure) -> Measurement:
    """Return what a shape on an image measures; of colour images only the values at a point.

    Raises
    ------
    InvalidInput
        The question is about a plane, or the shape has too few or too many points.
    """
    if not isinstance(what.on, OnImage):
        raise InvalidInput("A shape on a plane is measured in a volume, and this cell shows images.")
    points = _points(what)
    scale = pixel_scale(image.attributes, image.key[1], what.points, what.on.calibration_mm_per_px)
    found = replace(
        _geometry(what, points * np.array([scale.x, scale.y])), length_unit=scale.unit, spacing_source=scale.source
    )
    if what.shape == "point":
        return _with_pixel(found, image, points[0])
    region = _REGIONS.get(what.shape)
    if region is not None and not image.is_colour:
        return replace(found, statistics=_image_statistics(image, region, points), unit=_unit(image))
    return found


def looks_at_region(what: Measure) -> bool:
    """Whether many values are looked at, which takes longer than a moment."""
    return what.shape in _REGIONS


def measure_on_plane(volume: LoadedVolume, what: Measure, is_cancelled: IsCancelled = lambda: False) -> Measurement:
    """Return what a shape on a plane, or the slab around it, of a volume measures.

    Parameters
    ----------
    is_cancelled
        Asked some twenty times a second.

    Raises
    ------
    InvalidInput
        The question is about an image, the directions are no frame, or the shape has too few or too many points.
    LimitExceeded
        The region has more values than can be read in a moment.
    MeasureCancelled
        When asked, the answer was yes.
    Unavailable
        Slices that it needs are not loaded yet (code "volume_loading"), or the volume is gone.
    WebviewerError
        Why the volume was not loaded.
    """
    if not isinstance(what.on, OnPlane):
        raise InvalidInput("A shape on an image is measured in a series, and this cell shows a volume.")
    points = _points(what)
    lps_from_plane = _lps_from_plane(what.on)
    slab = Slab(SlabMode(what.on.slab), what.on.thickness_mm, Interpolation(what.on.interpolation))
    found = _geometry(what, points)
    if what.shape == "point":
        p_lps_mm = lps_from_plane @ np.array([*points[0], 0.0, 1.0])
        at = VoxelReader(volume).point(p_lps_mm, lps_from_plane[:, 2], slab)
        values, interpolated = (None, False) if at is None else ((at.value,), at.interpolated)
        return replace(found, values=values, interpolated=interpolated, unit=volume_unit(volume))
    region = _REGIONS.get(what.shape)
    if region is None:
        return found
    statistics, interpolated = _plane_statistics(
        volume, lps_from_plane, slab, region, points, is_cancelled=is_cancelled
    )
    return replace(found, statistics=statistics, interpolated=interpolated, unit=volume_unit(volume))


# -- shapes ----------------------------------------------------------------------------------------------------------


def _points(what: Measure) -> measure.Points:
    count = len(what.points)
    if not _FEWEST[what.shape] <= count <= _MOST[what.shape]:
        rule = f"{_FEWEST[what.shape]}" + ("" if _FEWEST[what.shape] == _MOST[what.shape] else " or more")
        raise InvalidInput(f"A measurement '{what.shape}' with {count} points is invalid: must have {rule}.")
    return np.array(what.points, np.float64)


def _geometry(what: Measure, points: measure.Points) -> Measurement:
    """Return length, angle and area; ``points`` are in the unit of lengths, the length of a region is its border's."""
    if what.shape == "line":
        return Measurement(length=measure.length(points))
    if what.shape == "angle":
        return Measurement(angle_deg=measure.corner_angle_deg(points))
    if what.shape == "cobb":
        return Measurement(angle_deg=measure.lines_angle_deg(points))
    region = _REGIONS.get(what.shape)
    if region is None:
        return Measurement()
    return Measurement(length=measure.perimeter(region, points), area=measure.area(region, points))


def _statistics(values: NDArray[np.float64]) -> Statistics | None:
    values = values[np.isfinite(values)]
    if not values.size:
        return None
    return Statistics(
        count=int(values.size),
        mean=float(values.mean()),
        standard_deviation=float(values.std()),
        minimum=float(values.min()),
        maximum=float(values.max()),
    )


# -- images ----------------------------------------------------------------------------------------------------------


def _unit(image: LoadedImage) -> str:
    return value_unit(image.attributes, image.key[1])


def _with_pixel(found: Measurement, image: LoadedImage, point: measure.Points) -> Measurement:
    column, row = math.floor(point[0]), math.floor(point[1])
    if not (0 <= column < image.columns and 0 <= row < image.rows):
        return found
    if image.is_colour:
        red, green, blue = image.stored[row, column].tolist()
        return replace(found, values=(float(red), float(green), float(blue)))
    value = float(_modality_values(image, image.stored[row : row + 1, column : column + 1])[0, 0])
    return replace(found, values=(value,) if math.isfinite(value) else None, unit=_unit(image))


def _modality_values(image: LoadedImage, stored: NDArray[Any]) -> NDArray[np.float64]:
    """Return exact modality values: float32, as they are drawn, has not the digits of 32-bit pixels."""
    if image.attributes.modality_lut is not None:
        return modality_values(stored, image.attributes, image.key[1]).astype(np.float64)
    frame = image.attributes.frame(image.key[1])
    return np.asarray(stored.astype(np.float64) * frame.rescale_slope + frame.rescale_intercept)


def _image_statistics(image: LoadedImage, region: measure.Region, points: measure.Points) -> Statistics | None:
    low, high = np.floor(points.min(axis=0)), np.ceil(points.max(axis=0))
    left, top = max(int(low[0]), 0), max(int(low[1]), 0)
    right, bottom = min(int(high[0]), image.columns), min(int(high[1]), image.rows)
    if left < right and top < bottom:
        xs = np.arange(left, right, dtype=np.float64) + 0.5
        mask = measure.lattice_mask(region, points, xs, np.arange(top, bottom, dtype=np.float64) + 0.5)
        if mask.any():
            return _statistics(_unpadded(image, image.stored[top:bottom, left:right][mask]))
    # Thinner than a pixel: the one in its middle.
    column, row = np.floor(_middle(points)).astype(np.int64).tolist()
    if not (0 <= column < image.columns and 0 <= row < image.rows):
        return None
    return _statistics(_unpadded(image, image.stored[row, column : column + 1]))


def _middle(points: measure.Points) -> measure.Points:
    """Return the middle (2,) of the box around points."""
    return np.asarray((points.min(axis=0) + points.max(axis=0)) / 2, dtype=np.float64)


def _unpadded(image: LoadedImage, stored: NDArray[Any]) -> NDArray[np.float64]:
    """Return the modality values of stored ones (n,) without padding."""
    absent = absent_pixels(stored, image.attributes)
    return _modality_values(image, stored if absent is None else stored[~absent])


# -- planes ----------------------------------------------------------------------------------------------------------


def _lps_from_plane(on: OnPlane) -> NDArray[np.float64]:
    """Return (3, 4): plane (right mm, down mm, away mm, 1) to LPS."""
    right, down = vector(on.right_lps, "The direction right"), vector(on.down_lps, "The direction down")
    lengths = float(np.linalg.norm(right)), float(np.linalg.norm(down))
    if max(abs(lengths[0] - 1), abs(lengths[1] - 1), abs(float(right @ down))) > _CROOKED:
        raise InvalidInput(
            f"Directions right {right.tolist()} and down {down.tolist()} are invalid: "
            "must be of length 1 and perpendicular."
        )
    return np.column_stack([right, down, np.cross(right, down), vector(on.origin_lps_mm, "The origin")])


def _plane_statistics(
    volume: LoadedVolume,
    lps_from_plane: NDArray[np.float64],
    slab: Slab,
    region: measure.Region,
    points: measure.Points,
    *,
    is_cancelled: IsCancelled,
) -> tuple[Statistics | None, bool]:
    """Return statistics of a region, and whether they rest on values made of several stored ones."""
    xs, ys = lattice(volume.grid, lps_from_plane, points)
    layers = len(sample_offsets_mm(slab, volume.grid))
    if len(xs) * len(ys) > _MAX_LATTICE:
        raise _too_large(len(xs) * len(ys), layers)
    rows, columns = np.nonzero(measure.lattice_mask(region, points, xs, ys))
    inside = np.column_stack([xs[columns], ys[rows]])
    if not len(inside):
        inside = _middle(points)[np.newaxis]
        slab = replace(slab, interpolation=Interpolation.NEAREST)
    if len(inside) * layers > _MAX_SAMPLES:
        raise _too_large(len(inside), layers)
    p_lps_mm = inside @ lps_from_plane[:, :2].T + lps_from_plane[:, 3]
    values, is_made = VoxelReader(volume).region(p_lps_mm, lps_from_plane[:, 2], slab, is_cancelled)
    statistics = _statistics(values)
    return statistics, statistics is not None and is_made


def _too_large(points: int, layers: int) -> LimitExceeded:
    return LimitExceeded(
        f"A region of {points:,} points through {layers} layers is too large: must have at most "
        f"{_MAX_SAMPLES:,} values. Draw a smaller one, or make the slab thinner.",
        code="region_too_large",
    )
