"""Small textures of the ray caster: facts of bricks (3D, whole numbers) and tables of colours."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
from numpy.typing import NDArray

from renderpool.engine import gl
from renderpool.engine.textures import pointer
from webviewer.core.errors import RenderError

# Names of OpenGL's constants: nothing of OpenGL is loaded at import.
_KINDS: dict[np.dtype[Any], tuple[str, str]] = {
    np.dtype(np.uint8): ("GL_R8UI", "GL_UNSIGNED_BYTE"),
    np.dtype(np.uint16): ("GL_R16UI", "GL_UNSIGNED_SHORT"),
    np.dtype(np.uint32): ("GL_R32UI", "GL_UNSIGNED_INT"),
}


def _kind(dtype: np.dtype[Any]) -> tuple[Any, Any]:
    internal, kind = _KINDS[dtype]
    return getattr(gl.GL_3_0, internal), getattr(gl.GL_1_0, kind)


class FieldTexture:
    """Whole numbers of bricks, read with ``texelFetch`` from a ``usampler3D``.

    Parameters
    ----------
    values
        (slices, rows, columns) of bricks, uint8, uint16 or uint32.
    """

    def __init__(self, values: NDArray[Any]) -> None:
        if values.ndim != 3 or values.dtype not in _KINDS:
            raise RenderError(f"Facts of bricks of shape {values.shape} and type {values.dtype} cannot be used.")
        internal, kind = _kind(values.dtype)
        values = np.ascontiguousarray(values)
        slices, rows, columns = values.shape
        self._name = _generate(gl.GL_1_2.GL_TEXTURE_3D, gl.GL_1_0.GL_NEAREST)
        layout = gl.GL_3_0.GL_RED_INTEGER
        target = gl.GL_1_2.GL_TEXTURE_3D
        gl.GL_1_2.glTexImage3D(target, 0, internal, columns, rows, slices, 0, layout, kind, pointer(values))

    def put(self, slice_: int, column: int, values: NDArray[Any]) -> None:
        """Replace numbers from a slice and a column on: (slices, rows, columns) of the dtype it was made of."""
        values = np.ascontiguousarray(values)
        slices, rows, columns = values.shape
        target = gl.GL_1_2.GL_TEXTURE_3D
        gl.GL_1_1.glBindTexture(target, self._name)
        gl.GL_1_0.glPixelStorei(gl.GL_1_0.GL_UNPACK_ALIGNMENT, 1)
        layout, kind = gl.GL_3_0.GL_RED_INTEGER, _kind(values.dtype)[1]
        gl.GL_1_2.glTexSubImage3D(target, 0, column, 0, slice_, columns, rows, slices, layout, kind, pointer(values))

    def bind(self, unit: int) -> None:
        """Bind to a texture unit."""
        gl.GL_1_3.glActiveTexture(gl.GL_1_3.GL_TEXTURE0 + unit)
        gl.GL_1_1.glBindTexture(gl.GL_1_2.GL_TEXTURE_3D, self._name)

    def close(self) -> None:
        """Delete the texture."""
        if self._name:
            gl.GL_1_1.glDeleteTextures(1, (ctypes.c_uint * 1)(self._name))
            self._name = 0


class ColourTable:
    """A row of colours with opacity, linear between entries, constant beyond the ends.

    Parameters
    ----------
    entries
        (entries, 4), float32.
    """

    def __init__(self, entries: NDArray[np.float32]) -> None:
        target = gl.GL_1_0.GL_TEXTURE_2D
        self._name = _generate(target, gl.GL_1_0.GL_LINEAR)
        entries = np.ascontiguousarray(entries, dtype=np.float32)
        layout, kind = gl.GL_1_0.GL_RGBA, gl.GL_1_0.GL_FLOAT
        gl.GL_1_0.glTexImage2D(target, 0, gl.GL_3_0.GL_RGBA32F, len(entries), 1, 0, layout, kind, pointer(entries))

    def bind(self, unit: int) -> None:
        """Bind to a texture unit."""
        gl.GL_1_3.glActiveTexture(gl.GL_1_3.GL_TEXTURE0 + unit)
        gl.GL_1_1.glBindTexture(gl.GL_1_0.GL_TEXTURE_2D, self._name)

    def close(self) -> None:
        """Delete the texture."""
        if self._name:
            gl.GL_1_1.glDeleteTextures(1, (ctypes.c_uint * 1)(self._name))
            self._name = 0


def _generate(target: int, filtering: int) -> int:
    names = (ctypes.c_uint * 1)()
    gl.GL_1_1.glGenTextures(1, names)
    gl.GL_1_1.glBindTexture(target, int(names[0]))
    gl.GL_1_0.glPixelStorei(gl.GL_1_0.GL_UNPACK_ALIGNMENT, 1)
    for parameter, value in (
        (gl.GL_1_0.GL_TEXTURE_MIN_FILTER, filtering),
        (gl.GL_1_0.GL_TEXTURE_MAG_FILTER, filtering),
        (gl.GL_1_0.GL_TEXTURE_WRAP_S, gl.GL_1_2.GL_CLAMP_TO_EDGE),
        (gl.GL_1_0.GL_TEXTURE_WRAP_T, gl.GL_1_2.GL_CLAMP_TO_EDGE),
        (gl.GL_1_2.GL_TEXTURE_MAX_LEVEL, 0),
    ):
        gl.GL_1_0.glTexParameteri(target, parameter, value)
    return int(names[0])
