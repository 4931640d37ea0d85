"""What a doctor feels while another user's page floods the server: 100,000 view messages a second through the relay.

The doctor and the flooding user are different users of one unified server; both have the same CT. The doctor asks for
the next image each 50 ms and waits for its first picture.
"""

from __future__ import annotations

import io
import json
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

from tests.bench.harness import Row, median, p95
from tests.support.doctor import Doctor
from tests.support.frames import unpack_frame
from tests.support.message_flood import Flood, flooding
from tests.support.phantom_files import make_ct_series, to_bytes
from tests.support.unified_server import running_unified_server

IDS = ("flood_other_doctor", "flood_one_of_many")
SLICES = 24
SIDE_PX = 512
WATCHED_S = 8.0
EVERY_S = 0.05
STREAMS = 16


def run() -> list[Row]:
    """Start a server, and watch a doctor with and without floods."""
    with tempfile.TemporaryDirectory() as name, running_unified_server(Path(name) / "var") as server:
        doctor, other = Doctor.sign_in(server, "user"), Doctor.sign_in(server, "admin")
        for one in (doctor, other):
            send_ct(one)
        return [
            row("flood_other_doctor", "sends 100,000 view messages a second", *watched(doctor, other, streams=1)),
            row("flood_one_of_many", f"sends them on {STREAMS} streams", *watched(doctor, other, streams=STREAMS)),
        ]


def row(name: str, words: str, quiet_ms: list[float], flooded_ms: list[float], facts: str) -> Row:
    """Return what the flood costs the doctor."""
    cost_ms = p95(flooded_ms) - p95(quiet_ms)
    what = (
        f"what it costs a doctor who scrolls that another user's page {words}: p95 from view to picture, "
        f"{p95(quiet_ms):.0f} ms without and {p95(flooded_ms):.0f} ms with it (median {median(quiet_ms):.0f} and "
        f"{median(flooded_ms):.0f} ms, longest {max(quiet_ms):.0f} and {max(flooded_ms):.0f} ms; {facts})"
    )
    return Row(name, what, "ms", cost_ms, goal="< 100 ms", met=cost_ms < 100)


def watched(doctor: Doctor, other: Doctor, *, streams: int) -> tuple[list[float], list[float], str]:
    """Return the doctor's times without and with the flood, and what became of the flood."""
    with scrolling(doctor) as page:
        quiet_ms = pictures_ms(page, doctor, 1)
        before = doctor.server.node_pid("render")
        with flooding(flood(other, streams)) as sender:
            flooded_ms = pictures_ms(page, doctor, 100_000)
            is_over = sender.poll() is not None
        if doctor.server.node_pid("render") != before:
            raise RuntimeError("The render node was killed.")
    return quiet_ms, flooded_ms, "refused meanwhile" if is_over else "not refused meanwhile"


def flood(other: Doctor, streams: int) -> Flood:
    """Return a flood of views of a large window."""
    series = other.series()
    image = series["frames"][SLICES // 2]
    view = {
        "type": "view",
        "cell": 0,
        "revision": 0,
        "width_px": 2048,
        "height_px": 2048,
        "image": {"instance_id": image["instance_id"], "frame_number": image["frame_number"]},
        "moving": True,
    }
    first = ({"type": "open", "cell": 0, "series_id": series["series_id"]},)
    return Flood(other.stream_url, tuple(other.ticket() for _ in range(streams)), first, view)


def scrolling(doctor: Doctor) -> ClientConnection:
    """Return the stream of a doctor who has opened the series."""
    protocols: Any = ["webviewer.v1", f"ticket.{doctor.ticket()}"]
    page = connect(doctor.stream_url, subprotocols=protocols, compression=None, max_size=None)
    page.send(json.dumps({"type": "hello", "version": 1}))
    page.send(json.dumps({"type": "open", "cell": 0, "series_id": doctor.series()["series_id"]}))
    return page


def pictures_ms(page: ClientConnection, doctor: Doctor, revision: int) -> list[float]:
    """Scroll for some seconds; return milliseconds from each view to its first picture."""
    frames = doctor.series()["frames"]
    found, end_s = [], time.monotonic() + WATCHED_S
    while time.monotonic() < end_s:
        revision += 1
        image = frames[revision % len(frames)]
        view = {
            "type": "view",
            "cell": 0,
            "revision": revision,
            "width_px": SIDE_PX,
            "height_px": SIDE_PX,
            "image": {"instance_id": image["instance_id"], "frame_number": image["frame_number"]},
            "moving": True,
        }
        begin_s = time.monotonic()
        page.send(json.dumps(view))
        while True:
            data = page.recv(timeout=60)
            if isinstance(data, bytes):
                header, _ = unpack_frame(data)
                page.send(json.dumps({"type": "ack", "sequence": header.sequence}))
                if header.revision == revision:
                    break
            elif json.loads(data)["type"] == "view_error":
                raise RuntimeError(data)
        found.append((time.monotonic() - begin_s) * 1000)
        time.sleep(max(0.0, begin_s + EVERY_S - time.monotonic()))
    return found[5:]


def send_ct(doctor: Doctor) -> None:
    """Upload a CT for one user."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for ds in make_ct_series(SLICES, rows=SIDE_PX, columns=SIDE_PX):
            archive.writestr(f"{ds.InstanceNumber}.dcm", to_bytes(ds))
    doctor.upload("series.zip", buffer.getvalue())
