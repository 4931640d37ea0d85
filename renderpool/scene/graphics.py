"""What lies over an image in a finished picture: shutters cover it, overlays are drawn in black or white over it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BRIGHT = 191
"""Where the picture is brighter, an overlay is black, else white: it differs by at least 64 of 255 everywhere."""

_LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)


def cover(pixels: NDArray[np.uint8], shares: NDArray[np.uint8], shade: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Return a picture with a shutter over it.

    Parameters
    ----------
    pixels
        (height, width) grey or (height, width, 3) RGB, uint8.
    shares
        (height, width) uint8: how much of each pixel is covered, 255 = all.
    shade
        RGB of the shutter; a grey picture takes its luminance.
    """
    places = shares > 0
    if not places.any():
        return pixels
    target = np.asarray(shade, np.float32)
    if pixels.ndim == 2:
        target = np.rint(target @ _LUMINANCE)
    return _mixed(pixels, places, shares[places], target)


def draw_over(pixels: NDArray[np.uint8], shares: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a picture with overlays over it, white, and black where it is brighter than `BRIGHT`; as `cover`."""
    places = shares > 0
    if not places.any():
        return pixels
    beneath = pixels[places]
    luminance = beneath if beneath.ndim == 1 else beneath @ _LUMINANCE
    target = np.where(luminance > BRIGHT, np.float32(0), np.float32(255))
    return _mixed(pixels, places, shares[places], target if beneath.ndim == 1 else target[:, None])


def _mixed(
    pixels: NDArray[np.uint8], places: NDArray[np.bool_], shares: NDArray[np.uint8], target: NDArray[np.float32]
) -> NDArray[np.uint8]:
    beneath = pixels[places].astype(np.float32)
    weight = shares.astype(np.float32) / 255
    if pixels.ndim == 3:
        weight = weight[:, None]
    mixed = pixels.copy()
    mixed[places] = np.rint(beneath + (target - beneath) * weight).astype(np.uint8)
    return mixed
