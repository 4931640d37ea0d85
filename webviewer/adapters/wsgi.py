"""What WSGI does not offer of a request's connection, by gunicorn's own key; without gunicorn nothing happens."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any


def hang_up(environ: Mapping[str, Any]) -> None:
    """Read no more: the answer still goes out, then the connection ends, and nobody waits for the rest of a body."""
    connection = environ.get("gunicorn.socket")
    if connection is not None:
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RD)


@contextmanager
def receiving_within(environ: Mapping[str, Any], seconds: float) -> Iterator[None]:
    """Let reading fail with TimeoutError while nothing arrives for so long; only for sockets that block a thread."""
    connection = environ.get("gunicorn.socket")
    if connection is None:
        yield
        return
    connection.settimeout(seconds)
    try:
        yield
    finally:
        connection.settimeout(None)
