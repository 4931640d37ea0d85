"""A doctor scrolls slices whose own windows differ, and opens images that were compressed with loss."""

from __future__ import annotations

import subprocess
from pathlib import Path

from playwright.sync_api import Page, expect
from pydicom.uid import MRImageStorage, generate_uid

from tests.support import colour_streams as streams
from tests.support.browser import chromium, sign_in
from tests.support.colour_streams import coded, patch
from tests.support.phantom_files import make_ct_series, to_bytes
from tests.support.unified_server import UnifiedServer

WINDOWS = ((700, 1475), (1900, 3834), (2500, 5147))


def write_slices(folder: Path) -> list[Path]:
    """Write three slices of magnetic resonance, each with its own window."""
    study, series = generate_uid(), generate_uid()
    files = []
    for number, ds in enumerate(make_ct_series(3, rows=64, columns=64, slice_step_mm=3.0)):
        ds.Modality, ds.RescaleType = "MR", "US"
        ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = MRImageStorage
        ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.SeriesDescription = study, series, "T2 TSE"
        ds.WindowCenter, ds.WindowWidth = (str(one) for one in WINDOWS[number])
        files.append(folder / f"mr{number}.dcm")
        files[-1].write_bytes(to_bytes(ds))
    return files


def write_lossy(folder: Path) -> Path:
    """Write a JPEG XL object that calls itself lossless and YBR_FULL_422, but holds XYB, with a ratio."""
    ds = coded("YBR_FULL_422", "1.2.840.10008.1.2.4.110", streams.jpeg_xl(patch(), distance=0.1))
    ds.StudyInstanceUID, ds.SeriesInstanceUID = generate_uid(), generate_uid()
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    ds.Modality, ds.LossyImageCompressionRatio = "XC", "12.4"
    file = folder / "lossy.dcm"
    file.write_bytes(to_bytes(ds))
    return file


def upload(page: Page, file: Path) -> None:
    """Choose a file in the panel of the study list, and wait until it is stored."""
    page.get_by_role("button", name="Upload", exact=True).first.click()
    panel = page.get_by_label("Upload and transfers")
    with page.expect_response(lambda answer: "/v2/studies/uploads" in answer.url and answer.ok):
        panel.locator("input[data-upload=files]").set_input_files(file)


def study_of(page: Page, url: str, modality: str) -> int:
    """Return the number of the only study of a modality, once the list has it."""
    expect(page.get_by_role("row").filter(has_text=modality).first).to_be_visible()
    studies = page.request.get(f"{url}/v2/studies").json()["studies"]
    return int(next(study["study_id"] for study in studies if modality in study["modalities"]))


def test_slices_share_a_window_and_lossy_images_say_so(unified_server: UnifiedServer, tmp_path: Path) -> None:
    files = map(str, write_slices(tmp_path))
    command = ["storescu", "-aec", "USER-AE", "127.0.0.1", str(unified_server.dicom_port), *files]
    subprocess.run(command, check=True, timeout=60)
    url = unified_server.url
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1440, "height": 760})
        sign_in(page, url, "user", "user")
        upload(page, write_lossy(tmp_path))  # storescu knows no JPEG XL
        lossy, slices = study_of(page, url, "XC"), study_of(page, url, "MR")

        page.goto(f"{url}/viewer/image/?study={slices}")
        corner = page.locator("[data-overlay]").first
        for number in (1, 2, 3):
            expect(corner).to_contain_text(f"Image {number} of 3")
            expect(corner).to_contain_text("W 3834 L 1900 · series")
            expect(corner).to_contain_text("Lossless")
            page.keyboard.press("ArrowDown")
        page.get_by_role("button", name="W/L list").click()
        page.get_by_role("menuitemradio", name="Recommended (each image)").click()
        expect(corner).to_contain_text("W 5147 L 2500 · image")
        page.keyboard.press("ArrowUp")
        page.keyboard.press("ArrowUp")
        expect(corner).to_contain_text("W 1475 L 700 · image")

        page.goto(f"{url}/viewer/image/?study={lossy}")
        expect(corner).to_contain_text("Lossy image 12:1")
        expect(corner).to_contain_text("Sent without loss")
        page.close()
