"""A volume in the device: a 3D texture of 16 bits, or several, filled slab by slab while its slices arrive.

Shaders reach it through ``shaders/volume.glsl``, whose uniforms `VolumeTexture.set_uniforms` sets, and which needs
`VolumeTexture.defines`.
"""

from __future__ import annotations

import ctypes

import numpy as np
from numpy.typing import NDArray

from renderpool.engine import gl
from renderpool.engine.chunks import MOST_CHUNKS, Shape, plan_chunks
from renderpool.engine.gl import OutOfDeviceMemory, check_gl
from renderpool.engine.presence_texture import PresenceTexture
from renderpool.engine.program import Program
from renderpool.engine.textures import pointer
from webviewer.core.errors import RenderError

_ZEROS_BYTES = 4 * 1024**2  # cleared at a time
_VOXEL_BYTES = 2
_CHUNK_UNIT = 4  # and up: those below have what else a picture needs
_PRESENCE_UNIT = _CHUNK_UNIT + MOST_CHUNKS - 1


def max_volume_side() -> int:
    """Return how many voxels a 3D texture of the current context's device has along an axis at most."""
    return int(gl.GL_1_0.glGetIntegerv(gl.GL_1_2.GL_MAX_3D_TEXTURE_SIZE))


def volume_refusal(shape: Shape) -> str | None:
    """Return why the current context's device takes no volume of (slices, rows, columns), in words; None = it may.

    Without making one, so also before anything is loaded. Memory that others hold is not counted.
    """
    slices, rows, columns = shape
    words = f"A volume of {columns} × {rows} × {slices} voxels"
    if min(shape) < 1:
        return f"{words} cannot be drawn: at least one a side is needed."
    grid = plan_chunks(shape, _is_taken)
    if _is_taken(grid.chunk_shape):
        return None
    limit = max_volume_side()
    if max(grid.chunk_shape) > limit:
        return f"{words} is larger than this server can draw: at most {limit} a side, and {MOST_CHUNKS} pieces of that."
    size_mb = slices * rows * columns * _VOXEL_BYTES / 1024**2
    return (
        f"{words} is larger than this server can draw: it does not take {size_mb:.0f} MB, nor in {grid.count} pieces."
    )


def _is_taken(shape: Shape) -> bool:
    """Tell whether the device takes a texture."""
    if max(shape) > max_volume_side():
        return False
    proxy = gl.GL_1_2.GL_PROXY_TEXTURE_3D
    _define(proxy, shape)
    return bool(int(gl.GL_1_0.glGetTexLevelParameteriv(proxy, 0, gl.GL_1_0.GL_TEXTURE_WIDTH)))


def _define(target: int, shape: Shape) -> None:
    slices, rows, columns = shape
    layout, kind = gl.GL_1_0.GL_RED, gl.GL_1_0.GL_UNSIGNED_SHORT
    # Array order is (slices, rows, columns); OpenGL's is (width, height, depth).
    gl.GL_1_2.glTexImage3D(target, 0, gl.GL_3_0.GL_R16, columns, rows, slices, 0, layout, kind, None)


class _Chunk:
    """One texture: the voxels of a volume from ``corner`` (slice, row, column) on."""

    def __init__(self, corner: Shape, shape: Shape) -> None:
        self.corner, self.shape = corner, shape
        names = (ctypes.c_uint * 1)()
        gl.GL_1_1.glGenTextures(1, names)
        self._name = int(names[0])
        target = gl.GL_1_2.GL_TEXTURE_3D
        gl.GL_1_1.glBindTexture(target, self._name)
        for parameter, value in (
            (gl.GL_1_0.GL_TEXTURE_MIN_FILTER, gl.GL_1_0.GL_LINEAR),
            (gl.GL_1_0.GL_TEXTURE_MAG_FILTER, gl.GL_1_0.GL_LINEAR),
            (gl.GL_1_0.GL_TEXTURE_WRAP_S, gl.GL_1_2.GL_CLAMP_TO_EDGE),
            (gl.GL_1_0.GL_TEXTURE_WRAP_T, gl.GL_1_2.GL_CLAMP_TO_EDGE),
            (gl.GL_1_2.GL_TEXTURE_WRAP_R, gl.GL_1_2.GL_CLAMP_TO_EDGE),
            (gl.GL_1_2.GL_TEXTURE_MAX_LEVEL, 0),
        ):
            gl.GL_1_0.glTexParameteri(target, parameter, value)
        try:
            _define(target, shape)
            check_gl("making a volume")
        except RenderError:
            self.close()
            raise

    def upload(self, first: int, values: NDArray[np.uint16]) -> None:
        """Put those of a volume's slices from ``first`` on in place that lie in the chunk."""
        begin = max(0, self.corner[0] - first)
        end = min(len(values), self.corner[0] + self.shape[0] - first)
        if begin >= end:
            return
        _, row, column = self.corner
        part = values[begin:end, row : row + self.shape[1], column : column + self.shape[2]]
        part = np.ascontiguousarray(part)
        if not part.size:
            return
        slices, rows, columns = part.shape
        gl.GL_1_1.glBindTexture(gl.GL_1_2.GL_TEXTURE_3D, self._name)
        gl.GL_1_0.glPixelStorei(gl.GL_1_0.GL_UNPACK_ALIGNMENT, 1)
        gl.GL_1_2.glTexSubImage3D(
            gl.GL_1_2.GL_TEXTURE_3D,
            0,
            0,
            0,
            first + begin - self.corner[0],
            columns,
            rows,
            slices,
            gl.GL_1_0.GL_RED,
            gl.GL_1_0.GL_UNSIGNED_SHORT,
            pointer(part),
        )

    def bind(self, unit: int) -> None:
        """Bind to a texture unit."""
        gl.GL_1_3.glActiveTexture(gl.GL_1_3.GL_TEXTURE0 + unit)
        gl.GL_1_1.glBindTexture(gl.GL_1_2.GL_TEXTURE_3D, self._name)

    def filter(self, *, linear: bool) -> None:
        """Have the bound texture filtered trilinearly, or take the nearest voxel."""
        target, value = gl.GL_1_2.GL_TEXTURE_3D, gl.GL_1_0.GL_LINEAR if linear else gl.GL_1_0.GL_NEAREST
        gl.GL_1_0.glTexParameteri(target, gl.GL_1_0.GL_TEXTURE_MIN_FILTER, value)
        gl.GL_1_0.glTexParameteri(target, gl.GL_1_0.GL_TEXTURE_MAG_FILTER, value)

    def close(self) -> None:
        """Delete the texture."""
        if self._name:
            gl.GL_1_1.glDeleteTextures(1, (ctypes.c_uint * 1)(self._name))
            self._name = 0


class VolumeTexture:
    """Stored values (R16), clamped at the faces of the volume; slices that were not uploaded are zero.

    One 3D texture, or up to `renderpool.engine.chunks.MOST_CHUNKS` where the device does not take one so large.

    Parameters
    ----------
    shape
        (slices, rows, columns).
    slope, intercept
        ``value = stored * slope + intercept``, stored from 0 to 65535, value in the modality's unit (HU, …); the slope
        is over 0, so that more is more.

    Raises
    ------
    RenderError
        An axis is empty or longer than the device allows, or the volume larger than it takes (`volume_refusal`); says
        the numbers. Or the slope is not over 0.
    OutOfDeviceMemory
        The device has not so much memory left; says the numbers.
    DeviceLost
        It is gone.
    """

    def __init__(self, shape: Shape, *, slope: float = 1.0, intercept: float = 0.0) -> None:
        slices, rows, columns = (int(count) for count in shape)
        if not slope > 0:
            raise RenderError(f"A volume with the slope {slope} cannot be drawn: must be over 0.")
        refusal = volume_refusal((slices, rows, columns))
        if refusal is not None:
            raise RenderError(refusal)
        self.shape = (slices, rows, columns)
        self.slope, self.intercept = float(slope), float(intercept)
        self._grid = plan_chunks(self.shape, _is_taken)
        self._voxel_bytes = self._grid.count * int(np.prod(self._grid.chunk_shape)) * _VOXEL_BYTES
        self._linear = True
        self._presence: PresenceTexture | None = None
        self._empty: NDArray[np.bool_] | None = np.ones(slices, dtype=np.bool_)  # None: nothing is left to clear
        self._chunks: list[_Chunk] = []
        try:
            for corner in self._grid.corners():
                self._chunks.append(_Chunk(corner, self._grid.chunk_shape))
        except OutOfDeviceMemory as exc:
            self.close()
            raise OutOfDeviceMemory(
                f"A volume of {columns} × {rows} × {slices} voxels needs {self.size_bytes / 1024**2:.0f} MB of the "
                f"graphics device, which did not give them: {exc.message}"
            ) from exc
        except RenderError:
            self.close()
            raise

    @property
    def size_bytes(self) -> int:
        """What it takes of the device."""
        return self._voxel_bytes + (self._presence.size_bytes if self._presence else 0)

    @property
    def is_padded(self) -> bool:
        """Whether absent voxels were uploaded."""
        return self._presence is not None

    @property
    def defines(self) -> dict[str, int]:
        """What ``volume.glsl`` must be compiled with to read it."""
        chunks = {} if self._grid.count == 1 else {"CHUNKS": self._grid.count}
        return chunks | ({"PADDED": 1} if self.is_padded else {})

    def _clear(self) -> None:
        """Empty what was not uploaded: what a device hands out may hold another picture's memory."""
        if self._empty is None:
            return
        slices, rows, columns = self.shape
        at_once = max(1, min(slices, _ZEROS_BYTES // (rows * columns * _VOXEL_BYTES)))
        zeros = np.zeros((at_once, rows, columns), dtype=np.uint16)
        empty = np.flatnonzero(self._empty)
        for run in np.split(empty, np.flatnonzero(np.diff(empty) > 1) + 1):
            for first in range(0, len(run), at_once):
                self._upload(int(run[first]), zeros[: len(run) - first])
        self._empty = None

    def upload_slices(self, first: int, values: NDArray[np.uint16], present: NDArray[np.uint32] | None = None) -> None:
        """Put stored values in place, from slice ``first`` (0-based) on.

        Parameters
        ----------
        values
            (slices, rows, columns) uint16 of any number of slices; contiguous arrays are not copied. Absent voxels hold
            0.
        present
            Which voxels are present, as bits (`renderpool.engine.volume_mask.pack`); None = all of these slices.

        Raises
        ------
        RenderError
            Another shape or dtype, slices outside the volume, or OpenGL reports an error.
        """
        slices, rows, columns = self.shape
        if values.dtype != np.uint16 or values.ndim != 3 or values.shape[1:] != (rows, columns):
            raise RenderError(
                f"Slices of shape {values.shape} and type {values.dtype} do not fit a volume of {columns} × {rows} "
                f"× {slices}: must be (slices, {rows}, {columns}) uint16."
            )
        if not 0 <= first <= slices - len(values):
            raise RenderError(f"Slices {first} to {first + len(values) - 1} are outside 0 to {slices - 1}.")
        if len(values):
            self._upload(first, values)
            if present is not None and self._presence is None:
                self._presence = PresenceTexture(self.shape, max_volume_side())
            if self._presence is not None:
                self._presence.upload(first, present, len(values))
            if self._empty is not None:
                self._empty[first : first + len(values)] = False
            check_gl("uploading slices")

    def _upload(self, first: int, values: NDArray[np.uint16]) -> None:
        for chunk in self._chunks:
            chunk.upload(first, values)

    def bind(self, unit: int = 0, *, linear: bool = True) -> None:
        """Bind to a texture unit, filtered trilinearly or (``linear=False``) by the nearest voxel.

        Of several chunks the first; the others are bound to units from 4 on.
        """
        gl.GL_1_3.glActiveTexture(gl.GL_1_3.GL_TEXTURE0 + unit)
        self._clear()
        for number, chunk in enumerate(self._chunks):
            chunk.bind(_unit_of(number, unit))
            if linear != self._linear:
                chunk.filter(linear=linear)
        self._linear = linear

    def set_uniforms(self, program: Program, unit: int = 0, *, linear: bool = True) -> None:
        """Bind, and set what ``volume.glsl`` expects in the current program: volume, its size, slope and intercept."""
        slices, rows, columns = self.shape
        self.bind(unit, linear=linear)
        program.set_vec3("u_volume_size", columns, rows, slices)
        program.set_float("u_value_slope", self.slope)
        program.set_float("u_value_intercept", self.intercept)
        depth, height, width = self._grid.chunk_shape
        program.set_vec3("u_texture_from_index", 1 / width, 1 / height, 1 / depth)
        self.set_presence(program)
        if self._grid.count == 1:
            program.set_int("t_volume", unit)
            return
        for number in range(self._grid.count):
            program.set_int(f"t_chunks[{number}]", _unit_of(number, unit))
        program.set_vec3("u_chunk_counts", *self._grid.counts[::-1])
        program.set_vec3("u_chunk_cells", *self._grid.cells[::-1])

    def set_presence(self, program: Program) -> None:
        """Bind, and set what ``presence.glsl`` expects in the current program, if it is padded."""
        if self._presence is not None:
            depth, height, width = self._grid.chunk_shape
            program.set_vec3("u_texture_size", width, height, depth)
            self._presence.set_uniforms(program, _PRESENCE_UNIT)

    def close(self) -> None:
        """Delete the textures."""
        for chunk in self._chunks:
            chunk.close()
        if self._presence is not None:
            self._presence.close()


def _unit_of(chunk: int, unit: int) -> int:
    return unit if chunk == 0 else _CHUNK_UNIT + chunk - 1
