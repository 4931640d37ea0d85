"""Volumes with any lattice as the painter gets them: through the store, from a source in memory."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest
from numpy.typing import NDArray

from renderpool.engine.renderer import Renderer
from renderpool.session.cache import ImageCache
from renderpool.session.loaded_volume import LoadedVolume
from renderpool.session.volume_cache import VolumeCache, VolumeUse
from renderpool.session.volume_painter import VolumePainter
from renderpool.session.volume_store import VolumeStore
from tests.render.volume_sources import SpaceSource
from tests.support.reference_volume_geometry import image
from webviewer.dicom.attributes import FrameAttributes, ImageAttributes

Vector = tuple[float, float, float]
Steps = tuple[Vector, Vector, Vector]
ORIGIN: Vector = (-17.0, 23.0, -140.0)
WAIT_S = 30.0


class LatticeSource(SpaceSource):
    """Slices at ``origin + k * steps[2]``, of columns ``steps[0]`` and rows ``steps[1]`` apart."""

    def __init__(self, pixels: NDArray[Any], steps: Steps, frame: dict[str, Any], changes: dict[str, Any]) -> None:
        super().__init__(pixels, [float(k) for k in range(len(pixels))], changes=changes)
        self._steps, self._frame = steps, frame

    def attributes(self, number: int) -> ImageAttributes:
        column, row, slice_ = self._steps
        spacing = (math.dist(row, (0, 0, 0)), math.dist(column, (0, 0, 0)))
        directions = [*(part / spacing[1] for part in column), *(part / spacing[0] for part in row)]
        place = [ORIGIN[axis] + number * slice_[axis] for axis in range(3)]
        known: dict[str, Any] = {
            "image_position_patient": tuple(place),
            "image_orientation_patient": tuple(directions),
            "pixel_spacing": spacing,
            **self._frame,
        }
        shape = {"rows": self.pixels.shape[1], "columns": self.pixels.shape[2]}
        signed = {"pixel_representation": int(self.pixels.dtype.kind == "i")}
        return image(frames=(FrameAttributes(**known),), **{**shape, **signed, **self.changes})


class Ward:
    """A store that gives volumes; what was opened stays open."""

    def __init__(self) -> None:
        self.images = ImageCache(0, 2)
        self.cache = VolumeCache(512 * 1024**2)
        self.uses: list[VolumeUse] = []
        self._stores: list[VolumeStore] = []
        self.sources: list[SpaceSource] = []

    def open(self, source: SpaceSource) -> LoadedVolume:
        self.sources.append(source)
        store = VolumeStore(self.cache, self.images, source, f"storage {len(self._stores)}")
        self._stores.append(store)
        self.uses.append(store.open(7, source.series(7, 1), 0, lambda settled, total: None))
        return self.uses[-1].volume

    def volume_of(
        self, pixels: NDArray[Any], steps: Steps, frame: dict[str, Any] | None = None, **changes: Any
    ) -> LoadedVolume:
        """Return a whole volume of signed or unsigned pixels (slices, rows, columns)."""
        volume = self.open(LatticeSource(pixels, steps, frame or {}, changes))
        volume.wait(WAIT_S)
        return volume

    def close(self) -> None:
        for source in self.sources:
            source.gate.set()
        for use in self.uses:
            use.close()
        for store in self._stores:
            store.close()
        self.images.close()


@pytest.fixture
def ward() -> Iterator[Ward]:
    ward = Ward()
    yield ward
    ward.close()


@pytest.fixture
def painter(renderer: Renderer) -> Iterator[VolumePainter]:
    painter = VolumePainter(renderer, debug=True)
    yield painter
    painter.close()
