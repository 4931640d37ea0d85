"""What the doctor feels of volumes in Chromium against the unified server: first planes and first model.

Each cold round ends the nodes, which wait longer before each start, so there are few.

The series is the phantom of ``../shared/render``, 300 slices. ``WEBVIEWER_BENCH_VTK`` as of `bench_volume`: the first
model is compared with the first picture of VTK's mappers.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Browser, Page

from tests.bench.bench_browser import forget, until
from tests.bench.bench_volume import phantom_file
from tests.bench.harness import Row, median, p95
from tests.support import shared_data
from tests.support.browser import chromium, sign_in
from tests.support.phantom_files import make_ct, to_bytes
from tests.support.unified_server import UnifiedServer, running_unified_server

SLICES = 300
ROUNDS = 3
IDS = (
    "mpr_planes_cold",
    "mpr_planes_warm",
    "model_first_cold",
)
# The click on the menu's entry is the doctor's wish.
LISTEN = """() => {
  performance.clearMarks('viewer:painted');
  window.clickedAt = undefined;
  addEventListener('click', (event) => { window.clickedAt = event.timeStamp; }, { capture: true, once: true });
}"""
# When the last of so many windows had its first picture; with `still`, its first of full quality.
PAINTED = """([windows, still]) => {
  if (window.clickedAt === undefined) return null;
  const first = new Map();
  for (const { detail, startTime } of performance.getEntriesByName('viewer:painted'))
    if (!first.has(detail.cell) && (!still || detail.still)) first.set(detail.cell, startTime);
  const times = [...first.entries()].filter(([cell]) => windows.includes(cell)).map(([, time]) => time);
  return times.length < windows.length ? null : Math.max(...times) - window.clickedAt;
}"""


def run() -> list[Row]:
    """Start a server, send it the phantom, and measure."""
    render = shared_data.render_folder()
    pixels = np.load(phantom_file(render), mmap_mode="r")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with running_unified_server(folder / "var") as server:
            send_phantom(server, folder, pixels)
            with chromium() as browser:
                cold = [planes_ms(browser, server, cold=True) for _ in range(ROUNDS)]
                warm = [planes_ms(browser, server, cold=False) for _ in range(ROUNDS)]
                model = [model_ms(browser, server) for _ in range(ROUNDS)]
    return [
        *(planes_row(f"mpr_planes_{name}", name, found, goal) for name, found, goal in _of(cold, warm)),
        model_row(model, first_of_peers(render)),
    ]


def _of(
    cold: list[tuple[float, float]], warm: list[tuple[float, float]]
) -> tuple[tuple[str, list[tuple[float, float]], int], ...]:
    return ("cold", cold, 3000), ("warm", warm, 1000)


def planes_row(row: str, name: str, found: list[tuple[float, float]], goal: int) -> Row:
    first, full = [one for one, _ in found], [other for _, other in found]
    what = f"click to three MPR planes of full quality, {SLICES} slices, {name} (p95 {p95(full):.0f} ms; "
    what += f"a picture in each after {median(first):.0f} ms)"
    return Row(row, what, "ms", median(full), goal=f"< {goal} ms", met=median(full) < goal)


def model_row(found: list[tuple[float, float]], peer: tuple[str, float] | None) -> Row:
    first, full = [one for one, _ in found], [other for _, other in found]
    what = f"click to first 3D picture, {SLICES} slices not yet loaded (full quality after {median(full):.0f} ms)"
    ratio = None if peer is None else peer[1] / median(first)
    return Row(
        "model_first_cold",
        what,
        "ms",
        median(first),
        peer=None if peer is None else peer[1],
        peer_name="" if peer is None else f"{peer[0]}, its first picture of a loaded volume",
        ratio=ratio,
        goal=">= 2 x",
        met=None if ratio is None else ratio >= 2,
    )


def send_phantom(server: UnifiedServer, folder: Path, pixels: Any) -> None:
    """Send the slices of the phantom."""
    files = []
    for number in range(1, SLICES + 1):
        values = np.ascontiguousarray(pixels[number - 1])
        ds = make_ct(
            rows=values.shape[0],
            columns=values.shape[1],
            instance_number=number,
            values_hu=values,
            pixel_spacing=(0.7, 0.7),
            slice_step_mm=1.0,
        )
        files.append(folder / f"{number}.dcm")
        files[-1].write_bytes(to_bytes(ds))
    command = ["storescu", "-aec", "USER-AE", "127.0.0.1", str(server.dicom_port), *map(str, files)]
    subprocess.run(command, check=True, timeout=300, env={**os.environ, "TCP_NODELAY": "1"})


def listed(browser: Browser, server: UnifiedServer, size: tuple[int, int] = (1440, 900)) -> Page:
    """Sign in with a browser that holds nothing, and open the menu of the study's row."""
    page = browser.new_context(viewport={"width": size[0], "height": size[1]}).new_page()
    sign_in(page, server.url, "user", "user")
    row = page.get_by_role("row").filter(has_text=str(SLICES)).first
    row.wait_for()
    page.wait_for_load_state("networkidle")
    row.click(button="right")
    return page


def opened(browser: Browser, server: UnifiedServer, entry: str, windows: list[int]) -> tuple[Page, float, float]:
    """Choose an entry of the menu; return when all windows had a picture, and one of full quality."""
    page = listed(browser, server)
    item = page.get_by_role("menuitem", name=entry, exact=True)
    item.wait_for()
    page.evaluate(LISTEN)
    item.click()
    first = until(page, f"() => ({PAINTED})([{json.dumps(windows)}, false])")
    full = until(page, f"() => ({PAINTED})([{json.dumps(windows)}, true])")
    return page, first, full


def planes_ms(browser: Browser, server: UnifiedServer, *, cold: bool) -> tuple[float, float]:
    """Return milliseconds from the click to the first picture of all three planes, and to the best ones."""
    if cold:
        forget(server)
    page, first, full = opened(browser, server, "Open in MPR", [0, 1, 2])
    page.context.close()
    return first, full


def model_ms(browser: Browser, server: UnifiedServer) -> tuple[float, float]:
    """Return milliseconds from the click to the first picture of the model, and to the best one; all is cold."""
    forget(server)
    page, first, full = opened(browser, server, "Open in volume viewer", [0])
    page.context.close()
    return first, full


def first_of_peers(render: Path) -> tuple[str, float] | None:
    """Return the faster of VTK's mappers and the wall time of its first picture, None where it is not here."""
    python = os.environ.get("WEBVIEWER_BENCH_VTK")
    if not python:
        return None
    best: tuple[str, float] | None = None
    for kind in ("gpu", "fixed"):
        command = [python, str(Path(__file__).with_name("volume_peer.py")), str(phantom_file(render))]
        command.append(str(render / "scene.json"))
        wish = {"kind": kind, "scene": "bone", "step_mm": 0.7, "size_px": 512, "frame": 0, "picture": None}
        asked = subprocess.run(
            command, input=json.dumps(wish) + "\n", capture_output=True, text=True, timeout=120, check=True
        )
        told = json.loads(asked.stdout.splitlines()[-1])
        if best is None or told["wall_ms"] < best[1]:
            best = (str(told["peer"]), float(told["wall_ms"]))
    return best


if __name__ == "__main__":
    sys.stdout.write("\n".join(f"{row.id} {row.ours:.1f} {row.unit} {row.what}" for row in run()) + "\n")
