"""The state of stored files on SQL: `webviewer.archive.VerificationRepository` for SQLite and PostgreSQL."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from webviewer.adapters.db.archive_tables import file_damage, instance, series, verification_round
from webviewer.archive import DamagedObject, FileDamage, InstanceId, StoredFile, StudyId, VerificationRound
from webviewer.core.file_digest import FileDigest

_FILE_COLUMNS = (
    instance.c.instance_id,
    instance.c.file_name,
    instance.c.file_bytes,
    instance.c.file_digest,
    instance.c.block_digests,
)
_NO_ROUND = VerificationRound(InstanceId(0), None, None, 0, 0)


class SqlVerificationRepository:
    """The state of stored files, inside the transaction of the connection it is given.

    Parameters
    ----------
    connection
        An open connection; its unit of work commits.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def files_from(self, instance_id: InstanceId, limit: int) -> tuple[StoredFile, ...]:
        """Return the files of instances from a number on, by number."""
        rows = self._connection.execute(
            select(*_FILE_COLUMNS)
            .where(instance.c.instance_id >= instance_id)
            .order_by(instance.c.instance_id)
            .limit(limit)
        )
        return tuple(StoredFile(InstanceId(row[0]), *row[1:]) for row in rows)

    def has_file(self, instance_id: InstanceId, file_name: str) -> bool:
        """Tell whether the index still has the instance with this file."""
        return self._connection.execute(
            select(
                select(instance.c.instance_id)
                .where(instance.c.instance_id == instance_id, instance.c.file_name == file_name)
                .exists()
            )
        ).scalar_one()

    def set_digest(self, instance_id: InstanceId, file_name: str, digest: FileDigest) -> None:
        """Give a file that has no digest its first one."""
        self._connection.execute(
            update(instance)
            .where(
                instance.c.instance_id == instance_id,
                instance.c.file_name == file_name,
                instance.c.file_digest.is_(None),
            )
            .values(file_digest=digest.whole, block_digests=digest.blocks)
        )

    def record_damage(self, instance_id: InstanceId, file_name: str, damage: FileDamage, found_at: dt.datetime) -> bool:
        """Note that a file is damaged; returns whether that is new. Nothing happens if the index has no such file."""
        if not self.has_file(instance_id, file_name):
            return False
        known = self._connection.execute(
            select(file_damage.c.damage).where(file_damage.c.instance_id == instance_id)
        ).scalar()
        if known == damage:
            return False
        if known is not None:
            changed = update(file_damage).where(file_damage.c.instance_id == instance_id).values(damage=damage.value)
            self._connection.execute(changed)
            return True
        found_at = found_at.astimezone(dt.UTC).replace(tzinfo=None)
        row = {"instance_id": instance_id, "damage": damage.value, "found_at": found_at}
        try:
            with self._connection.begin_nested():
                self._connection.execute(insert(file_damage).values(row))
        except IntegrityError:  # another reader has found it at the same time, or the object was deleted
            return False
        return True

    def clear_damage(self, instance_ids: Sequence[InstanceId]) -> int:
        """Note that files are whole; returns how many of them were noted as damaged."""
        if not instance_ids:
            return 0
        gone = delete(file_damage).where(file_damage.c.instance_id.in_(instance_ids))
        return self._connection.execute(gone).rowcount

    def damage_counts(self) -> dict[FileDamage, int]:
        """Return how many files are damaged, by the kind of damage; kinds without a file are left out."""
        rows = self._connection.execute(select(file_damage.c.damage, func.count()).group_by(file_damage.c.damage))
        return {FileDamage(damage): int(count) for damage, count in rows}

    def damaged_objects(self, limit: int) -> tuple[DamagedObject, ...]:
        """Return the objects whose files are damaged, the newest finding first."""
        rows = self._connection.execute(
            select(file_damage.c.instance_id, series.c.study_id, file_damage.c.damage, file_damage.c.found_at)
            .join(instance, instance.c.instance_id == file_damage.c.instance_id)
            .join(series, series.c.series_id == instance.c.series_id)
            .order_by(file_damage.c.found_at.desc(), file_damage.c.instance_id)
            .limit(limit)
        )
        return tuple(
            DamagedObject(InstanceId(number), StudyId(study), FileDamage(damage), found_at.replace(tzinfo=dt.UTC))
            for number, study, damage, found_at in rows
        )

    def round_of(self, reader: str) -> VerificationRound:
        """Return how far a reader of all files (``scrub``, ``verify``) has come."""
        row = self._connection.execute(
            select(verification_round).where(verification_round.c.reader == reader)
        ).one_or_none()
        if row is None:
            return _NO_ROUND
        return VerificationRound(
            InstanceId(row.next_instance_id),
            _aware(row.started_at),
            _aware(row.finished_at),
            int(row.files),
            int(row.size_bytes),
        )

    def keep_round(self, reader: str, state: VerificationRound) -> None:
        """Keep how far a reader of all files has come."""
        values = {
            "next_instance_id": state.next_instance_id,
            "started_at": _naive(state.started_at),
            "finished_at": _naive(state.finished_at),
            "files": state.files,
            "size_bytes": state.size_bytes,
        }
        changed = self._connection.execute(
            update(verification_round).where(verification_round.c.reader == reader).values(values)
        )
        if changed.rowcount == 0:
            self._connection.execute(insert(verification_round).values({"reader": reader, **values}))


def _aware(moment: dt.datetime | None) -> dt.datetime | None:
    return None if moment is None else moment.replace(tzinfo=dt.UTC)


def _naive(moment: dt.datetime | None) -> dt.datetime | None:
    return None if moment is None else moment.astimezone(dt.UTC).replace(tzinfo=None)
