"""The study list, uploads and downloads: passed on to the user's storage node with the owner of the session."""

from functions.studies.app import create_app

__all__ = ["create_app"]
