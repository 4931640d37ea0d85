"""Re-slices from end to end: a volume of a real storage node, planes of it stored there, and loaded again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom import dcmread

from renderpool.engine.renderer import Renderer
from renderpool.server.storage import StorageSource
from renderpool.session.cache import ImageCache
from renderpool.session.device_images import DeviceImages
from renderpool.session.loaded_volume import LoadedVolume
from renderpool.session.series_maker import _encoding_of, make_planes, make_turning, turned_pose
from renderpool.session.volume_cache import VolumeCache
from renderpool.session.volume_painter import VolumePainter
from renderpool.session.volume_store import VolumeStore
from tests.render.reference_volume import Cut, cut_volume
from tests.support.phantom_files import make_ct, to_bytes
from tests.support.storage_http import TOKEN, StorageHttp, sqlite_settings
from webviewer.adapters.nodes import StorageClient
from webviewer.core.errors import InvalidInput, NotFound
from webviewer.protocol.questions import MakeSeries, ParallelPlanes, Turning
from webviewer.protocol.volumes import CameraPose, CameraView

OWNER = 1
ROWS, COLUMNS, SLICES = 40, 50, 24
STEPS = ((0.7, 0.0, 0.0), (0.0, 0.7, 0.0), (0.0, 0.0, 1.25))
ORIGIN = (-COLUMNS * 0.35, -ROWS * 0.35, 0.0)
VALUES = np.random.default_rng(2).integers(-1024, 2000, (SLICES, ROWS, COLUMNS)).astype(np.int16)


class Ward:
    """A storage node with a CT, and a render node's volumes of it."""

    def __init__(self, folder: Path, renderer: Renderer) -> None:
        self.node = StorageHttp(folder / "node", sqlite_settings(folder))
        self.node.start()
        self.client = StorageClient(self.node.base_url, TOKEN)
        self.source = StorageSource(self.client)
        self.images = ImageCache(0, 2)
        self.store = VolumeStore(VolumeCache(64 * 1024**2), self.images, self.source, "storage")
        self.painter = VolumePainter(renderer, debug=True)

    def fill(self) -> None:
        """Let it have the CT alone."""
        studies = self.node.session.get(f"{self.node.owner()}/studies").json()["studies"]
        if studies:
            ids = [study["study_id"] for study in studies]
            self.node.session.post(f"{self.node.owner()}/studies/delete", json={"study_ids": ids})
        for number in range(SLICES):
            ds = make_ct(rows=ROWS, columns=COLUMNS, instance_number=number + 1, values_hu=VALUES[number])
            assert self.node.upload(to_bytes(ds))["stored"] == 1

    def series(self) -> list[dict[str, Any]]:
        study = self.node.session.get(f"{self.node.owner()}/studies").json()["studies"][0]
        found: list[dict[str, Any]] = self.node.session.get(f"{self.node.owner()}/studies/{study['study_id']}").json()[
            "series"
        ]
        return found

    def volume_of(self, series_id: int) -> LoadedVolume:
        use = self.store.open(OWNER, self.source.series(OWNER, series_id), 0, lambda settled, total: None)
        use.volume.wait(20.0)
        return use.volume

    def submit(self, draw: Callable[[VolumePainter], Any], /) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(draw(self.painter))
        return future

    def make(self, volume: LoadedVolume, wish: MakeSeries, on_stored: Callable[[int], bool] = lambda _: True) -> Any:
        return make_planes(
            volume,
            wish,
            owner_id=OWNER,
            ends=(-1024.0, 1999.0),
            take_values=DeviceImages(volume, self.submit).values,
            sink=self.client,
            on_stored=on_stored,
        )

    def close(self) -> None:
        self.painter.close()
        self.store.close()
        self.images.close()
        self.client.close()
        self.node.stop()


@pytest.fixture(scope="module")
def shared_ward(tmp_path_factory: pytest.TempPathFactory, shared_renderer: Renderer) -> Iterator[Ward]:
    made = Ward(tmp_path_factory.mktemp("ward"), shared_renderer)
    yield made
    made.close()


@pytest.fixture
def ward(shared_ward: Ward, renderer: Renderer) -> Ward:
    assert renderer is not None  # it looks for errors of OpenGL before and after
    shared_ward.fill()
    return shared_ward


def coronal(count: int = 6, **changes: Any) -> MakeSeries:
    wish = {
        "center_lps_mm": (0.0, -5.0, 14.0),
        "right_lps": (1.0, 0.0, 0.0),
        "down_lps": (0.0, 0.0, -1.0),
        "mm_per_px": 0.5,
        "width_px": 60,
        "height_px": 48,
        "step_mm": 1.5,
        **changes,
    }
    return MakeSeries(images=ParallelPlanes(**wish), count=count, series_description="MPR coronal")


@pytest.mark.parametrize("slab", [{}, {"slab": "mip", "thickness_mm": 4.0}, {"slab": "aip", "thickness_mm": 4.0}])
def test_a_re_slice_is_a_volume_with_the_same_values_at_the_same_places(ward: Ward, slab: dict[str, Any]) -> None:
    volume = ward.volume_of(ward.series()[0]["series_id"])
    stored: list[int] = []

    def on_stored(count: int) -> bool:
        stored.append(count)
        return True

    series_id = ward.make(volume, coronal(**slab), on_stored)
    assert stored == [1, 2, 3, 4, 5, 6]
    assert [one["series_description"] for one in ward.series()] == ["Phantom series 1", "MPR coronal"]

    made = ward.volume_of(series_id)
    assert made.values is not None
    assert made.grid.shape == (6, 48, 60)
    values = made.voxels * made.values.slope + made.values.intercept
    normal = made.grid.lps_from_index[:3, 2] / np.linalg.norm(made.grid.lps_from_index[:3, 2])
    for number in range(6):
        x, y, z = (made.grid.lps_from_index @ np.array([29.5, 23.5, number, 1.0]))[:3].tolist()
        mode = str(slab.get("slab", "plane"))
        cut = Cut(60, 48, 0.5, (x, y, z), (1, 0, 0), (0, 0, -1), mode, float(slab.get("thickness_mm", 0)))
        shown = cut_volume(VALUES, (*STEPS, ORIGIN), cut)
        seen = shown.inside & ~shown.undecided
        assert seen.mean() > 0.3
        # Rounded to whole numbers when it was stored.
        assert np.abs(values[number] - shown.values)[seen].max() < 1.0
        assert np.all(values[number][~shown.inside & ~shown.undecided] == -1024)
    assert np.abs(np.abs(normal) - (0, 1, 0)).max() < 1e-6


OBLIQUE = {"right_lps": (1.0, 0.0, 0.0), "down_lps": (0.0, 0.5**0.5, 0.5**0.5)}
SAGITTAL = {"right_lps": (0.0, 1.0, 0.0), "down_lps": (0.0, 0.0, -1.0)}
AXIAL = {"right_lps": (1.0, 0.0, 0.0), "down_lps": (0.0, 1.0, 0.0)}


@pytest.mark.parametrize(
    ("wish", "thickness_mm"),
    [
        ({}, 0.7),
        (SAGITTAL, 0.7),
        (AXIAL, 1.25),
        # Of 0.7 × 0.7 × 1.25 mm, half way between rows and slices.
        (OBLIQUE, (0.5 / 0.7**2 + 0.5 / 1.25**2) ** -0.5),
        ({"thickness_mm": 4.0}, 0.7),
        ({"slab": "mip"}, 0.7),
        ({"slab": "mip", "thickness_mm": 4.0}, 4.0),
        ({**AXIAL, "slab": "aip", "thickness_mm": 0.5}, 0.5),
    ],
)
def test_a_slice_is_as_thick_as_its_slab_or_a_voxel_that_way(
    ward: Ward, wish: dict[str, Any], thickness_mm: float
) -> None:
    volume = ward.volume_of(ward.series()[0]["series_id"])
    ward.make(volume, coronal(1, **wish))
    made = [dcmread(path, stop_before_pixels=True) for path in ward.node.stored_files()]
    (planes,) = [ds for ds in made if ds.SeriesDescription == "MPR coronal"]
    assert planes.SliceThickness == pytest.approx(thickness_mm, abs=1e-6)
    assert planes.SpacingBetweenSlices == 1.5


def test_a_turning_model_becomes_pictures(ward: Ward) -> None:
    volume = ward.volume_of(ward.series()[0]["series_id"])
    pose = CameraPose(
        width_px=200,
        height_px=100,
        target_lps_mm=(0.0, 0.0, 14.0),
        right_lps=(1.0, 0.0, 0.0),
        down_lps=(0.0, 0.0, -1.0),
        mm_per_px=0.5,
        offset_px=(10.0, -4.0),
        eye_distance_mm=250.0,
    )
    turning = Turning(degrees=-180.0, width_px=80, height_px=60)
    wish = MakeSeries(images=turning, count=4, series_description="Turning")
    seen = CameraView(cell=0, revision=1, pose=pose)
    draw_still = DeviceImages(volume, ward.submit).still
    stored: list[int] = []

    def on_stored(count: int) -> bool:
        stored.append(count)
        return True

    series_id = make_turning(
        volume, wish, seen, owner_id=OWNER, draw_still=draw_still, sink=ward.client, on_stored=on_stored
    )
    assert stored == [1, 2, 3, 4]
    assert series_id == ward.series()[1]["series_id"]
    pictures = [dcmread(path).pixel_array for path in ward.node.stored_files() if is_picture(path)]
    assert len({picture.tobytes() for picture in pictures}) == 4
    assert all(picture.shape == (60, 80, 3) and picture.max() > 50 for picture in pictures)
    # Seen from the patient's right, his front is at the right of the canvas.
    quarter = turned_pose(pose, turning, -90.0)
    assert np.allclose(quarter.right_lps, (0, -1, 0))
    assert np.allclose(quarter.down_lps, (0, 0, -1))
    assert quarter.mm_per_px == pytest.approx(0.5 * 100 / 60)
    assert quarter.offset_px == pytest.approx((6.0, -2.4))


def is_picture(path: Path) -> bool:
    return bool(dcmread(path, stop_before_pixels=True).SamplesPerPixel == 3)


def test_what_was_stored_stays_when_it_is_given_up(ward: Ward) -> None:
    volume = ward.volume_of(ward.series()[0]["series_id"])
    assert ward.make(volume, coronal(), lambda count: count < 2) is not None
    assert ward.series()[1]["instance_count"] == 2


def test_too_large_a_series_is_refused_with_the_numbers(ward: Ward) -> None:
    volume = ward.volume_of(ward.series()[0]["series_id"])
    with pytest.raises(InvalidInput, match=r"2000 images of 2048 × 2048 pixels takes 15\.6 GiB: at most 2"):
        ward.make(volume, coronal(2000, width_px=2048, height_px=2048))
    assert len(ward.series()) == 1


def test_a_source_that_was_deleted_meanwhile_is_told(ward: Ward) -> None:
    volume = ward.volume_of(ward.series()[0]["series_id"])
    study = ward.node.session.get(f"{ward.node.owner()}/studies").json()["studies"][0]
    ward.node.session.post(f"{ward.node.owner()}/studies/delete", json={"study_ids": [study["study_id"]]})
    with pytest.raises(NotFound, match="no such series"):
        ward.make(volume, coronal())


@pytest.mark.parametrize(("mm_per_px", "side_px"), [(1e-6, 2048), (1e9, 16)])
def test_a_turn_that_no_camera_can_show_is_refused_in_words(mm_per_px: float, side_px: int) -> None:
    known: dict[str, Any] = {"target_lps_mm": (0, 0, 0), "right_lps": (1, 0, 0), "down_lps": (0, 0, -1)}
    pose = CameraPose(width_px=64, height_px=64, mm_per_px=mm_per_px, **known)
    with pytest.raises(InvalidInput, match="seen too large, too small"):
        turned_pose(pose, Turning(width_px=side_px, height_px=side_px), 10.0)


def padded_series(ward: Ward, values_hu: NDArray[np.int16], padding: int) -> int:
    """Store a CT whose pixels of this stored value are padding; return its series."""
    study = ward.node.session.get(f"{ward.node.owner()}/studies").json()["studies"][0]
    ward.node.session.post(f"{ward.node.owner()}/studies/delete", json={"study_ids": [study["study_id"]]})
    for number, values in enumerate(values_hu):
        ds = make_ct(rows=ROWS, columns=COLUMNS, instance_number=number + 1, values_hu=values)
        ds.add_new("PixelPaddingValue", "SS" if ds.PixelRepresentation else "US", padding)
        assert ward.node.upload(to_bytes(ds))["stored"] == 1
    return int(ward.series()[0]["series_id"])


def slices_of(ward: Ward) -> list[Any]:
    found = [dcmread(path) for path in ward.node.stored_files()]
    return sorted((ds for ds in found if ds.SeriesDescription == "MPR coronal"), key=lambda ds: int(ds.InstanceNumber))


def test_slices_of_a_padded_volume_are_padded_with_a_value_that_no_other_pixel_has(ward: Ward) -> None:
    values = VALUES.copy()
    values[VALUES % 7 == 0], values[:, :, 40:], values[9:12] = -3024, -3024, -3024
    volume = ward.volume_of(padded_series(ward, values, -2000))
    assert volume.presence.is_padded
    series_id = ward.make(volume, coronal())
    assert series_id is not None
    made = slices_of(ward)
    assert [(ds["PixelPaddingValue"].VR, ds.PixelPaddingValue) for ds in made] == [("SS", -1025)] * 6
    assert [ds.PixelRepresentation for ds in made] == [1] * 6
    again = ward.volume_of(series_id)
    for number, ds in enumerate(made):
        x, y, z = (again.grid.lps_from_index @ np.array([29.5, 23.5, number, 1.0]))[:3].tolist()
        shown = cut_volume(
            VALUES, (*STEPS, ORIGIN), Cut(60, 48, 0.5, (x, y, z), (1, 0, 0), (0, 0, -1)), values != -3024
        )
        absent = again.presence.absent_slice(number)
        assert absent is not None
        assert np.array_equal(absent[~shown.undecided], ~shown.inside[~shown.undecided])
        assert 0.1 < absent.mean() < 0.9
        # In the object as it lies on the disk, too: the place of each slice says which one it is.
        assert (ds.pixel_array == -1025).any()
        assert ds.pixel_array[ds.pixel_array != -1025].min() >= -1024
    whole = again.voxels * again.values.slope + again.values.intercept if again.values else again.voxels
    assert float(whole[again.voxels > 0].min()) >= -1024


@pytest.mark.parametrize(
    ("rescale", "ends", "signed", "padding", "lowest"),
    [
        ((1.0, 0.0), (-1024.0, 3071.0), True, -1025, -1024),
        ((1.0, 0.0), (-32768.0, 3071.0), True, 3072, -32768),
        ((1.0, 0.0), (-32768.0, 32767.0), True, -32768, -32767),  # nothing is free: the lowest value gives way
        ((0.5, -10.0), (-9.5, 100.0), False, 0, 1),
        ((0.5, -10.0), (-10.0, 100.0), False, 221, 0),
        ((0.5, -10.0), (-10.0, 32757.5), False, 0, 1),
    ],
)
def test_the_padding_of_new_slices_is_next_to_their_values(
    rescale: tuple[float, float], ends: tuple[float, float], signed: bool, padding: int, lowest: int
) -> None:
    encoding = _encoding_of(*rescale, ends).padded(ends)
    assert (encoding.is_signed, encoding.padding) == (signed, padding)
    stored = np.frombuffer(encoding.stored(np.array([np.nan, *ends])), "<i2" if signed else "<u2").tolist()
    assert stored == [padding, lowest, round((ends[1] - encoding.intercept) / encoding.slope)]
