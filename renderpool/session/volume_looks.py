"""What a wish says of values, as the renderers take it: windows of planes, and looks of volumes."""

from __future__ import annotations

import numpy as np

from renderpool.scene.grey import GreyMap, grey_map
from renderpool.session.loaded_volume import LoadedVolume
from renderpool.session.volume_textures import middle_image
from webviewer.dicom.lut import VoiChoice, default_voi, is_inverted, recommended_windows
from webviewer.protocol.windows import WindowFullDynamic, WindowRecommended, WindowValues


def plane_grey(
    volume: LoadedVolume,
    window: WindowRecommended | WindowFullDynamic | WindowValues,
    ends: tuple[float, float],
    *,
    invert: bool,
) -> GreyMap:
    """Return how values become grey on planes of a volume: the image in its middle says what is not wished.

    Parameters
    ----------
    ends
        The lowest and the highest value of the volume.
    """
    image, _ = middle_image(volume)
    return grey_map(_plane_voi(volume, window, ends), inverted=is_inverted(image) != invert)


def _plane_voi(
    volume: LoadedVolume, window: WindowRecommended | WindowFullDynamic | WindowValues, ends: tuple[float, float]
) -> VoiChoice:
    if isinstance(window, WindowValues):
        return VoiChoice(center=window.center, width=window.width, function=window.function)
    if isinstance(window, WindowFullDynamic):
        low, high = ends
        return VoiChoice((low + high) / 2, high - low if high > low else 1.0, "LINEAR_EXACT")
    image, frame_number = middle_image(volume)
    choices = recommended_windows(image, frame_number)
    if choices:
        return choices[window.index] if window.index < len(choices) else choices[0]
    return default_voi(np.array(ends, np.float32), image, frame_number)
