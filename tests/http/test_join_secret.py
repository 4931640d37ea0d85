"""The join secret stays in the house: what a node's address is sent opens nothing, whoever listens there."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
import requests

from tests.dimse.node import Node
from tests.http.test_tls import START_S, online, render_node
from tests.support.http_client import INTERNAL_TOKEN, PASSWORD, Browser, ControlServer, start_control
from tests.support.node_http import NodeHttp, node_http
from tests.support.ports import free_port
from tests.support.waiting import eventually
from webviewer.config import DatabaseDriver, DatabaseSettings

REPORT = "/internal/v1/report"
THUMBNAIL = "/internal/v1/render/owners/1/series/1/thumbnail"
OPERATOR = {"Authorization": f"Bearer {INTERNAL_TOKEN}"}


@dataclass
class House:
    """Three nodes."""

    control: ControlServer
    storage: str
    render: str

    def ask(self, url: str, **headers: str) -> requests.Response:
        return requests.get(url, headers=headers, timeout=30)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("secret")
    database = DatabaseSettings(DatabaseDriver.SQLITE, str(folder / "control.db"))
    with contextmanager(start_control)(folder / "control", database) as control:
        shared = {"WEBVIEWER_CONTROL_URL": control.internal, "WEBVIEWER_INTERNAL_TOKEN": INTERNAL_TOKEN}
        storage = Node(folder / "storage", shared)
        storage.prepare()
        storage.start()
        port, log = free_port(), folder / "render.log"
        try:
            with render_node(port, log, **shared, WEBVIEWER_RENDER_HOST="127.0.0.1"):
                eventually(lambda: len(online(control)) == 2, START_S, "two nodes")
                yield House(control, f"http://127.0.0.1:{storage.port}", f"http://127.0.0.1:{port}")
        finally:
            assert storage.stop() == 0


@pytest.fixture(scope="module")
def administrator(house: House) -> Browser:
    return house.control.signed_in(is_administrator=True)


def heard_by(stranger: NodeHttp, house: House, administrator: Browser) -> list[dict[str, str]]:
    """Give our nodes every reason to call the stranger, and return the headers that it has got."""
    made = [
        administrator.post("/v2/admin/nodes", json={"kind": kind, "address": address}).json()["node_id"]
        for kind, address in (("storage", stranger.address), ("render", "http://127.0.0.1:9"))
    ]
    administrator.request("PUT", f"/v2/admin/nodes/{made[0]}", json={"active": False})
    stranger.wait_for("PUT /internal/v1/active")
    administrator.post(f"/v2/admin/nodes/{made[0]}/ping")
    stranger.wait_for(f"GET {REPORT}")  # asked each 3 s, since it does not report
    house.ask(house.render + THUMBNAIL, **OPERATOR, **{"X-Webviewer-Storage": stranger.address})
    for node_id in made:
        assert administrator.request("DELETE", f"/v2/admin/nodes/{node_id}").status_code == 204
    asked = {said for said, _ in stranger.asked}
    assert {f"GET {REPORT}", "PUT /internal/v1/active", "GET /internal/v1/health"} <= asked
    assert "GET /internal/v1/owners/1/series/1/render" in asked, "the render node calls it too"
    return list(stranger.headers)


def test_what_a_stranger_at_a_node_s_address_hears_opens_nothing(house: House, administrator: Browser) -> None:
    with node_http({}) as stranger:
        heard = heard_by(stranger, house, administrator)
    assert INTERNAL_TOKEN not in str(heard)
    proofs = {headers["Authorization"] for headers in heard}
    assert proofs
    stranger_host = stranger.address.removeprefix("http://")
    places = (
        house.storage + REPORT,
        f"{house.storage}/internal/v1/owners/1/studies",
        house.render + REPORT,
        f"{house.control.internal}/internal/v1/scaling",
    )
    for url in places:
        assert house.ask(url, **OPERATOR).status_code == 200
        for proof in proofs:
            assert house.ask(url, Authorization=proof).status_code == 401
            relayed = house.ask(url, Authorization=proof, Host=stranger_host)
            assert relayed.status_code == 401
            if not url.startswith(house.control.internal):
                own = house.storage if url.startswith(house.storage) else house.render
                assert relayed.json()["error"]["message"] == (
                    f"This node calls itself {own}: register it under this address, not under {stranger.address}."
                )
    posted = requests.post(
        f"{house.control.internal}/internal/v1/nodes",
        json={"kind": "storage", "identity": "x", "address": stranger.address, "version": "1"},
        headers={"Authorization": proofs.pop()},
        timeout=30,
    )
    assert posted.status_code == 401, "a stranger who listened could register"


def test_a_user_s_requests_and_streams_carry_no_secret_either(house: House) -> None:
    browser = house.control.browser().sign_in(house.control.new_user(), PASSWORD)
    assert browser.get("/v2/studies").json()["total"] == 0, "the real storage node takes the calls"
    with node_http({"GET /internal/v1/owners/1/studies": {"studies": [], "total": 0}}) as stranger:
        house.control.register("render", stranger.address, "stranger")
        with house.control.units() as unit:
            (found,) = [node for node in unit.placement.nodes() if node.address == stranger.address]
        deadline = time.monotonic() + 20
        while not stranger.asked and time.monotonic() < deadline:  # the next session is placed there
            other = house.control.signed_in()
            other.get("/v2/render/series/1/thumbnail")
        leave = {"kind": "render", "identity": "stranger"}
        assert house.control.internally("POST", "/internal/v1/nodes/leave", json=leave).status_code == 204
        house.control.lose("render", "stranger")
        assert found.address == stranger.address
    assert any("thumbnail" in said for said, _ in stranger.asked)
    assert INTERNAL_TOKEN not in str(stranger.headers)


def test_an_operator_who_registers_a_node_under_an_alias_reads_its_own_address(
    house: House, administrator: Browser
) -> None:
    alias = house.storage.replace("127.0.0.1", "localhost")
    made = administrator.post("/v2/admin/nodes", json={"kind": "storage", "address": alias}).json()["node_id"]
    said = administrator.post(f"/v2/admin/nodes/{made}/ping").json()
    assert administrator.request("DELETE", f"/v2/admin/nodes/{made}").status_code == 204
    assert not said["ok"]
    words = f"This node calls itself {house.storage}: register it under this address, not under {alias}."
    assert said["reason"] == f"answers 401: {words}"


def test_a_monitor_reads_health_and_metrics_without_a_secret_and_nothing_of_anybody(house: House) -> None:
    for node in (house.storage, house.render):
        health = house.ask(f"{node}/internal/v1/health")
        assert (health.status_code, health.json()) == (200, {"ready": True})
        metrics = house.ask(f"{node}/metrics")
        assert metrics.status_code == 200
        assert "webviewer_" in metrics.text
        assert not re.search(r"(owner|session|study|patient|ae_title|peer|user)\w*=", metrics.text)
        for path in ("/metrics", "/internal/v1/health"):
            assert house.ask(node + path, **{"Sec-Fetch-Mode": "navigate"}).status_code == 403
            assert house.ask(node + path, Authorization="Bearer guess").status_code == 401
            assert house.ask(f"{node}{path}x").status_code == 401
        assert house.ask(f"{node}/internal/v1/status").status_code == 401


def test_nodes_that_are_called_by_their_own_address_answer(house: House, administrator: Browser) -> None:
    for node in administrator.get("/v2/admin/nodes").json()["nodes"]:
        if node["address"] in {house.storage, house.render}:
            assert administrator.post(f"/v2/admin/nodes/{node['node_id']}/ping").json()["ok"]
