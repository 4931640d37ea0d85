"""A doctor reads PET in planes: page and measurements say what those are not for; of CT they do not."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import numpy as np
from playwright.sync_api import Page, expect
from pydicom.dataset import Dataset
from pydicom.uid import PositronEmissionTomographyImageStorage, generate_uid

from tests.support.browser import chromium, sign_in
from tests.support.phantom_files import make_ct_series, to_bytes
from tests.support.unified_server import UnifiedServer

SLICES, SIDE = 12, 48
NOTE = "PET: planes help to find a place, they are not for measuring uptake."


def pet_series() -> list[Dataset]:
    """Return slices of invented uptake, in becquerels a millilitre, as a study of their own."""
    study, series = generate_uid(), generate_uid()
    slices = make_ct_series(SLICES, rows=SIDE, columns=SIDE, pixel_spacing=(4.0, 4.0), slice_step_mm=4.0)
    for number, ds in enumerate(slices):
        z, y, x = number - SLICES / 2, *np.mgrid[:SIDE, :SIDE] - SIDE / 2
        uptake = 8000 * np.exp(-(x**2 + (y - 4) ** 2 + z**2) / 60) + 900 * (np.hypot(x, y) < 18)
        ds.PixelData = uptake.astype("<i2").tobytes()
        ds.Modality, ds.Units, ds.RescaleType = "PT", "BQML", "BQML"
        ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = PositronEmissionTomographyImageStorage
        ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.SeriesDescription = study, series, "PET WB"
        ds.RescaleIntercept, ds.RescaleSlope = "0", "1"
        ds.WindowCenter, ds.WindowWidth = "4000", "8000"
    return slices


def measure(page: Page) -> None:
    """Draw a ruler on the axial plane, once that shows something."""
    expect(page.get_by_role("group", name=re.compile(r"^Axial, [^v]"))).to_be_visible()
    page.keyboard.press("l")
    expect(page.get_by_role("button", name="Ruler", exact=True)).to_have_attribute("aria-pressed", "true")
    box = page.locator('[data-kind="axial"]').bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2 - 90, box["y"] + box["height"] / 2 - 60
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 40, y + 10)
    page.mouse.move(x + 80, y + 20)
    page.mouse.up()
    expect(page.locator('[data-measurement][data-tool="ruler"] tspan').first).to_have_text(re.compile(r" mm$"))


def test_planes_of_pet_say_what_they_are_not_for(unified_server: UnifiedServer, tmp_path: Path) -> None:
    files = []
    for number, ds in enumerate([*make_ct_series(SLICES, slice_step_mm=2.0), *pet_series()]):
        files.append(tmp_path / f"{number}.dcm")
        files[-1].write_bytes(to_bytes(ds))
    command = ["storescu", "-aec", "USER-AE", "127.0.0.1", str(unified_server.dicom_port), *map(str, files)]
    subprocess.run(command, check=True, timeout=60)
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1440, "height": 760})
        sign_in(page, unified_server.url, "user", "user")
        expect(page.get_by_role("row").filter(has_text="PT").first).to_be_visible()
        studies = page.request.get(f"{unified_server.url}/v2/studies").json()["studies"]
        of = {"PT" if "PT" in study["modalities"] else "CT": study["study_id"] for study in studies}

        page.goto(f"{unified_server.url}/viewer/mpr/?study={of['PT']}")
        note = page.get_by_role("note", name="What to know of this volume")
        expect(note).to_contain_text(NOTE)
        measure(page)
        caution = page.locator('[data-measurement][data-tool="ruler"]').get_by_text("Not for PET")
        expect(caution).to_be_visible()
        # Folded away, the note stays within reach.
        note.get_by_role("button", name="Fold away").click()
        expect(note).to_have_count(0)
        page.get_by_role("button", name="1 note").click()
        expect(note).to_contain_text(NOTE)

        page.goto(f"{unified_server.url}/viewer/mpr/?study={of['CT']}")
        measure(page)
        expect(page.get_by_text("Not for PET")).to_have_count(0)
        expect(page.get_by_text(NOTE)).to_have_count(0)
        page.close()
