"""What the internal HTTP is made of; `dicom_gateway.main` puts it together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dicom_gateway.api.series_cache import SeriesCache
from dicom_gateway.upload import UploadStore
from webviewer.usecases.delete_studies import FileRemoval
from webviewer.usecases.read_frames import FrameReader
from webviewer.usecases.unit_of_work import UnitOfWorkFactory


@dataclass(frozen=True, slots=True)
class ApiParts:
    """Services behind the internal HTTP.

    Attributes
    ----------
    units
        Transactions on the index.
    token
        What every caller must present.
    open_file
        Opens a stored file by its name for reading and returns the descriptor.
    data_folder
        Where stored files lie.
    files
        Claims and removes stored files.
    frames
        Reads frames.
    uploads
        All uploads of this node.
    publish
        Takes an event for the pages: ``type``, ``owner_id`` and what belongs to it.
    problems
        Says in words why the node is not ready; empty when it is.
    status
        Facts for the console.
    metrics
        Text for Prometheus.
    """

    units: UnitOfWorkFactory
    token: str = field(repr=False)
    open_file: Callable[[str], int]
    data_folder: Path
    files: FileRemoval
    frames: FrameReader
    uploads: UploadStore
    publish: Callable[[Mapping[str, object]], None]
    problems: Callable[[], list[str]]
    status: Callable[[], Mapping[str, object]]
    metrics: Callable[[], bytes]
    series_cache: SeriesCache = field(default_factory=SeriesCache)
