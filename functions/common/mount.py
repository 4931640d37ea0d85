"""Several apps behind one listener, each under its own paths and unaware of the others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol


class Wsgi(Protocol):
    """A WSGI application."""

    def __call__(self, environ: dict[str, Any], start_response: Any, /) -> Iterable[bytes]:
        """Answer a request."""
        ...


class ByPath:
    """Gives a request to the app with the longest fitting prefix. Paths stay whole, so an app can also run alone.

    Parameters
    ----------
    apps
        Apps by prefix; ``""`` is the prefix of everything. ``/v2/auth`` fits ``/v2/auth`` and ``/v2/auth/…`` only.
    """

    def __init__(self, apps: Mapping[str, Wsgi]) -> None:
        self._apps = sorted(apps.items(), key=lambda item: len(item[0]), reverse=True)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer a request."""
        path: str = environ.get("PATH_INFO", "")
        app = next(app for prefix, app in self._apps if path == prefix or path.startswith(f"{prefix}/") or not prefix)
        return app(environ, start_response)


class ByPort:
    """Gives a request to the internal app when it came in at the internal port, else to the public one.

    The port is the listener's own, never what a header says.
    """

    def __init__(self, public: Wsgi, internal: Wsgi, internal_port: int) -> None:
        self._public = public
        self._internal = internal
        self._internal_port = str(internal_port)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer a request."""
        app = self._internal if environ.get("SERVER_PORT") == self._internal_port else self._public
        return app(environ, start_response)
