"""What the handlers share: one render node."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

from aiohttp import web

from renderpool.server.storage import StorageNodes
from renderpool.session.cache import ImageCache
from renderpool.session.scheduler import DeviceFacts, Scheduler
from renderpool.session.volume_cache import VolumeCache


class SessionUses:
    """Which sessions somebody worked with lately; the control node is told, so that they do not end as unused.

    All methods may be called from any thread.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._used_at_s: dict[int, float] = {}

    def note(self, session_id: int) -> None:
        """Say that somebody works in a session now."""
        with self._lock:
            self._used_at_s[session_id] = time.monotonic()

    def since(self, moment_s: float) -> list[int]:
        """Return the sessions used since a moment of `time.monotonic`."""
        with self._lock:
            return sorted(session for session, used_at_s in self._used_at_s.items() if used_at_s >= moment_s)

    def forget_before(self, moment_s: float) -> None:
        """Forget what has been told."""
        with self._lock:
            for session in [session for session, used_at_s in self._used_at_s.items() if used_at_s < moment_s]:
                del self._used_at_s[session]


@dataclass(frozen=True)
class RenderNode:
    """The parts of a running node; ``device`` is what its scheduler's thread opened."""

    storages: StorageNodes
    cache: ImageCache
    volumes: VolumeCache
    scheduler: Scheduler
    device: DeviceFacts
    internal_token: str = field(repr=False)
    version: str = ""
    started_s: float = field(default_factory=time.monotonic)
    uses: SessionUses = field(default_factory=SessionUses)

    def close(self) -> None:
        """Stop loading and drawing."""
        self.cache.close()
        self.storages.close()
        self.scheduler.stop()


NODE = web.AppKey("node", RenderNode)
