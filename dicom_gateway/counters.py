"""Counts that all processes of the storage node share, in memory that they inherit."""

from __future__ import annotations

import mmap
import threading
from enum import IntEnum


class Counter(IntEnum):
    """What is counted, since the start of the node."""

    STORED = 0
    DUPLICATES = 1
    REFUSED = 2
    BYTES = 3  # of data sets received
    ASSOCIATIONS = 4  # accepted
    REJECTED = 5  # associations
    ABORTED = 6  # associations that ended without release
    COMMITS = 7  # of the index
    PEER_LIMITED = 8  # associations rejected because their calling AE title or address held its share
    RESTARTS = 9  # of processes of this node that died
    DAMAGED_READS = 10  # of stored files that readers met damaged
    SCRUBBED_FILES = 11  # verified in the background
    SCRUBBED_BYTES = 12
    FILES_READ = 13  # stored files that were opened for readers
    PATIENTS_KEPT_APART = 14  # study rows made for another patient of a known Study Instance UID
    PATIENTS_REFUSED = 15  # objects of another patient than the study's


class ProcessCounters:
    """The counts of one process; only that process writes them."""

    def __init__(self, cells: memoryview, first: int) -> None:
        self._cells = cells
        self._first = first
        self._lock = threading.Lock()

    def add(self, counter: Counter, value: int = 1) -> None:
        """Add to a count."""
        with self._lock:
            self._cells[self._first + counter] += value


class SharedCounters:
    """One row of counts for each process.

    Parameters
    ----------
    processes
        How many rows.
    """

    def __init__(self, processes: int) -> None:
        size = processes * len(Counter) * 8
        self._cells = memoryview(mmap.mmap(-1, max(size, mmap.PAGESIZE)))[:size].cast("q")
        self._processes = processes

    def row(self, process: int) -> ProcessCounters:
        """Return the counts that the given process may write."""
        return ProcessCounters(self._cells, process * len(Counter))

    def total(self, counter: Counter) -> int:
        """Return a count summed over all processes."""
        return sum(self._cells[row * len(Counter) + counter] for row in range(self._processes))
