"""Masks in the device: 3D textures of bits, kept while they are used and somebody has the mask."""

from __future__ import annotations

import weakref
from collections import OrderedDict

import numpy as np
from numpy.typing import NDArray

from renderpool.engine import volume_texture
from renderpool.engine.field_texture import FieldTexture
from renderpool.engine.program import Program
from renderpool.engine.volume_mask import VolumeMask
from webviewer.core.errors import RenderError

_BUDGET_BYTES = 512 * 1024**2
"""Of the device: 32 masks of 512 × 512 × 300. One beyond it is brought anew for its next picture, which takes ms."""


class MaskTexture:
    """The bits of a mask.

    More slices than a texture has lie in blocks beside one another: rows of words are short.

    Raises
    ------
    RenderError
        The device takes none so large.
    """

    def __init__(self, mask: VolumeMask) -> None:
        slices, _, columns = mask.packed.shape
        limit = volume_texture.max_volume_side()
        self._block = (min(slices, limit), columns)
        words = _in_blocks(mask.packed, self._block[0])
        if max(words.shape) > limit:
            raise RenderError(f"A mask of {mask.shape} is larger than this server can draw: at most {limit} a side.")
        self._texture = FieldTexture(words)
        self.size_bytes = int(words.nbytes)

    def set_uniforms(self, program: Program, unit: int) -> None:
        """Bind, and set what ``mask.glsl`` expects in the current program."""
        self._texture.bind(unit)
        program.set_int("t_kept", unit)
        program.set_vec2("u_mask_block", *self._block)

    def close(self) -> None:
        """Delete the texture."""
        self._texture.close()


def _in_blocks(words: NDArray[np.uint32], slices: int) -> NDArray[np.uint32]:
    """Return words with at most so many slices, those after them on their right."""
    if len(words) <= slices:
        return words
    count = -(-len(words) // slices)
    padded = np.zeros((count * slices, *words.shape[1:]), dtype=np.uint32)
    padded[: len(words)] = words
    return np.concatenate(np.split(padded, count), axis=2)


class MaskTextures:
    """Textures of masks by mask; used in the thread whose context is current.

    Parameters
    ----------
    budget_bytes
        The ones not used for longest go beyond that; the newest stays.
    """

    def __init__(self, budget_bytes: int = _BUDGET_BYTES) -> None:
        self._budget_bytes = budget_bytes
        self._textures: OrderedDict[int, tuple[weakref.ref[VolumeMask], MaskTexture]] = OrderedDict()

    def get(self, mask: VolumeMask) -> MaskTexture:
        """Return the texture of a mask, made when it is first asked for; raises RenderError as `MaskTexture`."""
        self.sweep()
        key = id(mask)  # of those alive: no two have the same
        if key not in self._textures:
            self._textures[key] = (weakref.ref(mask), MaskTexture(mask))
            while len(self._textures) > 1 and self.size_bytes > self._budget_bytes:
                self._textures.popitem(last=False)[1][1].close()
        self._textures.move_to_end(key)
        return self._textures[key][1]

    @property
    def size_bytes(self) -> int:
        """What they take of the device."""
        return sum(texture.size_bytes for _, texture in self._textures.values())

    def sweep(self) -> None:
        """Delete those of masks that nobody has any more."""
        for key, (mask, texture) in list(self._textures.items()):
            if mask() is None:
                texture.close()
                del self._textures[key]

    def close(self) -> None:
        """Delete all of them."""
        while self._textures:
            self._textures.popitem()[1][1].close()
