"""A study is deleted while a doctor reads it: the tab stays and says so, by event or after the event was missed."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, WebSocketRoute, expect

from tests.support.browser import StreamTap, chromium, image_label, sign_in
from tests.support.phantom_files import make_ct_series, to_bytes
from tests.support.unified_server import UnifiedServer
from tests.support.waiting import eventually

SLICES = 6
STUDY_UIDS = ("1.2.826.0.1.3680043.8.498.1", "1.2.826.0.1.3680043.8.498.2")


@pytest.fixture
def server_with_two_studies(unified_server: UnifiedServer, tmp_path: Path) -> UnifiedServer:
    files = []
    studies = (make_ct_series(SLICES, study_uid=uid, series_uid=f"{uid}.1") for uid in STUDY_UIDS)
    for number, ds in enumerate(ds for slices in studies for ds in slices):
        files.append(tmp_path / f"{number}.dcm")
        files[-1].write_bytes(to_bytes(ds))
    command = ["storescu", "-aec", "USER-AE", "127.0.0.1", str(unified_server.dicom_port), *map(str, files)]
    subprocess.run(command, check=True, timeout=60)
    return unified_server


class Reader:
    """A doctor's page; its event line can be cut, as when a laptop sleeps."""

    def __init__(self, browser: Browser, server: UnifiedServer) -> None:
        self.page = browser.new_page(viewport={"width": 1200, "height": 700})
        self.server = server
        self.asked: list[str] = []
        self.page.on("request", lambda request: self.asked.append(request.url))
        self._lines: list[WebSocketRoute] = []
        self._is_cut = False
        self.page.route_web_socket(re.compile("/eventQueue$"), self._line)
        self.tap = StreamTap().watch(self.page)
        sign_in(self.page, server.url, "user", "user")
        expect(self.page.get_by_role("row").filter(has_text=str(SLICES)).first).to_be_visible()

    def _line(self, line: WebSocketRoute) -> None:
        if self._is_cut:
            line.close()
            return
        line.connect_to_server()
        self._lines.append(line)

    def cut(self) -> None:
        self._is_cut = True
        self._lines[-1].close()

    def mend(self) -> None:
        self._is_cut = False

    def studies(self) -> list[int]:
        return [one["study_id"] for one in self.page.request.get(f"{self.server.url}/v2/studies").json()["studies"]]

    def open(self, study: int) -> None:
        self.page.goto(f"{self.server.url}/viewer/image/?study={study}")
        expect(image_label(self.page, 1, SLICES)).to_be_visible()

        def painted() -> bool:
            self.page.wait_for_timeout(50)
            return self.tap.is_painted()

        eventually(painted, 30, "a picture")

    def picture(self) -> str:
        """Return the pixels on the screen, as a data URL."""
        return str(self.page.locator('[data-zone="window"] canvas').first.evaluate("canvas => canvas.toDataURL()"))


def delete(page: Page, server: UnifiedServer, study: int) -> None:
    token = page.request.get(f"{server.url}/v2/auth/session").json()["csrf_token"]
    answer = page.request.post(
        f"{server.url}/v2/studies/delete", data={"study_ids": [study]}, headers={"X-CSRF-Token": token}
    )
    assert answer.ok, answer.text()


def test_a_study_deleted_elsewhere_leaves_its_picture_and_a_message(server_with_two_studies: UnifiedServer) -> None:
    with chromium() as browser:
        reader, other = Reader(browser, server_with_two_studies), Reader(browser, server_with_two_studies)
        first, second = reader.studies()
        reader.open(second)
        reader.open(first)
        before = reader.picture()
        delete(other.page, server_with_two_studies, first)
        message = reader.page.get_by_role("alert").filter(has_text="This study was deleted.")
        expect(message).to_be_visible()
        assert reader.picture() == before
        assert f"study={first}" in reader.page.url

        # Nothing is asked again and again of a study that is not there.
        reader.asked.clear()
        reader.page.keyboard.press("PageDown")
        reader.page.wait_for_timeout(3000)
        expect(reader.page.get_by_text("1 → 2")).to_have_count(0)
        assert reader.picture() == before
        assert [url for url in reader.asked if f"/studies/{first}" in url or "/render/" in url] == []

        # The other tab goes on.
        reader.page.get_by_role("button", name="Close the tab").click()
        expect(image_label(reader.page, 1, SLICES)).to_be_visible()
        expect(reader.page.get_by_role("alert").filter(has_text="deleted")).to_have_count(0)
        assert f"study={second}" in reader.page.url

        # Deleted by the same doctor it is the same; the tab stays while the list is shown.
        page = reader.page
        delete(page, server_with_two_studies, second)
        expect(page.get_by_role("alert").filter(has_text="This study was deleted.")).to_be_visible()
        page.get_by_role("button", name="Back to the studies").click()
        expect(page.get_by_role("table")).to_be_visible()
        expect(page.get_by_role("tab")).not_to_have_count(0)
        page.close()
        other.page.close()


def test_a_deletion_that_nobody_told_is_learnt_when_the_line_is_back(server_with_two_studies: UnifiedServer) -> None:
    with chromium() as browser:
        reader, other = Reader(browser, server_with_two_studies), Reader(browser, server_with_two_studies)
        study = reader.studies()[0]
        reader.open(study)
        reader.cut()
        delete(other.page, server_with_two_studies, study)
        expect(reader.page.get_by_role("alert").filter(has_text="deleted")).to_have_count(0)
        reader.mend()
        expect(reader.page.get_by_role("alert").filter(has_text="This study was deleted.")).to_be_visible(
            timeout=40_000
        )
        kept = reader.page.evaluate("Object.keys(localStorage).filter(key => key.startsWith('webviewer.work'))")
        assert kept == []
        reader.page.reload()
        expect(reader.page.get_by_text("This study is no longer there")).to_be_visible()
        reader.page.close()
        other.page.close()
