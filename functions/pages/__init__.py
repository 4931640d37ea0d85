"""The pages, as built into ``html/dist``."""

from functions.pages.app import create_app

__all__ = ["create_app"]
