"""${message}.

Revision: ${up_revision}, after ${down_revision}.
"""

import sqlalchemy as sa
from alembic import op

from webviewer.adapters.db.table_sets import for_held_tables
${imports if imports else ""}
revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = ${repr(branch_labels)}
depends_on = ${repr(depends_on)}


def upgrade() -> None:
    for_held_tables(control=upgrade_control, storage=upgrade_storage)


def upgrade_control() -> None:
    ${upgrades if upgrades else "pass"}


def upgrade_storage() -> None:
    pass
