"""Presets of volume rendering: what a doctor picks by a thumbnail, and what a volume starts with.

Ids are stable: settings keep them, and pages show them in the user's language. Values are Hounsfield units, or, where
the scale of a modality says nothing (MR, XA, …), parts of the volume's own range: 0 is the value that one voxel in a
hundred is under, 1 the value that one in a thousand is over.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from renderpool.scene.transfer_function import Tissue, TransferFunction, colours, curve
from webviewer.core.errors import NotFound

RANGE_PERCENTILES = (1.0, 99.9)
"""Of the voxels' values, what `Preset.for_range` is given as low and high."""

_AIR, _TOP = -1024.0, 3071.0


class VolumeMode(StrEnum):
    """What a ray makes of the values that it meets."""

    SHADED = "shaded"
    MAXIMUM = "mip"
    MINIMUM = "minip"
    AVERAGE = "aip"
    ISOSURFACE = "isosurface"


class PresetGroup(StrEnum):
    """The groups of the list, in its order."""

    BONE = "bone"
    VESSELS = "vessels"
    SOFT_TISSUE = "soft_tissue"
    LUNG = "lung"
    SKIN = "skin"
    MR_ANGIOGRAPHY = "mr_angiography"
    MR = "mr"
    PROJECTION = "projection"


class ValueUnit(StrEnum):
    """What the values of a preset are."""

    HU = "hu"
    RELATIVE = "relative"


@dataclass(frozen=True, slots=True)
class Lighting:
    """A lamp at the viewer's head: parts of the light, from 0 to 1, and how sharp its reflection is."""

    ambient: float = 0.2
    diffuse: float = 0.8
    specular: float = 0.3
    specular_power: float = 20.0


@dataclass(frozen=True, slots=True)
class Preset:
    """A look of a volume.

    ``lighting`` None = colours as they are. Of projections (MIP, mIP, AIP) the function is a ramp: its window is
    theirs. ``iso_value`` is of isosurfaces, in the unit of the preset.
    """

    preset_id: str
    group: PresetGroup
    mode: VolumeMode
    unit: ValueUnit
    function: TransferFunction
    lighting: Lighting | None = None
    iso_value: float | None = None

    def for_range(self, low: float, high: float) -> tuple[TransferFunction, float | None]:
        """Return the function and the isosurface's value in a volume's own values.

        Parameters
        ----------
        low, high
            The values at ``RANGE_PERCENTILES`` of the volume; they are of no matter to a preset in HU.

        Raises
        ------
        InvalidInput
            The range is empty, and the preset is relative to it.
        """
        if self.unit is ValueUnit.HU:
            return self.function, self.iso_value
        iso_value = None if self.iso_value is None else low + self.iso_value * (high - low)
        return self.function.scaled(low, high), iso_value


_LIT = Lighting()
_SOFT_LIGHT = Lighting(0.3, 0.7, 0.15, 12.0)
_WET = Lighting(0.2, 0.75, 0.5, 30.0)
_GREY = colours((0.0, 1.0, 1.0, 1.0))


def _of(*tissues: Tissue) -> TransferFunction:
    return TransferFunction(tissues)


def _ramp(low: float, high: float) -> TransferFunction:
    return _of(Tissue("values", curve((low, 0.0), (high, 1.0)), _GREY))


# bone and soft are the scene of the measurements in render.md, point by point.
_BONE_COLOURS = colours(
    (_AIR, 0.0, 0.0, 0.0), (150.0, 0.55, 0.25, 0.15), (300.0, 0.88, 0.60, 0.29), (700.0, 1.0, 0.94, 0.85),
    (1200.0, 1.0, 1.0, 1.0), (_TOP, 1.0, 1.0, 1.0),
)  # fmt: skip
_BONE = Tissue(
    "bone", curve((_AIR, 0.0), (150.0, 0.0), (300.0, 0.12), (500.0, 0.5), (1200.0, 0.85), (_TOP, 0.9)), _BONE_COLOURS
)
_SOFT = Tissue(
    "soft",
    curve(
        (_AIR, 0.0), (-250.0, 0.0), (-90.0, 0.004), (20.0, 0.006), (120.0, 0.02), (300.0, 0.25), (600.0, 0.5),
        (1200.0, 0.85), (_TOP, 0.9),
    ),
    colours(
        (_AIR, 0.0, 0.0, 0.0), (-250.0, 0.8, 0.6, 0.45), (-90.0, 0.9, 0.75, 0.55), (40.0, 0.75, 0.35, 0.3),
        (300.0, 0.9, 0.3, 0.2), (700.0, 1.0, 0.94, 0.85), (1200.0, 1.0, 1.0, 1.0), (_TOP, 1.0, 1.0, 1.0),
    ),
)  # fmt: skip
_IVORY = Tissue(
    "cortical_bone",
    curve((350.0, 0.0), (600.0, 0.35), (1000.0, 0.85), (_TOP, 0.95)),
    colours((350.0, 0.80, 0.62, 0.42), (700.0, 0.97, 0.90, 0.76), (1300.0, 1.0, 1.0, 0.97)),
)
_FAINT_BONE = Tissue(
    "bone", curve((250.0, 0.0), (500.0, 0.03), (1500.0, 0.06), (1800.0, 0.06)), colours((250.0, 0.95, 0.90, 0.78))
)
_METAL = Tissue(
    "metal", curve((1900.0, 0.0), (2400.0, 0.9)), colours((1900.0, 0.45, 0.62, 0.85), (_TOP, 0.75, 0.88, 1.0))
)
# Contrast medium from 140 to 460 HU is red, what is denser ivory. Around bones the values pass those of contrast medium
# within a voxel or two: red covers little a millimetre, to be seen where it goes on, in a vessel, and not coat bones.
_CONTRAST = Tissue(
    "vessels",
    curve((140.0, 0.0), (180.0, 0.06), (240.0, 0.2), (360.0, 0.2), (460.0, 0.0)),
    colours((140.0, 0.55, 0.04, 0.03), (240.0, 0.85, 0.11, 0.08), (400.0, 0.95, 0.18, 0.12)),
)
_BONE_BESIDE_VESSELS = Tissue(
    "bone",
    curve((340.0, 0.0), (440.0, 0.3), (650.0, 0.6), (1200.0, 0.88), (_TOP, 0.9)),
    colours((340.0, 0.95, 0.85, 0.66), (600.0, 1.0, 0.94, 0.80), (1200.0, 1.0, 0.99, 0.94)),
)
_BRIGHT_VESSELS = Tissue(
    "vessels",
    curve((180.0, 0.0), (260.0, 0.35), (400.0, 0.8), (_TOP, 0.9)),
    colours((180.0, 0.60, 0.05, 0.05), (320.0, 0.95, 0.35, 0.20), (600.0, 1.0, 0.85, 0.65)),
)
_HEART = Tissue(
    "heart",
    curve((60.0, 0.0), (140.0, 0.02), (200.0, 0.12), (350.0, 0.6), (_TOP, 0.85)),
    colours((60.0, 0.45, 0.12, 0.08), (200.0, 0.80, 0.30, 0.20), (350.0, 0.98, 0.72, 0.50), (900.0, 1.0, 0.97, 0.9)),
)
_MUSCLE = Tissue(
    "muscle",
    curve((-10.0, 0.0), (40.0, 0.12), (80.0, 0.25), (200.0, 0.3), (400.0, 0.6), (_TOP, 0.9)),
    colours((-10.0, 0.55, 0.20, 0.15), (60.0, 0.72, 0.28, 0.22), (200.0, 0.90, 0.60, 0.45), (500.0, 1.0, 0.95, 0.85)),
)
_ORGANS = Tissue(
    "organs",
    curve((70.0, 0.0), (110.0, 0.08), (160.0, 0.3), (250.0, 0.5), (_TOP, 0.85)),
    colours((70.0, 0.50, 0.18, 0.12), (120.0, 0.70, 0.30, 0.22), (180.0, 0.92, 0.55, 0.35), (400.0, 1.0, 0.94, 0.82)),
)
# Nothing beyond -350 HU: the chest wall would hide the lungs, and air in the airways is that outside.
_LUNG = Tissue(
    "lung",
    curve((-930.0, 0.0), (-850.0, 0.008), (-700.0, 0.05), (-500.0, 0.1), (-420.0, 0.08), (-350.0, 0.0)),
    colours(
        (-930.0, 0.30, 0.42, 0.60), (-750.0, 0.70, 0.62, 0.66), (-550.0, 0.95, 0.70, 0.62), (-350.0, 1.0, 0.9, 0.8)
    ),
)
_LUNG_VESSELS = Tissue(
    "lung_vessels",
    curve((120.0, 0.0), (200.0, 0.25), (450.0, 0.5), (500.0, 0.0)),
    colours((120.0, 0.80, 0.25, 0.20), (450.0, 1.0, 0.60, 0.50)),
    on=False,
)
_SKIN = Tissue(
    "skin",
    curve((-400.0, 0.0), (-250.0, 0.25), (-100.0, 0.8), (_TOP, 0.9)),
    colours((-400.0, 0.75, 0.50, 0.40), (-150.0, 0.94, 0.76, 0.64), (200.0, 1.0, 0.87, 0.76)),
)
# parts of the volume's own range
_MR_VESSELS = Tissue(
    "vessels",
    curve((0.35, 0.0), (0.5, 0.15), (0.75, 0.7), (1.0, 0.9)),
    colours((0.35, 0.55, 0.08, 0.06), (0.6, 0.92, 0.35, 0.22), (1.0, 1.0, 0.85, 0.65)),
)
_MR_SURFACE = Tissue(
    "surface",
    curve((0.1, 0.0), (0.2, 0.15), (0.45, 0.4), (1.0, 0.7)),
    colours((0.1, 0.55, 0.40, 0.33), (0.35, 0.88, 0.72, 0.62), (1.0, 1.0, 0.96, 0.92)),
)
_MR_INSIDE = Tissue(
    "inside",
    curve((0.12, 0.0), (0.3, 0.01), (0.55, 0.05), (0.8, 0.3), (1.0, 0.6)),
    colours((0.12, 0.35, 0.35, 0.45), (0.55, 0.80, 0.70, 0.62), (1.0, 1.0, 1.0, 0.95)),
)
_RELATIVE_VESSELS = Tissue(
    "vessels",
    curve((0.5, 0.0), (0.65, 0.2), (0.85, 0.8), (1.0, 0.9)),
    colours((0.5, 0.60, 0.10, 0.08), (0.75, 0.95, 0.45, 0.28), (1.0, 1.0, 0.92, 0.8)),
)

_G, _M, _HU, _RELATIVE = PresetGroup, VolumeMode, ValueUnit.HU, ValueUnit.RELATIVE

PRESETS: tuple[Preset, ...] = (
    Preset("ct_bone", _G.BONE, _M.SHADED, _HU, _of(_BONE), _LIT),
    Preset("ct_cortical_bone", _G.BONE, _M.SHADED, _HU, _of(_IVORY), _WET),
    Preset("ct_bone_surface", _G.BONE, _M.ISOSURFACE, _HU, _of(_IVORY), _LIT, 300.0),
    Preset("ct_metal", _G.BONE, _M.SHADED, _HU, _of(_FAINT_BONE, _METAL), _WET),
    Preset("ct_bone_vessels", _G.VESSELS, _M.SHADED, _HU, _of(_CONTRAST, _BONE_BESIDE_VESSELS), _LIT),
    Preset("ct_vessels", _G.VESSELS, _M.SHADED, _HU, _of(_BRIGHT_VESSELS), _WET),
    Preset("ct_heart", _G.VESSELS, _M.SHADED, _HU, _of(_HEART), _LIT),
    Preset("xa_vessels", _G.VESSELS, _M.SHADED, _RELATIVE, _of(_RELATIVE_VESSELS), _WET),
    Preset("ct_soft", _G.SOFT_TISSUE, _M.SHADED, _HU, _of(_SOFT), _LIT),
    Preset("ct_muscle", _G.SOFT_TISSUE, _M.SHADED, _HU, _of(_MUSCLE), _LIT),
    Preset("ct_organs", _G.SOFT_TISSUE, _M.SHADED, _HU, _of(_ORGANS), _LIT),
    Preset("ct_lung", _G.LUNG, _M.SHADED, _HU, _of(_LUNG, _LUNG_VESSELS), _SOFT_LIGHT),
    Preset("ct_skin", _G.SKIN, _M.SHADED, _HU, _of(_SKIN), _SOFT_LIGHT),
    Preset("ct_skin_bone", _G.SKIN, _M.SHADED, _HU, _of(
        Tissue("skin", curve((-300.0, 0.0), (-200.0, 0.03), (-50.0, 0.03), (50.0, 0.0)), _SKIN.colour), _BONE
    ), _SOFT_LIGHT),
    Preset("mr_angiography", _G.MR_ANGIOGRAPHY, _M.SHADED, _RELATIVE, _of(_MR_VESSELS), _WET),
    Preset("mr_angiography_mip", _G.MR_ANGIOGRAPHY, _M.MAXIMUM, _RELATIVE, _ramp(0.15, 1.0)),
    Preset("mr_surface", _G.MR, _M.SHADED, _RELATIVE, _of(_MR_SURFACE), _SOFT_LIGHT),
    Preset("mr_inside", _G.MR, _M.SHADED, _RELATIVE, _of(_MR_INSIDE), _SOFT_LIGHT),
    Preset("ct_mip", _G.PROJECTION, _M.MAXIMUM, _HU, _ramp(-200.0, 1200.0)),
    Preset("ct_vessels_mip", _G.PROJECTION, _M.MAXIMUM, _HU, _ramp(50.0, 600.0)),
    Preset("ct_airways_minip", _G.PROJECTION, _M.MINIMUM, _HU, _ramp(-1024.0, -600.0)),
    Preset("ct_average", _G.PROJECTION, _M.AVERAGE, _HU, _ramp(-1000.0, 200.0)),
    Preset("mip", _G.PROJECTION, _M.MAXIMUM, _RELATIVE, _ramp(0.0, 1.0)),
    Preset("minip", _G.PROJECTION, _M.MINIMUM, _RELATIVE, _ramp(0.0, 1.0)),
    Preset("average", _G.PROJECTION, _M.AVERAGE, _RELATIVE, _ramp(0.0, 0.5)),
)  # fmt: skip

_DEFAULTS = {"CT": "ct_bone_vessels", "MR": "mr_surface", "XA": "xa_vessels", "MG": "mip"}
_UNKNOWN = "mip"
_HU_MODALITIES = frozenset({"CT"})


def preset(preset_id: str) -> Preset:
    """Return the preset of an id.

    Raises
    ------
    NotFound
        There is none.
    """
    found = next((candidate for candidate in PRESETS if candidate.preset_id == preset_id), None)
    if found is None:
        raise NotFound(f"There is no preset {preset_id!r} of volume rendering.")
    return found


def presets_for(modality: str, *, in_hounsfield: bool = True) -> tuple[Preset, ...]:
    """Return what is offered to volumes of a modality, group by group: presets in HU are of CT whose values are."""
    is_hu = in_hounsfield and modality in _HU_MODALITIES
    offered = [candidate for candidate in PRESETS if candidate.unit is ValueUnit.RELATIVE or is_hu]
    order = list(PresetGroup)
    return tuple(sorted(offered, key=lambda candidate: order.index(candidate.group)))


def default_preset(modality: str, *, angiography: bool = False, in_hounsfield: bool = True) -> Preset:
    """Return what a volume starts with: CT bone and vessels, MR angiography MIP, what is unknown MIP too."""
    if modality == "MR" and angiography:
        return preset("mr_angiography_mip")
    found = preset(_DEFAULTS.get(modality, _UNKNOWN))
    return found if found.unit is ValueUnit.RELATIVE or in_hounsfield else preset(_UNKNOWN)
