"""What WSGI does not offer of a request's connection, by gunicorn's own key; without gunicorn nothing happens."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from webviewer.core.connections import Connection


def hang_up(environ: Mapping[str, Any]) -> None:
    """Read no more: the answer still goes out, then the connection ends, and nobody waits for the rest of a body."""
    connection = environ.get("gunicorn.socket")
    if connection is not None:
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RD)


def connection_of(environ: Mapping[str, Any]) -> Connection | None:
    """Return the connection that a request came on; None without gunicorn, as in a test of an app alone."""
    return getattr(environ.get("gunicorn.socket"), "connection", None)
