"""Who took studies out of the house or had them deleted: lines of the authorization log, written before it happens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from webviewer.audit import AuditDetail, AuditEntry, AuditEvent
from webviewer.usecases.clock import Clock
from webviewer.usecases.sessions import SignedIn
from webviewer.usecases.unit_of_work import ControlUnitOfWorkFactory


@dataclass(frozen=True, slots=True)
class StudyTrace:
    """Writes down what a user asks for; what cannot be written down is not done."""

    units: ControlUnitOfWorkFactory
    clock: Clock

    def note(self, event: AuditEvent, who: SignedIn, study_ids: Sequence[int]) -> None:
        """Write an entry with the studies' numbers; raises OutOfResources."""
        details = {
            AuditDetail.SESSION_ID: str(who.session_id),
            AuditDetail.STUDIES: ", ".join(str(study_id) for study_id in study_ids),
        }
        with self.units() as unit:
            unit.audit.add(AuditEntry(event, self.clock(), who.user_id, who.user_name, details))
            unit.commit()
