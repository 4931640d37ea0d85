"""What a doctor does behind a proxy: sign in, see a study arrive, open it, scroll, reload, come back by its address."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from playwright.sync_api import Browser, Page, WebSocket, expect

from tests.support.browser import StreamTap, image_label, sign_in
from tests.support.nginx import Proxy
from tests.support.phantom_files import make_ct_series, to_bytes
from tests.support.unified_server import UnifiedServer
from tests.support.waiting import eventually
from webviewer.protocol.framing import FrameFlag


def send_study(server: UnifiedServer, folder: Path, patient_id: str, slices: int = 6) -> None:
    number = sum(ord(letter) << 8 * (place % 4) for place, letter in enumerate(patient_id))
    for k, ds in enumerate(make_ct_series(slices, rows=64, columns=64, patient_id=patient_id), 1):
        ds.StudyInstanceUID = f"1.2.826.0.1.3680043.10.1561.{number}"
        ds.SeriesInstanceUID = f"{ds.StudyInstanceUID}.1"
        ds.SOPInstanceUID = f"{ds.SeriesInstanceUID}.{k}"
        (folder / f"{k}.dcm").write_bytes(to_bytes(ds))
    files = [str(folder / f"{k}.dcm") for k in range(1, slices + 1)]
    subprocess.run(["storescu", "-aec", "USER-AE", "127.0.0.1", str(server.dicom_port), *files], check=True, timeout=60)


def wait_for_picture(page: Page, tap: StreamTap, seen: int) -> None:
    """Wait for a full-quality frame after the first ``seen`` frames."""

    def came() -> bool:
        page.wait_for_timeout(50)
        return any(header.flags & FrameFlag.STILL for header, _ in tap.frames[seen:])

    eventually(came, 20, "the full-quality frame")


def watch_policy(page: Page, violations: list[str]) -> None:
    """Note what the browser refuses by the Content-Security-Policy: it says so in its console only."""
    page.on("console", lambda said: violations.append(said.text) if "Content Security Policy" in said.text else None)


def a_doctor_works(proxy: Proxy, scheme: str, server: UnifiedServer, browser: Browser, folder: Path) -> None:
    """Walk the whole way with nothing refused, every socket and the cookie where they belong."""
    patient_id = f"{scheme}{proxy.http_port}"
    context = browser.new_context(viewport={"width": 1440, "height": 900}, ignore_https_errors=True)
    page = context.new_page()
    sockets: list[str] = []
    refused: list[str] = []
    errors: list[str] = []

    def on_socket(socket: WebSocket) -> None:
        sockets.append(socket.url)

    page.on("websocket", on_socket)
    page.on("pageerror", lambda error: errors.append(str(error)))
    watch_policy(page, errors)
    page.on("response", lambda answer: refused.append(answer.url) if answer.status >= 400 else None)
    tap = StreamTap().watch(page)

    sign_in(page, proxy.url(scheme), "user", "user")
    expect(page.get_by_text("Upload", exact=True).first).to_be_visible()
    assert page.url == f"{proxy.url(scheme)}/", "Nginx adds the slash"
    refused_before_the_sign_in = [url.removeprefix(proxy.url(scheme)) for url in refused]
    assert set(refused_before_the_sign_in) <= {"/v2/auth/session"}
    refused.clear()

    # What happens on the server comes through the events' socket, into the list that is open.
    page.evaluate("window.notReloaded = true")

    def has_socket() -> bool:
        page.wait_for_timeout(50)
        return bool(sockets)

    eventually(has_socket, 10, "the events' socket")
    send_study(server, folder, patient_id)
    row = page.get_by_role("row").filter(has_text=patient_id)
    expect(row).to_be_visible(timeout=10_000)
    assert page.evaluate("window.notReloaded") is True

    row.dblclick()
    wait_for_picture(page, tap, 0)
    expect(image_label(page, 1, 6)).to_be_visible()
    page.keyboard.press("End")
    expect(image_label(page, 6, 6)).to_be_visible()
    deep_link = page.url
    assert re.fullmatch(re.escape(proxy.url(scheme)) + r"/viewer/image/\?study=\d+", deep_link)

    for reload in (page.reload, lambda: page.goto(deep_link.replace("/image/?", "/image?"))):
        seen = len(tap.frames)
        reload()
        wait_for_picture(page, tap, seen)
        expect(image_label(page, 6, 6)).to_be_visible()
        assert page.url == deep_link
    assert page.evaluate("document.fonts.size") > 0

    own = proxy.url("wss" if scheme == "https" else "ws")
    assert set(sockets) == {f"{own}/eventQueue", f"{own}/eventQueue/render"}
    assert (refused, errors) == ([], [])
    cookie = next(one for one in context.cookies() if one["name"].startswith("webviewer"))
    assert cookie["path"] == f"{proxy.prefix}/v2"
    context.close()
