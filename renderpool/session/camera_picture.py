"""A picture of a volume seen by a camera, from a wish of the browser. Used in the drawing thread.

While something moves it is one pass on fewer pixels with a longer step, as small as it must be to come in time. At rest
it is drawn in several passes whose samples lie between one another's: each is a picture, finer than the one before.
"""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from renderpool.engine.parts import Part
from renderpool.engine.ray_caster import RayCaster
from renderpool.engine.rays import RayLook, RayMode, RayView
from renderpool.engine.refinement import Refinement, Together
from renderpool.engine.volume_mask import VolumeMask
from renderpool.scene.camera_canvas import box_turn, kept_half_space, lps_from_camera_canvas
from renderpool.session.bands import Bands
from renderpool.session.light_size import LightSize, LightSizes
from renderpool.session.loaded_volume import LoadedVolume, VolumeKey
from renderpool.session.painting import Painting
from renderpool.session.quality import SMALL_PX, LightLevel
from renderpool.session.volume_facts import default_look
from renderpool.session.volume_looks import RayLooks, transfer_function
from renderpool.session.volume_textures import DeviceVolume, VolumeTextures
from webviewer.core.errors import InvalidInput
from webviewer.protocol.volumes import CameraPose, CameraView, ClipBox, Look

_PASSES = {
    RayMode.COMPOSITE: 4,
    RayMode.ISOSURFACE: 4,
    RayMode.MAXIMUM: 4,
    RayMode.MINIMUM: 4,
    RayMode.AVERAGE: 2,
}
_PROJECTIONS = frozenset({RayMode.MAXIMUM, RayMode.MINIMUM, RayMode.AVERAGE})
_COARSE_PIXEL_VOXELS = 2.0
_TOP_STORED = 65535
_PICK_STEP_VOXELS = 0.5
_LIGHT_PARTS = 3  # at most: each is of some 20 ms on a machine that has time


@dataclass(frozen=True, slots=True)
class CameraTools:
    """What pictures are drawn with, shared by all of them."""

    textures: VolumeTextures
    caster: RayCaster
    sizes: LightSizes
    looks: RayLooks


class CameraPicture:
    """The picture of one wish, made in parts, at rest in several passes.

    Parameters
    ----------
    light
        How much less is drawn while something moves; None = in full quality.
    mask
        What edits have left of the volume; None = all.

    Raises
    ------
    InvalidInput
        Geometry, look, box or clipping plane of the wish are none; says the value and the rule.
    RenderError
        The device cannot take the volume.
    Unavailable
        The volume is not there any more.
    """

    def __init__(
        self,
        tools: CameraTools,
        volume: LoadedVolume,
        wish: CameraView,
        light: LightLevel | None = None,
        mask: VolumeMask | None = None,
    ) -> None:
        self.volume = volume
        self.is_finished = False
        self._tools, self._wish, self._light, self._mask = tools, wish, light, mask
        self._spacing_mm = min(volume.grid.spacing_mm)
        self._view = ray_view(wish, self._spacing_mm)  # checks the wish before anything is uploaded
        tools.textures.hold(self)
        device = tools.textures.bring(volume)
        self._coarse = device is None or not device.is_whole
        look = None if device is None else wish.look or default_look(volume)
        self._look: RayLook | None = None
        self._kind: Hashable = "nothing yet"
        self._window = (math.nan, math.nan)
        if device is not None and look is not None:
            self._look, self._kind, self._window = _of(tools.looks, device, look)
        self._size = LightSize(self._view.width_px, self._view.height_px, 1.0)
        passes = 1 if self._look is None else _passes_of(self._look, self._view, wish.pose, self._spacing_mm)
        if light is not None:
            self._size = tools.sizes.choose(self._kind, self._view.width_px, self._view.height_px, light.scale)
            passes = 1
        elif self._look is not None and self._look.mode not in _PROJECTIONS:
            self._view = replace(self._view, jitter=1.0)
        step_mm = self._spacing_mm * self._size.step_voxels
        view = self._view.resized(self._size.width_px, self._size.height_px, step_mm)
        self._refinement = Refinement(view, passes, Together.AVERAGE if self._look is None else _together(self._look))
        self._bands: Bands | None = None
        self._row_s = tools.sizes.row_s(self._kind, self._size.width_px, self._size.step_voxels)

    @property
    def holds(self) -> VolumeKey | None:
        """The volume that must stay in the device."""
        return None if self.is_finished else self.volume.key

    def step(self) -> Painting | None:
        """Draw the next part; returns the picture when that was the last of a pass.

        Raises
        ------
        RenderError, Unavailable
            As when it was begun.
        """
        if self._bands is None:
            self._bands = self._begin_pass()
        pixels = self._bands.step()
        if pixels is None:
            return None
        self._tools.sizes.took(self._kind, self._size, self._bands.took_s)
        self._row_s, self._bands = self._bands.slowest_row_s, None
        average = self._refinement.add(pixels)
        self.is_finished = self._refinement.next_view is None
        if self._look is None or self._look.mode in _PROJECTIONS:
            average = np.ascontiguousarray(average[:, :, 0])
        center, width = self._window
        return Painting(
            average,
            center,
            width,
            zoom=1.0 / self._wish.pose.mm_per_px,
            is_whole=self.is_finished and self._light is None,
            coarse=self._coarse,
        )

    def _begin_pass(self) -> Bands:
        view, look = self._refinement.next_view, self._look
        if view is None:
            raise InvalidInput("This picture is finished: no part of it is left to draw.")

        def draw(part: Part) -> NDArray[np.uint8]:
            device = self._tools.textures.bring(self.volume, 0.0)
            if device is None or look is None:
                return np.zeros((part[3], part[2], 3), np.uint8)
            return self._tools.caster.draw(device.rays, look, view, mask=self._mask, part=part)

        least_rows = 1 if self._light is None else math.ceil(view.height_px / _LIGHT_PARTS)
        return Bands(view.width_px, view.height_px, draw, self._row_s, least_rows)


def pick_point(
    tools: CameraTools,
    volume: LoadedVolume,
    wish: CameraView,
    at_px: tuple[float, float],
    mask: VolumeMask | None = None,
) -> tuple[float, float, float] | None:
    """Return the point of the patient, LPS mm, that is seen at a point of the canvas; None where nothing is.

    Raises
    ------
    InvalidInput, RenderError, Unavailable
        As `CameraPicture`.
    """
    view = ray_view(wish, min(volume.grid.spacing_mm) * _PICK_STEP_VOXELS)
    device = tools.textures.bring(volume)
    look = None if device is None else wish.look or default_look(volume)
    if device is None or look is None:
        return None
    rays, _, _ = _of(tools.looks, device, look)
    found = tools.caster.pick(device.rays, rays, view, *at_px, mask=mask)
    if found is None:
        return None
    x, y, z = found.tolist()
    return x, y, z


def _passes_of(look: RayLook, view: RayView, pose: CameraPose, spacing_mm: float) -> int:
    """Return the passes of a picture at rest: two for one of a preset, whose pixels are far larger than voxels."""
    is_small = view.width_px * view.height_px <= SMALL_PX
    is_coarse = pose.mm_per_px >= _COARSE_PIXEL_VOXELS * spacing_mm
    return min(_PASSES[look.mode], 2) if is_small and is_coarse else _PASSES[look.mode]


def ray_view(wish: CameraView, step_mm: float) -> RayView:
    """Return where the rays of a wish run; raises InvalidInput where its geometry is none."""
    pose = wish.pose
    plane = wish.plane
    return RayView(
        pose.width_px,
        pose.height_px,
        _lps_from_canvas(pose),
        step_mm,
        box_index=None if wish.box is None else _box(wish.box),
        box_turn=None if wish.box is None else box_turn(wish.box.turn_deg),
        plane_lps=None if plane is None else kept_half_space(plane.point_lps_mm, plane.normal_lps),
    )


def _lps_from_canvas(pose: CameraPose) -> NDArray[np.float64]:
    return lps_from_camera_canvas(
        (pose.width_px, pose.height_px),
        target_lps_mm=pose.target_lps_mm,
        right_lps=pose.right_lps,
        down_lps=pose.down_lps,
        mm_per_px=pose.mm_per_px,
        offset_px=pose.offset_px,
        eye_distance_mm=pose.eye_distance_mm,
    )


def _box(box: ClipBox) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    for axis, (low, high) in enumerate(zip(box.low_index, box.high_index, strict=True)):
        if not low <= high:
            name = ("columns", "rows", "slices")[axis]
            raise InvalidInput(f"A clipping box from {low} to {high} along the {name} is invalid: ends must rise.")
    return box.low_index, box.high_index


def _of(looks: RayLooks, device: DeviceVolume, look: Look) -> tuple[RayLook, Hashable, tuple[float, float]]:
    texture = device.texture
    rays = looks.get(look, texture.intercept, texture.intercept + _TOP_STORED * texture.slope)
    kind = (device.volume.key, rays.mode, rays.shading is None)
    window = (math.nan, math.nan)
    if rays.mode in _PROJECTIONS:
        window = transfer_function(look).window
    return rays, kind, window


def _together(look: RayLook) -> Together:
    """Return what a pixel of several passes is: of a projection whose grey follows its values the extreme one."""
    opacity = look.table.rgba[:, 3]
    rises, falls = bool((np.diff(opacity) >= 0).all()), bool((np.diff(opacity) <= 0).all())
    if look.mode not in {RayMode.MAXIMUM, RayMode.MINIMUM} or rises == falls:
        return Together.AVERAGE
    return Together.LIGHTEST if rises == (look.mode is RayMode.MAXIMUM) else Together.DARKEST
