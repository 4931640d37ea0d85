"""Masks in the device: 3D textures of bits, kept while they are used and somebody has the mask."""

from __future__ import annotations

import weakref
from collections import OrderedDict

from renderpool.engine.field_texture import FieldTexture
from renderpool.engine.volume_mask import VolumeMask

_BUDGET_BYTES = 512 * 1024**2
"""Of the device: 32 masks of 512 × 512 × 300. One beyond it is brought anew for its next picture, which takes ms."""


class MaskTextures:
    """Textures of masks by mask; used in the thread whose context is current.

    Parameters
    ----------
    budget_bytes
        The ones not used for longest go beyond that; the newest stays.
    """

    def __init__(self, budget_bytes: int = _BUDGET_BYTES) -> None:
        self._budget_bytes = budget_bytes
        self._textures: OrderedDict[int, tuple[weakref.ref[VolumeMask], FieldTexture, int]] = OrderedDict()

    def get(self, mask: VolumeMask) -> FieldTexture:
        """Return the texture of a mask, made when it is first asked for."""
        self._forget_the_dead()
        key = id(mask)  # of those alive: no two have the same
        if key not in self._textures:
            self._textures[key] = (weakref.ref(mask), FieldTexture(mask.packed), mask.size_bytes)
            while len(self._textures) > 1 and self.size_bytes > self._budget_bytes:
                self._textures.popitem(last=False)[1][1].close()
        self._textures.move_to_end(key)
        return self._textures[key][1]

    @property
    def size_bytes(self) -> int:
        """What they take of the device."""
        return sum(size for _, _, size in self._textures.values())

    def _forget_the_dead(self) -> None:
        for key, (mask, texture, _) in list(self._textures.items()):
            if mask() is None:
                texture.close()
                del self._textures[key]

    def close(self) -> None:
        """Delete all of them."""
        while self._textures:
            self._textures.popitem()[1][1].close()
