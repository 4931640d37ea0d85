"""Behind Nginx with the three documented configurations, seen by Chromium: pages, calls, sockets and reloads.

The files of ``nginx/`` are used as they are, but for ports, the server's address and where Nginx keeps its own files.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
import urllib3
from playwright.sync_api import Browser, WebSocket

from tests.support.browser import StreamTap, chromium, sign_in
from tests.support.nginx import SECRET, Proxy, running_nginx
from tests.support.proxied_doctor import a_doctor_works, send_study, wait_for_picture
from tests.support.unified_server import ROOT, UnifiedServer, running_unified_server

# file: the path that it serves the product at
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
    with running_nginx(
        request.param, [f"127.0.0.1:{server.port}"], tmp_path / "nginx", prefix=CONFIGURATIONS[request.param]
    ) as running:
        yield running


@pytest.mark.parametrize(("proxy", "scheme"), PLACES, indirect=["proxy"])
def test_a_doctor_works_through_nginx(
    proxy: Proxy, scheme: str, server: UnifiedServer, browser: Browser, tmp_path: Path
) -> None:
    a_doctor_works(proxy, scheme, server, browser, tmp_path)


def test_pages_find_another_place_by_themselves(server: UnifiedServer, browser: Browser, tmp_path: Path) -> None:
    servers = [f"127.0.0.1:{server.port}"]
    with running_nginx("http-static.conf", servers, tmp_path / "nginx", prefix="/a/b") as proxy:
        a_doctor_works(proxy, "http", server, browser, tmp_path)


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


@pytest.mark.parametrize("proxy", ["http-static.conf", "http-https-static.conf"], indirect=True)
def test_what_the_manual_s_alias_does_give_away(proxy: Proxy) -> None:
    """The folder of the pages has no slash at its end there, and the folder above it is Nginx's own root.

    So the README of ``nginx/`` says to keep nothing beside the pages; `hardened.conf` gives neither.
    """
    html = proxy.layout.folder / "html"
    for folder in ("web-viewer-old", "web-viewer.."):
        (html / folder).mkdir()
        (html / folder / "secret.txt").write_text(SECRET)
    pool = urllib3.HTTPConnectionPool("127.0.0.1", proxy.http_port)
    for path in ("/web-viewer-old/secret.txt", "/web-viewer../secret.txt", "/neighbour.txt"):
        answer = pool.urlopen("GET", path, redirect=False, retries=False, timeout=10)
        assert (answer.status, answer.data.decode()) == (200, SECRET), path
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
    assert {path.name for path in (ROOT / "nginx").glob("*.conf")} == {*CONFIGURATIONS, "hardened.conf"}
