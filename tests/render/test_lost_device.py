"""A graphics device that is gone: the node says so, whatever was being drawn, so that it is started again."""

from __future__ import annotations

import threading

import pytest

from renderpool.engine.renderer import Renderer
from renderpool.engine.volume_texture import VolumeTexture
from renderpool.session.scheduler import Scheduler
from webviewer.core.errors import DeviceLost, RenderError

WAIT_S = 20.0


def test_a_node_that_loses_its_device_at_a_single_picture_is_started_again() -> None:
    lost = threading.Event()
    scheduler = Scheduler(on_lost=lost.set)
    scheduler.start()
    try:

        def refused(_: Renderer) -> None:
            raise RenderError("This one cannot be drawn.")

        def gone(_: Renderer) -> None:
            raise DeviceLost("The graphics device was lost: drawing.")

        with pytest.raises(RenderError, match="This one"):
            scheduler.submit(refused).result(WAIT_S)
        assert scheduler.submit(lambda _: "drawn").result(WAIT_S) == "drawn"
        assert not lost.is_set()
        with pytest.raises(DeviceLost):  # whoever waits hears it
            scheduler.submit(gone).result(WAIT_S)
        assert lost.wait(WAIT_S)
    finally:
        scheduler.stop()
    assert not scheduler.is_drawing


def test_a_device_that_is_lost_while_a_volume_is_made_is_no_lack_of_memory(
    renderer: Renderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(what: str) -> None:
        raise DeviceLost(f"The graphics device was lost: {what}.")

    monkeypatch.setattr("renderpool.engine.volume_texture.check_gl", gone)
    with pytest.raises(DeviceLost):
        VolumeTexture((2, 3, 4))
