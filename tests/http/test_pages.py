"""Pages, assets, settings and health over real HTTP."""

from __future__ import annotations

import gzip
import http.server
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from tests.support.databases import PostgresqlServer
from tests.support.http_client import INTERNAL_TOKEN, ROOT, Browser, ControlServer, start_control
from tests.support.ports import free_port
from webviewer.bootstrap import create_database
from webviewer.config import DatabaseDriver, DatabaseSettings
from webviewer.core.process import Lifeline


@pytest.mark.parametrize(
    ("path", "file"),
    [
        ("/", "index.html"),
        ("/viewer/image/", "viewer/index.html"),
        ("/viewer/mpr/", "viewer/index.html"),
        ("/viewer/3d/", "viewer/index.html"),
        ("/admin/", "admin/index.html"),
    ],
)
def test_each_page_has_its_file(control: ControlServer, path: str, file: str) -> None:
    answer = requests.get(control.base + path, timeout=10)
    assert answer.text == f"<!doctype html><title>{file}</title>"
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-cache"
    again = requests.get(control.base + path, headers={"If-None-Match": answer.headers["ETag"]}, timeout=10)
    assert again.status_code == 304


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("/viewer/image?study=1&name=%C3%A9%26", "image/?study=1&name=%C3%A9%26"),
        ("/viewer/3d", "3d/"),
        ("/admin", "admin/"),
    ],
)
def test_a_page_without_its_slash_is_sent_on_and_keeps_its_query(
    control: ControlServer, path: str, location: str
) -> None:
    answer = requests.get(control.base + path, allow_redirects=False, timeout=10)
    assert (answer.status_code, answer.headers["Location"]) == (301, location)  # relative: right behind any prefix


def test_assets_with_a_hash_are_kept_for_ever_and_others_are_asked_for_again(control: ControlServer) -> None:
    hashed = requests.get(f"{control.base}/assets/main-Ab12Cd34.js", timeout=10)
    assert hashed.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert hashed.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert requests.get(f"{control.base}/assets/boot.js", timeout=10).headers["Cache-Control"] == "no-cache"
    assert requests.get(f"{control.base}/.config.json", timeout=10).json() == {"language": "pt"}


def test_a_packed_copy_is_sent_to_browsers_that_take_it(control: ControlServer) -> None:
    file = control.settings.control.html / "assets/packed-Ab12Cd34.css"
    file.write_text("body{}")
    file.with_name(file.name + ".gz").write_bytes(gzip.compress(b"body{} "))
    packed = requests.get(f"{control.base}/assets/{file.name}", timeout=10)
    assert (packed.text, packed.headers["Content-Encoding"]) == ("body{} ", "gzip")
    assert packed.headers["Content-Type"].startswith("text/css")
    assert packed.headers["Vary"] == "Accept-Encoding"
    plain = requests.get(f"{control.base}/assets/{file.name}", headers={"Accept-Encoding": "identity"}, timeout=10)
    assert plain.text == "body{}"


@pytest.mark.parametrize(
    "path",
    [
        "/assets/../../offset",
        "/assets/%2e%2e/%2e%2e/offset",
        "/assets/..%2f..%2foffset",
        "/assets//etc/passwd",
        "/assets/%00",
        "/assets/..\\..\\offset",
        "/../offset",
        "/assets/link.txt",
        "/assets/linked/offset",
        "/assets/",
        "/viewer/index.html",
        "/index.html.gz",
    ],
)
def test_nothing_outside_the_pages_is_served(control: ControlServer, path: str) -> None:
    html = control.settings.control.html
    for name, target in (("link.txt", control.offset_file), ("linked", html.parent)):
        link = html / "assets" / name
        if not link.is_symlink():
            link.symlink_to(target)
    session = requests.Session()
    request = requests.Request("GET", control.base + "/").prepare()
    request.url = control.base + path  # as it is, without the client tidying it up
    with session.send(request, timeout=10, allow_redirects=False) as answer:
        assert answer.status_code == 404
        assert answer.json()["error"]["code"] == "not_found"
    session.close()


BROWSER_ACCEPT = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"


@pytest.mark.parametrize(
    ("path", "languages", "title", "root"),
    [
        ("/nonsense", "en-GB,en;q=0.9", "There is no page at this address", "./"),
        ("/viewer/tags/", "pt-BR,pt;q=0.9,en;q=0.5", "Não há página neste endereço", "../../"),
        ("/a/b/c", "de", "There is no page at this address", "../../"),
        ("/assets/none.js", "", "There is no page at this address", "../"),
    ],
)
def test_a_browser_at_an_address_that_does_not_exist_is_told_in_words(
    control: ControlServer, path: str, languages: str, title: str, root: str
) -> None:
    headers = {"Accept": BROWSER_ACCEPT, "Accept-Language": languages}
    answer = requests.get(control.base + path, headers=headers, timeout=10)
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "text/html; charset=utf-8")
    assert f"<h1>{title}</h1>" in answer.text
    assert f'href="{root}"' in answer.text  # relative: right behind any prefix
    assert path not in answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    assert set(answer.headers["Vary"].split(", ")) == {"Accept", "Accept-Language"}
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize("accept", ["*/*", "application/json", "image/avif,image/webp,*/*;q=0.8"])
def test_a_program_at_an_address_that_does_not_exist_gets_json(control: ControlServer, accept: str) -> None:
    answer = requests.get(f"{control.base}/nonsense", headers={"Accept": accept}, timeout=10)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
    assert answer.json()["error"]["correlation_id"] == answer.headers["X-Request-Id"]


def test_settings_are_kept_for_each_user(control: ControlServer) -> None:
    first, second = control.signed_in(), control.signed_in()
    never_set = first.get("/v2/settings/theme")
    assert (never_set.status_code, never_set.json()) == (200, None)
    for value in ("dark", None, 5, [1, {"columns": ["patient_name"]}], "Łódź"):
        assert first.request("PUT", "/v2/settings/table.studies-1", data=json.dumps(value)).status_code == 204
        assert first.get("/v2/settings/table.studies-1").json() == value
    assert second.get("/v2/settings/table.studies-1").json() is None


@pytest.mark.parametrize(
    ("key", "body", "code"),
    [
        ("Theme", b"1", "invalid_setting_key"),
        ("a" * 65, b"1", "invalid_setting_key"),
        ("theme", b"{", "not_json"),
        ("theme", b"NaN", "not_json"),
        ("theme", b"[" * 2000, "not_json"),
        ("theme", b"\xff", "not_json"),
        ("x.y", rb'"\ud800"', "not_json"),
        ("x.y", b"1e999", "not_json"),
        ("x.y", b"[1, -1e999]", "not_json"),
        ("theme", json.dumps("x" * 65_536).encode(), "setting_too_large"),
    ],
)
def test_a_setting_that_breaks_the_rules_is_refused(control: ControlServer, key: str, body: bytes, code: str) -> None:
    answer = control.signed_in().request("PUT", f"/v2/settings/{key}", data=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)


def test_a_user_has_at_most_256_settings(control: ControlServer) -> None:
    browser = control.signed_in()
    user_id = browser.get("/v2/auth/session").json()["user"]["user_id"]
    with control.units() as unit:
        for number in range(256):
            unit.settings.put(user_id, f"key{number}", "1", control.accounts.clock())
        unit.commit()
    assert browser.request("PUT", "/v2/settings/one-more", json=1).json()["error"]["code"] == "too_many_settings"
    assert browser.request("PUT", "/v2/settings/key7", json=2).status_code == 204


def test_what_runs_here_is_told_to_everybody(control: ControlServer) -> None:
    about = requests.get(f"{control.base}/v2/about", timeout=10)
    assert about.json() == {"product": "Web DICOM Viewer", "version": "1.0.0"}
    assert requests.get(f"{control.base}/v2/health/live", timeout=10).json() == {"live": True}


def test_not_ready_names_the_nodes_that_do_not_answer(control: ControlServer) -> None:
    answer = requests.get(f"{control.base}/v2/health/ready", timeout=10)
    assert answer.status_code == 503
    assert answer.json() == {
        "ready": False,
        "reasons": {
            "storage": "The storage node is not ready.",
            "render": "The render node is not ready.",
        },
    }


@contextmanager
def listener(port: int, status: int, body: dict[str, object]) -> Iterator[list[str]]:
    """Answer everything the same; gives the requests that came, with their Authorization."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(f"{self.path} {self.headers.get('Authorization')}")
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *arguments: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield asked
        server.shutdown()
        thread.join()


def ready_of(control: ControlServer) -> tuple[int, dict[str, str]]:
    answer = requests.get(f"{control.base}/v2/health/ready", timeout=10)
    return answer.status_code, answer.json()["reasons"]


def reason_of_storage(browser: Browser) -> str:
    nodes = browser.get("/v2/admin/state").json()["nodes"]
    return str(next(node["reason"] for node in nodes if node["kind"] == "storage"))


def eventually_reasons(control: ControlServer, expected: dict[str, str]) -> dict[str, str]:
    """Return what is not ready once that is as expected, or after two minutes."""
    deadline = time.monotonic() + 120
    while (reasons := ready_of(control)[1]) != expected and time.monotonic() < deadline:
        threading.Event().wait(0.2)
    return reasons


@contextmanager
def storage_node(folder: Path, port: int, database: DatabaseSettings) -> Iterator[None]:
    """Run the real storage node on a database of its own until the block ends."""
    folder.mkdir()
    (folder / "renderserverconfig.json").write_text(json.dumps({"storage": "store"}))
    create_database(database)
    variables = {
        "WEBVIEWER_STORAGE_PORT": str(port),
        "WEBVIEWER_LOG_FILE": str(folder / "log"),
        "WEBVIEWER_DICOM_PORT": str(free_port()),
        "WEBVIEWER_INTERNAL_TOKEN": INTERNAL_TOKEN,
        "WEBVIEWER_DATABASE_DRIVER": database.driver.value,
        "WEBVIEWER_DATABASE_NAME": database.name,
        "WEBVIEWER_DATABASE_HOST": database.host,
        "WEBVIEWER_DATABASE_PORT": str(database.port),
        "WEBVIEWER_DATABASE_USER": database.user,
    }
    lifeline = Lifeline()
    process = subprocess.Popen(
        [sys.executable, "-m", "dicom_gateway.main", "-c", str(folder / "renderserverconfig.json")],
        cwd=ROOT,
        env={**os.environ, **variables, **lifeline.environment()},
        pass_fds=lifeline.pass_fds,
        start_new_session=True,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait(timeout=60)
        lifeline.close()


# PostgreSQL says the first to who was connected, the second to who comes.
CLOSED_WORDS = ("terminating connection due to administrator command", "is not currently accepting connections")


def close_database(server: PostgresqlServer, database: DatabaseSettings) -> None:
    server.execute(f"ALTER DATABASE {database.name} ALLOW_CONNECTIONS false")
    server.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database.name}'")  # noqa: S608


def test_why_the_storage_node_is_not_ready_is_on_the_console_and_in_the_log_only(
    tmp_path: Path, postgresql_server: PostgresqlServer
) -> None:
    index, port, render = postgresql_server.new_database(), free_port(), free_port()
    own = DatabaseSettings(DatabaseDriver.SQLITE, str(tmp_path / "a.db"))
    with storage_node(tmp_path / "storage", port, index), listener(render, 200, {"ready": True}):
        servers = start_control(tmp_path / "control", own)
        control = next(servers)
        control.register("storage", f"http://127.0.0.1:{port}")
        control.register("render", f"http://127.0.0.1:{render}")
        administrator = control.signed_in(is_administrator=True)
        assert eventually_reasons(control, {}) == {}
        assert reason_of_storage(administrator) == ""

        close_database(postgresql_server, index)
        not_ready = {"storage": "The storage node is not ready."}
        assert eventually_reasons(control, not_ready) == not_ready
        assert reason_of_storage(administrator) == "answers 503: The database cannot be used."
        told = [line["parts"] for line in control.log_lines() if line["message"] == "readiness_changed"]
        assert told[-1]["storage"] == "answers 503: The database cannot be used."  # type: ignore[index]
        # The database's own words stay with the node: its health is open to monitors.
        said = (tmp_path / "storage/log").read_text("utf-8")
        assert any(one in said for one in CLOSED_WORDS)
        assert next(servers, None) is None


def test_the_words_of_a_database_that_fails_are_for_the_log_only(
    tmp_path: Path, postgresql_server: PostgresqlServer
) -> None:
    database = postgresql_server.new_database()
    servers = start_control(tmp_path / "control", database)
    control = next(servers)
    close_database(postgresql_server, database)
    not_ready = {"database": "The database cannot be used."}
    assert eventually_reasons(control, not_ready) == not_ready
    assert database.name not in requests.get(f"{control.base}/v2/health/ready", timeout=10).text
    told = [line["parts"] for line in control.log_lines() if line["message"] == "readiness_changed"]
    assert any(one in told[-1]["database"] for one in CLOSED_WORDS)  # type: ignore[index]  # a mapping
    assert next(servers, None) is None


def test_a_proxy_of_the_environment_never_hears_of_our_nodes(tmp_path: Path) -> None:
    storage, proxy = free_port(), free_port()
    database = DatabaseSettings(DatabaseDriver.SQLITE, str(tmp_path / "a.db"))
    proxies = dict.fromkeys(("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"), f"http://127.0.0.1:{proxy}")
    variables = {**proxies, "no_proxy": "", "NO_PROXY": ""}
    with listener(proxy, 200, {"ready": True}) as overheard, listener(storage, 200, {"ready": True}) as asked:
        servers = start_control(tmp_path / "control", database, variables)
        control = next(servers)
        control.register("storage", f"http://127.0.0.1:{storage}")
        assert ready_of(control)[1] == {"render": "The render node is not ready."}
        assert any(line.startswith("/internal/v1/health Bearer call.") for line in asked)
        assert INTERNAL_TOKEN not in str(asked)
        assert overheard == []
        assert next(servers, None) is None


def test_pages_that_were_not_built_are_said_so(tmp_path: Path) -> None:
    database = DatabaseSettings(DatabaseDriver.SQLITE, str(tmp_path / "a.db"))
    servers = start_control(tmp_path / "control", database, {"WEBVIEWER_HTML": str(tmp_path / "nothing")})
    control = next(servers)
    answer = requests.get(control.base, timeout=10)
    assert (answer.status_code, answer.json()["error"]["message"]) == (503, "The pages are not built.")
    assert next(servers, None) is None


def test_well_known_passwords_are_refused_beyond_loopback(tmp_path: Path) -> None:
    database = DatabaseSettings(DatabaseDriver.SQLITE, str(tmp_path / "a.db"))
    servers = start_control(tmp_path / "control", database, {"WEBVIEWER_HOST": "0.0.0.0"})
    control = next(servers)
    control.accounts.create_user("admin", "admin", is_administrator=True, evaluation_password=True)
    control.accounts.create_user("user", "another one")
    answer = control.browser().try_sign_in("admin", "admin")
    assert answer.status_code == 403
    assert "listens on this machine alone" in answer.json()["error"]["message"]
    assert control.browser().try_sign_in("user", "another one").status_code == 200
    assert next(servers, None) is None


def test_well_known_passwords_are_refused_to_clients_that_a_proxy_on_loopback_brings(tmp_path: Path) -> None:
    database = DatabaseSettings(DatabaseDriver.SQLITE, str(tmp_path / "a.db"))
    servers = start_control(tmp_path / "control", database)
    control = next(servers)
    control.accounts.create_user("admin", "admin", is_administrator=True, evaluation_password=True)

    def sign_in(forwarded_for: str) -> requests.Response:
        browser = control.browser()
        browser.address = forwarded_for
        return browser.try_sign_in("admin", "admin")

    # The test comes from loopback, as Nginx on the same machine does.
    for foreign in ("192.0.2.7", "127.0.0.1, 192.0.2.7", "2001:db8::7", "::ffff:192.0.2.7"):
        answer = sign_in(foreign)
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "evaluation_password"), foreign
        assert "listens on this machine alone" in answer.json()["error"]["message"]
        assert "Set-Cookie" not in answer.headers
    for own in ("", "127.0.0.1", "::1", "::ffff:127.0.0.1"):
        assert sign_in(own).status_code == 200, own
    assert next(servers, None) is None
