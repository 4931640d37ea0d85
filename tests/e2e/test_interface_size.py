"""On a 4K monitor the interface is larger, the picture is sharp, and the pointer still meets the same pixel.

Without scaling by the operating system a browser window there is 3840 by 2160 CSS pixels large.
"""

from __future__ import annotations

import math
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Browser, Page, ViewportSize, expect

from tests.support.browser import StreamTap, chromium, image_label, sign_in
from tests.support.phantom_files import make_ct_series, to_bytes
from tests.support.unified_server import UnifiedServer
from tests.support.waiting import eventually

SLICES, ROWS, COLUMNS = 3, 60, 80
OFFICE: ViewportSize = {"width": 1440, "height": 900}
UHD: ViewportSize = {"width": 3840, "height": 2160}
PHONE: ViewportSize = {"width": 390, "height": 844}


def values_hu() -> NDArray[np.int16]:
    return np.random.default_rng(4).integers(-900, 1100, (ROWS, COLUMNS)).astype(np.int16)


@pytest.fixture
def server_with_noise(unified_server: UnifiedServer, tmp_path: Path) -> UnifiedServer:
    files = []
    for number, ds in enumerate(make_ct_series(SLICES, rows=ROWS, columns=COLUMNS)):
        ds.PixelData = (values_hu().astype(np.int32) + 1024).astype("<i2").tobytes()
        files.append(tmp_path / f"{number}.dcm")
        files[-1].write_bytes(to_bytes(ds))
    command = ["storescu", "-aec", "USER-AE", "127.0.0.1", str(unified_server.dicom_port), *map(str, files)]
    subprocess.run(command, check=True, timeout=60)
    return unified_server


@pytest.fixture
def browser() -> Iterator[Browser]:
    with chromium() as one:
        yield one


@dataclass
class Viewer:
    """The 2D viewer in a browser window of some size."""

    page: Page
    tap: StreamTap

    def size(self, selector: str, style: str) -> float:
        """Return a computed length of the first element, CSS pixels."""
        text = self.page.locator(selector).first.evaluate(f"(one) => getComputedStyle(one).{style}")
        return float(text.removesuffix("px"))

    def spot(self, column: float, row: float) -> tuple[float, float]:
        """Return where a place of the stored image is in the page, as the frame's header tells it."""
        box = self.page.locator('[data-zone="window"]').bounding_box()
        assert box is not None
        header = self.tap.last_still()
        x = box["x"] + box["width"] / 2 + (column - header.center_x) * header.zoom
        y = box["y"] + box["height"] / 2 + (row - header.center_y) * header.zoom
        return x, y

    def settle(self) -> None:
        def painted() -> bool:
            self.page.wait_for_timeout(50)
            return self.tap.is_painted()

        eventually(painted, 30, "a picture")


def opened(browser: Browser, server: UnifiedServer, size: ViewportSize) -> Viewer:
    page = browser.new_page(viewport=size)
    tap = StreamTap().watch(page)
    sign_in(page, server.url, "user", "user")
    expect(page.get_by_role("row").filter(has_text=str(SLICES)).first).to_be_visible()
    study = page.request.get(f"{server.url}/v2/studies").json()["studies"][0]["study_id"]
    page.goto(f"{server.url}/viewer/image/?study={study}")
    expect(image_label(page, 1, SLICES)).to_be_visible()
    viewer = Viewer(page, tap)
    viewer.settle()
    return viewer


def test_a_4k_window_has_larger_texts_and_buttons_a_sharp_picture_and_the_same_pixels(
    browser: Browser, server_with_noise: UnifiedServer
) -> None:
    lengths: dict[int, list[float]] = {}
    column, row = 31, 17
    for size in (OFFICE, UHD):
        viewer = opened(browser, server_with_noise, size)
        page = viewer.page
        lengths[size["width"]] = [
            viewer.size("html", "fontSize"),
            viewer.size("body", "fontSize"),
            viewer.size('button[aria-label="Ruler"]', "height"),
            viewer.size('[data-overlay=""]', "fontSize"),
            viewer.size('[data-zone="series"]', "width"),
        ]
        canvas = page.locator('[data-zone="window"] canvas')
        drawn = canvas.evaluate("(one) => [one.width - one.clientWidth, one.height - one.clientHeight]")
        assert drawn == [0, 0], "the picture has a pixel for each of the screen"
        header = viewer.tap.last_still()
        assert header.width_px == canvas.evaluate("(one) => one.width")

        # Near its corners a pixel is met or missed by less than a hundredth of its side.
        page.keyboard.press("p")
        for within in (0.02, 0.98):
            page.mouse.move(*viewer.spot(column + within, row + within))
            value = f"{values_hu()[row, column]} HU".replace("-", "\N{MINUS SIGN}")
            expect(page.locator("[data-probe] tspan").first).to_have_text(value)
        page.mouse.click(*viewer.spot(column + 0.5, row + 0.5))
        place = page.locator('[data-measurement][data-tool="point"] tspan').nth(1)
        expect(place).to_have_text(f"x {column}, y {row}")

        # What is drawn stands where the pointer was, and can be taken hold of there.
        page.keyboard.press("l")
        start, end = viewer.spot(20, 40), viewer.spot(50, 40)
        page.mouse.move(*start)
        page.mouse.down()
        page.mouse.move(*viewer.spot(35, 40))
        page.mouse.move(*end)
        page.mouse.up()
        handle = page.locator('[data-draft], [data-tool="ruler"]').locator("[data-handle]").first.bounding_box()
        assert handle is not None
        assert math.dist((handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2), start) < 0.6
        lengths[size["width"]].append(handle["width"])
        label = page.locator('[data-tool="ruler"] tspan').first.bounding_box()
        assert label is not None
        lengths[size["width"]].append(label["height"])
        page.close()
    assert lengths[1440][:2] == [16, 14]
    assert lengths[1440][3] == 12
    assert lengths[1440][4] == 148
    # A browser rounds the height of a line of text.
    assert lengths[3840] == pytest.approx([1.5 * length for length in lengths[1440]], rel=0.1)
    assert lengths[3840][:6] == pytest.approx([1.5 * length for length in lengths[1440][:6]], rel=1e-3)


def test_a_user_chooses_the_size_of_the_interface_and_finds_it_in_another_browser(
    browser: Browser, server_with_noise: UnifiedServer
) -> None:
    def root_px(page: Page) -> float:
        return float(page.evaluate("getComputedStyle(document.documentElement).fontSize").removesuffix("px"))

    page = browser.new_page(viewport={"width": 1920, "height": 1080})
    sign_in(page, server_with_noise.url, "user", "user")
    expect(page.get_by_role("row").filter(has_text=str(SLICES)).first).to_be_visible()
    assert root_px(page) == 16
    page.goto(f"{server_with_noise.url}/?page=settings")
    with page.expect_response(lambda answer: answer.url.endswith("/v2/settings/interface_size") and answer.ok):
        page.get_by_label("Interface size").select_option("125")
    assert root_px(page) == 20
    page.reload()
    expect(page.get_by_label("Interface size")).to_have_value("125")
    assert root_px(page) == 20
    page.set_viewport_size(PHONE)
    expect(page.locator("html")).to_have_css("font-size", "16px")
    page.close()

    other = browser.new_context(viewport={"width": 1920, "height": 1080}).new_page()
    sign_in(other, server_with_noise.url, "user", "user")
    expect(other.locator("html")).to_have_css("font-size", "20px")
    other.close()
