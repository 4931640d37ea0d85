"""``/v2/render…`` and ``/eventQueue/render``: the way to the render node that holds the session."""

from functions.render.app import create_app

__all__ = ["create_app"]
