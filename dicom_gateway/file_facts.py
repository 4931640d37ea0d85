"""What a storage node tells monitors and the console of its stored files and its database."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from webviewer.adapters.db.database_watch import DatabaseWatch
from webviewer.archive import FileDamage, VerificationRound
from webviewer.core.errors import WebviewerError
from webviewer.usecases.unit_of_work import StorageUnitOfWorkFactory


@dataclass(frozen=True, slots=True)
class FileFacts:
    """Facts of one moment; what only the database knows is left out while it cannot be used."""

    counts: Mapping[str, int]
    damaged: Mapping[FileDamage, int]
    scrub: VerificationRound | None
    database_problem: str
    database_damage: str
    database_checked_at_s: float | None

    def plain(self) -> dict[str, object]:
        """Return them for the console."""
        scrub = self.scrub
        checked_at_s = self.database_checked_at_s
        checked_at = None if checked_at_s is None else dt.datetime.fromtimestamp(checked_at_s, dt.UTC)
        return {
            **self.counts,
            "damaged_files": sum(self.damaged.values()) if scrub is not None else None,
            "files_verified_at": None if scrub is None or scrub.finished_at is None else scrub.finished_at.isoformat(),
            "database_problem": self.database_problem,
            "database_checked_at": None if checked_at is None else checked_at.isoformat(timespec="seconds"),
        }


def read_file_facts(units: StorageUnitOfWorkFactory, watch: DatabaseWatch) -> FileFacts:
    """Return the facts now; waits for no database that is known to be away."""
    state = watch.state()
    known = state.problem, state.damage, state.checked_at_s
    if state.problem:
        return FileFacts({}, {}, None, *known)
    try:
        with units(read_only=True) as unit:
            damaged, scrub = unit.verification.damage_counts(), unit.verification.round_of("scrub")
            return FileFacts(unit.archive.counts(), damaged, scrub, *known)
    except WebviewerError as exc:
        return FileFacts({}, {}, None, exc.message, *known[1:])
