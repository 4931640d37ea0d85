"""The render node's HTTP and WebSocket side over a real port."""

from __future__ import annotations

import asyncio
import io
import itertools
import json
import logging
import re
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from socket import SHUT_RDWR, create_server
from typing import Any

import numpy as np
import pytest
import requests
from aiohttp import web
from PIL import Image
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from renderpool.server import DOOR, Description, RenderNode, StorageNodes, create_app, drawing_watch, listening
from renderpool.session.cache import ImageCache
from renderpool.session.scheduler import Scheduler
from renderpool.session.volume_cache import VolumeCache
from tests.render.house import pixels_of, wait_until
from tests.render.reference_view import grey_linear, worst
from tests.render.sources import COLUMNS, ROWS, MemorySource, attributes, values_of
from tests.render.test_series_window import BlankSource, SliceSource
from tests.render.test_volume_session import SLICES, STEP_MM, WINDOW, oblique, smooth_pixels
from tests.render.volume_sources import SpaceSource, even
from tests.support.frames import unpack_frame
from webviewer.core import errors
from webviewer.core.correlation import headers_for_call
from webviewer.core.http_errors import HTTP_STATUS, status_of
from webviewer.core.log import JsonFormatter
from webviewer.dicom.attributes import ImageAttributes, VoiWindow
from webviewer.protocol.framing import FrameFlag, FrameHeader

TOKEN = "token-of-the-test-0123456789"


STORAGE = "http://127.0.0.1:9"
OTHER_STORAGE = "http://127.0.0.1:10"


class Server:
    """A render node in this process, on a free port, its event loop in a thread; ``source`` is what `STORAGE` holds."""

    def __init__(self, source: Any, other: MemorySource | None = None) -> None:
        self.source = source
        sources: dict[str, Any] = {STORAGE: source, OTHER_STORAGE: other or MemorySource(count=0)}
        cache, volumes = ImageCache(64 * 1024**2, decode_threads=2), VolumeCache(64 * 1024**2)
        self.scheduler = Scheduler(debug=True)
        storages = StorageNodes(cache, volumes, sources.__getitem__)
        self.node = RenderNode(storages, cache, volumes, self.scheduler, self.scheduler.start(), TOKEN, "test")
        description = Description(self.node, lambda: "http://127.0.0.1:8080")
        self._loop = asyncio.new_event_loop()
        app = create_app(self.node, description)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=2)
        self._loop.run_until_complete(self._runner.setup())
        listener = create_server(("127.0.0.1", 0))
        self.port = int(listener.getsockname()[1])
        self._listening = listening(self._runner, app[DOOR], listener)
        self._loop.run_until_complete(self._listening.__aenter__())
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def get(self, path: str, **headers: str) -> requests.Response:
        known = {"Authorization": f"Bearer {TOKEN}", "X-Webviewer-Storage": STORAGE}
        return requests.get(self.url(path), headers={**known, **headers}, timeout=20)

    def connect(
        self,
        owner: str | None = "7",
        token: str | None = TOKEN,
        *,
        session: str | None = "3",
        storage: str | None = STORAGE,
        headers: Mapping[str, str] | None = None,
        **options: Any,
    ) -> ClientConnection:
        given = {
            "Authorization": None if token is None else f"Bearer {token}",
            "X-Webviewer-Owner": owner,
            "X-Webviewer-Session": session,
            "X-Webviewer-Storage": storage,
            **(headers or {}),
        }
        return connect(
            f"ws://127.0.0.1:{self.port}/internal/v1/render/stream",
            additional_headers={name: value for name, value in given.items() if value is not None},
            subprotocols=["webviewer.v1"],  # type: ignore[list-item]
            compression=None,
            **options,
        )

    def stop(self) -> None:
        if self._thread.is_alive():
            for end in (self._listening.__aexit__(None, None, None), self._runner.cleanup()):
                asyncio.run_coroutine_threadsafe(end, self._loop).result(10)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(10)
            self._loop.close()
        self.node.close()


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server(MemorySource(count=5, bad=frozenset({4})))
    yield running
    running.stop()


def send(socket: ClientConnection, **message: Any) -> None:
    socket.send(json.dumps(message))


def receive(socket: ClientConnection, kind: str) -> dict[str, Any]:
    """Return the next text of a type; frames in between are acknowledged."""
    while True:
        data = socket.recv(timeout=20)
        if isinstance(data, bytes):
            send(socket, type="ack", sequence=unpack_frame(data)[0].sequence)
        else:
            message: dict[str, Any] = json.loads(data)
            if message["type"] == kind:
                return message


def receive_still(socket: ClientConnection) -> tuple[FrameHeader, bytes]:
    while True:
        data = socket.recv(timeout=20)
        if isinstance(data, bytes):
            header, payload = unpack_frame(data)
            send(socket, type="ack", sequence=header.sequence)
            if FrameFlag.STILL in header.flags:
                return header, payload


def close_of(socket: ClientConnection) -> tuple[int, str]:
    try:
        while True:
            socket.recv(timeout=20)
    except ConnectionClosed as exc:
        return (exc.rcvd.code, exc.rcvd.reason) if exc.rcvd else (1006, "no close frame")


def test_a_stream_welcomes_opens_and_shows(server: Server) -> None:
    with server.connect() as socket:
        assert socket.subprotocol == "webviewer.v1"
        send(socket, type="hello", version=1)
        welcome = receive(socket, "welcome")
        assert (welcome["version"], welcome["software"]) == (1, server.node.device.software)
        send(socket, type="open", cell=0, series_id=1)
        assert receive(socket, "opened") == {"type": "opened", "cell": 0, "series_id": 1, "frame_count": 5}
        send(socket, type="view", cell=0, revision=1, width_px=COLUMNS, height_px=ROWS)
        header, payload = receive_still(socket)
        assert header.revision == 1
        pixels = np.asarray(Image.open(io.BytesIO(payload)))
        assert worst(pixels, grey_linear(values_of(1).astype(float), 40, 400)) <= 1
        send(socket, type="ping")
        receive(socket, "pong")
        image = {"instance_id": 4, "frame_number": 1}
        send(socket, type="view", cell=0, revision=2, width_px=COLUMNS, height_px=ROWS, image=image)
        error = receive(socket, "view_error")
        assert (error["revision"], error["image"]) == (2, image)


@pytest.mark.parametrize("token", ["", "wrong", TOKEN + "x"])
def test_without_the_internal_token_there_is_no_stream(server: Server, token: str) -> None:
    with pytest.raises(InvalidStatus) as caught:
        server.connect(token=token)
    assert caught.value.response.status_code == 401


@pytest.mark.parametrize("owner", [None, "", "x", "-1", "7; drop", "١"])
def test_without_an_owner_there_is_no_stream(server: Server, owner: str | None) -> None:
    if owner == "١":
        owner = "%D9%A1"
    with pytest.raises(InvalidStatus) as caught:
        server.connect(owner=owner)
    assert caught.value.response.status_code == 400


@pytest.mark.parametrize(
    ("first", "reason"),
    [
        ('{"type": "hello", "version": 2}', "Version 2 is not spoken here, expected 1."),
        ('{"type": "open", "cell": 0, "series_id": 1}', "The first message must be hello."),
        ("hello", "message: Invalid JSON"),
        (b"hello", "The first message must be hello."),
    ],
)
def test_a_wrong_first_message_closes_with_4400(server: Server, first: str | bytes, reason: str) -> None:
    with server.connect() as socket:
        socket.send(first)
        code, said = close_of(socket)
    assert code == 4400
    assert said.startswith(reason)


@pytest.mark.parametrize("second", ['{"type": "view"}', '{"type": "hello", "version": 1}', b"\x00", "[]"])
def test_a_message_that_breaks_the_contract_closes_with_4400(server: Server, second: str | bytes) -> None:
    with server.connect() as socket:
        send(socket, type="hello", version=1)
        receive(socket, "welcome")
        socket.send(second)
        assert close_of(socket)[0] == 4400
    wait_for_sessions(server, 0)


def test_a_message_over_the_limit_ends_the_stream(server: Server) -> None:
    with server.connect() as socket:
        send(socket, type="hello", version=1)
        receive(socket, "welcome")
        socket.send(" " * 70_000)
        assert close_of(socket)[0] == 1009
    wait_for_sessions(server, 0)


def wait_for_sessions(server: Server, count: int) -> None:
    until = time.monotonic() + 10
    while server.scheduler.session_count != count:
        assert time.monotonic() < until
        time.sleep(0.01)


def test_stopping_closes_every_stream_with_1001(server: Server) -> None:
    with server.connect() as first, server.connect() as second:
        for socket in (first, second):
            send(socket, type="hello", version=1)
            receive(socket, "welcome")
        stopper = threading.Thread(target=server.stop)
        stopper.start()
        assert [close_of(socket)[0] for socket in (first, second)] == [1001, 1001]
        stopper.join()


def test_a_viewer_that_vanishes_leaves_no_session(server: Server) -> None:
    with server.connect() as socket:
        send(socket, type="hello", version=1)
        receive(socket, "welcome")
        wait_for_sessions(server, 1)
        socket.socket.shutdown(SHUT_RDWR)
        wait_for_sessions(server, 0)


def test_two_owners_cannot_see_each_other_s_series(server: Server) -> None:
    with server.connect(owner="8") as socket:
        send(socket, type="hello", version=1)
        send(socket, type="open", cell=0, series_id=1)
        assert receive(socket, "view_error")["code"] == "not_found"
    path = "/internal/v1/render/owners/8/series/1/thumbnail"
    assert server.get(path).status_code == 404


def test_a_thumbnail_shows_the_middle_image_and_is_known_again_by_its_etag(server: Server) -> None:
    path = "/internal/v1/render/owners/7/series/1/thumbnail?size=40"
    answer = server.get(path)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/jpeg")
    assert answer.headers["Cache-Control"] == "private, no-cache"
    picture = Image.open(io.BytesIO(answer.content))
    assert picture.size == (40, 32)
    assert server.source.loads_of((3, 1)) == 1
    again = server.get(path, **{"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert server.get(path.replace("40", "48")).headers["ETag"] != answer.headers["ETag"]


def test_a_thumbnail_that_is_there_costs_one_question_and_new_images_make_a_new_one(server: Server) -> None:
    path = "/internal/v1/render/owners/7/series/1/thumbnail?size=40"
    first = server.get(path)
    assert server.source.series_asked == [1]
    assert server.get(path).content == first.content
    assert server.source.series_asked == [1], "the series is not fetched again while it is as it was"
    server.source.count = 11
    second = server.get(path, **{"If-None-Match": first.headers["ETag"]})
    assert (second.status_code, server.source.series_asked) == (200, [1, 1])
    assert second.headers["ETag"] != first.headers["ETag"]
    assert server.source.loads_of((6, 1)) == 1
    assert server.get(path.replace("owners/7", "owners/8")).status_code == 404


def test_a_thumbnail_has_the_window_that_its_series_is_opened_with() -> None:
    def describe(instance_id: int) -> ImageAttributes:
        one = attributes()
        windows = (
            () if instance_id == 2 else (VoiWindow(float(instance_id), 40.0),)
        )  # the middle one recommends nothing
        return replace(one, modality="MR", frames=(replace(one.frames[0], windows=windows),))

    running = Server(SliceSource(describe))
    try:
        answer = running.get("/internal/v1/render/owners/7/series/1/thumbnail?size=80")
    finally:
        running.stop()
    pixels = np.asarray(Image.open(io.BytesIO(answer.content))).astype(int)
    expected = grey_linear(values_of(2).astype(float), 1, 40)
    assert np.abs(pixels - expected).mean() < 3, "as JPEG; its own values would fill the whole range"


def test_a_thumbnail_of_a_blank_middle_slice_has_the_window_of_the_nearest_slice_with_a_range() -> None:
    running = Server(BlankSource(frozenset({2}), count=3, value=500))
    try:
        answer = running.get("/internal/v1/render/owners/7/series/1/thumbnail?size=80")
    finally:
        running.stop()
    pixels = np.asarray(Image.open(io.BytesIO(answer.content))).astype(int)
    first = values_of(1).astype(float)
    expected = 255 * np.clip((500 - first.min()) / (first.max() - first.min()), 0, 1)
    assert np.abs(pixels - expected).max() <= 3, "as JPEG; its own window would make it half bright"


def test_a_thumbnail_whose_window_is_not_known_now_is_kept_by_nobody() -> None:
    source = BlankSource(frozenset({2}), count=3, value=500)
    source.away_for = frozenset({1})
    running = Server(source)
    try:
        passing = running.get("/internal/v1/render/owners/7/series/1/thumbnail?size=80")
        source.away_for = frozenset()
        final = running.get("/internal/v1/render/owners/7/series/1/thumbnail?size=80")
        again = running.get("/internal/v1/render/owners/7/series/1/thumbnail?size=80")
    finally:
        running.stop()
    assert (passing.status_code, passing.headers["Cache-Control"]) == (200, "private, no-store")
    assert "ETag" not in passing.headers
    assert final.content != passing.content, "the window of the nearest slice with a range"
    assert final.headers["ETag"] == again.headers["ETag"]
    assert final.content == again.content


def test_a_rendered_frame_has_the_image_s_own_size_and_recommended_window(server: Server) -> None:
    answer = server.get("/internal/v1/render/owners/7/instances/2/frames/1/rendered")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/png")
    pixels = np.asarray(Image.open(io.BytesIO(answer.content)))
    assert pixels.shape == (ROWS, COLUMNS)
    assert worst(pixels, grey_linear(values_of(2).astype(float), 40, 400)) <= 1


def test_a_rendered_frame_takes_size_window_and_format(server: Server) -> None:
    base = "/internal/v1/render/owners/7/instances/2/frames/1/rendered"
    answer = server.get(f"{base}?width=160&format=jpeg&window_center=0&window_width=100")
    picture = Image.open(io.BytesIO(answer.content))
    assert (picture.format, picture.size) == ("JPEG", (160, 128))
    boxed = Image.open(io.BytesIO(server.get(f"{base}?width=100&height=200").content))
    assert boxed.size == (100, 200)
    assert boxed.getpixel((50, 10)) == 0


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/internal/v1/render/owners/7/series/99/thumbnail", 404, "not_found"),
        ("/internal/v1/render/owners/7/series/1/thumbnail?size=5", 400, "invalid_input"),
        ("/internal/v1/render/owners/7/series/1/thumbnail?size=1e3", 400, "invalid_input"),
        ("/internal/v1/render/owners/7/instances/99/frames/1/rendered", 404, "not_found"),
        ("/internal/v1/render/owners/7/instances/2/frames/2/rendered", 404, "not_found"),
        ("/internal/v1/render/owners/7/instances/2/frames/1/rendered?width=5000", 400, "invalid_input"),
        ("/internal/v1/render/owners/7/instances/2/frames/1/rendered?format=gif", 400, "invalid_input"),
        (
            "/internal/v1/render/owners/7/instances/2/frames/1/rendered?window_width=nan&window_center=1",
            400,
            "invalid_input",
        ),
        (
            "/internal/v1/render/owners/7/instances/2/frames/1/rendered?window_width=1e-300&window_center=1",
            400,
            "invalid_input",
        ),
        ("/internal/v1/render/owners/7/instances/2/frames/1/rendered?window_width=10", 400, "invalid_input"),
        ("/internal/v1/render/owners/7/instances/4/frames/1/rendered", 422, "data_error"),
        ("/internal/v1/render/owners/x/series/1/thumbnail", 404, "not_found"),
        ("/etc/passwd", 404, "not_found"),
    ],
)
def test_what_cannot_be_answered_is_said_in_the_one_shape(server: Server, path: str, status: int, code: str) -> None:
    answer = server.get(path)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (status, code)
    assert set(error) == {"code", "message", "details", "correlation_id"}


def test_the_id_of_a_request_is_in_the_log_and_goes_to_the_storage_node(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[dict[str, str], int]] = []

    def refuse(_owner_id: int, series_id: int, _version: str) -> None:
        asked.append((headers_for_call(), series_id))
        raise errors.Unavailable("The storage node does not answer.")

    monkeypatch.setattr(server.source, "newer_series", refuse)
    written, logger = io.StringIO(), logging.getLogger("renderpool.server.app")
    handler = logging.StreamHandler(written)
    handler.setFormatter(JsonFormatter("render"))
    logger.addHandler(handler)
    try:
        answer = server.get("/internal/v1/render/owners/7/series/1/thumbnail", **{"X-Request-Id": "chain-1"})
        other = server.get("/internal/v1/render/owners/7/series/2/thumbnail", **{"X-Request-Id": "Spur^Sina"})
    finally:
        logger.removeHandler(handler)
    ids = [one.json()["error"]["correlation_id"] for one in (answer, other)]
    assert ids[0] == "chain-1"
    assert re.fullmatch("[0-9a-f]{32}", ids[1])
    assert asked == [({"X-Request-Id": ids[0]}, 1), ({"X-Request-Id": ids[1]}, 2)]
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    assert [(line["correlation_id"], line["status"], line["code"]) for line in lines] == [
        (ids[0], 503, "unavailable"),
        (ids[1], 503, "unavailable"),
    ]
    assert lines[0]["route"] == "/internal/v1/render/owners/{owner}/series/{series}/thumbnail"


def test_status_needs_the_token_and_tells_the_device(server: Server) -> None:
    for path in ("/internal/v1/status", "/internal/v1/report", "/internal/v1/render/stream", "/metrics/", "//metrics"):
        assert requests.get(server.url(path), timeout=20).status_code == 401, path
    status = server.get("/internal/v1/status").json()
    assert status["device"]["renderer"] == server.node.device.renderer
    assert status["image_cache"]["budget_bytes"] == status["volume_cache"]["budget_bytes"] == 64 * 1024**2
    assert "webviewer_render_sessions 0.0" in server.get("/metrics").text


def test_a_volume_is_drawn_over_the_socket_and_goes_with_it() -> None:
    running = Server(SpaceSource(smooth_pixels(), even(SLICES, STEP_MM)))
    try:
        with running.connect() as socket:
            send(socket, type="hello", version=1)
            receive(socket, "welcome")
            send(socket, type="open_volume", cell=3, series_id=1)
            assert receive(socket, "volume_opened")["shape"] == [SLICES, 24, 32]
            wish = oblique(window=WINDOW.model_dump())
            send(socket, type="plane", cell=3, revision=1, width_px=90, height_px=70, **wish)
            header, payload = receive_still(socket)
            assert (header.cell, header.width_px, header.height_px) == (3, 90, 70)
            assert pixels_of(payload).max() > 150
            send(socket, type="edit", cell=3, number=1, step={"kind": "table"})
            pose = {name: wish[name] for name in ("right_lps", "down_lps", "mm_per_px")}
            pose |= {"width_px": 64, "height_px": 48, "target_lps_mm": wish["center_lps_mm"]}
            send(socket, type="camera", cell=3, revision=2, pose=pose, edits=1)
            assert receive_still(socket)[0].revision == 2
            send(socket, type="ask", cell=3, question=4, what={"kind": "pick", "x_px": -9, "y_px": 0})
            assert receive(socket, "picked")["p_lps_mm"] is None
            held = running.get("/internal/v1/status").json()["volume_cache"]
            assert (held["volumes"], held["loads"]) == (1, 1)
            assert held["bytes"] == held["in_use_bytes"] == 2 * 24 * 32 * SLICES
            device = running.get("/internal/v1/status").json()["device_memory"]
            assert device["volume_bytes"] == held["bytes"]
            assert 0 < device["mask_bytes"] < held["bytes"]
            assert device["volume_budget_bytes"] >= 1024**3
            text = running.get("/metrics").text
            assert f"webviewer_render_volume_in_use_bytes {float(held['bytes'])}" in text
            assert (
                f"webviewer_render_device_volume_bytes {float(device['volume_bytes'] + device['mask_bytes'])}" in text
            )
        wait_until(lambda: running.node.volumes.in_use_bytes() == 0)
        assert len(running.node.volumes) == 1, "kept for the next one"
    finally:
        running.stop()


def test_a_monitor_needs_no_token_for_health_and_metrics_and_reads_of_nobody(server: Server) -> None:
    with server.connect() as socket:
        send(socket, type="hello", version=1)
        receive(socket, "welcome")
        health = requests.get(server.url("/internal/v1/health"), timeout=20)
        assert (health.status_code, health.json()) == (200, {"ready": True})
        text = requests.get(server.url("/metrics"), timeout=20).text
    assert "webviewer_render_sessions 1.0" in text
    # Outcomes of frames, and the kind of connections and why they were cut: no session, owner or address.
    labels = set(re.findall(r'(\w+)="', text))
    assert labels == {"outcome", "port", "kind", "reason"}
    for path in ("/internal/v1/health", "/metrics"):
        assert requests.get(server.url(path), headers={"Sec-Fetch-Site": "none"}, timeout=20).status_code == 403
        # A ping is to find out whether a node takes our calls.
        assert requests.get(server.url(path), headers={"Authorization": "Bearer guess"}, timeout=20).status_code == 401


def test_health_says_when_the_driver_does_not_return(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing_watch, "HANGS_AFTER_LOOKS", 2)
    watch = server._runner.app[drawing_watch.DRAWING_WATCH]  # on a machine that has time, however busy this one is
    looks = itertools.count()
    monkeypatch.setattr(watch, "_clock", lambda: float(next(looks)))
    monkeypatch.setattr(watch, "_processor_time", lambda: drawing_watch.ProcessorTime(0.0, 0.0))
    assert server.get("/internal/v1/health").status_code == 200
    release = threading.Event()
    drawn = server.scheduler.submit(lambda _: release.wait(20))
    try:
        wait_until(lambda: server.get("/internal/v1/health").status_code == 503)
        answer = server.get("/internal/v1/health")
        assert str(answer.json()["reason"]).startswith("The drawing thread has been at one part of a picture for ")
    finally:
        release.set()
    assert drawn.result(5)
    wait_until(lambda: server.get("/internal/v1/health").status_code == 200)


def test_health_says_when_nothing_can_be_drawn_any_more(server: Server) -> None:
    server.scheduler.stop()
    answer = server.get("/internal/v1/health")
    assert (answer.status_code, answer.json()["ready"]) == (503, False)


def test_every_error_of_ours_has_a_status() -> None:
    kinds = [
        kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.WebviewerError)
    ]
    assert len(kinds) > 15
    statuses = {kind.__name__: status_of(kind("words")) for kind in kinds}
    assert statuses["DecodeError"] == 422
    assert statuses["OutOfResources"] == 507
    assert statuses["DeviceLost"] == 503
    assert all(400 <= status < 600 for status in statuses.values())
    assert HTTP_STATUS[errors.WebviewerError] == 500


def test_an_empty_internal_token_is_refused_at_start(server: Server) -> None:
    from dataclasses import replace

    with pytest.raises(errors.ConfigError, match="internal token is empty"):
        create_app(replace(server.node, internal_token=""), Description(server.node, lambda: "http://127.0.0.1:8080"))
