"""What a wish says of values, as the renderers take it: windows of planes, and looks of volumes."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np

from renderpool.engine.rays import RayLook, RayMode, Shading
from renderpool.scene.grey import GreyMap, grey_map
from renderpool.scene.transfer_function import DEFAULT_ENTRIES, ColourPoint, OpacityPoint, Tissue, TransferFunction
from renderpool.scene.transfer_table import TransferTable
from renderpool.session.loaded_volume import LoadedVolume
from renderpool.session.volume_textures import middle_image, middle_key
from webviewer.core.errors import InvalidInput
from webviewer.dicom.derived_grey import GreyLook, grey_look
from webviewer.dicom.lut import VoiChoice, default_voi, is_inverted, recommended_windows
from webviewer.protocol.volumes import Look
from webviewer.protocol.windows import WindowFullDynamic, WindowRecommended, WindowValues

_MODES = {
    "shaded": RayMode.COMPOSITE,
    "mip": RayMode.MAXIMUM,
    "minip": RayMode.MINIMUM,
    "aip": RayMode.AVERAGE,
    "isosurface": RayMode.ISOSURFACE,
}
_LOOKS_KEPT = 32


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
    choices = _recommended(volume, ends)
    return choices[window.index] if window.index < len(choices) else choices[0]


def _recommended(volume: LoadedVolume, ends: tuple[float, float]) -> tuple[VoiChoice, ...]:
    """Return what the image in the middle recommends, or shares with others of its kind, as in 2D."""
    shared = volume.series.shared_window(middle_key(volume))
    if shared is not None and shared.choices:
        return shared.choices
    image, frame_number = middle_image(volume)
    choices = recommended_windows(image, frame_number)
    return choices or (default_voi(np.array(ends, np.float32), image, frame_number),)


def recommended_grey(volume: LoadedVolume, ends: tuple[float, float]) -> GreyLook:
    """Return all that a volume recommends, for slices made of it: the image in its middle says it, as on planes."""
    image, _ = middle_image(volume)
    return grey_look(_recommended(volume, ends), is_inverted=is_inverted(image))


def transfer_function(look: Look) -> TransferFunction:
    """Return the tissues of a look; raises InvalidInput, naming tissue, number and rule, where they are none."""
    return TransferFunction(
        tuple(
            Tissue(
                tissue.name,
                tuple(OpacityPoint(*point) for point in tissue.opacity),
                tuple(ColourPoint(*point) for point in tissue.colour),
                tissue.on,
            )
            for tissue in look.tissues
        )
    )


class RayLooks:
    """Looks as rays take them, made once while they are drawn with. Used in the drawing thread."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[Look, float, float], RayLook] = OrderedDict()

    def get(self, look: Look, least: float, most: float) -> RayLook:
        """Return a look; parameters and errors as of `ray_look`."""
        key = look, least, most
        found = self._kept.get(key)
        if found is None:
            found = self._kept[key] = ray_look(look, least, most)
            if len(self._kept) > _LOOKS_KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return found


def ray_look(look: Look, least: float, most: float) -> RayLook:
    """Return a look as rays take it.

    Parameters
    ----------
    least, most
        The values that a volume may have, for the range of the table.

    Raises
    ------
    InvalidInput
        Tissues are none, or an isosurface lacks its value.
    """
    mode = _MODES[look.mode]
    if mode is RayMode.ISOSURFACE and look.iso_value is None:
        raise InvalidInput("An isosurface without a value cannot be drawn: iso_value must be a number.")
    function = transfer_function(look)
    is_projection = mode in {RayMode.MAXIMUM, RayMode.MINIMUM, RayMode.AVERAGE}
    if is_projection:
        function = TransferFunction((function.tissues[0],))
    low, high = _table_range(function, least, most)
    table = function.table(low, high)
    if is_projection:
        grey = function.tissues[0].opacities(np.linspace(low, high, DEFAULT_ENTRIES))
        rgba = np.ones((DEFAULT_ENTRIES, 4), np.float32)
        rgba[:, 3] = grey
        table = TransferTable(rgba, low, high)
    light = look.lighting
    shading = None if light is None else Shading(light.ambient, light.diffuse, light.specular, light.specular_power)
    return RayLook(mode, table, shading=None if is_projection else shading, iso_value=look.iso_value or 0.0)


def _table_range(function: TransferFunction, least: float, most: float) -> tuple[float, float]:
    """Return where a table begins and ends: beyond its outer points a function is level."""
    values = [point.value for tissue in function.tissues for point in tissue.opacity]
    values += [point.value for tissue in function.tissues for point in tissue.colour]
    low, high = max(min(values), least), min(max(values), most)
    return (low, high) if low < high else (least, most)
