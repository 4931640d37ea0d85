"""A reload keeps a doctor's work: measurements, image, VOI window, layout; two browser tabs share measurements."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, ViewportSize, expect

from tests.support.browser import StreamTap, chromium, image_label, sign_in
from tests.support.phantom_files import make_ct_series, to_bytes
from tests.support.unified_server import UnifiedServer
from tests.support.waiting import eventually
from webviewer.protocol.framing import FrameFlag

SLICES = 12
SIZE: ViewportSize = {"width": 1366, "height": 768}
WIDE: ViewportSize = {"width": 1440, "height": 700}


@pytest.fixture
def server_with_ct(unified_server: UnifiedServer, tmp_path: Path) -> UnifiedServer:
    files = []
    for number, ds in enumerate(make_ct_series(SLICES, rows=60, columns=80)):
        files.append(tmp_path / f"{number}.dcm")
        files[-1].write_bytes(to_bytes(ds))
    send(unified_server, files)
    return unified_server


def send(server: UnifiedServer, files: list[Path]) -> None:
    command = ["storescu", "-aec", "USER-AE", "127.0.0.1", str(server.dicom_port), *map(str, files)]
    subprocess.run(command, check=True, timeout=60)


def only_study(page: Page, server: UnifiedServer) -> int:
    expect(page.get_by_role("row").filter(has_text=str(SLICES)).first).to_be_visible()
    return int(page.request.get(f"{server.url}/v2/studies").json()["studies"][0]["study_id"])


def opened(context: BrowserContext, server: UnifiedServer, study: int) -> tuple[Page, StreamTap]:
    page = context.new_page()
    tap = StreamTap().watch(page)
    page.goto(f"{server.url}/viewer/image/?study={study}")
    painted(page, tap)
    return page, tap


def painted(page: Page, tap: StreamTap) -> None:
    def is_painted() -> bool:
        page.wait_for_timeout(50)
        return tap.is_painted()

    eventually(is_painted, 30, "a picture")


def ruler(page: Page) -> Locator:
    return page.locator('[data-measurement][data-tool="ruler"] tspan:first-child')


def draw_ruler(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Draw from and to places given as shares of the active cell."""
    box = page.locator('[data-zone="window"]').first.bounding_box()
    assert box is not None

    def spot(share: tuple[float, float]) -> tuple[float, float]:
        return box["x"] + share[0] * box["width"], box["y"] + share[1] * box["height"]

    page.keyboard.press("l")
    page.mouse.move(*spot(start))
    page.mouse.down()
    page.mouse.move(*spot(end), steps=3)
    page.mouse.up()


def test_a_reload_brings_back_measurements_image_window_and_layout(server_with_ct: UnifiedServer) -> None:
    with chromium() as browser:
        context = browser.new_context(viewport=SIZE)
        first = context.new_page()
        sign_in(first, server_with_ct.url, "user", "user")
        study = only_study(first, server_with_ct)
        page, tap = opened(context, server_with_ct, study)

        for _ in range(4):
            page.keyboard.press("PageDown")
        expect(image_label(page, 5, SLICES)).to_be_visible()
        page.keyboard.press("i")
        page.get_by_role("button", name=re.compile("^Layout")).click()
        page.get_by_role("menuitemradio", name="1 by 2 windows").click()
        expect(page.locator('[data-zone="window"]')).to_have_count(2)
        draw_ruler(page, (0.2, 0.3), (0.7, 0.5))
        expect(ruler(page)).to_have_text(re.compile(r"^\d+\.\d mm$"))
        painted(page, tap)
        page.wait_for_timeout(500)  # the words follow the picture: they say whether it is lossless
        length = ruler(page).text_content() or ""
        corners = page.locator("[data-overlay]").first.text_content()

        # At once: what was drawn last must not wait for a timer.
        tap.frames.clear()
        page.reload()
        painted(page, tap)
        expect(image_label(page, 5, SLICES)).to_be_visible()
        expect(page.locator('[data-zone="window"]')).to_have_count(2)
        expect(ruler(page)).to_have_text(length)
        expect(page.locator("[data-overlay]").first).to_have_text(corners or "")

        # The value is the server's: what stands in the storage has none.
        stored = page.evaluate("JSON.stringify({...localStorage})")
        assert "points" in stored
        assert length.split()[0] not in stored
        assert "PHANTOM" not in stored.upper()
        page.close()
        context.close()


def test_two_browser_tabs_keep_and_show_the_measurements_of_both(server_with_ct: UnifiedServer) -> None:
    with chromium() as browser:
        context = browser.new_context(viewport=SIZE)
        first = context.new_page()
        sign_in(first, server_with_ct.url, "user", "user")
        study = only_study(first, server_with_ct)
        one, _ = opened(context, server_with_ct, study)
        other, _ = opened(context, server_with_ct, study)
        for page, height in ((one, 0.3), (other, 0.6)):
            page.bring_to_front()
            draw_ruler(page, (0.3, height), (0.6, height))
            expect(ruler(page).first).to_be_visible()
        for page in (one, other):
            page.bring_to_front()
            expect(ruler(page)).to_have_count(2)

        # A deletion in one goes from the other, and stays gone.
        other.keyboard.press("Delete")
        expect(ruler(other)).to_have_count(1)
        one.bring_to_front()
        expect(ruler(one)).to_have_count(1)
        other.close()
        one.reload()
        expect(ruler(one)).to_have_count(1)

        # Another user of the same browser sees none of it, and the same user all of it again.
        one.goto(server_with_ct.url)
        one.get_by_role("button", name="Sign out").first.click()
        sign_in(one, server_with_ct.url, "admin", "admin")
        expect(one.get_by_role("button", name="Sign out").first).to_be_visible()
        one.goto(f"{server_with_ct.url}/viewer/image/?study={study}")
        expect(one.get_by_text("This study is no longer there")).to_be_visible()
        assert one.locator("[data-measurement]").count() == 0
        one.goto(server_with_ct.url)
        one.get_by_role("button", name="Sign out").first.click()
        sign_in(one, server_with_ct.url, "user", "user")
        expect(one.get_by_role("row").filter(has_text=str(SLICES)).first).to_be_visible()
        one.goto(f"{server_with_ct.url}/viewer/image/?study={study}")
        expect(ruler(one)).to_have_count(1)
        context.close()


def test_a_reload_brings_back_planes_slab_and_what_was_measured_there(server_with_ct: UnifiedServer) -> None:
    with chromium() as browser:
        page = browser.new_page(viewport=WIDE)
        tap = StreamTap().watch(page)
        sign_in(page, server_with_ct.url, "user", "user")
        study = only_study(page, server_with_ct)
        page.goto(f"{server_with_ct.url}/viewer/mpr/?study={study}")

        def planes_are_still() -> bool:
            page.wait_for_timeout(100)
            return len({header.cell for header, _ in tap.frames if header.flags & FrameFlag.STILL} & {0, 1, 2}) == 3

        eventually(planes_are_still, 40, "three planes")
        axial = page.locator('[data-kind="axial"][data-cell]')
        axial.click()
        page.keyboard.press("PageDown")
        page.keyboard.press("PageDown")
        page.get_by_text("MIP", exact=True).first.click()
        draw_ruler(page, (0.2, 0.4), (0.7, 0.6))
        expect(ruler(page)).to_have_text(re.compile(r"^\d+\.\d mm$"))
        painted(page, tap)
        page.wait_for_timeout(500)  # the words follow the picture: they say whether it is lossless
        length = ruler(page).text_content() or ""
        corners = axial.locator("[data-overlay]").text_content() or ""

        tap.frames.clear()
        page.reload()
        eventually(planes_are_still, 40, "three planes again")
        expect(ruler(page)).to_have_text(length)
        expect(axial.locator("[data-overlay]")).to_have_text(corners)
        page.close()
