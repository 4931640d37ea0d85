"""Volumes, looks and eyes that the tests of the ray caster share."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from renderpool.engine.bricks import BrickRanges
from renderpool.engine.ray_caster import RayCaster, RayVolume
from renderpool.engine.rays import RayLook, RayMode, RayView, Shading
from renderpool.engine.renderer import Renderer
from renderpool.engine.volume_mask import pack
from renderpool.engine.volume_texture import VolumeTexture
from renderpool.scene.transfer_table import TransferTable
from tests.render.reference_ray_cast import Eye, Scene

Points = tuple[tuple[float, float, float, float, float], ...]
MakeVolume = Callable[..., RayVolume]

BONE = ((-1024, 0, 0, 0, 0), (150, 0.55, 0.25, 0.15, 0), (500, 1, 0.94, 0.85, 0.5), (1200, 1, 1, 1, 0.9))
SOFT = (
    (-1024, 0.8, 0.6, 0.45, 0),
    (-250, 0.8, 0.6, 0.45, 0),
    (-90, 0.9, 0.75, 0.55, 0.01),
    (120, 0.9, 0.3, 0.2, 0.04),
    (600, 1, 0.94, 0.85, 0.5),
    (1200, 1, 1, 1, 0.9),
)
TWO_TISSUES = ((-700, 0, 0, 1, 0), (-500, 0, 0, 1, 0.05), (-300, 0, 0, 1, 0), (400, 1, 0, 0, 0), (800, 1, 1, 0, 0.8))
GREY = ((-200, 1, 1, 1, 0), (900, 1, 1, 1, 1))
DARK = ((-900, 1, 1, 1, 0), (300, 1, 1, 1, 1))


def steps(column: tuple[float, ...], row: tuple[float, ...], slice_: tuple[float, ...]) -> NDArray[np.float64]:
    """Return an lps_from_index with these steps, the middle of the volume of `body` near 0."""
    matrix = np.eye(4)
    matrix[:3, :3] = np.array([column, row, slice_]).T
    matrix[:3, 3] = -matrix[:3, :3] @ np.array([20.5, 18.0, 11.5])
    return matrix


def turned(angle_deg: float) -> NDArray[np.float64]:
    c, s = np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))
    about_z, about_x = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]), np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
    both: NDArray[np.float64] = about_x @ about_z
    return both


GRIDS = {
    "cubes": steps((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "0.5 x 0.5 x 3": steps((0.5, 0, 0), (0, 0.5, 0), (0, 0, 3)),
    "oblique": steps(*(turned(35) @ np.diag([0.7, 0.9, 1.5])).T.tolist()),
    "sheared by a tilted gantry": steps((0.8, 0, 0), (0, 0.8, 0), (0, 0.6, 1.4)),
    "mirrored": steps((-0.9, 0, 0), (0, 0.9, 0), (0, 0, 1.3)),
}
WAYS = (
    ("cubes", "along an axis"),
    ("cubes", "perspective"),
    ("0.5 x 0.5 x 3", "perspective"),
    ("oblique", "parallel"),
    ("sheared by a tilted gantry", "perspective"),
    ("mirrored", "parallel"),
)
EYES = {
    "perspective": Eye((60, -90, 35), (1, 2, -1), (0, 0, 1)),
    "parallel": Eye((-50, -80, -30), (0, 0, 0), (0.2, 0, 1), angle_deg=None, height_mm=52),
    "along an axis": Eye((0, -120, 0), (0, 0, 0), (0, 0, 1), angle_deg=None, height_mm=50),
}


def body() -> NDArray[np.float64]:
    """Values like HU, signed, (24, 37, 42): skin, a hollow, two bones, noise; one bone runs out of the volume."""
    z, y, x = np.mgrid[:24, :37, :42].astype(float)
    u, v, w = (x - 20.5) / 19, (y - 18) / 16, (z - 11.5) / 11
    r = np.sqrt(u * u + v * v + w * w)

    def blend(values: NDArray[np.float64], to: float, how: NDArray[np.float64]) -> NDArray[np.float64]:
        how = np.clip(how, 0, 1)
        return values * (1 - how) + to * how

    values = np.full(x.shape, -1000.0)
    values = blend(values, 40, (0.9 - r) * 6)
    values = blend(values, -850, (0.35 - np.sqrt((u - 0.3) ** 2 + v * v + w * w)) * 6)
    values = blend(values, 1300, (0.2 - np.sqrt((u + 0.35) ** 2 + (v - 0.2) ** 2)) * 9)
    values = blend(values, 700, (0.16 - np.abs(np.sqrt(u * u + v * v) - 0.65)) * 12 * (np.abs(w) < 0.3))
    values += np.random.default_rng(6).normal(0, 12, values.shape)
    return np.clip(np.round(values), -1024, 3071)


def turned_over(mode: RayMode) -> NDArray[np.float64]:
    """Return the body for a mode: for the minimum, bones are dark and air is bright."""
    return np.clip(-body(), -1024, 3071) if mode is RayMode.MINIMUM else body()


@pytest.fixture
def caster(renderer: Renderer) -> Iterator[RayCaster]:
    caster = RayCaster(debug=True)
    yield caster
    caster.close()


@pytest.fixture
def make_volume(renderer: Renderer) -> Iterator[MakeVolume]:
    made: list[VolumeTexture] = []

    def make(
        values: NDArray[np.float64], lps_from_index: NDArray[np.float64], present: NDArray[np.bool_] | None = None
    ) -> RayVolume:
        stored = np.where(True if present is None else present, values + 1024, 0).astype(np.uint16)
        texture, bricks = VolumeTexture(stored.shape, intercept=-1024), BrickRanges(stored.shape)
        made.append(texture)
        texture.upload_slices(0, stored, None if present is None else pack(present))
        bricks.add_slices(0, stored, present)
        return RayVolume(texture, bricks, lps_from_index)

    yield make
    for texture in made:
        texture.close()


def look_of(scene: Scene, mode: RayMode) -> RayLook:
    points = np.array(scene.points)
    low, high = points[0, 0], points[-1, 0]
    values = np.linspace(low, high, 2048)
    table = np.stack([np.interp(values, points[:, 0], points[:, column]) for column in range(1, 5)], axis=-1)
    shading = None if scene.shading is None else Shading(*scene.shading)
    return RayLook(
        mode,
        TransferTable(table.astype(np.float32), float(low), float(high)),
        opacity_unit_mm=scene.unit_mm,
        shading=shading,
        iso_value=scene.level,
        enough_opacity=0.9999,
    )


def view_of(scene: Scene, eye: Eye) -> RayView:
    """Return the view as a matrix: of a point at depth z, (1 - z) position + direction, over 1 - z."""
    right, down, forward = eye.frame()
    tall = eye.height_mm if eye.angle_deg is None else 2 * np.tan(np.radians(eye.angle_deg) / 2)
    pixel = tall / eye.height_px
    position = np.array(eye.position)
    corner = -(eye.width_px / 2) * pixel * right - (eye.height_px / 2) * pixel * down
    matrix = np.zeros((4, 4))
    matrix[:3, 0], matrix[:3, 1] = pixel * right, pixel * down
    if eye.angle_deg is None:
        matrix[:3, 2], matrix[:3, 3], matrix[3, 3] = forward, position + corner, 1
    else:
        matrix[:3, 2], matrix[:3, 3] = -position, position + corner + forward
        matrix[3, 2:] = -1, 1
    return RayView(
        eye.width_px,
        eye.height_px,
        matrix,
        scene.step_mm,
        box_index=scene.box,
        box_turn=scene.box_turn,
        plane_lps=scene.plane,
        background=scene.background,
    )
