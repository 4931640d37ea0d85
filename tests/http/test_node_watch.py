"""An operator hears of nodes that come and go: log lines and metrics of the control node."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

from tests.support.http_client import ControlServer

LEFT = 'webviewer_nodes{kind="render",state="offline",status="active"}'
THERE = 'webviewer_nodes{kind="render",state="online",status="active"}'
SESSIONS, SEATLESS = "webviewer_sessions", "webviewer_sessions_without_render_node"

SHOWN = ("webviewer_nodes", SESSIONS, SEATLESS)


def metrics_of(control: ControlServer) -> dict[str, float]:
    lines = control.internally("GET", "/metrics", "").text.splitlines()
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if not line.startswith("#")}


def wait_for(control: ControlServer, wanted: Callable[[dict[str, float]], bool]) -> dict[str, float]:
    """Return the metrics when they are as wanted: the control node counts anew every few seconds only."""
    deadline = time.monotonic() + 40
    while not wanted(found := metrics_of(control)):
        shown = {name: value for name, value in found.items() if name.partition("{")[0] in SHOWN}
        assert time.monotonic() < deadline, shown
        control.beat()
        time.sleep(0.3)
    return found


def test_a_node_that_goes_and_comes_back_is_told_once_each(control: ControlServer) -> None:
    address = "http://127.0.0.1:7"  # no other test has a node there
    control.reports.clear()  # theirs are silent from now on
    node_id = control.register("render", address, "render-7")
    control.signed_in()
    # Other tests have left sessions that have no render node; the new one has.
    found = wait_for(control, lambda it: it.get(THERE) == 1 and it[SESSIONS] == it[SEATLESS] + 1)
    sessions, left = found[SESSIONS], found[LEFT]

    control.lose("render", "render-7")
    control.advance(20)  # not heard of for so long
    found = wait_for(control, lambda it: it[LEFT] == left + 1 and it[SEATLESS] == sessions)
    assert (found[THERE], found[SESSIONS]) == (0, sessions)

    control.register("render", address, "render-7")
    wait_for(control, lambda it: it[THERE] == 1)
    lines = [json.loads(line) for line in control.log_file.read_text("utf-8").splitlines()]
    told = [line for line in lines if line["message"] in {"node_offline", "node_online"} and line["node_id"] == node_id]
    assert [(line["message"], line["address"]) for line in told] == [
        ("node_offline", address),
        ("node_online", address),
    ]
    assert (told[0]["level"], told[0]["sessions"]) == ("warning", 1)
