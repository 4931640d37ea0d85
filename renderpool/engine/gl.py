"""The OpenGL functions that the engine uses, and the check of the error state.

``gl.EGL``, ``gl.GL_1_0`` … are PyOpenGL's modules. They are loaded when first used, not when this is imported: PyOpenGL
must be told before which library its functions come from, and that holds for the whole process.

PyOpenGL's own check after each call is off (it costs more than the call); `check_gl` is called after each draw and in
every test instead. `OpenGL.GL` as a whole is not imported: the versions used here are a third of its memory.
"""

from __future__ import annotations

import ctypes
import importlib
import sys
from enum import StrEnum
from typing import Any

from webviewer.core.errors import DeviceLost, RenderError


class Way(StrEnum):
    """How a process draws off screen."""

    EGL = "EGL"
    GLFW = "GLFW"


def use(wanted: Way) -> None:
    """Choose how this process draws, before anything of OpenGL is loaded; it holds for the whole process.

    Raises
    ------
    RenderError
        It draws in the other way already.
    """
    chosen = globals().setdefault("_way", wanted)
    if chosen is not wanted:
        raise RenderError(f"This process draws by {chosen} already.")


def way() -> Way:
    """Return how this process draws: as `use` chose, else by EGL where there is one, else by GLFW."""
    if "_way" not in globals():
        use(automatic_way(sys.platform))
    chosen: Way = globals()["_way"]
    return chosen


def automatic_way(platform: str) -> Way:
    """Return the way of a system: EGL, unless the system (Windows, macOS) or this machine has none.

    Parameters
    ----------
    platform
        As `sys.platform`. What is called EGL on Windows (ANGLE) has no desktop OpenGL.
    """
    if platform in ("win32", "darwin"):
        return Way.GLFW
    try:
        ctypes.CDLL("libEGL.so.1")
    except OSError:
        return Way.GLFW
    return Way.EGL


def text(value: bytes | None) -> str:
    """Return a text of OpenGL or EGL."""
    return (value or b"").decode("ascii", "replace")


_PLATFORMS = {"win32": "nt", "darwin": "darwin"}  # PyOpenGL's names; others have X11
_VERSIONS = frozenset({"GL_1_0", "GL_1_1", "GL_1_2", "GL_1_3", "GL_2_0", "GL_3_0"})


def __getattr__(name: str) -> Any:
    """Return a module of PyOpenGL; it is an attribute of this one from then on."""
    if name != "EGL" and name not in _VERSIONS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import OpenGL

    is_egl = way() is Way.EGL
    OpenGL.setPlatform("egl" if is_egl else _PLATFORMS.get(sys.platform, "x11"))
    OpenGL.ERROR_LOGGING = False
    egl: Any = None
    if is_egl or name == "EGL":
        try:
            egl = importlib.import_module("OpenGL.EGL")  # with PyOpenGL's checks (EGLError): else it does not load
        except ImportError as exc:
            raise RenderError(f"The graphics library EGL cannot be loaded: {exc}.") from exc
    flags: Any = importlib.import_module("OpenGL._configflags")
    flags.ERROR_CHECKING = False  # for the functions of OpenGL, loaded next
    found = egl if name == "EGL" else importlib.import_module(f"OpenGL.GL.VERSION.{name}")
    globals()[name] = found
    return found


_ERROR_NAMES = {
    0x0500: "GL_INVALID_ENUM",
    0x0501: "GL_INVALID_VALUE",
    0x0502: "GL_INVALID_OPERATION",
    0x0505: "GL_OUT_OF_MEMORY",
    0x0506: "GL_INVALID_FRAMEBUFFER_OPERATION",
    0x0507: "GL_CONTEXT_LOST",
}
_MAX_ERRORS = 16  # a lost context answers with errors for ever


def _version(name: str) -> Any:
    return globals().get(name) or __getattr__(name)


def take_gl_errors() -> list[str]:
    """Return the names of all errors that are set, and clear them."""
    names: list[str] = []
    while len(names) < _MAX_ERRORS:
        code = int(_version("GL_1_0").glGetError())
        if code == 0:
            break
        names.append(_ERROR_NAMES.get(code, hex(code)))
    return names


class OutOfDeviceMemory(RenderError):
    """The device has not so much memory left."""


def check_gl(what: str) -> None:
    """Raise if an error is set.

    Raises
    ------
    DeviceLost
        The context is gone.
    OutOfDeviceMemory
        It has not so much memory left.
    RenderError
        Any other error; says what was being done.
    """
    names = take_gl_errors()
    if not names:
        return
    if "GL_CONTEXT_LOST" in names:
        raise DeviceLost(f"The graphics device was lost: {what}.")
    error = OutOfDeviceMemory if "GL_OUT_OF_MEMORY" in names else RenderError
    raise error(f"OpenGL reports {', '.join(names)}: {what}.")
