"""A doctor turns a volume, changes how it looks, cuts into it, takes that back and measures, in a browser.

The volume is a bar of bone in air, so that what must be seen where is known without drawing it.
"""

from __future__ import annotations

import base64
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Page, ViewportSize, expect

from tests.support.browser import StreamTap, chromium, sign_in
from tests.support.phantom_files import make_ct_series, to_bytes
from tests.support.unified_server import UnifiedServer
from tests.support.waiting import eventually
from webviewer.protocol.framing import FrameFlag

SLICES, ROWS, COLUMNS = 30, 64, 64
SPACING_MM, STEP_MM = 2.0, 4.0
LONGEST_MM = ROWS * SPACING_MM  # wide as deep; SLICES * STEP_MM is less
PRESETS_PX = 116  # what their strip covers at the foot of the window
BAR = slice(12, 52)  # columns of the bar: 80 mm
SIZE: ViewportSize = {"width": 820, "height": 560}

RGB_OF_CANVAS = """() => {
  const canvas = document.querySelector('[data-zone="window"] canvas');
  const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  let text = '';
  for (let i = 0; i < data.length; i += 4) text += String.fromCharCode(data[i], data[i + 1], data[i + 2]);
  return [canvas.width, canvas.height, btoa(text)];
}"""


def bar_of_bone() -> NDArray[np.int16]:
    """Values in HU of (rows, columns) of a slice: the bar lies across, its front face flat."""
    values = np.full((ROWS, COLUMNS), -1000, np.int16)
    values[24:44, BAR] = 1000
    return values


def series(folder: Path) -> list[Path]:
    files = []
    air = np.full((ROWS, COLUMNS), -1000, np.int16)
    spacing = (SPACING_MM, SPACING_MM)
    slices = make_ct_series(SLICES, pixel_spacing=spacing, slice_step_mm=STEP_MM, rows=ROWS, columns=COLUMNS)
    for number, ds in enumerate(slices, 1):
        pixels = bar_of_bone() if 8 <= number <= 23 else air
        ds.PixelData = (pixels.astype(np.int32) + 1024).astype("<i2").tobytes()
        files.append(folder / f"{number}.dcm")
        files[-1].write_bytes(to_bytes(ds))
    return files


def painted(page: Page) -> NDArray[np.uint8]:
    """The picture that is on the screen, (height, width, 3)."""
    width, height, text = page.evaluate(RGB_OF_CANVAS)
    return np.frombuffer(base64.b64decode(text), np.uint8).reshape(height, width, 3)


def still(page: Page, tap: StreamTap, do: Callable[[], object]) -> NDArray[np.uint8]:
    """Do something that changes the view and return the full-quality picture that answers it."""
    before = max((header.revision for header, _ in tap.frames if header.cell == 0), default=-1)
    do()

    def settled() -> bool:
        page.wait_for_timeout(50)
        mine = [header for header, _ in tap.frames if header.cell == 0]
        if not mine or mine[-1].sequence not in tap.acknowledged:
            return False
        last = mine[-1]
        return last.revision > before and bool(last.flags & FrameFlag.STILL) and not last.flags & FrameFlag.COARSE

    eventually(settled, 25, "the full-quality picture")
    return painted(page)


@pytest.fixture
def server_with_bar(unified_server: UnifiedServer, tmp_path: Path) -> UnifiedServer:
    command = ["storescu", "-aec", "USER-AE", "127.0.0.1", str(unified_server.dicom_port), *map(str, series(tmp_path))]
    subprocess.run(command, check=True, timeout=60)
    return unified_server


def test_a_volume_is_turned_looked_at_cut_and_measured(server_with_bar: UnifiedServer) -> None:
    with chromium() as browser:
        page = browser.new_page(viewport=SIZE)
        tap = StreamTap().watch(page)
        sign_in(page, server_with_bar.url, "user", "user")
        expect(page.get_by_role("row").filter(has_text=str(SLICES)).first).to_be_visible()
        study = page.request.get(f"{server_with_bar.url}/v2/studies").json()["studies"][0]["study_id"]

        front = still(page, tap, lambda: page.goto(f"{server_with_bar.url}/viewer/3d/?study={study}"))
        height, width = front.shape[:2]
        mm_per_px = 1 / next(header.zoom for header, _ in reversed(tap.frames) if header.cell == 0)
        assert mm_per_px == pytest.approx(1.2 * LONGEST_MM / min(width, height - PRESETS_PX))
        # From the front the bar is a rectangle above the presets: 80 mm wide, 16 of the 30 slices high.
        seen = np.argwhere(front.max(axis=2) > 60)
        assert (np.ptp(seen[:, 1]) + 1) * mm_per_px == pytest.approx(80, abs=2 * SPACING_MM)
        assert (np.ptp(seen[:, 0]) + 1) * mm_per_px == pytest.approx(16 * STEP_MM, abs=2 * STEP_MM)
        assert seen[:, 1].mean() == pytest.approx(width / 2, abs=4)
        assert seen[:, 0].mean() == pytest.approx((height - PRESETS_PX) / 2, abs=4)

        box = page.locator('[data-zone="window"] canvas').bounding_box()
        assert box is not None
        middle_x, middle_y = box["x"] + width / 2, box["y"] + (height - PRESETS_PX) / 2

        def turn() -> None:
            page.mouse.move(middle_x, middle_y)
            page.mouse.down(button="middle")
            page.mouse.move(middle_x + 90, middle_y + 30, steps=6)
            page.mouse.up(button="middle")

        turned = still(page, tap, turn)
        assert np.abs(turned.astype(int) - front.astype(int)).max() > 60, "a drag turns the model"
        again = still(page, tap, lambda: page.keyboard.press("0"))
        assert np.array_equal(again, front), "position reset brings the same bytes"

        grey = still(page, tap, page.locator('[data-preset="ct_bone"]').first.click)
        assert np.abs(grey.astype(int) - front.astype(int)).max() > 30, "another preset looks another way"

        left, top = middle_x - 60, middle_y - 40
        page.keyboard.press("x")

        def cut() -> None:
            for x, y in ((left, top), (left + 60, top), (left + 60, top + 80), (left, top + 80)):
                page.mouse.click(x, y)
                page.wait_for_timeout(40)
            page.mouse.click(left, top)

        after = still(page, tap, cut)
        column, row = int(left - box["x"]), int(top - box["y"])
        inside = np.s_[row + 10 : row + 70, column + 10 : column + 50]
        assert grey[inside].max() > 100
        assert after[inside].max() < 10, "what lies under the outline is gone"
        rest = np.s_[row + 10 : row + 70, column + 80 : column + 140]
        assert after[rest].max() > 100, "what lies beside it is still there"
        undone = still(page, tap, lambda: page.keyboard.press("Control+z"))
        assert np.array_equal(undone, grey), "undo brings the same bytes"
        assert np.array_equal(still(page, tap, lambda: page.keyboard.press("Control+y")), after), "and redo"
        still(page, tap, lambda: page.keyboard.press("Control+z"))

        # The front face is flat and is looked at straight: what lies between two of its points is what the canvas says.
        page.keyboard.press("Escape")
        page.keyboard.press("l")
        page.mouse.click(middle_x - 60, middle_y)
        label = page.locator('[data-draw] [data-measurement="draft"]')
        expect(label).to_be_attached()
        page.mouse.click(middle_x + 60, middle_y)
        text = page.locator('[data-draw] [data-kind="line"] text')
        expect(text).to_have_text(re.compile(r"^\d+\.\d mm$"))
        assert float((text.text_content() or "").split()[0]) == pytest.approx(120 * mm_per_px, abs=0.5)
        page.close()
