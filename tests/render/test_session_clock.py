"""What sessions promise in seconds, on a clock that moves by the work that is drawn."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from renderpool.engine.renderer import Renderer
from tests.render.counted_drawing import Doctor, Stage
from tests.render.house import Viewer, pixels_of
from tests.render.reference_view import grey_linear, worst
from tests.render.sources import MemorySource, values_of
from webviewer.protocol.framing import Encoding, FrameFlag


@pytest.fixture
def make_stage(shared_renderer: Renderer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Stage]]:
    stages: list[Stage] = []

    def make(bandwidth: int | None = None) -> Stage:
        stages.append(Stage(shared_renderer, MemorySource(), monkeypatch, bandwidth=bandwidth))
        return stages[-1]

    yield make
    for stage in stages:
        stage.close()


def test_a_moving_view_gets_a_light_frame_and_then_the_still_of_the_same_revision(
    make_stage: Callable[..., Stage],
) -> None:
    stage = make_stage()
    viewer = Viewer(stage.house)
    viewer.open()
    viewer.view(1)
    stage.draw_until(lambda: not viewer.frames.empty())
    viewer.next_still()
    wished_at_s = stage.clock.now_s
    viewer.view(2, moving=True)
    assert stage.draw_part()
    light, _ = viewer.next_frame()
    assert (light.revision, light.encoding, FrameFlag.STILL in light.flags) == (2, Encoding.JPEG, False)
    stage.clock.now_s = wished_at_s + 0.089
    assert not stage.draw_part(), "it may still move"
    stage.clock.now_s = wished_at_s + 0.091
    assert stage.draw_part()
    still, payload = viewer.next_frame()
    assert (still.revision, still.encoding) == (2, Encoding.PNG)
    assert FrameFlag.STILL | FrameFlag.LOSSLESS in still.flags
    assert worst(pixels_of(payload), grey_linear(values_of(1).astype(float), 40, 400)) <= 1


def test_a_bandwidth_cap_holds(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage(bandwidth=40_000)

    def zooms(viewer: Viewer, revision: int) -> None:
        viewer.view(revision, moving=True, width_px=600, height_px=480, zoom=5 + revision % 11)

    doctor = Doctor(stage, zooms).open(images=True)
    doctor.sent_bytes = 0
    stage.run([doctor], 4.0)
    assert 40_000 * 2 < doctor.sent_bytes <= 40_000 * 4 * 1.25
    assert doctor.viewer.all_frames[-1].width_px < 600, "frames have become lighter"
