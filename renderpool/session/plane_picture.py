"""A picture of a plane or a slab of a volume, from a wish of the browser. Used in the drawing thread."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from renderpool.engine.parts import Part
from renderpool.engine.slab_renderer import SlabRenderer
from renderpool.scene.colours import paint_in_colours
from renderpool.scene.plane_canvas import places_of_pixel, plane_canvas, scale_canvas
from renderpool.scene.slab import Interpolation, Slab, SlabMode, sample_offsets_mm
from renderpool.session.bands import Bands
from renderpool.session.loaded_volume import LoadedVolume, VolumeKey
from renderpool.session.painting import Painting
from renderpool.session.quality import LightLevel
from renderpool.session.volume_looks import plane_grey
from renderpool.session.volume_textures import DeviceVolume, VolumeTextures
from webviewer.protocol.volumes import PlaneView

_SMALLEST_REDUCED_PX = 256
_LIGHT_PLACES = 2
_SAMPLE_S = 3e-8  # what software takes: a first guess, so that what is soon done is done at once


class PlanePicture:
    """The picture of one wish, made in parts.

    Parameters
    ----------
    light
        How much less is drawn while something moves; None = in full quality.

    Raises
    ------
    InvalidInput
        The wish's geometry or window is none; says the value and the rule.
    RenderError
        The device cannot take the volume.
    Unavailable
        The volume is not there any more.
    """

    def __init__(
        self,
        textures: VolumeTextures,
        renderer: SlabRenderer,
        volume: LoadedVolume,
        wish: PlaneView,
        light: LightLevel | None = None,
    ) -> None:
        self.volume = volume
        self.is_finished = False
        self._textures, self._renderer, self._wish = textures, renderer, wish
        canvas = plane_canvas(
            wish.width_px,
            wish.height_px,
            center_lps_mm=wish.center_lps_mm,
            right_lps=wish.right_lps,
            down_lps=wish.down_lps,
            mm_per_px=wish.mm_per_px,
        )
        self._slab = Slab(SlabMode(wish.slab), wish.thickness_mm, Interpolation(wish.interpolation))
        self._is_whole = light is None or light.scale == 1
        if light is not None and light.scale < 1:
            width_px, height_px = (
                max(min(side, _SMALLEST_REDUCED_PX), round(side * light.scale))
                for side in (wish.width_px, wish.height_px)
            )
            canvas = scale_canvas(canvas, width_px, height_px)
        self._canvas = canvas
        self._places = 1
        if wish.interpolation == "trilinear":
            self._places = places_of_pixel(canvas, volume.grid)
            if light is not None:
                # Of a slab every place costs its whole thickness.
                most = _LIGHT_PLACES if self._slab.is_plane else 1
                self._is_whole = self._is_whole and self._places <= most
                self._places = min(self._places, most)
        textures.hold(self)
        device = textures.bring(volume)
        ends = (0.0, 0.0) if device is None else (device.lowest, device.highest)
        self._grey = plane_grey(volume, wish.window, ends, invert=wish.invert)
        self._coarse = device is None or not device.is_whole
        samples = len(sample_offsets_mm(self._slab, volume.grid)) * self._places**2
        self._bands = Bands(canvas.width_px, canvas.height_px, self._draw, canvas.width_px * samples * _SAMPLE_S)

    @property
    def holds(self) -> VolumeKey | None:
        """The volume that must stay in the device."""
        return None if self.is_finished else self.volume.key

    def step(self) -> Painting | None:
        """Draw the next part; returns the picture when that was the last.

        Raises
        ------
        RenderError, Unavailable
            As when it was begun.
        """
        pixels = self._bands.step()
        if pixels is None:
            return None
        self.is_finished = True
        return Painting(
            pixels,
            self._grey.center,
            self._grey.width,
            zoom=1.0 / self._wish.mm_per_px,
            is_whole=self._is_whole,
            coarse=self._coarse,
        )

    def _draw(self, part: Part) -> NDArray[np.uint8]:
        device = self._textures.bring(self.volume, 0.0)
        if device is None:
            return paint_in_colours(lambda _: np.zeros(part[:1:-1], np.uint8), self._wish.colours)
        return paint_in_colours(lambda exchanged: self._draw_grey(device, part, exchanged), self._wish.colours)

    def _draw_grey(self, device: DeviceVolume, part: Part, exchanged: bool) -> NDArray[np.uint8]:
        grey = replace(self._grey, inverted=self._grey.inverted != exchanged)
        return self._renderer.draw(
            device.texture, self.volume.grid, self._canvas, self._slab, grey, samples=self._places, part=part
        )
