"""Places and values of volumes against ITK, which reads the same files: in slices, on planes, and seen by a camera."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
import SimpleITK
from numpy.typing import NDArray

from renderpool.engine.renderer import Renderer
from renderpool.scene.plane_canvas import plane_canvas
from renderpool.scene.point_value import point_value
from renderpool.scene.slab import Slab
from renderpool.session.cache import ImageCache
from renderpool.session.loaded_volume import LoadedVolume
from renderpool.session.volume_cache import VolumeCache
from renderpool.session.volume_painter import VolumePainter
from renderpool.session.volume_store import VolumeStore
from tests.render.test_volume_of_real_series import FileSource
from tests.support import shared_data
from tests.support.phantom_files import make_ct, to_bytes
from webviewer.protocol.volumes import CameraPose, CameraView, Look, Tissue

WAIT_S = 60.0
OWNER = 7
_NEAR_MM = 1e-3  # positions are written with five or six digits
AXIAL = (1, 0, 0, 0, 1, 0)
CORONAL = (1, 0, 0, 0, 0, -1)
SAGITTAL = (0, 1, 0, 0, 0, -1)
OBLIQUE = tuple(np.round([*np.array([2, 1, 1]) / 6**0.5, *np.array([0, 1, -1]) / 2**0.5], 9).tolist())


def phantom(folder: Path, orientation: Any, *, step_mm: float, shift_mm: float = 0.0) -> list[Path]:
    """Write a CT with structure; shifted along the rows' normal from slice to slice, it is that of a tilted gantry."""
    folder.mkdir()
    k, j, i = np.mgrid[:16, :40, :48]
    values = 500 * np.sin(i / 6) * np.cos(j / 5 + k / 4) + 40 * k
    values[9, 22, 31] = 3000
    row, column = np.array(orientation[:3], float), np.array(orientation[3:], float)
    paths = []
    for number in range(16):
        place = np.array([-20.0, 13.0, 40.0]) + number * (step_mm * np.cross(row, column) + shift_mm * column)
        ds = make_ct(
            rows=40,
            columns=48,
            instance_number=number + 1,
            orientation=orientation,
            position=place.tolist(),
            pixel_spacing=(0.8, 0.6),
            values_hu=np.round(values[number]).astype(np.int16),
        )
        paths.append(folder / f"{number}.dcm")
        paths[-1].write_bytes(to_bytes(ds))
    return paths


PHANTOMS: dict[str, Callable[[Path], list[Path]]] = {
    "axial": lambda folder: phantom(folder, AXIAL, step_mm=2.5),
    "sagittal": lambda folder: phantom(folder, SAGITTAL, step_mm=3.0),
    "coronal": lambda folder: phantom(folder, CORONAL, step_mm=0.9),
    "oblique": lambda folder: phantom(folder, OBLIQUE, step_mm=1.7),
    "tilted gantry": lambda folder: phantom(folder, AXIAL, step_mm=2.5, shift_mm=0.7),
}


def real_series() -> dict[str, list[Path]]:
    found = {}
    for series in shared_data.expected()["series"]:
        if not series["one_orientation"]:
            continue
        paths = []
        for path in shared_data.files_under(series["directory"]):
            header = pydicom.dcmread(path, stop_before_pixels=True)
            is_native = not header.file_meta.TransferSyntaxUID.is_encapsulated
            if header.get("SeriesInstanceUID") == series["series_instance_uid"] and "Rows" in header and is_native:
                paths.append(path)
        if paths:
            found[str(series["directory"])] = paths
    return found


REAL = real_series()


@dataclass
class Case:
    """A loaded volume, and each of its slices as ITK reads it."""

    volume: LoadedVolume
    images: dict[int, SimpleITK.Image]  # by slice of the volume
    paddings: dict[int, float | None]  # by slice: the value of pixels that are none, as pydicom reads it

    def itk_values(self, grid_slice: int) -> NDArray[np.float64]:
        values: NDArray[np.float64] = SimpleITK.GetArrayFromImage(self.images[grid_slice])[0].astype(np.float64)
        return values

    def some_voxels(self, count: int = 60) -> list[tuple[int, int, int]]:
        """Return (column, row, slice) of voxels that are no padding: ITK knows none, and a volume holds none."""
        found = [
            (column, row, grid_slice)
            for column, row, grid_slice in some_voxels(self.volume, sorted(self.images), 4 * count).tolist()
            if self.itk_values(grid_slice)[row, column] != self.paddings[grid_slice]
        ]
        assert len(found) >= count
        return found[:count]

    def itk_place(self, column: float, row: float, grid_slice: int) -> NDArray[np.float64]:
        return np.array(self.images[grid_slice].TransformContinuousIndexToPhysicalPoint((column, row, 0.0)))


@pytest.fixture(params=[*PHANTOMS, *REAL])
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Case]:
    name = request.param
    paths = REAL[name] if name in REAL else PHANTOMS[name](tmp_path / "files")
    images = ImageCache(0, 2)
    source = FileSource(paths)
    store = VolumeStore(VolumeCache(1024**3), images, source, "files")
    with store.open(OWNER, source.series(OWNER, 1), 0, lambda *_: None) as use:
        use.volume.wait(WAIT_S)
        read: dict[int, SimpleITK.Image] = {}
        paddings: dict[int, float | None] = {}
        places = use.volume.plan.sampling.grid_slice_of_source
        for (instance_id, _), grid_slice in zip(use.volume.frame_keys, places, strict=True):
            if grid_slice is not None:
                read[grid_slice] = SimpleITK.ReadImage(str(source.paths[instance_id]), SimpleITK.sitkFloat64)
                paddings[grid_slice] = padding_of(source.paths[instance_id])
        yield Case(use.volume, read, paddings)
    store.close()
    images.close()


def padding_of(path: Path) -> float | None:
    ds = pydicom.dcmread(path, stop_before_pixels=True)
    if "PixelPaddingValue" not in ds:
        return None
    return float(ds.PixelPaddingValue) * float(ds.get("RescaleSlope", 1)) + float(ds.get("RescaleIntercept", 0))


def some_voxels(volume: LoadedVolume, slices: list[int], count: int = 60) -> NDArray[np.int64]:
    """Return (count, 3) of (column, row, slice)."""
    rng = np.random.default_rng(4)
    _, rows, columns = volume.grid.shape
    return np.stack([rng.integers(0, columns, count), rng.integers(0, rows, count), rng.choice(slices, count)], axis=-1)


def test_voxels_lie_where_itk_has_them_and_hold_what_it_reads(case: Case) -> None:
    volume = case.volume
    assert volume.values is not None
    assert len(case.images) >= 3
    half_step = 0.0 if volume.values.is_exact else volume.values.slope * 0.501
    for column, row, grid_slice in case.some_voxels():
        place = (volume.grid.lps_from_index @ np.array([column, row, grid_slice, 1.0]))[:3]
        off_mm = float(np.abs(place - case.itk_place(column, row, grid_slice)).max())
        # Slices of a real scanner lie within hundredths of a mm of one line; more is said in a warning.
        assert off_mm < _NEAR_MM or (off_mm < 0.05 and not volume.warnings), off_mm
        value = volume.voxels[grid_slice, row, column] * volume.values.slope + volume.values.intercept
        assert value == pytest.approx(case.itk_values(grid_slice)[row, column], abs=half_step + 1e-6)


def test_a_landmark_is_at_the_same_place_on_every_plane(case: Case, renderer: Renderer) -> None:
    """Clicked in a slice, it is found on axial, coronal, sagittal and oblique planes through its millimetre."""
    volume = case.volume
    assert volume.values is not None
    painter = VolumePainter(renderer, debug=True)
    half_step = 0.0 if volume.values.is_exact else volume.values.slope * 0.501
    try:
        for column, row, grid_slice in case.some_voxels(5):
            landmark = case.itk_place(column, row, grid_slice)
            wanted = float(case.itk_values(grid_slice)[row, column])
            spread = float(np.ptp(case.itk_values(grid_slice)))
            for axes in (AXIAL, CORONAL, SAGITTAL, OBLIQUE):
                canvas = plane_canvas(
                    31, 31, center_lps_mm=landmark.tolist(), right_lps=axes[:3], down_lps=axes[3:], mm_per_px=0.5
                )
                while not painter.prepare(volume):
                    pass
                stored = painter.stored_values(volume, canvas, Slab())
                value = float(stored[15, 15]) * volume.values.slope + volume.values.intercept
                # The middle pixel's centre is the landmark; a thousandth of a voxel beside it values differ a little.
                assert value == pytest.approx(wanted, abs=half_step + 2e-3 * spread + 1e-3), axes
                told = point_value(
                    volume.voxels,
                    volume.grid,
                    landmark,
                    slope=volume.values.slope,
                    intercept=volume.values.intercept,
                )
                assert told is not None
                assert told.value == pytest.approx(wanted, abs=half_step + 2e-3 * spread + 1e-3)
    finally:
        painter.close()


def test_a_plane_between_slices_is_the_one_that_itk_makes(case: Case, renderer: Renderer) -> None:
    volume = case.volume
    shear = np.array(case.images[min(case.images)].GetDirection()).reshape(3, 3)[:, 2]
    step = volume.grid.lps_from_index[:3, 2]
    if len(case.images) != volume.grid.shape[0] or abs(abs(shear @ step) - np.linalg.norm(step)) > 1e-3:
        # ITK has no sheared and no uneven lattice: there the slices are compared one by one above.
        assert volume.warnings
        return
    assert volume.values is not None
    stacked = SimpleITK.GetImageFromArray(np.stack([case.itk_values(k) for k in sorted(case.images)]))
    matrix = volume.grid.lps_from_index[:3, :3]
    spacing = np.linalg.norm(matrix, axis=0)
    stacked.SetOrigin(case.itk_place(0, 0, 0).tolist())
    stacked.SetSpacing(spacing.tolist())
    stacked.SetDirection((matrix / spacing).ravel().tolist())
    center = volume.grid.center_lps_mm
    size, mm_per_px, compared = 90, float(spacing.min()) * 0.8, 0
    painter = VolumePainter(renderer, debug=True)
    try:
        while not painter.prepare(volume):
            pass
        for axes in (AXIAL, CORONAL, SAGITTAL, OBLIQUE):
            right, down = np.array(axes[:3], float), np.array(axes[3:], float)
            canvas = plane_canvas(
                size, size, center_lps_mm=center.tolist(), right_lps=axes[:3], down_lps=axes[3:], mm_per_px=mm_per_px
            )
            ours = painter.stored_values(volume, canvas, Slab()) * volume.values.slope + volume.values.intercept
            first = center - (size - 1) / 2 * mm_per_px * (right + down)
            theirs = SimpleITK.GetArrayFromImage(
                SimpleITK.Resample(
                    stacked,
                    (size, size, 1),
                    SimpleITK.Transform(),
                    SimpleITK.sitkLinear,
                    first.tolist(),
                    (mm_per_px, mm_per_px, 1.0),
                    np.column_stack((right, down, np.cross(right, down))).ravel().tolist(),
                    np.nan,
                )
            )[0]
            # Within the outer half voxel, ITK says nothing or the nearest value, so do we: inside is compared.
            inside = ~np.isnan(theirs) & ~np.isnan(ours)
            inside &= _deep_inside(volume, canvas.lps_from_canvas, size)
            compared += int(inside.sum())
            if not inside.any():
                continue
            worst = float(np.abs(ours - theirs)[inside].max())
            spread = float(np.ptp(theirs[inside]))
            assert worst <= 0.004 * spread + volume.values.slope, (axes, worst, spread)
        assert compared > 500
    finally:
        painter.close()


def _deep_inside(volume: LoadedVolume, lps_from_canvas: NDArray[np.float64], size: int) -> NDArray[np.bool_]:
    y, x = np.mgrid[:size, :size] + 0.5
    points = np.stack([x, y, np.zeros_like(x), np.ones_like(x)], axis=-1) @ lps_from_canvas.T
    index = points @ volume.grid.index_from_lps.T
    last = np.array(volume.grid.shape[::-1]) - 1.0
    return np.asarray(((index[..., :3] >= 0.1) & (index[..., :3] <= last - 0.1)).all(axis=-1), dtype=np.bool_)


def test_a_landmark_seen_in_three_dimensions_is_picked_at_its_millimetre(tmp_path: Path, renderer: Renderer) -> None:
    """One bright voxel: clicked where it is seen from several sides, the point is the one that ITK has for it."""
    paths = phantom(tmp_path / "files", OBLIQUE, step_mm=1.7)
    images, source = ImageCache(0, 2), FileSource(paths)
    store = VolumeStore(VolumeCache(1024**3), images, source, "files")
    painter = VolumePainter(renderer, debug=True)
    bright = SimpleITK.ReadImage(str(paths[9]), SimpleITK.sitkFloat64)
    landmark = np.array(bright.TransformIndexToPhysicalPoint((31, 22, 0)))
    tissue = Tissue(name="bright", opacity=((1500.0, 0.0), (1600.0, 1.0)), colour=((0.0, 1.0, 1.0, 1.0),))
    try:
        with store.open(OWNER, source.series(OWNER, 1), 0, lambda *_: None) as use:
            use.volume.wait(WAIT_S)
            while not painter.prepare(use.volume):
                pass
            for eye_distance_mm in (None, 300.0):
                for axes in (AXIAL, CORONAL, SAGITTAL, OBLIQUE):
                    pose = CameraPose(
                        width_px=101,
                        height_px=81,
                        target_lps_mm=tuple(landmark.tolist()),
                        right_lps=axes[:3],
                        down_lps=axes[3:],
                        mm_per_px=0.4,
                        offset_px=(11.0, -7.0),
                        eye_distance_mm=eye_distance_mm,
                    )
                    wish = CameraView(cell=0, revision=1, pose=pose, look=Look(mode="shaded", tissues=(tissue,)))
                    picked = painter.pick(use.volume, wish, 50.5 + 11.0, 40.5 - 7.0)
                    assert picked is not None, axes
                    # Its surface, at half of its value, is less than a voxel before its middle.
                    assert float(np.linalg.norm(np.array(picked) - landmark)) < 1.7, axes
    finally:
        painter.close()
        store.close()
        images.close()
