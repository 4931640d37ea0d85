"""Behind Nginx with the three documented configurations, seen by Chromium: pages, calls, sockets and reloads.

The files of ``nginx/`` are used as they are, but for ports, the server's address and where Nginx keeps its own files.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
import urllib3
from playwright.sync_api import Browser, Page, WebSocket, expect

from tests.support.browser import StreamTap, chromium, sign_in
from tests.support.databases import free_port
from tests.support.phantom_files import make_ct_series, to_bytes
from tests.support.unified_server import ROOT, UnifiedServer, eventually, running_unified_server
from webviewer.protocol.framing import FrameFlag

NGINX = "/usr/sbin/nginx"
# file, whether it has an HTTPS listener, the path that it serves the product at
CONFIGURATIONS = {
    "http-static.conf": "/web-viewer",
    "http-https-static.conf": "/web-viewer",
    "http-https-proxy.conf": "",
}
PLACES = [
    ("http-static.conf", "http"),
    ("http-https-static.conf", "http"),
    ("http-https-static.conf", "https"),
    ("http-https-proxy.conf", "http"),
    ("http-https-proxy.conf", "https"),
]
SECRET = "nobody may read this"


@dataclass(frozen=True)
class Proxy:
    """A running Nginx."""

    http_port: int
    https_port: int
    prefix: str
    folder: Path

    def url(self, scheme: str = "http") -> str:
        return f"{scheme}://127.0.0.1:{self.https_port if scheme == 'https' else self.http_port}{self.prefix}"


@contextmanager
def nginx(configuration: str, server_port: int, folder: Path) -> Iterator[Proxy]:
    """Run Nginx in a folder of its own, laid out as the manual says."""
    (folder / "conf").mkdir(parents=True)
    (folder / "ssl").mkdir()
    (folder / "logs").mkdir()
    shutil.copytree(ROOT / "html/dist", folder / "html/web-viewer")
    # The last one is not under the path of the pages, the others under no path at all.
    for place in ("secret.txt", "conf/secret.txt", "html-secret.txt", "html/neighbour.txt"):
        (folder / place).write_text(SECRET)
    key, certificate = str(folder / "ssl/privateKey.key"), str(folder / "ssl/certificate.crt")
    command = ["openssl", "req", "-x509", "-sha256", "-nodes", "-days", "365", "-newkey", "rsa:2048"]
    command += ["-subj", "/CN=localhost", "-keyout", key, "-out", certificate]
    subprocess.run(command, check=True, capture_output=True)

    http_port, https_port = free_port(), free_port()
    text = (ROOT / "nginx" / configuration).read_text()
    own_files = "".join(
        f"    {kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    for old, new, count in (
        ("http {\n", f"http {{\n{own_files}    access_log {folder}/logs/access.log;\n", 1),
        ("listen 8888;", f"listen 127.0.0.1:{http_port};", 1),
        ("listen 8889 ssl;", f"listen 127.0.0.1:{https_port} ssl;", int("https" in configuration)),
        ("http://127.0.0.1:8090", f"http://127.0.0.1:{server_port}", 2),
    ):
        code = re.sub(r"#.*", "", text)
        assert code.count(old) == count, f"{old!r} stands {code.count(old)} times in {configuration}"
        text = text.replace(old, new)
    (folder / "conf/nginx.conf").write_text(text)

    directives = f"daemon off; master_process off; pid {folder}/logs/nginx.pid; error_log {folder}/logs/error.log;"
    command = [NGINX, "-p", f"{folder}/", "-c", "conf/nginx.conf", "-g", directives]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    proxy = Proxy(http_port, https_port, CONFIGURATIONS[configuration], folder)
    try:

        def answers() -> bool:
            assert process.poll() is None, (folder / "logs/error.log").read_text()
            try:
                return requests.get(f"{proxy.url()}/v2/health/live", timeout=5).ok
            except requests.ConnectionError:
                return False

        eventually(answers, 15, "an answer through Nginx")
        yield proxy
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[UnifiedServer]:
    with running_unified_server(tmp_path_factory.mktemp("server") / "var") as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture
def proxy(request: pytest.FixtureRequest, server: UnifiedServer, tmp_path: Path) -> Iterator[Proxy]:
    with nginx(request.param, server.port, tmp_path / "nginx") as running:
        yield running


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


@pytest.mark.parametrize(("proxy", "scheme"), PLACES, indirect=["proxy"])
def test_a_doctor_works_through_nginx(
    proxy: Proxy, scheme: str, server: UnifiedServer, browser: Browser, tmp_path: Path
) -> None:
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
    send_study(server, tmp_path, patient_id)
    row = page.get_by_role("row").filter(has_text=patient_id)
    expect(row).to_be_visible(timeout=10_000)
    assert page.evaluate("window.notReloaded") is True

    row.dblclick()
    wait_for_picture(page, tap, 0)
    expect(page.get_by_text("Image 1 of 6")).to_be_visible()
    page.keyboard.press("End")
    expect(page.get_by_text("Image 6 of 6")).to_be_visible()
    deep_link = page.url
    assert re.fullmatch(re.escape(proxy.url(scheme)) + r"/viewer/image/\?study=\d+", deep_link)

    for reload in (page.reload, lambda: page.goto(deep_link.replace("/image/?", "/image?"))):
        seen = len(tap.frames)
        reload()
        wait_for_picture(page, tap, seen)
        expect(page.get_by_text("Image 1 of 6")).to_be_visible()
        assert page.url == deep_link
    assert page.evaluate("document.fonts.size") > 0

    own = proxy.url("wss" if scheme == "https" else "ws").replace(str(proxy.http_port), str(httpport(proxy, scheme)))
    assert set(sockets) == {f"{own}/eventQueue", f"{own}/eventQueue/render"}
    assert (refused, errors) == ([], [])
    cookie = next(one for one in context.cookies() if one["name"].startswith("webviewer"))
    assert cookie["path"] == f"{proxy.prefix}/v2"
    context.close()


def httpport(proxy: Proxy, scheme: str) -> int:
    return proxy.https_port if scheme == "https" else proxy.http_port


@pytest.mark.parametrize("proxy", CONFIGURATIONS, indirect=True)
def test_every_page_and_asset_has_its_type_and_loses_no_slash(proxy: Proxy) -> None:
    for path in ("", "/admin", "/viewer/image", "/viewer/mpr", "/viewer/3d"):
        if f"{proxy.prefix}{path}":
            answer = requests.get(f"{proxy.url()}{path}?link=a", allow_redirects=False, timeout=10)
            assert answer.status_code == 301
            landed = requests.compat.urljoin(answer.url, answer.headers["Location"])
            assert landed == f"{proxy.url()}{path}/?link=a"
        answer = requests.get(f"{proxy.url()}{path}/?link=a", timeout=10)
        assert (answer.status_code, answer.headers["Content-Type"].split(";")[0]) == (200, "text/html")
        assets = re.findall(r'(?:src|href)="([^"]+)"', answer.text)
        assert len(assets) >= 5
        for asset in assets:
            found = requests.get(requests.compat.urljoin(answer.url, asset), timeout=10)
            assert found.status_code == 200
            kind = {".js": "javascript", ".css": "text/css", ".svg": "image/svg+xml"}[Path(asset).suffix]
            assert kind in found.headers["Content-Type"]
            assert found.url.startswith(f"{proxy.url()}/assets/")


@pytest.mark.parametrize("proxy", CONFIGURATIONS, indirect=True)
def test_nothing_beside_the_pages_is_given_away(proxy: Proxy) -> None:
    pool = urllib3.HTTPConnectionPool("127.0.0.1", proxy.http_port)
    prefix = proxy.prefix
    for path in (
        f"{prefix}../",
        f"{prefix}../neighbour.txt",  # an alias that ends in a slash gives this away
        f"{prefix}../secret.txt",
        f"{prefix}../../secret.txt",
        f"{prefix}../conf/secret.txt",
        f"{prefix}/..%2f..%2fsecret.txt",
        f"{prefix}/../../secret.txt",
        f"{prefix}/../..-secret.txt",
        f"{prefix}/..%2fsecret.txt",
        f"{prefix}/%2e%2e/secret.txt",
        f"{prefix}%2e%2e/secret.txt",
        f"{prefix}/viewer/image../",
        f"{prefix}/viewer/image../index.html",
        f"{prefix}/viewer/image/../../../secret.txt",
        f"{prefix}/viewer/../../secret.txt",
        f"{prefix}/v2../",
        f"{prefix}/v2/../../secret.txt",
        f"{prefix}/assets/",
        f"{prefix}/assets/../../secret.txt",
        f"{prefix}/eventQueue../",
        f"{prefix}/v2../internal/v1/events",
    ):
        if not path.startswith("/"):
            continue
        # As it stands: requests and browsers would take the dots out first.
        answer = pool.urlopen("GET", path, redirect=False, retries=False, timeout=10)
        assert SECRET.encode() not in answer.data, path
        assert answer.status in {400, 401, 403, 404}, f"{path}: {answer.status}"
    pool.close()


@pytest.mark.parametrize("proxy", ["http-https-static.conf"], indirect=True)
def test_a_part_of_an_upload_passes_and_a_call_without_a_session_does_not(proxy: Proxy, tmp_path: Path) -> None:
    base = proxy.url()
    assert requests.get(f"{base}/v2/studies", timeout=10).status_code == 401
    doctor = requests.Session()
    signed_in = doctor.post(f"{base}/v2/auth/sign-in", json={"user_name": "user", "password": "user"}, timeout=15)
    doctor.headers["X-CSRF-Token"] = signed_in.json()["csrf_token"]
    part = 16 * 1024 * 1024
    upload = doctor.post(f"{base}/v2/studies/uploads", json={"name": "big.dcm", "size_bytes": part + 1}, timeout=10)
    address = f"{base}/v2/studies/uploads/{upload.json()['upload_id']}"
    answer = doctor.put(address, params={"offset": 0}, data=bytes(part), timeout=60)
    assert (answer.status_code, answer.json()["offset"]) == (200, part)
    assert doctor.delete(address, timeout=10).ok


@pytest.mark.prove
@pytest.mark.parametrize("proxy", ["http-static.conf"], indirect=True)
def test_sockets_outlive_nginx_s_minute_of_silence(
    proxy: Proxy, server: UnifiedServer, browser: Browser, tmp_path: Path
) -> None:
    send_study(server, tmp_path, "IDLE")
    page = browser.new_page()
    sockets: list[WebSocket] = []

    def on_socket(socket: WebSocket) -> None:
        sockets.append(socket)

    page.on("websocket", on_socket)
    tap = StreamTap().watch(page)
    sign_in(page, proxy.url(), "user", "user")
    page.get_by_role("row").filter(has_text="IDLE").dblclick()
    wait_for_picture(page, tap, 0)
    page.wait_for_timeout(75_000)  # the silence is what is tested
    assert len(sockets) == 2
    assert not any(socket.is_closed() for socket in sockets)
    page.close()


def test_every_documented_configuration_is_tried() -> None:
    assert {path.name for path in (ROOT / "nginx").glob("*.conf")} == set(CONFIGURATIONS)
    assert os.access(NGINX, os.X_OK)
