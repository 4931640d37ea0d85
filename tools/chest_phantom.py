"""A chest CT made by code: Hounsfield units of any slice of an invented patient, contrast medium in the vessels.

About this technique
    Every slice is painted from the outside inwards into one array: shapes are signed distances in millimetres whose
    edge is as soft as a pixel, tubes (`tools.anatomy`, `tools.vessels`) are cut at the slice's height. Noise is
    filtered as a scanner's kernel would do, and is stronger where more bone lies in the way.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from tools import anatomy, vessels
from tools.anatomy import Tube

Image = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]

PIXELS = 512
FIELD_MM = 400.0
PIXEL_MM = FIELD_MM / PIXELS

AIR, LUNG, FAT, MUSCLE = -1000.0, -862.0, -103.0, 58.0


@dataclass(frozen=True, slots=True)
class _Piece:
    a: Floats
    b: Floats
    ra: float
    rb: float
    stretch: float


@dataclass(frozen=True, slots=True)
class _Grain:
    """Textures of one slice, mean 0 and deviation 1."""

    coarse: Image
    middle: Image
    fine: Image


class _Cutter:
    """Tubes sorted by height, so that a slice finds its pieces at once."""

    def __init__(self, tubes: Iterable[Tube]) -> None:
        self._pieces = [
            _Piece(a, b, float(ra), float(rb), rod.stretch)
            for rod in tubes
            for a, b, ra, rb in zip(rod.points[:-1], rod.points[1:], rod.radii[:-1], rod.radii[1:], strict=True)
        ]
        reach = np.array([max(p.ra, p.rb) * p.stretch + 1 for p in self._pieces])
        ends = np.array([(p.a[2], p.b[2]) for p in self._pieces])
        self._low = ends.min(1) - reach
        self._high = ends.max(1) + reach

    def cut(self, z: float) -> Image:
        """Return the signed distance to the tubes at height ``z``, (rows, columns), 6 mm at most."""
        far = np.full((PIXELS, PIXELS), 6.0, dtype=np.float32)
        for index in np.flatnonzero((self._low <= z) & (z <= self._high)):
            _lower(far, self._pieces[index], z)
        return far


def _lower(far: Image, piece: _Piece, z: float) -> None:
    reach = max(piece.ra, piece.rb) + 3
    x0, x1 = sorted((piece.a[0], piece.b[0]))
    y0, y1 = sorted((piece.a[1], piece.b[1]))
    c0, c1 = _column(x0 - reach), _column(x1 + reach) + 1
    r0, r1 = _column(y0 - reach), _column(y1 + reach) + 1
    if c1 <= c0 or r1 <= r0:
        return
    d = piece.b - piece.a
    d = np.array([d[0], d[1], d[2] / piece.stretch])
    px = _AXIS[None, c0:c1] - np.float32(piece.a[0])
    py = _AXIS[r0:r1, None] - np.float32(piece.a[1])
    pz = (z - piece.a[2]) / piece.stretch
    t = np.clip((px * np.float32(d[0]) + py * np.float32(d[1]) + np.float32(pz * d[2])) / max(float(d @ d), 1e-6), 0, 1)
    gap = np.hypot(np.hypot(px - t * np.float32(d[0]), py - t * np.float32(d[1])), pz - t * d[2])
    gap -= piece.ra + t * (piece.rb - piece.ra)
    part = far[r0:r1, c0:c1]
    np.minimum(part, gap, out=part)


def _column(mm: float) -> int:
    return int(np.clip((mm + FIELD_MM / 2) / PIXEL_MM, 0, PIXELS))


_AXIS: Image = ((np.arange(PIXELS) + 0.5) * PIXEL_MM - FIELD_MM / 2).astype(np.float32)


def _smoothstep(value: Image, low: float, high: float) -> Image:
    t = np.clip((value - low) / (high - low), 0, 1)
    result: Image = t * t * (3 - 2 * t)
    return result


def _blend(image: Image, distance: Image, hu: float | Image, soft_mm: float = 0.9) -> None:
    """Paint ``hu`` where the distance is negative, with an edge of ``soft_mm``."""
    share = np.clip(0.5 - distance / soft_mm, 0, 1)
    image += share * (hu - image)


def _smooth_min(a: Image, b: Image, k: float) -> Image:
    h = np.clip(0.5 + 0.5 * (b - a) / k, 0, 1)
    result: Image = b + h * (a - b) - k * h * (1 - h)
    return result


class Chest:
    """One invented patient.

    Parameters
    ----------
    seed
        Shape of the lungs' trees and of all textures.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._x = np.broadcast_to(_AXIS[None, :], (PIXELS, PIXELS))
        self._y = np.broadcast_to(_AXIS[:, None], (PIXELS, PIXELS))
        tree, self._air_tree, self._wall_tree = vessels.lung_trees(seed)
        air, wall = vessels.airways()
        self._cut = {
            "ribs": _Cutter(anatomy.ribs()),
            "cartilages": _Cutter(anatomy.cartilages()),
            "sternum": _Cutter(anatomy.sternum()),
            "clavicles": _Cutter([*anatomy.clavicles(), *anatomy.humeri()]),
            "scapulae": _Cutter(anatomy.scapulae()),
            "arteries": _Cutter(vessels.aorta()),
            "veins": _Cutter(vessels.veins()),
            "pulmonary": _Cutter(vessels.pulmonary_trunk()),
            "airways": _Cutter(air),
            "airway_walls": _Cutter(wall),
            "bronchi": _Cutter(self._air_tree),
            "bronchial_walls": _Cutter(self._wall_tree),
            "tree": _Cutter(tree),
        }

    @cached_property
    def _textures(self) -> dict[str, Image]:
        rng = np.random.default_rng(self._seed + 1)
        return {
            name: _filtered_noise(rng, 768, scale_mm)
            for name, scale_mm in (("coarse", 26.0), ("middle", 7.0), ("fine", 2.2))
        }

    def _texture(self, name: str, z: float, drift: float) -> Image:
        """Return a slice of a slowly changing texture, mean 0, deviation 1: two tiles that fade into each other."""
        tile = self._textures[name]
        place = z / drift
        index, share = int(np.floor(place)), place - np.floor(place)
        parts = []
        for number in (index, index + 1):
            rng = np.random.default_rng(self._seed * 7919 + number * 31 + len(name))
            dy, dx = rng.integers(0, 256, 2)
            parts.append(tile[dy : dy + PIXELS, dx : dx + PIXELS])
        norm = np.sqrt(share**2 + (1 - share) ** 2)
        mixed: Image = ((parts[0] * (1 - share) + parts[1] * share) / norm).astype(np.float32)
        return mixed

    def clean_slice(self, z: float) -> Image:
        """Return Hounsfield units without noise.

        Parameters
        ----------
        z
            Height above the lowest slice, millimetres, 0 to 300.

        Returns
        -------
        (512, 512) float32
            Rows from front to back, columns from the patient's right to the left.
        """
        grain = _Grain(self._texture("coarse", z, 30.0), self._texture("middle", z, 9.0), self._texture("fine", z, 3.5))
        image = np.full((PIXELS, PIXELS), AIR, dtype=np.float32)
        self._paint_table(image)
        wall = self._wall(z, 0.0)
        self._paint_body(image, wall, z, grain)
        self._paint_wall_bones(image, z, grain)
        self._paint_chest(image, wall, z, grain)
        self._paint_spine(image, z, grain)
        return image

    def _skin(self, z: float) -> Image:
        x, y = self._x, self._y
        a, b, centre = (float(v) for v in anatomy.skin(z))
        exponent = float(np.interp(z, [0, 180, 240, 300], [2.25, 2.3, 2.6, 2.9]))
        radius = (np.abs(x / a) ** exponent + np.abs((y - centre) / b) ** exponent) ** (1 / exponent)
        outline = (radius - 1) * np.float32(min(a, b))
        # furrow over the spine
        outline += 5.0 * np.exp(-((x / 15) ** 2)) * (y > 0)
        for side in (-1.0, 1.0):  # breasts
            height = (z - 118) / 56
            if abs(height) < 1:
                size = np.sqrt(1 - height * height)
                breast = np.hypot((x - side * 76) / (58 * size + 4), (y + 92) / (30 * size + 3)) - 1
                outline = _smooth_min(outline, (breast * 26).astype(np.float32), 9.0)
        result: Image = outline.astype(np.float32)
        return result

    def _wall(self, z: float, grow: float) -> Image:
        a, b, centre = (float(v) for v in anatomy.cage(z))
        n = 2.3
        radius = (np.abs(self._x / (a + grow)) ** n + np.abs((self._y - centre) / (b + grow)) ** n) ** (1 / n)
        result: Image = ((radius - 1) * np.float32(min(a, b) + grow)).astype(np.float32)
        return result

    def _paint_table(self, image: Image) -> None:
        curve = self._y - (136.0 - self._x**2 / 900.0)
        inside = np.abs(self._x) < 185
        shell = np.minimum(np.abs(curve), np.abs(curve - 26))
        _blend(image, np.where(inside & (curve > 0) & (curve < 26), -1, 1).astype(np.float32), -930.0)
        _blend(image, np.where(inside, shell - 1.0, 9).astype(np.float32), -280.0, 1.2)
        mat = np.where(inside, np.abs(curve + 4.5) - 4.0, 9).astype(np.float32)
        _blend(image, mat, -960.0)

    def _paint_body(self, image: Image, wall: Image, z: float, grain: _Grain) -> None:
        coarse, middle = grain.coarse, grain.middle
        skin = self._skin(z)
        x, y = self._x, self._y
        _blend(image, skin, 28.0)
        _blend(image, skin + 2.0, (FAT + 5 * middle).astype(np.float32), 1.2)
        for side in (-1.0, 1.0):  # glandular tissue
            height = (z - 118) / 44
            if abs(height) < 1:
                size = np.sqrt(1 - height * height)
                gland = np.hypot((x - side * 78) / (40 * size + 1), (y + 106) / (15 * size + 1)) - 1
                patch = (gland * 14 - 5 * middle - 3 * coarse + 4).astype(np.float32)
                _blend(image, np.maximum(patch, skin + 7), 32.0, 4.0)
        # muscles hug the cage: thick at the back and under the collar bones, with planes of fat between them
        angle = np.arctan2(np.abs(x), y)  # 0 at the back, pi in front
        back = np.exp(-(((angle - 0.35) / 0.42) ** 2))
        front = np.exp(-(((angle - 2.35) / 0.42) ** 2)) * np.interp(z, [110, 170, 250], [0.2, 0.9, 1.3])
        flank = np.exp(-(((angle - 1.35) / 0.5) ** 2)) * np.interp(z, [0, 120, 250], [0.5, 0.9, 2.4])
        thickness = 13.0 + 27 * back + 12 * front + 11 * flank + 2.0 * coarse
        muscle = (wall - thickness).astype(np.float32)
        if z > 225:  # shoulders
            grow = float(np.interp(z, [225, 265], [0.0, 1.0]))
            for side in (-1.0, 1.0):
                for cx, cy, rx, ry in ((158, 28, 36, 40), (108, 62, 52, 26), (98, -28, 46, 15)):
                    lump = np.hypot((x - side * cx) / (rx * grow + 1), (y - cy) / (ry * grow + 1)) - 1
                    muscle = _smooth_min(muscle, (lump * (min(rx, ry) * grow + 1) + 2 * coarse).astype(np.float32), 7.0)
        muscle = np.maximum(muscle, skin + 5.0 + 1.5 * coarse).astype(np.float32)
        _blend(image, muscle, (MUSCLE + 5 * middle).astype(np.float32), 1.8)
        depth = wall - thickness * 0.52 - 2.4 * coarse
        plane = np.maximum(np.abs(depth) - (0.9 + 0.5 * middle), muscle + 2).astype(np.float32)
        _blend(image, np.where(wall > 9, plane, 9).astype(np.float32), -62.0, 2.2)
        marbling = np.where((wall > 8) & (muscle < -2), 2.0 - middle, 9).astype(np.float32)
        _blend(image, marbling, -15.0, 2.0)
        # the armpit's fat
        for side in (-1.0, 1.0):
            if z > 165:
                pit = np.hypot((x - side * (a_of(z) + 27)) / 17, (y - 4) / 21) - 1
                _blend(image, np.maximum(pit * 15 + 3 * coarse, skin + 8).astype(np.float32), FAT, 3.0)
                for dx, dy, r in ((-5, -4, 3.4), (3, 2, 2.8), (0, 9, 3.9)):
                    node = np.hypot(x - side * (a_of(z) + 25 + dx), y - dy - 3 * np.sin(z / 9 + dx)) - r
                    _blend(image, node.astype(np.float32), 110.0 if dx < 0 else 70.0, 1.2)

    def _paint_wall_bones(self, image: Image, z: float, grain: _Grain) -> None:
        fine, middle = grain.fine, grain.middle
        ribs = self._cut["ribs"].cut(z)
        # fat and small vessels run along the ribs
        _blend(image, np.where(ribs < 2.6, ribs - 2.2, 9).astype(np.float32), 8.0, 2.5)
        _blend(image, self._cut["cartilages"].cut(z), (118 + 8 * middle).astype(np.float32), 1.4)
        for name, shell_mm, cortex, marrow in (
            ("ribs", 1.5, 760.0, 210.0),
            ("sternum", 1.6, 470.0, 150.0),
            ("clavicles", 2.4, 1000.0, 240.0),
            ("scapulae", 1.3, 720.0, 300.0),
        ):
            far = ribs if name == "ribs" else self._cut[name].cut(z)
            _blend(image, far, (cortex + 60 * fine).astype(np.float32), 1.1)
            _blend(image, far + shell_mm, (marrow + 45 * fine).astype(np.float32), 1.5)

    def _paint_chest(self, image: Image, wall: Image, z: float, grain: _Grain) -> None:
        # fat and pleura inside the ribs
        _blend(image, wall + 0.6, 5.0, 1.2)
        mediastinum = self._mediastinum(z)
        in_belly = self._belly(z)  # negative below the diaphragm
        lung = np.maximum(np.maximum(wall + 2.4, -mediastinum), -in_belly)
        _blend(
            image,
            np.maximum(wall + 2.0, mediastinum + 0.6).astype(np.float32),
            (FAT + 12 + 5 * grain.middle).astype(np.float32),
        )
        self._paint_belly(image, np.maximum(wall + 2.0, in_belly), z, grain)
        self._paint_lung(image, lung.astype(np.float32), z, grain)
        self._paint_mediastinum(image, z, grain.middle)

    def _mediastinum(self, z: float) -> Image:
        x, y = self._x, self._y
        half = float(np.interp(z, [0, 60, 120, 160, 200, 240, 270, 300], [22, 24, 26, 27, 25, 25, 28, 34]))
        waist = half * (0.62 + 0.55 * np.exp(-(((y - 40) / 30) ** 2)) + 0.25 * np.exp(-(((y + 12) / 26) ** 2)))
        slab = np.abs(x - 1) - waist + 0.06 * np.abs(y)
        # the lungs nearly meet behind the breastbone
        slab = slab + 16 * _smoothstep(-y, 46, 74) * float(np.interp(z, [60, 120, 225, 250], [0, 1, 1, 0]))
        result = _smooth_min(slab.astype(np.float32), self._heart(z) - 4.0, 8.0)
        _, _, vy = _vertebra_at(z)
        spine = np.hypot(x / 25, (y - vy - 3) / 21) - 1
        result = _smooth_min(result, (spine * 21).astype(np.float32), 6.0)
        for name, margin in (("arteries", 2.5), ("pulmonary", 2.5), ("veins", 2.0)):
            result = _smooth_min(result, self._cut[name].cut(z) - margin, 4.0)
        return result

    def _heart(self, z: float) -> Image:
        """Return the signed distance to the heart's outside: an egg whose tip points down, left and forward."""
        return self._egg(z, (20.0, -22.0, 104.0), (57.0, 41.0, 45.0))

    def _egg(self, z: float, centre: tuple[float, float, float], half: tuple[float, float, float]) -> Image:
        turn = np.radians(38.0)
        dx, dy, dz = self._x - centre[0], self._y - centre[1], z - centre[2]
        along = (np.cos(turn) * dx - np.sin(turn) * dy).astype(np.float32) - np.float32(0.22 * dz) * -1
        across = np.sin(turn) * dx + np.cos(turn) * dy
        taper = 1 + 0.22 * np.clip(-along / half[0], -1, 1)
        radius = np.sqrt((along / half[0]) ** 2 + (across / (half[1] * taper)) ** 2 + (dz / half[2]) ** 2)
        result: Image = ((radius - 1) * np.float32(min(half))).astype(np.float32)
        return result

    def _belly(self, z: float) -> Image:
        """Return the height above the diaphragm: negative where liver, spleen and stomach are."""
        x, y = self._x, self._y
        right = 92 - 0.0105 * (x + 62) ** 2 - 0.0150 * (y + 8) ** 2
        left = 80 - 0.0112 * (x - 66) ** 2 - 0.0150 * (y + 4) ** 2
        centre = 66 - 0.02 * x**2 - 0.012 * (y + 30) ** 2
        dome = np.maximum(np.maximum(right, left), centre)
        result: Image = ((z - dome) * 0.55).astype(np.float32)
        return result

    def _paint_belly(self, image: Image, inside: Image, z: float, grain: _Grain) -> None:
        coarse, middle = grain.coarse, grain.middle
        x, y = self._x, self._y
        _blend(image, inside, FAT + 4, 1.6)
        _blend(image, (np.abs(inside + 1.2) - 1.3).astype(np.float32), 52.0, 1.4)  # the muscle of the diaphragm
        liver = np.maximum(inside + 2.2, x - (12 + 40 * _smoothstep(-y, -12, 60) - 0.14 * (92 - z)) - 4 * coarse)
        liver = np.maximum(liver, -(np.hypot(x - 4, (y - 60) * 1.0) - 27))
        _blend(image, liver.astype(np.float32), (112 + 4 * middle).astype(np.float32), 1.5)
        veins = np.minimum.reduce([
            np.hypot(x + 30 + 0.9 * (60 - z), y + 8 - 0.5 * (60 - z)) - 4.2,
            np.hypot(x + 62 - 0.3 * (60 - z), y - 12 + 0.6 * (60 - z)) - 3.6,
            np.hypot(x + 46, y + 44 - 0.8 * (50 - z)) - 3.0,
            np.abs(np.hypot(x + 22, y - 12) - 34 - 0.3 * (60 - z)) - 1.9 + 2 * np.clip(np.abs(y + 8) - 16, 0, 9),
        ])  # fmt: skip
        _blend(image, np.maximum(veins, liver + 6).astype(np.float32), 168.0, 1.6)
        spleen = np.hypot((x - 104) / 27, (y - 34) / 44) - 1
        _blend(
            image,
            np.maximum(spleen * 25 + 2 * coarse, inside + 4).astype(np.float32),
            (126 + 4 * middle).astype(np.float32),
        )
        stomach = np.hypot((x - 66) / 38, (y + 8) / 45) - 1
        stomach_wall = np.maximum(stomach * 36 + 2 * coarse, np.maximum(inside + 5, z - 66)).astype(np.float32)
        _blend(image, stomach_wall, 74.0, 1.5)
        _blend(image, stomach_wall + 4.5, (22 + 14 * middle).astype(np.float32), 1.5)
        _blend(image, np.maximum(stomach_wall + 4.5, y + 24).astype(np.float32), -975.0, 1.2)  # air rises to the front

    def _paint_lung(self, image: Image, lung: Image, z: float, grain: _Grain) -> None:
        x, y = self._x, self._y
        tissue = (
            LUNG + 0.46 * (y + 20) + 12 * grain.coarse + 11 * grain.middle + 20 * grain.fine
        )  # blood sinks to the back
        _blend(image, lung, tissue.astype(np.float32), 1.3)
        inside = lung < 0.8
        for side, tilt in ((-1.0, 0.78), (1.0, 0.84)):  # oblique fissures, and the right horizontal one
            fissure = np.abs(y - (-52 + tilt * (z - 56) + 5 * np.sin(x / 23)) * 0.9) - 0.45
            here = np.where(inside & (x * side > 24) & (z < 215), fissure, 9).astype(np.float32)
            _blend(image, here, -715.0, 1.6)
        tree = self._cut["tree"].cut(z)
        share = np.where(inside, np.clip(0.5 - tree / 1.1, 0, 1), 0)
        image += share * (118.0 - image)
        walls = np.where(inside, self._cut["bronchial_walls"].cut(z), 9).astype(np.float32)
        _blend(image, walls, -40.0, 1.2)
        _blend(image, np.where(inside, self._cut["bronchi"].cut(z), 9).astype(np.float32), -965.0, 1.1)
        # one small calcified granuloma, so that there is something to find
        spot = np.sqrt((x + 78) ** 2 + (y - 31) ** 2 + (z - 146.0) ** 2) - 3.4
        _blend(image, spot.astype(np.float32), 240.0, 1.3)

    def _paint_mediastinum(self, image: Image, z: float, middle: Image) -> None:
        x, y = self._x, self._y
        heart = np.maximum(self._heart(z), -self._belly(z) + 1.0)
        _blend(image, heart.astype(np.float32), -88.0, 1.6)  # fat under the pericardium
        _blend(image, (np.abs(heart + 1.5) - 0.8).astype(np.float32), 25.0, 1.4)
        muscle = heart + 4.5 + 0.9 * middle
        _blend(image, muscle.astype(np.float32), (104 + 4 * middle).astype(np.float32), 1.6)
        chambers = (
            ((36.0, -30.0, 96.0), (34.0, 19.0, 33.0), 196.0),  # left ventricle
            ((8.0, -42.0, 100.0), (38.0, 14.5, 34.0), 214.0),  # right ventricle
            ((-26.0, -22.0, 112.0), (23.0, 25.0, 31.0), 226.0),  # right atrium
            ((4.0, 8.0, 126.0), (31.0, 18.0, 24.0), 204.0),  # left atrium
        )
        for centre, half, hu in chambers:
            chamber = np.maximum(self._egg(z, centre, half), heart + 5.0)
            _blend(image, (chamber + 0.7 * middle).astype(np.float32), (hu + 5 * middle).astype(np.float32), 2.0)
        gullet = np.hypot((x - 9 + 0.01 * z) / 9, (y - 33 - 0.02 * (z - 150)) / 6) - 1
        if z > 48:
            _blend(image, (gullet * 6).astype(np.float32), 46.0, 1.3)
            _blend(image, (np.hypot(x - 8 + 0.01 * z, y - 32 - 0.02 * (z - 150)) - 1.6).astype(np.float32), -420.0, 2.2)
        for nx, ny, nz, r in ((-14, 8, 206, 4.2), (12, -2, 200, 3.2), (-4, 28, 186, 4.4), (22, -24, 206, 2.8)):  # nodes
            node = np.sqrt((x - nx) ** 2 + ((y - ny) * 1.3) ** 2 + ((z - nz) * 0.8) ** 2) - r
            _blend(image, node.astype(np.float32), 62.0, 1.2)
        if z < 225:  # remains of the thymus, streaks in fat
            streak = np.maximum(np.abs(y + 46 + 3 * middle) - 2.5, np.abs(x) - 13)
            if z > 170:
                _blend(image, streak.astype(np.float32), 5.0, 3.5)
        if z > 268:  # thyroid
            for side in (-1.0, 1.0):
                lobe = np.hypot((x - side * 15) / 8, (y - 2) / 11) - 1
                _blend(image, (lobe * 8).astype(np.float32), 168.0, 1.4)
        for name, hu, wall_mm in (("veins", 232.0, 0.0), ("pulmonary", 238.0, 0.0), ("arteries", 242.0, 1.2)):
            far = self._cut[name].cut(z)
            if wall_mm:
                _blend(image, far - wall_mm, 60.0, 1.2)
            _blend(image, far, (hu + 5 * middle).astype(np.float32), 1.3)
        arch = self._cut["arteries"].cut(z)  # a little chalk in the wall of the arch
        chalk = np.where(np.abs(arch) < 1.2, 1.75 - middle, 9).astype(np.float32)
        if 196 < z < 216:
            _blend(image, chalk, 620.0, 1.2)
        _blend(image, self._cut["airway_walls"].cut(z), 42.0, 1.2)
        _blend(image, self._cut["airways"].cut(z), -990.0, 1.1)

    def _paint_spine(self, image: Image, z: float, grain: _Grain) -> None:
        fine, middle = grain.fine, grain.middle
        x, y = self._x, self._y
        offset, half_height, vy = _vertebra_at(z)
        disc = abs(offset) > half_height - 2.6
        flare = 1 + 0.13 * (offset / half_height) ** 2
        body = np.hypot(x / (16.2 * flare), (y - vy) / (13.2 * flare)) - 1
        body = np.maximum(body * 13, (y - vy) - 11.2 + 1.6 * np.exp(-((x / 7) ** 2)))  # flat at the back
        if disc:
            _blend(image, body.astype(np.float32), (88 + 6 * middle).astype(np.float32), 1.3)
        else:
            plate = 1 + 0.9 * _near(abs(offset), half_height - 3.6, 1.5)
            _blend(image, body.astype(np.float32), (500.0 * plate + 50 * fine).astype(np.float32), 1.2)
            core = (158 + 260 * _near(abs(offset), half_height - 3.6, 1.8)) + 46 * fine + 12 * middle
            _blend(image, (body + 1.5).astype(np.float32), core.astype(np.float32), 1.6)
        canal_y = vy + 19.5
        bones: list[Image] = []
        if -2 < offset < half_height - 2:  # pedicles
            bones += [np.maximum(np.abs(np.abs(x) - 11.8) - 3.4, np.abs(y - vy - 14.5) - 6.5)]
        lamina = np.abs(np.abs(x) * 0.62 + (y - canal_y) - 12.5) - 2.9
        bones.append(np.maximum(np.maximum(lamina, np.abs(x) - 15), -(y - canal_y - 2)))
        if -7 < offset < 7:
            arm = np.abs((y - canal_y - 1) - 0.42 * (np.abs(x) - 12)) - 3.8
            bones.append(np.maximum(np.maximum(arm, 10 - np.abs(x)), np.abs(x) - 31))
        tip = canal_y + 12 + 1.2 * (half_height - offset)
        bones.append(np.maximum(np.maximum(np.abs(x) - 2.7, y - min(tip + 4, canal_y + 25)), -(y - canal_y - 11)))
        if abs(offset) > 5:  # joints of the arches
            bones.append(np.hypot((np.abs(x) - 12) / 5, (y - canal_y - 3.5) / 4.2) * 4.2 - 4.2)
        arch = np.minimum.reduce(bones).astype(np.float32)
        canal = (np.hypot(x / 10.5, (y - canal_y) / 8.6) - 1) * 8.6
        arch = np.maximum(arch, -canal).astype(np.float32)
        _blend(image, arch, (640 + 60 * fine).astype(np.float32), 1.3)
        _blend(image, arch + 1.9, (250 + 50 * fine).astype(np.float32), 1.5)
        _blend(image, canal.astype(np.float32), -40.0, 1.2)
        _blend(image, (canal + 1.6).astype(np.float32), 14.0, 1.2)
        cord = (np.hypot(x / 5.4, (y - canal_y) / 4.1) - 1) * 4.1
        _blend(image, cord.astype(np.float32), 44.0, 1.4)


def a_of(z: float) -> float:
    """Return the half width of the chest at height ``z``."""
    return float(anatomy.cage(z)[0])


def _near(value: float, place: float, width: float) -> float:
    return float(np.exp(-(((value - place) / width) ** 2)))


def _vertebra_at(z: float) -> tuple[float, float, float]:
    """Return the height above the middle of the nearest vertebral body, half its pitch, and the body's ``y``."""
    centres = anatomy.vertebra_centres()
    nearest = int(np.argmin(np.abs(centres[:, 2] - z)))
    return z - float(centres[nearest, 2]), 11.5, float(np.interp(z, centres[:, 2], centres[:, 1]))


def _filtered_noise(rng: np.random.Generator, size: int, scale_mm: float) -> Image:
    frequency = np.hypot(np.fft.fftfreq(size, PIXEL_MM)[:, None], np.fft.rfftfreq(size, PIXEL_MM)[None, :])
    spectrum = np.fft.rfft2(rng.standard_normal((size, size))) * np.exp(-((frequency * scale_mm * 1.3) ** 2))
    spectrum[0, 0] = 0
    noise = np.fft.irfft2(spectrum, (size, size))
    result: Image = (noise / noise.std()).astype(np.float32)
    return result


def kernel_noise(rng: np.random.Generator, sharpness: float, size: int = 1024) -> Image:
    """Return a tile of noise as a reconstruction kernel makes it, deviation 1.

    Parameters
    ----------
    rng
        Seeded random numbers.
    sharpness
        Highest frequency of the kernel in line pairs per millimetre: about 0.35 soft, 0.6 for lungs.
    size
        Pixels of the square tile.
    """
    frequency = np.hypot(np.fft.fftfreq(size, PIXEL_MM)[:, None], np.fft.rfftfreq(size, PIXEL_MM)[None, :])
    # filtered back projection: the noise rises with the frequency until the kernel cuts it off
    shape = np.sqrt(frequency + 0.01) * np.exp(-((frequency / sharpness) ** 4))
    noise = np.fft.irfft2(np.fft.rfft2(rng.standard_normal((size, size))) * shape, (size, size))
    result: Image = (noise / noise.std()).astype(np.float32)
    return result


def noise_level(clean: Image) -> Image:
    """Return how strong the noise is at each pixel, about 1 in the lungs; streaks lie across the shoulders."""
    attenuation = np.clip(clean + 1000, 0, 2000) * np.float32(PIXEL_MM * 0.02 / 1000)
    rows = attenuation.sum(1, keepdims=True)
    columns = attenuation.sum(0, keepdims=True)
    level = np.exp(0.22 * (rows - 4.0)) * 0.6 + np.exp(0.22 * (columns - 3.0)) * 0.4
    result: Image = np.clip(level, 0.35, 2.6).astype(np.float32)
    return result
