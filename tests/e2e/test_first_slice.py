"""The first slice of the product on the unified build; `tests.support.first_slice` tells the story."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser

from tests.support import shared_data
from tests.support.browser import StreamTap, chromium, sign_in
from tests.support.first_slice import (
    a_study_arrives_is_found_opened_scrolled_and_windowed,
    canvas_grey,
    more_frames_than,
    phantom_series,
    settled_still,
)
from tests.support.unified_server import UnifiedServer
from tests.support.waiting import eventually


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


def send(server: UnifiedServer, files: list[Path]) -> None:
    command = ["storescu", "-aec", "USER-AE", "127.0.0.1", str(server.dicom_port), *map(str, files)]
    subprocess.run(command, check=True, timeout=60)


PHANTOM, REAL = "a phantom", "ct_series/philips_bone_1mm_30"


@pytest.mark.parametrize("name", [PHANTOM, pytest.param(REAL, marks=shared_data.required)])
def test_a_study_arrives_is_found_opened_scrolled_and_windowed(
    unified_server: UnifiedServer, browser: Browser, tmp_path: Path, name: str
) -> None:
    server = unified_server
    files = phantom_series(tmp_path) if name == PHANTOM else shared_data.files_under(name)
    a_study_arrives_is_found_opened_scrolled_and_windowed(server.url, "user", partial(send, server), browser, files)


def test_a_killed_render_node_costs_a_moment_and_the_same_view_comes_back(
    unified_server: UnifiedServer, browser: Browser, tmp_path: Path
) -> None:
    server = unified_server
    send(server, phantom_series(tmp_path))
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    tap = StreamTap().watch(page)
    sign_in(page, server.url, "user", "user")
    page.get_by_role("row").filter(has_text="24").first.dblclick()
    settled_still(page, tap, lambda _: True)
    page.keyboard.press("End")
    settled_still(page, tap, lambda head: head.instance_id != tap.frames[0][0].instance_id)
    seen = len(tap.frames)
    page.keyboard.press("i")
    before = settled_still(page, tap, lambda _: len(tap.frames) > seen)
    seen, picture = len(tap.frames), canvas_grey(page)

    for node in ("render", "control", "storage"):
        server.kill_node(node)
        if node == "storage":
            continue
        eventually(partial(more_frames_than, seen, page, tap), 5, f"a picture after {node} was killed")
        after = settled_still(page, tap, lambda _: True)
        assert (after.instance_id, after.zoom, after.window_center) == (
            before.instance_id,
            before.zoom,
            before.window_center,
        )
        assert np.array_equal(canvas_grey(page), picture)
        seen = len(tap.frames)
    eventually(server.is_ready, 15, "readiness after the storage node was killed")
    page.keyboard.press("Home")
    settled_still(page, tap, lambda head: head.instance_id == tap.frames[0][0].instance_id)
    page.close()
