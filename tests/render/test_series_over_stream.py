"""New series that a viewer asks for, out of and into a real storage node."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from renderpool.server.storage import StorageSource
from tests.render.house import House, Viewer
from tests.support.storage_http import TOKEN, StorageHttp, fill_series, sqlite_settings
from webviewer.adapters.nodes import StorageClient
from webviewer.protocol.messages import Close
from webviewer.protocol.questions import Ask, AskError, Made, MakeSeries, Making, ParallelPlanes, Turning

SLICES = 24


class Ward:
    def __init__(self, folder: Path) -> None:
        self.node = StorageHttp(folder / "node", sqlite_settings(folder))
        self.node.start()
        self.series_id = fill_series(self.node, SLICES)
        self.source = StorageSource(StorageClient(self.node.base_url, TOKEN))
        self.house = House(self.source)

    def frames_of(self, series_id: int) -> int:
        return len(self.source.series(1, series_id).frames)

    def close(self) -> None:
        self.house.close()
        self.node.stop()


@pytest.fixture(scope="module")
def ward(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ward]:
    made = Ward(tmp_path_factory.mktemp("ward"))
    yield made
    made.close()


def coronal(count: int, opened: Any) -> MakeSeries:
    matrix = opened.lps_from_index
    images = ParallelPlanes(
        center_lps_mm=(matrix[3] + 20.0, matrix[7] + 10.0, matrix[11] + 10.0),
        right_lps=(1.0, 0.0, 0.0),
        down_lps=(0.0, 0.0, -1.0),
        mm_per_px=1.0,
        width_px=48,
        height_px=40,
        step_mm=1.5,
    )
    return MakeSeries(images=images, count=count, series_description="Coronal")


def until_stored(viewer: Viewer) -> None:
    while not viewer.next_message(Making).stored:
        pass


def test_a_series_is_made_while_other_questions_are_answered_and_told_of_at_each_image(ward: Ward) -> None:
    viewer = Viewer(ward.house, owner_id=1)
    opened = viewer.open_volume(series_id=ward.series_id)
    viewer.session.handle(Ask(cell=0, question=1, what=coronal(12, opened)))
    told = [viewer.next_message(Making)]  # at once, before its turn has come
    refused = viewer.ask(2, coronal(1, opened))
    assert (refused.question, refused.code) == (2, "making")
    told += [viewer.next_message(Making) for _ in range(12)]
    assert [(message.stored, message.total, message.question) for message in told] == [(k, 12, 1) for k in range(13)]
    made = viewer.next_message(Made)
    assert made.series_id != ward.series_id
    assert ward.frames_of(made.series_id) == 12
    viewer.open_volume(series_id=made.series_id, cell=1)  # what was made is a volume again


def test_pictures_of_a_turning_model_are_made_of_what_the_camera_sees(ward: Ward) -> None:
    viewer = Viewer(ward.house, owner_id=1)
    viewer.open_volume(series_id=ward.series_id)
    turning = MakeSeries(images=Turning(width_px=64, height_px=48), count=4, series_description="Turn")
    assert viewer.ask(1, turning).code == "not_open"
    viewer.camera(1)
    viewer.session.handle(Ask(cell=0, question=2, what=turning))
    assert ward.frames_of(viewer.next_message(Made).series_id) == 4


def test_what_was_stored_stays_when_the_cell_is_closed(ward: Ward) -> None:
    viewer = Viewer(ward.house, owner_id=1)
    opened = viewer.open_volume(series_id=ward.series_id)
    viewer.session.handle(Ask(cell=0, question=1, what=coronal(400, opened)))
    until_stored(viewer)
    viewer.session.handle(Close(cell=0))
    series_id = viewer.next_message(Made).series_id
    assert 1 <= ward.frames_of(series_id) < 400


def test_of_one_owner_a_series_waits_for_another_and_is_told_so(ward: Ward) -> None:
    first, second = Viewer(ward.house, owner_id=1), Viewer(ward.house, owner_id=1)
    opened = first.open_volume(series_id=ward.series_id)
    first.session.handle(Ask(cell=0, question=1, what=coronal(400, opened)))
    until_stored(first)
    second.open_volume(series_id=ward.series_id)
    second.session.handle(Ask(cell=0, question=2, what=coronal(2, opened)))
    told = second.next_message((Making, AskError))
    assert (told.question, told.stored, told.total) == (2, 0, 2)
    first.session.handle(Close(cell=0))
    first.next_message(Made)
    assert ward.frames_of(second.next_message(Made).series_id) == 2


def test_series_of_several_owners_go_on_by_turns(ward: Ward) -> None:
    making = ward.house.scheduler._workers.making
    viewer = Viewer(ward.house, owner_id=1)
    opened = viewer.open_volume(series_id=ward.series_id)
    viewer.session.handle(Ask(cell=0, question=1, what=coronal(400, opened)))
    until_stored(viewer)
    assert making.enter("one", lambda: True)
    assert making.enter("other", lambda: True), "the viewer's series lets it go first, long before it is done"
    while not viewer.messages.empty():
        viewer.messages.get()
    making.leave("one")
    assert viewer.next_message((Making, Made)).type == "making"
    making.leave("other")
    viewer.session.handle(Close(cell=0))
    assert viewer.next_message(Made)


def test_a_series_that_waits_is_given_up_with_its_window(ward: Ward) -> None:
    making = ward.house.scheduler._workers.making
    viewer = Viewer(ward.house, owner_id=1)
    opened = viewer.open_volume(series_id=ward.series_id)
    for who in ("one", "other"):
        assert making.enter(who, lambda: True)
    try:
        viewer.session.handle(Ask(cell=0, question=1, what=coronal(2, opened)))
        assert viewer.next_message(Making).stored == 0
        viewer.session.handle(Close(cell=0))
        assert viewer.next_message((Making, AskError)).code == "conflict"
    finally:
        making.leave("one")
        making.leave("other")


def test_a_series_that_is_too_large_is_refused(ward: Ward) -> None:
    viewer = Viewer(ward.house, owner_id=1)
    opened = viewer.open_volume(series_id=ward.series_id)
    wish = coronal(2000, opened)
    too_large = wish.model_copy(update={"images": wish.images.model_copy(update={"width_px": 2048, "height_px": 2048})})
    refused = viewer.ask(1, too_large)
    assert isinstance(refused, AskError)
    assert refused.code == "invalid_input"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"mm_per_px": 1e9}, r"Pixels of 1e\+09 mm are too large for a series: at most 1000 mm."),
        ({"step_mm": 1e9}, r"Planes that are 1e\+09 mm apart are too large for a series: at most 1000 mm."),
        ({"step_mm": 1000.0}, "A plane 999.* m away is in no patient: at most 100 m."),
        ({"center_lps_mm": (1e9, 1e9, 1e9)}, r"A plane 1e\+06 m away is in no patient: at most 100 m."),
        ({"center_lps_mm": (500.0, 0.0, 0.0)}, "None of the 1000 planes meets the volume: the series would be empty."),
        ({"right_lps": (0.0, 0.0, 0.0)}, "The direction to the right has the length 0: must be 1."),
    ],
)
def test_a_series_that_cannot_be_is_refused_before_anything_is_begun(
    changes: dict[str, Any], words: str, ward: Ward
) -> None:
    viewer = Viewer(ward.house, owner_id=1)
    wish = coronal(1000, viewer.open_volume(series_id=ward.series_id))
    viewer.session.handle(
        Ask(cell=0, question=1, what=wish.model_copy(update={"images": wish.images.model_copy(update=changes)}))
    )
    told = viewer.next_message((Making, Made, AskError))
    assert (told.type, told.code) == ("ask_error", "invalid_input")
    assert re.fullmatch(words, told.message), told.message


def test_planes_that_meet_the_volume_late_or_in_part_are_made(ward: Ward) -> None:
    viewer = Viewer(ward.house, owner_id=1)
    wish = coronal(3, viewer.open_volume(series_id=ward.series_id))
    assert isinstance(wish.images, ParallelPlanes)
    x, y, z = wish.images.center_lps_mm
    late = wish.images.model_copy(update={"center_lps_mm": (x, y - 150.0, z), "step_mm": 70.0})
    viewer.session.handle(Ask(cell=0, question=1, what=wish.model_copy(update={"images": late})))
    assert ward.frames_of(viewer.next_message(Made).series_id) == 3
