"""HTTP by hand, for callers that misbehave: stop in the middle, fall silent, do not read."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from typing import Any


def begin_request(
    port: int, method: str, path: str, headers: Mapping[str, str], body: bytes = b"", *, receive_bytes: int = 0
) -> socket.socket:
    """Send the head of a request and the beginning of its body, and return the connection.

    Parameters
    ----------
    port
        On loopback.
    method, path, headers
        Of the request; ``Content-Length`` as the test wants it.
    body
        What is sent of it.
    receive_bytes
        Room for what the server sends, if it is to be small.
    """
    connection = socket.socket()
    if receive_bytes:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    connection.settimeout(60)
    connection.connect(("127.0.0.1", port))
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", *(f"{name}: {value}" for name, value in headers.items())]
    connection.sendall("\r\n".join([*lines, "", ""]).encode() + body)
    return connection


def read_answer(connection: socket.socket) -> tuple[int, Any]:
    """Read until the server ends the connection and return status and JSON; 0 and None if it said nothing."""
    with connection:
        data = b""
        while piece := connection.recv(65536):
            data += piece
    if not data:
        return 0, None
    head, _, body = data.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


def leave_early(connection: socket.socket) -> tuple[int, Any]:
    """End the sending side and return what the server answers."""
    connection.shutdown(socket.SHUT_WR)
    return read_answer(connection)
