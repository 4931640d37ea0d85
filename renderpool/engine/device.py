"""EGL devices, and a context without a surface.

A node without a display has no window system, so the devices are asked of EGL itself (EGL_EXT_device_enumeration);
where that is missing, Mesa's surfaceless platform is the one device. Unless the administrator names one (``--device``)
the fastest is taken: of several in hardware the one that copies pictures fastest, software (llvmpipe) if none works.
"""

from __future__ import annotations

import ctypes
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from renderpool.engine import gl
from renderpool.engine.framebuffer import Framebuffer
from webviewer.core.errors import RenderError

_LOG = logging.getLogger(__name__)

_PLATFORM_DEVICE_EXT = 0x313F
_PLATFORM_SURFACELESS_MESA = 0x31DD
_DRM_DEVICE_FILE_EXT = 0x3233
_CONTEXT_MAJOR, _CONTEXT_MINOR = 0x3098, 0x30FB
_CONTEXT_PROFILE_MASK, _CORE_PROFILE = 0x30FD, 1
_MAX_DEVICES = 32
_MEASURED_S = 0.05
_MEASURED_SIDE_PX = 2048
_MEASURED_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Device:
    """A graphics device as EGL lists it; ``index`` is what ``--device`` names."""

    index: int
    name: str
    software: bool
    handle: Any = None  # EGLDeviceEXT; None = Mesa's surfaceless platform


def list_devices() -> list[Device]:
    """Return all devices in the order of EGL; at least one."""
    extensions = _text(gl.EGL.eglQueryString(gl.EGL.EGL_NO_DISPLAY, gl.EGL.EGL_EXTENSIONS))
    devices: list[Device] = []
    if "EGL_EXT_device_enumeration" in extensions:
        from OpenGL.EGL.EXT.device_enumeration import eglQueryDevicesEXT  # needs the extension's entry point

        handles = (gl.EGL.EGLDeviceEXT * _MAX_DEVICES)()
        count = gl.EGL.EGLint()
        if eglQueryDevicesEXT(_MAX_DEVICES, handles, count):
            devices = [_describe(index, handles[index]) for index in range(count.value)]
    return devices or [Device(0, "Mesa surfaceless platform", software=True)]


def _describe(index: int, handle: Any) -> Device:
    from OpenGL.EGL.EXT.device_query import eglQueryDeviceStringEXT

    extensions = _text(eglQueryDeviceStringEXT(handle, gl.EGL.EGL_EXTENSIONS))
    software = "EGL_MESA_device_software" in extensions
    name = "software" if software else "hardware"
    if not software and "EGL_EXT_device_drm" in extensions:
        name = _text(eglQueryDeviceStringEXT(handle, _DRM_DEVICE_FILE_EXT)) or name
    return Device(index, name, software, handle)


def _text(value: bytes | None) -> str:
    return (value or b"").decode("ascii", "replace")


class Context:
    """An OpenGL 3.3 core context without a surface, current in the thread that made it until `close`.

    Parameters
    ----------
    device_index
        Position in `list_devices`; None takes the fastest that works: hardware before software.

    Raises
    ------
    RenderError
        No such device, or none of them gives a context.
    """

    def __init__(self, device_index: int | None = None) -> None:
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
                self._display, self._context = _open(device)
            except RenderError as exc:
                reasons.append(f"device {device.index} ({device.name}): {exc.message}")
                continue
            self.device = device
            break
        else:
            raise RenderError("No graphics device gives an OpenGL 3.3 context: " + "; ".join(reasons))
        self.renderer = _text(gl.GL_1_0.glGetString(gl.GL_1_0.GL_RENDERER))
        self.version = _text(gl.GL_1_0.glGetString(gl.GL_1_0.GL_VERSION))
        software_names = ("llvmpipe", "softpipe", "swrast", "SwiftShader")
        self.software = device.software or any(name in self.renderer for name in software_names)
        self.max_texture_px = int(gl.GL_1_0.glGetIntegerv(gl.GL_1_0.GL_MAX_TEXTURE_SIZE))
        _LOG.info(
            "graphics_device_opened",
            extra={
                "device": device.index,
                "renderer": self.renderer,
                "version": self.version,
                "software": self.software,
            },
        )

    def close(self) -> None:
        """Destroy the context; the thread has none afterwards."""
        _close(self._display, self._context)
        # The display is shared by the process: another context may use it, so it is not terminated.


def fastest_first(devices: Sequence[Device]) -> list[Device]:
    """Return the devices as they are to be tried: hardware before software, and of several in hardware the fastest."""
    hardware = [device for device in devices if not device.software]
    speeds: dict[int, float] = {}
    for device in hardware if len(hardware) > 1 else ():
        try:
            display, context = _open(device)
        except RenderError:
            continue  # it is told of where it is tried
        try:
            speeds[device.index] = measure_speed()
        except RenderError as exc:
            _LOG.warning("graphics_device_not_measured", extra={"device": device.index, "reason": exc.message})
        finally:
            _close(display, context)
    if speeds:
        told = {str(index): round(speed) for index, speed in speeds.items()}
        _LOG.info("graphics_devices_measured", extra={"pictures_per_s": told})
    # stable: the order of EGL among equals
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


def _close(display: Any, context: Any) -> None:
    gl.EGL.eglMakeCurrent(display, gl.EGL.EGL_NO_SURFACE, gl.EGL.EGL_NO_SURFACE, gl.EGL.EGL_NO_CONTEXT)
    gl.EGL.eglDestroyContext(display, context)


def _open(device: Device) -> tuple[Any, Any]:
    try:
        return _open_unchecked(device)
    except gl.EGL.EGLError as exc:
        raise RenderError(f"EGL reports {exc.err}") from exc


def _open_unchecked(device: Device) -> tuple[Any, Any]:
    if device.handle is None:
        display = gl.EGL.eglGetPlatformDisplay(_PLATFORM_SURFACELESS_MESA, None, None)
    else:
        display = gl.EGL.eglGetPlatformDisplay(_PLATFORM_DEVICE_EXT, device.handle, None)
    major, minor = gl.EGL.EGLint(), gl.EGL.EGLint()
    if not display or not gl.EGL.eglInitialize(display, major, minor):
        raise RenderError("EGL does not initialise")
    extensions = _text(gl.EGL.eglQueryString(display, gl.EGL.EGL_EXTENSIONS))
    for needed in ("EGL_KHR_surfaceless_context", "EGL_KHR_create_context"):
        if needed not in extensions:
            raise RenderError(f"{needed} is missing")
    if not gl.EGL.eglBindAPI(gl.EGL.EGL_OPENGL_API):
        raise RenderError("OpenGL is not offered")
    wish = (gl.EGL.EGLint * 5)(
        gl.EGL.EGL_RENDERABLE_TYPE, gl.EGL.EGL_OPENGL_BIT, gl.EGL.EGL_SURFACE_TYPE, 0, gl.EGL.EGL_NONE
    )
    configs, count = (gl.EGL.EGLConfig * 1)(), gl.EGL.EGLint()
    if not gl.EGL.eglChooseConfig(display, wish, configs, 1, count) or count.value < 1:
        raise RenderError("there is no configuration for OpenGL")
    attributes = (gl.EGL.EGLint * 7)(
        _CONTEXT_MAJOR, 3, _CONTEXT_MINOR, 3, _CONTEXT_PROFILE_MASK, _CORE_PROFILE, gl.EGL.EGL_NONE
    )
    context = gl.EGL.eglCreateContext(display, configs[0], gl.EGL.EGL_NO_CONTEXT, attributes)
    if not context or not ctypes.cast(context, ctypes.c_void_p).value:
        raise RenderError("OpenGL 3.3 core is not offered")
    if not gl.EGL.eglMakeCurrent(display, gl.EGL.EGL_NO_SURFACE, gl.EGL.EGL_NO_SURFACE, context):
        gl.EGL.eglDestroyContext(display, context)
        raise RenderError("the context cannot be made current")
    return display, context
