"""Where pictures are drawn and read back from; grows, and is used again."""

from __future__ import annotations

import ctypes

import numpy as np
from numpy.typing import NDArray

from renderpool.engine import gl
from renderpool.engine.textures import pointer
from webviewer.core.errors import RenderError

_STEP_PX = 256
MAX_SIDE_PX = 8192


class Framebuffer:
    """A colour buffer of 8-bit grey or RGB, or of four float32.

    Parameters
    ----------
    channels
        1 (grey), 3 (RGB) or 4 (numbers, not colours: float32).
    """

    def __init__(self, channels: int) -> None:
        self._channels = channels
        self._framebuffer = 0
        self._renderbuffer = 0
        self._width_px = self._height_px = 0

    def begin(self, width_px: int, height_px: int) -> None:
        """Make it the target, with a view port of this size in its corner.

        Raises
        ------
        RenderError
            Over ``MAX_SIDE_PX``, or the device cannot make it.
        """
        if not (1 <= width_px <= MAX_SIDE_PX and 1 <= height_px <= MAX_SIDE_PX):
            raise RenderError(f"A picture of {width_px} × {height_px} is out of range 1 to {MAX_SIDE_PX}.")
        if width_px > self._width_px or height_px > self._height_px:
            self._allocate(max(width_px, self._width_px), max(height_px, self._height_px))
        gl.GL_3_0.glBindFramebuffer(gl.GL_3_0.GL_FRAMEBUFFER, self._framebuffer)
        gl.GL_1_0.glViewport(0, 0, width_px, height_px)

    def _allocate(self, width_px: int, height_px: int) -> None:
        self.close()
        width_px, height_px = (min(-(-side // _STEP_PX) * _STEP_PX, MAX_SIDE_PX) for side in (width_px, height_px))
        names = (ctypes.c_uint * 1)()
        gl.GL_3_0.glGenFramebuffers(1, names)
        self._framebuffer = int(names[0])
        gl.GL_3_0.glGenRenderbuffers(1, names)
        self._renderbuffer = int(names[0])
        gl.GL_3_0.glBindRenderbuffer(gl.GL_3_0.GL_RENDERBUFFER, self._renderbuffer)
        internal = {1: gl.GL_3_0.GL_R8, 3: gl.GL_1_1.GL_RGBA8, 4: gl.GL_3_0.GL_RGBA32F}[self._channels]
        gl.GL_3_0.glRenderbufferStorage(gl.GL_3_0.GL_RENDERBUFFER, internal, width_px, height_px)
        gl.GL_3_0.glBindFramebuffer(gl.GL_3_0.GL_FRAMEBUFFER, self._framebuffer)
        gl.GL_3_0.glFramebufferRenderbuffer(
            gl.GL_3_0.GL_FRAMEBUFFER, gl.GL_3_0.GL_COLOR_ATTACHMENT0, gl.GL_3_0.GL_RENDERBUFFER, self._renderbuffer
        )
        status = gl.GL_3_0.glCheckFramebufferStatus(gl.GL_3_0.GL_FRAMEBUFFER)
        if status != gl.GL_3_0.GL_FRAMEBUFFER_COMPLETE:
            self.close()
            raise RenderError(f"A framebuffer of {width_px} × {height_px} cannot be made: status {int(status):#x}.")
        self._width_px, self._height_px = width_px, height_px

    def read(self, width_px: int, height_px: int, left_px: int = 0, top_px: int = 0) -> NDArray[np.uint8]:
        """Return the picture or a part of it, (height, width) or (height, width, 3), row 0 at the top of the canvas."""
        shape = (height_px, width_px) if self._channels == 1 else (height_px, width_px, 3)
        pixels = np.empty(shape, dtype=np.uint8)
        layout = gl.GL_1_0.GL_RED if self._channels == 1 else gl.GL_1_0.GL_RGB
        gl.GL_1_0.glPixelStorei(gl.GL_1_0.GL_PACK_ALIGNMENT, 1)
        gl.GL_1_0.glReadPixels(
            left_px, top_px, width_px, height_px, layout, gl.GL_1_0.GL_UNSIGNED_BYTE, pointer(pixels)
        )
        return pixels

    def read_numbers(self, width_px: int, height_px: int, left_px: int = 0, top_px: int = 0) -> NDArray[np.float32]:
        """Return what a buffer of four channels holds or a part of it, (height, width, 4)."""
        numbers = np.empty((height_px, width_px, 4), dtype=np.float32)
        layout, kind = gl.GL_1_0.GL_RGBA, gl.GL_1_0.GL_FLOAT
        gl.GL_1_0.glReadPixels(left_px, top_px, width_px, height_px, layout, kind, pointer(numbers))
        return numbers

    def copy_from(self, other: Framebuffer, width_px: int, height_px: int) -> None:
        """Copy the corner of another one of the same kind; both have been begun with at least this size."""
        gl.GL_3_0.glBindFramebuffer(gl.GL_3_0.GL_READ_FRAMEBUFFER, other._framebuffer)
        gl.GL_3_0.glBindFramebuffer(gl.GL_3_0.GL_DRAW_FRAMEBUFFER, self._framebuffer)
        corner = (0, 0, width_px, height_px)
        colour, nearest = gl.GL_1_0.GL_COLOR_BUFFER_BIT, gl.GL_1_0.GL_NEAREST
        gl.GL_3_0.glBlitFramebuffer(*corner, *corner, colour, nearest)

    def close(self) -> None:
        """Delete the buffers."""
        if self._framebuffer:
            gl.GL_3_0.glDeleteFramebuffers(1, (ctypes.c_uint * 1)(self._framebuffer))
            gl.GL_3_0.glDeleteRenderbuffers(1, (ctypes.c_uint * 1)(self._renderbuffer))
        self._framebuffer = self._renderbuffer = 0
        self._width_px = self._height_px = 0
