"""From a modality to a doctor's eye: send with dcmtk, sign in, see the study arrive, open, scroll, change the window.

The painted picture is read back from the browser's canvas and compared with the independent NumPy reference.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from playwright.sync_api import Browser, Page, expect

from tests.support.browser import StreamTap, image_label, sign_in
from tests.support.phantom_files import make_ct_series, to_bytes
from tests.support.reference_pixels import ReferenceView, ReferenceVoi, canvas_grey8
from tests.support.waiting import eventually
from webviewer.protocol.framing import FrameFlag, FrameHeader

GREY_OF_CANVAS = """() => {
  const canvas = document.querySelector('canvas');
  const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  let text = '';
  for (let i = 0; i < data.length; i += 4) {
    if (data[i] !== data[i + 1] || data[i] !== data[i + 2]) throw new Error('colour in a grey picture');
    text += String.fromCharCode(data[i]);
  }
  return [canvas.width, canvas.height, btoa(text)];
}"""


def phantom_series(folder: Path) -> list[Path]:
    files = []
    for number, ds in enumerate(make_ct_series(24, rows=128, columns=128, patient_name="Phantom^Anna"), 1):
        files.append(folder / f"{number}.dcm")
        files[-1].write_bytes(to_bytes(ds))
    return files


def canvas_grey(page: Page) -> NDArray[np.uint8]:
    width, height, text = page.evaluate(GREY_OF_CANVAS)
    return np.frombuffer(base64.b64decode(text), np.uint8).reshape(height, width)


def modality_values(ds: pydicom.Dataset) -> NDArray[np.float64]:
    values: NDArray[np.float64] = ds.pixel_array * float(ds.RescaleSlope) + float(ds.RescaleIntercept)
    return values


def settled_still(page: Page, tap: StreamTap, accept: Any) -> FrameHeader:
    """Wait until the newest frame is a full-quality one that fits, and is on the screen."""

    def settled() -> bool:
        page.wait_for_timeout(50)
        return tap.is_painted() and bool(accept(tap.frames[-1][0]))

    eventually(settled, 15, "the full-quality frame")
    return tap.last_still()


def more_frames_than(seen: int, page: Page, tap: StreamTap) -> bool:
    page.wait_for_timeout(50)
    return len(tap.frames) > seen


def assert_canvas_is_the_reference(page: Page, header: FrameHeader, by_instance_id: dict[int, pydicom.Dataset]) -> None:
    ds = by_instance_id[header.instance_id]
    view = ReferenceView(header.width_px, header.height_px, header.zoom, header.center_x, header.center_y)
    rows_mm, columns_mm = (float(value) for value in ds.PixelSpacing)
    voi = ReferenceVoi(header.window_center, header.window_width, "LINEAR")
    truth = canvas_grey8(modality_values(ds), voi, view, pixel_aspect=rows_mm / columns_mm)
    painted = canvas_grey(page)
    assert painted.shape == truth.shape
    difference = np.abs(painted.astype(int) - truth.astype(int))
    assert difference.max() <= 1, f"{(difference > 1).sum()} pixels differ, the worst by {difference.max()}"
    assert painted.max() > 100, "an empty picture would agree with an empty reference"


def a_study_arrives_is_found_opened_scrolled_and_windowed(
    url: str, user_name: str, send: Callable[[list[Path]], None], browser: Browser, files: list[Path]
) -> None:
    """Walk the whole way.

    Parameters
    ----------
    url
        Where the pages are.
    user_name
        A doctor without studies whose password is the name.
    send
        Sends files to this doctor as a modality does.
    browser
        To work with.
    files
        One CT series.
    """
    data_sets: dict[str, pydicom.Dataset] = {ds.SOPInstanceUID: ds for ds in map(pydicom.dcmread, files)}
    page = browser.new_page(viewport={"width": 1440, "height": 900}, ignore_https_errors=True)
    tap = StreamTap().watch(page)
    sign_in(page, url, user_name, user_name)
    expect(page.get_by_text("Upload", exact=True).first).to_be_visible()
    page.evaluate("window.notReloaded = true")

    send(files)
    row = page.get_by_role("row").filter(has_text=str(len(files))).first
    expect(row).to_be_visible(timeout=10_000)
    assert page.evaluate("window.notReloaded") is True

    row.dblclick()
    header = settled_still(page, tap, lambda _: True)
    assert header.flags & FrameFlag.LOSSLESS
    expect(image_label(page, 1, len(files))).to_be_visible()
    study = page.request.get(f"{url}/v2/studies").json()["studies"][0]
    series = page.request.get(f"{url}/v2/studies/{study['study_id']}").json()["series"][0]
    detail = page.request.get(f"{url}/v2/studies/{study['study_id']}/series/{series['series_id']}").json()
    by_instance_id = {frame["instance_id"]: data_sets[frame["sop_instance_uid"]] for frame in detail["frames"]}
    assert header.instance_id == detail["frames"][0]["instance_id"]
    assert_canvas_is_the_reference(page, header, by_instance_id)

    box = page.locator("canvas").bounding_box()
    assert box is not None
    middle_x, middle_y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(middle_x, middle_y)
    for _ in range(5):
        page.mouse.wheel(0, 100)
        page.wait_for_timeout(60)
    header = settled_still(page, tap, lambda head: head.instance_id == detail["frames"][5]["instance_id"])
    expect(image_label(page, 6, len(files))).to_be_visible()
    assert_canvas_is_the_reference(page, header, by_instance_id)

    before = header
    page.mouse.down(button="right")
    for step in range(1, 11):
        page.mouse.move(middle_x + 8 * step, middle_y + 3 * step)
        page.wait_for_timeout(20)
    page.mouse.up(button="right")
    header = settled_still(page, tap, lambda head: head.window_width != before.window_width)
    assert header.window_width > before.window_width, "right widens the window"
    assert header.window_center > before.window_center, "down raises the level"
    width, center = round(header.window_width), round(header.window_center)
    expect(page.get_by_text(re.compile(rf"W {width} L {str(center).replace('-', '[-−]')}"))).to_be_visible()
    assert_canvas_is_the_reference(page, header, by_instance_id)
    page.close()
