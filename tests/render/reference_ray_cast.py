"""What a picture of a volume must look like, said a second time: NumPy and SciPy, float64, all in mm of the patient."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Eye:
    """Who looks: from where, at what, which way is up; in perspective with an angle, or in parallel with a height."""

    position: tuple[float, float, float]
    target: tuple[float, float, float]
    up: tuple[float, float, float]
    angle_deg: float | None = 28.0
    height_mm: float = 100.0
    width_px: int = 72
    height_px: int = 60

    def frame(self) -> tuple[Floats, Floats, Floats]:
        """Return right, down and forward, unit vectors."""
        forward = np.subtract(self.target, self.position)
        forward = forward / np.linalg.norm(forward)
        right = np.cross(forward, self.up)
        right = right / np.linalg.norm(right)
        return right, np.cross(forward, right), forward

    def rays(self) -> tuple[Floats, Floats]:
        """Return origins and unit directions, (height, width, 3)."""
        right, down, forward = self.frame()
        x, y = np.meshgrid(np.arange(self.width_px) + 0.5, np.arange(self.height_px) + 0.5)
        tall = self.height_mm if self.angle_deg is None else 2 * math.tan(math.radians(self.angle_deg) / 2)
        across = ((x - self.width_px / 2) * tall / self.height_px)[..., None] * right
        along = ((y - self.height_px / 2) * tall / self.height_px)[..., None] * down
        position = np.array(self.position)
        if self.angle_deg is None:
            return position + across + along, np.broadcast_to(forward, across.shape)
        directions = forward + across + along
        return np.broadcast_to(position, directions.shape), directions / np.linalg.norm(directions, axis=-1)[..., None]


@dataclass(frozen=True)
class Scene:
    """What is looked at, in the modality's values (slices, rows, columns), and how it looks."""

    values: Floats
    lps_from_index: Floats
    step_mm: float
    points: tuple[tuple[float, float, float, float, float], ...]  # value, red, green, blue, opacity: linear between
    unit_mm: float = 1.0
    shading: tuple[float, float, float, float] | None = (0.2, 0.8, 0.3, 20.0)
    background: tuple[float, float, float] = (0.0, 0.0, 0.0)
    box: tuple[tuple[float, float, float], tuple[float, float, float]] | None = None
    box_turn: Floats | None = None  # of the box, in mm, about the middle of the volume
    plane: tuple[float, float, float, float] | None = None
    level: float = 0.0
    kept: NDArray[np.bool_] | None = None  # voxels that cuts left
    lowest: float = -1024.0  # what is where something was cut away, for light
    present: NDArray[np.bool_] | None = None  # voxels that are no padding

    def share_present(self, index: Floats) -> Floats:
        """Return how much of what is around points (…, 3) is no padding, 0 to 1."""
        if self.present is None:
            return np.ones(index.shape[:-1])
        found: Floats = map_coordinates(
            self.present.astype(float), np.moveaxis(index[..., ::-1], -1, 0), order=1, mode="nearest"
        )
        return found

    def share(self, index: Floats) -> Floats:
        """Return how much of what is around points (…, 3) cuts left, 0 to 1."""
        if self.kept is None:
            return np.ones(index.shape[:-1])
        found: Floats = map_coordinates(
            self.kept.astype(float), np.moveaxis(index[..., ::-1], -1, 0), order=1, mode="nearest"
        )
        return found

    def is_left(self, index: Floats) -> NDArray[np.bool_]:
        """Tell of which points (…, 3) at least half is left."""
        return (self.share(index) >= 0.5) & (self.share_present(index) >= 0.5)

    def at(self, index: Floats) -> Floats:
        """Return values at points (…, 3) in the order (column, row, slice), the border continued outwards."""
        points = np.moveaxis(index[..., ::-1], -1, 0)
        values = self.values if self.present is None else np.where(self.present, self.values, 0)
        found: Floats = map_coordinates(values, points, order=1, mode="nearest")
        share = self.share_present(index)
        return np.asarray(found / np.where(share > 0, share, 1))

    def cut_at(self, index: Floats) -> Floats:
        """Return values as `at`, which are the lowest one where nothing is left."""
        left = self.share(index) * self._behind_faces(index)
        return self.lowest + (self.at(index) - self.lowest) * left

    def _behind_faces(self, index: Floats) -> Floats:
        """Return 0 to 1 across the faces of box and plane, over two steps of the index."""
        distances = []
        for axis, count in enumerate(self.values.shape[::-1]):
            if self.box is not None and self.box_turn is None and self.box[0][axis] > 0:
                distances.append(index[..., axis] - self.box[0][axis])
            if self.box is not None and self.box_turn is None and self.box[1][axis] < count - 1:
                distances.append(self.box[1][axis] - index[..., axis])
        for normal, shift in ([] if self.plane is None else [(np.array(self.plane[:3]), self.plane[3])]) + self.sides():
            lps = index @ self.lps_from_index[:3, :3].T + self.lps_from_index[:3, 3]
            by_index = [normal @ self.lps_from_index[:3, axis] for axis in range(3)]
            distances.append((lps @ normal + shift) / np.sqrt(np.sum(np.square(by_index))))
        found = np.ones(index.shape[:-1])
        for distance in distances:
            found = found * np.clip((distance + 1) / 2, 0, 1)
        return found

    def ends(self, index: Floats) -> Floats:
        """Return how steep the ends of the volume are at points (…, 3), falling to nothing two steps deep."""
        depth_low = index + 0.5
        depth_high = np.array(self.values.shape[::-1]) - 0.5 - index
        return np.asarray(np.clip(1 - depth_low / 2, 0, None) - np.clip(1 - depth_high / 2, 0, None))

    def sides(self) -> list[tuple[Floats, float]]:
        """Return inward normal and shift of each side of a turned box: inside is normal · lps + shift ≥ 0."""
        if self.box is None or self.box_turn is None:
            return []
        linear, offset = self.lps_from_index[:3, :3], self.lps_from_index[:3, 3]
        middle = linear @ ((np.array(self.values.shape[::-1]) - 1) / 2) + offset
        found = []
        for axis in range(3):
            inward = np.cross(linear[:, (axis + 1) % 3], linear[:, (axis + 2) % 3])
            inward = inward * np.sign(inward @ linear[:, axis]) / np.linalg.norm(inward)
            for corner, sign in ((self.box[0], 1.0), (self.box[1], -1.0)):
                on_side = middle + self.box_turn @ (linear @ np.array(corner) + offset - middle)
                normal = sign * (self.box_turn @ inward)
                found.append((normal, -float(normal @ on_side)))
        return found

    def look_up(self, values: Floats) -> tuple[Floats, Floats]:
        """Return colours (…, 3) and opacities."""
        table = np.array(self.points)
        channels = [np.interp(values, table[:, 0], table[:, column]) for column in range(1, 5)]
        return np.stack(channels[:3], axis=-1), channels[3]


def _samples(scene: Scene, eye: Eye) -> tuple[Floats, Floats, Floats, NDArray[Any]]:
    """Return for each pixel the index of sample 0, the step of index, the direction in LPS, and how many samples."""
    origins, directions = eye.rays()
    linear, offset = scene.lps_from_index[:3, :3], scene.lps_from_index[:3, 3]
    start = np.linalg.solve(linear, (origins - offset)[..., None])[..., 0]
    ahead = np.linalg.solve(linear, directions[..., None])[..., 0]
    slices, rows, columns = scene.values.shape
    low, high = np.full(3, -0.5), np.array([columns, rows, slices]) - 0.5
    if scene.box is not None and scene.box_turn is None:
        low, high = np.maximum(low, scene.box[0]), np.minimum(high, scene.box[1])
    with np.errstate(divide="ignore", invalid="ignore"):
        a, b = (low - start) / ahead, (high - start) / ahead
    entry, leave = np.fmin(a, b).max(-1), np.fmax(a, b).min(-1)
    for normal, shift in scene.sides():
        with np.errstate(divide="ignore"):
            crossing = -(origins @ normal + shift) / (directions @ normal)
        inward = directions @ normal > 0
        entry = np.where(inward, np.maximum(entry, crossing), entry)
        leave = np.where(inward, leave, np.minimum(leave, crossing))
    if eye.angle_deg is not None:
        entry = np.maximum(entry, 0)
    counts = np.where(leave >= entry, np.floor((leave - entry) / scene.step_mm) + 1, 0)
    first = start + ahead * np.where(counts > 0, entry, 0)[..., None]
    return first, np.asarray(ahead * scene.step_mm, np.float64), directions, counts


def _in_plane(scene: Scene, index: Floats) -> NDArray[np.bool_]:
    if scene.plane is None:
        return np.ones(index.shape[:-1], dtype=bool)
    lps = index @ scene.lps_from_index[:3, :3].T + scene.lps_from_index[:3, 3]
    kept: NDArray[np.bool_] = lps @ np.array(scene.plane[:3]) + scene.plane[3] >= 0
    return kept


def _counts(scene: Scene, index: Floats) -> NDArray[np.bool_]:
    return _in_plane(scene, index) & scene.is_left(index)


def _rise(scene: Scene, index: Floats) -> Floats:
    """Return how far values rise along the axes (column, row, slice), over two steps.

    What is absent changes nothing: it is as the middle. Where it is two voxels deep it is as the lowest value there is.
    """
    sides = [(axis, way, way * np.eye(3)[axis]) for axis in range(3) for way in (1.0, -1.0)]
    if scene.present is None:
        ends = [way * scene.cut_at(index + step) for _, way, step in sides]
        return np.stack([ends[0] + ends[1], ends[2] + ends[3], ends[4] + ends[5]], axis=-1)
    middle = scene.cut_at(index)
    deep = np.zeros(index.shape[:-1])
    for _, _, step in sides:
        absent = (1 - scene.share_present(index + step)) * (1 - scene.share_present(index + 2 * step))
        deep = np.maximum(deep, np.minimum(4 * absent, 1))
    lowest = np.minimum(scene.values[scene.present].min(), middle)
    filled = middle + (lowest - middle) * deep
    found = np.zeros(index.shape)
    for axis, way, step in sides:
        share = scene.share_present(index + step)
        found[..., axis] += way * (scene.cut_at(index + step) * share + filled * (1 - share))
    return found


def _lit(scene: Scene, index: Floats, directions: Floats, colours: Floats) -> Floats:
    if scene.shading is None:
        return colours
    by_index = _rise(scene, index)
    by_index += (scene.at(index) - scene.lowest)[..., None] * scene.ends(index)
    by_index[np.abs(by_index) < 1e-6] = 0  # rounding, where values are all the same
    # values(L i) = f(i): the gradient g by mm fulfils transpose(L) g = gradient by index.
    gradient = np.linalg.solve(scene.lps_from_index[:3, :3].T, by_index[..., None])[..., 0]
    length = np.linalg.norm(gradient, axis=-1)
    normals = gradient / np.where(length > 0, length, 1)[..., None]
    normals = np.where(((normals * directions).sum(-1) > 0)[..., None], -normals, normals)  # turned to the eye
    to_light = -directions
    facing = (normals * to_light).sum(-1)
    mirrored = 2 * facing[..., None] * normals - to_light
    gleam = np.maximum((mirrored * -directions).sum(-1), 0)
    gleam = np.where(length > 0, gleam, 0)
    ambient, diffuse, specular, shininess = scene.shading
    lit: Floats = colours * (ambient + diffuse * facing)[..., None] + (specular * gleam**shininess)[..., None]
    return lit


def composite(scene: Scene, eye: Eye) -> Floats:
    """Return (height, width, 3), 0 to 255."""
    first, step, directions, counts = _samples(scene, eye)
    colour, clear = np.zeros(first.shape), np.ones(first.shape[:2])
    for number in range(int(counts.max())):
        index = first + number * step
        colours, opacity = scene.look_up(scene.at(index))
        inside = (number < counts) & _counts(scene, index)
        opacity = np.where(inside, 1 - (1 - opacity) ** (scene.step_mm / scene.unit_mm), 0)
        colour += (clear * opacity)[..., None] * _lit(scene, index, directions, colours)
        clear *= 1 - opacity
    return np.asarray(np.clip(colour + clear[..., None] * np.array(scene.background), 0, 1) * 255)


def projection(scene: Scene, eye: Eye, kind: str) -> Floats:
    """Return (height, width, 3), 0 to 255, of the "maximum", "minimum" or "average" along each ray."""
    first, step, _, counts = _samples(scene, eye)
    found: dict[str, Any] = {"maximum": -np.inf, "minimum": np.inf, "average": 0.0}
    result, taken = np.full(first.shape[:2], found[kind]), np.zeros(first.shape[:2])
    for number in range(int(counts.max())):
        index = first + number * step
        inside = (number < counts) & _counts(scene, index)
        values = scene.at(index)
        if kind == "average":
            result = result + np.where(inside, values, 0)
        else:
            better = np.maximum if kind == "maximum" else np.minimum
            result = np.where(inside, better(result, values), result)
        taken += inside
    if kind == "average":
        result = result / np.maximum(taken, 1)
    colours, opacity = scene.look_up(result)
    opacity = np.where(taken > 0, opacity, 0)[..., None]
    return np.asarray((colours * opacity + (1 - opacity) * np.array(scene.background)) * 255)


def isosurface(scene: Scene, eye: Eye) -> Floats:
    """Return (height, width, 3), 0 to 255, of the first sample not under the level, drawn back to the crossing."""
    first, step, directions, counts = _samples(scene, eye)
    hit = np.full(first.shape[:2], -1)
    begun = np.full(first.shape[:2], -1)
    for number in range(int(counts.max())):
        index = first + number * step
        inside = (number < counts) & _counts(scene, index)
        begun = np.where((begun < 0) & (number < counts) & _in_plane(scene, index), number, begun)
        hit = np.where((hit < 0) & inside & (scene.at(index) >= scene.level), number, hit)
    near, far = np.maximum(hit - 1, begun).astype(float), hit.astype(float)
    for _ in range(30):
        middle = (near + far) / 2
        between = first + middle[..., None] * step
        over = (scene.at(between) >= scene.level) & scene.is_left(between)
        near, far = np.where(over, near, middle), np.where(over, middle, far)
    colours, _ = scene.look_up(np.full(first.shape[:2], scene.level))
    lit = _lit(scene, first + far[..., None] * step, directions, colours)
    return np.asarray(np.clip(np.where((hit >= 0)[..., None], lit, np.array(scene.background)), 0, 1) * 255)


def psnr_db(pixels: NDArray[Any], expected: Floats) -> float:
    """Return the peak signal-to-noise ratio of 8-bit pictures."""
    mean_square = float(np.mean((pixels.astype(float) - np.floor(expected + 0.5)) ** 2))
    return math.inf if mean_square == 0 else 10 * math.log10(255**2 / mean_square)


def worst(pixels: NDArray[Any], expected: Floats) -> int:
    """Return the largest difference in grey levels."""
    return int(np.abs(pixels.astype(int) - np.floor(expected + 0.5).astype(int)).max())
