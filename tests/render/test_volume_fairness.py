"""Eight doctors on one device: each gets a share, and who scrolls never waits for another's still picture.

Parts and pictures are counted on a clock that moves by the work that is drawn (`counted_drawing`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from renderpool.engine.renderer import Renderer
from renderpool.session.bands import BAND_S
from tests.render.counted_drawing import SAMPLE_S, Doctor, Stage, parts_of, used_s
from tests.render.house import House, Viewer
from tests.render.volume_sources import SpaceSource, even
from webviewer.protocol.framing import FrameFlag
from webviewer.protocol.volumes import Lighting, Look, Tissue

SIDE, SLICES = 160, 120
CANVAS_PX = 320
SOFT = Look(
    mode="shaded",
    tissues=(Tissue(name="all", opacity=((-200.0, 0.0), (900.0, 0.08)), colour=((0.0, 1.0, 0.8, 0.6),)),),
    lighting=Lighting(),
)


def pixels() -> NDArray[np.int16]:
    k, j, i = np.mgrid[:SLICES, :SIDE, :SIDE]
    values = 600 + 250 * np.sin(i / 9) * np.cos(j / 7 + k / 8)
    stored: NDArray[np.int16] = values.astype("<i2")
    return stored


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    made = House(SpaceSource(pixels(), even(SLICES, 0.75)))
    yield made
    made.close()


def see(viewer: Viewer, revision: int, *, moving: bool) -> None:
    angle = revision / 10
    viewer.camera(
        revision,
        width_px=CANVAS_PX,
        height_px=CANVAS_PX,
        target_lps_mm=(40.0, 20.0, 45.0),
        right_lps=(math.cos(angle), math.sin(angle), 0.0),
        mm_per_px=0.5,
        look=SOFT,
        moving=moving,
    )


def show_plane(viewer: Viewer, revision: int, *, moving: bool) -> None:
    middle = (40.0, 20.0, 20.0 + revision % 60)
    viewer.plane(revision, width_px=CANVAS_PX, height_px=CANVAS_PX, center_lps_mm=middle, mm_per_px=0.25, moving=moving)


def turns(viewer: Viewer, revision: int) -> None:
    see(viewer, revision, moving=True)


def rests(viewer: Viewer, revision: int) -> None:
    see(viewer, revision, moving=False)


def scrolls_planes(viewer: Viewer, revision: int) -> None:
    show_plane(viewer, revision, moving=True)


def scrolls_images(viewer: Viewer, revision: int) -> None:
    viewer.view(revision, instance_id=1 + revision % SLICES, width_px=CANVAS_PX, height_px=CANVAS_PX, moving=True)


def slab_of(viewer: Viewer, revision: int, *, moving: bool) -> None:
    """All of the volume from the front, on a canvas of 4K: a still one takes some ten seconds in software."""
    viewer.plane(
        revision,
        width_px=3840,
        height_px=2160,
        center_lps_mm=(40.0, 20.0 + revision % 7, 45.0),
        down_lps=(0.0, 0.0, -1.0),
        mm_per_px=0.03,
        slab="mip",
        thickness_mm=78.0,
        moving=moving,
    )


def drags_a_slab(viewer: Viewer, revision: int) -> None:
    slab_of(viewer, revision, moving=True)


def rests_at_a_slab(viewer: Viewer, revision: int) -> None:
    slab_of(viewer, revision, moving=False)


@pytest.fixture
def stage(shared_renderer: Renderer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    made = Stage(shared_renderer, SpaceSource(pixels(), even(SLICES, 0.75)), monkeypatch)
    yield made
    made.close()


def counts(doctors: list[Doctor]) -> list[int]:
    return [len(doctor.passed_over) for doctor in doctors]


def most_before(doctors: list[Doctor], others: list[Doctor]) -> int:
    """Return how many parts of others were drawn at most between a wish of these doctors and its picture."""
    return max(parts_of(passed, others) for doctor in doctors for passed in doctor.passed_over)


def at_once(doctors: list[Doctor], others: list[Doctor]) -> float:
    """Return the share of the doctors' pictures for which no part of others was drawn first."""
    passed_over = [passed for doctor in doctors for passed in doctor.passed_over]
    return sum(parts_of(passed, others) == 0 for passed in passed_over) / len(passed_over)


def test_eight_sessions_each_get_their_share(stage: Stage) -> None:
    turning = [Doctor(stage, turns).open() for _ in range(4)]
    scrolling = [Doctor(stage, scrolls_planes).open() for _ in range(2)]
    scrolling += [Doctor(stage, scrolls_images).open(images=True) for _ in range(2)]
    stage.run([*turning, *scrolling], 4.0)
    assert min(counts(turning)) >= 10
    assert max(counts(turning)) - min(counts(turning)) <= 1
    assert max(counts(scrolling)) - min(counts(scrolling)) <= 4
    assert min(counts(scrolling)) > 6 * max(counts(turning)), "what costs less comes more often"
    shares_s = [used_s(stage, doctor) for doctor in turning]
    assert min(shares_s) > 0.9 * max(shares_s)
    assert max(used_s(stage, doctor) for doctor in scrolling) < min(shares_s), "they ask for less than their share"
    assert most_before(scrolling, turning) <= 3, "a moving picture that is begun is finished, of three parts at most"


def test_who_scrolls_does_not_wait_for_another_s_still_pictures(stage: Stage) -> None:
    resting = [Doctor(stage, rests, still=True).open() for _ in range(2)]
    scrolling = [Doctor(stage, scrolls_planes).open(), Doctor(stage, scrolls_images).open(images=True)]
    stage.run([*resting, *scrolling], 4.0)
    assert min(counts(resting)) >= 2, "those who rest get theirs, too"
    parts_of_a_still = sum(part.still for part in stage.parts) / sum(counts(resting))
    assert parts_of_a_still > 20
    assert most_before(scrolling, resting) <= 3, "those of the light picture that goes before a still one"
    assert at_once(scrolling, resting) > 0.9


@pytest.mark.parametrize("at_rest", [False, True], ids=["moving", "at rest"])
def test_who_scrolls_does_not_wait_for_a_thick_slab_on_a_large_canvas(stage: Stage, *, at_rest: bool) -> None:
    """He who is at rest wishes something else each time a light picture has come, and never gets a still one."""
    thick = [Doctor(stage, rests_at_a_slab if at_rest else drags_a_slab).open()]
    scrolling = [Doctor(stage, scrolls_planes).open(), Doctor(stage, scrolls_images).open(images=True)]
    stage.run([*thick, *scrolling], 3.0)
    assert min(counts(thick)) >= 20, "a light picture goes before a still one that takes long"
    assert most_before(scrolling, thick) <= 1
    assert at_once(scrolling, thick) > 0.9
    assert max(stage.slab_samples) * SAMPLE_S <= 1.5 * BAND_S, "one part of a picture of ten seconds"


def test_eight_sessions_on_threads_of_their_own_all_get_pictures(house: House) -> None:
    viewers = [Viewer(house) for _ in range(8)]
    for viewer in viewers:
        viewer.open_volume()
    for revision in range(1, 6):
        for number, viewer in enumerate(viewers):
            (see if number < 4 else show_plane)(viewer, revision, moving=True)
        for viewer in viewers:
            while viewer.next_frame()[0].revision != revision:
                pass
    for viewer in viewers:
        viewer.session.close()


def test_a_plane_comes_to_rest_while_the_model_beside_it_gets_finer(house: House) -> None:
    """As on a page with three planes and a model in one session."""
    viewer = Viewer(house)
    viewer.open_volume(cell=0)
    viewer.open_volume(cell=1)
    wish: dict[str, Any] = {"center_lps_mm": (40.0, 20.0, 45.0), "mm_per_px": 0.25, "width_px": 200, "height_px": 200}
    viewer.plane(1, cell=0, **wish)
    viewer.next_still()
    model: dict[str, Any] = {
        "target_lps_mm": (40.0, 20.0, 45.0),
        "width_px": 640,
        "height_px": 640,
        "mm_per_px": 0.25,
        "look": SOFT,
    }
    viewer.camera(1, cell=1, **model)
    viewer.next_frame()
    viewer.plane(2, cell=0, **wish, invert=True)
    rests = [viewer.next_still()[0].cell for _ in range(2)]
    assert rests == [0, 1]
    viewer.session.close()


def test_passes_at_rest_are_told_from_light_pictures_and_from_the_last_one(house: House) -> None:
    viewer = Viewer(house)
    viewer.open_volume()
    model: dict[str, Any] = {"target_lps_mm": (40.0, 20.0, 45.0), "mm_per_px": 0.33, "look": SOFT}
    viewer.camera(1, width_px=240, height_px=240, moving=True, **model)
    viewer.next_still()
    rest, last = FrameFlag.REFINING, FrameFlag.STILL
    kinds = [(header.flags & (rest | last), header.width_px) for header in viewer.all_frames]
    assert kinds[0][0] == FrameFlag(0), "while it moves"
    assert (rest, 240) in kinds
    assert kinds[-1] == (last, 240)
    assert all(width_px == 240 for flags, width_px in kinds if flags)
    viewer.session.close()
