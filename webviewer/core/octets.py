"""Octets that arrive piece by piece: what reads them, and a body whose length was announced."""

from __future__ import annotations

from typing import Protocol

from webviewer.core.errors import TooSlow

_DRAIN_PIECE_BYTES = 64 * 1024


class ByteSource(Protocol):
    """Something that is read from its start to its end."""

    def read(self, size: int = -1, /) -> bytes:
        """Return at most `size` bytes, all for -1, none at the end."""
        ...


class AnnouncedOctets:
    """A body that ends where it was announced to; reading fails if the sender leaves or falls silent before.

    Parameters
    ----------
    source
        What the sender sends; may go on beyond the body.
    length_bytes
        As announced.
    """

    def __init__(self, source: ByteSource, length_bytes: int) -> None:
        self.length_bytes = length_bytes
        self.left_bytes = length_bytes
        self._source = source

    def read(self, size: int = -1, /) -> bytes:
        """Return at most `size` bytes, none at the end.

        Raises
        ------
        TimeoutError
            The sender was silent for longer than its connection allows.
        ConnectionError
            The sender left before the end.
        """
        if not self.left_bytes:
            return b""
        try:
            piece = self._source.read(self.left_bytes if size < 0 else min(size, self.left_bytes))
        except TooSlow as error:
            raise TimeoutError(error.message) from error
        except BlockingIOError as error:  # how a blocking socket with a time limit of the kernel says it
            raise TimeoutError(f"the sender was silent {self.left_bytes} bytes before the end") from error
        if not piece:
            raise ConnectionResetError(f"the sender left {self.left_bytes} bytes before the end")
        self.left_bytes -= len(piece)
        return piece


def drain(source: ByteSource, most_bytes: int) -> None:
    """Read what is left of a refused body: a sender that still sends would never see the answer.

    Parameters
    ----------
    source
        What the sender sends.
    most_bytes
        No more than this is read: the rest is not worth it.
    """
    while most_bytes > 0 and (piece := source.read(min(most_bytes, _DRAIN_PIECE_BYTES))):
        most_bytes -= len(piece)
