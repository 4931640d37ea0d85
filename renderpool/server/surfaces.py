"""Surfaces of volumes over HTTP, as STL files: made in worker threads, sent while they are made."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
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
from webviewer.core.errors import LimitExceeded, TooLarge, Unavailable, WebviewerError
from webviewer.protocol.surfaces import MAX_SURFACE_BYTES, SurfaceWish, parse_surface_wish

_LOG = logging.getLogger(__name__)

_HEADER_BYTES, _TRIANGLE_BYTES = 80, 50  # of a binary STL file
_THREADS = 2  # each takes a core for seconds and some copies of a few slices
_UNDER_WAY = 16  # of owners, most of whom read what was made
_PIECE_BYTES = 256 * 1024
_LOOK_AGAIN_S = 0.1

Result = TypeVar("Result")
IsGone = Callable[[], bool]


class SurfaceSeats:
    """Whose surfaces are under way, one of each owner, and the threads that make them.

    A thread is held for a part of a file, not while it is sent: who reads slowly holds up nobody.

    Parameters
    ----------
    grace_s
        How long all writing to a reader may take, and
    least_bytes_per_s
        what must be read beyond that.
    """

    def __init__(self, *, grace_s: float = 30.0, least_bytes_per_s: float = 8 * 1024.0) -> None:
        self.workers = ThreadPoolExecutor(_THREADS, "surface")
        self.grace_s = grace_s
        self.least_bytes_per_s = least_bytes_per_s
        self._owners: set[Hashable] = set()

    @contextmanager
    def taken(self, owner: Hashable) -> Iterator[None]:
        """Hold the one seat of an owner.

        Raises
        ------
        LimitExceeded
            It is taken, or too many others' are.
        """
        if owner in self._owners:
            raise LimitExceeded("A surface of yours is under way already: try again when it has come.", resets_in_s=5.0)
        if len(self._owners) >= _UNDER_WAY:
            raise LimitExceeded(f"{_UNDER_WAY} surfaces are under way already: try again soon.", resets_in_s=5.0)
        self._owners.add(owner)
        try:
            yield
        finally:
            self._owners.discard(owner)

    def close(self) -> None:
        """Make nothing any more."""
        self.workers.shutdown(wait=False, cancel_futures=True)


SURFACES = web.AppKey("surfaces", SurfaceSeats)


async def post_surface(request: web.Request) -> web.StreamResponse:
    """Answer the surface of a volume at a level as a binary STL file, mm in LPS."""
    wish = await _wish(request)
    address = storage_of(request)
    storage = request.app[NODE].storages.of(address)
    owner_id, series_id, number = (int(request.match_info[name]) for name in ("owner", "series", "volume"))
    seats = request.app[SURFACES]
    ended = threading.Event()

    def is_gone() -> bool:
        return ended.is_set() or request.transport is None

    with ExitStack() as seat:
        seat.enter_context(seats.taken((address, owner_id)))
        use = await _in(seats, partial(_open, storage, owner_id, series_id, number))
        try:
            await _settled(use.volume, is_gone)
            parts = await _in(seats, partial(_parts, use.volume, wish, is_gone))
            head = await _in(seats, partial(next, parts))
            return await _send(request, seats, head, parts, leave=seat.close)
        except CutCancelled as exc:
            raise Unavailable("The surface was given up.") from exc
        finally:
            ended.set()
            await asyncio.get_running_loop().run_in_executor(None, use.close)


async def _settled(volume: LoadedVolume, is_gone: IsGone) -> None:
    """Wait until a volume is loaded, or will not be, which holds no thread."""
    while not (volume.is_whole or volume.error is not None or volume.is_dropped):
        if is_gone():
            raise CutCancelled
        await asyncio.sleep(_LOOK_AGAIN_S)


async def _send(
    request: web.Request, seats: SurfaceSeats, head: bytes, parts: Iterator[bytes], *, leave: Callable[[], None]
) -> web.StreamResponse:
    """Send a file. ``leave`` is called at its last byte: a browser that has the whole file may ask for the next."""
    count = int.from_bytes(head[_HEADER_BYTES : _HEADER_BYTES + 4], "little")
    response = web.StreamResponse(headers={"Content-Type": "model/stl", "Cache-Control": "no-store"})
    # Said before, so that a file that breaks off is seen as one.
    response.content_length = _HEADER_BYTES + 4 + _TRIANGLE_BYTES * count
    sent_bytes, took_s = 0, 0.0
    try:
        await response.prepare(request)
        part: bytes | None = head
        while part is not None:
            for begin in range(0, len(part), _PIECE_BYTES):
                piece = part[begin : begin + _PIECE_BYTES]
                sent_bytes += len(piece)
                began_s = time.monotonic()
                async with asyncio.timeout(seats.grace_s + sent_bytes / seats.least_bytes_per_s - took_s):
                    await response.write(piece)
                if sent_bytes == response.content_length:
                    leave()
                took_s += time.monotonic() - began_s
            part = await _in(seats, partial(next, parts, None))
        await response.write_eof()
    except (ConnectionError, TimeoutError, CutCancelled, WebviewerError) as exc:
        # What was begun can be answered no other way than by breaking it off.
        facts = {"sent_bytes": sent_bytes, "of_bytes": response.content_length, "writing_s": round(took_s, 1)}
        _LOG.info("surface_broken_off", extra={"cause": type(exc).__name__, **facts})
        if request.transport is not None:
            request.transport.abort()
    return response


async def _wish(request: web.Request) -> SurfaceWish:
    body = await request.read()
    if len(body) > MAX_SURFACE_BYTES:
        raise TooLarge(f"A request for a surface is over the limit of {MAX_SURFACE_BYTES} bytes.")
    return parse_surface_wish(body)


def _open(storage: StorageNode, owner_id: int, series_id: int, number: int) -> VolumeUse:
    series = storage.source.series(owner_id, series_id)
    return storage.stores.volumes.open(owner_id, series, number, lambda _done, _total: None)


def _parts(volume: LoadedVolume, wish: SurfaceWish, is_cancelled: IsGone) -> Iterator[bytes]:
    """Return the parts of the file; all that can be wrong is found before the first."""
    mask = VolumeEdits().mask_of(volume, wish.edits, is_cancelled)
    return surface_stl(volume, wish.iso_value, mask, is_cancelled=is_cancelled)


async def _in(seats: SurfaceSeats, call: Callable[[], Result]) -> Result:
    try:
        done = asyncio.get_running_loop().run_in_executor(seats.workers, copy_context().run, call)
    except RuntimeError as exc:  # they are closed
        raise Unavailable("The render node is stopping.") from exc
    return await done
