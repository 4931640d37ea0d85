"""A user's own settings: small JSON values by key (language, theme, table layout), kept on the server."""

from __future__ import annotations

import datetime as dt
import re
from typing import Protocol

from webviewer.accounts.users import UserId
from webviewer.core.errors import InvalidInput

MAX_SETTINGS = 256
MAX_SETTING_BYTES = 64 * 1024

_KEY = re.compile(r"[a-z0-9_.-]{1,64}", re.ASCII)


class SettingsRepository(Protocol):
    """Settings of users, inside one unit of work. Values are JSON texts."""

    def find(self, user_id: UserId, key: str) -> str | None:
        """Return the value, None if it was never set."""
        ...

    def put(self, user_id: UserId, key: str, value: str, now: dt.datetime) -> None:
        """Store the value in place of an older one."""
        ...

    def count(self, user_id: UserId) -> int:
        """Return how many keys a user has."""
        ...


def check_setting_key(key: str) -> str:
    """Return the key if it follows the rule, else raise InvalidInput."""
    if not _KEY.fullmatch(key):
        raise InvalidInput(
            f"Settings key {key[:80]!r} is invalid: 1 to 64 characters of a-z, 0-9, dot, hyphen and underscore.",
            code="invalid_setting_key",
        )
    return key


def check_setting_text(text: str) -> str:
    """Return the JSON text if it is small enough, else raise InvalidInput."""
    size = len(text.encode())
    if size > MAX_SETTING_BYTES:
        raise InvalidInput(
            f"A setting of {size} bytes is too large, at most {MAX_SETTING_BYTES} are kept.", code="setting_too_large"
        )
    return text
