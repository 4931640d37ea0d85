"""Mosaics on their way from the storage node.

A compressed mosaic is a single code stream with many frames, and is asked for and decoded once for all of them. Frames
that are loaded together share its picture, whatever its size. The picture that was decoded last is kept as well: the
next frames that are loaded are those beside it.

A mosaic that is shown as its stored picture is frame 0 of the storage node.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import replace

from renderpool.session.source import FrameKey, FrameSource, SeriesFrames
from webviewer.core.errors import WebviewerError
from webviewer.dicom.attributes import ImageAttributes
from webviewer.dicom.decode import DecodedFrame, decode_frame, stored_picture, tile_of
from webviewer.dicom.transfer_syntaxes import NATIVE

_BUDGET_BYTES = 64 * 1024**2  # some dozens of mosaics: a scroll goes through one, a volume is made of one


class MosaicData:
    """The code stream of a compressed mosaic, and its picture once it is decoded; of frames that load together."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.lock = threading.Lock()
        self.picture: DecodedFrame | None = None


Fetched = bytes | MosaicData | DecodedFrame | WebviewerError
"""A frame as stored, as decoded before, or why it cannot be had."""


class MosaicCache:
    """Decoded pictures of the compressed mosaics that were used last; any thread."""

    def __init__(self, budget_bytes: int = _BUDGET_BYTES) -> None:
        self._budget_bytes = budget_bytes
        self._lock = threading.Lock()
        self._pictures: OrderedDict[str, DecodedFrame] = OrderedDict()
        self._decoding: dict[str, threading.Lock] = {}
        self.size_bytes = 0
        self.decoded = 0

    def frames(
        self, source: FrameSource, owner_id: int, series: SeriesFrames, keys: Sequence[FrameKey]
    ) -> Iterator[tuple[FrameKey, Fetched]]:
        """Yield frames of a series as `FrameSource.frames` does, but ask once for all tiles of a compressed mosaic.

        Frames of mosaics that are decoded already come decoded, before the others.
        """
        together: dict[FrameKey, list[FrameKey]] = {}  # those that come with a frame that is asked for
        first_of: dict[int, FrameKey] = {}
        for key in keys:
            if series.instances[key[0]].is_folded:
                together[key[0], 0] = [key]
                continue
            if not _is_compressed(series, key):
                together[key] = [key]
                continue
            tile = self._tile(series, key)
            if tile is not None:
                yield key, tile
            else:
                together.setdefault(first_of.setdefault(key[0], key), []).append(key)
        if not together:
            return
        for asked, data in source.frames(owner_id, list(together)):
            tiles = together.get(asked, [asked])
            is_shared = isinstance(data, bytes) and len(tiles) > 1
            fetched: Fetched = MosaicData(data) if isinstance(data, bytes) and is_shared else data
            for key in tiles:
                yield key, fetched

    def decode(self, series: SeriesFrames, key: FrameKey, data: bytes | memoryview | MosaicData) -> DecodedFrame:
        """Return the values of a frame; raises as `webviewer.dicom.decode.decode_frame`."""
        attributes = series.instances[key[0]]
        if isinstance(data, MosaicData):
            with data.lock:
                if data.picture is None:
                    data.picture = self._picture(series, key, data.data)
            return _tile_of(data.picture, attributes, key[1])
        if attributes.refusal or not _is_compressed(series, key):
            return decode_frame(data, attributes, key[1])
        return _tile_of(self._picture(series, key, data), attributes, key[1])

    def _picture(self, series: SeriesFrames, key: FrameKey, data: bytes | memoryview) -> DecodedFrame:
        attributes = series.instances[key[0]]
        if attributes.refusal:
            return decode_frame(data, attributes, key[1])  # raises
        name = series.files[key[0]]
        with self._lock:
            turn = self._decoding.setdefault(name, threading.Lock())
        try:
            with turn:  # threads with tiles of one picture wait for the first of them
                picture = self._known(name)
                if picture is None:
                    picture = decode_frame(data, stored_picture(attributes))
                    self._keep(name, picture)
        finally:
            with self._lock:
                self._decoding.pop(name, None)
        return picture

    def _tile(self, series: SeriesFrames, key: FrameKey) -> DecodedFrame | None:
        picture = self._known(series.files[key[0]])
        return None if picture is None else _tile_of(picture, series.instances[key[0]], key[1])

    def _known(self, name: str) -> DecodedFrame | None:
        with self._lock:
            picture = self._pictures.get(name)
            if picture is not None:
                self._pictures.move_to_end(name)
            return picture

    def _keep(self, name: str, picture: DecodedFrame) -> None:
        with self._lock:
            self.decoded += 1
            if name in self._pictures:
                return
            self._pictures[name] = picture
            self.size_bytes += picture.values.nbytes
            while self.size_bytes > self._budget_bytes and len(self._pictures) > 1:
                _, gone = self._pictures.popitem(last=False)
                self.size_bytes -= gone.values.nbytes


def _tile_of(picture: DecodedFrame, attributes: ImageAttributes, frame_number: int) -> DecodedFrame:
    return replace(picture, values=tile_of(picture.values, attributes, frame_number))


def _is_compressed(series: SeriesFrames, key: FrameKey) -> bool:
    image = series.instances[key[0]]
    return image.tiling is not None and image.transfer_syntax_uid not in NATIVE
