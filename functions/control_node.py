"""The control node: every function behind one listener, served by gunicorn with gevent.

``ControlNode -c controlnodeconfig.json``, or ``python -m functions.control_node``.
"""
# ruff: noqa: I001 - run as a program, the standard library must be patched before anything else is imported

from gevent import monkey

if __name__ == "__main__":
    monkey.patch_all()

import contextlib
import json
import logging
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import gevent
import gunicorn.app.base
import gunicorn.glogging
from flask import Flask
from gunicorn.http.errors import LimitRequestLine
from gunicorn.workers.ggevent import GeventWorker

from functions import admin, auth, events, health, nodes, pages, render, studies, settings as user_settings
from functions.common.housekeeping import Housekeeping
from functions.common.mount import ByPath, ByPort, Wsgi
from functions.common.openapi import document
from functions.common.program import CONTROL_NODE
from webviewer.adapters.tls import server_context
from webviewer.bootstrap import PRODUCT, Services, make_services
from webviewer.command_line import ExitCode, require_database, require_port, run
from webviewer.config import Configuration, DatabaseDriver, Function, Settings
from webviewer.core.correlation import begin_request, end_request
from webviewer.core.http_errors import error_body
from webviewer.core.process import leave_with_parent, share_with_forked
from webviewer.usecases.events import EventPump

logger = logging.getLogger(__name__)

GRACEFUL_S: Final = 5
KEEPALIVE_S: Final = 20
WORKER_SILENT_S: Final = 60
TLS_HANDSHAKE_S: Final = 10
MAX_CONNECTIONS: Final = 4000
# A page that is told to leave needs a moment to answer the close frame before the listener goes.
LEAVE_S: Final = 0.3


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the control node until a signal; returns the exit code."""
    return run(CONTROL_NODE, arguments, serve)


def serve(configuration: Configuration, _file: Path | None) -> int:
    """Serve until a signal.

    Raises
    ------
    StartError
        The database or a port cannot be used.
    """
    settings = configuration.settings
    require_database(settings)
    control = settings.control
    for host, port in ((control.host, control.port), (control.internal_host, control.internal_port)):
        require_port(host, port)
    leave_with_parent()
    ControlApplication(settings).run()
    return ExitCode.GOOD


def make_apps(services: Services) -> tuple[dict[str, Flask], Flask]:
    """Return the public apps by path prefix, and the internal app.

    Returns
    -------
    tuple
        Apps by prefix (``""`` takes the rest), and what the internal port serves.
    """
    served = services.settings.control.functions
    health_app = health.create_app(services)
    apps: dict[str, Flask] = {"/v2": health_app, "": health_app}  # an address that nobody serves is not found
    if Function.AUTH in served:
        apps["/v2/auth"] = auth.create_app(services)
    if Function.SETTINGS in served:
        apps["/v2/settings"] = user_settings.create_app(services)
    if Function.ADMIN in served:
        apps["/v2/admin"] = admin.create_app(services)
    if Function.STUDIES in served:
        apps["/v2/studies"] = studies.create_app(services)
    if Function.EVENTS in served:
        apps["/eventQueue"] = events.create_app(services)
    if Function.RENDER in served:
        apps["/v2/render"] = apps["/eventQueue/render"] = render.create_app(services)
    if Function.PAGES in served:
        apps[""] = pages.create_app(services)
    health_app.extensions["openapi"] = lambda: document(
        dict.fromkeys(apps.values()), title=PRODUCT, version=services.version
    )
    return apps, nodes.create_app(services)


def make_wsgi(services: Services) -> Wsgi:
    """Return the one WSGI application behind both ports."""
    apps, internal = make_apps(services)
    return ByPort(ByPath(apps), internal, services.settings.control.internal_port)


class ControlApplication(gunicorn.app.base.BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn, set up in code: it reads no file and no variable of its own."""

    def __init__(self, control_settings: Settings, make: Callable[..., Services] = make_services) -> None:
        self.settings = control_settings
        self.internal_tls = server_context(control_settings.tls)
        self.services: Services | None = None
        self._make = make
        self._chores: Housekeeping | None = None
        self._pump: EventPump | None = None
        super().__init__()

    def load_config(self) -> None:
        """Set gunicorn up."""
        control = self.settings.control
        values: dict[str, Any] = {
            "bind": [_bind(control.host, control.port), _bind(control.internal_host, control.internal_port)],
            "worker_class": ControlWorker,
            "workers": 1,
            "worker_connections": MAX_CONNECTIONS,
            "timeout": WORKER_SILENT_S,
            "graceful_timeout": GRACEFUL_S,
            "keepalive": KEEPALIVE_S,
            "accesslog": None,
            "logger_class": RootLogger,
            "proc_name": "webviewer-control",
            "pre_fork": lambda _arbiter, _worker: share_with_forked(),
            "control_socket_disable": True,
            "forwarded_allow_ips": "",  # what a proxy says is judged by functions.common.peer
        }
        for name, value in values.items():
            self.cfg.set(name, value)

    def load(self) -> Wsgi:
        """Make the services and apps; runs in the worker, so that no connection is shared over a fork."""
        if self.settings.database.driver is DatabaseDriver.POSTGRESQL:
            from psycogreen.gevent import patch_psycopg  # with psycopg2, which nobody needs for SQLite

            patch_psycopg()  # else a query would hold up every other request and socket
        services = self._make(self.settings, offload=offload)
        self.services = services
        served = self.settings.control.functions
        if served & {Function.EVENTS, Function.RENDER}:  # who holds sockets of pages
            services.event_pump.start()
            self._pump = services.event_pump
        if Function.NODES in served:
            self._chores = Housekeeping(services)
            self._chores.start()
        return make_wsgi(services)

    def leave(self) -> None:
        """Close the WebSockets with a code that pages understand, and stop what runs beside the requests."""
        if self._chores is not None:
            self._chores.stop()
        if self.services is not None:
            self.services.live.leave()
        if self._pump is not None:
            self._pump.stop()


class ControlWorker(GeventWorker):  # type: ignore[misc]
    """A gevent worker that speaks TLS on the internal port, and closes its WebSockets first when it is told to stop."""

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        """Serve a connection; with TLS only those between nodes, browsers have it from the proxy in front."""
        context = self.app.internal_tls
        if context is not None and listener.getsockname()[1] == self.app.settings.control.internal_port:
            try:
                client.settimeout(TLS_HANDSHAKE_S)
                client = context.wrap_socket(client, server_side=True)
            except OSError:  # nobody who speaks TLS, or who believes us
                client.close()
                return
        super().handle(listener, client, addr)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Answer an address that is too long, as a long search makes one, in our shape; the rest as gunicorn does."""
        if not isinstance(exc, LimitRequestLine):
            super().handle_error(req, client, addr, exc)
            return
        correlation_id = begin_request("")  # none of the request's headers has been read
        logger.warning("address_too_long")
        end_request()
        words = f"The address of this request is longer than {self.cfg.limit_request_line} characters: search for less."
        body = json.dumps(error_body("address_too_long", words, {}, correlation_id)).encode()
        head = (
            "HTTP/1.1 414 URI Too Long\r\nConnection: close\r\nContent-Type: application/json\r\n"
            f"Cache-Control: no-store\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        with contextlib.suppress(OSError):
            client.sendall(head.encode() + body)

    def handle_exit(self, sig: int, frame: object) -> None:
        """Stop: sockets first, then the listener."""
        gevent.spawn(self._leave, sig, frame)

    def _leave(self, sig: int, frame: object) -> None:
        try:
            self.app.leave()
            gevent.sleep(LEAVE_S)
        finally:
            super().handle_exit(sig, frame)


class RootLogger(gunicorn.glogging.Logger):  # type: ignore[misc]
    """Hands gunicorn's own messages to our log."""

    def setup(self, cfg: Any) -> None:
        """Keep gunicorn from opening outputs of its own."""
        self.cfg = cfg
        self._access_log_enabled = False
        self.error_log.handlers.clear()
        self.error_log.propagate = True
        self.error_log.setLevel(logging.NOTSET)
        self.access_log.handlers.clear()
        self.access_log.propagate = False


def offload(work: Callable[[], object]) -> object:
    """Do blocking work in a real thread while the event loop goes on."""
    return gevent.get_hub().threadpool.apply(work)


def _bind(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


if __name__ == "__main__":
    sys.exit(main())
