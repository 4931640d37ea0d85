"""The storage node's counts as Prometheus reads them."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from dicom_gateway.counters import Counter, SharedCounters
from dicom_gateway.file_facts import FileFacts
from webviewer.archive import FileDamage

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
    Counter.SCRUBBED_FILES: ("webviewer_scrub_files", "Stored files that were verified in the background"),
    Counter.SCRUBBED_BYTES: ("webviewer_scrub_bytes", "Bytes that were verified in the background"),
}


class _NodeCollector(Collector):
    def __init__(
        self,
        counters: SharedCounters,
        open_associations: int,
        free_bytes: int,
        patient_conflicts: int | None,
        files: FileFacts,
    ) -> None:
        self._counters = counters
        self._open_associations = open_associations
        self._free_bytes = free_bytes
        self._patient_conflicts = patient_conflicts
        self._files = files

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

        yield from self._file_metrics()

    def _file_metrics(self) -> Iterator[Metric]:
        files = self._files
        usable = GaugeMetricFamily(
            "webviewer_database_usable",
            "Whether the database can be used now: 1 or 0",
            value=not files.database_problem,
        )
        yield usable
        if files.database_checked_at_s is not None:
            words = "Whether the last check of the database file found damage: 1 or 0"
            yield GaugeMetricFamily("webviewer_database_damaged", words, value=bool(files.database_damage))
            words = "Unix time of the last check of the database file"
            yield GaugeMetricFamily("webviewer_database_checked_seconds", words, value=files.database_checked_at_s)
        if files.scrub is None:
            return
        damaged = GaugeMetricFamily(
            "webviewer_stored_files_damaged", "Stored files that are known to be damaged", labels=["damage"]
        )
        for damage in FileDamage:
            damaged.add_metric([damage.value], files.damaged.get(damage, 0))
        yield damaged
        if files.scrub.finished_at is not None:
            words = "Unix time at which the last verification of all stored files ended"
            ended_s = files.scrub.finished_at.timestamp()
            yield GaugeMetricFamily("webviewer_scrub_round_ended_seconds", words, value=ended_s)


def metrics_text(
    counters: SharedCounters,
    open_associations: int,
    free_bytes: int,
    patient_conflicts: int | None,
    files: FileFacts,
) -> bytes:
    """Return the counts as text for Prometheus; without the conflicts while the index cannot be read (None)."""
    registry = CollectorRegistry()
    registry.register(_NodeCollector(counters, open_associations, free_bytes, patient_conflicts, files))
    return generate_latest(registry)
