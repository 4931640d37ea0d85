"""The devices that can draw, and a context that is current in one thread.

`egl` and `glfw_window` are two ways to draw off screen; `gl.way` chooses one for the process. Unless the administrator
names a device (``--device``) the fastest is taken: of several in hardware the one that copies pictures fastest,
software (llvmpipe) if none works.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from typing import Final

from renderpool.engine import egl, gl, glfw_window
from renderpool.engine.devices import Device, OffScreen, OpenContext
from renderpool.engine.framebuffer import Framebuffer
from webviewer.core.errors import RenderError

_LOG = logging.getLogger(__name__)

_MEASURED_S = 0.05
_MEASURED_SIDE_PX = 2048
_MEASURED_AT_ONCE = 8

_WAYS: Final[Mapping[gl.Way, OffScreen]] = {gl.Way.EGL: egl, gl.Way.GLFW: glfw_window}


def list_devices() -> list[Device]:
    """Return all devices in the order of the way that this process draws by; at least one."""
    return _WAYS[gl.way()].list_devices()


def open_hidden_window() -> OpenContext | None:
    """Open the window that another thread draws with, in the main thread; None where drawing takes no window.

    Raises
    ------
    RenderError
        There is no GLFW, no desktop, or no OpenGL 3.3.
    """
    return glfw_window.open_window() if gl.way() is gl.Way.GLFW else None


def _open(device: Device) -> OpenContext:
    return _WAYS[gl.way()].open_context(device)


def _current(opened: OpenContext) -> OpenContext:
    opened.make_current()
    return opened


class Context:
    """An OpenGL 3.3 core context without a surface, current in the thread that made it until `close`.

    Parameters
    ----------
    device_index
        Position in `list_devices`; None takes the fastest that works: hardware before software.
    opened
        A context that was opened beforehand in the main thread (`open_hidden_window`), whose opener destroys it.

    Raises
    ------
    RenderError
        No such device, or none of them gives a context.
    """

    def __init__(self, device_index: int | None = None, *, opened: OpenContext | None = None) -> None:
        devices = list_devices()
        self.devices = tuple(devices)
        if device_index is not None:
            if not 0 <= device_index < len(devices):
                raise RenderError(f"Device {device_index} is not there: must be 0 to {len(devices) - 1}.")
            candidates = [devices[device_index]]
        else:
            candidates = fastest_first(devices)
        reasons: list[str] = []
        for device in candidates:
            try:
                self._opened = _open(device) if opened is None else _current(opened)
            except RenderError as exc:
                reasons.append(f"device {device.index} ({device.name}): {exc.message}")
                continue
            self.device = device
            break
        else:
            raise RenderError("No graphics device gives an OpenGL 3.3 context: " + "; ".join(reasons))
        self._is_own = opened is None
        self.way = gl.way()
        self.renderer = gl.text(gl.GL_1_0.glGetString(gl.GL_1_0.GL_RENDERER))
        self.version = gl.text(gl.GL_1_0.glGetString(gl.GL_1_0.GL_VERSION))
        software_names = ("llvmpipe", "softpipe", "swrast", "SwiftShader")
        self.software = device.software or any(name in self.renderer for name in software_names)
        self.max_texture_px = int(gl.GL_1_0.glGetIntegerv(gl.GL_1_0.GL_MAX_TEXTURE_SIZE))
        _LOG.info(
            "graphics_device_opened",
            extra={
                "device": device.index,
                "way": self.way.value,
                "renderer": self.renderer,
                "version": self.version,
                "software": self.software,
            },
        )

    def close(self) -> None:
        """Leave the thread without a context, and destroy it if it was opened here."""
        self._opened.release()
        if self._is_own:
            self._opened.destroy()


def fastest_first(devices: Sequence[Device]) -> list[Device]:
    """Return the devices as they are to be tried: hardware before software, and of several in hardware the fastest."""
    hardware = [device for device in devices if not device.software]
    speeds: dict[int, float] = {}
    for device in hardware if len(hardware) > 1 else ():
        try:
            opened = _open(device)
        except RenderError:
            continue  # it is told of where it is tried
        try:
            speeds[device.index] = measure_speed()
        except RenderError as exc:
            _LOG.warning("graphics_device_not_measured", extra={"device": device.index, "reason": exc.message})
        finally:
            opened.release()
            opened.destroy()
    if speeds:
        told = {str(index): round(speed) for index, speed in speeds.items()}
        _LOG.info("graphics_devices_measured", extra={"pictures_per_s": told})
    # stable: the order of the list among equals
    return sorted(devices, key=lambda device: (device.software, -speeds.get(device.index, 0.0)))


def measure_speed() -> float:
    """Return how many pictures of 2048 × 2048 the device of this thread's context copies in a second.

    Drawing is limited by the memory more than by anything else, and this takes no shader.

    Raises
    ------
    RenderError
        The device cannot make the pictures.
    """
    source, target, side_px = Framebuffer(3), Framebuffer(3), _MEASURED_SIDE_PX
    try:
        for framebuffer in (source, target):
            framebuffer.begin(side_px, side_px)
        target.copy_from(source, side_px, side_px)
        gl.GL_1_0.glFinish()  # the first copy makes the memory
        count, started_s = 0, time.perf_counter()
        while (took_s := time.perf_counter() - started_s) < _MEASURED_S:
            for _ in range(_MEASURED_AT_ONCE):
                target.copy_from(source, side_px, side_px)
            gl.GL_1_0.glFinish()
            count += _MEASURED_AT_ONCE
        gl.check_gl("measuring a device")
        return count / took_s
    finally:
        source.close()
        target.close()
