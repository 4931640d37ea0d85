"""The chart's inner Nginx: pages, one Service a function, and each frame stream at the node that holds its session."""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from functions.common.app import SECURITY_HEADERS
from tests.deploy.inner_nginx import FUNCTIONS, NAMESPACE, RELEASE, InnerNginx, running
from tests.deploy.stand_ins import SUBPROTOCOL, StandIn, serving
from tests.support.ports import free_port

SECRET = "nobody may read this"
NODES = ("node-a", "node-b")
HOP_BY_HOP = {"connection", "upgrade", "host"}


@pytest.fixture(scope="module")
def behind() -> Iterator[dict[str, StandIn]]:
    with serving(*FUNCTIONS, *NODES) as started:
        yield started


@pytest.fixture(scope="module")
def nginx(behind: dict[str, StandIn], tmp_path_factory: pytest.TempPathFactory) -> Iterator[InnerNginx]:
    folder = tmp_path_factory.mktemp("nginx")
    (folder / "secret.txt").write_text(SECRET)
    with running(folder, {name: behind[name].port for name in FUNCTIONS}) as started:
        yield started


@pytest.fixture(autouse=True)
def forget(behind: dict[str, StandIn]) -> None:
    for one in behind.values():
        one.asked.clear()
        one.where.clear()
        one.answer_headers.clear()


def say_where(behind: Mapping[str, StandIn], ticket: str, node: str, owner: int) -> dict[str, str]:
    said = {
        "X-Webviewer-Upstream": f"127.0.0.1:{behind[node].port if node in behind else free_port()}",
        "X-Webviewer-Owner": str(owner),
        "X-Webviewer-Session": f"{owner}00",
        "X-Webviewer-Storage": "http://10.0.0.9:8081",
        "X-Webviewer-Pass": f"signed-{ticket}",
    }
    behind["nodes"].where[ticket] = said
    return said


@contextmanager
def open_stream(nginx: InnerNginx, ticket: str, headers: Mapping[str, str] | None = None) -> Iterator[ClientConnection]:
    with connect(
        f"{nginx.url.replace('http', 'ws')}/eventQueue/render",
        subprotocols=[Subprotocol(SUBPROTOCOL), Subprotocol(f"ticket.{ticket}")],
        additional_headers=dict(headers or {}),
        compression=None,
        open_timeout=10,
        proxy=None,
    ) as stream:
        yield stream


def refusal(nginx: InnerNginx, ticket: str, headers: Mapping[str, str] | None = None) -> int:
    with pytest.raises(InvalidStatus) as caught, open_stream(nginx, ticket, headers):
        pass
    return caught.value.response.status_code


# --- affinity ---------------------------------------------------------------------------------------------------------


def test_a_stream_goes_to_the_node_that_holds_its_session(behind: dict[str, StandIn], nginx: InnerNginx) -> None:
    """Many at once, each with its own ticket, none at the wrong node."""
    said = {k: say_where(behind, f"t{k}", NODES[k % 2], owner=k) for k in range(1, 21)}
    with ExitStack() as stack:
        streams = {k: stack.enter_context(open_stream(nginx, f"t{k}")) for k in said}
        for k, stream in streams.items():
            stream.send(f"view {k}")
            assert stream.recv(timeout=5) == f"{NODES[k % 2]}:view {k}"
            assert stream.subprotocol == SUBPROTOCOL
    for name in NODES:
        for asked in behind[name].asked:
            assert asked.path == "/internal/v1/render/stream"
            k = int(asked.headers["X-Webviewer-Owner"])
            assert NODES[k % 2] == name
            for header in ("Owner", "Session", "Storage", "Pass"):
                assert asked.headers.getall(f"X-Webviewer-{header}") == [said[k][f"X-Webviewer-{header}"]]


def test_the_control_node_judges_the_handshake_as_it_came(behind: dict[str, StandIn], nginx: InnerNginx) -> None:
    say_where(behind, "good", "node-a", owner=7)
    with open_stream(nginx, "good", {"Origin": "http://127.0.0.1", "Sec-Fetch-Site": "same-origin"}):
        pass
    asked = behind["nodes"].asked[0]
    assert (asked.method, asked.path, asked.body) == ("GET", "/internal/v1/where", b"")
    # Comparing headers of a handshake is the guard against pages of other sites: all of them have to arrive.
    assert asked.headers["Sec-WebSocket-Protocol"].replace(" ", "") == f"{SUBPROTOCOL},ticket.good"
    assert (asked.headers["Origin"], asked.headers["Sec-Fetch-Site"]) == ("http://127.0.0.1", "same-origin")
    assert asked.headers["Host"] == asked.headers["X-Forwarded-Host"] == f"127.0.0.1:{nginx.port}"
    assert asked.headers["X-Forwarded-For"] == "127.0.0.1"
    assert "Upgrade" not in asked.headers, "it would be taken for a WebSocket"


def test_nothing_that_a_browser_says_reaches_the_node(behind: dict[str, StandIn], nginx: InnerNginx) -> None:
    said = say_where(behind, "good", "node-a", owner=7)
    forged = {f"X-Webviewer-{name}": "1" for name in ("Owner", "Session", "Storage", "Pass", "Upstream")}
    forged |= {"x_webviewer_owner": "1", "Authorization": "Bearer guessed", "Cookie": "webviewer_session=secret"}
    with open_stream(nginx, "good", {**forged, "X-Anything": "1", "Origin": "http://127.0.0.1"}) as stream:
        stream.send("hello")
        assert stream.recv(timeout=5) == "node-a:hello"
    assert len(behind["node-a"].asked) == 1
    headers = behind["node-a"].asked[0].headers
    wanted = {name.lower() for name in said if name != "X-Webviewer-Upstream"} | {"x-request-id"}
    wanted |= {"sec-websocket-key", "sec-websocket-version", "sec-websocket-protocol"}
    assert {name.lower() for name in headers} - HOP_BY_HOP == wanted
    assert headers["X-Webviewer-Owner"] == "7"
    assert headers["Sec-WebSocket-Protocol"] == SUBPROTOCOL, "without the ticket"
    where = behind["nodes"].asked[0].headers
    assert not [name for name in where if name.lower().replace("_", "-").startswith("x-webviewer")]
    assert "Authorization" not in where
    assert "Cookie" not in where


def test_an_unknown_ticket_reaches_no_node(behind: dict[str, StandIn], nginx: InnerNginx) -> None:
    say_where(behind, "good", "node-a", owner=7)
    assert refusal(nginx, "unknown") == 403
    assert refusal(nginx, "unknown", {"X-Webviewer-Upstream": f"127.0.0.1:{behind['node-a'].port}"}) == 403
    assert [behind[name].asked for name in NODES] == [[], []]


def test_an_answer_without_a_node_or_a_dead_node_is_an_error(behind: dict[str, StandIn], nginx: InnerNginx) -> None:
    behind["nodes"].where["nowhere"] = {"X-Webviewer-Owner": "7"}
    say_where(behind, "dead", "node-that-is-gone", owner=7)
    assert refusal(nginx, "nowhere") == 500
    assert refusal(nginx, "dead") == 502


def test_what_is_no_websocket_costs_no_ticket(behind: dict[str, StandIn], nginx: InnerNginx) -> None:
    say_where(behind, "good", "node-a", owner=7)
    protocols = {"Sec-WebSocket-Protocol": f"{SUBPROTOCOL}, ticket.good"}
    for path in ("/eventQueue/render", "/eventQueue"):
        assert requests.get(f"{nginx.url}{path}", headers=protocols, timeout=5).status_code == 426
    upgrade = {**protocols, "Upgrade": "websocket", "Connection": "Upgrade"}
    assert requests.post(f"{nginx.url}/eventQueue/render", headers=upgrade, timeout=5).status_code == 405
    assert [one.name for one in behind.values() if one.asked] == []


def test_without_a_control_node_no_stream_opens(behind: dict[str, StandIn], tmp_path: Path) -> None:
    with running(tmp_path, {"auth": behind["auth"].port}) as alone:
        assert refusal(alone, "good") == 500
        answer = requests.get(f"{alone.url}/v2/studies", timeout=5)
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "unavailable")
        assert requests.get(f"{alone.url}/v2/auth/session", timeout=5).json()["name"] == "auth"
        assert requests.get(f"{alone.url}/", timeout=5).status_code == 200, "the pages need no function"


# --- functions --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "function", "there"),
    [
        ("/v2/auth/sign-in", "auth", "/v2/auth/sign-in"),
        ("/v2/admin/nodes/3", "admin", "/v2/admin/nodes/3"),
        ("/v2/studies", "studies", "/v2/studies"),
        ("/v2/studies/5/series/6", "studies", "/v2/studies/5/series/6"),
        ("/v2/settings/language", "settings", "/v2/settings/language"),
        ("/v2/render/ticket", "render", "/v2/render/ticket"),
        ("/v2/render/series/5/thumbnail", "render", "/v2/render/series/5/thumbnail"),
        ("/v2/health/ready", "auth", "/v2/health/ready"),
        ("/v2/about", "auth", "/v2/about"),
        ("/v2/openapi.json", "auth", "/v2/openapi.json"),
        ("/v2/studiesx", "auth", "/v2/studiesx"),  # whose 404 does not matter
    ],
)
def test_each_function_gets_its_own_paths(
    behind: dict[str, StandIn], nginx: InnerNginx, path: str, function: str, there: str
) -> None:
    answer = requests.post(f"{nginx.url}{path}?patient_name=M%C3%BCller&a=1", data=b"12345", timeout=5)
    assert answer.json() == {"name": function, "bytes": 5}
    asked = behind[function].asked[0]
    assert (asked.method, asked.path, asked.query) == ("POST", there, "patient_name=M%C3%BCller&a=1")
    assert "Path=/web-viewer/v2" in answer.headers["Set-Cookie"]


def test_a_function_learns_the_client_and_no_lies(behind: dict[str, StandIn], nginx: InnerNginx) -> None:
    forged: dict[str, str] = {f"X-Webviewer-{name}": "1" for name in ("Owner", "Session", "Storage", "Pass")}
    forged |= {"X-Forwarded-For": "9.9.9.9", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example"}
    forged |= {"X-Real-IP": "9.9.9.9", "Forwarded": "for=9.9.9.9", "X-Request-Id": "mine"}
    kept = {"Cookie": "webviewer_session=x", "X-CSRF-Token": "t", "Origin": nginx.url, "Authorization": "Bearer key"}
    requests.get(f"{nginx.url}/v2/studies", headers=forged | kept, timeout=5)
    headers = behind["studies"].asked[0].headers
    assert not [name for name in headers if name.lower().startswith("x-webviewer")]
    assert "Forwarded" not in headers
    assert headers.getall("X-Forwarded-For") == ["127.0.0.1"]
    assert headers.getall("X-Real-IP") == ["127.0.0.1"]
    assert headers.getall("X-Forwarded-Proto") == ["http"]
    assert headers.getall("X-Forwarded-Host") == [f"127.0.0.1:{nginx.port}"]
    assert headers["Host"] == f"127.0.0.1:{nginx.port}"
    assert re.fullmatch("[0-9a-f]{32}", headers["X-Request-Id"])
    assert {name: headers[name] for name in kept} == kept


def test_a_trusted_proxy_names_client_scheme_and_host(behind: dict[str, StandIn], tmp_path: Path) -> None:
    told = {
        "X-Forwarded-For": "203.0.113.9, 198.51.100.7",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "viewer.hospital.example",
    }
    with running(tmp_path, {"auth": behind["auth"].port}, trusted_proxies=["127.0.0.0/8"]) as trusting:
        requests.get(f"{trusting.url}/v2/about", headers=told, timeout=5)
        # Two names are a lie or a mistake: then our own counts.
        requests.get(f"{trusting.url}/v2/about", headers={"X-Forwarded-Host": "a, b"}, timeout=5)
        first, second = (asked.headers for asked in behind["auth"].asked)
        assert first["X-Forwarded-For"] == "198.51.100.7", "the last one that the trusted proxy saw itself"
        assert first["X-Forwarded-Proto"] == "https"
        assert first["X-Forwarded-Host"] == "viewer.hospital.example"
        assert second["X-Forwarded-Host"] == f"127.0.0.1:{trusting.port}"
        assert trusting.access_log()[0]["client"] == "198.51.100.7"


def test_knative_services_are_asked_under_their_own_names(behind: dict[str, StandIn], tmp_path: Path) -> None:
    ports = {name: behind[name].port for name in FUNCTIONS}
    with running(tmp_path, ports, mode="knative") as nginx:
        for function in ("auth", "admin", "studies", "settings"):
            requests.get(f"{nginx.url}/v2/{function}/x", timeout=5)
            headers = behind[function].asked[0].headers
            assert headers["Host"] == f"{RELEASE}-web-viewer-{function}.{NAMESPACE}.svc"
            assert headers["X-Forwarded-Host"] == f"127.0.0.1:{nginx.port}"
        requests.get(f"{nginx.url}/v2/render/x", timeout=5)
        assert behind["render"].asked[0].headers["Host"] == f"127.0.0.1:{nginx.port}"


def test_events_are_upgraded_and_nothing_else_is(behind: dict[str, StandIn], nginx: InnerNginx) -> None:
    protocols = [Subprotocol(SUBPROTOCOL), Subprotocol("ticket.e")]
    with connect(f"{nginx.url.replace('http', 'ws')}/eventQueue", subprotocols=protocols, proxy=None) as events:
        events.send("x")
        assert events.recv(timeout=5) == "events:x"
    asked = behind["events"].asked[0]
    assert asked.path == "/eventQueue"
    assert "ticket.e" in asked.headers["Sec-WebSocket-Protocol"], "this function takes the ticket itself"
    with (
        pytest.raises(InvalidStatus),
        connect(f"{nginx.url.replace('http', 'ws')}/v2/studies", subprotocols=protocols, proxy=None),
    ):
        pass
    assert "Upgrade" not in behind["studies"].asked[0].headers


def test_large_uploads_pass_up_to_the_limit(behind: dict[str, StandIn], nginx: InnerNginx) -> None:
    size = 100 * 1024**2
    connection = http.client.HTTPConnection("127.0.0.1", nginx.port, timeout=5)
    connection.putrequest("PUT", "/web-viewer/v2/studies/uploads/1")
    connection.putheader("Content-Length", str(size + 1))
    connection.endheaders()
    refused = connection.getresponse()
    assert (refused.status, json.loads(refused.read())["error"]["code"]) == (413, "too_large")
    connection.close()
    assert behind["studies"].asked == []
    answer = requests.put(f"{nginx.url}/v2/studies/uploads/1", data=b"\0" * size, timeout=60)
    assert answer.json()["bytes"] == size


def test_security_headers_come_once(behind: dict[str, StandIn], nginx: InnerNginx) -> None:
    """Pages and Nginx's own errors get those of the functions; what a function says stays as it is."""

    def headers_of(path: str) -> Any:
        return requests.get(f"{nginx.url}{path}", timeout=5).raw.headers

    for path in ("/", "/viewer/mpr/", "/assets/boot.js", "/nothing", "/v2/auth/session"):
        found = headers_of(path)
        for name, value in SECURITY_HEADERS.items():
            assert found.getlist(name) == [value], f"{name} of {path}"
        assert "nginx/" not in found["Server"]
    behind["auth"].answer_headers |= dict.fromkeys(SECURITY_HEADERS, "own") | {"Cache-Control": "private"}
    found = headers_of("/v2/auth/session")
    for name in (*SECURITY_HEADERS, "Cache-Control"):
        assert found.getlist(name) == [behind["auth"].answer_headers[name]]


# --- pages ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["", "/admin", "/viewer/image", "/viewer/mpr", "/viewer/3d"])
def test_every_page_is_there_with_its_assets(nginx: InnerNginx, path: str) -> None:
    answer = requests.get(f"{nginx.url}{path}?link=a", allow_redirects=False, timeout=5)
    assert (answer.status_code, answer.headers["Location"]) == (301, f"/web-viewer{path}/?link=a")
    page = requests.get(f"{nginx.url}{path}/?link=a", timeout=5)
    assert (page.status_code, page.headers["Content-Type"]) == (200, "text/html")
    assert page.headers["Cache-Control"] == "no-cache"
    assets = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(assets) >= 5
    kinds = {".js": "application/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
    for asset in assets:
        found = requests.get(requests.compat.urljoin(page.url, asset), timeout=5)
        assert found.url.startswith(f"{nginx.url}/assets/")
        assert (found.status_code, found.headers["Content-Type"]) == (200, kinds[Path(asset).suffix])
        hashed = re.search(r"-[A-Za-z0-9_-]{8,}\.[a-z0-9]+$", asset)
        wanted = "public, max-age=31536000, immutable" if hashed else "no-cache"
        assert found.headers["Cache-Control"] == wanted
        if len(found.content) > 1024:
            assert found.headers["Content-Encoding"] == "gzip"


def test_a_missing_asset_is_not_kept(nginx: InnerNginx) -> None:
    answer = requests.get(f"{nginx.url}/assets/main-abcdefgh.js", timeout=5)
    assert (answer.status_code, answer.headers["Cache-Control"]) == (404, "no-store")


def test_the_root_leads_to_the_product(nginx: InnerNginx) -> None:
    answer = requests.get(f"http://127.0.0.1:{nginx.port}/", allow_redirects=False, timeout=5)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/web-viewer/")
    config = requests.get(f"{nginx.url}/.config.json", timeout=5)
    assert (config.status_code, config.headers["Cache-Control"]) == (200, "no-cache")


# --- what stays inside ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/web-viewer../",
        "/web-viewer../secret.txt",
        "/web-viewer%2e%2e/secret.txt",
        "/web-viewer/..%2f..%2fsecret.txt",
        "/web-viewer/../../secret.txt",
        "/web-viewer/assets",
        "/web-viewer/assets/",
        "/web-viewer/assets/../index.html",
        "/web-viewer/assets/..%2f..%2fsecret.txt",
        "/web-viewer/assets/%2e%2e/%2e%2e/secret.txt",
        "/web-viewer/index.html",
        "/web-viewer/viewer/",
        "/web-viewer/viewer/index.html",
        "/web-viewer/viewer/image../",
        "/web-viewer/viewer/image/../../../secret.txt",
        "/web-viewer/v2../",
        "/web-viewer/v2../internal/v1/where",
        "/web-viewer/v2/../internal/v1/where",
        "/web-viewer/v2/..%2finternal/v1/where",
        "/web-viewer/v2/studies/..%2f..%2f..%2finternal/v1/where",
        "/web-viewer/v2/studies/../../internal/v1/owners/1/studies",
        "/web-viewer/eventQueue../",
        "/web-viewer/eventQueue/",
        "/web-viewer/eventQueue/render/",
        "/web-viewer/eventQueue/render/../../internal/v1/status",
        "/web-viewer/eventQueue/internal/v1/where",
        "/web-viewer/internal/v1/where",
        "/web-viewer/internal/v1/render/stream",
        "/web-viewer/metrics",
        "/web-viewer/api/link",
        "/internal/v1/where",
        "/internal/v1/nodes",
        "/internal/v1/render/stream",
        "/metrics",
        "/_where",
        "/@unavailable",
        "/v2/studies",
        "/eventQueue",
        "/index.html",
        "/.config.json",
        "/nginx.conf",
        "/secret.txt",
    ],
)
def test_nothing_internal_is_open(behind: dict[str, StandIn], nginx: InnerNginx, path: str) -> None:
    # By hand: clients tidy paths up.
    connection = http.client.HTTPConnection("127.0.0.1", nginx.port, timeout=5)
    connection.putrequest("GET", path, skip_accept_encoding=True)
    connection.putheader("X-Webviewer-Owner", "1")
    connection.endheaders()
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    assert answer.status in (400, 404), body
    assert SECRET not in body
    assert [one.name for one in behind.values() if one.asked] == []


def test_the_log_has_no_query_and_no_ticket(behind: dict[str, StandIn], nginx: InnerNginx) -> None:
    """Not even of what failed: names that a doctor searched for and the keys of links stand in queries."""
    say_where(behind, "ticket-of-a-doctor", "node-a", owner=7)
    say_where(behind, "ticket-to-nowhere", "node-that-is-gone", owner=7)
    with open_stream(nginx, "ticket-of-a-doctor"):
        pass
    refusal(nginx, "ticket-to-nowhere")
    for path in ("/v2/studies", "/viewer/image", "/viewer/image/", "/nothing", "/assets/missing-12345678.js"):
        headers = {"Referer": f"{nginx.url}/?key=SecretKey"}
        requests.get(f"{nginx.url}{path}?patient_name=Secretname&key=SecretKey", headers=headers, timeout=5)
    output = nginx.output()
    assert not re.search("Secret|ticket-", output)
    line = next(line for line in reversed(nginx.access_log()) if line["path"] == "/web-viewer/v2/studies")
    assert line["status"] == line["upstream_status"] == "200"
    assert line["request_id"] == behind["studies"].asked[-1].headers["X-Request-Id"]
    assert line["upstream"] == f"127.0.0.1:{behind['studies'].port}"
