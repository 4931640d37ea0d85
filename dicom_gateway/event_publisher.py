"""Tells the control node what was stored, soon and once for each study, and again while it does not answer."""

from __future__ import annotations

import logging
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence

from webviewer.adapters.nodes import NodeClient
from webviewer.archive import OwnerId, Receipt, SeriesId, StudyId

logger = logging.getLogger(__name__)

_PATH = "/internal/v1/events"
_GATHER_S = 0.25
_RETRY_S = (0.5, 1.0, 2.0, 5.0)
_TIMEOUT_S = 5.0
_MAX_WAITING = 10_000  # studies; beyond that the oldest is forgotten: a page that is loaded again shows it anyway
_MAX_EVENTS_A_POST = 500
_MAX_SERIES_AN_EVENT = 1_000

Event = Mapping[str, object]


class EventPublisher:
    """Gathers events and posts them from a thread of its own, so that nobody waits for the control node.

    Parameters
    ----------
    control_url
        Address of the control node's internal HTTP; empty where this node cannot reach it: then nobody is told, and
        pages show what is new when they load their list again.
    token
        Internal token.
    counts
        Returns the current number of instances of a study, None if it is gone.
    tls
        How an ``https`` control node is believed.
    """

    def __init__(
        self,
        control_url: str,
        token: str,
        counts: Callable[[OwnerId, StudyId], int | None],
        *,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        # Opens nothing yet; and never goes through a proxy of the environment, which would learn the token.
        self._client: NodeClient | None = None
        if control_url:
            self._client = NodeClient(
                control_url,
                token,
                node="control node",
                connections=1,
                read_timeout_s=_TIMEOUT_S,
                tls=tls,
                is_control=True,
            )
        self._counts = counts
        self._changed: dict[tuple[OwnerId, StudyId], _Change] = {}
        self._others: list[Event] = []
        self._lock = threading.Condition()
        self._thread: threading.Thread | None = None

    def stored(self, receipts: Sequence[tuple[OwnerId, Receipt]]) -> None:
        """Note objects that were stored."""
        with self._lock:
            for owner_id, receipt in receipts:
                change = self._change_of(owner_id, receipt.study_id)
                change.series.add(receipt.series_id)
                change.new = change.new or receipt.new_study
                # Their rows are marked from now on.
                for other in () if receipt.kept_apart is None else receipt.kept_apart.study_ids:
                    self._change_of(owner_id, other)
            self._wake()

    def _change_of(self, owner_id: OwnerId, study_id: StudyId) -> _Change:
        change = self._changed.get((owner_id, study_id))
        if change is None:
            while len(self._changed) >= _MAX_WAITING:
                self._changed.pop(next(iter(self._changed)))
            change = self._changed[owner_id, study_id] = _Change()
        return change

    def publish(self, event: Event) -> None:
        """Note any other event, for example that studies were deleted."""
        with self._lock:
            if len(self._others) >= _MAX_WAITING:
                del self._others[0]
            self._others.append(event)
            self._wake()

    def _wake(self) -> None:
        if self._client is None:
            self._changed.clear()
            self._others.clear()
            return
        if self._thread is None:
            # Made here, not at the start: the process may have been forked since.
            self._thread = threading.Thread(target=self._run, name="events", daemon=True)
            self._thread.start()
        self._lock.notify()

    def _run(self) -> None:
        failures = 0
        while True:
            with self._lock:
                while not self._changed and not self._others:
                    self._lock.wait()
            time.sleep(_GATHER_S if failures == 0 else _RETRY_S[min(failures, len(_RETRY_S)) - 1])
            with self._lock:
                changed, self._changed = self._changed, {}
                others, self._others = self._others, []
            try:
                events = [*others, *self._study_events(changed)]
                for start in range(0, len(events), _MAX_EVENTS_A_POST):
                    self._post(events[start : start + _MAX_EVENTS_A_POST])
            except Exception as exc:  # noqa: BLE001  the control node or the index is away; both come back
                if failures == 0:
                    logger.warning("events_not_delivered", extra={"reason": type(exc).__name__})
                failures += 1
                self._put_back(changed, others)
            else:
                failures = 0

    def _study_events(self, changed: Mapping[tuple[OwnerId, StudyId], _Change]) -> list[Event]:
        events: list[Event] = []
        for (owner_id, study_id), change in changed.items():
            count = self._counts(owner_id, study_id)
            if count is not None:
                events.append(
                    {
                        "type": "study_changed",
                        "owner_id": owner_id,
                        "study_id": study_id,
                        "series_ids": sorted(change.series)[:_MAX_SERIES_AN_EVENT],
                        "instance_count": count,
                        "new": change.new,
                    }
                )
        return events

    def _put_back(self, changed: Mapping[tuple[OwnerId, StudyId], _Change], others: Sequence[Event]) -> None:
        with self._lock:
            for key, change in changed.items():
                newer = self._changed.get(key)
                if newer is not None:
                    newer.series |= change.series
                    newer.new = newer.new or change.new
                elif len(self._changed) < _MAX_WAITING:
                    self._changed[key] = change
            self._others = [*others, *self._others][-_MAX_WAITING:]

    def _post(self, events: Sequence[Event]) -> None:
        if self._client is not None:
            self._client.json("POST", _PATH, value={"events": events})


class _Change:
    """What is to be told of a study."""

    __slots__ = ("new", "series")

    def __init__(self) -> None:
        self.series: set[SeriesId] = set()
        self.new = False
