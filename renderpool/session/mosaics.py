"""Mosaics on their way from the storage node.

A compressed mosaic is a single code stream with many frames, and is asked for and decoded once for all of them. A
mosaic that is shown as its stored picture is frame 0 of the storage node.
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

Fetched = bytes | DecodedFrame | WebviewerError
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
            for key in together.get(asked, [asked]):
                yield key, data

    def decode(self, series: SeriesFrames, key: FrameKey, data: bytes | memoryview) -> DecodedFrame:
        """Return the values of a frame; raises as `webviewer.dicom.decode.decode_frame`."""
        attributes = series.instances[key[0]]
        if attributes.refusal or not _is_compressed(series, key):
            return decode_frame(data, attributes, key[1])
        name = series.files[key[0]]
        with self._lock:
            turn = self._decoding.setdefault(name, threading.Lock())
        try:
            with turn:  # threads with tiles of one picture wait for the first of them
                tile = self._tile(series, key)
                if tile is None:
                    picture = decode_frame(data, stored_picture(attributes))
                    self._keep(name, picture)
                    tile = _tile_of(picture, attributes, key[1])
        finally:
            with self._lock:
                self._decoding.pop(name, None)
        return tile

    def _tile(self, series: SeriesFrames, key: FrameKey) -> DecodedFrame | None:
        name = series.files[key[0]]
        with self._lock:
            picture = self._pictures.get(name)
            if picture is None:
                return None
            self._pictures.move_to_end(name)
        return _tile_of(picture, series.instances[key[0]], key[1])

    def _keep(self, name: str, picture: DecodedFrame) -> None:
        with self._lock:
            self.decoded += 1
            if picture.values.nbytes > self._budget_bytes or name in self._pictures:
                return
            self._pictures[name] = picture
            self.size_bytes += picture.values.nbytes
            while self.size_bytes > self._budget_bytes:
                _, gone = self._pictures.popitem(last=False)
                self.size_bytes -= gone.values.nbytes


def _tile_of(picture: DecodedFrame, attributes: ImageAttributes, frame_number: int) -> DecodedFrame:
    return replace(picture, values=tile_of(picture.values, attributes, frame_number))


def _is_compressed(series: SeriesFrames, key: FrameKey) -> bool:
    image = series.instances[key[0]]
    return image.tiling is not None and image.transfer_syntax_uid not in NATIVE
