"""Volumes of real files and out of a real storage node: voxels as an independent reader stacks them."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from pydicom.encaps import generate_frames
from pydicom.uid import JPEGLSLossless

from renderpool.server.storage import StorageSource
from renderpool.session.cache import ImageCache
from renderpool.session.loaded_volume import LoadedVolume
from renderpool.session.source import FrameKey, SeriesFrames
from renderpool.session.volume_cache import VolumeCache
from renderpool.session.volume_store import VolumeStore
from tests.render.volume_sources import OWNER
from tests.support import shared_data
from tests.support.phantom_files import compress, ct_values, make_ct, make_ct_series, make_enhanced_ct, to_bytes
from tests.support.storage_http import TOKEN, StorageHttp, fill_series, sqlite_settings
from tests.support.stored_image import StoredImage, image_attributes, read_image
from webviewer.adapters.nodes import StorageClient
from webviewer.archive import InstanceId, StoredFile
from webviewer.core.errors import NotFound, WebviewerError
from webviewer.dicom.attributes import ImageAttributes
from webviewer.dicom.geometry import FramePlace, places_of
from webviewer.dicom.header import read_header
from webviewer.dicom.stacks import order_frames

WAIT_S = 60.0


class FileSource:
    """A series of files, each an instance by its number from 1, in the order that a storage node would tell."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = dict(enumerate(paths, 1))
        self.images: dict[int, StoredImage] = {}
        for number, path in self.paths.items():
            with path.open("rb") as file:
                image = read_image(file)
            if image is not None:
                self.images[number] = image

    def series(self, owner_id: int, series_id: int) -> SeriesFrames:
        places: list[FramePlace] = []
        keys: list[FrameKey] = []
        for number, image in self.images.items():
            number_of = pydicom.dcmread(self.paths[number], stop_before_pixels=True).get("InstanceNumber")
            own = places_of(image.attributes, number_of, str(number))
            places += own
            keys += [(number, place.frame_number) for place in own]
        frames = tuple(keys[index] for index in order_frames(places).indices)
        instances = {number: image.attributes for number, image in self.images.items()}
        files = {number: path.name for number, path in self.paths.items()}
        return SeriesFrames(series_id, "", frames, instances, files)

    def newer_series(self, owner_id: int, series_id: int, version: str) -> SeriesFrames | None:
        return self.series(owner_id, series_id)

    def instance(self, owner_id: int, instance_id: int) -> SeriesFrames:
        raise NotFound("There is no such image.")

    def frames(self, owner_id: int, keys: Sequence[FrameKey]) -> Iterator[tuple[FrameKey, bytes | WebviewerError]]:
        for key in keys:
            with self.paths[key[0]].open("rb") as file:
                yield key, self.images[key[0]].frame_bytes(file, key[1])


@pytest.fixture
def images() -> Iterator[ImageCache]:
    cache = ImageCache(0, 2)
    yield cache
    cache.close()


def _files_of(series: dict[str, Any]) -> list[Path]:
    uid = series["series_instance_uid"]
    found = []
    for path in shared_data.files_under(series["directory"]):
        header = pydicom.dcmread(path, stop_before_pixels=True)
        if header.get("SeriesInstanceUID") == uid and "Rows" in header:
            found.append(path)
    return found


def _series() -> list[Any]:
    return [s for s in shared_data.expected()["series"] if s["one_orientation"]]


def _pixels(ds: pydicom.Dataset) -> NDArray[Any]:
    if ds.file_meta.TransferSyntaxUID != JPEGLSLossless:
        return np.asarray(ds.pixel_array)
    (data,) = generate_frames(ds.PixelData, number_of_frames=1)  # pydicom's own plug-in is not installed
    decoded = np.asarray(imagecodecs.jpegls_decode(data))
    return decoded.view(np.int16) if ds.PixelRepresentation else decoded


def _assert_like_the_files(volume: LoadedVolume, paths: dict[int, Path], number: int) -> None:
    """Every slice of a file is its pixels with its own rescale, exactly, or within half a step where quantised.

    Pixels that have the file's Pixel Padding Value are absent, and no others are.
    """
    assert volume.values is not None
    allowed = 0.0 if volume.values.is_exact else volume.values.slope * 0.501
    for (instance_id, _), place in zip(volume.frame_keys, volume.plan.sampling.grid_slice_of_source, strict=True):
        if place is None:
            continue
        ds = pydicom.dcmread(paths[instance_id])
        slope, intercept = float(ds.get("RescaleSlope", 1)), float(ds.get("RescaleIntercept", 0))
        pixels = _pixels(ds).astype(np.float64)
        off = volume.voxels[place] * volume.values.slope + volume.values.intercept - (pixels * slope + intercept)
        is_padding = pixels == ds.get("PixelPaddingValue", np.inf)
        absent = volume.presence.absent_slice(place)
        assert np.array_equal(is_padding, np.zeros_like(is_padding) if absent is None else absent)
        off[is_padding] = 0
        # Voxels times slope: the last digits of float64 differ by the order of adding.
        assert np.abs(off).max() <= allowed + 1e-9 * max(1.0, abs(volume.values.intercept)), (number, instance_id)


@pytest.mark.parametrize("series", _series(), ids=lambda series: str(series["directory"]))
def test_a_real_series_is_stacked_as_pydicom_reads_it(series: dict[str, Any], images: ImageCache) -> None:
    source = FileSource(_files_of(series))
    store = VolumeStore(VolumeCache(1024**3), images, source, "files")
    frames = source.series(OWNER, 1)
    plans = store.volumes_of(frames).split.plans
    assert plans
    for number in range(len(plans)):
        volume = store.open(OWNER, frames, number, lambda *_: None).volume
        volume.wait(WAIT_S)
        assert volume.warnings[: len(volume.plan.warnings)] == volume.plan.warnings
        assert not volume.standing_in().any()
        _assert_like_the_files(volume, source.paths, number)
    store.close()


PHANTOM = Path("a phantom")


@pytest.mark.parametrize(
    "path", [PHANTOM, *shared_data.all_files_under("enhanced_multiframe")], ids=lambda path: str(path.name)
)
def test_frames_of_an_enhanced_object_are_stacked_by_place(path: Path, images: ImageCache, tmp_path: Path) -> None:
    if path == PHANTOM:
        path = tmp_path / "enhanced.dcm"
        path.write_bytes(to_bytes(make_enhanced_ct(7)))
    source = FileSource([path])
    store = VolumeStore(VolumeCache(1024**3), images, source, "files")
    frames = source.series(OWNER, 1)
    volumes = store.volumes_of(frames)
    for number, plan in enumerate(volumes.split.plans):
        volume = store.open(OWNER, frames, number, lambda *_: None).volume
        volume.wait(WAIT_S)
        assert volume.voxels.shape == plan.grid.shape
        assert volume.frame_keys == volumes.keys_of(plan)
        pixels = pydicom.dcmread(path).pixel_array
        for (_, frame_number), place in zip(volume.frame_keys, plan.sampling.grid_slice_of_source, strict=True):
            assert volume.values is not None
            if place is not None and volume.values.offsets is not None:
                offset = volume.values.offsets[volume.frame_keys.index((1, frame_number))]
                assert np.array_equal(volume.voxels[place].astype(np.int64) - offset, pixels[frame_number - 1])
    if not volumes.split.plans:
        assert volumes.split.reason
    store.close()


def test_a_series_comes_whole_out_of_a_real_storage_node(tmp_path: Path, images: ImageCache) -> None:
    node = StorageHttp(tmp_path / "node", sqlite_settings(tmp_path))
    node.start()
    try:
        series_id = fill_series(node, 24)
        source = StorageSource(StorageClient(node.base_url, TOKEN))
        store = VolumeStore(VolumeCache(1024**3), images, source, node.base_url)
        use = store.open(1, source.series(1, series_id), 0, lambda *_: None)
        use.volume.wait(WAIT_S)
        assert use.volume.values is not None
        hu = use.volume.voxels.astype(np.float64) * use.volume.values.slope + use.volume.values.intercept
        assert np.array_equal(hu, np.stack([ct_values(instance_number=number) for number in range(1, 25)]))
        store.close()
    finally:
        node.stop()


class CountingClient(StorageClient):
    """Counts the frames that are asked for over HTTP."""

    def __init__(self, base_url: str) -> None:
        super().__init__(base_url, TOKEN)
        self.asked = 0

    def frames(self, owner_id: int, keys: Sequence[FrameKey]) -> Iterator[tuple[FrameKey, bytes | WebviewerError]]:
        self.asked += len(keys)
        return super().frames(owner_id, keys)


@pytest.fixture
def node(tmp_path: Path) -> Iterator[StorageHttp]:
    running = StorageHttp(tmp_path / "node", sqlite_settings(tmp_path))
    running.start()
    yield running
    running.stop()


def _loaded(node: StorageHttp, client: StorageClient, images: ImageCache, *, is_here: bool = True) -> LoadedVolume:
    source = StorageSource(client, node.data if is_here else None)
    store = VolumeStore(VolumeCache(1024**3), images, source, node.base_url)
    volume = store.open(1, source.series(1, 1), 0, lambda *_: None).volume
    volume.wait(WAIT_S)
    store.close()
    return volume


def _padded(ds: pydicom.Dataset) -> pydicom.Dataset:
    ds.PixelPaddingValue = 32000
    ds["PixelPaddingValue"].VR = "SS"
    pixels = np.frombuffer(ds.PixelData, "<i2").copy()
    pixels[:50] = 32000
    ds.PixelData = pixels.tobytes()
    return ds


def _padded_with_anatomy(ds: pydicom.Dataset) -> pydicom.Dataset:
    ds.PixelPaddingValue = 0
    ds["PixelPaddingValue"].VR = "SS"
    pixels = np.frombuffer(ds.PixelData, "<i2").copy()
    pixels[::7] = 0
    ds.PixelData = pixels.tobytes()
    return ds


def _padded_beyond_its_bits(ds: pydicom.Dataset) -> pydicom.Dataset:
    ds = _twelve_bits(ds)
    ds.PixelPaddingValue = 63536
    ds["PixelPaddingValue"].VR = "US"
    pixels = np.frombuffer(ds.PixelData, "<u2").copy() & 0xFFF
    pixels[40:90] = 63536
    ds.PixelData = pixels.tobytes()
    return ds


def _twelve_bits(ds: pydicom.Dataset) -> pydicom.Dataset:
    ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 12, 11, 0
    pixels = np.clip(np.frombuffer(ds.PixelData, "<i2"), 0, 4095).astype("<u2")
    ds.PixelData = (pixels | 0xA000).tobytes()  # an overlay in the upper bits
    return ds


def _as_is(ds: pydicom.Dataset) -> pydicom.Dataset:
    return ds


def _thirty_two_bits(ds: pydicom.Dataset) -> pydicom.Dataset:
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 32, 32, 31
    ds.PixelData = (np.frombuffer(ds.PixelData, "<i2").astype("<i4") * 70000).tobytes()
    return ds


KINDS = {
    "16 bits": _as_is,
    "bright padding": _padded,
    "padding 0": _padded_with_anatomy,
    "padding beyond 12 bits": _padded_beyond_its_bits,
    "12 bits": _twelve_bits,
    "32 bits": _thirty_two_bits,
}


@pytest.mark.parametrize("kind", KINDS)
def test_files_of_this_machine_give_the_same_voxels_without_being_asked_for(
    node: StorageHttp, images: ImageCache, kind: str
) -> None:
    for ds in make_ct_series(20):
        node.upload(to_bytes(KINDS[kind](ds)))
    here, there = CountingClient(node.base_url), CountingClient(node.base_url)
    near, far = _loaded(node, here, images), _loaded(node, there, images, is_here=False)
    assert (here.asked, there.asked) == (0, 40 if kind == "32 bits" else 20)  # their range is measured first
    assert near.voxels.max() > near.voxels.min()
    assert np.array_equal(near.voxels, far.voxels)
    absent = [[volume.presence.absent_slice(number) for number in range(20)] for volume in (near, far)]
    for here_absent, there_absent in zip(*absent, strict=True):
        assert (here_absent is None) == (there_absent is None) == ("padding" not in kind)
        assert here_absent is None or np.array_equal(here_absent, there_absent)
    assert np.array_equal(near.bricks.lowest, far.bricks.lowest)
    assert np.array_equal(near.bricks.highest, far.bricks.highest)


def test_frames_of_one_file_are_read_where_each_lies(node: StorageHttp, images: ImageCache) -> None:
    node.upload(to_bytes(make_enhanced_ct(12)))
    client = CountingClient(node.base_url)
    near = _loaded(node, client, images)
    assert client.asked == 0
    assert np.array_equal(near.voxels, _loaded(node, client, images, is_here=False).voxels)


def test_a_file_that_cannot_be_read_is_asked_for_and_the_storage_node_says_why(
    node: StorageHttp, images: ImageCache
) -> None:
    for ds in make_ct_series(20):
        node.upload(to_bytes(ds))
    detail = node.session.get(f"{node.owner(1)}/series/1/render").json()
    names = [detail["files"][str(instance_id)] for instance_id, _ in detail["frames"]]
    (node.data / names[4]).unlink()
    cut = node.data / names[9]
    cut.write_bytes(cut.read_bytes()[:-100])
    altered = node.data / names[14]
    altered.write_bytes(altered.read_bytes()[:-3] + b"\x77" + altered.read_bytes()[-2:])
    client = CountingClient(node.base_url)
    volume = _loaded(node, client, images)
    assert client.asked == 3
    assert [(warning.code, warning.numbers[0]) for warning in volume.warnings] == [
        ("slice_damaged+interpolated_there", 5),
        ("slice_damaged+interpolated_there", 10),
        ("slice_damaged+interpolated_there", 15),
    ]
    assert not volume.standing_in().any()


def test_compressed_frames_are_asked_for(node: StorageHttp, images: ImageCache) -> None:
    for ds in make_ct_series(6):
        node.upload(to_bytes(compress(ds, JPEGLSLossless)))
    client = CountingClient(node.base_url)
    volume = _loaded(node, client, images)
    assert client.asked == 6
    assert volume.values is not None
    hu = volume.voxels.astype(np.float64) * volume.values.slope + volume.values.intercept
    assert np.array_equal(hu, np.stack([ct_values(instance_number=number) for number in range(1, 7)]))


def test_no_name_of_a_file_leads_out_of_the_folder(tmp_path: Path) -> None:
    image = StorageSource(StorageClient("http://127.0.0.1:9", TOKEN), tmp_path)
    attributes = read_image_of(make_ct())
    for name in ("../../../etc/passwd", "/etc/passwd", "ab/cd/../../../" + "0" * 32, "AB/CD/" + "0" * 32, ""):
        stored = StoredFile(InstanceId(1), name, 9000, None)
        series = SeriesFrames(1, "CT", ((1, 1),), {1: attributes}, {1: name}, "", {1: 100}, {1: stored})
        assert image.frame_in_file(series, (1, 1)) is None
    name = "ab/cd/" + "0" * 32
    stored = StoredFile(InstanceId(1), name, 9000, None)
    good = SeriesFrames(1, "CT", ((1, 1),), {1: attributes}, {1: name}, "", {1: 100}, {1: stored})
    found = image.frame_in_file(good, (1, 1))
    assert found is not None
    assert (found.path, found.first_byte, found.length_bytes) == (f"{tmp_path}/ab/cd/{'0' * 32}", 100, 8192)
    assert image.frame_in_file(good, (1, 2)) is None
    assert StorageSource(StorageClient("http://127.0.0.1:9", TOKEN)).frame_in_file(good, (1, 1)) is None


def read_image_of(ds: pydicom.Dataset) -> ImageAttributes:
    found = image_attributes(read_header(io.BytesIO(to_bytes(ds))))
    assert found is not None
    return found
