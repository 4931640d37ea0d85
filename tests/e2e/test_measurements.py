"""A doctor measures in a browser: what stands on the screen is what NumPy says of the stored values.

The pixels are not square, so that a length by the wrong axis shows.
"""

from __future__ import annotations

import json
import math
import re
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Locator, Page, ViewportSize, WebSocket, expect

from tests.support.browser import StreamTap, chromium, image_label, sign_in
from tests.support.phantom_files import make_ct_series, to_bytes
from tests.support.unified_server import UnifiedServer
from tests.support.waiting import eventually
from webviewer.protocol.framing import FrameFlag

SLICES, ROWS, COLUMNS = 12, 60, 80
ROW_MM, COLUMN_MM, STEP_MM = 0.9, 0.6, 2.0
SIZE: ViewportSize = {"width": 1000, "height": 700}
WIDE: ViewportSize = {"width": 1440, "height": 700}
Spot = tuple[float, float]


def values_hu(number: int) -> NDArray[np.int16]:
    return np.random.default_rng(number).integers(-900, 1100, (ROWS, COLUMNS)).astype(np.int16)


@pytest.fixture
def server_with_noise(unified_server: UnifiedServer, tmp_path: Path) -> UnifiedServer:
    files = []
    slices = make_ct_series(
        SLICES, rows=ROWS, columns=COLUMNS, pixel_spacing=(ROW_MM, COLUMN_MM), slice_step_mm=STEP_MM
    )
    for number, ds in enumerate(slices):
        ds.PixelData = (values_hu(number).astype(np.int32) + 1024).astype("<i2").tobytes()
        files.append(tmp_path / f"{number}.dcm")
        files[-1].write_bytes(to_bytes(ds))
    command = ["storescu", "-aec", "USER-AE", "127.0.0.1", str(unified_server.dicom_port), *map(str, files)]
    subprocess.run(command, check=True, timeout=60)
    return unified_server


class Window:
    """The window with its picture: where a pixel of the stored image is on the screen, as the frame tells it."""

    def __init__(self, page: Page, tap: StreamTap) -> None:
        self.page = page
        box = page.locator('[data-zone="window"]').bounding_box()
        assert box is not None
        self.box = box
        self.header = tap.last_still()

    def image(self, spot: Spot) -> Spot:
        """Return columns and rows, from the corner of the first pixel, of a spot on the screen."""
        x, y = spot[0] - self.box["x"] - self.box["width"] / 2, spot[1] - self.box["y"] - self.box["height"] / 2
        zoom = self.header.zoom
        return self.header.center_x + x / zoom, self.header.center_y + y / (zoom * ROW_MM / COLUMN_MM)

    def drag(self, start: Spot, end: Spot) -> None:
        self.page.mouse.move(*start)
        self.page.mouse.down()
        self.page.mouse.move((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
        self.page.mouse.move(*end)
        self.page.mouse.up()

    def length_text(self, start: Spot, end: Spot) -> re.Pattern[str]:
        (x0, y0), (x1, y1) = self.image(start), self.image(end)
        return tenths(math.hypot((x1 - x0) * COLUMN_MM, (y1 - y0) * ROW_MM), " mm")


def tenths(value: float, unit: str) -> re.Pattern[str]:
    """Match a number with one digit, or its neighbours where rounding could go either way."""
    near = {f"{value + by:.1f}" for by in (-1e-3, 0.0, 1e-3)}
    return re.compile(rf"^({'|'.join(map(re.escape, sorted(near)))}){re.escape(unit)}$")


def lines(page: Page, tool: str) -> Locator:
    return page.locator(f'[data-measurement][data-tool="{tool}"] tspan')


def test_measurements_say_what_is_stored(server_with_noise: UnifiedServer) -> None:
    with chromium() as browser:
        page = browser.new_page(viewport=SIZE)
        tap = StreamTap().watch(page)
        sign_in(page, server_with_noise.url, "user", "user")
        expect(page.get_by_role("row").filter(has_text=str(SLICES)).first).to_be_visible()
        study = page.request.get(f"{server_with_noise.url}/v2/studies").json()["studies"][0]["study_id"]
        page.goto(f"{server_with_noise.url}/viewer/image/?study={study}")
        expect(image_label(page, 1, SLICES)).to_be_visible()

        def painted() -> bool:
            page.wait_for_timeout(50)
            return tap.is_painted()

        eventually(painted, 20, "the first picture")
        window = Window(page, tap)
        middle_x, middle_y = window.box["x"] + window.box["width"] / 2, window.box["y"] + window.box["height"] / 2

        def spot(x: float, y: float) -> Spot:
            return round(middle_x) + x, round(middle_y) + y

        # A ruler by a drag, another by two clicks.
        start, end = spot(-180, -120), spot(-40, -160)
        page.keyboard.press("l")
        window.drag(start, end)
        expect(lines(page, "ruler").first).to_have_text(window.length_text(start, end))
        other = spot(-180, 130), spot(-20, 150)
        page.mouse.click(*other[0])
        page.mouse.move(*spot(-60, 140))
        page.mouse.click(*other[1])
        expect(lines(page, "ruler").nth(1)).to_have_text(window.length_text(*other))

        # Its end is dragged, whatever the left button drives now; the number follows.
        page.keyboard.press("s")
        new_end = spot(20, -100)
        window.drag(end, new_end)
        expect(lines(page, "ruler").first).to_have_text(window.length_text(start, new_end))
        page.keyboard.press("Control+z")
        expect(lines(page, "ruler").first).to_have_text(window.length_text(start, end))

        # An ellipse: area of the shape, statistics of the pixels whose centres lie inside.
        page.keyboard.press("e")
        corner, opposite = spot(40, -60), spot(171, 77)
        window.drag(corner, opposite)
        (x0, y0), (x1, y1) = window.image(corner), window.image(opposite)
        inside = [
            int(values_hu(0)[row, column])
            for row in range(ROWS)
            for column in range(COLUMNS)
            if ((column + 0.5 - (x0 + x1) / 2) / ((x1 - x0) / 2)) ** 2
            + ((row + 0.5 - (y0 + y1) / 2) / ((y1 - y0) / 2)) ** 2
            <= 1
        ]
        area = math.pi / 4 * (x1 - x0) * COLUMN_MM * (y1 - y0) * ROW_MM
        mean = float(np.mean(inside))
        text = lines(page, "ellipse")
        expect(text.nth(1)).to_contain_text("HU")
        said = [re.sub("\N{MINUS SIGN}", "-", one) for one in text.all_text_contents()]
        assert float(said[0].split()[1]) == pytest.approx(area, abs=0.51 if area >= 100 else 0.051)
        assert float(said[1].split()[1]) == pytest.approx(mean, abs=0.51 if abs(mean) >= 100 else 0.051)
        assert float(said[2].split()[1]) == pytest.approx(float(np.std(inside)), abs=0.51)
        assert said[3] == f"Min {min(inside)} · Max {max(inside)}"

        # The value of a pixel, while the pointer rests on it and where it is clicked.
        page.keyboard.press("p")
        place = spot(-100, 33)
        page.mouse.move(*place)
        column, row = (math.floor(part) for part in window.image(place))
        value = f"{values_hu(0)[row, column]} HU".replace("-", "\N{MINUS SIGN}")
        expect(page.locator("[data-probe] tspan").first).to_have_text(value)
        page.mouse.click(*place)
        expect(lines(page, "point").first).to_have_text(value)
        expect(lines(page, "point").nth(1)).to_have_text(f"x {column}, y {row}")
        expect(page.locator("[data-measure-live]")).to_have_text(re.compile(rf"Point value: {re.escape(value)}"))

        # They belong to their image.
        page.keyboard.press("PageDown")
        expect(image_label(page, 2, SLICES)).to_be_visible()
        expect(page.locator("[data-measurement]")).to_have_count(0)
        page.keyboard.press("PageUp")
        expect(page.locator("[data-measurement]")).to_have_count(4)

        # Del takes the chosen one, the menu of a right click the one under it, and undo brings it back.
        page.keyboard.press("Delete")
        expect(page.locator('[data-measurement][data-tool="point"]')).to_have_count(0)
        page.mouse.click(*spot(-110, -140), button="right")
        page.get_by_role("menuitem", name="Delete all on this image").click()
        expect(page.locator("[data-measurement]")).to_have_count(0)
        page.keyboard.press("Control+z")
        expect(page.locator("[data-measurement]")).to_have_count(3)
        page.close()


class Plane:
    """A window with a plane: where in the patient its spots are, as the page tells the server."""

    def __init__(self, page: Page, kind: str, wishes: list[dict[str, Any]]) -> None:
        cell = page.locator(f'[data-kind="{kind}"][data-cell]')
        self.number = int(cell.get_attribute("data-cell") or "-1")
        box = cell.bounding_box()
        assert box is not None
        self.box = box
        self.wishes = wishes

    def spot(self, x: float, y: float) -> Spot:
        """Return a spot so far right and down of the middle of the window."""
        return round(self.box["x"] + self.box["width"] / 2 + x), round(self.box["y"] + self.box["height"] / 2 + y)

    def lps(self, spot: Spot) -> NDArray[np.float64]:
        """Return mm in LPS."""
        wish = next(one for one in reversed(self.wishes) if one["cell"] == self.number)
        # Of a window whose side is no whole number of pixels the canvas has the next one.
        x = (spot[0] - self.box["x"] - wish["width_px"] / 2) * wish["mm_per_px"]
        y = (spot[1] - self.box["y"] - wish["height_px"] / 2) * wish["mm_per_px"]
        center, right, down = (np.array(wish[name]) for name in ("center_lps_mm", "right_lps", "down_lps"))
        return np.asarray(center + x * right + y * down, dtype=np.float64)


def trilinear(p_lps_mm: NDArray[np.float64]) -> float:
    """Return the value at a point of the patient, weighed by hand from its eight neighbours."""
    start = np.array([-COLUMNS * COLUMN_MM / 2, -ROWS * ROW_MM / 2, 0.0])
    index = (p_lps_mm - start) / np.array([COLUMN_MM, ROW_MM, STEP_MM])
    low = np.floor(index + 1e-9).astype(int)
    total = 0.0
    for corner in np.ndindex(2, 2, 2):
        share = float(np.prod(np.where(corner, index - low, 1 - (index - low))))
        if share > 1e-9:
            column, row, number = (low + corner).tolist()
            total += share * float(values_hu(number)[row, column])
    return total


def test_measurements_on_planes_say_what_lies_there(server_with_noise: UnifiedServer) -> None:
    wishes: list[dict[str, Any]] = []

    def sent(payload: bytes | str) -> None:
        message = json.loads(payload)
        if message["type"] == "plane":
            wishes.append(message)

    def on_socket(socket: WebSocket) -> None:
        socket.on("framesent", sent)

    with chromium() as browser:
        page = browser.new_page(viewport=WIDE)
        tap = StreamTap().watch(page)
        page.on("websocket", on_socket)
        sign_in(page, server_with_noise.url, "user", "user")
        expect(page.get_by_role("row").filter(has_text=str(SLICES)).first).to_be_visible()
        study = page.request.get(f"{server_with_noise.url}/v2/studies").json()["studies"][0]["study_id"]
        page.goto(f"{server_with_noise.url}/viewer/mpr/?study={study}")

        def planes_are_still() -> bool:
            page.wait_for_timeout(100)
            still = {header.cell for header, _ in tap.frames if header.flags & FrameFlag.STILL}
            return len({wish["cell"] for wish in wishes} & still) == 3

        eventually(planes_are_still, 40, "three planes")
        axial, coronal = Plane(page, "axial", wishes), Plane(page, "coronal", wishes)

        # A point between the voxels of a slice: interpolated, and marked so; the same of the coronal plane.
        page.keyboard.press("p")
        for plane, spot in ((axial, axial.spot(-41, 33)), (coronal, coronal.spot(57, -9))):
            page.mouse.click(*spot)
            expected = trilinear(plane.lps(spot))
            said = lines(page, "point").nth(0 if plane is axial else 2)
            expect(said).to_have_text(re.compile(r"HU\*$"))
            text = (said.text_content() or "").replace("\N{MINUS SIGN}", "-")
            assert float(text.split()[0]) == pytest.approx(expected, abs=0.06 if abs(expected) >= 1 else 0.01)

        # A length goes through the patient, whatever the plane; an area is that of the shape.
        page.keyboard.press("l")
        start, end = coronal.spot(-60, -20), coronal.spot(40, 25)
        page.mouse.click(*start)
        page.mouse.move(*coronal.spot(0, 0))
        page.mouse.click(*end)
        length = float(np.linalg.norm(coronal.lps(end) - coronal.lps(start)))
        expect(lines(page, "ruler").first).to_have_text(tenths(length, " mm"))

        # A rectangle on a slice holds the voxels whose centres lie in it: nothing is interpolated.
        page.keyboard.press("b")
        corner, opposite = axial.spot(20, -60), axial.spot(81, -23)
        page.mouse.move(*corner)
        page.mouse.down()
        page.mouse.move(*axial.spot(50, -40))
        page.mouse.move(*opposite)
        page.mouse.up()
        expect(lines(page, "rectangle").nth(1)).to_have_text(re.compile(r" HU$"))
        one, other = axial.lps(corner), axial.lps(opposite)
        number = round(float(one[2]) / STEP_MM)
        assert one[2] == pytest.approx(number * STEP_MM)
        inside = [
            int(values_hu(number)[row, column])
            for row in range(ROWS)
            for column in range(COLUMNS)
            if one[0] <= (column - COLUMNS / 2) * COLUMN_MM <= other[0]
            and one[1] <= (row - ROWS / 2) * ROW_MM <= other[1]
        ]
        # The hand has just stopped: a shape on the way had values, too.
        expected_range = f"Min {min(inside)} · Max {max(inside)}".replace("-", "\N{MINUS SIGN}")
        expect(lines(page, "rectangle").nth(3)).to_have_text(expected_range)
        said_mean = (lines(page, "rectangle").nth(1).text_content() or "").replace("\N{MINUS SIGN}", "-")
        mean = float(np.mean(inside))
        assert float(said_mean.split()[1]) == pytest.approx(mean, abs=0.51 if abs(mean) >= 100 else 0.051)

        # Through a slab it is another number, with a star and a caution; the next slice shows none of it.
        page.get_by_text("MIP", exact=True).first.click()
        expect(lines(page, "rectangle").nth(1)).to_have_text(re.compile(r" HU\*$"))
        expect(lines(page, "rectangle").last).to_have_text("Slab: may be wrong")
        page.mouse.move(*axial.spot(-100, 60))
        page.mouse.wheel(0, 120)
        expect(page.locator('[data-measurement][data-tool="rectangle"]')).to_have_count(0)
        page.mouse.wheel(0, -120)
        expect(page.locator('[data-measurement][data-tool="rectangle"]')).to_have_count(1)
        page.close()
