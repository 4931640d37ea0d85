"""The hardened configuration: a doctor works as before, and what it adds is really there."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
import urllib3
from playwright.sync_api import Browser

from functions.common.app import SECURITY_HEADERS
from tests.support.browser import chromium
from tests.support.nginx import SECRET, Proxy, running_nginx
from tests.support.ports import free_port
from tests.support.proxied_doctor import a_doctor_works, watch_policy
from tests.support.unified_server import UnifiedServer, running_unified_server
from tests.support.waiting import eventually

KEY, LINK, PATIENT = "k3y-that-nobody-may-read", "l1nk-that-nobody-may-read", "Poorly^Patrick"
PAGES = ("", "viewer/image/", "viewer/mpr/", "viewer/3d/", "admin/")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[UnifiedServer]:
    with running_unified_server(tmp_path_factory.mktemp("server") / "var") as running:
        yield running


@pytest.fixture(scope="module")
def proxy(server: UnifiedServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    folder = tmp_path_factory.mktemp("nginx") / "nginx"
    with running_nginx("hardened.conf", [f"127.0.0.1:{server.port}"], folder, host="localhost") as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture
def visitor(proxy: Proxy) -> Iterator[requests.Session]:
    with proxy.visitor() as session:
        yield session


def get(visitor: requests.Session, address: str) -> requests.Response:
    return visitor.get(address, timeout=10, allow_redirects=False)


def test_a_doctor_works_and_the_cookie_is_for_https_only(
    proxy: Proxy, server: UnifiedServer, browser: Browser, visitor: requests.Session, tmp_path: Path
) -> None:
    a_doctor_works(proxy, "https", server, browser, tmp_path)
    body = {"user_name": "user", "password": "user"}
    answer = visitor.post(f"{proxy.url('https')}/v2/auth/sign-in", json=body, timeout=15)
    words = {word.strip() for word in answer.headers["Set-Cookie"].split(";")}
    assert {"Path=/web-viewer/v2", "Secure", "HttpOnly", "SameSite=Strict"} <= words


def test_what_the_policy_refuses_would_be_seen(server: UnifiedServer, browser: Browser, tmp_path: Path) -> None:
    changes = [("style-src 'self' 'unsafe-inline'", "style-src 'none'")]
    servers = [f"127.0.0.1:{server.port}"]
    with running_nginx("hardened.conf", servers, tmp_path / "nginx", changes=changes, host="localhost") as proxy:
        page = browser.new_page(ignore_https_errors=True)
        violations: list[str] = []
        watch_policy(page, violations)
        page.goto(proxy.url("https"))
        assert violations
        page.close()


def test_http_only_says_where_https_is_and_a_foreign_name_gets_nothing(proxy: Proxy, visitor: requests.Session) -> None:
    answer = get(visitor, f"{proxy.url('http')}/viewer/image?link=a")
    assert (answer.status_code, answer.headers["Location"]) == (
        301,
        f"https://localhost:{proxy.port('https')}/web-viewer/viewer/image?link=a",
    )
    for scheme in ("http", "https"):
        foreign = visitor.get(f"{proxy.url(scheme)}/", headers={"Host": "evil.example"}, timeout=10)
        assert foreign.status_code == 421
        assert "evil.example" not in foreign.text + str(foreign.headers)


@pytest.mark.parametrize(
    "path",
    [
        *PAGES,
        "assets/boot.js",
        "assets/nothing.js",
        "v2/about",
        "v2/studies",
        "v2/nothing",
        "../neighbour.txt",
        ".config.json",
    ],
)
def test_every_answer_has_the_security_headers_once(path: str, proxy: Proxy, visitor: requests.Session) -> None:
    answer = get(visitor, f"{proxy.url('https')}/{path}")
    expected = {**SECURITY_HEADERS, "Strict-Transport-Security": "max-age=31536000"}
    raw = answer.raw.headers
    assert {name: raw.getlist(name) for name in expected} == {name: [value] for name, value in expected.items()}
    assert raw.getlist("Server") == ["nginx"]


def test_hashed_files_are_kept_for_ever_and_pages_are_asked_for_again(proxy: Proxy, visitor: requests.Session) -> None:
    base = proxy.url("https")
    assets = proxy.layout.folder / "html/web-viewer/assets"
    script = max(assets.glob("main-*.js"), key=lambda file: file.stat().st_size)
    answer = get(visitor, f"{base}/assets/{script.name}")
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert (answer.headers["Content-Encoding"], answer.headers["Vary"]) == ("gzip", "Accept-Encoding")
    assert answer.content == script.read_bytes()
    for path in (*PAGES, "assets/boot.js", ".config.json"):
        assert get(visitor, f"{base}/{path}").headers["Cache-Control"] == "no-cache"
    assert get(visitor, f"{base}/assets/main-12345678.js").headers["Cache-Control"] == "no-store"
    about = get(visitor, f"{base}/v2/about")
    assert about.headers["Cache-Control"] == "no-store"
    assert "Content-Encoding" not in about.headers, "answers with secrets are not compressed"


def test_nothing_beside_the_pages_is_given_away(proxy: Proxy) -> None:
    for folder in ("html/web-viewer-old", "html/web-viewer.."):
        (proxy.layout.folder / folder).mkdir()
        (proxy.layout.folder / folder / "secret.txt").write_text(SECRET)
    pool = urllib3.HTTPSConnectionPool(
        "localhost", proxy.port("https"), ca_certs=str(proxy.layout.folder / "ssl/certificate.crt")
    )
    for path in (
        "/",
        "/neighbour.txt",
        "/web-viewer../",
        "/web-viewer../secret.txt",
        "/web-viewer../neighbour.txt",
        "/web-viewer-old/secret.txt",
        "/web-viewer/../neighbour.txt",
        "/web-viewer/..%2fneighbour.txt",
        "/web-viewer/%2e%2e/neighbour.txt",
        "/web-viewer/viewer/image/../../../neighbour.txt",
        "/web-viewer/viewer/image../../neighbour.txt",
        "/web-viewer/viewer/image/..%2f..%2fneighbour.txt",
        "/web-viewer/v2../internal/v1/events",
        "/web-viewer/v2/../internal/v1/events",
        "/web-viewer/internal/v1/events",
        "/web-viewer/metrics",
        "/internal/v1/events",
        "/web-viewer/assets/",
        "/web-viewer/viewer/image%0d%0aX-Own:1",
    ):
        # As it stands: requests and browsers would take the dots out first.
        answer = pool.urlopen("GET", path, redirect=False, retries=False, timeout=10)
        assert answer.status in {400, 403, 404}, f"{path}: {answer.status}"
        assert SECRET.encode() not in answer.data, path
    put = pool.urlopen("PUT", "/web-viewer/index.html", body=b"x", redirect=False, retries=False, timeout=10)
    assert put.status == 403
    pool.close()


def test_old_tls_is_refused(proxy: Proxy) -> None:
    def handshake(*options: str) -> str:
        command = ["openssl", "s_client", "-connect", f"127.0.0.1:{proxy.port('https')}", "-servername", "localhost"]
        done = subprocess.run([*command, *options], input="", capture_output=True, text=True, timeout=30, check=False)
        return done.stdout

    assert "New, TLSv1.3" in handshake("-tls1_3")
    assert "New, TLSv1.2" in handshake("-tls1_2")
    assert "New, (NONE)" in handshake("-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0")
    assert "New, (NONE)" in handshake("-tls1_2", "-cipher", "AES256-SHA:ECDHE-RSA-AES256-SHA384")


def post_anew(proxy: Proxy, address: str) -> requests.Response:
    with proxy.visitor() as visitor:
        return visitor.post(address, timeout=30)


def test_sign_ins_and_calls_of_other_systems_have_a_rate(server: UnifiedServer, tmp_path: Path) -> None:
    # Minutes for the file's seconds: a busy machine brings a crowd over a second and more.
    changes = [("rate=2r/s", "rate=2r/m"), ("rate=20r/s", "rate=20r/m")]
    servers = [f"127.0.0.1:{server.port}"]
    with running_nginx("hardened.conf", servers, tmp_path / "nginx", changes=changes, host="localhost") as proxy:
        for path, burst in (("/v2/auth/sign-in", 20), ("/api/link", 40)):
            address = f"{proxy.url('https')}{path}?apikey={KEY}"
            with ThreadPoolExecutor(burst + 15) as crowd:
                asked = [crowd.submit(post_anew, proxy, address) for _ in range(burst + 15)]
            answers = [one.result() for one in asked]
            passed = [answer for answer in answers if answer.status_code != 429]
            limited = [answer for answer in answers if answer.status_code == 429]
            assert len(passed) > burst
            assert limited, f"{len(answers)} requests at once all passed"
            assert limited[0].json()["error"]["code"] == "limit_exceeded"
            assert limited[0].headers["Retry-After"] == "2"
            assert limited[0].headers["Content-Security-Policy"] == SECURITY_HEADERS["Content-Security-Policy"]
        assert KEY not in proxy.logs()


def test_bodies_are_limited_in_words_of_the_pages(proxy: Proxy, visitor: requests.Session) -> None:
    for path, size in (("/v2/studies/uploads/whole", 101 * 1024 * 1024), ("/v2/auth/sign-in", 1024 * 1024 + 1)):
        answer = visitor.post(f"{proxy.url('https')}{path}", data=bytes(size), timeout=30)
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "http_413")
    answer = visitor.get(f"{proxy.url('https')}/v2/about", headers={"X-Long": "x" * 40_000}, timeout=10)
    assert answer.status_code == 400


def test_a_slow_head_is_let_go(server: UnifiedServer, tmp_path: Path) -> None:
    # The ten seconds of the file are made one: what is tested is that the time counts for the whole head.
    changes = [("client_header_timeout 10s", "client_header_timeout 1s")]
    servers = [f"127.0.0.1:{server.port}"]
    with (
        running_nginx("hardened.conf", servers, tmp_path / "nginx", changes=changes) as proxy,
        socket.create_connection(("127.0.0.1", proxy.http_port), timeout=10) as drip,
    ):
        drip.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n")

        def is_let_go() -> bool:
            drip.settimeout(0.2)
            try:
                drip.sendall(b"X: y\r\n")
                return drip.recv(100) == b""
            except TimeoutError:
                return False
            except ConnectionError:
                return True

        eventually(is_let_go, 8, "the end of the slow connection")


def test_a_body_that_never_arrives_is_refused_in_the_server_s_words(proxy: Proxy) -> None:
    context = ssl.create_default_context(cafile=str(proxy.layout.folder / "ssl/certificate.crt"))
    head = "POST /web-viewer/v2/auth/sign-in HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    with (
        socket.create_connection(("localhost", proxy.port("https")), timeout=60) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as held,
    ):
        held.sendall(f"{head}Content-Length: 100\r\nConnection: close\r\n\r\n{{".encode())
        answer = b""
        while piece := held.recv(65536):
            answer += piece
    assert answer.split()[1] == b"408"
    assert b'"code":"body_slow"' in answer


def test_one_address_holds_so_many_connections(server: UnifiedServer, tmp_path: Path) -> None:
    changes = [("limit_conn addresses 1000", "limit_conn addresses 3")]
    servers = [f"127.0.0.1:{server.port}"]
    with running_nginx("hardened.conf", servers, tmp_path / "nginx", changes=changes, host="localhost") as proxy:
        context = ssl.create_default_context(cafile=str(proxy.layout.folder / "ssl/certificate.crt"))
        head = b"POST /web-viewer/v2/auth/sign-in HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n"
        held = []
        try:
            for _ in range(3):
                plain = socket.create_connection(("localhost", proxy.port("https")), timeout=10)
                held.append(context.wrap_socket(plain, server_hostname="localhost"))
                held[-1].sendall(head)

            def is_full() -> bool:
                return proxy.visitor().get(f"{proxy.url('https')}/v2/about", timeout=5).status_code == 429

            eventually(is_full, 5, "the fourth connection's refusal")
        finally:
            for connection in held:
                connection.close()


def test_no_log_keeps_a_key_a_link_or_a_name(server: UnifiedServer, tmp_path: Path) -> None:
    """Of good calls, refused ones, and those that found no server."""
    secrets = f"apikey={KEY}&link={LINK}&patient_name={PATIENT}"
    dead = f"127.0.0.1:{free_port()}"
    for number, upstream in enumerate([f"127.0.0.1:{server.port}", dead]):
        with running_nginx("hardened.conf", [upstream], tmp_path / f"nginx{number}", host="localhost") as proxy:
            with proxy.visitor() as visitor:
                visitor.headers.update({"X-API-Key": KEY, "Referer": f"https://localhost/?{secrets}"})
                for path in ("/api/link", "/v2/studies", "/viewer/image", "/nothing.js", "/eventQueue", "/assets"):
                    visitor.get(f"{proxy.url('https')}{path}?{secrets}", timeout=10)
                    visitor.get(f"{proxy.url('http')}{path}?{secrets}", timeout=10, allow_redirects=False)
                visitor.post(f"{proxy.url('https')}/v2/studies?{secrets}", data=bytes(2 * 1024**2), timeout=10)
                visitor.get(f"{proxy.url('https')}/v2/about?{secrets}", headers={"X-Long": "x" * 40_000}, timeout=10)
            log = (proxy.layout.folder / "logs/web-viewer-access.log").read_text("utf-8")
            lines = [json.loads(line) for line in log.splitlines()]
            asked = [line for line in lines if line["path"] == "/web-viewer/v2/studies" and line["method"] == "GET"]
            assert asked[0]["status"] == ("401" if number == 0 else "502")
            assert asked[0]["node"] == upstream
            assert len({line["request_id"] for line in lines}) == len(lines)
            for secret in (KEY, LINK, "Patrick"):
                assert secret not in proxy.logs()
    correlated = {line["correlation_id"] for line in server.log("request")}
    assert correlated & {
        json.loads(line)["request_id"]
        for line in (tmp_path / "nginx0/logs/web-viewer-access.log").read_text("utf-8").splitlines()
    }, "one number names the request in both logs"


@pytest.mark.parametrize("configuration", ["http-https-static.conf", "http-https-proxy.conf"])
def test_the_manual_s_files_send_people_to_https_with_one_more_line(
    configuration: str, server: UnifiedServer, tmp_path: Path
) -> None:
    prefix = "" if "proxy" in configuration else "/web-viewer"
    with running_nginx(
        configuration,
        [f"127.0.0.1:{server.port}"],
        tmp_path / "nginx",
        prefix=prefix,
        extra="include web-viewer/redirect-to-https.conf;",
        host="localhost",
    ) as proxy:
        for path in ("/", "/viewer/image?link=a", "/v2/about", "/eventQueue"):
            answer = requests.get(f"{proxy.url('http')}{path}", timeout=10, allow_redirects=False)
            assert answer.status_code == 301
            assert answer.headers["Location"] == f"{proxy.url('https')}{path}"
        assert proxy.visitor().get(f"{proxy.url('https')}/v2/about", timeout=10).ok


def test_the_manual_s_files_keep_no_secret_with_one_more_line(server: UnifiedServer, tmp_path: Path) -> None:
    address = f"/v2/studies?patient_name={PATIENT}&apikey={KEY}"
    servers = [f"127.0.0.1:{server.port}"]
    with running_nginx("http-static.conf", servers, tmp_path / "printed") as proxy:
        assert requests.get(f"{proxy.url()}{address}", timeout=10).status_code == 401
        # Nginx writes its line when the answer has gone out already.
        eventually(lambda: KEY in proxy.logs(), 10, "the whole address in the log, as printed")
    changes = [("    access_log ", "    include web-viewer/private-logs.conf; #")]
    with running_nginx("http-static.conf", servers, tmp_path / "private", changes=changes) as proxy:
        assert requests.get(f"{proxy.url()}{address}", timeout=10).status_code == 401
        eventually(lambda: '"path": "/web-viewer/v2/studies", "status": "401"' in proxy.logs(), 10, "the private line")
        assert KEY not in proxy.logs()
        assert "Patrick" not in proxy.logs()
