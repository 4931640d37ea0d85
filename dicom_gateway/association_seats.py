"""Table of open associations in memory that all acceptor processes share: who holds one, and who may open another.

Rules:

- All acceptors together hold at most ``max_associations``.
- One calling AE title holds at most its percentage of them, and so does one address, but always at least one.
- The associations of a dead acceptor are given back by `release_all`.
"""

from __future__ import annotations

import fcntl
import ipaddress
import mmap
import struct
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

_SLOT = struct.Struct("=q16s16s")  # number of the acceptor plus one (0: free), calling AE title, address
_HOLDER = struct.Struct("=q")


class SeatRefusal(StrEnum):
    """Why an association gets no seat, in words for the log."""

    NODE = "all associations are taken"
    AE_TITLE = "the calling AE title holds its share of the associations"
    ADDRESS = "the address holds its share of the associations"


@dataclass(frozen=True, slots=True)
class SeatLimits:
    """How many associations may be open.

    Attributes
    ----------
    max_associations
        Of all peers together.
    ae_title_percent, address_percent
        Share of them that one calling AE title, and one address, may hold.
    """

    max_associations: int
    ae_title_percent: int = 50
    address_percent: int = 50

    @property
    def of_ae_title(self) -> int:
        """Most associations of one calling AE title."""
        return max(1, self.max_associations * self.ae_title_percent // 100)

    @property
    def of_address(self) -> int:
        """Most associations of one address."""
        return max(1, self.max_associations * self.address_percent // 100)


class AssociationSeats:
    """The shared table; made before the acceptors are forked.

    Parameters
    ----------
    limits
        How many associations may be open.

    Notes
    -----
    Between processes a record lock of the kernel guards the table: it ends with the process that holds it, so an
    acceptor that is killed inside `take` stops nobody. A slot's holder is written last, so a torn slot is free.
    """

    def __init__(self, limits: SeatLimits) -> None:
        self._limits = limits
        size = limits.max_associations * _SLOT.size
        self._slots = memoryview(mmap.mmap(-1, size))[:size]
        # Record locks belong to processes, so one open file serves all of them; it is open as long as they live.
        self._lock_fd, path = tempfile.mkstemp()
        Path(path).unlink()
        self._thread_lock = threading.Lock()

    def take(self, acceptor: int, ae_title: str, address: str) -> int | SeatRefusal:
        """Seat an association.

        Parameters
        ----------
        acceptor
            Number of the process, from 0.
        ae_title
            Calling AE title without its padding; upper and lower case are different titles (PS3.5 6.2).
        address
            The peer's IP address.

        Returns
        -------
        int or SeatRefusal
            The number of the seat, for `leave`, or why there is none.
        """
        title = ae_title.encode().ljust(16)
        place = packed_address(address)
        free = -1
        of_title = of_place = 0
        with self._exclusive():
            for number, (holder, its_title, its_place) in enumerate(_SLOT.iter_unpack(self._slots)):
                if holder == 0:
                    free = number if free < 0 else free
                    continue
                of_title += its_title == title
                of_place += its_place == place
            if free < 0:
                return SeatRefusal.NODE
            if of_title >= self._limits.of_ae_title:
                return SeatRefusal.AE_TITLE
            if of_place >= self._limits.of_address:
                return SeatRefusal.ADDRESS
            _SLOT.pack_into(self._slots, free * _SLOT.size, 0, title, place)
            _HOLDER.pack_into(self._slots, free * _SLOT.size, acceptor + 1)
        return free

    def leave(self, seat: int) -> None:
        """Give a seat back."""
        with self._exclusive():
            _HOLDER.pack_into(self._slots, seat * _SLOT.size, 0)

    def release_all(self, acceptor: int) -> int:
        """Give back the seats of an acceptor that has died; returns how many it held."""
        released = 0
        with self._exclusive():
            for number, (holder, _title, _place) in enumerate(_SLOT.iter_unpack(self._slots)):
                if holder == acceptor + 1:
                    _HOLDER.pack_into(self._slots, number * _SLOT.size, 0)
                    released += 1
        return released

    def count(self) -> int:
        """Return how many associations are open."""
        return sum(holder != 0 for holder, _title, _place in _SLOT.iter_unpack(self._slots))

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        with self._thread_lock:
            fcntl.lockf(self._lock_fd, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.lockf(self._lock_fd, fcntl.LOCK_UN)


def packed_address(address: str) -> bytes:
    """Return 16 bytes that are the same for all spellings of one IP address, IPv4 inside IPv6 included."""
    ip = ipaddress.ip_address(address.split("%", maxsplit=1)[0])
    if isinstance(ip, ipaddress.IPv6Address):
        return ip.packed
    return bytes(10) + b"\xff\xff" + ip.packed
