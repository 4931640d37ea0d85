"""Pictures that are being drawn, in the drawing thread: of images, planes and cameras alike in parts."""

from __future__ import annotations

from dataclasses import dataclass

from renderpool.engine.renderer import Renderer
from renderpool.session.job import Job
from renderpool.session.loaded_image import LoadedImage
from renderpool.session.painter import paint
from renderpool.session.painting import Painting
from renderpool.session.session import RenderSession
from renderpool.session.volume_painter import Picture, VolumePainter
from webviewer.core.errors import InvalidInput
from webviewer.protocol.messages import View
from webviewer.protocol.volumes import PlaneView

_MOST_PREPARATIONS = 40  # parts of an upload before a light picture: what is still not there is coarse


class Painters:
    """All that draws."""

    def __init__(self, renderer: Renderer, *, debug: bool = False) -> None:
        self.renderer = renderer
        self.volumes = VolumePainter(renderer, debug=debug)

    def begin(self, job: Job) -> Picture:
        """Return the picture of a job, of which nothing is drawn yet."""
        if job.painting is not None:
            return _Ready(job.painting)
        if isinstance(job.shown, LoadedImage):
            return _ImagePicture(self.renderer, job)
        return _VolumePicture(self.volumes, job)

    def close(self) -> None:
        """Delete everything, and the context."""
        self.volumes.close()
        self.renderer.close()


class _Ready:
    """A picture that was drawn already."""

    is_finished = True

    def __init__(self, painting: Painting) -> None:
        self._painting = painting

    def step(self) -> Painting:
        return self._painting


class _ImagePicture:
    """A picture of an image: one part."""

    is_finished = True

    def __init__(self, renderer: Renderer, job: Job) -> None:
        self._renderer, self._job = renderer, job

    def step(self) -> Painting:
        image, view = self._job.shown, self._job.wish
        if not (isinstance(image, LoadedImage) and isinstance(view, View)):
            raise InvalidInput("A picture of an image needs an image and a view.")
        return paint(self._renderer, image, view, self._job.light)


class _VolumePicture:
    """A picture of a volume: first what has come is brought to the device, a part at a time."""

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
            if not isinstance(self._job.wish, PlaneView):
                raise InvalidInput("Cameras are not drawn yet.")
            self._picture = self._painter.begin_plane(shown.volume, self._job.wish, self._job.light)
        return self._picture.step()


@dataclass(eq=False, slots=True)
class Begun:
    """A picture that somebody waits for, as far as it is drawn."""

    session: RenderSession
    job: Job
    picture: Picture | None = None
    drawn_s: float = 0.0
    passes: int = 0
    is_in_pass: bool = False
    preview_at_s: float = float("-inf")

    @property
    def is_still(self) -> bool:
        """Whether it is of full quality."""
        return self.job.light is None

    def step(self, painters: Painters) -> Painting | None:
        """Draw the next part."""
        if self.picture is None:
            self.picture = painters.begin(self.job)
        return self.picture.step()
