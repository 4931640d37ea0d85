"""What was drawn, of an image or of a volume: pixels, and what the frame's header says of them. Plain data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Painting:
    """Pixels (height, width[, 3]) uint8; they may be fewer than those of the canvas, which all else speaks of.

    ``window_center`` and ``window_width`` are NaN of a picture without window (colour). ``zoom`` is canvas pixels per
    image column, of a volume per mm; ``center_x``, ``center_y`` the image point at the middle of the canvas, 0 of a
    volume. ``fitted``: the zoom was chosen so that all of the image is seen. ``is_whole``: no less than the still
    picture of the same wish has. ``coarse``: not all of the volume was there. ``lacks_overlay``: an overlay of the
    image cannot be drawn. ``ignores_shutter``: a shutter of the image cannot be true and is not drawn.
    """

    pixels: NDArray[np.uint8]
    window_center: float
    window_width: float
    zoom: float
    center_x: float = 0.0
    center_y: float = 0.0
    fitted: bool = False
    is_whole: bool = True
    coarse: bool = False
    lacks_overlay: bool = False
    ignores_shutter: bool = False
