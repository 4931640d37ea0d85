"""Values of planes and still pictures for those who do not draw: made in the drawing thread, between everybody's.

What is stored must be whole, however many other volumes are drawn meanwhile: the volume is held in the device from the
first image to the last, and nothing is drawn of it in a turn that has not seen all of it there.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from renderpool.engine.parts import Part
from renderpool.engine.volume_mask import VolumeMask
from renderpool.scene.plane_canvas import PlaneCanvas
from renderpool.scene.slab import Slab
from renderpool.session.camera_picture import CameraPicture
from renderpool.session.loaded_volume import LoadedVolume, VolumeKey
from renderpool.session.painting import Painting
from renderpool.session.volume_painter import VolumePainter
from webviewer.protocol.volumes import CameraView

_BAND_SAMPLES = 2_000_000  # some 20 ms in software: others draw in between

Result = TypeVar("Result")


class Submit(Protocol):
    """Has something done in the drawing thread, soon."""

    def __call__(self, draw: Callable[[VolumePainter], Any], /) -> Future[Any]:
        """Return what comes of it; raises WebviewerError when that cannot be."""
        ...


class DeviceImages:
    """Images of a volume for a series; to be called in one worker thread, and closed: until then it is held.

    Parameters
    ----------
    volume
        Loaded whole.
    mask
        What edits have left of it; None = all.
    """

    def __init__(self, volume: LoadedVolume, submit: Submit, mask: VolumeMask | None = None) -> None:
        self._volume = volume
        self._submit = submit
        self._mask = mask
        self._is_closed = False

    @property
    def holds(self) -> VolumeKey | None:
        """The volume that must stay in the device."""
        return None if self._is_closed else self._volume.key

    def __enter__(self) -> DeviceImages:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_closed = True

    def values(self, canvas: PlaneCanvas, slab: Slab) -> NDArray[np.float32]:
        """Return stored values of a plane or slab, (height, width), NaN outside; errors as of the painter."""

        def band(part: Part) -> Callable[[VolumePainter], NDArray[np.float32]]:
            return lambda painter: painter.stored_values(self._volume, canvas, slab, part)

        return np.concatenate([self._once_whole(band(part)) for part in _bands_of(canvas, slab, self._volume)])

    def still(self, wish: CameraView) -> NDArray[np.uint8]:
        """Return the picture of a camera in full quality, (height, width[, 3]); errors as of the painter."""
        while True:
            picture = self._once_whole(lambda painter: painter.begin(self._volume, wish, None, self._mask))
            painting = self._painted(picture)
            if painting is not None:
                return painting.pixels

    def _painted(self, picture: CameraPicture) -> Painting | None:
        """Return what a picture is in the end; None if the volume was brought anew between two of its parts."""
        while True:
            done: tuple[Painting | None] | None = self._submit(self._if_whole(lambda _: picture.step())).result()
            if done is None:
                return None
            if picture.is_finished and done[0] is not None:
                return done[0]

    def _once_whole(self, draw: Callable[[VolumePainter], Result]) -> Result:
        """Return what is drawn in the first turn in which all of the volume is in the device."""
        while True:
            done: tuple[Result] | None = self._submit(self._if_whole(draw)).result()
            if done is not None:
                return done[0]

    def _if_whole(self, draw: Callable[[VolumePainter], Result]) -> Callable[[VolumePainter], tuple[Result] | None]:
        """Return what draws in a turn, or has uploaded more of the volume in it."""

        def attempt(painter: VolumePainter) -> tuple[Result] | None:
            painter.textures.hold(self)  # each time: after a loss of the device it is another painter
            device = painter.textures.bring(self._volume)
            return None if device is None or not device.is_whole else (draw(painter),)

        return attempt


def _bands_of(canvas: PlaneCanvas, slab: Slab, volume: LoadedVolume) -> list[Part]:
    samples_each = 1 if slab.is_plane else max(1, round(slab.thickness_mm / min(volume.grid.spacing_mm)))
    rows = max(1, min(canvas.height_px, _BAND_SAMPLES // (canvas.width_px * samples_each)))
    return [
        (0, top_px, canvas.width_px, min(rows, canvas.height_px - top_px))
        for top_px in range(0, canvas.height_px, rows)
    ]
