"""A study without images says what it holds, and the strip names documents, in both languages."""

from __future__ import annotations

import re
from pathlib import Path

import pydicom
import pytest
import requests
from playwright.sync_api import Page, expect
from pydicom.dataset import Dataset

from tests.support import shared_data
from tests.support.browser import chromium, sign_in
from tests.support.phantom_files import ROOT, base, make_ct, make_enhanced_ct, to_bytes
from tests.support.unified_server import UnifiedServer

# SOP classes, and where real objects of them lie among the shared files.
FOLDERS = {
    "1.2.840.10008.5.1.4.1.1.9.1.1": "ecg",
    "1.2.840.10008.5.1.4.1.1.88.11": "sr",
    "1.2.840.10008.5.1.4.1.1.88.33": "sr",
    "1.2.840.10008.5.1.4.1.1.104.1": "pdf",
    "1.2.840.10008.5.1.4.1.1.481.5": "rt",
    "1.2.840.10008.5.1.4.1.1.11.1": "presentation_state",
}

PORTUGUESE = (
    "Este estudo não contém imagens: 1 ECG, 2 relatórios estruturados, 1 documento PDF, 1 estado de apresentação "
    "e 1 plano de radioterapia."
)


def document(sop_class_uid: str, study_uid: str, number: int, *, is_real: bool) -> Dataset:
    """Return a real object of the class where one is wanted and there, else a header of it, as part of a study."""
    paths = shared_data.all_files_under(FOLDERS[sop_class_uid]) if is_real else []
    real = (pydicom.dcmread(path, force=True) for path in paths)
    made = base(sop_class_uid=sop_class_uid, modality="OT")
    found: Dataset = next((one for one in real if one.get("SOPClassUID") == sop_class_uid), made)
    patient_name, patient_id = made.PatientName, made.PatientID
    for tag in [one.tag for one in found if one.tag.group == 0x0010]:  # real objects are of many patients
        del found[tag]
    found.PatientName, found.PatientID = patient_name, patient_id
    found.StudyInstanceUID = study_uid
    found.SeriesInstanceUID = f"{study_uid}.{number}"
    found.SOPInstanceUID = f"{study_uid}.{number}.1"
    found.file_meta.MediaStorageSOPInstanceUID = found.SOPInstanceUID
    found.SeriesNumber = number
    return found


def upload(server: UnifiedServer, objects: list[Dataset]) -> int:
    """Send objects of one study and return its number."""
    session = requests.Session()
    signed = session.post(f"{server.url}/v2/auth/sign-in", json={"user_name": "user", "password": "user"}, timeout=30)
    headers = {"X-CSRF-Token": signed.json()["csrf_token"]}
    for number, ds in enumerate(objects):
        answer = session.post(
            f"{server.url}/v2/studies/uploads/whole",
            params={"name": f"{number}.dcm"},
            data=to_bytes(ds),
            headers={**headers, "Content-Type": "application/octet-stream"},
            timeout=60,
        )
        assert answer.ok, answer.text
        assert answer.json()["stored"] == 1, answer.text
    studies = session.get(f"{server.url}/v2/studies", timeout=30).json()["studies"]
    uid = objects[0].StudyInstanceUID
    return int(next(one["study_id"] for one in studies if one["study_instance_uid"] == uid))


def opened(page: Page, server: UnifiedServer, study: int) -> None:
    page.goto(f"{server.url}/viewer/image/?study={study}")


@pytest.mark.parametrize("is_real", [False, True] if shared_data.has_shared_data() else [False])
@pytest.mark.parametrize("language", ["en", "pt"])
def test_a_study_without_images_says_what_it_holds(
    unified_server: UnifiedServer, language: str, is_real: bool, tmp_path: Path
) -> None:
    study_uid = f"{ROOT}.70"
    study = upload(
        unified_server, [document(uid, study_uid, number + 1, is_real=is_real) for number, uid in enumerate(FOLDERS)]
    )
    said, download, mode = {
        "en": (
            "This study holds no images: 1 ECG, 2 structured reports, 1 PDF document, 1 presentation state, 1 RT plan.",
            "Download the study",
            "They cannot be shown here yet",
        ),
        "pt": (
            PORTUGUESE,
            "Baixar o estudo",
            "Ainda não podem ser mostrados aqui",
        ),
    }[language]
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        sign_in(page, unified_server.url, "user", "user")
        expect(page.get_by_role("table")).to_be_visible()
        token = page.request.get(f"{unified_server.url}/v2/auth/session").json()["csrf_token"]
        put = page.request.put(
            f"{unified_server.url}/v2/settings/language",
            data=f'"{language}"',
            headers={"X-CSRF-Token": token, "Content-Type": "application/json"},
        )
        assert put.ok, put.text()
        opened(page, unified_server, study)
        expect(page.get_by_text(said)).to_be_visible()
        expect(page.get_by_text(mode)).to_be_visible()
        strip = page.locator('[data-zone="series"]')
        expect(strip.locator("img")).to_have_count(0)
        expect(strip.locator("[data-series]")).to_have_count(len(FOLDERS))
        expect(strip.get_by_text("PDF", exact=False).first).to_be_visible()
        with page.expect_download() as download_of:
            page.get_by_role("link", name=download).click()
        saved = tmp_path / "study.zip"
        download_of.value.save_as(saved)
        assert saved.read_bytes()[:2] == b"PK"
        page.close()


def test_the_strip_counts_what_can_be_shown(unified_server: UnifiedServer) -> None:
    study_uid = f"{ROOT}.70"
    header_only = make_enhanced_ct(200, rows=8, columns=8, study_uid=study_uid, series_uid=f"{study_uid}.2")
    del header_only.PixelData
    image = make_ct(study_uid=study_uid, series_uid=f"{study_uid}.1")
    study = upload(unified_server, [image, header_only])
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        sign_in(page, unified_server.url, "user", "user")
        row = page.get_by_role("row").filter(has_text="Phantom")
        expect(row.first).to_be_visible()
        found = page.request.get(f"{unified_server.url}/v2/studies/{study}").json()
        assert found["image_count"] == 1
        opened(page, unified_server, study)
        strip = page.locator('[data-zone="series"]')
        expect(strip.get_by_text("1 image whose pixel data is missing or too short")).to_be_visible()
        expect(strip).not_to_have_text(re.compile("200"))
        strip.locator("[data-series]").last.dblclick()
        expect(
            page.get_by_text("The file holds no pixel data, or too little of it. Have it sent again.").first
        ).to_be_visible()
        page.close()
