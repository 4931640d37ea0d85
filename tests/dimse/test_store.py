"""C-STORE: what is answered Success is stored as it was sent, and what is not leaves nothing."""

from __future__ import annotations

import contextlib
import gc
import json
import shutil
import sqlite3
import struct
import subprocess
import threading
import warnings
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE, AllStoragePresentationContexts, build_context

from tests.dimse.node import AE_TITLE, TOKEN, Node, free_ports, processes_of_session, running_node
from tests.dimse.test_upper_layer import assert_alive, is_tidy, wait_until
from tests.dimse.wire import ASSOCIATE_RJ, CT, Peer, associate_rq, c_store, p_data, pdv
from tests.support import shared_data
from tests.support.phantom_files import compress, data_set_bytes, make_ct, make_ct_series, to_bytes

ROOT = "1.2.826.0.1.3680043.8.498.7"
SYNTAXES = [path for path in shared_data.files_under("transfer_syntaxes") if path.suffix == ".dcm"]


def ct(number: int, **more: Any) -> bytes:
    """Return the data set of a small CT object with UIDs of its own."""
    return data_set_bytes(make_ct(rows=8, columns=8, SOPInstanceUID=uid_of(number), **more))


def uid_of(number: int) -> str:
    return f"{ROOT}.77.{number}"


def store(node: Node, uid: str, data: bytes, *, sop_class: str = CT, transfer_syntax: str = "") -> int:
    """Send one object by hand in PDUs of at most 64 KB and return the status."""
    contexts = ((1, sop_class, (transfer_syntax or str(ExplicitVRLittleEndian),)),)
    with Peer(node.dicom_port) as peer:
        peer.associate(contexts=contexts)
        peer.send(c_store(uid.encode(), sop_class.encode()))
        for at in range(0, max(1, len(data)), 65000):
            part = data[at : at + 65000]
            peer.send(p_data(pdv(1, 2 if at + 65000 >= len(data) else 0, part)))
        return peer.status()


def storescu(node: Node, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["storescu", "-v", "-aec", AE_TITLE, "127.0.0.1", str(node.dicom_port), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_an_object_is_stored_as_sent_with_file_meta_of_its_own(node: Node) -> None:
    data = ct(1)
    assert store(node, uid_of(1), data) == 0x0000
    assert node.stored()[uid_of(1)] == data
    file_name = next(row[1] for row in node.rows() if row[0] == uid_of(1))
    meta = dcmread(node.storage / "data" / file_name).file_meta
    assert meta.MediaStorageSOPInstanceUID == uid_of(1)
    assert meta.MediaStorageSOPClassUID == CT
    assert meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert meta.SourceApplicationEntityTitle == "TEST"
    assert meta.ImplementationVersionName == "WEBVIEWER_1"


def test_the_same_object_again_is_success_and_one_copy(node: Node) -> None:
    assert [store(node, uid_of(2), ct(2)) for _ in range(3)] == [0x0000] * 3
    assert [row[0] for row in node.rows()].count(uid_of(2)) == 1
    wait_until(lambda: is_tidy(node))


def test_other_bytes_under_a_known_uid_are_refused_as_duplicate_and_logged(node: Node) -> None:
    first, second = ct(3), ct(3, PatientName="OTHER^NAME")
    assert store(node, uid_of(3), first) == 0x0000
    assert store(node, uid_of(3), second) == 0x0111
    assert store(node, uid_of(3), first) == 0x0000
    assert node.stored()[uid_of(3)] == first
    refused = [line for line in node.messages("object_refused") if line["sop_instance_uid"] == uid_of(3)]
    assert [line["status"] for line in refused] == ["0x0111"]
    assert "OTHER" not in node.log
    wait_until(lambda: is_tidy(node))


def test_the_same_values_in_another_transfer_syntax_are_the_same_object(node: Node) -> None:
    implicit = make_ct(rows=8, columns=8, SOPInstanceUID=uid_of(4))
    implicit.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    assert store(node, uid_of(4), ct(4)) == 0x0000
    data = data_set_bytes(implicit)
    assert store(node, uid_of(4), data, transfer_syntax=str(ImplicitVRLittleEndian)) == 0x0000
    assert node.stored()[uid_of(4)] == ct(4)


@pytest.mark.parametrize(
    ("announced", "inside", "status"),
    [
        pytest.param(uid_of(10), uid_of(11), 0xA900, id="another UID in the data set"),
        pytest.param("..", "..", 0x0117, id="dots"),
        pytest.param("../../../etc/passwd", "../../../etc/passwd", 0x0117, id="a relative path"),
        pytest.param("/abs/olute", "/abs/olute", 0x0117, id="an absolute path"),
        pytest.param("." * 64, "." * 64, 0x0117, id="64 dots"),
        pytest.param("1.2\0.3", "1.2\0.3", 0x0117, id="NUL inside"),
        pytest.param("1." * 40 + "1", "1." * 40 + "1", 0x0117, id="too long"),
        pytest.param("", "1.2.3", 0x0117, id="none"),
    ],
)
def test_an_object_whose_uid_is_not_what_it_should_be_is_refused(
    node: Node, announced: str, inside: str, status: int
) -> None:
    data = data_set_bytes(make_ct(rows=8, columns=8, SOPInstanceUID="1.2.3.4.5.6.7.8.9"))
    padded = inside.encode() + b"\0" * (len(inside) % 2)
    old = b"\x08\x00\x18\x00UI\x12\x001.2.3.4.5.6.7.8.9\0"
    assert old in data
    data = data.replace(old, b"\x08\x00\x18\x00UI" + len(padded).to_bytes(2, "little") + padded)
    before = node.files()
    assert store(node, announced, data) == status
    wait_until(lambda: node.files() == before and node.claims() == [])
    assert sorted(path.name for path in node.storage.iterdir()) == ["claims", "data", "uploads"]
    assert "passwd" not in node.log


def test_another_sop_class_in_the_data_set_is_refused(node: Node) -> None:
    mr = "1.2.840.10008.5.1.4.1.1.4"
    assert store(node, uid_of(12), ct(12), sop_class=mr) == 0xA900


def test_a_sop_class_that_is_not_the_contexts_is_refused(node: Node) -> None:
    with Peer(node.dicom_port) as peer:
        peer.associate()
        peer.send(c_store(uid_of(13).encode(), b"1.2.840.10008.5.1.4.1.1.4") + p_data(pdv(1, 2, ct(13))))
        assert peer.status() == 0x0122


def _nested(depth: int) -> bytes:
    """Return a data set with sequences in sequences, of undefined length."""
    opening = b"\x40\x00\x30\xa7SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"
    closing = b"\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0"
    return opening * depth + closing * depth


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\xff" * 5000, id="garbage"),
        pytest.param(ct(20)[:300], id="a header that is cut"),
        pytest.param(ct(20)[:20] + b"\xff\xff\xff\x7f" + ct(20)[24:], id="a length that lies"),
        pytest.param(ct(20).split(b"\xe0\x7f")[0] + _nested(10_000), id="sequences 10,000 deep"),
    ],
)
def test_a_data_set_that_cannot_be_understood_is_refused_and_leaves_nothing(node: Node, data: bytes) -> None:
    before = node.files()
    status = store(node, uid_of(20), data)
    assert status in {0xC000, 0xA900}
    wait_until(lambda: node.files() == before and node.claims() == [])
    assert_alive(node)


def test_a_deflated_bomb_is_refused_in_bounded_memory(tmp_path: Path) -> None:
    packer = zlib.compressobj(9, wbits=-15)
    head = ct(30).split(b"\xe0\x7f")[0]
    private = b"\x11\x00\x10\x00UN\0\0" + (0xFFFFFFF0).to_bytes(4, "little")
    bomb = packer.compress(head + private)
    zeros = b"\0" * 2**20
    bomb += b"".join(packer.compress(zeros) for _ in range(4095)) + packer.flush()
    with running_node(tmp_path) as node:
        status = store(node, uid_of(30), bomb, transfer_syntax=str(DeflatedExplicitVRLittleEndian))
        assert status == 0xC000
        assert_alive(node)
        assert peak_bytes(node) < 400 * 2**20


def peak_bytes(node: Node) -> int:
    """Return the largest peak of resident memory among the node's processes."""
    assert node.process is not None
    peaks = []
    for pid in processes_of_session(node.process.pid):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                peaks.append(int(line.split()[1]) * 1024)
    return max(peaks)


def test_an_object_over_the_limit_is_refused_and_the_association_goes_on(tmp_path: Path) -> None:
    with running_node(tmp_path, {"WEBVIEWER_MAX_OBJECT_BYTES": str(2**20)}) as node, Peer(node.dicom_port) as peer:
        peer.associate()
        peer.send(c_store(uid_of(40).encode()))
        for at in range(40):
            peer.send(p_data(pdv(1, 2 if at == 39 else 0, b"\0" * 60000)))
        assert peer.status() == 0xA700
        peer.send(c_store(uid_of(41).encode()) + p_data(pdv(1, 2, ct(41))))
        assert peer.status() == 0x0000
        assert set(node.stored()) == {uid_of(41)}


@pytest.mark.parametrize("path", SYNTAXES, ids=lambda path: path.stem)
def test_every_transfer_syntax_of_the_shared_data_is_stored_byte_by_byte(node: Node, path: Path) -> None:
    whole = path.read_bytes()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some of the files break rules that have nothing to do with receiving
        data_set = dcmread(path, force=True)
        uids = [str(data_set.get(name, "")) for name in ("SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID")]
    offset = 144 + data_set.file_meta.FileMetaInformationGroupLength if whole[128:132] == b"DICM" else None
    if offset is None:
        offset = whole.index(b"\x08\x00")  # file meta without a preamble
    syntax = str(data_set.file_meta.TransferSyntaxUID)
    # by hand, so that no library puts its own encoding in the place of the file's
    status = store(node, uids[0], whole[offset:], sop_class=str(data_set.SOPClassUID), transfer_syntax=syntax)
    if not all(0 < len(uid) <= 64 for uid in uids):
        # Type 1 attributes: without them nobody could find the object again
        assert status in {0xC000, 0x0117}
        assert uids[0] not in node.stored()
        return
    stored = {row[0]: row for row in node.rows()}
    if status == 0x0111:  # two files of one object in different encodings: the first one stays
        assert stored[uids[0]][4] != syntax
        return
    assert status == 0x0000
    assert node.stored()[uids[0]] == whole[offset:]
    assert stored[uids[0]][4] == syntax


@pytest.mark.parametrize("name", ["JPEGLosslessSV1", "RLELossless", "JPEGLSLossless"])
def test_compressed_objects_made_by_code_are_stored_byte_by_byte(node: Node, name: str) -> None:
    import pydicom.uid

    syntax = str(getattr(pydicom.uid, name))
    number = {"JPEGLosslessSV1": 50, "RLELossless": 51, "JPEGLSLossless": 52}[name]
    data = data_set_bytes(compress(make_ct(rows=16, columns=16, SOPInstanceUID=uid_of(number)), syntax))
    assert store(node, uid_of(number), data, transfer_syntax=syntax) == 0x0000
    assert node.stored()[uid_of(number)] == data


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_every_storage_class_in_every_transfer_syntax_is_accepted(node: Node) -> None:
    from pydicom.uid import AllTransferSyntaxes

    syntaxes = [uid for uid in AllTransferSyntaxes if not uid.startswith("1.2.840.10008.1.2.7.")]
    refused = []
    for start in range(0, len(AllStoragePresentationContexts), 100):
        ae = AE("TEST")
        part = AllStoragePresentationContexts[start : start + 100]
        ae.requested_contexts = [build_context(str(context.abstract_syntax), [*syntaxes]) for context in part]
        association = ae.associate("127.0.0.1", node.dicom_port, ae_title=AE_TITLE)
        assert len(association.accepted_contexts) == len(part)
        association.release()
    for start in range(0, len(syntaxes), 20):
        ae = AE("TEST")
        for uid in syntaxes[start : start + 20]:
            ae.add_requested_context(CT, uid)
        ae.requested_contexts = [build_context(CT, uid) for uid in syntaxes[start : start + 20]]
        association = ae.associate("127.0.0.1", node.dicom_port, ae_title=AE_TITLE)
        refused += [context.transfer_syntax[0].name for context in association.rejected_contexts]
        association.release()
    assert refused == []
    del ae, association
    gc.collect()  # pynetdicom leaves sockets to the garbage collector; its warnings belong to this test


@pytest.mark.parametrize(
    "sop_class",
    [
        pytest.param("1.2.840.10008.5.1.4.1.1.6", id="ultrasound as before 1996"),
        pytest.param("1.2.840.10008.5.1.4.1.1.3", id="ultrasound multi-frame as before 1996"),
        pytest.param("1.2.840.10008.5.1.4.1.1.5", id="nuclear medicine as before 1996"),
        pytest.param("1.2.840.10008.5.1.4.1.1.12.3", id="biplane angiography"),
        pytest.param("1.2.840.10008.5.1.4.1.1.88.1", id="trial text report"),
        pytest.param("1.2.840.10008.5.1.4.1.1.8", id="standalone overlay"),
        pytest.param("1.2.840.10008.5.1.4.1.1.601.1", id="eddy current"),
        pytest.param("1.2.840.10008.5.1.4.1.1.200.7", id="procedure protocol"),
    ],
)
def test_an_object_of_a_retired_or_rare_storage_class_is_stored(node: Node, sop_class: str) -> None:
    uid = f"{ROOT}.78.{sop_class.rpartition('1.1.')[2]}"
    data = data_set_bytes(make_ct(rows=8, columns=8, SOPInstanceUID=uid, SOPClassUID=sop_class))
    assert store(node, uid, data, sop_class=sop_class) == 0x0000
    assert node.stored()[uid] == data


def test_classes_that_store_no_object_are_not_accepted(node: Node) -> None:
    none = ("1.2.840.10008.1.3.10", "1.2.840.10008.1.20.1", "1.2.840.10008.1.20.2")  # DICOMDIR, commitment
    contexts = tuple((2 * at + 1, uid, (str(ExplicitVRLittleEndian),)) for at, uid in enumerate(none))
    with Peer(node.dicom_port) as peer:
        peer.send(associate_rq(contexts=contexts))
        answer = peer.receive()
    assert answer is not None
    assert [answer[1].count(struct.pack(">BxHBxBx", 0x21, 27, 2 * at + 1, 3)) for at in range(3)] == [1, 1, 1]


def test_a_constraint_that_we_do_not_know_is_out_of_resources_and_not_the_objects_fault(node: Node) -> None:
    uid = uid_of(1980)
    trigger = f"CREATE TRIGGER drift BEFORE INSERT ON instance WHEN NEW.sop_instance_uid = '{uid}' "
    with contextlib.closing(sqlite3.connect(node.database.name)) as database:
        database.execute(f"{trigger} BEGIN SELECT RAISE(ABORT, 'drift'); END")
        try:
            assert store(node, uid, ct(1980)) == 0xA700
        finally:
            database.execute("DROP TRIGGER drift")
    wait_until(lambda: is_tidy(node))
    assert store(node, uid, ct(1980)) == 0x0000


def test_twenty_associations_of_dcmtk_at_once_store_everything(node: Node, tmp_path: Path) -> None:
    series = f"{ROOT}.61"
    expected = {}
    senders = []
    for sender in range(20):
        folder = tmp_path / str(sender)
        folder.mkdir()
        for number in range(5):
            uid = uid_of(1000 + sender * 5 + number)
            data_set = make_ct(rows=64, columns=64, SOPInstanceUID=uid, SeriesInstanceUID=series)
            (folder / f"{number}.dcm").write_bytes(to_bytes(data_set))
            expected[uid] = data_set_bytes(data_set)
        senders.append(
            subprocess.Popen(["storescu", "-aec", AE_TITLE, "127.0.0.1", str(node.dicom_port), "+sd", str(folder)])
        )
    assert [sender.wait(60) for sender in senders] == [0] * 20
    stored = node.stored()
    assert {uid: stored.get(uid) for uid in expected} == expected
    wait_until(lambda: is_tidy(node))


def test_dcmtk_sends_a_series_and_is_told_of_a_duplicate(node: Node, tmp_path: Path) -> None:
    files = []
    for number, data_set in enumerate(make_ct_series(3, series_uid=f"{ROOT}.62")):
        data_set.SOPInstanceUID = data_set.file_meta.MediaStorageSOPInstanceUID = UID(uid_of(1200 + number))
        files.append(tmp_path / f"{number}.dcm")
        files[-1].write_bytes(to_bytes(data_set))
    assert storescu(node, *files).returncode == 0
    changed = dcmread(files[0])
    changed.PatientName = "CHANGED"
    changed.save_as(tmp_path / "changed.dcm")
    assert "0x111" in storescu(node, tmp_path / "changed.dcm").stderr


# ---- folder and database ------------------------------------------------------------------------------------------


def test_a_locked_database_is_out_of_resources_until_it_is_free(tmp_path: Path) -> None:
    with running_node(tmp_path) as node:
        blocker = sqlite3.connect(node.database.name, isolation_level=None)
        blocker.execute("BEGIN IMMEDIATE")
        assert store(node, uid_of(90), ct(90)) == 0xA700
        wait_until(lambda: node.claims() == [] and node.files() == set())
        blocker.execute("ROLLBACK")
        blocker.close()
        assert store(node, uid_of(90), ct(90)) == 0x0000
        assert node.stored() == {uid_of(90): ct(90)}


def test_a_database_that_is_moved_away_is_out_of_resources_until_it_is_back(tmp_path: Path) -> None:
    with running_node(tmp_path) as node, Peer(node.dicom_port) as peer:
        peer.associate()

        def send(number: int) -> int:
            peer.send(c_store(uid_of(number).encode()) + p_data(pdv(1, 2, ct(number))))
            return peer.status()

        assert send(91) == 0x0000
        files = list(node.folder.glob("index.db*"))
        away = tmp_path / "away"
        away.mkdir()
        for file in files:
            file.rename(away / file.name)
        assert [send(92), send(93)] == [0xA700, 0xA700]
        with Peer(node.dicom_port) as late:
            late.send(associate_rq())
            assert late.receive() == (ASSOCIATE_RJ, bytes((0, 2, 3, 1)))  # temporary congestion
        assert not (node.folder / "index.db").exists()
        for file in away.iterdir():
            file.rename(node.folder / file.name)
        assert send(93) == 0x0000
        peer.socket.close()
        assert_alive(node)
        assert node.stored() == {uid_of(91): ct(91), uid_of(93): ct(93)}


def test_a_node_does_not_start_without_its_database_and_says_so(tmp_path: Path) -> None:
    with running_node(tmp_path) as node:
        assert store(node, uid_of(94), ct(94)) == 0x0000
        for file in node.folder.glob("index.db*"):
            file.unlink()
        assert node.stop() == 0
        with pytest.raises(AssertionError, match="It does not exist: --create-database makes one"):
            node.start()
        assert not (node.folder / "index.db").exists()


def test_a_storage_folder_that_is_removed_is_out_of_resources_until_it_is_there_again(tmp_path: Path) -> None:
    with running_node(tmp_path) as node, Peer(node.dicom_port) as peer:
        peer.associate()
        for number in range(9500, 9505):
            peer.send(c_store(uid_of(number).encode()) + p_data(pdv(1, 2, ct(number))))
            assert peer.status() == 0x0000
        shutil.rmtree(node.storage)
        peer.send(c_store(uid_of(95).encode()) + p_data(pdv(1, 2, ct(95))))
        assert peer.status() == 0xA700
        for name in ("data", "claims"):
            (node.storage / name).mkdir(parents=True)
        peer.send(c_store(uid_of(96).encode()) + p_data(pdv(1, 2, ct(96))))
        assert peer.status() == 0x0000
        name = next(row[1] for row in node.rows() if row[0] == uid_of(96))
        assert (node.storage / "data" / name).read_bytes().endswith(ct(96))


def test_a_file_that_is_removed_while_it_is_received_is_not_acknowledged(tmp_path: Path) -> None:
    with running_node(tmp_path) as node, Peer(node.dicom_port) as peer:
        peer.associate()
        data = ct(97)
        peer.send(c_store(uid_of(97).encode()) + p_data(pdv(1, 0, data[:200])))
        wait_until(lambda: node.files() != set())
        for path in list((node.storage / "data").rglob("*")):
            if path.is_file():
                path.unlink()
        peer.send(p_data(pdv(1, 2, data[200:])))
        assert peer.status() == 0xA700
        assert node.rows() == []


def test_an_object_whose_stored_file_is_missing_is_not_called_a_duplicate(tmp_path: Path) -> None:
    with running_node(tmp_path) as node:
        assert store(node, uid_of(98), ct(98)) == 0x0000
        (node.storage / "data" / node.rows()[0][1]).unlink()
        assert store(node, uid_of(98), ct(98)) == 0xA700


@pytest.mark.parametrize(
    ("option", "name"),
    [
        ("-xs", "JPEGLosslessSV1"),
        ("-xr", "RLELossless"),
        ("-xt", "JPEGLSLossless"),
        ("-xd", "DeflatedExplicitVRLittleEndian"),
    ],
)
def test_dcmtk_proposes_a_compressed_syntax_and_its_object_is_stored_byte_by_byte(
    node: Node, tmp_path: Path, option: str, name: str
) -> None:
    import pydicom.uid

    syntax = str(getattr(pydicom.uid, name))
    uid = uid_of(1300 + len(name))
    original = make_ct(rows=16, columns=16, SOPInstanceUID=uid)
    if name == "DeflatedExplicitVRLittleEndian":
        data_set = original
        data_set.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    else:
        data_set = compress(original, syntax)
    file = tmp_path / "one.dcm"
    file.write_bytes(to_bytes(data_set))
    done = storescu(node, option, file)
    assert done.returncode == 0, done.stderr
    row = next(row for row in node.rows() if row[0] == uid)
    assert row[4] == syntax
    stored = node.stored()[uid]
    if name == "DeflatedExplicitVRLittleEndian":  # dcmtk deflates again: the same values, not the same bits
        assert zlib.decompress(stored, -15) == data_set_bytes(make_ct(rows=16, columns=16, SOPInstanceUID=uid))
    else:
        assert stored == data_set_bytes(data_set)


def test_dcmsend_sends_compressed_files_as_they_are(node: Node, tmp_path: Path) -> None:
    expected = {}
    for number, name in enumerate(("1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.5")):
        uid = uid_of(1400 + number)
        data_set = compress(make_ct(rows=16, columns=16, SOPInstanceUID=uid), name)
        (tmp_path / f"{number}.dcm").write_bytes(to_bytes(data_set))
        expected[uid] = data_set_bytes(data_set)
    done = subprocess.run(
        ["dcmsend", "--decompress-never", "-aec", AE_TITLE, "127.0.0.1", str(node.dicom_port)]
        + [str(path) for path in sorted(tmp_path.glob("*.dcm"))],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    stored = node.stored()
    assert {uid: stored.get(uid) for uid in expected} == expected


# ---- what the pages hear ----------------------------------------------------------------------------------------


def test_the_control_node_hears_of_a_new_study_and_of_more_objects_also_if_it_was_away(tmp_path: Path) -> None:
    class Control(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            heard.append((self.path, self.headers["Authorization"], body["events"]))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            pass

    heard: list[tuple[str, str, list[dict[str, object]]]] = []
    (port,) = free_ports(1)
    study = f"{ROOT}.99"
    with running_node(tmp_path, {"WEBVIEWER_CONTROL_URL": f"http://127.0.0.1:{port}"}) as node:
        assert store(node, uid_of(1500), ct(1500, StudyInstanceUID=study)) == 0x0000  # nobody listens yet
        wait_until(lambda: len(node.messages("events_not_delivered")) == 1)
        server = ThreadingHTTPServer(("127.0.0.1", port), Control)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            wait_until(lambda: len(heard) == 1)
            assert store(node, uid_of(1501), ct(1501, StudyInstanceUID=study)) == 0x0000
            wait_until(lambda: len(heard) == 2)
        finally:
            server.shutdown()
            thread.join()
            server.server_close()
    assert [(path, token) for path, token, _events in heard] == [("/internal/v1/events", f"Bearer {TOKEN}")] * 2
    (first,), (second,) = heard[0][2], heard[1][2]
    assert (first["type"], first["owner_id"], first["instance_count"], first["new"]) == ("study_changed", 1, 1, True)
    assert (second["study_id"], second["instance_count"], second["new"]) == (first["study_id"], 2, False)
