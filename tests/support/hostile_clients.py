"""Clients that hold connections: each form sends something and then keeps the server waiting."""

from __future__ import annotations

import contextlib
import json
import resource
import socket
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Final

HEAD: Final = "Host: 127.0.0.1\r\nContent-Type: application/json\r\n"
SIGN_IN: Final = f"POST /v2/auth/sign-in HTTP/1.1\r\n{HEAD}"

# What is sent at once, and what is sent again and again after it.
FORMS: Final[dict[str, tuple[bytes, bytes]]] = {
    "silence": (b"", b""),
    "head that never ends": (b"GET /v2/health/live HTTP/1.1\r\nX-Slow: ", b"a"),
    "body that never arrives": (f"{SIGN_IN}Content-Length: 100\r\n\r\n".encode(), b""),
    "body of one byte a second": (f"{SIGN_IN}Content-Length: 60000\r\n\r\n{{".encode(), b" "),
    "chunks without end": (f"{SIGN_IN}Transfer-Encoding: chunked\r\n\r\n".encode(), b"1\r\n \r\n"),
    "handshake that never ends": (
        b"GET /eventQueue HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n",
        b"A: b\r\n",
    ),
    "body that nobody asked for": (f"POST /v2/nowhere HTTP/1.1\r\n{HEAD}Content-Length: 60000\r\n\r\n".encode(), b" "),
}


def connect(port: int, *, source: str = "127.0.0.1", receive_bytes: int = 0) -> socket.socket:
    """Return a connection to loopback from one of its addresses."""
    connection = socket.socket()
    try:
        if receive_bytes:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        connection.settimeout(60)
        connection.bind((source, 0))
        connection.connect(("127.0.0.1", port))
    except OSError:
        connection.close()
        raise
    return connection


def hold(port: int, form: str, *, source: str = "127.0.0.1") -> socket.socket:
    """Return a connection that has sent the beginning of a form."""
    connection = connect(port, source=source)
    with contextlib.suppress(ConnectionError):
        connection.sendall(FORMS[form][0])
    return connection


def read_nothing(port: int, path: str, *, count: int = 1, source: str = "127.0.0.1") -> socket.socket:
    """Return a connection that has asked for a file so many times, one behind the other, and reads no answer."""
    connection = connect(port, source=source, receive_bytes=2048)
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode() * count)
    return connection


def trickle(connections: Iterable[tuple[socket.socket, str]]) -> None:
    """Send the next octets of each form; a connection that is over is left alone."""
    for connection, form in connections:
        if octets := FORMS[form][1]:
            with contextlib.suppress(OSError):
                connection.send(octets, socket.MSG_DONTWAIT)


def answers_while_trickling(held: Sequence[tuple[socket.socket, str]]) -> list[bytes]:
    """Return what the server sent on each connection until it ended it, while all of them send twice a second."""
    over = threading.Event()

    def go_on() -> None:
        while not over.wait(0.5):
            trickle(held)

    thread = threading.Thread(target=go_on, daemon=True)
    thread.start()
    try:
        return [answer_of(connection) for connection, _ in held]
    finally:
        over.set()
        thread.join()


def answer_of(connection: socket.socket) -> bytes:
    """Return what the server sent until it ended the connection."""
    data = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := connection.recv(65536):
            data += piece
    return data


def refusal_of(answer: bytes) -> tuple[int, str] | None:
    """Return status and code of the one answer on a connection, in the one shape; None where there is none."""
    if not answer:
        return None
    head, _, body = answer.partition(b"\r\n\r\n")
    error = json.loads(body)["error"]
    assert set(error) == {"code", "message", "details", "correlation_id"}
    return int(head.split()[1]), error["code"]


@contextmanager
def crowd(
    port: int, count: int, sources: Sequence[str], forms: Sequence[str]
) -> Iterator[list[tuple[socket.socket, str]]]:
    """Hold so many connections, of all forms in turn and from all addresses in turn."""
    with ExitStack() as stack:
        held = []
        for number in range(count):
            form = forms[number % len(forms)]
            connection = stack.enter_context(hold(port, form, source=sources[number // len(forms) % len(sources)]))
            held.append((connection, form))
        yield held


def allow_sockets(count: int) -> None:
    """Let this process have so many sockets open."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count + 1000
    assert hard == resource.RLIM_INFINITY or hard >= wanted, f"ulimit -Hn is {hard}: {wanted} are needed"
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
