"""What happens on the server reaches open pages: the event socket."""

from functions.events.app import create_app

__all__ = ["create_app"]
