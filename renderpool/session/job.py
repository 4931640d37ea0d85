"""One picture to draw: what is wished, of what, and how well."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from renderpool.engine.volume_mask import VolumeMask
from renderpool.session.loaded_image import LoadedImage
from renderpool.session.loaded_volume import LoadedVolume
from renderpool.session.painting import Painting
from renderpool.session.quality import LightLevel, QualityControl
from webviewer.dicom.lut import VoiChoice
from webviewer.protocol.messages import View
from webviewer.protocol.volumes import CameraView, PlaneView

_SLOW_STILL_S = 0.12

Wish = View | PlaneView | CameraView


@dataclass(frozen=True, slots=True, eq=False)
class ShownVolume:
    """A volume, and what edits have left of it; None = all."""

    volume: LoadedVolume
    mask: VolumeMask | None = None


Shown = LoadedImage | ShownVolume


class Pace:
    """How fast pictures of one kind are made: those of images, of planes and of cameras differ much.

    Parameters
    ----------
    still_cost_s
        What a still one is thought to take.
    on_still
        Told what it took.
    """

    def __init__(
        self,
        quality: QualityControl,
        still_cost_s: float = 0.0,
        on_still: Callable[[float], None] = lambda _made_s: None,
    ) -> None:
        self.quality = quality
        self.still_cost_s = still_cost_s
        self._on_still = on_still

    def still_took(self, made_s: float) -> None:
        """Learn from a still picture."""
        self.still_cost_s = made_s
        self._on_still(made_s)

    @property
    def is_slow(self) -> bool:
        """Whether a still one takes so long that a light one goes before it."""
        return self.still_cost_s > _SLOW_STILL_S


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """One picture to draw, as it was wished when it was picked."""

    cell: int
    generation: int
    wish: Wish
    shown: Shown
    light: LightLevel | None  # None = full quality
    pace: Pace
    painting: Painting | None = None  # drawn already
    recommended: tuple[VoiChoice, ...] | None = None  # of an image that shares windows with others; None = its own

    @property
    def most_bytes(self) -> int:
        """What the frame may hold that is not made yet."""
        return most_bytes(self.wish, self.shown)

    @property
    def facts(self) -> dict[str, Any]:
        """What it is of, for the log."""
        if isinstance(self.shown, LoadedImage):
            return {"instance_id": self.shown.key[0], "frame_number": self.shown.key[1]}
        return {"series_id": self.shown.volume.series.series_id}


def canvas_px(wish: Wish) -> tuple[int, int]:
    """Return width and height of the canvas of a wish."""
    where = wish.pose if isinstance(wish, CameraView) else wish
    return where.width_px, where.height_px


def most_bytes(wish: Wish, shown: Shown) -> int:
    """Return what a picture that is not made yet may hold: that of noise is as large as its pixels."""
    width_px, height_px = canvas_px(wish)
    if isinstance(wish, CameraView):
        is_colour = True
    else:
        is_colour = wish.colours != "grey" or (isinstance(shown, LoadedImage) and shown.is_colour)
    return width_px * height_px * (3 if is_colour else 1)
