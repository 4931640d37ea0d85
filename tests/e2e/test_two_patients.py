"""Two patients under one Study Instance UID: the doctor sees two marked studies, the administrator a list of them."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page, expect
from pydicom.dataset import Dataset
from pydicom.uid import UID

from tests.support.browser import chromium, image_label, sign_in
from tests.support.phantom_files import ROOT, make_ct_series, to_bytes
from tests.support.unified_server import UnifiedServer

ROW = "Another patient has the same Study Instance UID."
NOTE = "Another patient has objects under the same Study Instance UID."
SLICES = 4


def of_patient(name: str, patient_id: str, place: int) -> list[Dataset]:
    """Return a series of a patient; Study and Series Instance UID are those of every patient."""
    slices = make_ct_series(SLICES, rows=128, columns=128, slice_step_mm=2.0)
    for number, ds in enumerate(slices):
        ds.PatientName, ds.PatientID = name, patient_id
        ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = UID(f"{ROOT}.68.{place}.{number}")
        ds.StudyInstanceUID, ds.SeriesInstanceUID = f"{ROOT}.68", f"{ROOT}.68.1"
    return slices


def send(server: UnifiedServer, folder: Path) -> None:
    # The patients take turns, as from a worklist that a technician mixed up.
    pairs = zip(of_patient("SILVA^ANA", "1001", 1), of_patient("SANTOS^PEDRO", "2002", 2), strict=True)
    files = []
    for number, ds in enumerate(one for pair in pairs for one in pair):
        files.append(folder / f"{number}.dcm")
        files[-1].write_bytes(to_bytes(ds))
    command = ["storescu", "-aec", "USER-AE", "127.0.0.1", str(server.dicom_port), *map(str, files)]
    subprocess.run(command, check=True, timeout=60)


def shoot(page: Page, name: str) -> None:
    """Keep a picture of the page where somebody wants to look at it."""
    folder = os.environ.get("WEBVIEWER_TEST_PICTURES")
    if folder:
        page.screenshot(path=f"{folder}/{name}.png")


def test_two_patients_are_two_marked_studies_and_each_window_names_its_own(
    unified_server: UnifiedServer, tmp_path: Path
) -> None:
    send(unified_server, tmp_path)
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        sign_in(page, unified_server.url, "user", "user")
        rows = page.get_by_role("row").filter(has_text=ROW)
        expect(rows).to_have_count(2)
        expect(rows.filter(has_text="SILVA, ANA")).to_have_count(1)
        expect(rows.filter(has_text="SANTOS, PEDRO")).to_have_count(1)
        expect(page.get_by_role("note")).to_contain_text("Rows in amber share their Study Instance UID")
        shoot(page, "list")
        studies = page.request.get(f"{unified_server.url}/v2/studies").json()["studies"]
        of = {study["patient_name"]: study["study_id"] for study in studies}
        for name, shown, other in (("SILVA^ANA", "SILVA, ANA", "SANTOS"), ("SANTOS^PEDRO", "SANTOS, PEDRO", "SILVA")):
            page.goto(f"{unified_server.url}/viewer/image/?study={of[name]}")
            expect(page.get_by_role("note")).to_contain_text(NOTE)
            expect(page.locator("[data-overlay]").get_by_text(shown).first).to_be_visible()
            expect(page.locator('[data-cell="0"]')).to_have_attribute("data-shared", "true")
            expect(image_label(page, 1, SLICES).first).to_be_visible()
            expect(page.locator("[data-overlay]").get_by_text(other)).to_have_count(0)
        shoot(page, "viewer")
        look_everywhere(browser, unified_server, of["SILVA^ANA"])
        conflicts_of_the_administrator(browser, unified_server)

        # One row is deleted: the other stays, and is no conflict any more.
        page.goto(unified_server.url)
        row = page.get_by_role("row").filter(has_text="SILVA, ANA")
        row.focus()
        page.keyboard.press("Delete")
        page.get_by_role("dialog").get_by_role("button", name="Delete").click()
        expect(row).to_have_count(0)
        expect(page.get_by_role("row").filter(has_text="SANTOS, PEDRO")).to_have_count(1)
        expect(rows).to_have_count(0)


def conflicts_of_the_administrator(browser: Browser, server: UnifiedServer) -> None:
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    sign_in(page, f"{server.url}/admin", "admin", "admin")
    table = page.get_by_role("table", name="Two patients under one Study Instance UID")
    expect(table.get_by_role("row").filter(has_text=f"{ROOT}.68")).to_have_count(2)
    expect(page.get_by_text(re.compile("SILVA|SANTOS"))).to_have_count(0)
    shoot(page, "admin")
    page.context.close()


def look_everywhere(browser: Browser, server: UnifiedServer, study_id: int) -> None:
    """The marks are seen on a phone and in Portuguese, too."""
    looks: tuple[tuple[str, int, int, Literal["dark", "light"]], ...] = (
        ("phone-dark", 390, 844, "dark"),
        ("phone-light", 390, 844, "light"),
        ("desk-light", 1440, 900, "light"),
    )
    for name, width, height, scheme in looks:
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme, locale="pt-BR")
        context.add_init_script("localStorage.setItem('webviewer.language', 'pt')")
        page = context.new_page()
        page.goto(server.url)
        page.get_by_label("Nome de usuário", exact=True).fill("user")
        page.get_by_label("Senha", exact=True).fill("user")
        page.get_by_role("button", name="Entrar", exact=True).click()
        expect(page.get_by_text("Outro paciente tem o mesmo Study Instance UID.").first).to_be_visible()
        expect(page.get_by_role("note")).to_contain_text("As linhas em âmbar")
        shoot(page, f"list-{name}")
        page.goto(f"{server.url}/viewer/image/?study={study_id}")
        expect(page.get_by_role("note")).to_contain_text("Outro paciente tem objetos com o mesmo Study Instance UID.")
        expect(page.locator("main").get_by_text("SILVA, ANA").locator("visible=true").first).to_be_visible()
        shoot(page, f"viewer-{name}")
        context.close()
