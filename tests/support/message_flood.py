"""A page that sends stream messages without pause, in a process of its own: ``python -m tests.support.message_flood``.

Messages are packed beforehand, so that the sender costs little and the socket is never empty. Pictures are read and
acknowledged as a page does.
"""

from __future__ import annotations

import json
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

_PIECES_PER_S = 20
_FIN_TEXT, _MASKED, _NO_MASK = 0x81, 0x80, b"\x00\x00\x00\x00"


@dataclass(frozen=True)
class Flood:
    """What is sent, and where to.

    Parameters
    ----------
    url, tickets
        Of ``/eventQueue/render``; each ticket is a stream.
    first
        Messages that are sent once, after `hello`.
    again
        A message that is sent over and over; a ``revision`` in it rises each time.
    per_s
        So many a second on all streams, or as many as the sockets take.
    seconds
        For so long.
    """

    url: str
    tickets: tuple[str, ...]
    first: tuple[Mapping[str, Any], ...]
    again: Mapping[str, Any]
    per_s: float = 100_000.0
    seconds: float = 600.0


def packed(message: Mapping[str, Any]) -> bytes:
    """Return a message as a masked WebSocket frame (RFC 6455, 5.2)."""
    payload = json.dumps(message, separators=(",", ":")).encode()
    if len(payload) < 126:
        head = bytes((_FIN_TEXT, _MASKED | len(payload)))
    elif len(payload) < 1 << 16:
        head = bytes((_FIN_TEXT, _MASKED | 126)) + struct.pack(">H", len(payload))
    else:
        head = bytes((_FIN_TEXT, _MASKED | 127)) + struct.pack(">Q", len(payload))
    return head + _NO_MASK + payload


class Flooder:
    """One stream of a flood, until the server closes or the time is over; ``sent`` counts its messages."""

    def __init__(self, flood: Flood, ticket: str, begins: threading.Barrier) -> None:
        self._flood = flood
        self._ticket = ticket
        self._begins = begins
        self._sending = threading.Lock()
        self.sent = 0

    def run(self) -> tuple[int, str]:
        """Return the server's close code and reason; 1000 where it took the flood to its end."""
        flood = self._flood
        protocols: Any = ["webviewer.v1", f"ticket.{self._ticket}"]
        with connect(flood.url, subprotocols=protocols, compression=None, max_size=None) as page:
            for message in ({"type": "hello", "version": 1}, *flood.first):
                page.send(json.dumps(message))
            reader = threading.Thread(target=self._acknowledge, args=(page,), daemon=True)
            reader.start()
            self._begins.wait(60)
            with suppress(OSError):
                self._send(page)
                page.close()
            reader.join(30)
            protocol = page.protocol
            return protocol.close_code or 0, protocol.close_reason or ""

    def _send(self, page: ClientConnection) -> None:
        next_s = time.monotonic()
        for _ in range(round(self._flood.seconds * _PIECES_PER_S)):
            piece = self._piece(round(self._flood.per_s / len(self._flood.tickets) / _PIECES_PER_S))
            with self._sending:
                page.socket.sendall(piece)
            next_s += 1 / _PIECES_PER_S
            while time.monotonic() < next_s:
                time.sleep(0.002)

    def _piece(self, count: int) -> bytes:
        again, frames = self._flood.again, []
        for _ in range(count):
            self.sent += 1
            frames.append(packed({**again, "revision": self.sent} if "revision" in again else again))
        return b"".join(frames)

    def _acknowledge(self, page: ClientConnection) -> None:
        with suppress(ConnectionClosed, OSError):
            while True:
                data = page.recv()
                if isinstance(data, bytes):
                    sequence = struct.unpack_from("<I", data, 12)[0]
                    with self._sending:
                        page.socket.sendall(packed({"type": "ack", "sequence": sequence}))


@contextmanager
def flooding(flood: Flood) -> Iterator[subprocess.Popen[str]]:
    """Flood from another process, and wait until it has begun.

    It prints ``[[messages sent, close code, reason], …]`` once the server has closed all streams.
    """
    command = [sys.executable, "-m", "tests.support.message_flood"]
    sender = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert sender.stdin is not None
        sender.stdin.write(json.dumps(asdict(flood)))
        sender.stdin.close()
        sender.stdin = None  # `communicate` would flush it
        assert sender.stdout is not None
        assert sender.stdout.readline() == "begins\n"
        yield sender
    finally:
        sender.kill()
        sender.communicate()


def main() -> None:
    """Send the flood that stands on the standard input."""
    flood = Flood(**json.loads(sys.stdin.read()))
    begins = threading.Barrier(len(flood.tickets), action=_say_that_it_begins)
    flooders = [Flooder(flood, ticket, begins) for ticket in flood.tickets]
    with ThreadPoolExecutor(len(flooders)) as threads:
        ends = list(threads.map(Flooder.run, flooders))
    found = [[flooder.sent, code, reason] for flooder, (code, reason) in zip(flooders, ends, strict=True)]
    sys.stdout.write(json.dumps(found) + "\n")


def _say_that_it_begins() -> None:
    sys.stdout.write("begins\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
