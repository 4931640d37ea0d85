"""Deletion of studies over the storage node's internal HTTP."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence

import pytest

from dicom_gateway.api.series_cache import SeriesCache
from tests.http.test_storage_api import ROOT, node, only_series, shared_nodes, sqlite_node
from tests.support.phantom_files import make_ct, make_ct_series, to_bytes
from tests.support.storage_http import StorageHttp
from webviewer.adapters.db.engine import make_engine
from webviewer.adapters.db.unit_of_work import SqlStorageUnitOfWorkFactory
from webviewer.adapters.files import ObjectStore
from webviewer.archive import OwnerId, Series, SeriesId, StudyId
from webviewer.config import DatabaseSettings
from webviewer.usecases.delete_studies import delete_studies

__all__ = ["node", "shared_nodes", "sqlite_node"]  # fixtures


def test_deleting_removes_rows_files_and_claims_and_tells_the_pages(node: StorageHttp) -> None:
    for ds in make_ct_series(2):
        node.upload(to_bytes(ds))
    node.upload(to_bytes(make_ct(study_uid=f"{ROOT}.7", series_uid=f"{ROOT}.7.1")))
    series = only_series(node)
    studies = node.session.get(f"{node.owner()}/studies", params={"sort": "instance_count"}).json()["studies"]
    large, small = studies[0]["study_id"], studies[1]["study_id"]
    assert series["study_id"] in {large, small}
    assert len(node.stored_files()) == 3
    answer = node.session.post(f"{node.owner()}/studies/delete", json={"study_ids": [large, large, 4711]})
    assert answer.json() == {"deleted": 1}
    assert len(node.stored_files()) == 1
    assert list(node.claims.iterdir()) == []
    assert node.events()[-1] == {"type": "study_deleted", "owner_id": 1, "study_ids": [large]}
    assert node.session.get(f"{node.owner()}/studies/{large}").status_code == 404
    assert node.session.get(f"{node.owner()}/studies/{small}").status_code == 200


def test_numbers_never_come_back_after_a_deletion(node: StorageHttp) -> None:
    data = to_bytes(make_ct())
    node.upload(data)
    old = only_series(node)
    assert node.session.post(f"{node.owner()}/studies/delete", json={"study_ids": [old["study_id"]]}).ok
    node.upload(data)
    new = only_series(node)
    assert new["study_id"] > old["study_id"]
    assert new["series_id"] > old["series_id"]


def test_a_deletion_drops_only_what_is_kept_of_its_own_studies() -> None:
    def series(series_id: int, study_id: int) -> Series:
        return Series(SeriesId(series_id), StudyId(study_id), "1.2", "CT", 1, "", "", 1, 1, True)

    answers = SeriesCache()
    for owner, series_id, study_id in ((1, 11, 1), (1, 12, 2), (2, 21, 1)):
        answers.put(OwnerId(owner), series(series_id, study_id), "page", b"kept")
    answers.forget(OwnerId(1), {StudyId(1)})
    assert answers.get(OwnerId(1), series(11, 1), "page") is None
    assert answers.get(OwnerId(1), series(12, 2), "page") == b"kept"
    assert answers.get(OwnerId(2), series(21, 1), "page") == b"kept"


class WatchedFiles:
    """The real store; at each of its calls a second writer takes SQLite's one lock, which must be free."""

    def __init__(self, store: ObjectStore, database: DatabaseSettings) -> None:
        self._store = store
        self._writer = sqlite3.connect(database.name, timeout=0, isolation_level=None)
        self.calls: list[str] = []

    def claim(self, file_names: Sequence[str]) -> None:
        self._note("claim")
        self._store.claim(file_names)

    def remove(self, file_names: Sequence[str]) -> None:
        self._note("remove")
        self._store.remove(file_names)

    def close(self) -> None:
        self._writer.close()

    def _note(self, call: str) -> None:
        self.calls.append(call)
        self._writer.execute("BEGIN IMMEDIATE")
        self._writer.execute("ROLLBACK")


def test_deleting_does_no_file_work_while_it_keeps_others_from_writing(
    sqlite_node: StorageHttp, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(2):
        uid = f"{ROOT}.{number}"
        sqlite_node.upload(to_bytes(make_ct(study_uid=uid, series_uid=f"{uid}.1")))
    page = sqlite_node.session.get(f"{sqlite_node.owner()}/studies").json()
    ids = sorted(study["study_id"] for study in page["studies"])
    connections = make_engine(sqlite_node.database)
    files = WatchedFiles(ObjectStore(sqlite_node.folder / "storage"), sqlite_node.database)
    told: list[Mapping[str, object]] = []
    try:
        with caplog.at_level("INFO", logger="webviewer.usecases.delete_studies"):
            done = delete_studies(
                SqlStorageUnitOfWorkFactory(connections),
                files,
                told.append,
                OwnerId(1),
                [StudyId(one) for one in [*ids, 4711]],
            )
    finally:
        files.close()
        connections.dispose()
    assert files.calls == ["claim", "remove", "claim", "remove"]
    assert (list(done.study_ids), done.file_count) == (ids, 2)
    assert told == [{"type": "study_deleted", "owner_id": 1, "study_ids": ids}]
    assert sqlite_node.stored_files() == []
    assert list(sqlite_node.claims.iterdir()) == []
    (line,) = caplog.records
    assert (line.message, line.owner_id, line.study_ids) == ("studies_deleted", 1, ids)  # type: ignore[attr-defined]  # extra of the log
    assert "Phantom" not in str(vars(line))


def test_a_wrong_wish_to_delete_is_refused(sqlite_node: StorageHttp) -> None:
    bodies: list[dict[str, object]] = [
        {},
        {"study_ids": []},
        {"study_ids": ["1"]},
        {"study_ids": [0]},
        {"study_ids": 1},
    ]
    for body in bodies:
        answer = sqlite_node.session.post(f"{sqlite_node.owner()}/studies/delete", json=body)
        assert answer.status_code == 400
        assert "study_ids" in answer.json()["error"]["message"]
