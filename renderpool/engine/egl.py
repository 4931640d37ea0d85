"""EGL devices, and a context without a surface: how Linux draws off screen.

A node without a display has no window system, so the devices are asked of EGL itself (EGL_EXT_device_enumeration);
where that is missing, Mesa's surfaceless platform is the one device.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import Any

from renderpool.engine import gl
from renderpool.engine.devices import Device
from webviewer.core.errors import RenderError

_PLATFORM_DEVICE_EXT = 0x313F
_PLATFORM_SURFACELESS_MESA = 0x31DD
_DRM_DEVICE_FILE_EXT = 0x3233
_CONTEXT_MAJOR, _CONTEXT_MINOR = 0x3098, 0x30FB
_CONTEXT_PROFILE_MASK, _CORE_PROFILE = 0x30FD, 1
_MAX_DEVICES = 32


def list_devices() -> list[Device]:
    """Return all devices in the order of EGL; at least one."""
    extensions = gl.text(gl.EGL.eglQueryString(gl.EGL.EGL_NO_DISPLAY, gl.EGL.EGL_EXTENSIONS))
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

    extensions = gl.text(eglQueryDeviceStringEXT(handle, gl.EGL.EGL_EXTENSIONS))
    software = "EGL_MESA_device_software" in extensions
    name = "software" if software else "hardware"
    if not software and "EGL_EXT_device_drm" in extensions:
        name = gl.text(eglQueryDeviceStringEXT(handle, _DRM_DEVICE_FILE_EXT)) or name
    return Device(index, name, software, handle)


@dataclass(frozen=True, slots=True)
class EglContext:
    """See `renderpool.engine.devices.OpenContext`."""

    display: Any
    context: Any

    def make_current(self) -> None:
        """Make it the context of this thread."""
        if not gl.EGL.eglMakeCurrent(self.display, gl.EGL.EGL_NO_SURFACE, gl.EGL.EGL_NO_SURFACE, self.context):
            raise RenderError("the context cannot be made current")

    def release(self) -> None:
        """Leave this thread without a context."""
        gl.EGL.eglMakeCurrent(self.display, gl.EGL.EGL_NO_SURFACE, gl.EGL.EGL_NO_SURFACE, gl.EGL.EGL_NO_CONTEXT)

    def destroy(self) -> None:
        """Destroy it. The display is shared by the process: another context may use it, so it is not terminated."""
        gl.EGL.eglDestroyContext(self.display, self.context)


def open_context(device: Device) -> EglContext:
    """Open a context on a device and make it current in this thread.

    Raises
    ------
    RenderError
        The device gives no OpenGL 3.3 core context without a surface.
    """
    try:
        return _open(device)
    except gl.EGL.EGLError as exc:
        raise RenderError(f"EGL reports {exc.err}") from exc


def _open(device: Device) -> EglContext:
    if device.handle is None:
        display = gl.EGL.eglGetPlatformDisplay(_PLATFORM_SURFACELESS_MESA, None, None)
    else:
        display = gl.EGL.eglGetPlatformDisplay(_PLATFORM_DEVICE_EXT, device.handle, None)
    major, minor = gl.EGL.EGLint(), gl.EGL.EGLint()
    if not display or not gl.EGL.eglInitialize(display, major, minor):
        raise RenderError("EGL does not initialise")
    extensions = gl.text(gl.EGL.eglQueryString(display, gl.EGL.EGL_EXTENSIONS))
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
    opened = EglContext(display, context)
    try:
        opened.make_current()
    except RenderError:
        opened.destroy()
        raise
    return opened
