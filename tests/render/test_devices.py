"""The device that is taken where nobody names one is the fastest (manual 2.8)."""

from __future__ import annotations

import ctypes
import dataclasses
from collections.abc import Iterator

import pytest

from renderpool.engine import device, gl
from renderpool.engine.device import Context, fastest_first, list_devices, measure_speed
from renderpool.engine.devices import Device, OpenContext
from webviewer.core.errors import RenderError


@pytest.fixture(autouse=True)
def context_of_others() -> Iterator[None]:
    """Give the context that other tests draw in its place back: one that is made takes it, and leaves none."""
    egl = gl.EGL
    display, context = egl.eglGetCurrentDisplay(), egl.eglGetCurrentContext()
    yield
    if ctypes.cast(context, ctypes.c_void_p).value:
        assert egl.eglMakeCurrent(display, egl.EGL_NO_SURFACE, egl.EGL_NO_SURFACE, context)


def test_the_speed_of_a_device_is_measured_on_it() -> None:
    context = Context()
    try:
        assert measure_speed() > 1
    finally:
        context.close()


@pytest.fixture
def three_cards(monkeypatch: pytest.MonkeyPatch) -> list[Device]:
    """A machine with software and three cards, of which the second fails; each is really this machine's own device."""
    real = list_devices()[-1]
    cards = [dataclasses.replace(real, index=index, software=False) for index in range(3)]
    opened = device._open

    def open_if_it_works(asked: Device) -> OpenContext:
        if asked.index == 1:
            raise RenderError("EGL does not initialise")
        return opened(asked)

    monkeypatch.setattr(device, "_open", open_if_it_works)
    machine = [dataclasses.replace(real, index=3, software=True), *cards]
    monkeypatch.setattr(device, "list_devices", lambda: machine)
    return machine


@pytest.mark.parametrize(("speeds", "order"), [((10.0, 30.0), [2, 0, 1, 3]), ((30.0, 10.0), [0, 2, 1, 3])])
def test_the_fastest_card_is_taken(
    three_cards: list[Device], speeds: tuple[float, float], order: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    told = iter(speeds * 2)
    monkeypatch.setattr(device, "measure_speed", lambda: next(told))
    assert [one.index for one in fastest_first(three_cards)] == order
    context = Context()
    assert context.device.index == order[0]
    context.close()


def test_cards_are_measured_by_drawing_and_one_alone_is_not(
    three_cards: list[Device], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO"):
        assert {one.index for one in fastest_first(three_cards)[:2]} == {0, 2}
    (said,) = [record for record in caplog.records if record.message == "graphics_devices_measured"]
    assert set(said.__dict__["pictures_per_s"]) == {"0", "2"}
    caplog.clear()
    assert [one.index for one in fastest_first(three_cards[:2])] == [0, 3]
    assert caplog.records == []
