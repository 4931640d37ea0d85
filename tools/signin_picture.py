"""Draw the picture of the sign-in page: a rib cage as a volume rendering on near-black.

``python -m tools.signin_picture [FILE]``: run after a change of `tools.anatomy`; the result is committed.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import ndimage

from tools import anatomy
from tools.anatomy import Tube

Floats = npt.NDArray[np.float32]
Floats64 = npt.NDArray[np.float64]

VOXEL_MM = 0.9
LOW_MM = np.array([-185.0, -115.0, -62.0])
HIGH_MM = np.array([185.0, 125.0, 322.0])
WIDTH_PX, HEIGHT_PX = 900, 1120
YAW_DEG, PITCH_DEG = 24.0, 4.0
BACKGROUND = np.array([6.0, 9.0, 12.0])
TINT = np.array([0.80, 0.93, 1.0])


def bones() -> list[Tube]:
    """Return everything that is drawn: no cartilage, no shoulder blades."""
    return [*anatomy.ribs(), *anatomy.sternum(), *anatomy.clavicles(), *_spine()]


def _spine() -> list[Tube]:
    result = []
    for x, y, z in anatomy.vertebra_centres():
        for angle in np.radians(np.arange(0, 360, 8)):
            heights = np.array([-6.4, -4.6, 0.0, 4.6, 6.4])
            spread = np.array([1.0, 0.97, 0.80, 0.97, 1.0])
            rod = np.column_stack([x + 14.0 * spread * np.cos(angle), y + 11 * spread * np.sin(angle), z + heights])
            result.append(anatomy.tube(rod, 3.2, steps=3))
        result.append(anatomy.tube([(x, y, z - 2), (x, y, z + 2)], 8.5))
        for side in (-1.0, 1.0):
            result.append(anatomy.tube([(side * 9, y + 14, z + 3), (side * 25, y + 22, z + 5)], [5.0, 4.2]))
        result.append(anatomy.tube([(0, y + 20, z), (0, y + 42, z - 14)], [4.0, 3.0], stretch=1.5))
    return result


def distance_field(tubes: list[Tube]) -> Floats:
    """Return the signed distance to the bones, (x, y, z) order, millimetres, negative inside, 9 mm at most."""
    shape = np.ceil((HIGH_MM - LOW_MM) / VOXEL_MM).astype(int)
    field = np.full(tuple(shape), 9.0, dtype=np.float32)
    for rod in tubes:
        reach = float(rod.radii.max()) * max(1.0, rod.stretch) + 7
        box = _box(rod.points.min(0) - reach, rod.points.max(0) + reach, shape)
        part = field[box]
        own = np.full(part.shape, 9.0, dtype=np.float32)
        corner = np.array([side.start for side in box])
        for a, b, ra, rb in zip(rod.points[:-1], rod.points[1:], rod.radii[:-1], rod.radii[1:], strict=True):
            _lower(own, corner, (a, b), (ra, rb), rod.stretch)
        k = 2.0  # smooth union: neighbouring rods melt into one bone
        h = np.clip(0.5 + 0.5 * (part - own) / k, 0, 1)
        part[...] = part + h * (own - part) - k * h * (1 - h)
    return field


def _box(low: Floats64, high: Floats64, shape: npt.NDArray[np.int_]) -> tuple[slice, slice, slice]:
    first = np.clip(np.floor((low - LOW_MM) / VOXEL_MM).astype(int), 0, shape)
    last = np.clip(np.ceil((high - LOW_MM) / VOXEL_MM).astype(int), first, shape)
    x, y, z = (slice(int(a), int(b)) for a, b in zip(first, last, strict=True))
    return x, y, z


def _lower(
    own: Floats,
    corner: npt.NDArray[np.int_],
    ends: tuple[Floats64, Floats64],
    radii: tuple[float, float],
    stretch: float,
) -> None:
    a, b = ends
    reach = max(radii) * max(1.0, stretch) + 7
    whole = corner + np.array(own.shape)
    box = _box(np.minimum(a, b) - reach, np.maximum(a, b) + reach, whole)
    local = tuple(slice(max(side.start - int(c), 0), side.stop - int(c)) for side, c in zip(box, corner, strict=True))
    part = own[local]
    if part.size == 0:
        return
    scale = np.array([1.0, 1.0, 1.0 / stretch])
    axes = [
        (((np.arange(side.start, side.stop) + c) * VOXEL_MM + LOW_MM[i] - a[i]) * scale[i]).astype(np.float32)
        for i, (side, c) in enumerate(zip(local, corner, strict=True))
    ]
    d = ((b - a) * scale).astype(np.float32)
    px, py, pz = axes[0][:, None, None], axes[1][None, :, None], axes[2][None, None, :]
    t = np.clip((px * d[0] + py * d[1] + pz * d[2]) / max(float(d @ d), 1e-6), 0, 1)
    far = np.sqrt((px - t * d[0]) ** 2 + (py - t * d[1]) ** 2 + (pz - t * d[2]) ** 2) - (
        radii[0] + t * (radii[1] - radii[0])
    )
    np.minimum(part, far, out=part)


def draw(field: Floats) -> npt.NDArray[np.uint8]:
    """Cast parallel rays from the front through the field.

    Returns
    -------
    (HEIGHT_PX, WIDTH_PX, 3) uint8
    """
    yaw, pitch = np.radians(YAW_DEG), np.radians(PITCH_DEG)
    right = np.array([np.cos(yaw), np.sin(yaw), 0.0])
    inward = np.array([-np.sin(yaw) * np.cos(pitch), np.cos(yaw) * np.cos(pitch), -np.sin(pitch)])
    up = np.cross(right, inward)
    centre = np.array([4.0, 10.0, 142.0])
    mm_per_px = 0.352
    u = (np.arange(WIDTH_PX) - WIDTH_PX / 2) * mm_per_px
    v = -(np.arange(HEIGHT_PX) - HEIGHT_PX / 2) * mm_per_px
    origin = centre[:, None, None] + right[:, None, None] * u[None, None, :] + up[:, None, None] * v[None, :, None]
    light = -inward * 0.72 + up * 0.52 - right * 0.42
    light /= np.linalg.norm(light)
    rng = np.random.default_rng(7)
    grain = ndimage.gaussian_filter(rng.standard_normal(field.shape).astype(np.float32), (2.2, 2.2, 2.2))
    grain /= grain.std()
    gradient = [ndimage.gaussian_filter1d(field, 1.2, axis=i, order=1) for i in range(3)]
    colour = np.zeros((HEIGHT_PX, WIDTH_PX), np.float32)
    clear = np.ones((HEIGHT_PX, WIDTH_PX), np.float32)
    step = 0.9
    depths = np.arange(-165, 165, step)
    for depth in depths:
        where = [((origin[i] + inward[i] * depth - LOW_MM[i]) / VOXEL_MM).astype(np.float32) for i in range(3)]
        d = ndimage.map_coordinates(field, where, order=1, mode="constant", cval=9.0)
        hit = (d < 1.0) & (clear > 0.01)
        if not hit.any():
            continue
        at = [axis[hit] for axis in where]
        n = np.stack([ndimage.map_coordinates(g, at, order=1, mode="nearest") for g in gradient])
        n /= np.linalg.norm(n, axis=0) + 1e-6
        texture = ndimage.map_coordinates(grain, at, order=1, mode="nearest")
        facing = np.clip(-(n * inward[:, None]).sum(0), 0, 1)
        diffuse = np.clip((n * light[:, None]).sum(0), 0, 1)
        half = light - inward
        half /= np.linalg.norm(half)
        shine = np.clip((n * half[:, None]).sum(0), 0, 1) ** 26
        fog = np.interp(depth, [-120, -40, 60, 130], [1.0, 0.92, 0.5, 0.26])
        shade = (0.08 + 0.72 * diffuse * (0.45 + 0.55 * facing) + 0.16 * shine) * (1 + 0.045 * texture) * fog
        alpha = np.clip((1.0 - d[hit]) / 2.4, 0, 1) * 0.62
        colour[hit] += clear[hit] * alpha * shade
        clear[hit] *= 1 - alpha
    down = np.linspace(0, 1, HEIGHT_PX)[:, None]
    fade = np.clip(down / 0.10, 0, 1) * np.clip((1 - down) / 0.16, 0, 1)
    fade = fade * fade * (3 - 2 * fade)
    value = np.clip(colour * fade, 0, 1) ** 0.80
    pixels = BACKGROUND + value[..., None] * 238.0 * TINT
    result: npt.NDArray[np.uint8] = np.clip(pixels, 0, 255).astype(np.uint8)
    return result


def main() -> None:
    """Write the picture; progressive, as small as a page can wish."""
    parser = argparse.ArgumentParser(description="Draw the picture of the sign-in page.")
    parser.add_argument("file", type=Path, nargs="?", default=Path("html/src/assets/signin-ribcage.jpg"))
    args = parser.parse_args()
    pixels = draw(distance_field(bones()))
    args.file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(args.file, quality=82, optimize=True, progressive=True)
    print(f"{args.file}: {args.file.stat().st_size} bytes")


if __name__ == "__main__":
    main()
