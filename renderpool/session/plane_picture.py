"""A picture of a plane or a slab of a volume, from a wish of the browser. Used in the drawing thread.

While something moves it has as few pixels, and of a slab as few samples, as it must have to come in time.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from renderpool.engine.parts import Part
from renderpool.engine.slab_renderer import SlabRenderer
from renderpool.scene.colours import paint_in_colours
from renderpool.scene.plane_canvas import places_of_pixel, scale_canvas
from renderpool.scene.slab import Interpolation
from renderpool.session.bands import Bands
from renderpool.session.light_size import DENSE_S, MOVING_S, LightSize, LightSizes, Rays
from renderpool.session.loaded_volume import LoadedVolume, VolumeKey
from renderpool.session.painting import Painting
from renderpool.session.plane_cost import SAMPLE_S, PlaneCost, plane_cost, plane_parts
from renderpool.session.quality import LightLevel
from renderpool.session.volume_looks import plane_grey
from renderpool.session.volume_textures import DeviceVolume, VolumeTextures
from webviewer.protocol.volumes import PlaneView

_SMALLEST_REDUCED_PX = 256
_LIGHT_PLACES = 2
_LONGEST_STEP, _UTMOST_STEP = 4.0, 8.0  # of a slab's samples, in spacings of voxels
_PICTURE_S = 0.001  # what any picture takes, however small: no word on samples
_TELLING_S = 0.004  # what is thought to take less may be late by chance
_MOST_SLOWER = 1.6  # what one picture is believed: others use the machine


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
        sizes: LightSizes,
        volume: LoadedVolume,
        wish: PlaneView,
        *,
        light: LightLevel | None = None,
    ) -> None:
        self.volume = volume
        self.is_finished = False
        self._textures, self._renderer, self._sizes, self._wish = textures, renderer, sizes, wish
        canvas, slab, places = plane_parts(wish, volume.grid)
        textures.hold(self)
        device = textures.bring(volume)
        ends = (0.0, 0.0) if device is None else (device.lowest, device.highest)
        self._grey = plane_grey(volume, wish.window, ends, invert=wish.invert)
        self._coarse = device is None or not device.is_whole
        self._canvas, self._slab, self._places = canvas, slab, places
        is_divided = device is not None and bool(device.texture.defines)
        self._kind: Hashable = ("plane", slab.is_plane, slab.interpolation, is_divided)
        cost = plane_cost(canvas, slab, volume.grid)
        if light is not None:
            self._make_light(light, cost)
        is_full = (self._canvas.width_px, self._canvas.height_px) == (wish.width_px, wish.height_px)
        self._is_whole = is_full and (self._places, self._slab) == (places, slab)
        self._samples = cost.pixel * self._places**2
        unit_s = (sizes.unit_s(self._kind) or SAMPLE_S) * self._places**2 / self._slab.step_voxels
        self._thought_s = unit_s * cost.pixel * self._canvas.width_px * self._canvas.height_px
        self._bands = Bands(
            self._canvas.width_px,
            self._canvas.height_px,
            self._draw,
            unit_s * cost.row_pixel * self._canvas.width_px,
            pixel_s=unit_s * cost.most,
        )

    def _make_light(self, light: LightLevel, cost: PlaneCost) -> None:
        """Take fewer pixels, samples and places."""
        canvas, grid = self._canvas, self.volume.grid
        most = _LIGHT_PLACES if self._slab.is_plane else 1  # of a slab every place costs its whole thickness
        places = min(self._places, most)
        steps = (1.0, 1.0) if self._slab.is_plane else (_LONGEST_STEP, _UTMOST_STEP)
        rays = Rays(SAMPLE_S, cost.pixel * places**2, *steps, DENSE_S)
        size = self._sizes.choose(self._kind, canvas.width_px, canvas.height_px, rays=rays)
        width_px, height_px = (
            min(chosen, max(min(side, _SMALLEST_REDUCED_PX), round(side * light.scale)))
            for chosen, side in ((size.width_px, canvas.width_px), (size.height_px, canvas.height_px))
        )
        self._slab = replace(self._slab, step_voxels=size.step_voxels)
        if (width_px, height_px) != (canvas.width_px, canvas.height_px):
            self._canvas = scale_canvas(canvas, width_px, height_px)
        if self._slab.interpolation is Interpolation.TRILINEAR:
            # What the line makes smaller may have more places for it, which make it smoother and so still smaller.
            smooth = min(places_of_pixel(self._canvas, grid), most)
            if smooth**2 * width_px * height_px <= places**2 * size.width_px * size.height_px:
                places = max(places, smooth)
        self._places = places

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
        if not self._coarse:
            self._learn()
        return Painting(
            pixels,
            self._grey.center,
            self._grey.width,
            zoom=1.0 / self._wish.mm_per_px,
            is_whole=self._is_whole,
            coarse=self._coarse,
        )

    def _learn(self) -> None:
        took_s = min(max(self._bands.took_s - _PICTURE_S, self._bands.took_s / 4), _MOST_SLOWER * self._thought_s)
        if self._thought_s < min(took_s, _TELLING_S) and self._bands.took_s < MOVING_S:
            return
        size = LightSize(self._canvas.width_px, self._canvas.height_px, self._slab.step_voxels)
        self._sizes.took(self._kind, size, took_s, self._samples)

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
