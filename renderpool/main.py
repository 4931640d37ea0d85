"""The render node: ``python -m renderpool.main -c renderserverconfig.json``."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from aiohttp import web

from renderpool.server import RenderNode, create_app
from renderpool.server.storage import StorageSource
from renderpool.session.images import ImageStore
from renderpool.session.scheduler import DeviceFacts, Scheduler
from webviewer import __version__
from webviewer.adapters.nodes import StorageClient
from webviewer.config import RenderSettings, Settings, load_settings
from webviewer.core import log
from webviewer.core.errors import ConfigError, RenderError
from webviewer.core.process import leave_with_parent

_LOG = logging.getLogger(__name__)

_CLOSE_WITHIN_S = 3.0
_DEVICE_LOST_EXIT = 70  # the supervisor starts the node again
_CONFIG_EXIT = 3
_PORT_EXIT = 4
_DEVICE_EXIT = 5


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the node until SIGTERM or SIGINT; returns the exit code."""
    parser = argparse.ArgumentParser(prog="RenderNode", description="Web DICOM viewer, render node.")
    parser.add_argument("-c", "--config", metavar="FILE", type=Path, help="configuration file")
    options = parser.parse_args(arguments)
    try:
        settings = load_settings(options.config)
        log.configure(settings.log, "render")
        if not settings.internal_token:
            raise ConfigError("WEBVIEWER_INTERNAL_TOKEN is empty: must be the token that all nodes share.")
        leave_with_parent()
        return asyncio.run(_serve(settings))
    except ConfigError as exc:
        return _refuse(exc.message, _CONFIG_EXIT)
    except RenderError as exc:
        return _refuse(exc.message, _DEVICE_EXIT)
    except OSError as exc:
        return _refuse(f"The render node cannot listen: {exc.strerror or exc}.", _PORT_EXIT)


def _refuse(message: str, code: int) -> int:
    _LOG.critical("cannot_start", extra={"reason": message, "exit_code": code})
    sys.stderr.write(f"RenderNode: {message}\n")
    return code


def make_node(settings: RenderSettings, internal_token: str) -> RenderNode:
    """Return a node whose device is open and whose thread draws.

    Raises
    ------
    RenderError
        No graphics device can be used.
    """
    if not settings.volume_cache:
        _LOG.warning(
            "setting_without_effect",
            extra={"setting": "volume_cache", "reason": "This version makes no reconstructions that could be kept."},
        )
    source = StorageSource(StorageClient(settings.storage_url, internal_token))
    budget_bytes = settings.image_cache_bytes if settings.image_cache else 0
    store = ImageStore(source, budget_bytes, settings.max_thread_pool_threads)
    scheduler = Scheduler(
        store,
        settings.device,
        bandwidth_bytes_per_s=settings.render_bandwidth_bytes_per_s,
        encode_threads=settings.max_thread_pool_threads,
        on_lost=lambda: os._exit(_DEVICE_LOST_EXIT),  # nothing of the driver can be trusted any more
    )
    device = scheduler.start()
    return RenderNode(source, store, scheduler, device, internal_token, __version__)


async def _serve(settings: Settings) -> int:
    render = settings.render
    listener = _listen(render.host, render.port)
    node = make_node(render, settings.internal_token)
    _say_device(node.device)
    runner = web.AppRunner(create_app(node), handle_signals=False, access_log=None, shutdown_timeout=_CLOSE_WITHIN_S)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await runner.setup()
    try:
        await web.SockSite(runner, listener, backlog=256).start()
        _LOG.info("render_node_ready", extra={"host": render.host, "port": listener.getsockname()[1]})
        await stop.wait()
        _LOG.info("render_node_stopping")
    finally:
        await runner.cleanup()  # closes the streams with 1001 first
        node.store.close()
        node.workers.shutdown(wait=False, cancel_futures=True)
        node.scheduler.stop()
    _end_with_threads()
    return 0


def _end_with_threads() -> None:
    """Give worker threads that hang in a request to the storage node no say in when this process ends."""

    def end() -> None:
        os._exit(0)

    timer = threading.Timer(_CLOSE_WITHIN_S, end)
    timer.daemon = True
    timer.start()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except OSError:
        with contextlib.suppress(OSError):
            listener.close()
        raise
    return listener


def _say_device(device: DeviceFacts) -> None:
    kind = "software" if device.software else "hardware"
    for index, name in enumerate(device.available):
        sys.stdout.write(f"Rendering device {index}: {name}{' (used)' if index == device.index else ''}\n")
    sys.stdout.write(f"Drawing with {kind}: {device.renderer}, OpenGL {device.version}\n")
    sys.stdout.flush()
    _LOG.info(
        "rendering_device",
        extra={
            "device": device.index,
            "renderer": device.renderer,
            "driver": device.version,
            "software": device.software,
            "available": list(device.available),
        },
    )


if __name__ == "__main__":
    sys.exit(main())
