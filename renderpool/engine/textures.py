"""Images as textures: modality values as R32F, padded ones as RG32F, colour as RGB8.

Bounded: the least recently used one goes first.
"""

from __future__ import annotations

import ctypes
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from renderpool.engine import gl
from webviewer.core.errors import RenderError

LUT_ROW = 1024  # entries of a VOI LUT in a texture row; as in shaders/voi.glsl


def pointer(array: NDArray[Any]) -> ctypes.c_void_p:
    """Return the address of an array's first element, for OpenGL."""
    return array.ctypes.data_as(ctypes.c_void_p)


class Texture:
    """One 2D texture without mipmaps, clamped at its edge.

    Parameters
    ----------
    values
        (rows, columns) float32 or uint8, (rows, columns, 2) float32, or (rows, columns, 3) uint8.

    Raises
    ------
    RenderError
        Another shape or dtype.
    """

    def __init__(self, values: NDArray[Any]) -> None:
        if values.ndim == 2 and values.dtype == np.float32:
            internal, layout, kind = gl.GL_3_0.GL_R32F, gl.GL_1_0.GL_RED, gl.GL_1_0.GL_FLOAT
        elif values.ndim == 2 and values.dtype == np.uint8:
            internal, layout, kind = gl.GL_3_0.GL_R8, gl.GL_1_0.GL_RED, gl.GL_1_0.GL_UNSIGNED_BYTE
        elif values.ndim == 3 and values.shape[2] == 2 and values.dtype == np.float32:
            internal, layout, kind = gl.GL_3_0.GL_RG32F, gl.GL_3_0.GL_RG, gl.GL_1_0.GL_FLOAT
        elif values.ndim == 3 and values.shape[2] == 3 and values.dtype == np.uint8:
            internal, layout, kind = gl.GL_1_1.GL_RGB8, gl.GL_1_0.GL_RGB, gl.GL_1_0.GL_UNSIGNED_BYTE
        else:
            raise RenderError(
                f"Values of shape {values.shape} and type {values.dtype} cannot be drawn: "
                "must be (rows, columns) float32 or uint8, (rows, columns, 2) float32, or (rows, columns, 3) uint8."
            )
        values = np.ascontiguousarray(values)
        self.rows, self.columns = int(values.shape[0]), int(values.shape[1])
        # RGB8 takes four bytes a pixel in the device.
        self.size_bytes = self.rows * self.columns * {gl.GL_3_0.GL_R8: 1, gl.GL_3_0.GL_RG32F: 8}.get(internal, 4)
        name = (ctypes.c_uint * 1)()
        gl.GL_1_1.glGenTextures(1, name)
        self._name = int(name[0])
        target = gl.GL_1_0.GL_TEXTURE_2D
        gl.GL_1_1.glBindTexture(target, self._name)
        gl.GL_1_0.glPixelStorei(gl.GL_1_0.GL_UNPACK_ALIGNMENT, 1)
        # Array order is (rows, columns); OpenGL's is (width, height).
        gl.GL_1_0.glTexImage2D(target, 0, internal, self.columns, self.rows, 0, layout, kind, pointer(values))
        for parameter, value in (
            (gl.GL_1_0.GL_TEXTURE_MIN_FILTER, gl.GL_1_0.GL_LINEAR),
            (gl.GL_1_0.GL_TEXTURE_MAG_FILTER, gl.GL_1_0.GL_LINEAR),
            (gl.GL_1_0.GL_TEXTURE_WRAP_S, gl.GL_1_2.GL_CLAMP_TO_EDGE),
            (gl.GL_1_0.GL_TEXTURE_WRAP_T, gl.GL_1_2.GL_CLAMP_TO_EDGE),
        ):
            gl.GL_1_0.glTexParameteri(target, parameter, value)

    def bind(self) -> None:
        """Bind to the active texture unit."""
        gl.GL_1_1.glBindTexture(gl.GL_1_0.GL_TEXTURE_2D, self._name)

    def close(self) -> None:
        """Delete the texture."""
        if self._name:
            gl.GL_1_1.glDeleteTextures(1, (ctypes.c_uint * 1)(self._name))
            self._name = 0


def lut_texture(table: NDArray[np.float32]) -> Texture:
    """Return a table of up to 65,536 entries as a texture of ``LUT_ROW`` columns."""
    rows = -(-len(table) // LUT_ROW)
    padded = np.zeros(rows * LUT_ROW, dtype=np.float32)
    padded[: len(table)] = table
    return Texture(padded.reshape(rows, LUT_ROW))


class TextureCache:
    """Textures by key, at most ``budget_bytes`` of them (but always the newest one)."""

    def __init__(self, budget_bytes: int) -> None:
        self._budget_bytes = budget_bytes
        self._entries: OrderedDict[Hashable, Texture] = OrderedDict()
        self.size_bytes = 0

    def get(self, key: Hashable, make: Callable[[], Texture]) -> Texture:
        """Return the texture of a key, made now if it is not there."""
        texture = self._entries.get(key)
        if texture is not None:
            self._entries.move_to_end(key)
            return texture
        texture = make()
        self._entries[key] = texture
        self.size_bytes += texture.size_bytes
        while self.size_bytes > self._budget_bytes and len(self._entries) > 1:
            self._drop_oldest()
        return texture

    def __len__(self) -> int:
        return len(self._entries)

    def _drop_oldest(self) -> None:
        _, texture = self._entries.popitem(last=False)
        self.size_bytes -= texture.size_bytes
        texture.close()

    def close(self) -> None:
        """Delete all textures."""
        while self._entries:
            self._drop_oldest()
