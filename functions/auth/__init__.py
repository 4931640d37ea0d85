"""Sign in and out, who am I, tickets for the event socket."""

from functions.auth.app import create_app

__all__ = ["create_app"]
