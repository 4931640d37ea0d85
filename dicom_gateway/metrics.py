"""The storage node's counts as Prometheus reads them."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from dicom_gateway.counters import Counter, SharedCounters

_WORDS = {
    Counter.STORED: ("webviewer_dicom_objects_stored", "Objects stored"),
    Counter.DUPLICATES: ("webviewer_dicom_objects_duplicate", "Objects that were stored already, in any encoding"),
    Counter.REFUSED: ("webviewer_dicom_objects_refused", "Objects refused"),
    Counter.BYTES: ("webviewer_dicom_received_bytes", "Bytes of objects received"),
    Counter.ASSOCIATIONS: ("webviewer_dicom_associations", "Associations accepted"),
    Counter.REJECTED: ("webviewer_dicom_associations_rejected", "Associations rejected"),
    Counter.ABORTED: ("webviewer_dicom_associations_aborted", "Associations that ended without a release"),
    Counter.PEER_LIMITED: (
        "webviewer_dicom_associations_over_share",
        "Associations rejected because their calling AE title or address held its share",
    ),
    Counter.RESTARTS: (
        "webviewer_storage_process_restarts",
        "Processes of this node that died and were replaced",
    ),
    Counter.COMMITS: ("webviewer_index_commits", "Group commits of the index"),
    Counter.DAMAGED_READS: ("webviewer_stored_file_damaged_reads", "Readings of stored files that were damaged"),
    Counter.PATIENTS_KEPT_APART: (
        "webviewer_index_patients_kept_apart",
        "Study rows made because a further patient came under a known Study Instance UID",
    ),
    Counter.PATIENTS_REFUSED: (
        "webviewer_index_patients_refused",
        "Objects refused because their patient is another one than the study's",
    ),
}


class _NodeCollector(Collector):
    def __init__(
        self, counters: SharedCounters, open_associations: int, free_bytes: int, patient_conflicts: int | None
    ) -> None:
        self._counters = counters
        self._open_associations = open_associations
        self._free_bytes = free_bytes
        self._patient_conflicts = patient_conflicts

    def collect(self) -> Iterator[Metric]:
        for counter, (name, words) in _WORDS.items():
            yield CounterMetricFamily(name, words, value=self._counters.total(counter))
        yield GaugeMetricFamily("webviewer_dicom_associations_open", "Associations now", value=self._open_associations)
        yield GaugeMetricFamily("webviewer_storage_free_bytes", "Room on the storage's disk", value=self._free_bytes)
        if self._patient_conflicts is not None:
            yield GaugeMetricFamily(
                "webviewer_index_patient_conflicts",
                "Study rows that share their Study Instance UID with another patient's row",
                value=self._patient_conflicts,
            )


def metrics_text(
    counters: SharedCounters, open_associations: int, free_bytes: int, patient_conflicts: int | None
) -> bytes:
    """Return the counts as text for Prometheus; without the conflicts while the index cannot be read (None)."""
    registry = CollectorRegistry()
    registry.register(_NodeCollector(counters, open_associations, free_bytes, patient_conflicts))
    return generate_latest(registry)
