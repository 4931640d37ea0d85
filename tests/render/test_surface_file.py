"""Surfaces over HTTP: a real server, volumes in memory, and the file read by code of its own."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import requests
from numpy.typing import NDArray

from renderpool.server.surfaces import SURFACES
from tests.render.house import wait_until
from tests.render.test_server import STORAGE, TOKEN, Server
from tests.render.volume_sources import SpaceSource, even

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
        (b" " * (1024**2 + 1), 429, "limit_exceeded"),
    ],
)
def test_what_is_no_surface_is_refused_in_words(server: Server, body: Any, status: int, code: str) -> None:
    answer = ask(server, body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code), answer.text
    assert answer.json()["error"]["message"]
    wait_until(lambda: server.node.volumes.in_use_bytes() == 0)


def test_a_volume_that_is_none_is_not_found(server: Server) -> None:
    assert ask(server, {"iso_value": 150.0}, "series/1/volumes/5/surface").status_code == 404


def test_no_more_than_two_are_made_at_once(server: Server) -> None:
    source = server.node.storages.of(STORAGE).source
    assert isinstance(source, SpaceSource)
    source.gate.clear()  # nothing is loaded before it opens
    answers: list[int] = []
    waiting = [
        threading.Thread(target=lambda: answers.append(ask(server, {"iso_value": 150.0}).status_code)) for _ in "12"
    ]
    for thread in waiting:
        thread.start()
    app = server._runner.app
    wait_until(lambda: app is not None and app[SURFACES].taken == 2)
    assert ask(server, {"iso_value": 150.0}).status_code == 429
    source.gate.set()
    for thread in waiting:
        thread.join(20)
    assert answers == [200, 200]
    wait_until(lambda: server.node.volumes.in_use_bytes() == 0)
