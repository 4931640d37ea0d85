"""Surfaces as STL files: closed, turned outwards, in the right place and of the right size."""

from __future__ import annotations

import struct
from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from renderpool.engine.volume_mask import VolumeMask
from renderpool.session.loaded_volume import LoadedVolume
from renderpool.session.surface import surface_stl
from renderpool.session.volume_cut import CutCancelled
from tests.render.test_volume_edits import SHAPE, Maker, centers_lps, make, noise
from tests.support.reference_volume_geometry import AXIAL, tilted
from webviewer.core.errors import InvalidInput, TooLarge
from webviewer.dicom.volume import VolumeGrid

__all__ = ["make"]


def triangles_of(stl: bytes) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return normals (n, 3) and corners (n, 3, 3) as the format has them."""
    assert len(stl) >= 84
    assert not stl.startswith(b"solid"), "would be read as text"
    (count,) = struct.unpack("<I", stl[80:84])
    assert len(stl) == 84 + 50 * count
    rows = np.frombuffer(stl[84:], np.uint8).reshape(count, 50)
    numbers = rows[:, :48].copy().view("<f4").astype(float)
    assert not rows[:, 48:].any()
    return numbers[:, :3], numbers[:, 3:].reshape(count, 3, 3)


def surface(volume: LoadedVolume, level: float, mask: VolumeMask | None = None, **more: Any) -> NDArray[np.float64]:
    """Return the triangles of a surface, once it is known to be closed and its normals to be right."""
    normals, corners = triangles_of(b"".join(surface_stl(volume, level, mask, **more)))
    edges: Counter[tuple[bytes, bytes]] = Counter()
    for triangle in corners.astype(np.float32):
        a, b, c = (corner.tobytes() for corner in triangle)
        edges.update([(a, b), (b, c), (c, a)])
    assert all(edges[(b, a)] == count for (a, b), count in edges.items() if a != b), "there is a hole in it"
    turned = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    large = np.linalg.norm(turned, axis=1) > 1e-4
    assert (np.einsum("ij,ij->i", turned, normals)[large] > 0).all()
    return corners


def area_mm2(corners: NDArray[np.float64]) -> float:
    turned = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    return float(np.linalg.norm(turned, axis=1).sum() / 2)


def size_mm3(corners: NDArray[np.float64]) -> float:
    """Return the volume within, by the divergence theorem: over 0 where triangles are turned outwards."""
    a, b, c = (corners - corners.mean(axis=(0, 1))).transpose(1, 0, 2)
    return float(np.einsum("ij,ij->", a, np.cross(b, c)) / 6)


def ball(lps: NDArray[np.float64], center: NDArray[np.float64], radius_mm: float) -> NDArray[np.float64]:
    """Return values that are 200 on a sphere, soft as a scanner makes them."""
    depth = radius_mm - np.linalg.norm(lps - center, axis=-1)
    return np.asarray(np.clip(np.round((200 + 300 * depth) / 2) * 2, -1000, 1400))


@pytest.mark.parametrize("lies", ["upright", "tilted", "mirrored"])
@pytest.mark.parametrize("level", [200.0, 201.3])
def test_a_sphere_is_closed_turned_outwards_and_of_its_size(make: Maker, lies: str, level: float) -> None:
    orientation, shape = tilted(18) if lies == "tilted" else AXIAL, (25, 70, 50)

    def laid(values: NDArray[Any]) -> LoadedVolume:
        volume = make(values, orientation)
        if lies == "mirrored":
            matrix = volume.grid.lps_from_index @ np.diag([1, 1, -1, 1])
            volume.plan = replace(volume.plan, grid=VolumeGrid(shape, matrix))
        return volume

    lps = centers_lps(laid(np.zeros(shape)))
    center, radius_mm = lps.mean(axis=(0, 1, 2)) + np.array([0.2, -0.3, 0.4]), 13.0
    volume = laid(ball(lps, center, radius_mm))
    corners = surface(volume, level)
    assert size_mm3(corners) == pytest.approx(4 / 3 * np.pi * radius_mm**3, rel=0.02)
    assert area_mm2(corners) == pytest.approx(4 * np.pi * radius_mm**2, rel=0.02)
    assert np.abs(np.linalg.norm(corners - center, axis=-1) - radius_mm).max() < 0.25


def test_noise_is_closed_too_and_a_slab_fits_the_next(make: Maker) -> None:
    corners = surface(make(noise()), 500.0)
    assert len(corners) > 30_000


def test_what_runs_out_of_the_volume_is_closed_half_a_voxel_out(make: Maker) -> None:
    volume = make(np.full(SHAPE, 300))
    corners = surface(volume, 0.0)
    slices, rows, columns = SHAPE
    spacing = np.array([0.75, 0.5, 1.5])
    low = centers_lps(volume)[0, 0, 0] - spacing / 2
    assert corners.min(axis=(0, 1)) == pytest.approx(low, abs=1e-3)
    assert np.ptp(corners.reshape(-1, 3), axis=0) == pytest.approx(spacing * [columns, rows, slices], abs=1e-3)
    # But for corners and edges, which are worn off by part of a voxel.
    assert size_mm3(corners) == pytest.approx(float(np.prod(spacing * [columns, rows, slices])), rel=0.01)


def test_what_cuts_took_away_is_outside_and_the_face_of_a_cut_between_voxels(make: Maker) -> None:
    volume = make(np.full(SHAPE, 300))
    kept = np.zeros(SHAPE, bool)
    kept[5:15, 4:20, 6:30] = True
    corners = surface(volume, 0.0, VolumeMask.from_kept(kept))
    low, high = centers_lps(volume)[5, 4, 6], centers_lps(volume)[14, 19, 29]
    half = np.array([0.75, 0.5, 1.5]) / 2
    assert corners.min(axis=(0, 1)) == pytest.approx(low - half, abs=1e-3)
    assert corners.max(axis=(0, 1)) == pytest.approx(high + half, abs=1e-3)


def test_values_on_the_level_are_inside(make: Maker) -> None:
    values = np.full(SHAPE, -1000)
    values[6:14, 8:17, 9:22] = 100
    assert size_mm3(surface(make(values), 100.0)) == pytest.approx(7 * 8 * 12 * 0.5 * 0.75 * 1.5, rel=0.06)


def test_what_is_no_surface_is_refused_in_words(make: Maker) -> None:
    volume = make(noise())
    with pytest.raises(InvalidInput, match="there is no surface") as nothing:
        surface_stl(volume, 5000.0)
    assert nothing.value.code == "no_surface"
    with pytest.raises(TooLarge, match=r"more than 0\.002 million triangles") as too_big:
        surface_stl(volume, 500.0, max_triangles=2000)
    assert too_big.value.code == "surface_too_big"
    with pytest.raises(InvalidInput, match="is not of this volume"):
        surface_stl(volume, 500.0, VolumeMask.from_kept(np.ones((2, 2, 2), bool)))
    with pytest.raises(CutCancelled):
        surface_stl(volume, 500.0, is_cancelled=lambda: True)
    answers = iter([False] * 4 + [True])
    with pytest.raises(CutCancelled):
        list(surface_stl(volume, 500.0, is_cancelled=lambda: next(answers)))


@pytest.mark.parametrize("far", [3e9, 1e12, 1e300])
def test_a_level_far_beyond_all_values_has_nothing_inside_or_everything(make: Maker, far: float) -> None:
    volume = make(noise())
    with pytest.raises(InvalidInput, match="there is no surface"):
        surface_stl(volume, far)
    assert np.array_equal(surface(volume, -far), surface(volume, -32768.0))
