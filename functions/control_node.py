"""The control node: every function behind one listener, served by gunicorn with gevent.

``ControlNode -c controlnodeconfig.json``, or ``python -m functions.control_node``.
"""
# ruff: noqa: I001 - run as a program, the standard library must be patched before anything else is imported

from gevent import monkey

if __name__ == "__main__":
    monkey.patch_all()

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import gevent
import gunicorn.app.base
from flask import Flask
from gunicorn.http.errors import NoMoreData, ParseException

from functions import admin, auth, events, health, nodes, pages, render, studies, settings as user_settings
from functions.common.housekeeping import Housekeeping
from functions.common.mount import ByPath, ByPort, Wsgi
from functions.common.openapi import document
from functions.common.peer import Peers
from functions.common.program import CONTROL_NODE
from functions.control_worker import ControlWorker, Door, RootLogger
from webviewer.adapters.tls import server_context
from webviewer.adapters.wsgi import with_checked_bodies
from webviewer.bootstrap import PRODUCT, Services, make_services
from webviewer.command_line import ExitCode, require_database, require_port, run
from webviewer.config import Configuration, DatabaseDriver, Function, Settings
from webviewer.core.connections import ConnectionLimits, Connections
from webviewer.core.process import leave_with_parent, share_with_forked
from webviewer.core.system import open_files_limit
from webviewer.usecases.events import EventPump

GRACEFUL_S: Final = 5
KEEPALIVE_S: Final = 20
WORKER_SILENT_S: Final = 60
INTERNAL_CONNECTIONS: Final = 1024
# gunicorn stops accepting at its own limit. Ours ends older connections instead, and they may still be closing.
GUNICORN_CONNECTIONS: Final = 1_000_000


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
        server_context(control_settings.tls)  # a wrong certificate ends the start, not the worker
        self.services: Services | None = None
        self.doors: dict[int, Door] = {}
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
            "worker_connections": GUNICORN_CONNECTIONS,
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
        services.database_watch.start()
        self.services = services
        self._open_doors(services)
        served = self.settings.control.functions
        if served & {Function.EVENTS, Function.RENDER}:  # who holds sockets of pages
            services.event_pump.start()
            self._pump = services.event_pump
        if Function.NODES in served:
            self._chores = Housekeeping(services)
            self._chores.start()
        return with_checked_bodies(make_wsgi(services), (ParseException, NoMoreData))

    def _open_doors(self, services: Services) -> None:
        """Limit the connections of both ports, each by itself: whatever happens to one leaves the other free."""
        control, open_files = self.settings.control, open_files_limit()
        public = ConnectionLimits.within(
            connections=control.max_connections,
            per_address=control.max_connections_per_address,
            open_files=open_files - 2 * INTERNAL_CONNECTIONS,
        )
        internal = ConnectionLimits.within(
            connections=INTERNAL_CONNECTIONS, per_address=INTERNAL_CONNECTIONS, open_files=open_files
        )
        self.doors = {
            control.port: Door(Connections(public), Peers.of(control.trusted_proxies, control.proxy_count)),
            control.internal_port: Door(Connections(internal), None, server_context(self.settings.tls)),
        }
        names = {control.port: "public", control.internal_port: "internal"}
        services.metrics.watch_connections({names[port]: door.connections for port, door in self.doors.items()})
        for door in self.doors.values():
            door.connections.start_sweeping()

    def leave(self) -> None:
        """Close the WebSockets with a code that pages understand, and stop what runs beside the requests."""
        if self._chores is not None:
            self._chores.stop()
        if self.services is not None:
            self.services.live.leave()
        if self._pump is not None:
            self._pump.stop()


def offload(work: Callable[[], object]) -> object:
    """Do blocking work in a real thread while the event loop goes on."""
    return gevent.get_hub().threadpool.apply(work)


def _bind(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


if __name__ == "__main__":
    sys.exit(main())
