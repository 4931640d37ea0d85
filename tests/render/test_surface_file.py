"""Surfaces over HTTP: a real server, volumes in memory, and the file read by code of its own."""

from __future__ import annotations

import json
import logging
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import pytest
import requests
from aiohttp import web
from numpy.typing import NDArray

from renderpool.server import surfaces
from renderpool.server.surfaces import SURFACES
from renderpool.session.source import FrameKey, SeriesFrames
from renderpool.session.surface import surface_stl
from tests.render.house import wait_until
from tests.render.test_server import STORAGE, TOKEN, Server
from tests.render.volume_sources import OWNER, SpaceSource, even
from webviewer.core.errors import WebviewerError

SLICES, ROWS, COLUMNS = 20, 24, 32


def ball() -> NDArray[np.int16]:
    """A ball of 800 in -500: stored values mean twice as much less 1000."""
    k, j, i = np.mgrid[:SLICES, :ROWS, :COLUMNS]
    inside = (i - 15.5) ** 2 + (j - 11.5) ** 2 + (k - 9.5) ** 2 < 7**2
    found: NDArray[np.int16] = np.where(inside, 900, 250).astype(np.int16)
    return found


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server(SpaceSource(ball(), even(SLICES, 1.0)))
    yield running
    running.stop()


def ask(server: Server, body: Any, path: str = "series/1/volumes/0/surface", owner: int = 7) -> requests.Response:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {TOKEN}", "X-Webviewer-Storage": STORAGE}
    url = server.url(f"/internal/v1/render/owners/{owner}/{path}")
    return requests.post(url, data=data, headers=headers, timeout=30)


def triangles_of(data: bytes) -> NDArray[np.float64]:
    """Return corners (n, 3, 3) of a binary STL file."""
    count = int.from_bytes(data[80:84], "little")
    assert len(data) == 84 + 50 * count
    rows = np.frombuffer(data[84:], np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("rest", "<u2")]))
    return rows["corners"].astype(np.float64)


def volume_mm3(corners: NDArray[np.float64]) -> float:
    """Return what a closed surface holds, by the divergence theorem: positive where triangles are turned outwards."""
    return float(np.einsum("ni,ni->n", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])).sum() / 6)


def test_the_file_holds_the_surface_of_the_ball(server: Server) -> None:
    answer = ask(server, {"iso_value": 150.0})
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "model/stl"
    assert int(answer.headers["Content-Length"]) == len(answer.content)
    found = volume_mm3(triangles_of(answer.content))
    spacing = server.node.storages.of(STORAGE).stores.volumes.volumes_of(_series(server)).plan(0).grid.spacing_mm
    truth = float((ball() > 500).sum() * np.prod(spacing))
    assert found == pytest.approx(truth, rel=0.05)
    wait_until(lambda: server.node.volumes.in_use_bytes() == 0)


def _series(server: Server) -> Any:
    return server.node.storages.of(STORAGE).source.series(7, 1)


def test_what_edits_took_away_is_not_in_it(server: Server) -> None:
    whole = triangles_of(ask(server, {"iso_value": 150.0}).content)
    low, high = whole.reshape(-1, 3).min(axis=0), whole.reshape(-1, 3).max(axis=0)
    middle = ((low + high) / 2).tolist()
    pose = {"width_px": 400, "height_px": 400, "target_lps_mm": middle, "right_lps": [1.0, 0.0, 0.0]}
    pose |= {"down_lps": [0.0, 1.0, 0.0], "mm_per_px": 0.25}
    right_half = [[200.0, 0.0], [400.0, 0.0], [400.0, 400.0], [200.0, 400.0]]
    step = {"kind": "polygon", "pose": pose, "points": right_half, "inside": True}
    cut = triangles_of(ask(server, {"iso_value": 150.0, "edits": [step]}).content)
    assert cut[..., 0].max() < middle[0] + 1.0
    assert volume_mm3(cut) == pytest.approx(volume_mm3(whole) / 2, rel=0.12)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "invalid_input"),
        (b"{}", 400, "invalid_input"),
        ({"iso_value": "a"}, 400, "invalid_input"),
        ({"iso_value": 1.0, "edits": [{"kind": "bone"}]}, 400, "invalid_input"),
        ({"iso_value": 1e6}, 400, "no_surface"),
        (b" " * (1024**2 + 1), 413, "too_large"),
    ],
)
def test_what_is_no_surface_is_refused_in_words(server: Server, body: Any, status: int, code: str) -> None:
    answer = ask(server, body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code), answer.text
    assert answer.json()["error"]["message"]
    wait_until(lambda: server.node.volumes.in_use_bytes() == 0)


def test_a_volume_that_is_none_is_not_found(server: Server) -> None:
    assert ask(server, {"iso_value": 150.0}, "series/1/volumes/5/surface").status_code == 404


def test_of_one_owner_one_is_made_at_a_time(server: Server) -> None:
    source = server.node.storages.of(STORAGE).source
    assert isinstance(source, SpaceSource)
    source.gate.clear()  # nothing is loaded before it opens
    answers: list[int] = []
    waiting = threading.Thread(target=lambda: answers.append(ask(server, {"iso_value": 150.0}).status_code))
    waiting.start()
    assert source.waits.wait(20)
    refused = ask(server, {"iso_value": 150.0})
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "5")
    source.gate.set()
    waiting.join(20)
    assert answers == [200]
    wait_until(lambda: server.node.volumes.in_use_bytes() == 0)
    assert ask(server, {"iso_value": 150.0}).status_code == 200


# -- readers -----------------------------------------------------------------------------------------------------------


class SharedSource(SpaceSource):
    """A series that every owner has."""

    def series(self, owner_id: int, series_id: int) -> SeriesFrames:
        return super().series(OWNER, series_id)

    def frames(self, owner_id: int, keys: Sequence[FrameKey]) -> Iterator[tuple[FrameKey, bytes | WebviewerError]]:
        return super().frames(OWNER, keys)


@pytest.fixture
def noisy() -> Iterator[Server]:
    """A surface of 20 MB, more than sockets hold."""
    pixels = np.random.default_rng(4).integers(0, 1000, (40, 56, 56)).astype(np.int16)
    running = Server(SharedSource(pixels, even(40, 1.0)))
    yield running
    running.stop()


def slow_reader(server: Server, owner: int) -> socket.socket:
    """Return a connection that has the beginning of a surface and reads no more."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    made.settimeout(20)
    made.connect(("127.0.0.1", server.port))
    body = b'{"iso_value": 0.0}'
    lines = [
        f"POST /internal/v1/render/owners/{owner}/series/1/volumes/0/surface HTTP/1.1",
        "Host: 127.0.0.1",
        f"Authorization: Bearer {TOKEN}",
        f"X-Webviewer-Storage: {STORAGE}",
        f"Content-Length: {len(body)}",
    ]
    made.sendall("\r\n".join([*lines, "", ""]).encode() + body)
    assert made.recv(12) == b"HTTP/1.1 200"
    return made


def app_of(server: Server) -> web.Application:
    app = server._runner.app
    assert app is not None
    return app


def test_who_reads_slowly_holds_up_nobody(noisy: Server) -> None:
    readers = [slow_reader(noisy, owner) for owner in (1, 2)]
    answer = ask(noisy, {"iso_value": 0.0}, owner=3)
    assert answer.status_code == 200
    assert len(answer.content) == int(answer.headers["Content-Length"]) > 10_000_000
    for reader in readers:
        reader.close()
    wait_until(lambda: noisy.node.volumes.in_use_bytes() == 0)


@pytest.mark.parametrize("way", ["stalls", "leaves"])
def test_a_reader_who_stalls_or_leaves_is_no_crash(way: str, noisy: Server, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    if way == "stalls":
        app_of(noisy)[SURFACES].grace_s = 0.5
        app_of(noisy)[SURFACES].least_bytes_per_s = 1e9
    reader = slow_reader(noisy, 1)
    if way == "leaves":
        reader.close()
    wait_until(lambda: noisy.node.volumes.in_use_bytes() == 0)
    reader.close()
    assert ask(noisy, {"iso_value": 5000.0}, owner=1).json()["error"]["code"] == "no_surface", "its seat is free"
    told = [record for record in caplog.records if record.name.startswith("renderpool.server")]
    assert next(record.message for record in told) == "surface_broken_off"
    assert not [record for record in caplog.records if record.exc_info or record.levelno >= logging.WARNING]


def test_who_reads_steadily_but_below_the_least_rate_is_given_up(noisy: Server) -> None:
    seats = app_of(noisy)[SURFACES]
    seats.grace_s, seats.least_bytes_per_s = 1.0, 4e6
    reader = slow_reader(noisy, 1)
    deadline_s = time.monotonic() + 15
    while noisy.node.volumes.in_use_bytes():
        reader.recv(4000)  # each soon enough, all of them in a minute
        time.sleep(0.01)
        assert time.monotonic() < deadline_s
    reader.close()


def test_a_surface_of_too_many_triangles_is_no_matter_of_waiting(
    noisy: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(surfaces, "surface_stl", partial(surface_stl, max_triangles=2000))
    answer = ask(noisy, {"iso_value": 0.0})
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "surface_too_big")
    assert "Retry-After" not in answer.headers
