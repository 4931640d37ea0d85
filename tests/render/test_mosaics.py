"""Mosaics on their way through both nodes: from the stored file to frames, volumes and series made of them."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, JPEGLSLossless, RLELossless

from renderpool.server.storage import StorageSource
from renderpool.session.cache import ImageCache
from renderpool.session.images import ImageStore
from renderpool.session.mosaics import MosaicCache, MosaicData
from renderpool.session.source import FrameKey, SeriesFrames
from renderpool.session.volume_cache import VolumeCache
from renderpool.session.volume_store import VolumeStore
from tests.support.mosaic_files import siemens_mosaic, slices, tiled
from tests.support.phantom_files import compress, to_bytes
from tests.support.storage_http import TOKEN, StorageHttp, sqlite_settings
from webviewer.adapters.nodes import StorageClient
from webviewer.core.errors import WebviewerError
from webviewer.dicom.mosaic import folded

WAIT_S = 20.0
COUNT, ROWS, COLUMNS = 27, 16, 12


class CountingClient(StorageClient):
    """Counts the frames that are asked for."""

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


@pytest.fixture
def images() -> Iterator[ImageCache]:
    cache = ImageCache(64 * 1024**2, decode_threads=2)
    yield cache
    cache.close()


def plain(ds: Dataset) -> Dataset:
    return ds


def deflated(ds: Dataset) -> Dataset:
    ds.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    return ds


def rle(ds: Dataset) -> Dataset:
    return compress(ds, RLELossless)


def jpeg_ls(ds: Dataset) -> Dataset:
    return compress(ds, JPEGLSLossless)


def uploaded(node: StorageHttp, *objects: Dataset) -> int:
    for ds in objects:
        assert node.upload(to_bytes(ds))["stored"] == 1
    study = node.session.get(f"{node.owner()}/studies").json()["studies"][0]
    (series,) = node.session.get(f"{node.owner()}/studies/{study['study_id']}").json()["series"]
    found: int = series["series_id"]
    return found


def shown(images: ImageCache, source: StorageSource, series: SeriesFrames) -> NDArray[Any]:
    store = ImageStore(images, source)
    found = np.stack([store.load_blocking(1, series, key).stored for key in series.frames])
    store.close()
    return found


def voxels(images: ImageCache, source: StorageSource, series: SeriesFrames, number: int = 0) -> NDArray[Any]:
    store = VolumeStore(VolumeCache(1024**3), images, source, "there")
    volume = store.open(1, series, number, lambda *_: None).volume
    volume.wait(WAIT_S)
    store.close()
    assert volume.error is None
    assert volume.values is not None
    return volume.voxels * volume.values.slope + volume.values.intercept


@pytest.mark.parametrize("kind", [plain, deflated, rle, jpeg_ls])
@pytest.mark.parametrize("is_here", [True, False], ids=["one machine", "two machines"])
def test_a_mosaic_is_its_slices_and_one_volume(node: StorageHttp, images: ImageCache, kind: Any, is_here: bool) -> None:
    values = slices(COUNT, ROWS, COLUMNS)
    series_id = uploaded(node, kind(siemens_mosaic(values)))
    client = CountingClient(node.base_url)
    source = StorageSource(client, node.data if is_here else None)
    series = source.series(1, series_id)
    assert len(series.frames) == COUNT
    assert np.array_equal(voxels(images, source, series), values)
    assert np.array_equal(shown(images, source, series), values)


@pytest.mark.parametrize("kind", [rle, jpeg_ls])
def test_a_compressed_mosaic_is_asked_for_and_decoded_once(node: StorageHttp, images: ImageCache, kind: Any) -> None:
    values = slices(COUNT, ROWS, COLUMNS)
    series_id = uploaded(node, kind(siemens_mosaic(values)))
    client = CountingClient(node.base_url)
    source = StorageSource(client)
    series = source.series(1, series_id)
    assert np.array_equal(voxels(images, source, series), values)
    assert np.array_equal(shown(images, source, series), values)
    assert (client.asked, images.mosaics.decoded) == (1, 1)


def small_mosaic_cache(images: ImageCache) -> MosaicCache:
    images.mosaics = MosaicCache(budget_bytes=ROWS * COLUMNS)  # less than any mosaic
    return images.mosaics


@pytest.mark.parametrize("kind", [rle, jpeg_ls])
def test_a_mosaic_over_the_budget_is_decoded_once_for_slices_that_come_one_by_one(
    node: StorageHttp, images: ImageCache, kind: Any
) -> None:
    values = slices(COUNT, ROWS, COLUMNS)
    series_id = uploaded(node, kind(siemens_mosaic(values)))
    source = StorageSource(StorageClient(node.base_url, TOKEN))
    series = source.series(1, series_id)
    mosaics = small_mosaic_cache(images)
    assert np.array_equal(shown(images, source, series), values)
    assert np.array_equal(voxels(images, source, series), values)
    assert mosaics.decoded == 1


def test_frames_that_load_together_share_a_mosaic_that_others_have_driven_out(
    node: StorageHttp, images: ImageCache
) -> None:
    times = [slices(9, ROWS, COLUMNS, seed) for seed in (1, 2)]
    series_id = uploaded(node, *(jpeg_ls(siemens_mosaic(one, instance_number=n)) for n, one in enumerate(times, 1)))
    source = StorageSource(StorageClient(node.base_url, TOKEN))
    series = source.series(1, series_id)
    mosaics = small_mosaic_cache(images)
    fetched = {
        key: data
        for key, data in mosaics.frames(source, 1, series, series.frames)
        if isinstance(data, bytes | MosaicData)
    }
    order = [key for pair in zip(series.frames[:9], series.frames[9:], strict=True) for key in pair]
    found = {key: mosaics.decode(series, key, fetched[key]).values for key in order}  # one and the other in turns
    assert np.array_equal(np.stack([found[key] for key in series.frames]), np.concatenate(times))
    assert mosaics.decoded == 2
    assert mosaics.size_bytes == times[0].nbytes, "the last one alone"


def test_a_volume_that_runs_downwards_is_stored_from_below(node: StorageHttp, images: ImageCache) -> None:
    values = slices(9, ROWS, COLUMNS)
    series_id = uploaded(node, siemens_mosaic(values, step=(0.0, 0.0, -4.0)))
    source = StorageSource(StorageClient(node.base_url, TOKEN))
    series = source.series(1, series_id)
    assert np.array_equal(voxels(images, source, series), values[::-1])
    assert [key[1] for key in series.frames] == list(range(9, 0, -1))


def test_three_times_are_three_volumes_and_all_slices_are_counted(node: StorageHttp, images: ImageCache) -> None:
    times = [slices(9, ROWS, COLUMNS, seed) for seed in (1, 2, 3)]
    series_id = uploaded(node, *(siemens_mosaic(values, instance_number=n) for n, values in enumerate(times, 1)))
    source = StorageSource(StorageClient(node.base_url, TOKEN))
    series = source.series(1, series_id)
    for number, values in enumerate(times):
        assert np.array_equal(voxels(images, source, series, number), values)
    assert np.array_equal(shown(images, source, series), np.concatenate(times))
    detail = node.session.get(f"{node.owner()}/series/{series_id}").json()
    assert (detail["image_count"], len(detail["frames"]), len(detail["volumes"])) == (27, 27, 3)
    assert (detail["frames"][0]["rows"], detail["frames"][0]["columns"]) == (ROWS, COLUMNS)
    assert [notice["code"] for notice in detail["notices"]] == ["mosaic"]
    assert [frame["notices"] for frame in detail["frames"]] == [[0]] * 27
    study = node.session.get(f"{node.owner()}/studies").json()["studies"][0]
    assert study["image_count"] == 27


def test_tiles_come_as_if_each_were_stored_alone(node: StorageHttp) -> None:
    values = slices(COUNT, ROWS, COLUMNS)
    series_id = uploaded(node, siemens_mosaic(values))
    client = StorageClient(node.base_url, TOKEN)
    keys = [client.series_for_render(1, series_id).frames[number] for number in (26, 0, 13, 13)]
    sent = [data for _, data in client.frames(1, keys)]
    assert sent == [values[number].astype("<u2").tobytes() for number in (26, 0, 13, 13)]
    (_, beyond), *_ = client.frames(1, [(keys[0][0], COUNT + 1)])
    assert isinstance(beyond, WebviewerError)
    assert beyond.message == f"There is no frame {COUNT + 1}; the image has {COUNT}."


@pytest.mark.parametrize("kind", [plain, deflated, jpeg_ls])
@pytest.mark.parametrize("is_here", [True, False], ids=["one machine", "two machines"])
def test_mosaics_with_more_slices_than_can_be_listed_are_shown_as_they_are_stored(
    node: StorageHttp, images: ImageCache, kind: Any, is_here: bool
) -> None:
    ds = kind(siemens_mosaic(slices(9, ROWS, COLUMNS)))
    series_id = uploaded(node, ds)
    source = StorageSource(StorageClient(node.base_url, TOKEN), node.data if is_here else None)
    series = source.series(1, series_id)
    (instance_id,) = series.files
    instances = {instance_id: folded(series.instances[instance_id], 50_000)}
    series = replace(series, frames=((instance_id, 1),), instances=instances)
    assert np.array_equal(shown(images, source, series), tiled(slices(9, ROWS, COLUMNS), 3, 3)[np.newaxis])


def test_a_mosaic_that_was_received_cut_shows_the_tiles_that_are_there(node: StorageHttp) -> None:
    values = slices(9, ROWS, COLUMNS)
    series_id = uploaded(node, siemens_mosaic(values))
    (file,) = [path for path in node.data.rglob("*") if path.is_file()]
    data = file.read_bytes()
    file.write_bytes(data[: len(data) - math.ceil(9 * ROWS * COLUMNS * 2 / 3)])  # the last row of tiles
    client = StorageClient(node.base_url, TOKEN)
    series = client.series_for_render(1, series_id)
    refused = [data for _, data in client.frames(1, series.frames)]
    assert {one.code for one in refused if isinstance(one, WebviewerError)} == {"stored_file_size"}
    with closing(sqlite3.connect(node.database.name)) as database, database:
        database.execute("UPDATE instance SET file_bytes = ?, file_digest = NULL", (file.stat().st_size,))
    outcomes = [data for _, data in client.frames(1, series.frames)]
    assert outcomes[:6] == [tile.astype("<u2").tobytes() for tile in values[:6]]
    assert all(isinstance(outcome, WebviewerError) for outcome in outcomes[6:])
