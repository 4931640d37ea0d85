"""Volumes over the stream: planes of real series against NumPy, in grey and in the colours of tables."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from pydicom.pixels.processing import apply_color_lut

from tests.render.house import House, Viewer, pixels_of
from tests.render.reference_view import grey_linear
from tests.render.reference_volume import Cut, Vector, cut_volume, report_worst
from tests.render.test_volume_of_real_series import FileSource
from tests.render.test_volume_session import SLICES, STEP_MM, WINDOW, oblique, smooth_pixels
from tests.render.volume_sources import SpaceSource, even
from tests.support import shared_data
from webviewer.protocol.windows import WindowValues


def test_planes_and_images_come_in_the_colours_of_a_table(
    make_house: Callable[..., House],
) -> None:
    viewer = Viewer(make_house(SpaceSource(smooth_pixels(), even(SLICES, STEP_MM))))
    viewer.open_volume()
    viewer.open(cell=1)
    for revision, name in enumerate(("hot_iron", "spring"), 1):
        colours = pydicom_palette(name)
        wishes: tuple[dict[str, Any], ...] = ({}, {"colours": name})
        for cell, show in ((0, viewer.plane), (1, viewer.view)):
            geometry = oblique() if cell == 0 else {"window": WINDOW, "zoom": 1.5, "instance_id": 3}
            grey: list[NDArray[np.uint8]] = []
            coloured: list[NDArray[np.uint8]] = []
            for number, wish in enumerate(wishes):
                show(10 * revision + number, cell=cell, **{**geometry, **wish})
                header, payload = viewer.next_still()
                (grey, coloured)[number].append(pixels_of(payload))
                assert header.window_width == WINDOW.width
            outside = (coloured[0] == 0).all(axis=2) & (grey[0] == 0)
            expected = colours[grey[0]]
            expected[outside] = 0
            assert np.array_equal(coloured[0], expected)
            assert outside.any()


def pydicom_palette(name: str) -> NDArray[np.uint8]:
    file = Path(pydicom.__file__).parent / "data" / "palettes" / f"{name.replace('_', '')}.dcm"
    found = apply_color_lut(np.arange(256, dtype=np.uint8)[np.newaxis], pydicom.dcmread(file))[0]
    palette: NDArray[np.uint8] = found.astype(np.uint8)
    return palette


def real_folders() -> list[str]:
    names = ("ct_series/philips_bone_1mm_30", "mr_series/siemens_prisma_t1_sag", "gantry_tilt_oblique")
    folder = shared_data.data_folder()
    return [] if folder is None else [name for name in names if (folder / name).is_dir()]


@pytest.mark.parametrize("name", real_folders())
def test_planes_of_a_real_series_are_what_pydicom_s_pixels_say(make_house: Callable[..., House], name: str) -> None:
    paths = sorted(path for path in shared_data.path_of(name).rglob("*") if path.is_file())
    source = FileSource(largest_series(paths))
    viewer = Viewer(make_house(source))
    opened = viewer.open_volume()
    matrix = np.array(opened.lps_from_index).reshape(3, 4)
    values = stacked(list(source.paths.values()), matrix, opened.shape)
    lattice: Any = (*matrix.T[:3].tolist(), matrix[:, 3].tolist())
    middle = (matrix @ [(opened.shape[2] - 1) / 2, (opened.shape[1] - 1) / 2, (opened.shape[0] - 1) / 2, 1.0]).tolist()
    low, high = np.percentile(values, (2, 99.5))
    window = WindowValues(center=float(low + high) / 2, width=float(high - low))
    turn = math.radians(25)
    for revision, (right, down) in enumerate(
        (
            ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0)),
            ((1.0, 0.0, 0.0), (0.0, 0.0, -1.0)),
            ((0.0, 1.0, 0.0), (0.0, 0.0, -1.0)),
            ((math.cos(turn), math.sin(turn), 0.0), (0.0, 0.0, -1.0)),
        ),
        1,
    ):
        wish: dict[str, Any] = {"center_lps_mm": tuple(middle), "right_lps": right, "down_lps": down, "mm_per_px": 0.8}
        viewer.plane(revision, width_px=200, height_px=180, window=window, **wish)
        _, payload = viewer.next_still()
        places = places_of(matrix, right, down, 0.8)
        cut = Cut(200, 180, 0.8, tuple(middle), right, down, places=places)
        shown = cut_volume(values, lattice, cut)
        expected = np.where(shown.inside, grey_linear(shown.values, window.center, window.width), 0)
        worst, where = report_worst(pixels_of(payload), expected, ~shown.undecided)
        assert worst <= 1, (name, revision, where)


def places_of(matrix: NDArray[np.float64], right: Vector, down: Vector, mm_per_px: float) -> int:
    """How many places a canvas pixel is averaged from, so that no voxel is missed."""
    steps = np.linalg.solve(matrix[:, :3], np.array([right, down]).T * mm_per_px)
    return max(1, math.ceil(float(np.linalg.norm(steps, axis=0).max()) - 1e-9))


def largest_series(paths: list[Path]) -> list[Path]:
    series: dict[str, list[Path]] = {}
    for path in paths:
        ds = pydicom.dcmread(path, stop_before_pixels=True, force=True)
        if "ImagePositionPatient" in ds:
            series.setdefault(f"{ds.SeriesInstanceUID} {ds.ImageOrientationPatient}", []).append(path)
    return max(series.values(), key=len)


def stacked(paths: list[Path], matrix: NDArray[np.float64], shape: tuple[int, int, int]) -> NDArray[np.float64]:
    """The values of the files, each where its own position says that it lies."""
    values = np.full(shape, np.nan)
    for path in paths:
        ds = pydicom.dcmread(path)
        place = np.linalg.solve(matrix[:, :3], np.array(ds.ImagePositionPatient, float) - matrix[:, 3])
        assert abs(place[:2]).max() < 1e-3
        assert abs(place[2] - round(place[2])) < 1e-2
        slope, intercept = float(ds.get("RescaleSlope", 1)), float(ds.get("RescaleIntercept", 0))
        values[round(place[2])] = ds.pixel_array * slope + intercept
    assert not np.isnan(values).any()
    return values
