"""EGL devices, and a context without a surface.

A node without a display has no window system, so the devices are asked of EGL itself (EGL_EXT_device_enumeration);
where that is missing, Mesa's surfaceless platform is the one device. Software devices (llvmpipe) are taken only when
no hardware works, or when the administrator names one with ``--device``.
"""

from __future__ import annotations

import ctypes
import logging
from dataclasses import dataclass
from typing import Any

from renderpool.engine import gl
from webviewer.core.errors import RenderError

_LOG = logging.getLogger(__name__)

_PLATFORM_DEVICE_EXT = 0x313F
_PLATFORM_SURFACELESS_MESA = 0x31DD
_DRM_DEVICE_FILE_EXT = 0x3233
_CONTEXT_MAJOR, _CONTEXT_MINOR = 0x3098, 0x30FB
_CONTEXT_PROFILE_MASK, _CORE_PROFILE = 0x30FD, 1
_MAX_DEVICES = 32


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
            candidates = sorted(
                devices, key=lambda device: device.software
            )  # stable: the order of EGL within each kind
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
        gl.EGL.eglMakeCurrent(self._display, gl.EGL.EGL_NO_SURFACE, gl.EGL.EGL_NO_SURFACE, gl.EGL.EGL_NO_CONTEXT)
        gl.EGL.eglDestroyContext(self._display, self._context)
        # The display is shared by the process: another context may use it, so it is not terminated.


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
