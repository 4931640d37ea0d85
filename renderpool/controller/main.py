"""The controller of the render pool: ``RenderController``, everything by environment.

It looks every ``WEBVIEWER_CONTROLLER_INTERVAL_S``. It waits longer between rounds that fail and says so, never ends
because Kubernetes or the control node does not answer, and does nothing while one of them does not: a pool of
yesterday's size still draws. At SIGTERM it lets the lease go.
"""

from __future__ import annotations

import logging
import os
import socket
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from renderpool.controller.control import ControlNode, control_client
from renderpool.controller.decide import Limits
from renderpool.controller.health import Health, HealthServer
from renderpool.controller.kube import Cluster, Lease, connect
from renderpool.controller.rounds import Rounds
from webviewer import command_line
from webviewer.adapters.tls import client_context
from webviewer.command_line import ExitCode, Program
from webviewer.config import Configuration, ControllerSettings, Role
from webviewer.core.errors import ConfigError, WebviewerError
from webviewer.core.system import on_stop

_LOG = logging.getLogger(__name__)

PROGRAM = Program(
    "RenderController",
    Role.RENDER,
    "Web DICOM viewer, controller of the render pool in Kubernetes; its settings are environment variables.",
    "rendercontroller.log",
    "controller",
    has_database=False,
    forks=False,
)

_LONGEST_WAIT_S = 30.0
_SAY_LOUDER_AFTER = 5  # rounds that failed one after the other
_LEASE_S = 15
_BLIND_S = 60.0
_PATIENCE_S = 120.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the controller until SIGTERM or SIGINT; returns the exit code."""
    return command_line.run(PROGRAM, arguments, serve)


def serve(configuration: Configuration, _: Path | None) -> int:
    """Go round until a signal; raises ConfigError, StartError."""
    wish = configuration.settings.controller
    rounds = make_rounds(configuration)
    health = Health(_PATIENCE_S + 5 * wish.interval_s)
    where = "WEBVIEWER_CONTROLLER_PORT"
    command_line.require_port(wish.host, wish.port, "Health and metrics", where)
    server = HealthServer(health, wish.host, wish.port)
    stop = threading.Event()
    on_stop(stop.set)
    server.start()
    _LOG.info("controller_ready", extra={"port": server.port, "deployment": wish.deployment})
    try:
        run(rounds, health, stop, wish.interval_s)
    finally:
        server.close()
    return ExitCode.GOOD


def make_rounds(configuration: Configuration) -> Rounds:
    """Put the parts together; raises ConfigError."""
    settings = configuration.settings
    wish = settings.controller
    if "node.control_url" not in configuration.given:
        raise ConfigError("WEBVIEWER_CONTROL_URL is not set: must be the control node's internal address.")
    if wish.minimum > wish.maximum:
        raise ConfigError(
            f"WEBVIEWER_CONTROLLER_MINIMUM is {wish.minimum} and WEBVIEWER_CONTROLLER_MAXIMUM {wish.maximum}: "
            "the minimum must not be more than the maximum."
        )
    client = control_client(settings.node.control_url, settings.internal_token, client_context(settings.tls))
    api = connect()
    identity = settings.node.name or f"{socket.gethostname()}-{os.getpid()}"
    lease_s = max(_LEASE_S, int(4 * wish.interval_s) + 1)
    return Rounds(
        Cluster(api, wish.namespace, wish.deployment, wish.selector),
        ControlNode(client),
        Lease(api, wish.namespace, wish.lease, identity, duration_s=lease_s),
        limits_of(wish),
        blind_s=max(_BLIND_S, 4 * wish.interval_s),
    )


def limits_of(wish: ControllerSettings) -> Limits:
    """Take the rules' numbers out of the settings."""
    return Limits(
        wish.target_sessions,
        wish.minimum,
        wish.maximum,
        wish.warm_spare,
        wish.scale_down_delay_s,
        wish.drain_limit_s,
    )


def run(rounds: Rounds, health: Health, stop: threading.Event, interval_s: float) -> None:
    """Go round until `stop` is set, then let the lease go."""
    failures = 0
    was = ""
    while not stop.is_set():
        wait_s = interval_s
        try:
            done = rounds.once()
        except WebviewerError as error:
            failures += 1
            wait_s = min(max(interval_s, _LONGEST_WAIT_S), interval_s * 2 ** min(failures - 1, 10))
            level = logging.ERROR if failures >= _SAY_LOUDER_AFTER else logging.WARNING
            _LOG.log(
                level,
                "round_failed",
                extra={"reason": error.message, "code": error.code, "failures": failures, "next_in_s": wait_s},
            )
            health.failed(error.message, acting=rounds.lease.is_held)
        else:
            if failures:
                _LOG.info("rounds_go_on", extra={"failures": failures})
            failures = 0
            now = "standby" if done is None else "acting"
            if now != was:
                _LOG.info("controller_state", extra={"state": now})
                was = now
            if done is None:
                health.stood_by()
            else:
                health.acted(done.plan, done.replicas_before)
        stop.wait(wait_s)
    try:
        rounds.lease.release()
    except WebviewerError as error:
        _LOG.warning("lease_not_released", extra={"reason": error.message})
    _LOG.info("controller_stopped")


if __name__ == "__main__":
    sys.exit(main())
