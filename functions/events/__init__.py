"""What happens on the server reaches open pages: the event socket, and where nodes publish."""

from functions.events.app import create_app
from functions.events.internal import create_internal_app

__all__ = ["create_app", "create_internal_app"]
