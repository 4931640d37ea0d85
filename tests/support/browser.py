"""Chromium for tests and benchmarks: start it, sign in, and watch the frames of the render stream."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from playwright.sync_api import Browser, Locator, Page, WebSocket, expect, sync_playwright

from tests.support.frames import unpack_frame
from webviewer.protocol.framing import FrameFlag, FrameHeader

CHROMIUM = "/usr/bin/chromium"
_EXPECTED_WITHIN_MS = 15_000  # a browser and a whole system share the cores of this machine
# Without these Chromium calls its maker's hosts at every start.
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start a headless Chromium."""
    expect.set_options(timeout=_EXPECTED_WITHIN_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class StreamTap:
    """Every frame that the page got on its render streams, in order, and every close of a stream."""

    frames: list[tuple[FrameHeader, bytes]] = field(default_factory=list)
    acknowledged: set[int] = field(default_factory=set)  # sequences of the newest stream
    closed: int = 0
    opened: int = 0

    def watch(self, page: Page) -> StreamTap:
        """Listen to the WebSockets that the page opens from now on."""

        def on_socket(socket: WebSocket) -> None:
            if not socket.url.endswith("/eventQueue/render"):
                return
            self.opened += 1
            self.acknowledged = set()
            socket.on("framesent", self._sent)
            socket.on("framereceived", self._take)
            socket.on("close", lambda _socket: self._close())

        page.on("websocket", on_socket)
        return self

    def _take(self, payload: bytes | str) -> None:
        if isinstance(payload, bytes):
            self.frames.append(unpack_frame(payload))

    def _sent(self, payload: bytes | str) -> None:
        message = json.loads(payload)
        if message["type"] == "ack":
            self.acknowledged.add(message["sequence"])

    def _close(self) -> None:
        self.closed += 1

    def is_painted(self) -> bool:
        """Say whether the newest frame is a full-quality one that the page has done with."""
        if not self.frames:
            return False
        header, _ = self.frames[-1]
        return bool(header.flags & FrameFlag.STILL) and header.sequence in self.acknowledged

    def last_still(self) -> FrameHeader:
        """Return the header of the newest full-quality frame."""
        return next(header for header, _ in reversed(self.frames) if header.flags & FrameFlag.STILL)


def sign_in(page: Page, url: str, user_name: str, password: str) -> None:
    """Sign in as a person would."""
    page.goto(url)
    page.get_by_label("User name", exact=True).fill(user_name)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()


def image_label(page: Page, number: int, count: int) -> Locator:
    """Return the words over the picture; what a screen reader is told has them in its middle, a moment later."""
    return page.get_by_text(re.compile(rf"^Image {number} of {count}\b"))
