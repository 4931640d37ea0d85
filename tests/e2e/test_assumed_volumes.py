"""A doctor opens what other viewers show and a strict reader refuses: mosaics, and stacks without a position."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from playwright.sync_api import Page, expect
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from tests.support.browser import chromium, sign_in
from tests.support.mosaic_files import siemens_mosaic, slices
from tests.support.phantom_files import make_ct_series, to_bytes
from tests.support.unified_server import UnifiedServer

SLICES = 20


def of_one_study(objects: list[Dataset]) -> list[Dataset]:
    study, series = generate_uid(), generate_uid()
    for ds in objects:
        ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        ds.StudyInstanceUID, ds.SeriesInstanceUID = study, series
    return objects


def located_series() -> list[Dataset]:
    """Return CT slices that state where they lie by Slice Location alone, and nothing of their orientation."""
    objects = make_ct_series(SLICES, slice_step_mm=2.0)
    for number, ds in enumerate(objects):
        del ds.ImagePositionPatient, ds.ImageOrientationPatient
        ds.SliceLocation = str(2.0 * number)
    return objects


def letters(page: Page, window: str) -> list[str]:
    """Return the letters at the edges of a window."""
    texts = page.locator(f"{window} [data-overlay] > span").all_inner_texts()
    return [text for text in texts if re.fullmatch("[ALPRHF]+", text)]


def test_what_was_assumed_is_said_and_letters_stand_only_where_they_are_true(
    unified_server: UnifiedServer, tmp_path: Path
) -> None:
    mosaics = [siemens_mosaic(slices(9, 64, 64, time), instance_number=time) for time in (1, 2)]
    files = []
    for number, ds in enumerate([*of_one_study(mosaics), *of_one_study(located_series())]):
        files.append(tmp_path / f"{number}.dcm")
        files[-1].write_bytes(to_bytes(ds))
    command = ["storescu", "-aec", "USER-AE", "127.0.0.1", str(unified_server.dicom_port), *map(str, files)]
    subprocess.run(command, check=True, timeout=60)
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1440, "height": 760})
        sign_in(page, unified_server.url, "user", "user")
        expect(page.get_by_role("row").filter(has_text="MR").first).to_be_visible()
        studies = page.request.get(f"{unified_server.url}/v2/studies").json()["studies"]
        of = {"MR" if "MR" in study["modalities"] else "CT": study for study in studies}
        assert of["MR"]["image_count"] == 18

        page.goto(f"{unified_server.url}/viewer/image/?study={of['MR']['study_id']}")
        note = page.get_by_role("note")
        expect(note).to_contain_text("The 9 slices of each volume were stored as one picture, a mosaic.")
        expect(page.get_by_text(re.compile("Image 1 of 18")).first).to_be_visible()
        assert letters(page, '[data-cell="0"]') == ["A", "L", "P", "R"]
        note.get_by_role("button", name="Fold away").click()
        expect(note).to_have_count(0)

        page.goto(f"{unified_server.url}/viewer/mpr/?study={of['MR']['study_id']}")
        expect(page.get_by_role("note")).to_contain_text("This series has 2 volumes. Which one do you want to see?")
        expect(page.get_by_role("group", name=re.compile(r"^Axial, [^v]"))).to_be_visible()
        assert letters(page, '[data-kind="coronal"]') == ["H", "L", "F", "R"]

        page.goto(f"{unified_server.url}/viewer/image/?study={of['CT']['study_id']}")
        expect(page.get_by_role("note")).to_contain_text("They were taken for axial slices")
        assert letters(page, '[data-cell="0"]') == []
        page.goto(f"{unified_server.url}/viewer/mpr/?study={of['CT']['study_id']}")
        expect(page.get_by_role("note")).to_contain_text("whose direction is not defined")
        expect(page.get_by_role("group", name=re.compile(r"^Axial, [^v]"))).to_be_visible()
        for kind in ("axial", "coronal", "sagittal", "volume"):
            assert letters(page, f'[data-kind="{kind}"]') == []
