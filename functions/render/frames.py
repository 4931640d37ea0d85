"""What must be known of WebSocket frames (RFC 6455, 5.2) to relay them: where they end, and our own between them."""

from __future__ import annotations

import secrets
import struct
from typing import Final

from webviewer.core.errors import ProtocolError

KNOCK: Final = b"relay"  # payload of our pings; the page is not bothered with the answers
_CLOSE_OPCODE: Final = 8
_PING_OPCODE: Final = 9
_PONG_OPCODE: Final = 10
_CONTROL_OPCODES: Final = 0x08
_FIN: Final = 0x80
_MASKED: Final = 0x80


class FrameSplitter:
    """Makes whole WebSocket frames (RFC 6455, 5.2) of whatever has come of the node's stream, without decoding it.

    What there is of a frame goes on as a fragment (5.4), so that a close frame can be put behind it at any time: a page
    drops a message whose end never comes.
    """

    def __init__(self) -> None:
        self._head = bytearray()
        self._first = 0  # first octet of the frame under way; after its first fragment only FIN counts
        self._left = 0
        self._control: bytearray | None = None  # a control frame may not be fragmented, and is short
        self.close_seen = False

    def feed(self, data: bytes) -> bytes:
        """Take bytes in; return them as whole frames.

        Raises
        ------
        ProtocolError
            A masked frame, or a long control frame: no server sends one.
        """
        out: list[bytes] = []
        position = 0
        while position < len(data):
            if self._left == 0:
                self._head.append(data[position])
                position += 1
                if self._start_if_complete() and self._left == 0:
                    self._put(b"", out)
                continue
            piece = data[position : position + self._left]
            position += len(piece)
            self._left -= len(piece)
            self._put(piece, out)
        return b"".join(out)

    def _start_if_complete(self) -> bool:
        head = self._head
        if len(head) < 2:
            return False
        if head[1] & 0x80:
            raise ProtocolError("A frame of the server is masked.")
        short = head[1] & 0x7F
        extra = {126: 2, 127: 8}.get(short, 0)
        if len(head) < 2 + extra:
            return False
        self._first = head[0]
        self._left = int.from_bytes(head[2:], "big") if extra else short
        head.clear()
        if self._first & _CONTROL_OPCODES:
            if extra:
                raise ProtocolError("A control frame of the server is too long.")
            self._control = bytearray()
        return True

    def _put(self, piece: bytes, out: list[bytes]) -> None:
        if self._control is not None:
            self._control += piece
            if self._left == 0:
                if bytes(self._control) != KNOCK or self._first & 0x0F != _PONG_OPCODE:
                    out += [_frame_head(self._first, len(self._control)), bytes(self._control)]
                self._control = None
                self.close_seen = self.close_seen or self._first & 0x0F == _CLOSE_OPCODE
            return
        is_last = self._left == 0
        out += [_frame_head(self._first if is_last else self._first & ~_FIN, len(piece)), piece]
        self._first &= _FIN  # what follows continues


def _frame_head(first: int, length: int) -> bytes:
    if length < 126:
        return bytes((first, length))
    if length < 1 << 16:
        return bytes((first, 126)) + length.to_bytes(2, "big")
    return bytes((first, 127)) + length.to_bytes(8, "big")


class PageFrames:
    """Follows the frames of a page, so that one of ours can be put between two of them."""

    def __init__(self) -> None:
        self._head = bytearray()
        self._left_bytes = 0

    @property
    def is_between(self) -> bool:
        """Whether no frame is under way."""
        return not self._head and not self._left_bytes

    def feed(self, data: bytes) -> int | None:
        """Take the next bytes of the page's stream; returns behind which of them a frame ends, None where none does."""
        position, end = 0, None
        while position < len(data):
            if self._left_bytes:
                taken = min(self._left_bytes, len(data) - position)
                self._left_bytes -= taken
                position += taken
            else:
                self._head.append(data[position])
                position += 1
                self._start_if_complete()
            if self.is_between:
                end = position
        return end

    def _start_if_complete(self) -> None:
        head = self._head
        if len(head) < 2:
            return
        short = head[1] & 0x7F
        extra = {126: 2, 127: 8}.get(short, 0)
        if len(head) < 2 + extra:
            return
        length_bytes = int.from_bytes(head[2:], "big") if extra else short
        self._left_bytes = length_bytes + (4 if head[1] & _MASKED else 0)
        head.clear()


def close_frame(code: int, reason: str) -> bytes:
    """Return an unmasked close frame (RFC 6455, 5.5.1)."""
    payload = struct.pack(">H", code) + reason.encode("utf-8")[:120]
    return bytes((_FIN | _CLOSE_OPCODE, len(payload))) + payload


def ping_frame() -> bytes:
    """Return a masked ping (RFC 6455, 5.5.2), as a client sends it."""
    mask = secrets.token_bytes(4)
    masked = bytes(octet ^ mask[place % 4] for place, octet in enumerate(KNOCK))
    return bytes((_FIN | _PING_OPCODE, _MASKED | len(KNOCK))) + mask + masked
