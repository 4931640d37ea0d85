"""What a download of studies consists of, series by series, so that a large study never lies in memory whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from webviewer.archive import OwnerId, Series, StoredInstance, Study, StudyId
from webviewer.core.errors import InvalidInput, NotFound
from webviewer.usecases.unit_of_work import StorageUnitOfWorkFactory

MAX_STUDIES = 200


@dataclass(frozen=True, slots=True)
class SeriesContents:
    """One series of a download and its objects, by instance number."""

    study: Study
    series: Series
    instances: tuple[StoredInstance, ...]


def studies_to_download(
    units: StorageUnitOfWorkFactory, owner_id: OwnerId, study_ids: Sequence[StudyId]
) -> tuple[Study, ...]:
    """Return the studies asked for, those of one patient together.

    Raises
    ------
    InvalidInput
        None, or more than `MAX_STUDIES`.
    NotFound
        One of them is not the owner's.
    """
    wanted = list(dict.fromkeys(study_ids))
    if not 1 <= len(wanted) <= MAX_STUDIES:
        raise InvalidInput(
            f"Parameter study_ids: {len(wanted)} studies are asked for; 1 to {MAX_STUDIES} fit into one archive.",
            details={"field": "study_ids", "value": len(wanted), "rule": f"1 to {MAX_STUDIES}"},
        )
    with units(read_only=True) as unit:
        studies = [unit.archive.get_study(owner_id, study_id) for study_id in wanted]
    return tuple(sorted(studies, key=lambda study: (study.patient_id, study.patient_name, study.study_id)))


def contents_of(
    units: StorageUnitOfWorkFactory, owner_id: OwnerId, studies: Sequence[Study]
) -> Iterator[SeriesContents]:
    """Yield the series of the studies, each read from the index when its turn comes."""
    for study in studies:
        with units(read_only=True) as unit:
            all_series = unit.archive.list_series(owner_id, study.study_id)
        for series in all_series:
            try:
                with units(read_only=True) as unit:
                    instances = unit.archive.list_instances(owner_id, series.series_id)
            except NotFound:
                continue  # deleted while the archive was being sent
            ordered = sorted(instances, key=lambda one: (one.instance_number is None, one.instance_number or 0))
            yield SeriesContents(study, series, tuple(ordered))
