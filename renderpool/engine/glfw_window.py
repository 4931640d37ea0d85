"""A hidden window of GLFW: how Windows and macOS, which have no EGL, draw off screen.

GLFW knows the device of the desktop alone, so the list has one entry. Windows are opened and destroyed in the main
thread (macOS insists on it) and drawn with in another. Nothing of GLFW is loaded before the first window.
"""

from __future__ import annotations

import importlib
import sys
from dataclasses import dataclass
from typing import Any

from renderpool.engine.devices import Device
from webviewer.core.errors import RenderError

_SIDE_PX = 16  # nothing is drawn into the window itself


def list_devices() -> list[Device]:
    """Return the one device that GLFW draws with. Whether it is software, its OpenGL says once it is open."""
    return [Device(0, "the desktop's device", software=False)]


@dataclass(frozen=True, slots=True)
class GlfwWindow:
    """See `renderpool.engine.devices.OpenContext`."""

    glfw: Any
    window: Any

    def make_current(self) -> None:
        """Make it the context of this thread."""
        self.glfw.make_context_current(self.window)
        if self.glfw.get_current_context() is None:
            raise RenderError(f"the context of the hidden window cannot be made current{_reason(self.glfw)}")

    def release(self) -> None:
        """Leave this thread without a context."""
        self.glfw.make_context_current(None)

    def destroy(self) -> None:
        """Destroy the window. GLFW itself stays: another window of the process may use it."""
        self.glfw.destroy_window(self.window)


def open_window() -> GlfwWindow:
    """Open a hidden window with an OpenGL 3.3 core context, which is current in no thread; in the main thread.

    Raises
    ------
    RenderError
        GLFW is not installed, there is no desktop, or its driver has no OpenGL 3.3.
    """
    try:
        glfw: Any = importlib.import_module("glfw")
    except ImportError as exc:
        raise RenderError(f"GLFW cannot be loaded: {exc}") from exc
    glfw.ERROR_REPORTING = False  # what is wrong is asked for, and said in the one line of the program
    if sys.platform == "linux":
        glfw.init_hint(glfw.PLATFORM, glfw.PLATFORM_X11)  # PyOpenGL asks GLX for the functions
    if not glfw.init():
        raise RenderError(f"GLFW does not initialise: a hidden window needs a desktop{_reason(glfw)}")
    glfw.default_window_hints()
    for hint, value in (
        (glfw.VISIBLE, glfw.FALSE),
        (glfw.FOCUSED, glfw.FALSE),
        (glfw.CONTEXT_VERSION_MAJOR, 3),
        (glfw.CONTEXT_VERSION_MINOR, 3),
        (glfw.OPENGL_PROFILE, glfw.OPENGL_CORE_PROFILE),
        (glfw.OPENGL_FORWARD_COMPAT, glfw.TRUE),  # macOS has no other core profile
    ):
        glfw.window_hint(hint, value)
    window = glfw.create_window(_SIDE_PX, _SIDE_PX, "Web DICOM viewer", None, None)
    if not window:
        raise RenderError(f"GLFW opens no hidden window with OpenGL 3.3 core{_reason(glfw)}")
    return GlfwWindow(glfw, window)


def open_context(_device: Device) -> GlfwWindow:
    """Open a hidden window and make its context current in this thread; raises RenderError as `open_window` does."""
    opened = open_window()
    try:
        opened.make_current()
    except RenderError:
        opened.destroy()
        raise
    return opened


def _reason(glfw: Any) -> str:
    code, words = glfw.get_error()
    if not code:
        return ""
    return f" ({words.decode('utf-8', 'replace') if isinstance(words, bytes) else words or code})"
