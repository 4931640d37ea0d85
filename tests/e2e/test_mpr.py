"""A doctor opens a study, goes to MPR, moves the crossing, makes a slab and turns a plane, in a browser.

Every plane that is painted is read back from its canvas and compared with the NumPy reference, cut where the page says
that its pixels lie.
"""

from __future__ import annotations

import base64
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Page, WebSocket, expect

from tests.render.reference_view import grey_linear
from tests.render.reference_volume import Cut, cut_volume, report_worst
from tests.support.browser import StreamTap, chromium, sign_in
from tests.support.phantom_files import make_ct_series, to_bytes
from tests.support.unified_server import UnifiedServer
from tests.support.waiting import eventually
from webviewer.protocol.framing import FrameFlag, FrameHeader

SLICES, ROWS, COLUMNS = 36, 72, 80
SPACING_MM, STEP_MM = 1.5, 3.0
CELLS = {"axial": 0, "coronal": 1, "sagittal": 2}

GREY_OF = """kind => {
  const canvas = document.querySelector(`[data-kind="${kind}"] canvas`);
  const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  let text = '';
  for (let i = 0; i < data.length; i += 4) {
    if (data[i] !== data[i + 1] || data[i] !== data[i + 2]) throw new Error('colour in a grey picture');
    text += String.fromCharCode(data[i]);
  }
  return [canvas.width, canvas.height, btoa(text)];
}"""


def hounsfield() -> NDArray[np.int16]:
    """Values (slices, rows, columns): smooth and nowhere the same, with bright and dark blocks on one side only."""
    k, j, i = np.mgrid[:SLICES, :ROWS, :COLUMNS]
    values = 250 * np.sin(i / 7.0) * np.cos(j / 9.0 + k / 8.0) + 2.0 * i - 1.5 * j + 3.0 * k
    values[6:14, 10:30, 50:70] = 900
    values[20:30, 40:60, 10:22] = -900
    rounded: NDArray[np.int16] = np.round(values).astype(np.int16)
    return rounded


class Planes:
    """What the page has asked for and got of its planes."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self.wishes: dict[int, dict[str, Any]] = {}
        self.lattice: list[float] = []
        self.tap = StreamTap().watch(page)
        page.on("websocket", self._listen)

    def _listen(self, socket: WebSocket) -> None:
        socket.on("framesent", self._sent)
        socket.on("framereceived", self._received)

    def _sent(self, payload: bytes | str) -> None:
        message = json.loads(payload)
        if message.get("type") == "plane":
            self.wishes[message["cell"]] = message

    def _received(self, payload: bytes | str) -> None:
        if isinstance(payload, str) and (message := json.loads(payload)).get("type") == "volume_opened":
            self.lattice = message["lps_from_index"]

    def newest(self, cell: int) -> FrameHeader | None:
        frames = [header for header, _ in self.tap.frames if header.cell == cell]
        return frames[-1] if frames else None

    def are_still(self) -> bool:
        """Say whether each plane shows, at rest and whole, what was wished last."""
        self._page.wait_for_timeout(50)
        for cell in CELLS.values():
            newest, wish = self.newest(cell), self.wishes.get(cell)
            if newest is None or wish is None or newest.revision != wish["revision"]:
                return False
            whole = bool(newest.flags & FrameFlag.STILL) and not newest.flags & FrameFlag.COARSE
            if not whole or newest.sequence not in self.tap.acknowledged:
                return False
        return True

    def assert_painted(self, values: NDArray[np.int16]) -> None:
        """Wait for still pictures and compare all three canvases with the reference, at most a grey level off."""
        eventually(self.are_still, 25, "three planes at rest")
        column, row, slice_, origin = (
            (self.lattice[at], self.lattice[at + 4], self.lattice[at + 8]) for at in range(4)
        )
        for kind, cell in CELLS.items():
            wish, frame = self.wishes[cell], self.newest(cell)
            assert frame is not None
            assert wish["mm_per_px"] < SPACING_MM, "one place makes a pixel only where pixels are smaller than voxels"
            assert frame.flags & FrameFlag.LOSSLESS
            cut = Cut(
                wish["width_px"],
                wish["height_px"],
                wish["mm_per_px"],
                tuple(wish["center_lps_mm"]),
                tuple(wish["right_lps"]),
                tuple(wish["down_lps"]),
                wish["slab"],
                wish["thickness_mm"],
            )
            shown = cut_volume(values, (column, row, slice_, origin), cut)
            expected = np.where(shown.inside, grey_linear(shown.values, frame.window_center, frame.window_width), 0)
            width, height, text = self._page.evaluate(GREY_OF, kind)
            painted = np.frombuffer(base64.b64decode(text), np.uint8).reshape(height, width)
            worst, where = report_worst(painted, expected, ~shown.undecided)
            assert worst <= 1, f"{kind}: {where}"
            assert shown.inside.mean() > 0.2, f"{kind}: too little is seen"
            assert painted.std() > 20, f"{kind}: nothing to compare"


@pytest.fixture
def page() -> Iterator[Page]:
    with chromium() as browser:
        yield browser.new_page(viewport={"width": 1440, "height": 760})


def send(server: UnifiedServer, folder: Path, values: NDArray[np.int16]) -> None:
    spacing = (SPACING_MM, SPACING_MM)
    slices = make_ct_series(SLICES, pixel_spacing=spacing, slice_step_mm=STEP_MM, rows=ROWS, columns=COLUMNS)
    files = []
    for ds, pixels in zip(slices, values, strict=True):
        ds.PixelData = (
            ((pixels.astype(np.int32) - int(ds.RescaleIntercept)) // int(ds.RescaleSlope)).astype("<i2").tobytes()
        )
        ds.WindowCenter, ds.WindowWidth = "0", "1400"
        files.append(folder / f"{ds.InstanceNumber}.dcm")
        files[-1].write_bytes(to_bytes(ds))
    command = ["storescu", "-aec", "USER-AE", "127.0.0.1", str(server.dicom_port), *map(str, files)]
    subprocess.run(command, check=True, timeout=60)


def middle_of(page: Page, selector: str) -> tuple[float, float]:
    box = page.locator(selector).first.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def drag(page: Page, start: tuple[float, float], by: tuple[float, float]) -> None:
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(start[0] + by[0] / 2, start[1] + by[1] / 2, steps=4)
    page.mouse.move(start[0] + by[0], start[1] + by[1], steps=4)
    page.mouse.up()


def normal_of(wish: dict[str, Any]) -> NDArray[np.float64]:
    return np.cross(wish["right_lps"], wish["down_lps"])


def test_planes_are_opened_moved_thickened_and_turned(
    unified_server: UnifiedServer, page: Page, tmp_path: Path
) -> None:
    values = hounsfield()
    send(unified_server, tmp_path, values)
    planes = Planes(page)
    sign_in(page, unified_server.url, "user", "user")
    page.get_by_role("row").filter(has_text=str(SLICES)).first.dblclick()
    page.get_by_role("toolbar").get_by_role("button", name="MPR", exact=True).click()
    expect(page).to_have_url(re.compile(r"/viewer/mpr/\?study=\d+&series=\d+$"))
    expect(page.get_by_role("tab", name=re.compile("· MPR$"))).to_be_visible()
    planes.assert_painted(values)
    expect(page.locator('[data-kind="axial"]').get_by_text("Computed image")).to_be_visible()

    # The crossing in the hand: the other two planes go along, by what the axial canvas says the drag is in mm.
    before = dict(planes.wishes)
    crossing = middle_of(page, '[data-lines="axial"] [data-crossing]')
    drag(page, crossing, (48, -36))
    planes.assert_painted(values)
    mm = before[CELLS["axial"]]["mm_per_px"]
    moved = {
        kind: np.subtract(planes.wishes[cell]["center_lps_mm"], before[cell]["center_lps_mm"])
        for kind, cell in CELLS.items()
    }
    assert moved["axial"] == pytest.approx([0, 0, 0], abs=1e-6)
    assert moved["sagittal"] == pytest.approx([48 * mm, 0, 0], abs=1e-6)
    assert moved["coronal"] == pytest.approx([0, -36 * mm, 0], abs=1e-6)

    # A slab of maxima, its thickness by the field.
    page.keyboard.press("PageDown")
    thickness = page.get_by_label("Thickness", exact=True).and_(page.locator("input"))
    page.get_by_role("button", name="MIP", exact=True).click()
    thickness.fill("14")
    thickness.press("Enter")
    planes.assert_painted(values)
    assert {(planes.wishes[cell]["slab"], planes.wishes[cell]["thickness_mm"]) for cell in CELLS.values()} == {
        ("mip", 14)
    }
    expect(page.get_by_text(re.compile(r"^MIP 14\.0 mm · [+−]?\d")).first).to_be_visible()

    # A ring turns both lines on the axial plane: oblique planes, still perpendicular to each other.
    ring = middle_of(page, '[data-lines="axial"] [data-ring="coronal"]')
    drag(page, ring, (10, 60))
    planes.assert_painted(values)
    normals = {kind: normal_of(planes.wishes[cell]) for kind, cell in CELLS.items()}
    assert normals["axial"] == pytest.approx([0, 0, 1], abs=1e-6)
    turned_deg = np.degrees(np.arccos(abs(normals["coronal"][1])))
    assert turned_deg > 5
    for one, other in (("axial", "coronal"), ("axial", "sagittal"), ("coronal", "sagittal")):
        assert normals[one] @ normals[other] == pytest.approx(0, abs=1e-9)

    # Back in 2D the same series is shown.
    page.get_by_role("toolbar").get_by_role("button", name="2D", exact=True).click()
    expect(page.get_by_text(re.compile(rf"^Image 1 of {SLICES}\b")).first).to_be_visible()
