"""One frame and one wish to an encoded picture.

`paint` runs in the drawing thread, the only one that may use the renderer; `encode` in any.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from renderpool.engine.encode import EncodedPicture, encode_light, encode_still
from renderpool.engine.renderer import Renderer
from renderpool.scene.colours import paint_in_colours
from renderpool.scene.graphics import cover, draw_over
from renderpool.scene.grey import grey_map
from renderpool.scene.view import ImageExtent, Placement, ResolvedView, resolve, scale_view, supersampling
from renderpool.session.loaded_image import LoadedImage
from renderpool.session.painting import Painting
from renderpool.session.quality import LightLevel
from webviewer.dicom.lut import VoiChoice
from webviewer.protocol.messages import View
from webviewer.protocol.windows import WindowFullDynamic, WindowRecommended, WindowValues

COLOUR_LOSSLESS_LIMIT_BYTES = 1_500_000
_SMALLEST_REDUCED_PX = 256
_LIGHT_SUPERSAMPLING = 2


def choose_voi(
    image: LoadedImage,
    window: WindowRecommended | WindowFullDynamic | WindowValues,
    recommended: tuple[VoiChoice, ...] | None = None,
) -> VoiChoice:
    """Return the VOI that a wish means for this image.

    Parameters
    ----------
    recommended
        What the image shares with others, or its own in their order (`recommended_voi`); None = its own.
    """
    if isinstance(window, WindowValues):
        return VoiChoice(center=window.center, width=window.width, function=window.function)
    if isinstance(window, WindowFullDynamic):
        return image.full_dynamic
    choices = recommended or image.recommended
    return choices[window.index] if window.index < len(choices) else choices[0]


def paint(
    renderer: Renderer,
    image: LoadedImage,
    wish: View,
    light: LightLevel | None = None,
    recommended: tuple[VoiChoice, ...] | None = None,
) -> Painting:
    """Return the picture of a wish: in full quality, or as ``light`` says; ``recommended`` as of `choose_voi`.

    Raises
    ------
    WebviewerError
        The wish cannot be drawn.
    """
    extent = ImageExtent(image.columns, image.rows, image.pixel_aspect)
    placement = Placement(
        width_px=wish.width_px,
        height_px=wish.height_px,
        zoom=wish.zoom,
        center_x=wish.center_x,
        center_y=wish.center_y,
        rotation_deg=wish.rotation_deg,
        flip_horizontal=wish.flip_horizontal,
    )
    view = resolve(extent, placement)
    drawn, samples, is_whole = view, 1, light is None or light.scale == 1
    if light is not None and light.scale < 1:
        size = [
            max(min(side, _SMALLEST_REDUCED_PX), round(side * light.scale)) for side in (view.width_px, view.height_px)
        ]
        drawn = scale_view(view, *size)
    if wish.interpolation == "bilinear":
        samples = supersampling(drawn.zoom)
        if light is not None:
            is_whole = is_whole and samples <= _LIGHT_SUPERSAMPLING
            samples = min(samples, _LIGHT_SUPERSAMPLING)
    if image.is_colour:
        pixels = renderer.draw_colour(
            image.cache_key,
            image.colour_values,
            drawn,
            inverted=wish.invert,
            interpolation=wish.interpolation,
            samples=samples,
        )
        pixels = _with_graphics(renderer, image, wish, pixels, drawn=drawn, light=light)
        return _painting(image, pixels, view, window=(math.nan, math.nan), is_whole=is_whole)
    grey = grey_map(choose_voi(image, wish.window, recommended), inverted=image.inverted != wish.invert)

    def draw(exchanged: bool) -> NDArray[np.uint8]:
        mapped = replace(grey, inverted=grey.inverted != exchanged)
        return renderer.draw_grey(
            image.cache_key,
            image.grey_texels,
            drawn,
            mapped,
            interpolation=wish.interpolation,
            samples=samples,
            is_padded=image.is_padded,
        )

    pixels = paint_in_colours(draw, wish.colours)
    pixels = _with_graphics(renderer, image, wish, pixels, drawn=drawn, light=light)
    return _painting(image, pixels, view, window=(grey.center, grey.width), is_whole=is_whole)


def _with_graphics(
    renderer: Renderer,
    image: LoadedImage,
    wish: View,
    pixels: NDArray[np.uint8],
    *,
    drawn: ResolvedView,
    light: LightLevel | None,
) -> NDArray[np.uint8]:
    """Return a picture with the shutter and the overlays that are wished; after the window, whatever it was."""
    graphics = image.graphics
    if graphics is None or graphics.mask is None:
        return pixels
    overlays, shutter = wish.overlays and graphics.has_overlays, wish.shutters and graphics.has_shutter
    if not overlays and not shutter:
        return pixels
    samples = supersampling(drawn.zoom)
    if light is not None:
        samples = min(samples, _LIGHT_SUPERSAMPLING)
    key = ("graphics", image.cache_key)
    size = (image.columns, image.rows)
    shares = renderer.draw_mask(key, graphics.mask, drawn, origin=graphics.origin, image_size=size, samples=samples)
    if shutter:
        pixels = cover(pixels, shares[..., 1], graphics.shutter_shade)
    return draw_over(pixels, shares[..., 0]) if overlays else pixels


def _painting(
    image: LoadedImage,
    pixels: NDArray[np.uint8],
    view: ResolvedView,
    *,
    window: tuple[float, float],
    is_whole: bool,
) -> Painting:
    graphics = image.graphics
    return Painting(
        pixels=pixels,
        window_center=window[0],
        window_width=window[1],
        zoom=view.zoom,
        center_x=view.center_x,
        center_y=view.center_y,
        fitted=view.fitted,
        is_whole=is_whole,
        lacks_overlay=graphics is not None and graphics.lacks_overlay,
        ignores_shutter=graphics is not None and graphics.ignores_shutter,
    )


def encode(painting: Painting, light: LightLevel | None, still_limit_bytes: int | None = None) -> EncodedPicture:
    """Return the picture as it goes out.

    Light while moving; at rest lossless, but a large colour one, or one over ``still_limit_bytes``, as a JPEG.
    """
    if light is not None:
        return encode_light(painting.pixels, light.jpeg_quality, full_colour=light.full_colour)
    return encode_still(painting.pixels, COLOUR_LOSSLESS_LIMIT_BYTES, still_limit_bytes)
