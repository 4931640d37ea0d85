"""The open WebSockets of this process, by session and owner.

A function that opens a socket registers it here for as long as it is open::

    with live.register(who.session_id, who.user_id, socket):
        ...

``socket.end(reason)`` is called when the session ends (close code 4401), ``socket.leave()`` when the process stops
(1001). Both must return at once and may be called from any thread.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol

from webviewer.core.errors import LimitExceeded, Unavailable

MAX_SOCKETS_PER_SESSION = 32


class LiveSocket(Protocol):
    """What an open WebSocket can be told."""

    def send(self, message: Mapping[str, object]) -> None:
        """Queue a message for the page; one that does not want events ignores it."""
        ...

    def end(self, reason: str) -> None:
        """Close: the session has ended."""
        ...

    def leave(self) -> None:
        """Close: this process stops."""
        ...


class LiveSockets:
    """A registry; every method may be called from any thread or greenlet."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sockets: dict[int, tuple[int, int, LiveSocket]] = {}
        self._number = 0
        self._stopping = False

    @contextmanager
    def register(self, session_id: int, owner_id: int, socket: LiveSocket) -> Iterator[None]:
        """Keep a socket in the registry while the block runs.

        Raises
        ------
        LimitExceeded
            The session has too many sockets open.
        Unavailable
            This process stops.
        """
        with self._lock:
            if self._stopping:
                raise Unavailable("The server stops; connect again.")
            held = sum(1 for session, _, _ in self._sockets.values() if session == session_id)
            if held >= MAX_SOCKETS_PER_SESSION:
                raise LimitExceeded(f"This session has {held} connections open, {MAX_SOCKETS_PER_SESSION} are allowed.")
            self._number += 1
            number = self._number
            self._sockets[number] = (session_id, owner_id, socket)
        try:
            yield
        finally:
            with self._lock:
                self._sockets.pop(number, None)

    def count(self) -> int:
        """Return how many sockets are open."""
        with self._lock:
            return len(self._sockets)

    def session_ids(self) -> frozenset[int]:
        """Return the sessions that have a socket here."""
        with self._lock:
            return frozenset(session for session, _, _ in self._sockets.values())

    def send(self, owner_id: int, message: Mapping[str, object]) -> None:
        """Queue a message for every socket of an owner, and for nobody else's."""
        with self._lock:
            chosen = [socket for _, owner, socket in self._sockets.values() if owner == owner_id]
        for socket in chosen:
            socket.send(message)

    def send_all(self, message: Mapping[str, object]) -> None:
        """Queue a message for every socket."""
        with self._lock:
            chosen = [socket for _, _, socket in self._sockets.values()]
        for socket in chosen:
            socket.send(message)

    def end_session(self, session_id: int, reason: str) -> None:
        """Close the sockets of a session that has ended."""
        with self._lock:
            chosen = [socket for session, _, socket in self._sockets.values() if session == session_id]
        for socket in chosen:
            socket.end(reason)

    def leave(self) -> None:
        """Close all sockets because the process stops, and take no more."""
        with self._lock:
            self._stopping = True
            chosen = [socket for _, _, socket in self._sockets.values()]
        for socket in chosen:
            socket.leave()
