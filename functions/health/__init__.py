"""Is the server alive and ready, and what is it."""

from functions.health.app import create_app

__all__ = ["create_app"]
