"""From a wish for a volume to pixels: planes, slabs and, seen by a camera, all of it. Used in the drawing thread only.

A picture that takes long is made in parts, so that others have a turn between two of them: `VolumePainter.begin` gives
a picture, whose `step` is called until it is finished. A picture begun before all of its volume was in the device is
marked coarse, and is to be begun again; each begin uploads for a while.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from renderpool.engine.parts import Part
from renderpool.engine.ray_caster import RayCaster
from renderpool.engine.renderer import Renderer
from renderpool.engine.slab_renderer import SlabRenderer
from renderpool.engine.volume_mask import VolumeMask
from renderpool.scene.plane_canvas import PlaneCanvas
from renderpool.scene.slab import Slab
from renderpool.session.camera_picture import CameraPicture, CameraTools, pick_point
from renderpool.session.light_size import LightSizes
from renderpool.session.loaded_volume import LoadedVolume
from renderpool.session.painting import Painting
from renderpool.session.plane_picture import PlanePicture
from renderpool.session.quality import LightLevel
from renderpool.session.volume_looks import RayLooks
from renderpool.session.volume_textures import UPLOAD_S, VolumeTextures
from webviewer.core.errors import Unavailable
from webviewer.protocol.volumes import CameraView, PlaneView

_SOFTWARE_BYTES = 1024**3  # textures of llvmpipe are main memory
_HARDWARE_BYTES = 6 * 1024**3


class Picture(Protocol):
    """A picture that is made in parts of about 20 ms."""

    @property
    def is_finished(self) -> bool:
        """Whether there is nothing left to draw."""
        ...

    def step(self) -> Painting | None:
        """Draw the next part; returns a picture when one is complete, which may get finer still."""
        ...


class VolumePainter:
    """The drawing of volumes for all sessions.

    Parameters
    ----------
    renderer
        Whose context is current in this thread.
    budget_bytes
        What volumes may take of the device beside those that are being drawn; None = what suits the device.
    stays_s
        As of `VolumeTextures`.
    debug
        Check OpenGL's error state after each step, not only after each picture.
    """

    def __init__(
        self, renderer: Renderer, *, budget_bytes: int | None = None, stays_s: float = 0.0, debug: bool = False
    ) -> None:
        software = renderer.context.software
        suitable = _SOFTWARE_BYTES if software else _HARDWARE_BYTES
        self.textures = VolumeTextures(suitable if budget_bytes is None else budget_bytes, stays_s=stays_s)
        self._slabs = SlabRenderer(software=software, debug=debug)
        self._caster = RayCaster(software=software, debug=debug)
        self._tools = CameraTools(self.textures, self._caster, LightSizes(), RayLooks())

    def warm_up(self) -> None:
        """Take all `warm_up_steps`."""
        for _ in self.warm_up_steps():
            pass

    def warm_up_steps(self) -> Iterator[None]:
        """Have shaders compiled before somebody waits for them, one between two steps."""
        yield from self._slabs.warm_up_steps()
        yield from self._caster.warm_up_steps()

    def prepare(self, volume: LoadedVolume, most_s: float = UPLOAD_S) -> bool:
        """Upload for a while what has come of a volume; returns whether all that has come is in the device.

        Asked until it says so before the first picture of a volume, it spares the doctor one with holes.

        Raises
        ------
        RenderError
            The device cannot take the volume, in words with the numbers.
        Unavailable
            The volume is not there any more.
        """
        device = self.textures.bring(volume, most_s)
        return device is None or device.is_all

    def begin_plane(self, volume: LoadedVolume, wish: PlaneView, light: LightLevel | None = None) -> PlanePicture:
        """Return the picture of a plane, to be made in parts; errors as `PlanePicture`."""
        return PlanePicture(self.textures, self._slabs, self._tools.sizes, volume, wish, light=light)

    def paint_plane(self, volume: LoadedVolume, wish: PlaneView, light: LightLevel | None = None) -> Painting:
        """Return the picture of a plane at once, of all that has come; errors as `PlanePicture`."""
        while not self.prepare(volume):
            pass
        picture = self.begin_plane(volume, wish, light)
        while True:
            painting = picture.step()
            if painting is not None:
                return painting

    def stored_values(
        self, volume: LoadedVolume, canvas: PlaneCanvas, slab: Slab, part: Part | None = None
    ) -> NDArray[np.float32]:
        """Return stored values of a plane or slab, or of a part of its canvas, (height, width), NaN outside.

        Raises
        ------
        RenderError, Unavailable
            As `prepare`; also while not all of the volume is in the device, since what is not there has no value.
        """
        device = self.textures.bring(volume)
        if device is None or not device.is_whole:
            raise Unavailable("Not all of this volume is in the device yet.")
        return self._slabs.stored_values(device.texture, volume.grid, canvas, slab, part=part)

    def begin(
        self, volume: LoadedVolume, wish: CameraView, light: LightLevel | None = None, mask: VolumeMask | None = None
    ) -> CameraPicture:
        """Return the picture of a volume seen by a camera, to be made in parts; errors as `CameraPicture`."""
        return CameraPicture(self._tools, volume, wish, light, mask)

    def pick(
        self, volume: LoadedVolume, wish: CameraView, x_px: float, y_px: float, mask: VolumeMask | None = None
    ) -> tuple[float, float, float] | None:
        """Return the point of the patient, LPS mm, seen at a point of the canvas; None where nothing is.

        Errors as `CameraPicture`.
        """
        return pick_point(self._tools, volume, wish, (x_px, y_px), mask)

    @property
    def mask_bytes(self) -> int:
        """What the masks of cuts take of the device, beside the volumes."""
        return self._caster.mask_bytes

    def sweep(self) -> None:
        """Give back what is not needed any more of the device."""
        self.textures.sweep()
        self._caster.sweep()

    def close(self) -> None:
        """Delete everything of the painter."""
        self._slabs.close()
        self._caster.close()
        self.textures.close()
