"""The render node: ``RenderNode``, or ``python -m renderpool.main``; it has no configuration file."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import socket
import ssl
import sys
import threading
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from aiohttp import web

from renderpool.engine.gl import Way
from renderpool.engine.gl import use as use_way
from renderpool.server import (
    DOOR,
    KEEP_ALIVE_S,
    STREAMS,
    Description,
    Heartbeats,
    RenderNode,
    StorageNodes,
    create_app,
    http_source,
    listening,
)
from renderpool.session.cache import ImageCache
from renderpool.session.scheduler import DeviceFacts, Scheduler
from renderpool.session.volume_cache import VolumeCache
from renderpool.session.volume_warm_up import ShaderCompiler, VolumeWarmUp
from webviewer import __version__
from webviewer.adapters.files import ObjectStore
from webviewer.adapters.node_agent import NodeAgent, own_address
from webviewer.adapters.tls import client_context, server_context
from webviewer.command_line import ExitCode, Program, StartError, run
from webviewer.config import Configuration, RenderSettings, Role, Settings
from webviewer.core.errors import RenderError
from webviewer.core.process import leave_with_parent
from webviewer.core.system import on_stop, reuse_address

_LOG = logging.getLogger(__name__)

_CLOSE_WITHIN_S = 3.0
_DEVICE_LOST_EXIT = 70  # the supervisor starts the node again


PROGRAM = Program(
    "RenderNode",
    Role.RENDER,
    "Web DICOM viewer, render node.",
    "rendernode.log",
    "render",
    has_database=False,
    draws=True,
    forks=False,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the node until SIGTERM or SIGINT; returns the exit code."""
    return run(PROGRAM, arguments, _run)


def _run(configuration: Configuration, _file: Path | None) -> int:
    try:
        _choose_way(configuration.settings.render.off_screen)
    except RenderError as exc:
        raise StartError(exc.message, ExitCode.DEVICE) from exc
    compiler = ShaderCompiler(configuration.settings.render.device)
    compiler.start()  # a fork: before the first thread
    leave_with_parent()
    try:
        return asyncio.run(_serve(configuration.settings, compiler))
    except RenderError as exc:
        raise StartError(exc.message, ExitCode.DEVICE) from exc
    except OSError as exc:
        raise StartError(f"The render node cannot listen: {exc.strerror or exc}.", ExitCode.PORT_BUSY) from exc


def _choose_way(off_screen: str) -> None:
    if off_screen != "auto":
        use_way(Way(off_screen.upper()))


def make_node(
    settings: RenderSettings,
    internal_token: str,
    tls: ssl.SSLContext | None = None,
    *,
    data_folder: Path | None = None,
    warm_up: VolumeWarmUp | None = None,
) -> RenderNode:
    """Return a node whose device is open and whose thread draws.

    ``data_folder`` has the files of a storage node of this machine, if there is one; ``warm_up`` is as in `Scheduler`.

    Raises
    ------
    RenderError
        No graphics device can be used.
    """
    cache = ImageCache(settings.image_cache_bytes if settings.image_cache else 0, settings.max_thread_pool_threads)
    volumes = VolumeCache(settings.volume_cache_bytes, keep=settings.volume_cache)
    scheduler = Scheduler(
        settings.device,
        keep_textures=settings.image_cache,
        bandwidth_bytes_per_s=settings.render_bandwidth_bytes_per_s,
        encode_threads=settings.max_thread_pool_threads,
        on_lost=lambda: os._exit(_DEVICE_LOST_EXIT),  # nothing of the driver can be trusted any more
        warm_up=warm_up,
    )
    device = scheduler.start()
    storages = StorageNodes(cache, volumes, partial(http_source, internal_token, tls, data_folder=data_folder))
    return RenderNode(storages, cache, volumes, scheduler, device, internal_token, __version__)


async def _serve(settings: Settings, compiler: ShaderCompiler) -> int:
    render, tls = settings.render, client_context(settings.tls)
    serving_tls = server_context(settings.tls)
    listener = _listen(render.host, render.port)
    port = int(listener.getsockname()[1])
    # The storage node of the unified build is on this machine, and its files are the same user's.
    data_folder = ObjectStore(settings.storage.storage).data if settings.role is Role.UNIFIED else None
    warm_up = VolumeWarmUp(lambda: compiler.is_running)
    node = make_node(render, settings.internal_token, tls, data_folder=data_folder, warm_up=warm_up)
    _say_device(node.device)
    description = Description(node, partial(_address, settings, port), settings.node.name)
    app = create_app(node, description)
    runner = web.AppRunner(
        app,
        handle_signals=False,
        access_log=None,
        shutdown_timeout=_CLOSE_WITHIN_S,
        keepalive_timeout=KEEP_ALIVE_S,
    )
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    on_stop(lambda: loop.call_soon_threadsafe(stop.set))  # not add_signal_handler: loops of Windows lack it
    await runner.setup()
    agent = _agent(settings, Heartbeats(node, description, app[STREAMS], loop), tls)
    try:
        async with listening(runner, app[DOOR], listener, serving_tls):
            _settle()
            _LOG.info("render_node_ready", extra={"host": render.host, "port": port})
            if agent is not None:
                agent.start()
            await stop.wait()
            _LOG.info("render_node_stopping")
            app[STREAMS].is_stopping = True
            if agent is not None:  # before the streams are closed: their pages come back at once, to another node
                await loop.run_in_executor(None, agent.leave)
    finally:
        await runner.cleanup()  # closes the streams with 1001 first
        node.close()
        compiler.close()
    _end_with_threads()
    return 0


def _agent(settings: Settings, heartbeats: Heartbeats, tls: ssl.SSLContext) -> NodeAgent | None:
    """Return what registers this node; None where an administrator does it."""
    control_url = settings.node.control_url
    if not control_url:
        return None
    return NodeAgent(control_url, settings.internal_token, heartbeats.report, heartbeats.take, tls=tls)


def _address(settings: Settings, port: int) -> str:
    """Return where other nodes reach this one; raises OSError while the control node's name cannot be resolved."""
    return settings.node.address or own_address(
        settings.render.host,
        port,
        control_url=settings.node.control_url,
        is_tls=settings.tls.certificate is not None,
    )


def _settle() -> None:
    """Take what a node is made of from the garbage collector.

    Loading a series makes objects enough for it to look at all there are, several times, and nothing else runs then.
    """
    gc.collect()
    gc.freeze()


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
        reuse_address(listener)
        listener.bind((host, port))
    except OSError:
        with contextlib.suppress(OSError):
            listener.close()
        raise
    return listener


def _say_device(device: DeviceFacts) -> None:
    kind = "software" if device.software else "hardware"
    for index, name in enumerate(device.available):
        used = " (used)" if index == device.index else ""
        sys.stdout.write(f"Rendering device {index}: {name}, {device.way}{used}\n")
    sys.stdout.write(f"Drawing with {kind}: {device.renderer}, OpenGL {device.version}\n")
    sys.stdout.flush()
    _LOG.info(
        "rendering_device",
        extra={
            "device": device.index,
            "way": device.way.value,
            "renderer": device.renderer,
            "driver": device.version,
            "software": device.software,
            "available": list(device.available),
        },
    )


if __name__ == "__main__":
    sys.exit(main())
