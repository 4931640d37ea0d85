"""The console's API."""

from functions.admin.app import create_app

__all__ = ["create_app"]
