"""Which voxels of a volume are present, in the device: a 3D texture of bits, beside the texture of a padded volume.

Read by ``shaders/presence.glsl``. Bits are packed as `renderpool.engine.volume_mask.pack` does.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from renderpool.engine.field_texture import FieldTexture
from renderpool.engine.program import Program
from renderpool.engine.volume_mask import ALL_SET, packed_shape


class PresenceTexture:
    """The bits of a volume, at first all set.

    More slices than a texture has lie in blocks beside one another, as those of a mask.

    Parameters
    ----------
    shape
        Of the volume, (slices, rows, columns).
    max_side
        The most texels that a texture of the device has along an axis.
    """

    def __init__(self, shape: tuple[int, int, int], max_side: int) -> None:
        slices, self._rows, self._columns = packed_shape(shape)
        self._slices = min(slices, max_side)
        blocks = -(-slices // self._slices)
        words = np.full((self._slices, self._rows, blocks * self._columns), ALL_SET)
        self._texture = FieldTexture(words)
        self._has_absent = np.zeros(slices, dtype=np.bool_)
        self.size_bytes = int(words.nbytes)

    def upload(self, first: int, words: NDArray[np.uint32] | None, count: int) -> None:
        """Put the bits of slices in place.

        Parameters
        ----------
        first
            The first slice, from 0.
        words
            (slices, rows of words, columns of words); None = all voxels of them are present.
        count
            How many slices.
        """
        if words is None and not self._has_absent[first : first + count].any():
            return
        given = np.full((count, self._rows, self._columns), ALL_SET) if words is None else words
        done = 0
        while done < count:
            block, slice_ = divmod(first + done, self._slices)
            part = given[done : done + self._slices - slice_]
            self._texture.put(slice_, block * self._columns, part)
            done += len(part)
        self._has_absent[first : first + count] = words is not None

    def set_uniforms(self, program: Program, unit: int) -> None:
        """Bind, and set what ``presence.glsl`` expects of the bits in the current program."""
        self._texture.bind(unit)
        program.set_int("t_present", unit)
        program.set_vec2("u_mask_block", self._slices, self._columns)

    def close(self) -> None:
        """Delete the texture."""
        self._texture.close()
