"""What one storage node has for sessions: images, and volumes made of them."""

from __future__ import annotations

from dataclasses import dataclass

from renderpool.session.images import ImageStore
from renderpool.session.series_maker import SeriesSink
from renderpool.session.volume_store import VolumeStore


@dataclass(frozen=True, slots=True)
class Stores:
    """The stores of one storage node."""

    images: ImageStore
    volumes: VolumeStore
    sink: SeriesSink | None = None
    """Where new series go; None = nowhere."""

    def close(self) -> None:
        """Ask for nothing any more."""
        self.images.close()
        self.volumes.close()
