"""Overlays, a shutter and a presentation state, from a modality's association to the doctor's browser."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import expect

from tests.support.browser import StreamTap, chromium, sign_in
from tests.support.overlay_files import add_overlay, add_shutter, frame_of_lines
from tests.support.phantom_files import ROOT, make_grey, to_bytes
from tests.support.presentation_state_files import make_presentation_state, referenced_image
from tests.support.unified_server import UnifiedServer
from tests.support.waiting import eventually

ROWS, COLUMNS = 60, 80
LINES = frame_of_lines(30, 40)


def test_overlays_and_shutter_are_seen_switched_and_burnt_in(unified_server: UnifiedServer, tmp_path: Path) -> None:
    image = make_grey(np.full((ROWS, COLUMNS), 100, np.uint8), WindowCenter=128, WindowWidth=256)
    add_overlay(image, LINES, origin=(11, 21))
    add_shutter(image, "CIRCULAR", CenterOfCircularShutter=[30, 40], RadiusOfCircularShutter=35)
    state = make_presentation_state(
        {image.SeriesInstanceUID: [referenced_image(image.SOPInstanceUID)]}, series_uid=f"{ROOT}.88"
    )
    files = []
    for name, ds in (("image", image), ("state", state)):
        files.append(tmp_path / f"{name}.dcm")
        files[-1].write_bytes(to_bytes(ds))
    command = ["storescu", "-aec", "USER-AE", "127.0.0.1", str(unified_server.dicom_port), *map(str, files)]
    subprocess.run(command, check=True, timeout=60)
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        tap = StreamTap().watch(page)
        sign_in(page, unified_server.url, "user", "user")
        expect(page.get_by_role("row").filter(has_text="Phantom").first).to_be_visible()
        study = page.request.get(f"{unified_server.url}/v2/studies").json()["studies"][0]["study_id"]
        page.goto(f"{unified_server.url}/viewer/image/?study={study}")
        note = page.get_by_role("note")
        expect(note).to_have_text(
            "A presentation state exists for this image; it is not applied: LABEL, A description, 2024-03-07 10:15."
        )

        def still() -> NDArray[np.uint8]:
            def painted() -> bool:
                page.wait_for_timeout(50)
                return tap.is_painted()

            eventually(painted, 20, "a picture at rest")
            return np.asarray(Image.open(io.BytesIO(tap.frames[-1][1])).convert("L"))

        first = still()
        assert set(np.unique(first).tolist()) == {0, 100, 255}
        hidden = page.locator("[data-overlay]")
        expect(hidden).not_to_contain_text("hidden")
        page.get_by_role("button", name="Image", exact=True).click()
        page.get_by_role("menuitemcheckbox", name="Overlays").click()
        expect(hidden).to_contain_text("Overlays hidden")
        without_overlay = still()
        assert set(np.unique(without_overlay).tolist()) == {0, 100}
        key = tap.last_still()
        address = f"{unified_server.url}/v2/render/instances/{key.instance_id}/frames/{key.frame_number}/rendered"
        pictures = [
            np.asarray(Image.open(io.BytesIO(page.request.get(address + query).body())))
            for query in ("", "?overlays=false", "?overlays=false&shutters=false")
        ]
    lines = np.zeros((ROWS, COLUMNS), bool)
    lines[10:40, 20:60] = LINES
    y, x = np.mgrid[1 : ROWS + 1, 1 : COLUMNS + 1]
    covered = (y - 30) ** 2 + (x - 40) ** 2 > 35**2
    plain = np.where(covered, 0, 100)
    assert np.array_equal(pictures[0], np.where(lines, 255, plain))
    assert np.array_equal(pictures[1], plain)
    assert np.array_equal(pictures[2], np.full((ROWS, COLUMNS), 100))
