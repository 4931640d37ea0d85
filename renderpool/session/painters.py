"""All that draws, in the drawing thread: pictures of images, planes and cameras alike are made in parts."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from renderpool.engine.encode import encode_jpeg, encode_png
from renderpool.engine.renderer import MOST_FIXED_SAMPLES, Renderer
from renderpool.scene.grey import GreyMap, VoiFunction
from renderpool.scene.view import ImageExtent, Placement, resolve
from renderpool.session.job import Job, ShownVolume
from renderpool.session.loaded_image import LoadedImage
from renderpool.session.painter import paint
from renderpool.session.painting import Painting
from renderpool.session.volume_painter import Picture, VolumePainter
from webviewer.core.errors import InvalidInput
from webviewer.protocol.messages import View
from webviewer.protocol.volumes import CameraView, PlaneView

_WARM_UP = "warm up"
_WARM_UP_PX = 64
_STAYS_S = 3.0  # a volume that was drawn: who turns it goes on, and so does who scrolls, after a moment
_MOST_PREPARATIONS = 6  # parts of an upload before a light picture: slices come faster, maybe; then it is coarse


class JobPicture(Picture, Protocol):
    """The picture of a job."""

    @property
    def is_prepared(self) -> bool:
        """Whether what it is of is in the device: before that, parts say nothing of what drawing costs."""
        ...


class Painters:
    """All that draws."""

    def __init__(self, renderer: Renderer, *, debug: bool = False) -> None:
        self.renderer = renderer
        self.volumes = VolumePainter(renderer, stays_s=_STAYS_S, debug=debug)

    def begin(self, job: Job) -> JobPicture:
        """Return the picture of a job, of which nothing is drawn yet."""
        if job.painting is not None:
            return _Ready(job.painting)
        if isinstance(job.shown, LoadedImage):
            return _ImagePicture(self.renderer, job)
        return _VolumePicture(self.volumes, job)

    def warm_up(self) -> None:
        """Draw and encode an image for nobody: shaders are compiled before the first doctor waits for them."""
        values = np.zeros((_WARM_UP_PX, _WARM_UP_PX), np.float32)
        view = resolve(ImageExtent(_WARM_UP_PX, _WARM_UP_PX), Placement(_WARM_UP_PX, _WARM_UP_PX))
        for function in (VoiFunction.LINEAR, VoiFunction.LINEAR_EXACT):
            for samples in range(1, MOST_FIXED_SAMPLES + 1):
                grey = GreyMap(function, 40.0, 400.0)
                pixels = self.renderer.draw_grey(_WARM_UP, lambda: values, view, grey, samples=samples)
            encode_png(pixels)
            encode_jpeg(pixels, 80)
        self.renderer.textures.close()

    def close(self) -> None:
        """Delete everything, and the context."""
        self.volumes.close()
        self.renderer.close()


class _Ready:
    """A picture that was drawn already."""

    is_finished = is_prepared = True

    def __init__(self, painting: Painting) -> None:
        self._painting = painting

    def step(self) -> Painting:
        return self._painting


class _ImagePicture:
    """A picture of an image: one part."""

    is_finished = is_prepared = True

    def __init__(self, renderer: Renderer, job: Job) -> None:
        self._renderer, self._job = renderer, job

    def step(self) -> Painting:
        image, view = self._job.shown, self._job.wish
        if not (isinstance(image, LoadedImage) and isinstance(view, View)):
            raise InvalidInput("A picture of an image needs an image and a view.")
        return paint(self._renderer, image, view, self._job.light, self._job.recommended)


class _VolumePicture:
    """A picture of a volume: first what has come is brought to the device, a part at a time."""

    is_prepared = False

    def __init__(self, painter: VolumePainter, job: Job) -> None:
        self._painter, self._job = painter, job
        self._preparations = 0
        self._picture: Picture | None = None

    @property
    def is_finished(self) -> bool:
        return self._picture is not None and self._picture.is_finished

    def step(self) -> Painting | None:
        if self._picture is None:
            self._preparations += 1
            shown = self._job.shown
            if isinstance(shown, LoadedImage):
                raise InvalidInput("A picture of a volume needs a volume.")
            is_all = self._painter.prepare(shown.volume)
            if not is_all and (self._job.light is None or self._preparations < _MOST_PREPARATIONS):
                return None
            self._picture = self._begin(shown)
            self.is_prepared = True
            return None
        return self._picture.step()

    def _begin(self, shown: ShownVolume) -> Picture:
        wish, light = self._job.wish, self._job.light
        if isinstance(wish, PlaneView):
            return self._painter.begin_plane(shown.volume, wish, light)
        if isinstance(wish, CameraView):
            return self._painter.begin(shown.volume, wish, light, shown.mask)
        raise InvalidInput("A picture of a volume needs a plane or a camera.")
