"""The relay of the stream in the control node: bytes through, close codes between frames, no secrets of the page."""

from __future__ import annotations

import contextlib
import random
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from functions.render import relay as relay_module
from functions.render import upstream as upstream_module
from functions.render.frames import KNOCK, FrameSplitter, PageFrames, close_frame, ping_frame
from functions.render.relay import Relay
from functions.render.upstream import Stream, Upstream, open_upstream
from webviewer.adapters.nodes import Unreachable
from webviewer.core.correlation import begin_request, end_request
from webviewer.core.errors import ProtocolError, Unavailable

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
TOKEN = "token-of-the-test-0123456789"
WANTED = Stream(7, 70, "http://127.0.0.1:8081", KEY)


def frame(payload: bytes, opcode: int = 2) -> bytes:
    length = len(payload)
    if length < 126:
        head = bytes((0x80 | opcode, length))
    elif length < 65536:
        head = bytes((0x80 | opcode, 126)) + struct.pack(">H", length)
    else:
        head = bytes((0x80 | opcode, 127)) + struct.pack(">Q", length)
    return head + payload


def frames_of(stream: bytes) -> list[tuple[int, bytes]]:
    """Return the frames of a stream as (first octet, payload); they must end where it ends."""
    found = []
    while stream:
        length, at = stream[1], 2
        if length == 126:
            length, at = struct.unpack(">H", stream[2:4])[0], 4
        elif length == 127:
            length, at = struct.unpack(">Q", stream[2:10])[0], 10
        assert len(stream) >= at + length
        found.append((stream[0], stream[at : at + length]))
        stream = stream[at + length :]
    return found


def messages_of(stream: bytes) -> list[tuple[int, bytes]]:
    """Return whole messages as (opcode, payload); control frames may come between the fragments of one."""
    found: list[tuple[int, bytes]] = []
    opcode, payload = 0, b""
    for first, piece in frames_of(stream):
        if first & 0x08:
            assert first & 0x80
            found.append((first & 0x0F, piece))
            continue
        assert bool(first & 0x0F) == (opcode == 0), "a message begins when, and only when, none is under way"
        opcode, payload = opcode or first & 0x0F, payload + piece
        if first & 0x80:
            found.append((opcode, payload))
            opcode, payload = 0, b""
    return found


@pytest.mark.parametrize("sizes", [[0], [1, 125, 126, 127], [65535, 65536, 3], [200_000, 0, 0, 5]])
def test_the_splitter_makes_whole_frames_and_the_same_messages_however_the_bytes_are_cut(sizes: list[int]) -> None:
    sent = [(2, random.Random(size).randbytes(size)) for size in sizes]
    sent.insert(1, (9, b"ping"))
    stream = b"".join(frame(payload, opcode) for opcode, payload in sent)
    cuts = random.Random(4)
    for _ in range(20):
        splitter, at, out = FrameSplitter(), 0, b""
        while at < len(stream):
            piece = stream[at : at + cuts.randint(1, 40_000)]
            at += len(piece)
            whole = splitter.feed(piece)
            frames_of(whole)
            out += whole
        assert messages_of(out) == sent


def test_frames_that_come_whole_pass_the_splitter_unchanged() -> None:
    stream = b"".join(frame(bytes(size)) for size in (0, 125, 126, 65535, 65536)) + frame(b"ping", 9)
    assert FrameSplitter().feed(stream) == stream


def test_a_control_frame_is_not_fragmented() -> None:
    splitter = FrameSplitter()
    ping = frame(b"ping of the node", 9)
    assert splitter.feed(ping[:7]) == b""
    assert splitter.feed(ping[7:]) == ping


def test_the_splitter_sees_a_whole_close_frame_and_refuses_what_no_server_sends() -> None:
    splitter = FrameSplitter()
    goodbye = close_frame(1001, "bye")
    splitter.feed(goodbye[:4])
    assert not splitter.close_seen
    splitter.feed(goodbye[4:])
    assert splitter.close_seen
    with pytest.raises(ProtocolError, match="masked"):
        FrameSplitter().feed(b"\x82\x85")
    with pytest.raises(ProtocolError, match="too long"):
        FrameSplitter().feed(b"\x89\x7e\x01\x00")


class Wire:
    """A page and a node at the two ends of a running relay."""

    def __init__(self, pair: Callable[[], tuple[socket.socket, socket.socket]] = socket.socketpair) -> None:
        self.page, page_inside = pair()
        self.node, node_inside = pair()
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

    def node_is_done_after(self, sender: threading.Thread) -> None:
        """Close the node's side once all is sent, while the page reads."""

        def close() -> None:
            sender.join(10)
            self.node.close()

        threading.Thread(target=close).start()

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


def test_messages_go_both_ways_unchanged(wire: Wire) -> None:
    wire.page.sendall(b"\x81\x85maskHELLO")
    assert wire.node.recv(100) == b"\x81\x85maskHELLO"
    picture = bytes(range(256)) * 4000
    sender = threading.Thread(target=wire.node.sendall, args=(frame(picture) + close_frame(1001, "bye"),))
    sender.start()
    wire.node_is_done_after(sender)
    assert messages_of(wire.page_gets()) == [(2, picture), (8, close_frame(1001, "bye")[2:])]


def test_a_node_that_dies_between_frames_closes_the_page_with_4503(wire: Wire) -> None:
    wire.node.sendall(frame(b"picture"))
    wire.node.close()
    assert wire.page_gets() == frame(b"picture") + close_frame(4503, "the render node is gone")


def test_a_node_that_dies_within_a_frame_closes_the_page_with_4503_too_and_the_half_picture_never_ends(
    wire: Wire,
) -> None:
    wire.node.sendall(frame(b"x" * 1000)[:500])
    wire.node.close()
    *pieces, last = frames_of(wire.page_gets())
    assert last == (0x88, struct.pack(">H", 4503) + b"the render node is gone")
    assert b"".join(piece for _, piece in pieces) == b"x" * 496
    assert all(first & 0x80 == 0 for first, _ in pieces)


def test_a_page_that_goes_on_sending_still_learns_that_the_node_died(wire: Wire) -> None:
    wire.node.close()
    for _ in range(50):
        try:
            wire.page.sendall(b"\x81\x85maskHELLO" * 1000)
        except OSError:
            break
    assert wire.page_gets() == close_frame(4503, "the render node is gone")


def test_a_session_that_ends_within_a_frame_closes_the_page_at_once(wire: Wire) -> None:
    wire.node.sendall(frame(b"x" * 1000)[:500])
    assert wire.page.recv(1000)
    wire.relay.end("signed_out")
    assert wire.page_gets().endswith(close_frame(4401, "signed_out"))


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


def unmasked(ping: bytes) -> bytes:
    return bytes(octet ^ ping[2 + place % 4] for place, octet in enumerate(ping[6:]))


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay_module, "QUIET_S", 0.1)
    monkeypatch.setattr(relay_module, "HANGS_AFTER_S", 1.0)


@pytest.fixture
def impatient_wire(impatient: None) -> Iterator[Wire]:
    running = Wire()
    yield running
    running.finish()


def test_a_node_that_hangs_is_asked_and_then_the_page_goes_to_another(impatient_wire: Wire) -> None:
    ping = impatient_wire.node.recv(100)
    assert (ping[0], unmasked(ping[:11])) == (0x89, KNOCK)
    assert impatient_wire.page_gets() == close_frame(4503, "the render node does not answer")


def test_a_quiet_node_that_answers_pings_is_kept_and_the_page_hears_nothing_of_it(impatient_wire: Wire) -> None:
    for _ in range(15):
        assert impatient_wire.node.recv(100)[:1] == b"\x89"
        impatient_wire.node.sendall(frame(KNOCK, 10))
    impatient_wire.node.sendall(frame(b"mine", 10) + frame(b"picture"))
    assert impatient_wire.page.recv(100) == frame(b"mine", 10) + frame(b"picture")


def test_a_ping_is_never_put_into_a_message_of_the_page(impatient_wire: Wire) -> None:
    impatient_wire.page.sendall(b"\x81\x85maskHE")
    assert impatient_wire.node.recv(100) == b"\x81\x85maskHE"
    impatient_wire.node.settimeout(0.35)
    with pytest.raises(TimeoutError):
        impatient_wire.node.recv(100)
    impatient_wire.page.sendall(b"LLO")
    assert impatient_wire.node.recv(3) == b"LLO"
    assert impatient_wire.node.recv(100)[:1] == b"\x89"


def test_a_page_that_is_never_between_two_frames_gets_its_node_asked_all_the_same(impatient_wire: Wire) -> None:
    message = b"\x81\xfe\x01\x00mask" + b"x" * 256
    impatient_wire.page.sendall(message[:100])
    rest, found = message[100:] + message[:100], b""
    deadline_s = time.monotonic() + 20
    while KNOCK not in found:
        assert time.monotonic() < deadline_s
        impatient_wire.page.sendall(rest)
        found = impatient_wire.node.recv(len(rest) + 11)
        found = next(
            (unmasked(found[place:]) for place in range(len(found)) if found[place : place + 1] == b"\x89"), b""
        )
    assert found[:5] == KNOCK


@pytest.fixture
def tcp_wire() -> Iterator[Wire]:
    running = Wire(tcp_pair)
    yield running
    running.finish()


def tcp_pair() -> tuple[socket.socket, socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        near = socket.create_connection(listener.getsockname())
        return near, listener.accept()[0]


def test_a_page_that_floods_is_held_back_while_its_node_takes_nothing(tcp_wire: Wire) -> None:
    tcp_wire.page.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 32 * 1024)
    tcp_wire.page.settimeout(1)
    messages, sent_bytes = b"\x81\xfe\x01\x00mask" + b"x" * 256, 0
    with contextlib.suppress(TimeoutError):
        while sent_bytes < 64 * 1024**2:
            sent_bytes += tcp_wire.page.send(messages * 100)
    assert sent_bytes < 1536 * 1024


def test_the_frames_of_a_page_are_followed_however_they_are_cut() -> None:
    whole = b"\x81\x85maskHELLO" + ping_frame() + b"\x82\xfe\x01\x00mask" + b"x" * 256 + b"\x81\x80mask"
    ends = {11, 22, 22 + 8 + 256, len(whole)}
    follower = PageFrames()
    for place in range(len(whole)):
        follower.feed(whole[place : place + 1])
        assert follower.is_between == (place + 1 in ends), place


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
    begin_request("chain-1")
    upstream = open_upstream(node.address, TOKEN, WANTED)
    end_request()
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
        "X-Request-Id",
        "X-Webviewer-Owner",
        "X-Webviewer-Session",
        "X-Webviewer-Storage",
    ]
    assert "X-Request-Id: chain-1\r\n" in request
    assert "X-Webviewer-Owner: 7\r\nX-Webviewer-Session: 70\r\n" in request
    assert "X-Webviewer-Storage: http://127.0.0.1:8081\r\n" in request
    assert "Authorization: Bearer call." in request
    assert TOKEN not in request, "the node that an administrator typed learns no secret"
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
        open_upstream(node.address, TOKEN, WANTED)
    node.done()


def test_a_node_that_is_not_there_is_unavailable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(Unavailable, match="does not answer"):
        open_upstream(f"http://127.0.0.1:{port}", TOKEN, WANTED)


def test_a_node_that_drains_is_one_to_go_past() -> None:
    node = OneAnswer(b"HTTP/1.1 503 Service Unavailable\r\n\r\n")
    with pytest.raises(Unreachable, match="takes no streams now") as caught:
        open_upstream(node.address, TOKEN, WANTED)
    assert not caught.value.refused
    node.done()


def test_a_node_that_takes_the_connection_and_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upstream_module, "HANDSHAKE_S", 0.2)
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        pytest.raises(Unreachable, match="does not answer"),
    ):
        open_upstream(f"http://127.0.0.1:{listener.getsockname()[1]}", TOKEN, WANTED)


@pytest.mark.parametrize("key", ["a\r\nX-Evil: 1", "x" * 65, "ü", ""])
def test_a_key_that_would_add_a_header_is_refused(key: str) -> None:
    with pytest.raises(Unavailable, match="handshake is not understood"):
        open_upstream("http://127.0.0.1:9", TOKEN, replace(WANTED, websocket_key=key))
