"""Default deny: what may be called by whom, and from which page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from flask import Flask

from functions.common.guard import Level, access_of
from functions.control_node import make_apps
from tests.support.http_client import INTERNAL_TOKEN, ControlServer
from webviewer.bootstrap import create_database, make_services
from webviewer.command_line import StartError
from webviewer.config import load_settings
from webviewer.core.errors import WebviewerError
from webviewer.core.http_errors import HTTP_STATUS, status_of
from webviewer.usecases.receive_instance import IdentityMismatch

PUBLIC = {
    "POST /v2/auth/sign-in",
    "GET /v2/health/live",
    "GET /v2/health/ready",
    "GET /v2/about",
    "GET /v2/openapi.json",
    "GET /",
    "GET /admin",
    "GET /admin/",
    "GET /viewer/image",
    "GET /viewer/image/",
    "GET /viewer/mpr",
    "GET /viewer/mpr/",
    "GET /viewer/3d",
    "GET /viewer/3d/",
    "GET /assets/<path:name>",
    "GET /.config.json",
}

UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
    "Sec-WebSocket-Protocol": "webviewer.v1",
}


def all_errors(root: type[WebviewerError] = WebviewerError) -> list[type[WebviewerError]]:
    return [root, *(error for child in root.__subclasses__() for error in all_errors(child))]


@pytest.fixture
def apps(tmp_path: Path) -> Iterator[dict[str, Flask]]:
    settings = load_settings(None, {"storage.storage": tmp_path}, {"WEBVIEWER_INTERNAL_TOKEN": INTERNAL_TOKEN})
    create_database(settings.database)
    services = make_services(settings)
    public, internal = make_apps(services)
    yield {**public, "internal": internal}
    services.dispose()


def routes(app: Flask) -> list[tuple[str, str, object]]:
    return [
        (method, rule.rule, app.view_functions[rule.endpoint])
        for rule in app.url_map.iter_rules()
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
    ]


def test_every_error_of_ours_has_a_status() -> None:
    found = all_errors()
    assert {IdentityMismatch, StartError} < set(found)  # made outside the tree: they have their parent's
    statuses = {error.__name__: status_of(error.__new__(error)).value for error in found}
    assert {statuses["IdentityMismatch"], statuses["StartError"]} == {500}
    assert (statuses["DuplicateObject"], statuses["LimitExceeded"]) == (409, 429)
    assert (statuses["OutOfResources"], statuses["DatabaseGone"], statuses["TooLarge"]) == (507, 503, 413)
    in_the_tree = {error for error in found if error.__module__ == "webviewer.core.errors"}
    assert set(HTTP_STATUS) == in_the_tree
    assert len(in_the_tree) == 22
    assert statuses["TooSlow"] == 408


def test_the_public_routes_are_exactly_those_of_the_list(apps: dict[str, Flask]) -> None:
    found = {
        f"{method} {rule}"
        for prefix, app in apps.items()
        if prefix != "internal"
        for method, rule, view in routes(app)
        if access_of(view).level is Level.PUBLIC
    }
    assert found == PUBLIC


def test_the_public_routes_of_the_internal_port_are_these(apps: dict[str, Flask]) -> None:
    found = {
        f"{method} {rule}" for method, rule, view in routes(apps["internal"]) if access_of(view).level is Level.PUBLIC
    }
    assert found == {"GET /internal/v1/where"}
    monitored = {
        f"{method} {rule}" for method, rule, view in routes(apps["internal"]) if access_of(view).level is Level.MONITOR
    }
    assert monitored == {"GET /metrics", "GET /internal/v1/health"}
    levels = {access_of(view).level for _, _, view in routes(apps["internal"])}
    assert levels == {Level.PUBLIC, Level.INTERNAL, Level.MONITOR}


@pytest.mark.parametrize("header", ["Origin", "Cookie", "Referer", "Sec-Fetch-Site", "Sec-Fetch-Mode", "sec-ch-ua"])
def test_the_internal_port_is_not_for_browsers(header: str, control: ControlServer) -> None:
    for method, path in (("GET", "/metrics"), ("GET", "/internal/v1/health"), ("GET", "/internal/v1/scaling")):
        assert control.internally(method, path).status_code in {200, 503}
        refused = control.internally(method, path, headers={header: "x"})
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "permission_denied")


def test_no_route_of_the_internal_port_is_reached_at_the_browsers_port(
    apps: dict[str, Flask], control: ControlServer
) -> None:
    token = {"Authorization": f"Bearer {INTERNAL_TOKEN}"}
    for method, rule, _ in routes(apps["internal"]):
        answer = requests.request(method, control.base + rule.replace("<int:node_id>", "1"), headers=token, timeout=10)
        assert answer.status_code == 404, rule


def test_every_other_route_answers_401_without_a_session(apps: dict[str, Flask], control: ControlServer) -> None:
    asked = 0
    for prefix, app in apps.items():
        if prefix == "internal":
            continue
        for method, rule, _ in routes(app):
            if f"{method} {rule}" in PUBLIC:
                continue
            path = rule
            for converter in ("<int:", "<path:", "<"):
                while converter in path:
                    start = path.index(converter)
                    path = path[:start] + "1" + path[path.index(">", start) + 1 :]
            headers = UPGRADE if path.startswith("/eventQueue") else {}
            answer = requests.request(method, control.base + path, headers=headers, timeout=10)
            assert answer.status_code == 401, f"{method} {rule}"
            assert answer.json()["error"]["code"] == "not_signed_in"
            asked += 1
    assert asked >= 6


def test_internal_routes_need_the_token_and_exist_on_the_internal_port_only(control: ControlServer) -> None:
    event = {"type": "study_changed", "owner_id": 1}
    assert control.publish(event, token="guess").status_code == 401
    assert control.publish(event, token="").status_code == 401
    assert control.publish(event).status_code == 204
    for path in ("/internal/v1/events", "/metrics"):
        assert requests.get(control.base + path, timeout=10).status_code == 404
    assert requests.get(f"{control.internal}/v2/about", timeout=10).status_code == 404
    # A port that only a header claims is not believed.
    answer = requests.get(
        f"{control.base}/metrics",
        headers={"Host": f"127.0.0.1:{control.settings.control.internal_port}", "X-Forwarded-Port": "1"},
        timeout=10,
    )
    assert answer.status_code == 404


def test_the_console_is_for_administrators(control: ControlServer) -> None:
    control.register("storage", "http://127.0.0.1:1")
    control.register("render", "http://127.0.0.1:1")
    answer = control.signed_in().get("/v2/admin/state")
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "permission_denied")
    state = control.signed_in(is_administrator=True).get("/v2/admin/state").json()
    assert state["product"] == "Web DICOM Viewer"
    assert state["version"] == "1.0.0"
    assert state["database"] == {"kind": control.settings.database.driver.value, "version": "0004", "problem": ""}
    assert state["session_count"] >= 1
    assert state["free_bytes"] is None, "no storage node answers"
    assert [node["kind"] for node in state["nodes"]] == ["storage", "render"]
    assert [node["reason"] for node in state["nodes"]] == ["does not answer (NewConnectionError)"] * 2


def test_the_list_of_studies_with_two_patients_is_for_administrators_and_names_silent_nodes(
    control: ControlServer,
) -> None:
    control.register("storage", "http://127.0.0.1:1")
    answer = control.signed_in().get("/v2/admin/patient_conflicts")
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "permission_denied")
    found = control.signed_in(is_administrator=True).get("/v2/admin/patient_conflicts").json()
    assert (found["studies"], found["total"], len(found["silent_nodes"])) == ([], 0, 1)


def test_a_change_without_the_csrf_token_is_refused(control: ControlServer) -> None:
    browser, other = control.signed_in(), control.signed_in()
    for token in ("", "guess", other.csrf_token):
        answer = browser.post("/v2/auth/sign-out", headers={"X-CSRF-Token": token})
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "csrf")
    assert browser.get("/v2/auth/session").status_code == 200
    assert browser.post("/v2/auth/sign-out").status_code == 204


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "http://127.0.0.1.evil.example"},
        {"Origin": "file://"},
        {"Origin": "http://[broken"},
        {"Origin": "", "Sec-Fetch-Site": "cross-site"},
    ],
    ids=["stranger", "null", "other-port", "look-alike", "file", "broken", "fetch-metadata"],
)
def test_a_page_of_another_site_changes_nothing(control: ControlServer, headers: dict[str, str]) -> None:
    browser = control.signed_in()
    answer = browser.post("/v2/auth/sign-out", headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "cross_origin")
    sign_in = control.browser().try_sign_in(control.new_user(), "right horse", headers=headers)
    assert sign_in.status_code == 403
    assert browser.get("/v2/auth/session").status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        # the documented Nginx files pass the name on without the port
        {"Host": "viewer.example", "Origin": "http://viewer.example:8888"},
        {"Host": "viewer.example", "Origin": "https://viewer.example"},
        {"Host": "10.0.0.5:8090", "X-Forwarded-Host": "viewer.example", "Origin": "https://viewer.example"},
        {"Origin": ""},
    ],
    ids=["port-lost", "https", "forwarded-host", "no-origin"],
)
def test_our_own_page_behind_a_proxy_is_known(control: ControlServer, headers: dict[str, str]) -> None:
    browser = control.browser()
    name = control.new_user()
    assert browser.try_sign_in(name, "right horse", headers=headers).status_code == 200


def test_answers_carry_the_security_headers(control: ControlServer) -> None:
    for path in ("/", "/v2/about", "/v2/auth/session", "/nothing"):
        headers = requests.get(control.base + path, timeout=10).headers
        assert "default-src 'self'" in headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
    assert requests.get(f"{control.base}/v2/about", timeout=10).headers["Cache-Control"] == "no-store"


def test_wrong_addresses_and_methods_are_refused_in_the_one_shape(control: ControlServer) -> None:
    missing = requests.get(f"{control.base}/v2/nothing", timeout=10)
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "not_found")
    method = requests.delete(f"{control.base}/v2/about", timeout=10)
    assert (method.status_code, method.json()["error"]["code"]) == (405, "method_not_allowed")
    assert "GET" in method.headers["Allow"]


def test_a_request_id_that_could_forge_log_lines_is_replaced(control: ControlServer) -> None:
    answer = requests.get(f"{control.base}/v2/about", headers={"X-Request-Id": 'a" b'}, timeout=10)
    assert len(answer.headers["X-Request-Id"]) == 32


def test_metrics_count_requests_and_sign_ins_without_naming_anybody(control: ControlServer) -> None:
    name = control.new_user()
    control.browser().sign_in(name, "right horse")
    control.browser().try_sign_in(name, "wrong horse")
    text = requests.get(f"{control.internal}/metrics", timeout=10).text
    assert 'webviewer_sign_ins_total{outcome="ok"}' in text
    assert 'webviewer_sign_ins_total{outcome="wrong_credentials"}' in text
    assert 'webviewer_http_requests_total{endpoint="auth.sign_in",method="POST",status="401"}' in text
    assert "webviewer_websockets" in text
    assert name not in text


def test_methods_that_a_client_made_up_are_counted_as_one(control: ControlServer) -> None:
    for number in range(30):
        refused = requests.request(f"MADE-UP-{number}", f"{control.base}/v2/about", timeout=10)
        assert refused.status_code == 405
    text = requests.get(f"{control.internal}/metrics", timeout=10).text
    assert "MADE-UP" not in text
    counted = [line for line in text.splitlines() if line.startswith("webviewer_http_requests_total{")]
    assert [line.split()[-1] for line in counted if 'method="other"' in line] == ["30.0"]


def test_the_log_names_routes_not_what_was_searched_for(control: ControlServer) -> None:
    browser = control.signed_in()
    browser.get("/v2/settings/theme?patient_name=Lovelace^Ada")
    browser.get("/v2/Lovelace^Ada")
    assert b"Lovelace" not in control.log_file.read_bytes()
    assert any(line.get("route") == "/v2/settings/<key>" for line in control.log_lines())


def test_the_openapi_document_describes_the_routes_from_their_models(control: ControlServer) -> None:
    document = requests.get(f"{control.base}/v2/openapi.json", timeout=10).json()
    assert document["openapi"] == "3.1.0"
    sign_in = document["paths"]["/v2/auth/sign-in"]["post"]
    assert sign_in["requestBody"]["content"]["application/json"]["schema"] == {
        "$ref": "#/components/schemas/SignInBody"
    }
    assert set(document["components"]["schemas"]["SignInBody"]["required"]) == {"user_name", "password"}
    assert "security" not in sign_in
    assert document["paths"]["/v2/settings/{key}"]["put"]["security"] == [{"session": [], "csrf": []}]


def test_the_openapi_document_has_every_request_that_a_page_can_make(
    apps: dict[str, Flask], control: ControlServer
) -> None:
    paths = requests.get(f"{control.base}/v2/openapi.json", timeout=10).json()["paths"]
    described = {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}
    existing = {
        f"{method} " + re.sub("<(?:[a-z]+:)?([a-z_]+)>", r"{\1}", rule)
        for prefix, app in apps.items()
        if prefix != "internal"
        for method, rule, _ in routes(app)
        if rule.startswith("/v2/")
    }
    assert described == existing
    assert {"GET /v2/studies", "PUT /v2/studies/uploads/{upload_id}", "GET /v2/settings/{key}"} < described
    assert "GET /v2/render/series/{series_id}/thumbnail" in described
    search = paths["/v2/studies"]["get"]
    assert {"patient_name", "modalities", "sort", "limit"} < {one["name"] for one in search["parameters"]}
    whole = paths["/v2/studies/uploads/whole"]["post"]
    assert whole["requestBody"]["content"] == {"application/octet-stream": {}}
