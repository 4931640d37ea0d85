"""One decoded frame, with what drawing it needs."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from renderpool.session.image_graphics import ImageGraphics
from renderpool.session.source import CacheKey
from webviewer.dicom.aspect import pixel_aspect
from webviewer.dicom.attributes import ImageAttributes
from webviewer.dicom.decode import DecodedFrame
from webviewer.dicom.lut import (
    VoiChoice,
    default_voi,
    default_without_values,
    full_dynamic,
    has_range,
    is_inverted,
    modality_values,
    recommended_windows,
)
from webviewer.dicom.padding import absent_pixels

_FAR = 1e30


class LoadedImage:
    """One decoded frame with what drawing it needs; derived values are computed once, when first asked for."""

    def __init__(
        self,
        cache_key: CacheKey,
        decoded: DecodedFrame,
        attributes: ImageAttributes,
        graphics: ImageGraphics | None = None,
    ) -> None:
        self.key = key = cache_key[1:]
        self.cache_key = cache_key
        self.attributes = attributes
        self.is_colour = decoded.is_colour
        self.source_lossy = attributes.lossy or decoded.is_lossy
        self.stored = decoded.values
        self.rows, self.columns = int(decoded.values.shape[0]), int(decoded.values.shape[1])
        self.graphics = graphics  # overlays and shutter, None if it has none
        self.size_bytes = int(decoded.values.nbytes) + (0 if graphics is None else graphics.size_bytes)
        self.pixel_aspect = pixel_aspect(attributes, key[1])

    def grey_values(self) -> NDArray[np.float32]:
        """Return modality values, (rows, columns) float32. Not kept: the texture is."""
        values = modality_values(self.stored, self.attributes, self.key[1])
        if self.stored.dtype.kind == "f":
            # What is no number is dark; infinities would make no number of an average.
            values = np.nan_to_num(values, nan=-_FAR, posinf=_FAR, neginf=-_FAR).astype(np.float32, copy=False)
        return values

    def colour_values(self) -> NDArray[np.uint8]:
        """Return RGB, (rows, columns, 3) uint8, of a colour image."""
        colour: NDArray[np.uint8] = self.stored
        return colour

    @cached_property
    def is_padded(self) -> bool:
        """Whether pixels are absent (`webviewer.dicom.padding`)."""
        return not self.is_colour and absent_pixels(self.stored, self.attributes) is not None

    def grey_texels(self) -> NDArray[np.float32]:
        """Return what is drawn of a grey image, as `renderpool.engine.renderer.Renderer.draw_grey` takes it."""
        values = self.grey_values()
        absent = absent_pixels(self.stored, self.attributes)
        if absent is None:
            return values
        return np.stack([np.where(absent, np.float32(0), values), (~absent).astype(np.float32)], axis=-1)

    def _present_values(self) -> NDArray[np.float32]:
        absent = absent_pixels(self.stored, self.attributes)
        return self.grey_values() if absent is None else self.grey_values()[~absent]

    @cached_property
    def recommended(self) -> tuple[VoiChoice, ...]:
        """What the object recommends; what `default_voi` gives where that is nothing."""
        choices = recommended_windows(self.attributes, self.key[1])
        return choices or (default_voi(self._present_values(), self.attributes, self.key[1]),)

    @cached_property
    def recommended_to_others(self) -> tuple[VoiChoice, ...]:
        """What is recommended to images of its kind: empty where values without a range would tell it."""
        is_from_header = default_without_values(self.attributes, self.key[1]) is not None
        if recommended_windows(self.attributes, self.key[1]) or is_from_header or has_range(self._present_values()):
            return self.recommended
        return ()

    @cached_property
    def full_dynamic(self) -> VoiChoice:
        """The window from the darkest to the lightest value."""
        return full_dynamic(self._present_values())

    @cached_property
    def inverted(self) -> bool:
        """Whether low values are bright."""
        return is_inverted(self.attributes)
