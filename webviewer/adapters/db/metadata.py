"""The two collections of tables, with names for every constraint so that migrations can speak of them.

A control node's database holds the first, a storage node's the second, the unified build's one database both.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import MetaData

_NAMES: Final = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

control_metadata: Final = MetaData(naming_convention=_NAMES)
storage_metadata: Final = MetaData(naming_convention=_NAMES)
