"""Who may come in: users, passwords, sessions, tickets, what slows down a guesser, and a user's own settings."""

from webviewer.accounts.preferences import MAX_SETTINGS, SettingsRepository, check_setting_key, check_setting_text
from webviewer.accounts.sessions import (
    Session,
    SessionEnd,
    SessionId,
    SessionRepository,
    Ticket,
    TicketPurpose,
    TicketRepository,
    token_hash,
)
from webviewer.accounts.slow_down import ACCOUNT_RULE, ADDRESS_RULE, PAIR_RULE, Attempt, AttemptRepository, SlowDownRule
from webviewer.accounts.users import (
    Account,
    AccountRepository,
    NewAccount,
    Owner,
    PasswordHasher,
    UserId,
    Verification,
    check_ae_title,
    check_password,
    check_user_name,
)

__all__ = [
    "ACCOUNT_RULE",
    "ADDRESS_RULE",
    "MAX_SETTINGS",
    "PAIR_RULE",
    "Account",
    "AccountRepository",
    "Attempt",
    "AttemptRepository",
    "NewAccount",
    "Owner",
    "PasswordHasher",
    "Session",
    "SessionEnd",
    "SessionId",
    "SessionRepository",
    "SettingsRepository",
    "SlowDownRule",
    "Ticket",
    "TicketPurpose",
    "TicketRepository",
    "UserId",
    "Verification",
    "check_ae_title",
    "check_password",
    "check_setting_key",
    "check_setting_text",
    "check_user_name",
    "token_hash",
]
