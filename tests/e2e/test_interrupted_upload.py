"""An upload whose page is closed in the middle: another page resumes it with the same file, or discards it."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Route, expect

from tests.support.browser import chromium, sign_in
from tests.support.phantom_files import make_grey, to_bytes
from tests.support.unified_server import UnifiedServer, running_unified_server

PART_BYTES = 16 * 1024**2
LISTED_WITHIN_MS = 40_000  # the server wants some seconds without a byte, and the page asks each 10 s


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[UnifiedServer]:
    with running_unified_server(tmp_path_factory.mktemp("server") / "var") as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a ZIP of two radiographs of noise, which takes two parts."""
    path = tmp_path_factory.mktemp("files") / "chest.zip"
    noise = np.random.default_rng(11)
    with zipfile.ZipFile(path, "w") as packed:
        for number in (1, 2):
            values = noise.integers(0, 4096, (2400, 2400), np.uint16)
            packed.writestr(
                f"IM{number}",
                to_bytes(make_grey(values, bits_stored=12, patient_id="INTERRUPTED", instance_number=number)),
            )
    assert PART_BYTES < path.stat().st_size < 2 * PART_BYTES
    return path


def panel_of(page: Page) -> Locator:
    """Return the panel of transfers, opened."""
    page.get_by_role("button", name="Upload", exact=True).first.click()
    return page.get_by_label("Upload and transfers")


def begin_and_close(context: BrowserContext, url: str, archive: Path) -> None:
    """Send the first part of an archive and close the page before the second."""
    page = context.new_page()
    sign_in(page, url, "user", "user")

    def hold_second_part(route: Route) -> None:
        if "offset=0" in route.request.url:
            route.continue_()
        # else the part never leaves the browser

    page.route("**/v2/studies/uploads/*?offset=*", hold_second_part)
    panel = panel_of(page)
    with page.expect_response(lambda answer: "offset=0" in answer.url and answer.ok):
        panel.locator("input[data-upload=zip]").set_input_files(archive)
    page.close()


def test_an_upload_of_a_page_that_was_closed_is_resumed_with_the_same_file(
    server: UnifiedServer, browser: Browser, archive: Path, tmp_path: Path
) -> None:
    begin_and_close(browser.new_context(), server.url, archive)
    page = browser.new_context().new_page()  # nothing of the first browser is left but the file
    sign_in(page, server.url, "user", "user")
    panel = panel_of(page)
    resume = panel.get_by_role("button", name="Resume chest.zip")
    expect(resume).to_be_visible(timeout=LISTED_WITHIN_MS)
    row = panel.get_by_role("list", name="Interrupted").get_by_role("listitem")
    expect(row).to_contain_text(" MB of 23 MB sent · kept for ")
    (left,) = page.request.get(f"{server.url}/v2/studies/uploads").json()["uploads"]
    assert PART_BYTES <= left["offset"] < archive.stat().st_size  # what a dying browser still sends is kept too

    other = tmp_path / "chest.zip"
    other.write_bytes(b"PK")
    panel.locator("input[data-upload=resume]").set_input_files(other)
    expect(panel.get_by_role("alert")).to_have_text("This is another file. Choose chest.zip of 23 MB.")

    offsets: list[str] = []
    page.on("request", lambda request: offsets.append(request.url) if request.method == "PUT" else None)
    with page.expect_file_chooser() as chooser:
        resume.click()
    chooser.value.set_files(archive)
    expect(page.get_by_role("row").filter(has_text="INTERRUPTED")).to_be_visible(timeout=60_000)
    expect(panel.get_by_text("2 stored")).to_be_visible()
    assert [url.rpartition("=")[2] for url in offsets] == [str(left["offset"])]
    expect(resume).to_be_hidden()
    page.context.close()


def test_an_upload_of_a_page_that_was_closed_is_discarded(
    server: UnifiedServer, browser: Browser, archive: Path, tmp_path: Path
) -> None:
    context = browser.new_context()
    begin_and_close(context, server.url, Path(shutil.copy(archive, tmp_path / "left.zip")))
    page = context.new_page()
    page.goto(server.url)
    panel = panel_of(page)
    discard = panel.get_by_role("button", name="Discard left.zip")
    expect(discard).to_be_visible(timeout=LISTED_WITHIN_MS)
    discard.click()
    expect(discard).to_be_hidden()
    assert page.request.get(f"{server.url}/v2/studies/uploads").json() == {"uploads": []}
    assert list(server.folder.rglob("uploads/*/data")) == []
    context.close()
