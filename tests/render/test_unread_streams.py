"""Viewers that ask and never read, and users with too many viewers: what they cost is bounded, and is their own."""

from __future__ import annotations

import json
import os
import socket
import struct
import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import psutil
import pytest

from renderpool.server import stream, streams
from renderpool.session import scheduler as scheduler_module
from renderpool.session.flight import MAX_IN_FLIGHT, MAX_UNREAD_BYTES
from renderpool.session.source import FrameKey
from tests.render.house import House, Viewer, wait_until
from tests.render.sources import COLUMNS, ROWS, MemorySource
from tests.render.test_server import STORAGE, TOKEN, Server, close_of, receive, send, wait_for_sessions
from webviewer.core.errors import LimitExceeded, WebviewerError
from webviewer.protocol.messages import Ack, Close, Open

MEGABYTE = 1024**2
SIDE_PX = 3072  # of a picture of noise: it compresses to no less than 7 MB


class NoiseSource(MemorySource):
    """Images that do not compress."""

    def frames(self, owner_id: int, keys: Sequence[FrameKey]) -> Iterator[tuple[FrameKey, bytes | WebviewerError]]:
        for key in keys:
            noise = np.random.default_rng(key[0]).integers(-160, 240, self.size, dtype=np.int16)
            yield key, noise.tobytes()


class DeafViewer:
    """A socket that sends messages and reads nothing after the handshake."""

    def __init__(self, port: int) -> None:
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        self.socket.connect(("127.0.0.1", port))
        self.socket.sendall(
            (
                "GET /internal/v1/render/stream HTTP/1.1\r\nHost: node\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                f"Sec-WebSocket-Protocol: webviewer.v1\r\nX-Webviewer-Owner: 7\r\nX-Webviewer-Session: 3\r\n"
                f"X-Webviewer-Storage: {STORAGE}\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"
            ).encode()
        )
        assert self.socket.recv(12) == b"HTTP/1.1 101"
        self.send(type="hello", version=1)

    def send(self, **message: Any) -> None:
        text = json.dumps(message).encode()
        head = struct.pack(">BBH", 0x81, 0x80 | 126, len(text))
        self.socket.sendall(head + b"\x00\x00\x00\x00" + text)


@pytest.fixture
def noise() -> Iterator[Server]:
    running = Server(NoiseSource(count=2, size=(SIDE_PX, SIDE_PX)))
    yield running
    running.stop()


@pytest.fixture
def deaf_viewer(noise: Server) -> Iterator[DeafViewer]:
    viewer = DeafViewer(noise.port)
    yield viewer
    viewer.socket.close()


def test_a_viewer_that_never_reads_costs_a_bounded_amount_however_it_closes_opens_and_guesses(
    noise: Server, deaf_viewer: DeafViewer
) -> None:
    viewer = deaf_viewer
    process = psutil.Process(os.getpid())
    viewer.send(type="open", cell=0, series_id=1)
    viewer.send(type="view", cell=0, revision=1, width_px=SIDE_PX, height_px=SIDE_PX)
    wait_until(lambda: noise.scheduler.counters.still_frames == 1)
    one_bytes = noise.scheduler.counters.sent_bytes
    assert one_bytes > 7 * MEGABYTE
    before_bytes = process.memory_info().rss
    most_bytes, revision, end = 0, 1, time.monotonic() + 12
    while time.monotonic() < end:
        for cell in range(16):
            revision += 1
            viewer.send(type="close", cell=cell)
            viewer.send(type="open", cell=cell, series_id=1)
            viewer.send(type="view", cell=cell, revision=revision, width_px=SIDE_PX, height_px=SIDE_PX)
        for sequence in range(1, 41):
            viewer.send(type="ack", sequence=sequence)
        most_bytes = max(most_bytes, process.memory_info().rss - before_bytes)
        time.sleep(0.5)  # more answers than 512 that wait would end the stream sooner
        if noise.scheduler.counters.sent_bytes < 2 * one_bytes:
            # A slow machine draws nothing between an opening and the next closing: one more picture must get out.
            wait_until(lambda: noise.scheduler.counters.sent_bytes >= 2 * one_bytes)
    # What is unread, and what the sockets of the two sides hold.
    assert noise.scheduler.counters.sent_bytes <= MAX_UNREAD_BYTES + 16 * MEGABYTE
    assert noise.scheduler.counters.sent_bytes >= 2 * one_bytes
    assert most_bytes < MAX_UNREAD_BYTES + 250 * MEGABYTE
    viewer.socket.close()
    wait_for_sessions(noise, 0)


def test_a_viewer_that_reads_nothing_for_long_is_closed(
    noise: Server, deaf_viewer: DeafViewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "_WRITTEN_WITHIN_S", 1.0)
    monkeypatch.setattr(streams, "_CLOSED_WITHIN_S", 0.2)
    viewer = deaf_viewer
    viewer.send(type="open", cell=0, series_id=1)
    viewer.send(type="view", cell=0, revision=1, width_px=SIDE_PX, height_px=SIDE_PX)
    wait_until(lambda: noise.scheduler.counters.still_frames == 1)
    wait_for_sessions(noise, 0)
    viewer.socket.settimeout(10)
    read_bytes = 0
    try:
        while piece := viewer.socket.recv(MEGABYTE):
            read_bytes += len(piece)
    except ConnectionResetError:
        pass
    assert read_bytes < 7 * MEGABYTE, "the picture ends in the middle: what was not read is not kept"


@pytest.fixture
def house() -> Iterator[House]:
    made = House(MemorySource())
    yield made
    made.close()


def test_closing_and_opening_a_cell_does_not_forget_its_unread_frames(house: House) -> None:
    viewer = Viewer(house, acknowledges=False)
    for revision in range(1, 12):
        viewer.session.handle(Open(cell=0, series_id=1))
        viewer.view(revision)
        time.sleep(0.1)
        viewer.session.handle(Close(cell=0))
    assert len(viewer.all_frames) == MAX_IN_FLIGHT
    viewer.session.handle(Ack(sequence=2))
    viewer.open()
    viewer.view(20)
    wait_until(lambda: viewer.all_frames[-1].revision == 20)


def test_a_frame_is_done_only_when_it_was_written_too_whoever_guesses_its_number(house: House) -> None:
    viewer = Viewer(house, acknowledges=False)
    written, viewer.session.written = viewer.session.written, lambda: None  # type: ignore[method-assign]
    viewer.open()
    for revision in range(1, 8):
        viewer.view(revision)
        for sequence in range(1, 8):
            viewer.session.handle(Ack(sequence=sequence))
        time.sleep(0.08)
    assert len(viewer.all_frames) == MAX_IN_FLIGHT
    written()
    wait_until(lambda: viewer.all_frames[-1].revision == 7)


def owner_of(house: House, owner_id: int, ended: list[str]) -> Any:
    return house.scheduler.open_session(owner_id, house.stores, lambda item: None, ended.append)


def test_the_seventeenth_viewer_of_a_user_takes_the_seat_of_the_one_idle_longest(house: House) -> None:
    ended: list[str] = []
    own = [owner_of(house, 7, ended) for _ in range(16)]
    for session in (*own[:3], *own[4:]):
        session.handle(Open(cell=0, series_id=1))
        time.sleep(0.002)
    other = Viewer(house, owner_id=7)
    assert ended == ["At most 16 viewers of one user; this one was idle longest."]
    assert house.scheduler.session_count == 16
    own[3].handle(Open(cell=0, series_id=1))  # given up: it takes no part any more
    other.open()
    other.view(1)
    assert other.next_still()[0].revision == 1
    owner_of(house, 8, ended)
    assert (len(ended), house.scheduler.session_count) == (1, 17), "another user's are not counted"


def test_a_full_node_gives_up_a_viewer_that_shows_nothing_and_refuses_where_all_show_something(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduler_module, "MAX_SESSIONS", 3)
    ended: list[str] = []
    owner_of(house, 1, ended).handle(Open(cell=0, series_id=1))
    owner_of(house, 2, ended)
    owner_of(house, 3, ended).handle(Open(cell=0, series_id=1))
    owner_of(house, 4, ended).handle(Open(cell=0, series_id=1))
    assert ended == ["This render node serves 3 viewers; this one showed nothing."]
    with pytest.raises(LimitExceeded, match="serves 3 viewers already"):
        owner_of(house, 5, ended)


def test_the_page_is_told_why_its_seat_went(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduler_module, "MAX_SESSIONS_OF_OWNER", 1)
    running = Server(MemorySource())
    try:
        with running.connect() as first, running.connect() as second:
            send(first, type="hello", version=1)
            receive(first, "welcome")
            wait_for_sessions(running, 1)
            send(second, type="hello", version=1)
            assert close_of(first) == (4429, "At most 1 viewers of one user; this one was idle longest.")
            send(second, type="open", cell=0, series_id=1)
            receive(second, "opened")
            send(second, type="view", cell=0, revision=1, width_px=COLUMNS, height_px=ROWS)
    finally:
        running.stop()
