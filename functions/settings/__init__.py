"""A user's own settings."""

from functions.settings.app import create_app

__all__ = ["create_app"]
