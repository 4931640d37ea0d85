"""Pictures of real series against the NumPy reference, where the shared data are there; read by pydicom alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray

from renderpool.engine.bricks import BrickRanges
from renderpool.engine.ray_caster import RayCaster, RayVolume
from renderpool.engine.rays import RayMode
from renderpool.engine.volume_texture import VolumeTexture
from tests.render.ray_scenes import BONE, SOFT, Points, caster, look_of, view_of
from tests.render.reference_ray_cast import Eye, Scene, composite, projection, psnr_db, worst
from tests.support import shared_data

__all__ = ["caster"]

SERIES = ("philips_bone_1mm_30", "ge_hispeed_gantry_tilt_18deg", "siemens_prisma_t1_sag", "pet_wholebody_30")


def _series() -> list[Any]:
    return [entry for entry in shared_data.expected()["series"] if entry["directory"].endswith(SERIES)]


def _read(series: dict[str, Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return values (slices, rows, columns) and lps_from_index, from the headers of the first and the last slice."""
    objects = []
    for path in shared_data.files_under(series["directory"]):
        ds = pydicom.dcmread(path)
        if ds.get("SeriesInstanceUID") == series["series_instance_uid"]:
            objects.append(ds)
    along, down = np.array(objects[0].ImageOrientationPatient, float).reshape(2, 3)
    objects.sort(key=lambda ds: float(np.dot(np.cross(along, down), ds.ImagePositionPatient)))
    values = np.stack(
        [ds.pixel_array * float(ds.get("RescaleSlope", 1)) + float(ds.get("RescaleIntercept", 0)) for ds in objects]
    )
    first, last = (np.array(objects[at].ImagePositionPatient, float) for at in (0, -1))
    matrix = np.eye(4)
    between_rows, between_columns = (float(mm) for mm in objects[0].PixelSpacing)
    matrix[:3, 0], matrix[:3, 1] = along * between_columns, down * between_rows
    matrix[:3, 2], matrix[:3, 3] = (last - first) / (len(objects) - 1), first
    return values, matrix


@pytest.mark.parametrize("series", _series(), ids=lambda series: str(series["directory"]).rpartition("/")[2])
def test_a_real_series_is_drawn_as_the_reference_says(caster: RayCaster, series: dict[str, Any]) -> None:
    values, lps_from_index = _read(series)
    low, high = float(values.min()), float(values.max())
    slope = max(1.0, (high - low) / 65535)
    stored = np.round((values - low) / slope).astype(np.uint16)
    texture, bricks = VolumeTexture(stored.shape, slope=slope, intercept=low), BrickRanges(stored.shape)
    texture.upload_slices(0, stored)
    bricks.add_slices(0, stored)
    volume = RayVolume(texture, bricks, lps_from_index)
    middle = (lps_from_index @ np.array([*((n - 1) / 2 for n in values.shape[::-1]), 1]))[:3]
    size_mm = float(np.linalg.norm(lps_from_index[:3, :3] @ values.shape[::-1]))
    bright = float(np.percentile(values, 99))
    curves: dict[str, Points] = {"bone": BONE, "soft": SOFT}
    if series["modality"] != "CT":
        curves = {"own": ((low, 1, 0.9, 0.8, 0), (bright * 0.3, 0.9, 0.4, 0.3, 0), (bright, 1, 0.9, 0.8, 0.4))}
    eyes = (
        Eye(tuple(middle + size_mm * np.array([0.9, -1.2, 0.7])), tuple(middle), (0, 0, 1), width_px=34, height_px=30),
        Eye(
            tuple(middle + size_mm * np.array([-0.4, 0.8, 1.0])),
            tuple(middle),
            (0, 0, 1),
            angle_deg=None,
            height_mm=size_mm * 0.6,
            width_px=34,
            height_px=30,
        ),
    )
    for eye in eyes:
        for points in curves.values():
            scene = Scene(values, lps_from_index, 1.9, points, lowest=low)
            pixels = caster.draw(volume, look_of(scene, RayMode.COMPOSITE), view_of(scene, eye))
            expected = composite(scene, eye)
            assert np.ptp(expected) > 60, "the picture is empty"
            found = psnr_db(pixels, expected)
            assert found >= 40, f"{found:.1f} dB, worst pixel {worst(pixels, expected)}"
        scene = Scene(values, lps_from_index, 1.9, ((low, 1, 1, 1, 0), (bright, 1, 1, 1, 1)))
        for mode, kind in ((RayMode.MAXIMUM, "maximum"), (RayMode.AVERAGE, "average")):
            pixels = caster.draw(volume, look_of(scene, mode), view_of(scene, eye))
            difference = np.abs(pixels.astype(int) - np.floor(projection(scene, eye, kind) + 0.5)).max(axis=-1)
            # A last sample on the volume's face is in or out in float32: where values end sharply that shows.
            assert (difference > 1).sum() <= 12, f"worst pixel {difference.max()}"
    texture.close()
