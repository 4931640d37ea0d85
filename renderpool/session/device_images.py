"""Values of planes and still pictures for those who do not draw: made in the drawing thread, between everybody's."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from renderpool.engine.parts import Part
from renderpool.engine.volume_mask import VolumeMask
from renderpool.scene.plane_canvas import PlaneCanvas
from renderpool.scene.slab import Slab
from renderpool.session.loaded_volume import LoadedVolume
from renderpool.session.series_maker import DrawStill, TakeValues
from renderpool.session.volume_painter import VolumePainter
from webviewer.protocol.volumes import CameraView

_BAND_SAMPLES = 2_000_000  # some 20 ms in software: others draw in between


class Submit(Protocol):
    """Has something done in the drawing thread, soon."""

    def __call__(self, draw: Callable[[VolumePainter], Any], /) -> Future[Any]:
        """Return what comes of it; raises WebviewerError when that cannot be."""
        ...


def take_values_of(volume: LoadedVolume, submit: Submit) -> TakeValues:
    """Return what takes values of a whole volume; to be called in a worker thread, errors as of the painter."""

    def take(canvas: PlaneCanvas, slab: Slab) -> NDArray[np.float32]:
        def band(part: Part) -> Callable[[VolumePainter], NDArray[np.float32]]:
            return lambda painter: painter.stored_values(volume, canvas, slab, part)

        while not submit(lambda painter: painter.prepare(volume)).result():
            pass
        return np.concatenate([submit(band(part)).result() for part in _bands_of(canvas, slab, volume)])

    return take


def draw_still_of(volume: LoadedVolume, mask: VolumeMask | None, submit: Submit) -> DrawStill:
    """Return what draws still pictures of a whole volume; to be called in a worker thread, errors as of the painter."""

    def draw(wish: CameraView) -> NDArray[np.uint8]:
        while not submit(lambda painter: painter.prepare(volume)).result():
            pass
        picture = submit(lambda painter: painter.begin(volume, wish, None, mask)).result()
        while True:
            painting = submit(lambda _: picture.step()).result()
            if picture.is_finished and painting is not None:
                pixels: NDArray[np.uint8] = painting.pixels
                return pixels

    return draw


def _bands_of(canvas: PlaneCanvas, slab: Slab, volume: LoadedVolume) -> list[Part]:
    samples_each = 1 if slab.is_plane else max(1, round(slab.thickness_mm / min(volume.grid.spacing_mm)))
    rows = max(1, min(canvas.height_px, _BAND_SAMPLES // (canvas.width_px * samples_each)))
    return [
        (0, top_px, canvas.width_px, min(rows, canvas.height_px - top_px))
        for top_px in range(0, canvas.height_px, rows)
    ]
