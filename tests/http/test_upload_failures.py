"""Uploads that the disk, the index or a hostile name stop: what is said, and what stays."""

from __future__ import annotations

import io
import threading
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dicom_gateway.indexer import IndexWriter
from dicom_gateway.upload import UploadLimits, UploadStore
from dicom_gateway.upload_examine import ExamineLimits, Examiner, Outcome
from dicom_gateway.upload_receive import UploadReceiver
from tests.support.phantom_files import make_ct_series, to_bytes
from tests.support.storage_http import DirectIndex, sqlite_settings
from tests.support.waiting import eventually
from webviewer.adapters.db.engine import make_engine
from webviewer.adapters.db.unit_of_work import SqlStorageUnitOfWorkFactory
from webviewer.adapters.files import ObjectStore
from webviewer.archive import InstanceRecord, OwnerId
from webviewer.core.errors import InvalidInput, NotFound, OutOfResources, WebviewerError

OWNER = OwnerId(1)
DISK_BYTES = 12_000_000
KEPT_BYTES = 3_000_000


class Storage:
    """A real folder and index on a disk of `DISK_BYTES`: what the folder holds is counted, block by block."""

    def __init__(self, folder: Path, disk_bytes: int = DISK_BYTES) -> None:
        self.folder = folder / "storage"
        self.store = ObjectStore(self.folder)
        self.store.prepare()
        self.engine = make_engine(sqlite_settings(folder))
        self.index: Any = DirectIndex(IndexWriter(SqlStorageUnitOfWorkFactory(self.engine), lambda _receipts: None))
        self.disk_bytes = disk_bytes
        self.least_free_bytes = disk_bytes
        self.later_s = 0.0
        self.uploads_folder = self.folder / "uploads"
        self.uploads_folder.mkdir()
        self.receiver = UploadReceiver(self.store, self.index, 2**33, self.uploads_folder)

    def uploads(self, **limits: Any) -> UploadStore:
        wanted = {"keep_free_bytes": KEPT_BYTES, **limits}
        examiner = Examiner(self.receiver)
        return UploadStore(
            self.uploads_folder,
            examiner,
            UploadLimits(**wanted),
            self.free_bytes,
            clock=lambda: time.time() + self.later_s,
        )

    def free_bytes(self) -> int:
        used = sum(file.stat().st_blocks * 512 for file in self.folder.rglob("*") if file.is_file())
        self.least_free_bytes = min(self.least_free_bytes, self.disk_bytes - used)
        return self.disk_bytes - used

    def stored(self) -> list[bytes]:
        return sorted(
            file.read_bytes() for file in self.store.data.rglob("*") if file.is_file() and file.stat().st_size
        )


@pytest.fixture
def storage(tmp_path: Path) -> Any:
    made = Storage(tmp_path)
    yield made
    made.engine.dispose()


def packed(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def slices(count: int, edge: int = 64) -> dict[str, bytes]:
    return {f"IM{at}": to_bytes(ds) for at, ds in enumerate(make_ct_series(count, rows=edge, columns=edge), 1)}


def upload(uploads: UploadStore, data: bytes, name: str) -> dict[str, Any]:
    upload_id = str(uploads.create(OWNER, name, len(data))["upload_id"])
    uploads.write_part(OWNER, upload_id, 0, io.BytesIO(data))
    eventually(lambda: uploads.get(OWNER, upload_id)["state"] == "done", what="an upload that is dealt with")
    return uploads.get(OWNER, upload_id)


def test_a_zip_leaves_the_room_that_is_kept_for_modalities(storage: Storage) -> None:
    members = slices(12, edge=700)  # 1 MB each; packed, all of them are small
    data = packed(members)
    assert len(data) < 3_000_000
    assert sum(map(len, members.values())) > 11_000_000
    uploads = storage.uploads()
    state = upload(uploads, data, "big.zip")
    assert 2 <= state["stored"] <= 8
    assert storage.stored() == sorted(list(members.values())[: state["stored"]])
    assert storage.free_bytes() >= KEPT_BYTES
    assert storage.least_free_bytes >= KEPT_BYTES
    left = 12 - state["stored"]
    assert [(one["name"], one["reason"]) for one in state["skipped"]] == [("big.zip", "unavailable")]
    words = state["skipped"][0]["message"]
    assert words.startswith(f"There is no room for the last {left} of 12 files; what was stored before stays. ")
    assert " of which 3 MB are kept for modalities" in words
    uploads.close()


def test_a_modality_that_fills_the_disk_meanwhile_stops_a_large_member(storage: Storage) -> None:
    """The room is looked at while a member is read, not only before it."""
    storage.disk_bytes = 200_000_000
    looks = 0
    real = storage.free_bytes

    def free_bytes() -> int:
        nonlocal looks
        looks += 1
        return real() if looks < 4 else KEPT_BYTES  # others have written

    ds = make_ct_series(1, rows=4000, columns=4000)[0]  # 32 MB
    data = packed({"large.dcm": to_bytes(ds)})
    storage.free_bytes = free_bytes  # type: ignore[method-assign]
    uploads = storage.uploads()
    state = upload(uploads, data, "large.zip")
    assert (state["stored"], [one["reason"] for one in state["skipped"]]) == (0, ["unavailable"])
    assert looks <= 6
    assert storage.stored() == []
    uploads.close()


def test_finished_uploads_beyond_the_cap_leave_no_folder_also_after_a_restart(storage: Storage) -> None:
    uploads = storage.uploads(max_done_per_owner=5)
    for number in range(7):
        upload(uploads, b"no DICOM", f"{number}.txt")
    assert len(list(storage.uploads_folder.iterdir())) == 5
    uploads.close()
    again = storage.uploads(max_done_per_owner=2)
    assert len(list(storage.uploads_folder.iterdir())) == 2
    again.close()


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/x.dcm",
        "/etc/x.dcm",
        "..\\..\\x.dcm",
        "C:\\x.dcm",
        "c:x",
        "a/../../x",
        "a/ .. /x",
        "..",
        "\\\\host\\x",
    ],
)
@pytest.mark.parametrize("content", ["dicom", "text"])
def test_a_name_that_leads_out_of_the_zip_is_refused_in_words(storage: Storage, name: str, content: str) -> None:
    body = to_bytes(make_ct_series(1)[0]) if content == "dicom" else b"no DICOM"
    file = packed({name: body, "good/a..b/IM.2": to_bytes(make_ct_series(2)[1])})
    _, outcomes = Examiner(storage.receiver).examine_file(OWNER, opener(storage, file), "up.zip")
    assert list(outcomes) == [
        Outcome(name, "unsafe_name", "The name leads out of the ZIP's own folder; a file with such a name is refused."),
        Outcome("good/a..b/IM.2", "stored"),
    ]


def opener(storage: Storage, data: bytes) -> Callable[[], Any]:
    file = storage.uploads_folder / "sample"
    file.write_bytes(data)
    return lambda: file.open("rb")


NOT_NOW = "The file could not be stored now; try again."


@pytest.mark.parametrize(
    "failure",
    [
        OutOfResources("The database does not answer."),
        WebviewerError("something of ours"),
        EOFError("the indexer has gone"),
        ConnectionResetError("the indexer has gone"),
        TimeoutError("the indexer is silent"),
        OSError(5, "Input/output error"),
        ValueError("a bug"),
        RuntimeError("a bug"),
    ],
)
@pytest.mark.parametrize("way", ["file", "zip", "whole"])
def test_what_fails_on_our_side_is_never_called_a_damaged_file(storage: Storage, failure: Exception, way: str) -> None:
    def submit(_owner_id: OwnerId, _record: InstanceRecord) -> Any:
        raise failure

    storage.index.submit = submit
    data = to_bytes(make_ct_series(1)[0])
    examiner = Examiner(storage.receiver, ExamineLimits(retry_after_s=(0.01,)))
    if way == "whole":
        found = [examiner.examine_stream(OWNER, io.BytesIO(data[1024:]), "IM1", data[:1024])]
    else:
        body = packed({"IM1": data}) if way == "zip" else data
        found = list(examiner.examine_file(OWNER, opener(storage, body), "IM1")[1])
    assert [(one.name, one.reason) for one in found] == [("IM1", "unavailable")]
    assert found[0].message.startswith(NOT_NOW)


def test_an_upload_cancelled_while_it_waits_or_is_stored_is_no_error_in_the_log(
    storage: Storage, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    begun, go_on = threading.Event(), threading.Event()
    real = storage.index.submit

    def submit(owner_id: OwnerId, record: InstanceRecord) -> Any:
        begun.set()
        go_on.wait(20)
        return real(owner_id, record)

    storage.index.submit = submit
    uploads = storage.uploads(workers=1)
    data = packed(slices(3))
    ids = [str(uploads.create(OWNER, "x.zip", len(data))["upload_id"]) for _ in range(3)]
    for upload_id in ids[:2]:
        uploads.write_part(OWNER, upload_id, 0, io.BytesIO(data))
    uploads.write_part(OWNER, ids[2], 0, io.BytesIO(data[:100]))
    assert begun.wait(20)
    for upload_id in ids:
        uploads.cancel(OWNER, upload_id)
    go_on.set()
    uploads.close()
    assert [(one.message, one.levelname) for one in caplog.records] == [("upload_cancelled", "INFO")] * 3
    assert list(storage.uploads_folder.iterdir()) == []


def test_a_damaged_file_is_still_called_damaged(storage: Storage) -> None:
    data = to_bytes(make_ct_series(1)[0])
    examiner = Examiner(storage.receiver)
    cut = examiner.examine_stream(OWNER, io.BytesIO(b""), "cut", data[:300])
    assert cut.reason == "broken"
    lying = bytearray(packed({"IM1": data}))
    lying[60:200] = b"\xff" * 140
    (outcome,) = examiner.examine_file(OWNER, opener(storage, bytes(lying)), "lying.zip")[1]
    assert outcome.reason == "broken"


def test_a_sender_that_leaves_is_no_failure_of_the_storage(storage: Storage) -> None:
    class Leaving:
        def read(self, _size: int = -1, /) -> bytes:
            raise ConnectionResetError("the sender left")

    data = to_bytes(make_ct_series(1)[0])
    with pytest.raises(ConnectionResetError, match="the sender left"):
        Examiner(storage.receiver).examine_stream(OWNER, Leaving(), "IM1", data[:1024])


def test_an_upload_that_cannot_be_kept_because_the_disk_is_full_is_refused_at_twice_its_size(storage: Storage) -> None:
    uploads = storage.uploads()
    room = storage.free_bytes() - KEPT_BYTES
    with pytest.raises(OutOfResources, match=r"^The disk has [0-9 ]+ MB left, of which [0-9 ]+ MB are kept for mod"):
        uploads.create(OWNER, "x.zip", room // 2 + 1)
    uploads.create(OWNER, "x.zip", room // 4)
    with pytest.raises(InvalidInput):
        uploads.create(OWNER, "x.zip", 0)
    uploads.close()


def test_an_object_that_would_take_the_last_of_the_disk_is_refused_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = [64 * 1024**2 - 1]
    monkeypatch.setattr(ObjectStore, "free_bytes", lambda _store: free[0])
    storage = Storage(tmp_path)
    examiner = Examiner(storage.receiver, ExamineLimits(retry_after_s=(0.01,)))
    data = to_bytes(make_ct_series(1)[0])

    def send() -> Outcome:
        return examiner.examine_stream(OWNER, io.BytesIO(data[1024:]), "IM1", data[:1024])

    words = "An object's file cannot be made: the disk has 67108863 bytes left, and the last 67108864 are kept free."
    assert send() == Outcome("IM1", "unavailable", f"{NOT_NOW} {words}")
    free[0] += 1_000_000
    assert send() == Outcome("IM1", "stored")
    storage.engine.dispose()


def test_an_abandoned_upload_takes_no_room_from_a_file_that_is_sent_whole(storage: Storage) -> None:
    storage.disk_bytes = 70_000_000
    uploads = storage.uploads()
    data = to_bytes(make_ct_series(1)[0])
    abandoned = str(uploads.create(OWNER, "x.zip", 26_000_000)["upload_id"])
    uploads.write_part(OWNER, abandoned, 0, io.BytesIO(b"x" * 1000))
    with pytest.raises(OutOfResources, match=r"^The disk has [0-9 ]+ MB left"):
        uploads.whole(OWNER, "IM1", io.BytesIO(data))
    storage.later_s += 24 * 3600 + 1
    assert uploads.whole(OWNER, "IM1", io.BytesIO(data))["stored"] == 1
    assert list(storage.uploads_folder.iterdir()) == []
    with pytest.raises(NotFound, match="or it has expired"):
        uploads.get(OWNER, abandoned)
    uploads.close()


def test_an_abandoned_upload_goes_by_itself_and_one_that_goes_on_stays(storage: Storage) -> None:
    uploads = storage.uploads(expire_every_s=0.02)
    ids = [str(uploads.create(OWNER, "x.zip", 100_000)["upload_id"]) for _ in range(2)]
    storage.later_s += 50 * 60
    uploads.write_part(OWNER, ids[1], 0, io.BytesIO(b"x" * 1000))
    storage.later_s += 50 * 60
    eventually(lambda: not (storage.uploads_folder / ids[0]).exists(), what="an abandoned upload that is dropped")
    assert uploads.get(OWNER, ids[1])["offset"] == 1000
    uploads.close()
