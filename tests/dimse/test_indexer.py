"""The index writer: what one object does to the others of its group, and that no file is lost that a row points to."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from sqlalchemy import Engine, select, text

from dicom_gateway.index_wire import decode_outcome, encode_outcome
from dicom_gateway.indexer import IndexWriter
from tests.support.archive_records import record
from tests.support.phantom_files import make_ct, to_bytes
from webviewer.adapters.db.archive_tables import instance
from webviewer.adapters.db.engine import make_engine
from webviewer.adapters.db.maintenance import create_database
from webviewer.adapters.db.unit_of_work import SqlStorageUnitOfWorkFactory
from webviewer.adapters.files import ObjectStore
from webviewer.archive import InstanceRecord, KnownObject, OwnerId, Receipt
from webviewer.config import DatabaseDriver, DatabaseSettings
from webviewer.core.errors import OutOfResources
from webviewer.usecases.receive_instance import receive_file

OWNER = OwnerId(1)
Published = list[tuple[OwnerId, Receipt]]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    settings = DatabaseSettings(DatabaseDriver.SQLITE, str(tmp_path / "index.db"))
    create_database(settings)
    made = make_engine(settings)
    yield made
    made.dispose()


@pytest.fixture
def published() -> Published:
    return []


@pytest.fixture
def writer(engine: Engine, published: Published) -> IndexWriter:
    return IndexWriter(SqlStorageUnitOfWorkFactory(engine), published.extend)


def refuse(engine: Engine, one: InstanceRecord, how: str) -> None:
    with engine.begin() as connection:
        connection.execute(
            text(
                "CREATE TRIGGER drift BEFORE INSERT ON instance "
                f"WHEN NEW.sop_instance_uid = '{one.sop_instance_uid}' BEGIN SELECT {how}; END"
            )
        )


def files_of(engine: Engine) -> set[str]:
    with engine.connect() as connection:
        return set(connection.execute(select(instance.c.file_name)).scalars())


def kinds(outcomes: Sequence[object]) -> list[str]:
    return [one.outcome if isinstance(one, Receipt) else type(one).__name__ for one in outcomes]


def test_a_committed_group_with_one_refusal_is_not_written_again(
    engine: Engine, writer: IndexWriter, published: Published
) -> None:
    one, two, three = record(1), record(2), record(3)
    refuse(engine, two, "RAISE(IGNORE)")  # the group goes on and is committed
    outcomes = writer.write([(OWNER, each) for each in (one, two, three)])
    assert kinds(outcomes) == ["stored", "OutOfResources", "stored"]
    assert files_of(engine) == {one.file_name, three.file_name}
    assert [receipt.outcome for _owner, receipt in published] == ["stored", "stored"]


def test_one_object_that_breaks_its_group_is_refused_alone(
    engine: Engine, writer: IndexWriter, published: Published
) -> None:
    one, two, three = record(1), record(2), record(3)
    refuse(engine, two, "RAISE(ABORT, 'drift')")  # the group is rolled back
    outcomes = writer.write([(OWNER, each) for each in (one, two, three)])
    assert kinds(outcomes) == ["stored", "OutOfResources", "stored"]
    assert files_of(engine) == {one.file_name, three.file_name}
    assert [receipt.outcome for _owner, receipt in published] == ["stored", "stored"]
    assert kinds(writer.write([(OWNER, two)])) == ["OutOfResources"]


class WritesTwice:
    """An index whose first answer is lost: the same request is written again, as by a writer that retries."""

    def __init__(self, writer: IndexWriter) -> None:
        self._writer = writer

    def submit(self, owner_id: OwnerId, one: InstanceRecord) -> Receipt | KnownObject:
        self._writer.write([(owner_id, one)])
        (outcome,) = self._writer.write([(owner_id, one)])
        return decode_outcome(encode_outcome(outcome)[4:])


def test_a_file_that_its_own_row_points_to_is_never_discarded(
    tmp_path: Path, engine: Engine, writer: IndexWriter
) -> None:
    files = ObjectStore(tmp_path / "storage")
    files.prepare()
    batch = files.batch()
    data = to_bytes(make_ct(rows=8, columns=8))
    receipt = receive_file(batch, WritesTwice(writer), OWNER, io.BytesIO(data), max_bytes=1_000_000)
    batch.close()
    assert receipt.outcome == "stored"
    (name,) = files_of(engine)
    assert (files.data / name).read_bytes() == data
    assert list(files.claims.iterdir()) == []


def test_an_error_without_a_name_of_its_own_is_out_of_resources_for_the_sender() -> None:
    with pytest.raises(OutOfResources):
        decode_outcome(encode_outcome(RuntimeError("unexpected"))[4:])
