"""Answers about series, ready to be sent, so that opening a series again costs one look at its row."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Collection

from webviewer.archive import OwnerId, Series, StudyId


class SeriesCache:
    """Encoded answers by series, at most `limit_bytes` of them; the least used goes first.

    An answer holds while the series has the number of objects and frames it had: objects are only ever added to a
    series, and a series that is deleted never gives its number to another one.
    """

    def __init__(self, limit_bytes: int = 64 * 1024**2) -> None:
        self._limit_bytes = limit_bytes
        self._used_bytes = 0
        self._answers: OrderedDict[tuple[OwnerId, int, str], tuple[Series, bytes]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, owner_id: OwnerId, series: Series, kind: str) -> bytes | None:
        """Return the answer of a kind about a series as it is now, None if there is none."""
        key = (owner_id, series.series_id, kind)
        with self._lock:
            known = self._answers.get(key)
            if known is None or known[0] != series:
                return None
            self._answers.move_to_end(key)
            return known[1]

    def put(self, owner_id: OwnerId, series: Series, kind: str, answer: bytes) -> None:
        """Keep an answer; one that is larger than a quarter of the room is not worth the others."""
        if len(answer) > self._limit_bytes // 4:
            return
        key = (owner_id, series.series_id, kind)
        with self._lock:
            old = self._answers.pop(key, None)
            if old is not None:
                self._used_bytes -= len(old[1])
            self._answers[key] = (series, answer)
            self._used_bytes += len(answer)
            while self._used_bytes > self._limit_bytes:
                self._used_bytes -= len(self._answers.popitem(last=False)[1][1])

    def forget(self, owner_id: OwnerId, study_ids: Collection[StudyId]) -> None:
        """Drop what is known of the series of an owner's studies."""
        with self._lock:
            gone = [
                key for key, (series, _) in self._answers.items() if key[0] == owner_id and series.study_id in study_ids
            ]
            for key in gone:
                self._used_bytes -= len(self._answers.pop(key)[1])
