"""What edits leave of a volume, against loops and SciPy in millimetres of the patient."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, generate_binary_structure, label

from renderpool.engine.volume_mask import VolumeMask
from renderpool.session import volume_cut, volume_edits
from renderpool.session.cache import ImageCache
from renderpool.session.loaded_volume import LoadedVolume
from renderpool.session.volume_cache import VolumeCache, VolumeUse
from renderpool.session.volume_cut import CutCancelled
from renderpool.session.volume_edits import VolumeEdits
from renderpool.session.volume_store import VolumeStore
from tests.render.volume_sources import OWNER, SpaceSource, even
from tests.support.reference_volume_geometry import AXIAL, Orientation, tilted
from webviewer.core.errors import LimitExceeded
from webviewer.protocol.volumes import CameraPose, CutObject, CutPolygon, CutSphere, EditStep, RemoveTable

SHAPE = (21, 26, 33)


class Maker:
    """Makes volumes of values in HU (even numbers from -1000 on), 1.5 × 0.5 × 0.75 mm."""

    def __init__(self) -> None:
        self._made: list[tuple[VolumeStore, ImageCache, VolumeUse, SpaceSource]] = []

    def __call__(
        self, values: NDArray[Any], orientation: Orientation = AXIAL, *, is_held: bool = False, **changes: Any
    ) -> LoadedVolume:
        pixels = ((values + 1000) // 2).astype(np.int16)
        source = SpaceSource(pixels, even(len(values)), orientation, changes)
        if is_held:
            source.gate.clear()
        images = ImageCache(16 * 1024**2, 2)
        store = VolumeStore(VolumeCache(512 * 1024**2), images, source, "storage")
        use = store.open(OWNER, source.series(OWNER, 1), 0, lambda _done, _total: None)
        self._made.append((store, images, use, source))
        if not is_held:
            use.volume.wait(20)
        return use.volume

    def release(self) -> None:
        """Let come what is held."""
        for _, _, _, source in self._made:
            source.gate.set()

    def close(self) -> None:
        self.release()
        for store, images, use, _ in self._made:
            use.close()
            store.close()
            images.close()


@pytest.fixture
def make() -> Iterator[Maker]:
    maker = Maker()
    yield maker
    maker.close()


def noise(shape: tuple[int, int, int] = SHAPE, seed: int = 4) -> NDArray[np.int64]:
    return np.random.default_rng(seed).integers(0, 400, shape) * 2


def centers_lps(volume: LoadedVolume) -> NDArray[np.float64]:
    """Return where each voxel's centre lies, (slices, rows, columns, 3)."""
    k, j, i = np.mgrid[tuple(slice(n) for n in volume.grid.shape)]
    index = np.stack([i, j, k, np.ones_like(i)], axis=-1).astype(float)
    return np.asarray((index @ volume.grid.lps_from_index.T)[..., :3])


def kept(mask: VolumeMask | None) -> NDArray[np.bool_]:
    assert mask is not None
    return mask.kept()


def pose_at(volume: LoadedVolume, turn_deg: tuple[float, float], eye_mm: float | None, **more: Any) -> CameraPose:
    a, b = np.radians(turn_deg)
    about_z = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    about_x = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    right, down = (about_z @ about_x @ np.array([[1.0, 0, 0], [0, 0, -1.0]]).T).T
    target = volume.grid.center_lps_mm + np.array([0.31, -0.47, 0.23])
    known: dict[str, Any] = {"offset_px": (13.0, -7.5), "mm_per_px": 0.21, **more}
    return CameraPose(
        width_px=200,
        height_px=160,
        target_lps_mm=tuple(target.tolist()),
        right_lps=tuple(right.tolist()),
        down_lps=tuple(down.tolist()),
        eye_distance_mm=eye_mm,
        **known,
    )


def seen_at(pose: CameraPose, lps: NDArray[np.float64]) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.bool_]]:
    """Return the canvas's x and y of points, and which are before the eye: by similar triangles."""
    right, down = np.array(pose.right_lps), np.array(pose.down_lps)
    from_target = lps - np.array(pose.target_lps_mm)
    larger = np.ones(lps.shape[:-1])
    if pose.eye_distance_mm is not None:
        depth = pose.eye_distance_mm + from_target @ np.cross(right, down)
        with np.errstate(divide="ignore"):
            larger = pose.eye_distance_mm / depth
        is_seen = depth > 0
    else:
        is_seen = np.ones(lps.shape[:-1], bool)
    x = pose.width_px / 2 + pose.offset_px[0] + from_target @ right / pose.mm_per_px * larger
    y = pose.height_px / 2 + pose.offset_px[1] + from_target @ down / pose.mm_per_px * larger
    return x, y, is_seen


def is_inside(x: NDArray[Any], y: NDArray[Any], points: list[tuple[float, float]]) -> NDArray[np.bool_]:
    """Count, of each point, the edges that a ray to its right meets."""
    count = np.zeros(x.shape, int)
    for (ax, ay), (bx, by) in itertools.pairwise([*points, points[0]]):
        crosses = (ay <= y) != (by <= y)
        with np.errstate(divide="ignore", invalid="ignore"):
            count += crosses & (ax + (y - ay) / (by - ay) * (bx - ax) > x)
    return np.asarray(count % 2 == 1)


STAR = [(40.3, 30.1), (160.7, 71.2), (30.9, 88.3), (140.2, 14.8), (101.1, 149.4)]  # crosses itself
RING = [
    (20.2, 20.3),
    (180.3, 21.4),
    (170.8, 140.1),
    (30.4, 130.9),
    (20.2, 20.3),
    (80.3, 60.2),
    (120.6, 62.3),
    (110.9, 100.8),
    (80.3, 60.2),
    (20.2, 20.3),
]  # a hole, reached by a way there and back
POSES = {
    "slanted, parallel": ((33.0, 21.0), None),
    "along rows": ((90.0, 0.0), None),
    "from the front": ((0.0, 0.0), None),
    "from above": ((0.0, 90.0), None),
    "slanted, perspective": ((-62.0, 14.0), 60.0),
    "perspective along rows": ((90.0, 0.0), 45.0),
    "an eye inside": ((27.0, -38.0), 2.5),
    "an eye inside, looking along rows": ((-90.0, 0.0), 3.0),
}


@pytest.mark.parametrize("orientation", [AXIAL, tilted(18)], ids=["upright", "tilted"])
@pytest.mark.parametrize("points", [STAR, RING], ids=["star", "ring"])
@pytest.mark.parametrize("pose_name", POSES)
def test_a_polygon_cuts_what_is_seen_inside_or_outside_of_it(
    make: Maker, pose_name: str, points: list[tuple[float, float]], orientation: Orientation
) -> None:
    volume = make(noise(), orientation)
    pose = pose_at(volume, *POSES[pose_name])
    x, y, is_seen = seen_at(pose, centers_lps(volume))
    inside = is_inside(x, y, points) & is_seen
    assert 0.04 < inside.mean() < 0.9
    for is_inside_cut, removed in ((True, inside), (False, is_seen & ~inside)):
        step = CutPolygon(pose=pose, points=tuple(points), inside=is_inside_cut)
        found = kept(VolumeEdits().mask_of(volume, (step,)))
        assert np.array_equal(found, ~removed), f"{(found == removed).sum()} voxels"


def test_an_outline_on_the_very_centres_of_voxels_turns_no_row_over(make: Maker) -> None:
    volume = make(noise())
    pose = pose_at(volume, (0.0, 0.0), None, offset_px=(0.0, 0.0), mm_per_px=0.75)
    x, y, _ = seen_at(pose, centers_lps(volume))
    corner = float(x[0, 0, 8]), float(y[15, 0, 0])
    opposite = float(x[0, 0, 20]), float(y[5, 0, 0])
    points = (corner, (opposite[0], corner[1]), opposite, (corner[0], opposite[1]))
    removed = ~kept(VolumeEdits().mask_of(volume, (CutPolygon(pose=pose, points=points),)))
    assert removed[6:15, :, 9:20].all(), "inside, off the edges"
    assert not removed[:5].any()
    assert not removed[16:].any()
    assert not removed[:, :, :8].any()
    assert not removed[:, :, 21:].any()


@pytest.mark.parametrize("orientation", [AXIAL, tilted(18)], ids=["upright", "tilted"])
def test_strokes_of_spheres_remove_and_bring_back(make: Maker, orientation: Orientation) -> None:
    volume = make(noise(), orientation)
    lps = centers_lps(volume)
    rng = np.random.default_rng(5)
    centers = volume.grid.center_lps_mm + rng.normal(0, 6, (9, 3))
    far = volume.grid.center_lps_mm + np.array([200.0, 0, 0])
    first = CutSphere(centers_lps_mm=tuple(map(tuple, [*centers[:6].tolist(), far.tolist()])), radius_mm=3.3)
    second = CutSphere(centers_lps_mm=tuple(map(tuple, centers[4:].tolist())), radius_mm=2.1, restore=True)
    removed = np.any([np.linalg.norm(lps - c, axis=-1) <= 3.3 for c in centers[:6]], axis=0)
    restored = np.any([np.linalg.norm(lps - c, axis=-1) <= 2.1 for c in centers[4:]], axis=0)
    assert (removed & restored).any()
    edits = VolumeEdits()
    assert np.array_equal(kept(edits.mask_of(volume, (first,))), ~removed)
    assert np.array_equal(kept(edits.mask_of(volume, (first, second))), ~removed | restored)


def piece_of(
    values: NDArray[Any], low: float, high: float, left: NDArray[np.bool_], at: tuple[int, ...]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return the connected piece at a voxel, and it with the voxels around it that are under its values."""
    candidates = (values >= low) & (values <= high) & left
    labels, _ = label(candidates)
    assert labels[at] > 0
    piece = labels == labels[at]
    around = binary_dilation(piece, generate_binary_structure(3, 3))
    return piece, piece | (around & (values < low))


@pytest.mark.parametrize("share", [0.25, 0.33, 0.6])
@pytest.mark.parametrize("keep", [False, True], ids=["cut", "keep"])
def test_an_object_is_what_hangs_together_between_two_values(make: Maker, share: float, keep: bool) -> None:
    values = noise(seed=8)
    volume = make(values)
    low, high = 760 - 760 * share, 757.5
    left = np.ones(SHAPE, bool)
    sphere = CutSphere(centers_lps_mm=(tuple(volume.grid.center_lps_mm.tolist()),), radius_mm=3)
    left[np.linalg.norm(centers_lps(volume) - volume.grid.center_lps_mm, axis=-1) <= 3] = False
    sizes = []
    for seed in np.argwhere((values >= low) & (values <= high) & left)[::900]:
        at = tuple(seed.tolist())
        piece, grown = piece_of(values, low, high, left, at)
        sizes.append(int(piece.sum()))
        p = tuple(centers_lps(volume)[at].tolist())
        step = CutObject(p_lps_mm=p, low=low, high=high, keep=keep)
        found = kept(VolumeEdits().mask_of(volume, (sphere, step)))
        assert np.array_equal(found, left & grown if keep else left & ~grown)
    assert len(sizes) >= 3


def test_no_skin_of_a_cut_object_is_left_between_voxels(make: Maker) -> None:
    """All that is over the threshold between voxels, where values are trilinear, is gone with it."""
    values = np.full(SHAPE, -1000)
    values[6:14, 8:17, 9:22] = 1200
    volume = make(values)
    step = CutObject(p_lps_mm=tuple(centers_lps(volume)[8, 9, 10].tolist()), low=200, high=3000)
    removed = ~kept(VolumeEdits().mask_of(volume, (step,)))
    assert removed[5:15, 7:18, 8:23].all()
    assert removed.sum() == 10 * 11 * 15


def test_a_point_beside_an_object_means_it_and_one_far_from_any_says_so(make: Maker) -> None:
    values = np.full(SHAPE, -1000)
    values[6:14, 8:17, 9:22] = 1200
    volume = make(values)
    edits = VolumeEdits()
    beside = CutObject(p_lps_mm=tuple(centers_lps(volume)[8, 9, 7].tolist()), low=200, high=3000)
    assert not kept(edits.mask_of(volume, (beside,)))[8, 9, 10]
    assert edits.note_of((beside,)) is None
    far = CutObject(p_lps_mm=tuple(centers_lps(volume)[8, 9, 2].tolist()), low=200, high=3000, keep=True)
    assert kept(edits.mask_of(volume, (far,))).all()
    note = edits.note_of((far,))
    assert note is not None
    assert note.code == "nothing_connected"
    nothing = CutObject(p_lps_mm=beside.p_lps_mm, low=3000, high=200)
    assert kept(edits.mask_of(volume, (nothing,))).all()


def test_what_is_in_too_many_pieces_is_refused_in_words(make: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    volume = make(noise())
    monkeypatch.setattr("renderpool.session.volume_runs.MAX_RUNS", 100)
    step = CutObject(p_lps_mm=tuple(volume.grid.center_lps_mm.tolist()), low=300, high=900)
    with pytest.raises(LimitExceeded, match="more than 100 pieces"):
        VolumeEdits().mask_of(volume, (step,))


def some_steps(volume: LoadedVolume, count: int) -> tuple[EditStep, ...]:
    """Return spheres here and there."""
    rng = np.random.default_rng(12)
    centers = volume.grid.center_lps_mm + rng.normal(0, 5, (count, 3))
    return tuple(
        CutSphere(centers_lps_mm=(tuple(center),), radius_mm=2.0, restore=number % 5 == 4)
        for number, center in enumerate(centers.tolist())
    )


def test_steps_on_top_of_known_ones_and_undone_ones_cost_only_themselves(
    make: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    volume = make(noise())
    steps = some_steps(volume, 9)
    done: list[int] = []
    real = volume_cut.apply

    def counted(*given: Any) -> VolumeMask:
        done.append(1)
        return real(*given)

    monkeypatch.setattr(volume_edits, "apply", counted)
    edits = VolumeEdits()
    assert edits.mask_of(volume, ()) is None
    masks = [kept(edits.mask_of(volume, steps[: n + 1])) for n in range(9)]
    assert len(done) == 9
    for n in (8, 4, 5, 0, 3, 8):
        assert np.array_equal(kept(edits.mask_of(volume, steps[: n + 1])), masks[n])
    assert edits.mask_of(volume, steps) is edits.mask_of(volume, steps), "the same mask stays in the device"
    assert len(done) == 9
    other = (*steps[:4], steps[6])
    alone = VolumeEdits().mask_of(volume, other)
    done.clear()
    assert np.array_equal(kept(edits.mask_of(volume, other)), kept(alone))
    assert len(done) == 1


def test_what_is_kept_is_bounded_and_what_was_let_go_is_made_anew(make: Maker) -> None:
    volume = make(noise())
    steps = some_steps(volume, 30)
    whole = [kept(VolumeEdits().mask_of(volume, steps[: n + 1])) for n in (3, 29)]
    edits = VolumeEdits(budget_bytes=4000)
    for n in range(30):
        edits.mask_of(volume, steps[: n + 1])
    assert edits.size_bytes <= 4000 + 4 * 21 * 9 * 5
    assert np.array_equal(kept(edits.mask_of(volume, steps[:4])), whole[0])
    assert np.array_equal(kept(edits.mask_of(volume, steps)), whole[1])


def test_masks_of_another_volume_are_forgotten(make: Maker) -> None:
    one, other = make(noise()), make(noise((25, 20, 18)))
    edits = VolumeEdits()
    step = some_steps(one, 1)
    assert kept(edits.mask_of(one, step)).shape == SHAPE
    assert kept(edits.mask_of(other, step)).shape == (25, 20, 18)


def test_an_edit_that_nobody_wants_any_more_ends(make: Maker) -> None:
    volume = make(noise())
    edits = VolumeEdits()
    steps = some_steps(volume, 3)
    first = kept(edits.mask_of(volume, steps[:1]))
    with pytest.raises(CutCancelled):
        edits.mask_of(volume, steps, lambda: True)
    assert np.array_equal(kept(edits.mask_of(volume, steps[:1])), first)
    point = CutObject(p_lps_mm=tuple(volume.grid.center_lps_mm.tolist()), low=300, high=900)
    calls = iter([False] * 22 + [True] * 9)
    with pytest.raises(CutCancelled):
        edits.mask_of(volume, (point,), lambda: next(calls))


def test_steps_that_look_at_values_wait_for_the_whole_volume(make: Maker) -> None:
    values = np.full(SHAPE, -1000)
    values[6:14, 8:17, 9:22] = 1200
    volume = make(values, is_held=True)
    step = CutObject(p_lps_mm=tuple(centers_lps(volume)[8, 9, 10].tolist()), low=200, high=3000)
    edits = VolumeEdits()
    sphere = CutSphere(centers_lps_mm=(step.p_lps_mm,), radius_mm=1.0)
    assert not kept(edits.mask_of(volume, (sphere,)))[8, 9, 10], "needs no values"
    asked = itertools.count()
    with pytest.raises(CutCancelled):
        edits.mask_of(volume, (step,), lambda: next(asked) > 3)
    found: list[VolumeMask | None] = []
    thread = threading.Thread(target=lambda: found.append(edits.mask_of(volume, (step,))))
    thread.start()
    assert not found
    make.release()
    thread.join(20)
    assert not kept(found[0])[8, 9, 10]


def test_the_note_of_an_unknown_list_is_none() -> None:
    assert VolumeEdits().note_of((RemoveTable(),)) is None
