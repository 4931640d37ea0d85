"""A render node among others: many storage nodes, who may ask, draining, closing, and what it reports."""

from __future__ import annotations

import contextlib
import io
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import requests
from numpy.typing import NDArray
from PIL import Image
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection

from tests.render.sources import COLUMNS, ROWS, MemorySource, values_of
from tests.render.test_server import OTHER_STORAGE, STORAGE, TOKEN, Server, close_of, receive, receive_still, send
from webviewer.adapters.stream_pass import PASS_LIFE_S, make_pass
from webviewer.core.errors import WebviewerError

REPORT = "/internal/v1/report"
THUMBNAIL = "/internal/v1/render/owners/7/series/1/thumbnail?size=40"
RENDERED = "/internal/v1/render/owners/7/instances/1/frames/1/rendered?window_center=0&window_width=400"


class OtherSource(MemorySource):
    """The same ids for other pictures: upside down, and brighter."""

    def frames(self, owner_id: int, keys: Any) -> Iterator[tuple[Any, bytes | WebviewerError]]:
        for key, _data in super().frames(owner_id, keys):
            yield key, other_values(key[0]).tobytes()


def other_values(instance_id: int) -> NDArray[np.int16]:
    values: NDArray[np.int16] = np.ascontiguousarray(values_of(instance_id)[::-1] + 40).astype("<i2")
    return values


class RestoredSource(OtherSource):
    """A storage node that was restored: at the same address the same ids are of objects that came later."""

    is_restored = False

    def file_of(self, instance_id: int) -> str:
        return f"{'after' if self.is_restored else 'before'}/{instance_id}"

    def frames(self, owner_id: int, keys: Any) -> Iterator[tuple[Any, bytes | WebviewerError]]:
        return super().frames(owner_id, keys) if self.is_restored else MemorySource.frames(self, owner_id, keys)


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server(MemorySource(count=5), OtherSource(count=5))
    yield running
    running.stop()


@pytest.fixture
def restored() -> Iterator[Server]:
    running = Server(RestoredSource(count=5))
    yield running
    running.stop()


def shown(stream: ClientConnection, instance_id: int = 1) -> NDArray[np.uint8]:
    send(stream, type="hello", version=1)
    receive(stream, "welcome")
    send(stream, type="open", cell=0, series_id=1)
    receive(stream, "opened")
    send(
        stream,
        type="view",
        cell=0,
        revision=1,
        width_px=COLUMNS,
        height_px=ROWS,
        image={"instance_id": instance_id, "frame_number": 1},
        window={"kind": "values", "center": 0, "width": 400},
    )
    return np.asarray(Image.open(io.BytesIO(receive_still(stream)[1]))).astype(np.int32)


def test_the_same_ids_on_two_storage_nodes_are_other_pictures_in_a_stream(server: Server) -> None:
    with server.connect() as here, server.connect(storage=OTHER_STORAGE) as there, server.connect() as again:
        first, second, third = shown(here), shown(there), shown(again)
    assert first[0].mean() < 30
    assert first[-1].mean() > 220
    assert second[0].mean() > 220
    assert second[-1].mean() < 90
    assert np.array_equal(first, third)
    assert (server.source.loads_of((1, 1)), len(server.node.cache)) == (1, 10)


def test_the_same_ids_on_two_storage_nodes_are_other_single_pictures_and_etags(server: Server) -> None:
    for path in (THUMBNAIL, RENDERED):
        here = server.get(path)
        there = server.get(path, **{"X-Webviewer-Storage": OTHER_STORAGE, "If-None-Match": here.headers["ETag"]})
        assert (here.status_code, there.status_code) == (200, 200), path
        assert here.headers["ETag"] != there.headers["ETag"]
        first, second = (np.asarray(Image.open(io.BytesIO(one.content)).convert("L")) for one in (here, there))
        assert first[0].mean() < first[-1].mean()
        assert second[0].mean() > second[-1].mean()
        assert server.get(path, **{"If-None-Match": here.headers["ETag"]}).status_code == 304


def test_ids_that_come_again_from_one_address_are_other_pictures_in_a_stream(restored: Server) -> None:
    source = restored.source
    assert isinstance(source, RestoredSource)
    with restored.connect() as stream:
        before = shown(stream)
    source.is_restored = True
    with restored.connect() as stream:
        after = shown(stream)
    assert before[0].mean() < 30
    assert after[0].mean() > 220


def test_a_series_that_is_opened_again_after_a_restore_shows_no_picture_of_before(restored: Server) -> None:
    source = restored.source
    assert isinstance(source, RestoredSource)
    with restored.connect() as stream:
        shown(stream)
        source.is_restored = True
        send(stream, type="open", cell=0, series_id=1)
        receive(stream, "opened")
        window = {"kind": "values", "center": 0, "width": 400}
        send(stream, type="view", cell=0, revision=2, width_px=COLUMNS, height_px=ROWS, window=window)
        header, payload = receive_still(stream)
        while header.revision < 2:
            header, payload = receive_still(stream)
    assert np.asarray(Image.open(io.BytesIO(payload)))[0].mean() > 220


@pytest.mark.parametrize("path", [THUMBNAIL, RENDERED])
def test_ids_that_come_again_from_one_address_are_other_single_pictures_and_etags(restored: Server, path: str) -> None:
    source = restored.source
    assert isinstance(source, RestoredSource)
    before = restored.get(path)
    source.is_restored = True
    source.count = 4  # the series has another version, and the same middle
    after = restored.get(path, **{"If-None-Match": before.headers["ETag"]})
    assert (before.status_code, after.status_code) == (200, 200)
    assert before.headers["ETag"] != after.headers["ETag"]
    first, second = (np.asarray(Image.open(io.BytesIO(one.content)).convert("L")) for one in (before, after))
    assert first[0].mean() < first[-1].mean()
    assert second[0].mean() > second[-1].mean()


def test_a_storage_node_that_hangs_holds_up_nobody_who_draws_from_another(server: Server) -> None:
    server.source.series_gate.clear()
    with contextlib.ExitStack() as hanging:
        hanging.callback(server.source.series_gate.set)
        for _ in range(6):
            stream = hanging.enter_context(server.connect())
            send(stream, type="hello", version=1)
            receive(stream, "welcome")
            for cell in range(4):
                send(stream, type="open", cell=cell, series_id=1)
        with server.connect(storage=OTHER_STORAGE, session="4") as there:
            assert shown(there)[0].mean() > 220
        assert server.get(THUMBNAIL, **{"X-Webviewer-Storage": OTHER_STORAGE}).status_code == 200


@pytest.mark.parametrize(
    "storage",
    [
        None,
        "",
        "ftp://10.0.0.7:8081",
        "http://10.0.0.7",
        "http://10.0.0.7:0",
        "http://10.0.0.7:65536",
        "http://user:secret@10.0.0.7:8081",
        "http://10.0.0.7:8081/path",
        "http://10.0.0.7:8081?query",
        "http://" + "a" * 254 + ":8081",
        "http://[::1]x:8081",
    ],
)
def test_a_storage_node_without_a_plain_address_is_refused(server: Server, storage: str | None) -> None:
    with pytest.raises(InvalidStatus) as caught:
        server.connect(storage=storage)
    assert caught.value.response.status_code == 400
    headers = {"X-Webviewer-Storage": storage or ""}
    assert server.get(THUMBNAIL, **headers).json()["error"]["code"] == "invalid_input"


@pytest.mark.parametrize("missing", ["owner", "session"])
def test_a_stream_says_whose_it_is(server: Server, missing: str) -> None:
    with pytest.raises(InvalidStatus) as caught:
        server.connect(**{missing: None})
    assert caught.value.response.status_code == 400


@pytest.mark.parametrize("name", ["Origin", "Sec-Fetch-Site", "Cookie"])
@pytest.mark.parametrize("path", [THUMBNAIL, REPORT, "/internal/v1/health", "/metrics"])
def test_a_browser_never_reaches_a_node_even_with_the_token(server: Server, name: str, path: str) -> None:
    assert server.get(path).status_code == 200
    assert server.get(path, **{name: "http://127.0.0.1:8090"}).status_code == 403
    with pytest.raises(InvalidStatus) as caught:
        server.connect(headers={name: "http://127.0.0.1:8090"})
    assert caught.value.response.status_code == 403


def passed(server: Server, *, late_s: float = 0.0, **other: Any) -> ClientConnection:
    """Connect as a proxy does: with a pass, without the token, with the browser's headers."""
    whose = {"session_id": 3, "owner_id": 7, "storage": STORAGE, "render": server.url(""), **other}
    given = make_pass(TOKEN, **whose, now_s=time.time() - late_s)
    return server.connect(
        token=None,
        headers={"X-Webviewer-Pass": given, "Origin": "https://pacs.example", "Sec-Fetch-Site": "same-origin"},
    )


def test_a_pass_opens_the_stream_that_it_was_made_for(server: Server) -> None:
    with passed(server) as stream:
        assert shown(stream)[-1].mean() > 220


@pytest.mark.parametrize(
    "other",
    [
        {"owner_id": 8},
        {"session_id": 4},
        {"storage": OTHER_STORAGE},
        {"render": "http://127.0.0.1:18955"},
        {"late_s": PASS_LIFE_S + 5},
    ],
)
def test_a_pass_opens_no_other_stream_and_ends(server: Server, other: dict[str, Any]) -> None:
    with pytest.raises(InvalidStatus) as caught:
        passed(server, **other)
    assert caught.value.response.status_code == 401


def test_a_pass_opens_nothing_but_streams(server: Server) -> None:
    given = make_pass(TOKEN, session_id=3, owner_id=7, storage=STORAGE, render=server.url(""), now_s=time.time())
    headers = {"X-Webviewer-Pass": given, "X-Webviewer-Owner": "7", "X-Webviewer-Session": "3"}
    answer = requests.get(server.url(THUMBNAIL), headers={**headers, "X-Webviewer-Storage": STORAGE}, timeout=20)
    assert answer.status_code == 401


def put(server: Server, path: str, value: object, method: str = "PUT") -> requests.Response:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    return requests.request(method, server.url(path), json=value, headers=headers, timeout=20)


def test_an_inactive_node_sends_its_viewers_away_refuses_new_ones_and_comes_back(server: Server) -> None:
    with server.connect() as stream, server.connect() as greeting:
        shown(stream)
        assert put(server, "/internal/v1/active", {"active": False}).status_code == 204
        assert close_of(stream)[0] == 4503
        assert close_of(greeting)[0] == 4503
    with pytest.raises(InvalidStatus) as caught:
        server.connect()
    assert caught.value.response.status_code == 503
    assert server.get(REPORT).json()["active"] is False
    assert server.get(THUMBNAIL).status_code == 200  # of a session that is on its way to another node
    assert put(server, "/internal/v1/active", {"active": True}).status_code == 204
    with server.connect() as stream:
        shown(stream)


def test_a_node_that_drains_lets_what_is_being_sent_out(server: Server) -> None:
    with server.connect(max_size=None) as stream:
        shown(stream)
        for revision in (2, 3):
            send(stream, type="view", cell=0, revision=revision, width_px=COLUMNS, height_px=ROWS)
        deadline = time.monotonic() + 20
        while server.scheduler.counters.still_frames < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
        put(server, "/internal/v1/active", {"active": False})
        assert pictures_until_closed(stream) >= 1
        assert close_of(stream)[0] == 4503


def pictures_until_closed(stream: ClientConnection) -> int:
    pictures = 0
    with contextlib.suppress(ConnectionClosed):
        while True:
            pictures += isinstance(stream.recv(timeout=20), bytes)
    return pictures


@pytest.mark.parametrize("value", [{}, {"active": 1}, {"active": "false"}, [], None])
def test_a_wish_that_is_none_changes_nothing(server: Server, value: object) -> None:
    assert put(server, "/internal/v1/active", value).status_code == 400
    assert server.get(REPORT).json()["active"] is True


def test_the_streams_of_a_session_are_closed_and_no_others(server: Server) -> None:
    path = "/internal/v1/render/sessions/3/close"
    with server.connect() as first, server.connect() as second, server.connect(session="4") as other:
        shown(first), shown(second), shown(other)
        answer = put(server, path, {"code": 4401, "reason": "signed_out"}, "POST")
        assert answer.json() == {"closed": 2}
        assert close_of(first) == close_of(second) == (4401, "signed_out")
        send(other, type="ping")
        receive(other, "pong")
    for wrong in ({"code": 1000, "reason": ""}, {"code": 4401}, {"reason": "x"}, {"code": True, "reason": "x"}, 7):
        assert put(server, path, wrong, "POST").status_code == 400


def test_the_report_names_the_sessions_that_somebody_works_in(server: Server) -> None:
    with server.connect(session="11") as worked, server.connect(session="12") as watched:
        shown(worked)
        send(watched, type="hello", version=1)
        receive(watched, "welcome")

        def ping() -> None:
            for stream in (worked, watched):
                send(stream, type="ping")
                receive(stream, "pong")

        ping()  # what opening them counts as is noted once the welcome has gone out
        since_s = time.monotonic()
        ping()
        assert server.node.uses.since(since_s) == [], "pings are no work"
        send(worked, type="view", cell=0, revision=9, width_px=COLUMNS, height_px=ROWS)
        receive_still(worked)
        assert server.node.uses.since(since_s) == [11]
        said = server.get(REPORT).json()
    assert said["sessions_used"] == [11, 12]
    assert (said["kind"], said["identity"], said["address"]) == (
        "render",
        "http://127.0.0.1:8080",
        "http://127.0.0.1:8080",
    )
    assert said["facts"]["device"]["renderer"]
