"""The relay of the stream in the control node: bytes through, close codes between frames, no secrets of the page."""

from __future__ import annotations

import random
import socket
import struct
import threading
from collections.abc import Callable, Iterator

import pytest

from functions.render.relay import FrameCounter, Relay, Upstream, close_frame, open_upstream
from webviewer.core.errors import ProtocolError, Unavailable

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
TOKEN = "token-of-the-test-0123456789"


def frame(payload: bytes, opcode: int = 2) -> bytes:
    length = len(payload)
    if length < 126:
        head = bytes((0x80 | opcode, length))
    elif length < 65536:
        head = bytes((0x80 | opcode, 126)) + struct.pack(">H", length)
    else:
        head = bytes((0x80 | opcode, 127)) + struct.pack(">Q", length)
    return head + payload


@pytest.mark.parametrize("sizes", [[0], [1, 125, 126, 127], [65535, 65536, 3], [200_000, 0, 0, 5]])
def test_the_counter_knows_where_frames_end_however_the_bytes_are_cut(sizes: list[int]) -> None:
    stream = b"".join(frame(bytes(size)) for size in sizes)
    ends = []
    position = 0
    for size in sizes:
        position += len(frame(bytes(size)))
        ends.append(position)
    cuts = random.Random(4)
    for _ in range(20):
        counter, at, seen = FrameCounter(), 0, []
        while at < len(stream):
            piece = stream[at : at + cuts.randint(1, 40_000)]
            assert counter.feed(piece) == len(piece)
            at += len(piece)
            if counter.is_between_frames:
                seen.append(at)
        assert set(seen) <= set(ends)
        assert seen[-1] == ends[-1]


def test_the_counter_stops_after_the_frame_under_way() -> None:
    counter = FrameCounter()
    first, second = frame(b"a" * 300), frame(b"b" * 10)
    assert counter.feed(first[:100]) == 100
    assert counter.feed(first[100:] + second, stop_between=True) == len(first) - 100
    assert counter.is_between_frames
    assert counter.feed(second, stop_between=True) == 0


def test_the_counter_sees_a_close_frame_and_refuses_a_masked_one() -> None:
    counter = FrameCounter()
    counter.feed(close_frame(1001, "bye"))
    assert counter.close_seen
    with pytest.raises(ProtocolError, match="masked"):
        FrameCounter().feed(b"\x82\x85")


class Wire:
    """A page and a node at the two ends of a running relay."""

    def __init__(self) -> None:
        self.page, page_inside = socket.socketpair()
        self.node, node_inside = socket.socketpair()
        for sock in (self.page, self.node):
            sock.settimeout(10)
        self.relay = Relay(page_inside, Upstream(node_inside, b"HTTP/1.1 101 Switching Protocols\r\n\r\n", b""))
        self._inside = (page_inside, node_inside)
        self.thread = threading.Thread(target=self.relay.run)
        self.thread.start()
        assert self.page.recv(1000).startswith(b"HTTP/1.1 101")

    def page_gets(self) -> bytes:
        """Return all that the page gets until its connection ends."""
        data = b""
        while piece := self.page.recv(65536):
            data += piece
        return data

    def finish(self) -> None:
        for sock in (self.page, self.node):
            sock.close()
        self.thread.join(10)
        assert not self.thread.is_alive()
        for sock in self._inside:
            sock.close()


@pytest.fixture
def wire() -> Iterator[Wire]:
    running = Wire()
    yield running
    running.finish()


def test_bytes_go_both_ways_unchanged(wire: Wire) -> None:
    wire.page.sendall(b"\x81\x85maskHELLO")
    assert wire.node.recv(100) == b"\x81\x85maskHELLO"
    picture = frame(bytes(range(256)) * 4000)
    sender = threading.Thread(target=wire.node.sendall, args=(picture,))
    sender.start()
    got = b""
    while len(got) < len(picture):
        got += wire.page.recv(65536)
    sender.join()
    assert got == picture


def test_a_node_that_dies_between_frames_closes_the_page_with_4503(wire: Wire) -> None:
    wire.node.sendall(frame(b"picture"))
    wire.node.close()
    assert wire.page_gets() == frame(b"picture") + close_frame(4503, "the render node is gone")


def test_a_node_that_dies_within_a_frame_just_ends_the_connection(wire: Wire) -> None:
    half = frame(b"x" * 1000)[:500]
    wire.node.sendall(half)
    wire.node.close()
    assert wire.page_gets() == half


def test_a_node_s_own_close_frame_goes_through_and_nothing_after_it(wire: Wire) -> None:
    wire.node.sendall(close_frame(1001, "The render node stops."))
    wire.node.close()
    assert wire.page_gets() == close_frame(1001, "The render node stops.")


@pytest.mark.parametrize(
    ("tell", "expected"),
    [
        (lambda relay: relay.end("signed_out"), close_frame(4401, "signed_out")),
        (lambda relay: relay.leave(), close_frame(1001, "server stops")),
    ],
    ids=["the session ends", "the control node stops"],
)
def test_the_page_learns_why_between_two_frames(wire: Wire, tell: Callable[[Relay], None], expected: bytes) -> None:
    wire.node.sendall(frame(b"one"))
    assert wire.page.recv(100) == frame(b"one")
    tell(wire.relay)
    assert wire.page_gets() == expected


def test_the_first_reason_is_the_one_that_is_told(wire: Wire) -> None:
    wire.relay.end("signed_out")
    wire.relay.leave()
    assert wire.page_gets() == close_frame(4401, "signed_out")


def test_a_page_that_goes_ends_the_node_s_side(wire: Wire) -> None:
    wire.page.close()
    assert wire.node.recv(100) == b""


class OneAnswer:
    """A listener that takes one connection, keeps its request, and answers as told."""

    def __init__(self, answer: bytes) -> None:
        self.request = b""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, args=(answer,))
        self._thread.start()

    def _serve(self, answer: bytes) -> None:
        connection, _ = self._listener.accept()
        with connection:
            while b"\r\n\r\n" not in self.request:
                self.request += connection.recv(4096)
            connection.sendall(answer)

    def done(self) -> str:
        self._thread.join(10)
        self._listener.close()
        return self.request.decode()


def test_the_node_gets_owner_and_token_and_the_page_s_key_and_nothing_else_of_it() -> None:
    node = OneAnswer(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\nServer: secret/1\r\n"
        b"Sec-WebSocket-Accept: abc=\r\nSec-WebSocket-Protocol: webviewer.v1\r\n\r\nREST"
    )
    upstream = open_upstream(node.address, TOKEN, owner_id=7, websocket_key=KEY)
    upstream.close()
    request = node.done()
    assert sorted(line.split(":")[0] for line in request.strip().split("\r\n")[1:]) == [
        "Authorization",
        "Connection",
        "Host",
        "Sec-WebSocket-Key",
        "Sec-WebSocket-Protocol",
        "Sec-WebSocket-Version",
        "Upgrade",
        "X-Webviewer-Owner",
    ]
    assert "X-Webviewer-Owner: 7\r\n" in request
    assert f"Authorization: Bearer {TOKEN}\r\n" in request
    assert "Sec-WebSocket-Protocol: webviewer.v1\r\n" in request
    assert b"secret" not in upstream.head
    assert b"Sec-WebSocket-Accept: abc=" in upstream.head
    assert upstream.rest == b"REST"


@pytest.mark.parametrize(
    "answer", [b"HTTP/1.1 401 Unauthorized\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n", b"", b"x" * 20_000]
)
def test_a_node_that_refuses_or_babbles_is_unavailable(answer: bytes) -> None:
    node = OneAnswer(answer)
    with pytest.raises(Unavailable):
        open_upstream(node.address, TOKEN, owner_id=7, websocket_key=KEY)
    node.done()


def test_a_node_that_is_not_there_is_unavailable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(Unavailable, match="does not answer"):
        open_upstream(f"http://127.0.0.1:{port}", TOKEN, owner_id=7, websocket_key=KEY)


@pytest.mark.parametrize("key", ["a\r\nX-Evil: 1", "x" * 65, "ü", ""])
def test_a_key_that_would_add_a_header_is_refused(key: str) -> None:
    with pytest.raises(Unavailable, match="handshake is not understood"):
        open_upstream("http://127.0.0.1:9", TOKEN, owner_id=7, websocket_key=key)
