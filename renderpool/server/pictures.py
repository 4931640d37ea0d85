"""Single pictures over HTTP: thumbnails of series and rendered frames."""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Callable
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np
from aiohttp import web
from numpy.typing import NDArray

from renderpool.engine.encode import encode_jpeg, encode_png
from renderpool.engine.renderer import Renderer
from renderpool.server.callers import storage_of
from renderpool.server.drawing_version import drawing_version
from renderpool.server.node import NODE, RenderNode
from renderpool.server.storage import StorageNode
from renderpool.session.loaded_image import LoadedImage
from renderpool.session.painter import paint
from renderpool.session.series_voi import ValuesOfSeries, candidates, recommended_voi, representative_wanted
from renderpool.session.source import CacheKey, FrameKey, SeriesFrames
from webviewer.core.errors import DataError, InvalidInput, NotFound, Unavailable, WebviewerError
from webviewer.dicom.lut import VoiChoice
from webviewer.protocol.messages import View
from webviewer.protocol.windows import WindowRecommended, WindowValues

_THUMBNAIL_QUALITY = 85
_RENDERED_QUALITY = 95
_MAX_SIDE_PX = 4096
_CACHE_BYTES = 8 * 1024**2
_NOT_KEPT = {"Cache-Control": "private, no-store"}


ThumbnailKey = tuple[str, int, int, int, bool, bool]
"""Storage node, owner_id, series_id, pixels of the longer side, whether overlays and shutters are drawn."""


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """The picture of a series, its version, its frame, and the frames that its window may be from."""

    version: str
    frames: tuple[CacheKey, ...]
    etag: str
    data: bytes


class PictureCache:
    """Thumbnails of series; bounded by bytes, least recently used goes first. Used in the event loop only."""

    def __init__(self, budget_bytes: int = _CACHE_BYTES) -> None:
        self._budget_bytes = budget_bytes
        self._entries: OrderedDict[ThumbnailKey, Thumbnail] = OrderedDict()
        self.size_bytes = 0

    def get(self, key: ThumbnailKey) -> Thumbnail | None:
        """Return a thumbnail that is there."""
        picture = self._entries.get(key)
        if picture is not None:
            self._entries.move_to_end(key)
        return picture

    def put(self, key: ThumbnailKey, picture: Thumbnail) -> None:
        """Keep a thumbnail."""
        old = self._entries.pop(key, None)
        self.size_bytes += len(picture.data) - (0 if old is None else len(old.data))
        self._entries[key] = picture
        while self.size_bytes > self._budget_bytes:
            _, oldest = self._entries.popitem(last=False)
            self.size_bytes -= len(oldest.data)


Result = TypeVar("Result")

PICTURES = web.AppKey("pictures", PictureCache)


async def get_thumbnail(request: web.Request) -> web.Response:
    """Answer the middle image of a series in its recommended window, at most ``size`` pixels a side.

    Overlays and shutters are drawn unless ``overlays`` or ``shutters`` is ``false``.

    One that is there is answered once the storage node has said that the series is as it was; who may not see the
    series gets no picture from here either.
    """
    node, cache = request.app[NODE], request.app[PICTURES]
    storage = node.storages.of(storage_of(request))
    owner_id, series_id = int(request.match_info["owner"]), int(request.match_info["series"])
    size_px = _number(request, "size", 160, 16, 1024)
    overlays, shutters = _switch(request, "overlays"), _switch(request, "shutters")
    cache_key = (storage.address, owner_id, series_id, size_px, overlays, shutters)
    cached = cache.get(cache_key)
    known_version = "" if cached is None else cached.version
    newer = await _in_worker(storage, partial(storage.source.newer_series, owner_id, series_id, known_version))
    if newer is not None:
        if not newer.frames:
            raise NotFound("This series has no images to show.")
        key = newer.frames[len(newer.frames) // 2]
        frames = tuple(newer.cache_key(one) for one in (key, *candidates(newer, key)))
        etag = _etag("thumbnail", frames, size_px, overlays, shutters)
        if _is_known(request, etag) and cached is None:
            return web.Response(status=304, headers=_headers(etag))
        if cached is not None and cached.frames == frames:
            data = cached.data
        else:
            image = await _load(storage, owner_id, newer, key)
            recommended, is_final = await _recommended(storage, owner_id, newer, key)
            width_px, height_px = _fitted_size(image, size_px, size_px)
            view = View(
                cell=0, revision=0, width_px=width_px, height_px=height_px, overlays=overlays, shutters=shutters
            )
            data = await _thumbnail(node, storage, image, view, recommended)
            if not is_final:  # the next one may have another window: nobody keeps this one
                return web.Response(body=data, content_type="image/jpeg", headers={**_headers(""), **_NOT_KEPT})
        cached = Thumbnail(newer.version, frames, etag, data)
        cache.put(cache_key, cached)
    if cached is None:
        raise Unavailable("The storage node says that a series is as it was which nobody knows.")
    if _is_known(request, cached.etag):
        return web.Response(status=304, headers=_headers(cached.etag))
    return web.Response(body=cached.data, content_type="image/jpeg", headers=_headers(cached.etag))


async def _recommended(
    storage: StorageNode, owner_id: int, series: SeriesFrames, key: FrameKey
) -> tuple[tuple[VoiChoice, ...] | None, bool]:
    """Return the windows that a frame shares with others of its series, as its viewer shows it; None = its own.

    Also whether they are final: an image that could not be had for a reason that may pass could tell others.
    """
    window, values = WindowRecommended(), ValuesOfSeries()
    while (wanted := representative_wanted(series, key, window, values)) is not None:
        try:
            values.put(wanted, await _load(storage, owner_id, series, wanted))
        except DataError:
            values.put(wanted, None)
        except WebviewerError:
            values.miss(wanted)
    return recommended_voi(series, key, window, values), values.missed is None


async def _thumbnail(
    node: RenderNode,
    storage: StorageNode,
    image: LoadedImage,
    view: View,
    recommended: tuple[VoiChoice, ...] | None,
) -> bytes:
    pixels = await asyncio.wrap_future(node.scheduler.submit(partial(_paint, image, view, recommended)))
    return await _in_worker(storage, partial(encode_jpeg, pixels, _THUMBNAIL_QUALITY))


async def get_rendered(request: web.Request) -> web.Response:
    """Answer one frame, fitted into ``width`` × ``height`` (its own size without them), as PNG or JPEG.

    Overlays and shutters are drawn unless ``overlays`` or ``shutters`` is ``false``.
    """
    node = request.app[NODE]
    storage = node.storages.of(storage_of(request))
    owner_id, instance_id = int(request.match_info["owner"]), int(request.match_info["instance"])
    key = (instance_id, int(request.match_info["frame"]))
    kind = request.query.get("format", "png")
    if kind not in ("png", "jpeg"):
        raise InvalidInput(f"format '{kind[:16]}' is invalid: must be png or jpeg.")
    window = _window(request)
    overlays, shutters = _switch(request, "overlays"), _switch(request, "shutters")
    wished_px = [_number(request, name, 0, 1, _MAX_SIDE_PX) for name in ("width", "height")]
    series: SeriesFrames = await _in_worker(storage, partial(storage.source.instance, owner_id, instance_id))
    if key not in series.positions:
        raise NotFound("There is no such frame.")
    etag = _etag("rendered", series.cache_key(key), kind, window, *wished_px, overlays, shutters)
    if _is_known(request, etag):
        return web.Response(status=304, headers=_headers(etag))
    image = await _load(storage, owner_id, series, key)
    own_width, own_height = image.columns, max(1, round(image.rows * image.pixel_aspect))
    if not any(wished_px):
        width_px, height_px = _fitted_size(image, min(own_width, _MAX_SIDE_PX), min(own_height, _MAX_SIDE_PX))
    elif all(wished_px):
        width_px, height_px = wished_px
    else:
        width_px, height_px = _fitted_size(image, wished_px[0] or _MAX_SIDE_PX, wished_px[1] or _MAX_SIDE_PX)
    view = View(
        cell=0,
        revision=0,
        width_px=width_px,
        height_px=height_px,
        window=window,
        overlays=overlays,
        shutters=shutters,
    )
    pixels = await asyncio.wrap_future(node.scheduler.submit(partial(_paint, image, view, None)))
    encode = encode_png if kind == "png" else partial(encode_jpeg, quality=_RENDERED_QUALITY, full_colour=True)
    data = await _in_worker(storage, partial(encode, pixels))  # a large one takes long: the streams go on
    return web.Response(body=data, content_type=f"image/{kind}", headers=_headers(etag))


def _paint(
    image: LoadedImage, view: View, recommended: tuple[VoiChoice, ...] | None, renderer: Renderer
) -> NDArray[np.uint8]:
    return paint(renderer, image, view, recommended=recommended).pixels


async def _in_worker(storage: StorageNode, call: Callable[[], Result]) -> Result:
    return await asyncio.get_running_loop().run_in_executor(storage.workers, copy_context().run, call)


async def _load(storage: StorageNode, owner_id: int, series: SeriesFrames, key: FrameKey) -> LoadedImage:
    image = storage.store.get(series, key)
    if image is not None:
        return image
    return await _in_worker(storage, partial(storage.store.load_blocking, owner_id, series, key))


def _fitted_size(image: LoadedImage, width_px: int, height_px: int) -> tuple[int, int]:
    """Return the largest size of the image's own proportions within a box."""
    width, height = float(image.columns), image.rows * image.pixel_aspect
    scale = min(width_px / width, height_px / height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def _window(request: web.Request) -> WindowRecommended | WindowValues:
    texts = [request.query.get(name) for name in ("window_center", "window_width")]
    if texts == [None, None]:
        return WindowRecommended()
    try:
        center, width = (float(text or "") for text in texts)
    except ValueError:
        raise InvalidInput("window_center and window_width are invalid: must both be numbers.") from None
    if not (abs(center) <= 1e9 and 1e-12 <= width <= 1e9):  # also refuses NaN
        raise InvalidInput("window_center and window_width are invalid: at most 1e9, and the width at least 1e-12.")
    return WindowValues(center=center, width=width)


def _switch(request: web.Request, name: str) -> bool:
    text = request.query.get(name, "true")
    if text not in ("true", "false"):
        raise InvalidInput(f"{name} '{text[:16]}' is invalid: must be true or false.")
    return text == "true"


def _number(request: web.Request, name: str, default: int, low: int, high: int) -> int:
    text = request.query.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 10 and low <= int(text) <= high):
        raise InvalidInput(f"{name} '{text[:16]}' is invalid: must be a whole number from {low} to {high}.")
    return int(text)


def _etag(*facts: object) -> str:
    known = (drawing_version(), *facts)
    return '"' + hashlib.sha256(repr(known).encode()).hexdigest()[:24] + '"'


def _is_known(request: web.Request, etag: str) -> bool:
    return any(f'"{entry.value}"' == etag for entry in request.if_none_match or ())


def _headers(etag: str) -> dict[str, str]:
    headers = {"Cache-Control": "private, no-cache", "X-Content-Type-Options": "nosniff"}
    return {**headers, "ETag": etag} if etag else headers
