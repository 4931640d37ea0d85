"""Tables of the control database: users, sessions, tickets, the authorization log, events, nodes, settings."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, LargeBinary, String, Table, Text, false

from webviewer.adapters.db.metadata import control_metadata
from webviewer.adapters.db.types import Id, UtcDateTime

account = Table(
    "account",
    control_metadata,
    Column("user_id", Id, primary_key=True, autoincrement=True),
    Column("user_name", String(32), nullable=False),
    Column("user_name_folded", String(32), nullable=False, unique=True),
    Column("password_hash", Text, nullable=False),
    Column("ae_title", String(16), unique=True),
    Column("is_active", Boolean(create_constraint=False), nullable=False),
    Column("is_administrator", Boolean(create_constraint=False), nullable=False),
    Column("evaluation_password", Boolean(create_constraint=False), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("storage_node_id", Id, ForeignKey("node.node_id", ondelete="RESTRICT"), index=True),
    sqlite_autoincrement=True,
)
"""A user; ids are never used twice, because the storage node knows owners by them (after a restore see `pass_over`)."""

session = Table(
    "session",
    control_metadata,
    Column("session_id", Id, primary_key=True, autoincrement=True),
    Column("user_id", Id, ForeignKey("account.user_id", ondelete="CASCADE"), nullable=False, index=True),
    Column("token_hash", LargeBinary(32), nullable=False, unique=True),
    Column("ip_address", String(64), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("last_seen_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Column("end_reason", String(32)),
    Column("storage_node_id", Id, ForeignKey("node.node_id", ondelete="SET NULL"), index=True),
    Index("ix_session_open", "ended_at", "expires_at"),
    sqlite_autoincrement=True,
)
"""A signed-in browser: the hash of its token, never the token."""

ticket = Table(
    "ticket",
    control_metadata,
    Column("ticket_hash", LargeBinary(32), primary_key=True),
    Column("session_id", Id, ForeignKey("session.session_id", ondelete="CASCADE"), nullable=False, index=True),
    Column("purpose", String(16), nullable=False),
    Column("origin", Text),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
)
"""The right to open one WebSocket once."""

sign_in_attempt = Table(
    "sign_in_attempt",
    control_metadata,
    Column("attempt_key", LargeBinary(32), primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("last_at", UtcDateTime, nullable=False, index=True),
    Column("blocked_until", UtcDateTime, nullable=False),
)
"""Counters that slow down a guesser."""

audit = Table(
    "audit",
    control_metadata,
    Column("audit_id", Id, primary_key=True, autoincrement=True),
    Column("event", String(64), nullable=False),
    Column("at", UtcDateTime, nullable=False, index=True),
    Column("user_id", BigInteger, index=True),  # no foreign key: the log outlives the user
    Column("user_name", String(32), nullable=False),
    Column("details", Text, nullable=False),  # JSON
    sqlite_autoincrement=True,
)
"""The authorization log."""

event = Table(
    "event",
    control_metadata,
    Column("event_id", Id, primary_key=True, autoincrement=True),
    Column("owner_id", BigInteger, nullable=False),
    Column("type", String(64), nullable=False),
    Column("body", Text, nullable=False),  # JSON
    Column("created_at", UtcDateTime, nullable=False, index=True),
    sqlite_autoincrement=True,
)
"""What open pages must hear of; kept for an hour."""

node = Table(
    "node",
    control_metadata,
    Column("node_id", Id, primary_key=True, autoincrement=True),
    Column("kind", String(16), nullable=False),
    Column("address", Text, nullable=False),
    Column("is_active", Boolean(create_constraint=False), nullable=False),
    Column("registered_at", UtcDateTime, nullable=False),
    Column("last_heartbeat_at", UtcDateTime),  # never, where an administrator made the row and nobody answered yet
    Column("identity", Text),  # what the node calls itself; unknown until it was heard of
    Column("failed_at", UtcDateTime),  # it left or was not reached after it was heard of last: not online
    Column("added_by_hand", Boolean(create_constraint=False), nullable=False, server_default=false()),
    Column("scu", String(16)),
    Column("version", String(64), nullable=False, server_default=""),
    Column("facts", Text, nullable=False, server_default="{}"),  # JSON
    Column("asked_at", UtcDateTime),  # when a control node last asked one that does not report by itself
    # Not unique: addresses of machines that come and go are given to others, and a storage node's row outlives that.
    Index("ix_node_kind_address", "kind", "address"),
    Index("uq_node_identity", "kind", "identity", unique=True),
    sqlite_autoincrement=True,
)
"""Storage and render nodes."""

render_assignment = Table(
    "render_assignment",
    control_metadata,
    Column("session_id", Id, ForeignKey("session.session_id", ondelete="CASCADE"), primary_key=True),
    Column("node_id", Id, ForeignKey("node.node_id", ondelete="CASCADE"), nullable=False, index=True),
    Column("assigned_at", UtcDateTime, nullable=False),
)
"""The render node that draws for a session."""

user_setting = Table(
    "user_setting",
    control_metadata,
    Column("user_id", Id, ForeignKey("account.user_id", ondelete="CASCADE"), primary_key=True),
    Column("key", String(64), primary_key=True),
    Column("value", Text, nullable=False),  # JSON
    Column("changed_at", UtcDateTime, nullable=False),
)
"""A user's own settings."""
