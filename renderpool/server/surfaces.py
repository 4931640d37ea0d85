"""Surfaces of volumes over HTTP, as STL files: made in worker threads, sent while they are made."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import TypeVar

from aiohttp import web

from renderpool.server.callers import storage_of
from renderpool.server.node import NODE
from renderpool.server.storage import StorageNode
from renderpool.session.loaded_volume import LoadedVolume
from renderpool.session.surface import surface_stl
from renderpool.session.volume_cache import VolumeUse
from renderpool.session.volume_cut import CutCancelled
from renderpool.session.volume_edits import VolumeEdits
from webviewer.core.errors import LimitExceeded, Unavailable
from webviewer.protocol.surfaces import MAX_SURFACE_BYTES, SurfaceWish, parse_surface_wish

_HEADER_BYTES, _TRIANGLE_BYTES = 80, 50  # of a binary STL file
_AT_ONCE = 2  # each takes a core for seconds and some copies of a few slices
_WRITTEN_WITHIN_S = 60.0  # one part, then the caller does not read

Result = TypeVar("Result")


class SurfaceSeats:
    """How many surfaces are made at once, and the threads that make them."""

    def __init__(self) -> None:
        self.workers = ThreadPoolExecutor(_AT_ONCE, "surface")
        self.taken = 0

    def __enter__(self) -> None:
        if self.taken >= _AT_ONCE:
            raise LimitExceeded(f"{_AT_ONCE} surfaces are being made already: try again soon.", resets_in_s=5.0)
        self.taken += 1

    def __exit__(self, *_: object) -> None:
        self.taken -= 1

    def close(self) -> None:
        """Make nothing any more."""
        self.workers.shutdown(wait=False, cancel_futures=True)


SURFACES = web.AppKey("surfaces", SurfaceSeats)


async def post_surface(request: web.Request) -> web.StreamResponse:
    """Answer the surface of a volume at a level as a binary STL file, mm in LPS."""
    wish = await _wish(request)
    storage = request.app[NODE].storages.of(storage_of(request))
    owner_id, series_id, number = (int(request.match_info[name]) for name in ("owner", "series", "volume"))
    seats = request.app[SURFACES]
    gone = threading.Event()
    with seats:
        use = await _in(seats, partial(_open, storage, owner_id, series_id, number))
        try:
            parts = await _in(seats, partial(_parts, use.volume, wish, gone.is_set))
            head = await _in(seats, partial(next, parts))
            return await _send(request, seats, head, parts)
        except CutCancelled as exc:
            raise Unavailable("The surface was given up.") from exc
        finally:
            gone.set()
            await _in(seats, use.close)


async def _send(request: web.Request, seats: SurfaceSeats, head: bytes, parts: Iterator[bytes]) -> web.StreamResponse:
    count = int.from_bytes(head[_HEADER_BYTES : _HEADER_BYTES + 4], "little")
    response = web.StreamResponse(headers={"Content-Type": "model/stl", "Cache-Control": "no-store"})
    # Said before, so that a file that breaks off is seen as one.
    response.content_length = _HEADER_BYTES + 4 + _TRIANGLE_BYTES * count
    await response.prepare(request)
    part: bytes | None = head
    while part is not None:
        async with asyncio.timeout(_WRITTEN_WITHIN_S):
            await response.write(part)
        part = await _in(seats, partial(next, parts, None))
    await response.write_eof()
    return response


async def _wish(request: web.Request) -> SurfaceWish:
    body = await request.content.read(MAX_SURFACE_BYTES + 1)
    while len(body) <= MAX_SURFACE_BYTES and not request.content.at_eof():
        body += await request.content.read(MAX_SURFACE_BYTES + 1 - len(body))
    if len(body) > MAX_SURFACE_BYTES:
        raise LimitExceeded(f"A request for a surface is over the limit of {MAX_SURFACE_BYTES} bytes.")
    return parse_surface_wish(body)


def _open(storage: StorageNode, owner_id: int, series_id: int, number: int) -> VolumeUse:
    series = storage.source.series(owner_id, series_id)
    return storage.stores.volumes.open(owner_id, series, number, lambda _done, _total: None)


def _parts(volume: LoadedVolume, wish: SurfaceWish, is_cancelled: Callable[[], bool]) -> Iterator[bytes]:
    """Return the parts of the file; all that can be wrong is found before the first."""
    mask = VolumeEdits().mask_of(volume, wish.edits, is_cancelled)
    return surface_stl(volume, wish.iso_value, mask, is_cancelled=is_cancelled)


async def _in(seats: SurfaceSeats, call: Callable[[], Result]) -> Result:
    return await asyncio.get_running_loop().run_in_executor(seats.workers, copy_context().run, call)
