"""Whether somebody works with a stream: what the page sends keeps its session from ending as unused."""

from __future__ import annotations

import datetime as dt
import logging
import threading
from collections.abc import Callable
from typing import Final

from webviewer.accounts import SessionId
from webviewer.core.errors import WebviewerError
from webviewer.usecases.clock import Clock
from webviewer.usecases.sessions import TOUCH_EVERY_S

logger = logging.getLogger(__name__)

_CONTROL_OPCODES: Final = 0x08  # close, ping, pong (RFC 6455, 5.5)
_KEEPALIVE_BYTES: Final = len(b'{"type": "ping"}') + 8  # every other message of a page is longer


class PageMessages:
    """Follows the masked WebSocket frames of a page (RFC 6455, 5.2) and tells messages from the pings between them.

    A page that nobody looks at pings for ever; if that counted, a forgotten one would never be signed out.
    """

    def __init__(self) -> None:
        self._head = bytearray()
        self._left_bytes = 0

    def has_message(self, data: bytes) -> bool:
        """Return whether a message of somebody who works here begins in these bytes, the next ones of the stream."""
        found, position = False, 0
        while position < len(data):
            if self._left_bytes:
                taken = min(self._left_bytes, len(data) - position)
                self._left_bytes -= taken
                position += taken
                continue
            self._head.append(data[position])
            position += 1
            found = self._starts_message() or found
        return found

    def _starts_message(self) -> bool:
        head = self._head
        if len(head) < 2:
            return False
        short = head[1] & 0x7F
        extra = {126: 2, 127: 8}.get(short, 0)
        if len(head) < 2 + extra:
            return False
        length_bytes = int.from_bytes(head[2:], "big") if extra else short
        is_control = head[0] & _CONTROL_OPCODES != 0
        self._left_bytes = length_bytes + (4 if head[1] & 0x80 else 0)
        head.clear()
        return not is_control and length_bytes > _KEEPALIVE_BYTES


class SessionUse:
    """Notes the use of a session, at most once a minute, and never in the way of who tells of it.

    Parameters
    ----------
    keep_open
        Notes the use in the database.
    session_id
        The session.
    clock
        The time.
    """

    def __init__(self, keep_open: Callable[[SessionId], None], session_id: SessionId, clock: Clock) -> None:
        self._keep_open = keep_open
        self._session_id = session_id
        self._clock = clock
        self._noted_at = clock()

    def note(self) -> None:
        """Say that somebody works here; returns at once."""
        now = self._clock()
        if now - self._noted_at < dt.timedelta(seconds=TOUCH_EVERY_S):
            return
        self._noted_at = now
        threading.Thread(target=self._write, name="session-use", daemon=True).start()

    def _write(self) -> None:
        try:
            self._keep_open(self._session_id)
        except WebviewerError as exc:
            logger.warning("session_use_not_noted", extra={"reason": exc.message})
