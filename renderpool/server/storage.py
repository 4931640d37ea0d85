"""The storage nodes that this render node draws for: `FrameSource` by their internal HTTP, one for each address."""

from __future__ import annotations

import re
import ssl
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from renderpool.session.cache import ImageCache
from renderpool.session.images import ImageStore
from renderpool.session.source import FrameInFile, FrameKey, FrameSource, SeriesFrames
from renderpool.session.stores import Stores
from renderpool.session.volume_cache import VolumeCache
from renderpool.session.volume_store import VolumeStore
from webviewer.adapters.nodes import RenderSeries, StorageClient
from webviewer.core.errors import InvalidInput, WebviewerError
from webviewer.dicom.pixel_module import native_frame_bits
from webviewer.usecases.stored_files import FileComparer

_MAX_STORAGES = 256
_READ_TIMEOUT_S = 30.0  # a node that says nothing for so long hangs: its viewers are to read it soon
_PICTURE_THREADS = 4
_FILE_NAME = re.compile(r"[0-9a-f]{2}/[0-9a-f]{2}/[0-9a-f]{32}")  # never a way out of the folder
_ADDRESS = re.compile(r"https?://([A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\]):([1-9][0-9]{0,4})")


class StorageSource:
    """Asks the storage node; one object serves all worker threads.

    A series that several want at once (the stream that opens it, its thumbnail) is fetched once.

    Parameters
    ----------
    client
        Of the storage node.
    data_folder
        Where a storage node of this machine keeps its files, None if it may be another machine's. Their names are never
        given twice, so a file that is there is the one that is meant.
    """

    def __init__(self, client: StorageClient, data_folder: Path | None = None) -> None:
        self._client = client
        self._data_folder = None if data_folder is None else str(data_folder)
        self._comparer = FileComparer()
        self._lock = threading.Lock()
        self._fetches: dict[tuple[int, int], Future[SeriesFrames]] = {}

    def series(self, owner_id: int, series_id: int) -> SeriesFrames:
        """Return the frames of a series; raises NotFound, Unavailable."""
        key = (owner_id, series_id)
        with self._lock:
            under_way = self._fetches.get(key)
            if under_way is None:
                mine: Future[SeriesFrames] = Future()
                self._fetches[key] = mine
        if under_way is not None:
            found = under_way.result()
            # It was asked for before us: what has been added since would be missing.
            return self.newer_series(owner_id, series_id, found.version) or found
        try:
            found = _series(self._client.series_for_render(owner_id, series_id))
        except BaseException as exc:
            self._end_fetch(key)
            mine.set_exception(exc)
            raise
        self._end_fetch(key)
        mine.set_result(found)
        return found

    def _end_fetch(self, key: tuple[int, int]) -> None:
        with self._lock:
            del self._fetches[key]

    def newer_series(self, owner_id: int, series_id: int, version: str) -> SeriesFrames | None:
        """Return the frames of a series, None if it still has that version; raises NotFound, Unavailable."""
        if not version:
            return self.series(owner_id, series_id)
        found = self._client.newer_series_for_render(owner_id, series_id, version)
        return None if found is None else _series(found)

    def instance(self, owner_id: int, instance_id: int) -> SeriesFrames:
        """Return the frames of one instance; raises NotFound, Unavailable."""
        return _series(self._client.instance_for_render(owner_id, instance_id))

    def frames(self, owner_id: int, keys: Sequence[FrameKey]) -> Iterator[tuple[FrameKey, bytes | WebviewerError]]:
        """Yield each frame's bytes as stored, or why it cannot be had; raises Unavailable."""
        return self._client.frames(owner_id, keys)

    def overlays(self, owner_id: int, key: FrameKey) -> Iterator[tuple[int, bytes]]:
        """Yield group and packed bits of each overlay of a frame; raises NotFound, Unavailable."""
        return self._client.overlays(owner_id, key)

    def frame_in_file(self, series: SeriesFrames, key: FrameKey) -> FrameInFile | None:
        """Return where an uncompressed frame lies in a file of this machine, None if it is to be asked for."""
        instance_id, frame_number = key
        first, file = series.native_bytes.get(instance_id), series.stored.get(instance_id)
        name = series.files[instance_id]
        if self._data_folder is None or first is None or file is None or not _FILE_NAME.fullmatch(name):
            return None
        image = series.instances[instance_id]
        bits = native_frame_bits(
            image.rows, image.columns, image.samples_per_pixel, image.bits_allocated, image.photometric_interpretation
        )
        # The tiles of a mosaic lie beside one another, in no piece of the file of their own.
        if bits % 8 or image.tiling is not None or not 1 <= frame_number <= image.number_of_frames:
            return None
        first_byte = first + (frame_number - 1) * bits // 8
        return FrameInFile(f"{self._data_folder}/{name}", first_byte, bits // 8, file, self._comparer)

    def store_derived(self, owner_id: int, series_id: int, head: Mapping[str, object], pixels: bytes) -> int:
        """Store an object made of a series and return the series it is in; raises WebviewerError."""
        return self._client.store_derived(owner_id, series_id, head, pixels)


def _series(found: RenderSeries) -> SeriesFrames:
    return SeriesFrames(
        found.series_id,
        found.modality,
        found.frames,
        found.instances,
        found.files,
        found.version,
        found.native_bytes,
        found.stored,
    )


@dataclass(frozen=True)
class StorageNode:
    """One storage node as this render node sees it.

    The threads are its own: what hangs there holds up nobody who draws from another one.
    """

    address: str
    source: FrameSource
    stores: Stores
    workers: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(_PICTURE_THREADS, "picture"))

    @property
    def store(self) -> ImageStore:
        """Its images."""
        return self.stores.images

    def close(self) -> None:
        """Ask for nothing any more."""
        self.stores.close()
        self.workers.shutdown(wait=False, cancel_futures=True)


class StorageNodes:
    """The storage nodes by address, each made when first named.

    Parameters
    ----------
    cache, volumes
        Shared by all of them.
    make_source
        Makes what asks the storage node at an address: `http_source`.
    """

    def __init__(self, cache: ImageCache, volumes: VolumeCache, make_source: Callable[[str], FrameSource]) -> None:
        self._cache = cache
        self._volumes = volumes
        self._make_source = make_source
        self._lock = threading.Lock()
        self._nodes: OrderedDict[str, StorageNode] = OrderedDict()

    def of(self, address: str) -> StorageNode:
        """Return the storage node at an address; raises InvalidInput if that is none."""
        with self._lock:
            node = self._nodes.get(address)
            if node is None:
                node = self._make(address)
                self._nodes[address] = node
                if len(self._nodes) > _MAX_STORAGES:  # sessions may still use it: it goes with the last of them
                    self._nodes.popitem(last=False)
            self._nodes.move_to_end(address)
            return node

    def _make(self, address: str) -> StorageNode:
        source = self._make_source(checked_address(address))
        images = ImageStore(self._cache, source)
        volumes = VolumeStore(self._volumes, self._cache, source, address)
        sink = source if isinstance(source, StorageSource) else None
        return StorageNode(address, source, Stores(images, volumes, sink))

    def close(self) -> None:
        """Ask for nothing any more."""
        with self._lock:
            for node in self._nodes.values():
                node.close()


def http_source(
    token: str, tls: ssl.SSLContext | None, address: str, *, data_folder: Path | None = None
) -> FrameSource:
    """Return what asks the storage node at an address over its internal HTTP.

    ``data_folder`` is where a storage node of the same build keeps its files: whole volumes are read from there.
    """
    return StorageSource(StorageClient(address, token, read_timeout_s=_READ_TIMEOUT_S, tls=tls), data_folder)


def checked_address(text: str) -> str:
    """Return an address of a storage node; raises InvalidInput if it is none."""
    found = _ADDRESS.fullmatch(text)
    if found is None or int(found[2]) > 65535:
        raise InvalidInput(f"X-Webviewer-Storage {text[:80]!r} is invalid: must be like http://10.0.0.7:8081.")
    return text
