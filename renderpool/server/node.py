"""What the handlers share: one render node."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from aiohttp import web

from renderpool.session.images import ImageStore
from renderpool.session.scheduler import DeviceFacts, Scheduler
from renderpool.session.source import FrameSource


@dataclass(frozen=True)
class RenderNode:
    """The parts of a running node; ``device`` is what its scheduler's thread opened."""

    source: FrameSource
    store: ImageStore
    scheduler: Scheduler
    device: DeviceFacts
    internal_token: str = field(repr=False)
    version: str = ""
    started_s: float = field(default_factory=time.monotonic)
    workers: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(4, "picture"))


NODE = web.AppKey("node", RenderNode)
