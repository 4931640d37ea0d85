"""TLS between nodes: control, storage and render node as processes that show and verify certificates."""

from __future__ import annotations

import io
import json
import os
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from PIL import Image
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.dimse.node import Node
from tests.support.frames import unpack_frame
from tests.support.http_client import INTERNAL_TOKEN, ROOT, ControlServer, start_control
from tests.support.phantom_files import make_ct, make_ct_series, to_bytes
from tests.support.ports import free_port
from tests.support.tls_files import Authority
from tests.support.waiting import eventually
from webviewer.adapters.node_probe import HttpNodeProbe
from webviewer.adapters.nodes import NodeClient
from webviewer.adapters.tls import client_context, server_context
from webviewer.config import DatabaseDriver, DatabaseSettings, TlsSettings
from webviewer.core.errors import ConfigError, Unavailable
from webviewer.core.uid import new_uid

LOOPBACK = ("IP:127.0.0.1", "DNS:localhost")
START_S = 60.0


@dataclass
class House:
    """Three nodes that speak TLS to each other."""

    authority: Authority
    other: Authority
    control: ControlServer
    storage: Node
    render_port: int
    render_log: Path


@contextmanager
def render_node(port: int, log: Path, **variables: str) -> Iterator[None]:
    environ = {
        **os.environ,
        "WEBVIEWER_INTERNAL_TOKEN": INTERNAL_TOKEN,
        "WEBVIEWER_RENDER_PORT": str(port),
        "WEBVIEWER_LOG_FILE": str(log.with_suffix(".file")),
        **variables,
    }
    with log.open("wb") as out:
        command = [sys.executable, "-m", "renderpool.main"]
        process = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=out, stderr=out)
    try:
        yield
    finally:
        process.terminate()
        assert process.wait(60) == 0


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("tls")
    authority, other = Authority(folder / "ours"), Authority(folder / "others")
    database = DatabaseSettings(DatabaseDriver.SQLITE, str(folder / "control.db"))
    starting = contextmanager(start_control)(folder / "control", database, authority.environment("control", *LOOPBACK))
    with starting as control:
        url = f"https://127.0.0.1:{control.settings.control.internal_port}"
        shared = {"WEBVIEWER_CONTROL_URL": url, "WEBVIEWER_INTERNAL_TOKEN": INTERNAL_TOKEN}
        storage = Node(folder / "storage", {**shared, **authority.environment("storage", *LOOPBACK)})
        storage.prepare()
        storage.start()
        port, log = free_port(), folder / "render.log"
        try:
            with render_node(port, log, **shared, **authority.environment("render", *LOOPBACK)):
                eventually(lambda: len(online(control)) == 2, START_S, f"two nodes: {storage.log} {log.read_text()}")
                yield House(authority, other, control, storage, port, log)
        finally:
            assert storage.stop() == 0


def online(control: ControlServer) -> list[str]:
    with control.units(read_only=True) as unit:
        return [node.address for node in unit.placement.nodes() if node.last_heartbeat_at is not None]


def test_a_picture_comes_all_the_way_and_every_hop_is_tls(house: House) -> None:
    assert sorted(online(house.control)) == sorted(
        [f"https://127.0.0.1:{house.storage.port}", f"https://127.0.0.1:{house.render_port}"]
    )
    browser = house.control.signed_in()
    sent = browser.post("/v2/studies/uploads/whole?name=one.dcm", data=to_bytes(make_ct(rows=64, columns=64)))
    assert sent.json()["stored"] == 1, sent.text
    study_id = browser.get("/v2/studies").json()["studies"][0]["study_id"]
    series_id = browser.get(f"/v2/studies/{study_id}").json()["series"][0]["series_id"]
    thumbnail = browser.get(f"/v2/render/series/{series_id}/thumbnail?size=40")
    assert (thumbnail.status_code, thumbnail.headers["Content-Type"]) == (200, "image/jpeg")
    ticket = browser.post("/v2/render/ticket").json()["ticket"]
    options: dict[str, Any] = {"subprotocols": ["webviewer.v1", f"ticket.{ticket}"], "origin": browser.origin}
    with connect(f"ws://127.0.0.1:{house.control.settings.control.port}/eventQueue/render", **options) as stream:
        for message in (
            {"type": "hello", "version": 1},
            {"type": "open", "cell": 0, "series_id": series_id},
            {"type": "view", "cell": 0, "revision": 1, "width_px": 64, "height_px": 64},
        ):
            stream.send(json.dumps(message))
        while not isinstance(data := stream.recv(timeout=30), bytes):
            assert json.loads(data)["type"] != "error", data
        assert np.asarray(Image.open(io.BytesIO(unpack_frame(data)[1]))).std() > 0
        # The session ends: the relay's own close frame goes out over a stream whose other side is TLS.
        assert browser.post("/v2/auth/sign-out").status_code == 204
        eventually(lambda: closed_with(stream) == 4401, START_S, "the close")


def test_a_surface_comes_all_the_way_as_a_file(house: House) -> None:
    browser = house.control.signed_in()
    for ds in make_ct_series(6, rows=64, columns=64, study_uid=new_uid(), series_uid=new_uid()):
        sent = browser.post("/v2/studies/uploads/whole?name=one.dcm", data=to_bytes(ds))
        assert sent.json()["stored"] == 1, sent.text
    studies = browser.get("/v2/studies").json()["studies"]
    study = next(one for one in studies if one["instance_count"] == 6)
    series_id = browser.get(f"/v2/studies/{study['study_id']}").json()["series"][0]["series_id"]
    path = f"/v2/render/series/{series_id}/volumes/0/surface"
    answer = browser.post(path, json={"iso_value": 100.0})
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "model/stl"), answer.text
    triangles = int.from_bytes(answer.content[80:84], "little")
    assert triangles > 100
    assert int(answer.headers["Content-Length"]) == len(answer.content) == 84 + 50 * triangles
    refused = browser.post(path, json={"iso_value": 1e6})
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "no_surface")
    assert browser.post(path, json={"iso": 1}).status_code == 400
    assert browser.post(path.replace("volumes/0", "volumes/7"), json={"iso_value": 1.0}).status_code == 404
    assert house.control.browser().post(path, json={"iso_value": 1.0}).status_code == 401


def closed_with(stream: ClientConnection) -> int | None:
    try:
        stream.recv(timeout=0.2)
    except TimeoutError:
        return None
    except ConnectionClosed as exc:
        return None if exc.rcvd is None else exc.rcvd.code
    return None


def test_plain_http_to_a_port_with_tls_is_no_http(house: House) -> None:
    for port in (house.storage.port, house.render_port, house.control.settings.control.internal_port):
        with socket.create_connection(("127.0.0.1", port), timeout=10) as plain:
            plain.sendall(b"GET /internal/v1/health HTTP/1.1\r\nHost: x\r\n\r\n")
            try:
                received = plain.recv(100)
            except ConnectionResetError:
                received = b""
        assert not received.startswith((b"HTTP/1.1 200", b"HTTP/1.1 401")), received
    assert requests.get(f"{house.control.base}/v2/health/live", timeout=10).ok  # browsers have the proxy's TLS


def test_a_node_of_another_authority_is_refused_in_words(house: House) -> None:
    believing_others = client_context(TlsSettings(ca=house.other.ca))
    for port in (house.storage.port, house.render_port, house.control.settings.control.internal_port):
        client = NodeClient(f"https://127.0.0.1:{port}", INTERNAL_TOKEN, node="storage node", tls=believing_others)
        with pytest.raises(Unavailable, match=r"The storage node's certificate is refused: .*certificate"):
            client.json("GET", "/internal/v1/health")
        client.close()
        told = HttpNodeProbe(INTERNAL_TOKEN, believing_others).health(f"https://127.0.0.1:{port}")
        assert (told.ok, told.reason) == (False, "does not answer (certificate)")


def test_a_certificate_is_good_for_the_names_in_it_alone(house: House, tmp_path: Path) -> None:
    url = f"https://127.0.0.1:{house.control.settings.control.internal_port}"
    log, port = tmp_path / "render.log", free_port()
    certificate = house.authority.environment("elsewhere", "DNS:elsewhere.example")
    shared = {"WEBVIEWER_CONTROL_URL": url, "WEBVIEWER_RENDER_HOST": "127.0.0.1"}
    with render_node(port, log, **shared, **certificate):
        eventually(lambda: "render_node_ready" in log.read_text(), START_S, log.read_text())
        client = NodeClient(
            f"https://127.0.0.1:{port}",
            INTERNAL_TOKEN,
            node="render node",
            tls=client_context(TlsSettings(ca=house.authority.ca)),
        )
        with pytest.raises(Unavailable, match=r"The render node's certificate is refused: .*127\.0\.0\.1"):
            client.json("GET", "/internal/v1/health")
        client.close()


def test_a_control_node_of_another_authority_is_told_of_once_and_the_node_goes_on(house: House, tmp_path: Path) -> None:
    url = f"https://127.0.0.1:{house.control.settings.control.internal_port}"
    log = tmp_path / "render.log"
    with render_node(free_port(), log, WEBVIEWER_CONTROL_URL=url, WEBVIEWER_TLS_CA=str(house.other.ca)):
        words = "The control node's certificate is refused"
        eventually(lambda: words in log.read_text(), START_S, log.read_text())
        time.sleep(2)
        assert log.read_text().count(words) == 1


def test_settings_that_cannot_be_used_are_refused_in_words(house: House, tmp_path: Path) -> None:
    certificate, key = house.authority.certificate("one", *LOOPBACK)
    _, other_key = house.authority.certificate("two", *LOOPBACK)
    garbage = tmp_path / "garbage.pem"
    garbage.write_text("no certificate")
    for settings, words in (
        (TlsSettings(certificate=certificate), "WEBVIEWER_TLS_CERTIFICATE is set without WEBVIEWER_TLS_KEY"),
        (TlsSettings(key=key), "WEBVIEWER_TLS_KEY is set without WEBVIEWER_TLS_CERTIFICATE"),
        (TlsSettings(certificate=certificate, key=other_key), "must be the PEM files of a certificate and of its own"),
        (TlsSettings(certificate=garbage, key=key), "must be the PEM files"),
        (TlsSettings(certificate=tmp_path / "none", key=key), "cannot be read: No such file or directory"),
    ):
        with pytest.raises(ConfigError, match=words):
            server_context(settings)
    with pytest.raises(ConfigError, match="must be a PEM file of certificates"):
        client_context(TlsSettings(ca=garbage))
    with pytest.raises(ConfigError, match="cannot be read"):
        client_context(TlsSettings(ca=tmp_path / "none"))
    assert server_context(TlsSettings()) is None
    context = client_context(TlsSettings(ca=house.authority.ca))
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
