"""Where an image lies on a canvas: 2D view arithmetic.

Spaces: *image* = (column, row) from the corner of the first pixel, so the centre of the first pixel is (0.5, 0.5);
*canvas* = device pixels from the upper left corner, y down, the centre of the first pixel again at (0.5, 0.5).

The parts of a view are kept apart as in cornerstone's view ownership contract: *which image* stands elsewhere (it is
the caller's), `ImageExtent` is the image's own word, `Placement` is what the user wishes of navigation and look,
`ResolvedView` is derived from them and never stored.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from webviewer.core.errors import InvalidInput

MAX_SUPERSAMPLING = 8


@dataclass(frozen=True, slots=True)
class ImageExtent:
    """Size of an image in pixels and ``pixel_aspect`` = height of a pixel / its width."""

    columns: int
    rows: int
    pixel_aspect: float = 1.0


@dataclass(frozen=True, slots=True)
class Placement:
    """What the user wishes: None for ``zoom`` = fit the whole image, None for a centre = the image's middle.

    ``zoom`` is canvas pixels per image column; rows are stretched by the pixel's aspect besides. The image is flipped
    about its vertical axis first, then turned clockwise by ``rotation_deg``, then scaled.
    """

    width_px: int
    height_px: int
    zoom: float | None = None
    center_x: float | None = None
    center_y: float | None = None
    rotation_deg: float = 0.0
    flip_horizontal: bool = False


@dataclass(frozen=True, slots=True)
class ResolvedView:
    """A placement with every open point decided, and its matrix.

    ``canvas_from_image`` is 3×3 float64, homogeneous, in the spaces of the module's text.
    """

    width_px: int
    height_px: int
    zoom: float
    center_x: float
    center_y: float
    fitted: bool
    canvas_from_image: NDArray[np.float64]

    @property
    def image_from_canvas(self) -> NDArray[np.float64]:
        """The inverse, 3×3 float64."""
        return np.asarray(np.linalg.inv(self.canvas_from_image), dtype=np.float64)


def fit_zoom(extent: ImageExtent, width_px: int, height_px: int, rotation_deg: float = 0.0) -> float:
    """Return the zoom (canvas pixels per column) at which the turned image just fits the canvas."""
    cosine, sine = abs(_cosine(rotation_deg)), abs(_sine(rotation_deg))
    width, height = float(extent.columns), extent.rows * extent.pixel_aspect
    return min(width_px / (cosine * width + sine * height), height_px / (sine * width + cosine * height))


def resolve(extent: ImageExtent, placement: Placement) -> ResolvedView:
    """Return the view of an image under a placement.

    Raises
    ------
    InvalidInput
        The image has no size, or a pixel aspect that is not a positive number.
    """
    if extent.columns < 1 or extent.rows < 1:
        raise InvalidInput(
            f"An image of {extent.columns} × {extent.rows} pixels cannot be placed: it must have at least one."
        )
    if not (math.isfinite(extent.pixel_aspect) and extent.pixel_aspect > 0):
        raise InvalidInput(f"Pixel aspect {extent.pixel_aspect} is invalid: must be a positive number.")
    zoom = placement.zoom
    if zoom is None:
        zoom = fit_zoom(extent, placement.width_px, placement.height_px, placement.rotation_deg)
    center_x = extent.columns / 2 if placement.center_x is None else placement.center_x
    center_y = extent.rows / 2 if placement.center_y is None else placement.center_y

    cosine, sine = _cosine(placement.rotation_deg), _sine(placement.rotation_deg)
    mirror = -1.0 if placement.flip_horizontal else 1.0
    scale = np.array([[mirror * zoom, 0.0], [0.0, zoom * extent.pixel_aspect]])
    # Clockwise on a canvas whose y points down is the usual counter-clockwise form.
    linear = np.array([[cosine, -sine], [sine, cosine]]) @ scale
    middle = np.array([placement.width_px / 2, placement.height_px / 2])
    canvas_from_image = np.eye(3)
    canvas_from_image[:2, :2] = linear
    canvas_from_image[:2, 2] = middle - linear @ np.array([center_x, center_y])
    return ResolvedView(
        width_px=placement.width_px,
        height_px=placement.height_px,
        zoom=zoom,
        center_x=center_x,
        center_y=center_y,
        fitted=placement.zoom is None,
        canvas_from_image=canvas_from_image,
    )


def scale_view(view: ResolvedView, width_px: int, height_px: int) -> ResolvedView:
    """Return the same view on a canvas of another size (a reduced picture that will be stretched over the canvas)."""
    stretch = np.diag([width_px / view.width_px, height_px / view.height_px, 1.0])
    return ResolvedView(
        width_px=width_px,
        height_px=height_px,
        zoom=view.zoom * width_px / view.width_px,
        center_x=view.center_x,
        center_y=view.center_y,
        fitted=view.fitted,
        canvas_from_image=stretch @ view.canvas_from_image,
    )


def supersampling(zoom: float) -> int:
    """Return n of the n × n samples a canvas pixel is averaged from: ceil(1 / zoom), from 1 to ``MAX_SUPERSAMPLING``.

    Below 1/8 the picture is thinner than every image pixel would need; at that size it is a thumbnail.
    """
    # The small allowance keeps a zoom of 1/3, which is not a binary fraction, at 3 and not 4.
    return min(MAX_SUPERSAMPLING, max(1, math.ceil(1.0 / zoom - 1e-9)))


def _cosine(angle_deg: float) -> float:
    """Cosine that is exact at right angles, so that a quarter turn maps pixels onto pixels."""
    quarter = angle_deg / 90.0
    if quarter == round(quarter):
        return (1.0, 0.0, -1.0, 0.0)[round(quarter) % 4]
    return math.cos(math.radians(angle_deg))


def _sine(angle_deg: float) -> float:
    return _cosine(angle_deg - 90.0)
