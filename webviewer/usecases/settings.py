"""A user's own settings: read and written by key."""

from __future__ import annotations

import json
from dataclasses import dataclass

from webviewer.accounts import MAX_SETTINGS, UserId, check_setting_key, check_setting_text
from webviewer.core.errors import InvalidInput, LimitExceeded
from webviewer.usecases.clock import Clock
from webviewer.usecases.unit_of_work import ControlUnitOfWorkFactory


@dataclass(frozen=True, slots=True)
class UserSettings:
    """Use cases on settings."""

    units: ControlUnitOfWorkFactory
    clock: Clock

    def get(self, user_id: UserId, key: str) -> object:
        """Return the JSON value, None where it was never set: that is no error, each page asks for what may not be.

        Raises
        ------
        InvalidInput
            The key breaks the rule.
        """
        check_setting_key(key)
        with self.units(read_only=True) as unit:
            text = unit.settings.find(user_id, key)
        return None if text is None else json.loads(text)

    def put(self, user_id: UserId, key: str, value: object) -> None:
        """Store a JSON value.

        Raises
        ------
        InvalidInput
            The key breaks the rule, or the value is over 64 KiB or cannot be written as JSON.
        LimitExceeded
            The user has too many keys.
        """
        check_setting_key(key)
        try:
            text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
            text.encode()
        except (ValueError, RecursionError) as exc:  # 1e999 was read as infinity; half a character has no bytes
            raise InvalidInput(
                "The setting cannot be kept: its numbers must be below 1.8e308, its texts whole characters.",
                code="not_json",
            ) from exc
        check_setting_text(text)
        with self.units() as unit:
            if unit.settings.find(user_id, key) is None and unit.settings.count(user_id) >= MAX_SETTINGS:
                raise LimitExceeded(f"At most {MAX_SETTINGS} settings are kept for a user.", code="too_many_settings")
            unit.settings.put(user_id, key, text, self.clock())
            unit.commit()
