"""The OpenGL functions that the engine uses, and the check of the error state.

PyOpenGL's own check after each call is off (it costs more than the call); `check_gl` is called after each draw and in
every test instead. `OpenGL.GL` as a whole is not imported: the versions used here are a third of its memory.
"""

from __future__ import annotations

import OpenGL

# Must be said before the first import of a part of PyOpenGL: which library its functions come from.
OpenGL.setPlatform("egl")
OpenGL.ERROR_LOGGING = False

from OpenGL import (  # noqa: E402
    EGL,  # with PyOpenGL's checks (EGLError): its module does not load without them
    _configflags,
)

_configflags.ERROR_CHECKING = False  # for the functions of OpenGL, imported next
from OpenGL.GL.VERSION import GL_1_0, GL_1_1, GL_1_2, GL_1_3, GL_2_0, GL_3_0  # noqa: E402

from webviewer.core.errors import DeviceLost, RenderError  # noqa: E402

__all__ = ["EGL", "GL_1_0", "GL_1_1", "GL_1_2", "GL_1_3", "GL_2_0", "GL_3_0", "check_gl", "take_gl_errors"]

_ERROR_NAMES = {
    0x0500: "GL_INVALID_ENUM",
    0x0501: "GL_INVALID_VALUE",
    0x0502: "GL_INVALID_OPERATION",
    0x0505: "GL_OUT_OF_MEMORY",
    0x0506: "GL_INVALID_FRAMEBUFFER_OPERATION",
    0x0507: "GL_CONTEXT_LOST",
}
_MAX_ERRORS = 16  # a lost context answers with errors for ever


def take_gl_errors() -> list[str]:
    """Return the names of all errors that are set, and clear them."""
    names: list[str] = []
    while len(names) < _MAX_ERRORS:
        code = int(GL_1_0.glGetError())
        if code == 0:
            break
        names.append(_ERROR_NAMES.get(code, hex(code)))
    return names


def check_gl(what: str) -> None:
    """Raise if an error is set.

    Raises
    ------
    DeviceLost
        The context is gone.
    RenderError
        Any other error; says what was being done.
    """
    names = take_gl_errors()
    if not names:
        return
    if "GL_CONTEXT_LOST" in names:
        raise DeviceLost(f"The graphics device was lost: {what}.")
    raise RenderError(f"OpenGL reports {', '.join(names)}: {what}.")
