"""Volumes whose place is assumed or computed, through both nodes: what the page is told, and what is made of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset

from renderpool.server.storage import StorageSource
from tests.render.house import House, Viewer
from tests.support.mosaic_files import siemens_mosaic, slices
from tests.support.phantom_files import make_ct, to_bytes
from tests.support.storage_http import TOKEN, StorageHttp, sqlite_settings
from webviewer.adapters.nodes import StorageClient
from webviewer.protocol.questions import Ask, AskError, Made, MakeSeries, ParallelPlanes


class Ward:
    """A storage node with series of one owner, and the render node that draws them."""

    def __init__(self, folder: Path) -> None:
        self.node = StorageHttp(folder / "node", sqlite_settings(folder))
        self.node.start()
        self.source = StorageSource(StorageClient(self.node.base_url, TOKEN))
        self.house = House(self.source)

    def upload(self, *objects: Dataset) -> int:
        for ds in objects:
            assert self.node.upload(to_bytes(ds))["stored"] == 1
        study = self.node.session.get(f"{self.node.owner()}/studies").json()["studies"][0]
        (series,) = self.node.session.get(f"{self.node.owner()}/studies/{study['study_id']}").json()["series"]
        found: int = series["series_id"]
        return found

    def detail(self, series_id: int) -> dict[str, Any]:
        found: dict[str, Any] = self.node.session.get(f"{self.node.owner()}/series/{series_id}").json()
        return found

    def close(self) -> None:
        self.house.close()
        self.node.stop()


@pytest.fixture
def ward(tmp_path: Path) -> Iterator[Ward]:
    made = Ward(tmp_path)
    yield made
    made.close()


def located(number: int, *, orientation: bool) -> Dataset:
    ds = make_ct(instance_number=number)
    del ds.ImagePositionPatient
    if not orientation:
        del ds.ImageOrientationPatient
    ds.SliceLocation = str(2.5 * number)
    return ds


def coronal(count: int, opened: Any, center: tuple[float, float, float]) -> MakeSeries:
    images = ParallelPlanes(
        center_lps_mm=center,
        right_lps=(1.0, 0.0, 0.0),
        down_lps=(0.0, 0.0, -1.0),
        mm_per_px=2.0,
        width_px=16,
        height_px=16,
        step_mm=2.0,
    )
    return MakeSeries(images=images, count=count, series_description="Coronal")


@pytest.mark.parametrize("orientation", [True, False])
def test_slice_locations_are_no_place_in_the_patient(ward: Ward, orientation: bool) -> None:
    series_id = ward.upload(*(located(number, orientation=orientation) for number in range(1, 6)))
    detail = ward.detail(series_id)
    expected = ["slice_location"] if orientation else ["slice_location", "orientation_assumed"]
    assert [notice["code"] for notice in detail["notices"]] == expected
    for frame in detail["frames"]:
        assert frame["image_position_patient"] is None
        assert (frame["image_orientation_patient"] is not None) == orientation
        assert frame["pixel_spacing"] == [0.7, 0.7]
        assert frame["notices"] == list(range(len(expected)))
    assert [frame["slice_position_mm"] for frame in detail["frames"]] == [2.5, 5.0, 7.5, 10.0, 12.5]
    viewer = Viewer(ward.house, owner_id=1)
    opened = viewer.open_volume(series_id=series_id)
    assert opened.shape == (5, 64, 64)
    assert not opened.letters
    assert [warning.code for warning in opened.warnings][: len(expected)] == expected


def test_no_series_of_planes_is_made_where_the_place_is_not_known(ward: Ward) -> None:
    series_id = ward.upload(*(located(number, orientation=True) for number in range(1, 6)))
    viewer = Viewer(ward.house, owner_id=1)
    opened = viewer.open_volume(series_id=series_id)
    refused = viewer.ask(1, coronal(3, opened, (10.0, 10.0, 7.5)))
    assert isinstance(refused, AskError)
    assert refused.code == "series_unplaced"


def test_a_series_of_planes_of_a_mosaic_is_a_volume_at_its_place(ward: Ward) -> None:
    series_id = ward.upload(siemens_mosaic(slices(9, 32, 32)))
    viewer = Viewer(ward.house, owner_id=1)
    opened = viewer.open_volume(series_id=series_id)
    assert opened.letters
    viewer.session.handle(Ask(cell=0, question=1, what=coronal(4, opened, (-60.0, -60.0, -24.0))))
    made = viewer.next_message(Made)
    again = viewer.open_volume(series_id=made.series_id, cell=1)
    assert again.letters
    assert again.shape[0] == 4
    assert again.lps_from_index[7] == pytest.approx(-60.0)  # the first plane lies where it was asked for
