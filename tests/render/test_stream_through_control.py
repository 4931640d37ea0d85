"""The whole way of a picture: page → control node → render node → storage node, all real processes."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from PIL import Image
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.support.doctor import Doctor
from tests.support.frames import unpack_frame
from tests.support.message_flood import Flood, flooding
from tests.support.phantom_files import ct_values, make_ct_series, to_bytes
from tests.support.reference_pixels import ReferenceView, ReferenceVoi, canvas_grey8
from tests.support.unified_server import UnifiedServer, running_unified_server
from webviewer.protocol.framing import FrameFlag, FrameHeader

SLICES = 12


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[UnifiedServer]:
    with running_unified_server(tmp_path_factory.mktemp("stream")) as running:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for ds in make_ct_series(SLICES, rows=96, columns=128):
                archive.writestr(f"{ds.InstanceNumber}.dcm", to_bytes(ds))
        state = Doctor.sign_in(running).upload("series.zip", buffer.getvalue())
        assert state["stored"] == SLICES, state
        yield running


def show(
    socket: ClientConnection, series_id: int, instance_id: int, revision: int, *, hello: bool = True
) -> tuple[FrameHeader, np.ndarray]:
    """Say everything that a page says after connecting and return the still frame."""
    image = {"instance_id": instance_id, "frame_number": 1}
    for message in (
        *([{"type": "hello", "version": 1}] if hello else []),
        {"type": "open", "cell": 0, "series_id": series_id},
        {"type": "view", "cell": 0, "revision": revision, "width_px": 200, "height_px": 180, "image": image},
    ):
        socket.send(json.dumps(message))
    while True:
        data = socket.recv(timeout=30)
        if isinstance(data, bytes):
            header, payload = unpack_frame(data)
            socket.send(json.dumps({"type": "ack", "sequence": header.sequence}))
            if FrameFlag.STILL in header.flags and header.revision == revision:
                return header, np.asarray(Image.open(io.BytesIO(payload)))


def close_of(socket: ClientConnection) -> tuple[int, str]:
    try:
        while True:
            socket.recv(timeout=30)
    except ConnectionClosed as exc:
        return (exc.rcvd.code, exc.rcvd.reason) if exc.rcvd else (1006, "no close frame")


def test_a_page_gets_the_picture_that_the_reference_draws(server: UnifiedServer) -> None:
    doctor = Doctor.sign_in(server)
    series = doctor.series()
    frame = series["frames"][4]
    with doctor.connect() as socket:
        assert socket.subprotocol == "webviewer.v1"
        header, pixels = show(socket, series["series_id"], frame["instance_id"], 7)
    window = frame["windows"][0]
    values = ct_values(96, 128, frame["instance_number"]).astype(np.float64)
    expected = canvas_grey8(
        values,
        ReferenceVoi(window["center"], window["width"]),
        ReferenceView(200, 180),
        pixel_aspect=frame["pixel_aspect"],
    )
    assert header.revision == 7
    assert np.abs(pixels.astype(int) - expected).max() <= 1


def test_a_killed_render_node_is_told_and_the_same_view_comes_back(server: UnifiedServer) -> None:
    doctor = Doctor.sign_in(server)
    series = doctor.series()
    instance_id = series["frames"][3]["instance_id"]
    with doctor.connect() as socket:
        _, before = show(socket, series["series_id"], instance_id, 41)
    with doctor.connect() as socket:
        show(socket, series["series_id"], instance_id, 41)
        server.kill_node("render")
        assert close_of(socket)[0] == 4503
    assert doctor.get("/v2/studies").status_code == 200, "HTTP goes on"
    header, after = show_again(doctor, series["series_id"], instance_id, 41)
    assert header.revision == 41
    assert np.array_equal(before, after)


def show_again(doctor: Doctor, series_id: int, instance_id: int, revision: int) -> tuple[FrameHeader, np.ndarray]:
    """Connect as a page does until the node is back."""
    until = time.monotonic() + 40
    while time.monotonic() < until:
        with doctor.connect() as socket:
            try:
                return show(socket, series_id, instance_id, revision)
            except ConnectionClosed:
                assert close_of(socket)[0] == 4503, "what a page sees until the node is back"
        time.sleep(0.2)
    raise AssertionError("the render node did not come back")


def test_a_page_that_floods_is_refused_while_another_doctor_is_served_and_no_node_is_ended(
    server: UnifiedServer,
) -> None:
    doctor, other = Doctor.sign_in(server), Doctor.sign_in(server, "admin")
    nodes = [server.node_pid(name) for name in ("control", "render")]
    series = doctor.series()
    question = {"type": "ask", "cell": 0, "question": 1, "what": {"kind": "pick", "x_px": 1, "y_px": 1}}
    flood = Flood(other.stream_url, (other.ticket(), other.ticket()), (), question)
    with flooding(flood) as sender, doctor.connect() as page:
        for revision in range(1, 25):
            frame = series["frames"][revision % SLICES]
            show(page, series["series_id"], frame["instance_id"], revision, hello=revision == 1)
        output, _ = sender.communicate(timeout=120)
    ends = json.loads(output)
    assert {(code, reason.partition(":")[0]) for _, code, reason in ends} == {(4429, "too_many_messages")}
    assert [server.node_pid(name) for name in ("control", "render")] == nodes


def test_signing_out_closes_the_stream_with_4401(server: UnifiedServer) -> None:
    doctor = Doctor.sign_in(server)
    series = doctor.series()
    with doctor.connect() as socket:
        show(socket, series["series_id"], series["frames"][0]["instance_id"], 1)
        assert doctor.post("/v2/auth/sign-out").status_code == 204
        assert close_of(socket) == (4401, "signed_out")


def test_a_ticket_opens_one_stream_only(server: UnifiedServer) -> None:
    doctor = Doctor.sign_in(server)
    ticket = doctor.ticket()
    with doctor.connect(ticket) as first:
        first.send('{"type": "hello", "version": 1}')
        assert json.loads(first.recv(timeout=30))["type"] == "welcome"
    with doctor.connect(ticket) as second:
        assert close_of(second)[0] == 4401


@pytest.mark.parametrize("protocols", [["webviewer.v1"], ["webviewer.v1", "ticket.guessed"], ["ticket.guessed"], None])
def test_without_a_good_ticket_there_is_no_stream(server: UnifiedServer, protocols: Any) -> None:
    from websockets.exceptions import InvalidHandshake

    try:
        with connect(f"ws://127.0.0.1:{server.port}/eventQueue/render", subprotocols=protocols) as socket:
            assert close_of(socket)[0] == 4401
    except InvalidHandshake:
        pass  # refused before the handshake: as good


def test_a_page_of_another_site_gets_no_stream(server: UnifiedServer) -> None:
    from websockets.exceptions import InvalidHandshake

    doctor = Doctor.sign_in(server)
    with pytest.raises(InvalidHandshake), doctor.connect(origin="http://evil.example") as socket:
        socket.recv(timeout=10)


def test_a_ticket_wants_a_session_and_its_csrf_token(server: UnifiedServer) -> None:
    assert requests.post(f"{server.url}/v2/render/ticket", timeout=30).status_code == 401
    doctor = Doctor.sign_in(server)
    assert doctor.post("/v2/render/ticket", **{"X-CSRF-Token": "wrong"}).status_code == 403


def test_thumbnails_are_private_and_known_again(server: UnifiedServer) -> None:
    doctor = Doctor.sign_in(server)
    path = f"/v2/render/series/{doctor.series()['series_id']}/thumbnail?size=64"
    answer = doctor.get(path)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/jpeg")
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert Image.open(io.BytesIO(answer.content)).size == (64, 48)
    again = doctor.get(path, **{"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert requests.get(f"{server.url}{path}", timeout=30).status_code == 401


def test_another_user_sees_neither_thumbnail_nor_frame_nor_series(server: UnifiedServer) -> None:
    doctor = Doctor.sign_in(server)
    series = doctor.series()
    session = requests.Session()
    session.trust_env = False
    answer = session.post(f"{server.url}/v2/auth/sign-in", json={"user_name": "admin", "password": "admin"}, timeout=30)
    other = Doctor(server, session, answer.json()["csrf_token"])
    assert other.get(f"/v2/render/series/{series['series_id']}/thumbnail").status_code == 404
    instance_id = series["frames"][0]["instance_id"]
    assert other.get(f"/v2/render/instances/{instance_id}/frames/1/rendered").status_code == 404
    with other.connect() as socket:
        socket.send('{"type": "hello", "version": 1}')
        socket.send(json.dumps({"type": "open", "cell": 0, "series_id": series["series_id"]}))
        messages = [json.loads(socket.recv(timeout=30)) for _ in range(2)]
    assert [message["type"] for message in messages] == ["welcome", "view_error"]
    assert messages[1]["code"] == "not_found"


def test_no_ticket_and_no_patient_s_name_is_in_the_log(server: UnifiedServer) -> None:
    doctor = Doctor.sign_in(server)
    ticket = doctor.ticket()
    with doctor.connect(ticket) as socket:
        show(socket, doctor.series()["series_id"], doctor.series()["frames"][0]["instance_id"], 1)
    text = Path(server.log_file).read_text("utf-8")
    assert "rendering_device" in text
    assert ticket not in text
    assert "Phantom" not in text


def test_stopping_the_server_tells_the_page_to_come_back(server: UnifiedServer) -> None:
    """Last in this file: it ends the server."""
    doctor = Doctor.sign_in(server)
    series = doctor.series()
    with doctor.connect() as socket:
        show(socket, series["series_id"], series["frames"][0]["instance_id"], 1)
        server.process.terminate()
        assert close_of(socket)[0] in {1001, 4503}  # whichever of the two nodes leaves first
