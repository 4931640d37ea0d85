"""A hundred viewers at once on two render nodes: no error, and no memory that grows while they work.

``WEBVIEWER_PROVE_VIEWERS`` and ``WEBVIEWER_PROVE_SECONDS`` make it shorter. What was measured lies in
``build/hundred-viewers.json``.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import psutil
import pytest

from tests.support.distributed_system import DistributedSystem, running_distributed_system
from tests.support.phantom_files import make_ct_series, to_bytes
from tests.support.scripted_viewer import ScriptedViewer, Tally
from tests.support.unified_server import ROOT, eventually

VIEWERS = int(os.environ.get("WEBVIEWER_PROVE_VIEWERS", "100"))
SECONDS = float(os.environ.get("WEBVIEWER_PROVE_SECONDS", "600"))
DOCTORS = 10  # a render node takes 16 streams of one
ARRIVE_EVERY_S = 0.25
SAMPLE_EVERY_S = 10.0
MIB = 1024**2
# What may be added between the first and the last fifth of the time: noise of allocators, no leak. A leak of 1 KiB an
# input would be 46 MiB in ten minutes of a hundred viewers.
GROWTH_MIB, GROWTH_SHARE = 24.0, 0.04
NODES = ("control-1", "storage-1", "storage-2", "render-1", "render-2")


@dataclass
class Memory:
    """Proportional set sizes of the nodes with all their processes, sampled."""

    system: DistributedSystem
    samples: list[tuple[float, dict[str, float]]] = field(default_factory=list)

    def take(self) -> dict[str, float]:
        sizes = {}
        for name in NODES:
            leader = psutil.Process(self.system.node_pid(name))
            pss = 0
            for process in (leader, *leader.children(recursive=True)):
                pss += process.memory_full_info().pss
            sizes[name] = pss / MIB
        self.samples.append((time.monotonic(), sizes))
        return sizes

    def fifth(self, last: bool) -> dict[str, float]:
        """Return each node's median of the first or the last fifth of the samples."""
        count = max(1, len(self.samples) // 5)
        part = self.samples[-count:] if last else self.samples[:count]
        return {name: statistics.median(sizes[name] for _, sizes in part) for name in NODES}


def send_study(system: DistributedSystem, folder: Path, number: int) -> None:
    """Send a series of 30 images to the doctor of this number."""
    study = f"1.2.826.0.1.3680043.10.1564.{number}"
    files = []
    for k, ds in enumerate(make_ct_series(30, rows=512, columns=512), 1):
        ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.SOPInstanceUID = study, f"{study}.1", f"{study}.1.{k}"
        files.append(folder / f"{k}.dcm")
        files[-1].write_bytes(to_bytes(ds))
    system.send(files, 1 if number % 2 else 2, f"DOCTOR{number}")


def is_known(system: DistributedSystem, number: int) -> bool:
    """Say whether the storage node takes associations for a doctor."""
    port = system.ports["dicom"][0 if number % 2 else 1]
    command = ["echoscu", "-aec", f"DOCTOR{number}", "127.0.0.1", str(port)]
    return subprocess.run(command, check=False, capture_output=True, timeout=20).returncode == 0


def percentiles(values: list[float]) -> dict[str, float]:
    if len(values) < 2:
        return {}
    cuts = statistics.quantiles(values, n=100)
    return {
        "p50": round(cuts[49], 1),
        "p95": round(cuts[94], 1),
        "p99": round(cuts[98], 1),
        "max": round(max(values), 1),
    }


async def work(system: DistributedSystem, doctors: list[str], memory: Memory, tally: Tally) -> dict[str, float]:
    """Let all viewers arrive, work and leave; returns the memory when all were there."""
    stop = asyncio.Event()
    doors = {name: asyncio.Lock() for name in doctors}
    names = [doctors[k % len(doctors)] for k in range(VIEWERS)]
    viewers = [ScriptedViewer(system.url(), name, k, tally, doors[name]) for k, name in enumerate(names)]
    tasks = []
    for viewer in viewers:
        tasks.append(asyncio.create_task(viewer.run(stop)))
        await asyncio.sleep(ARRIVE_EVERY_S)
    await asyncio.gather(*(viewer.is_open.wait() for viewer in viewers))
    # Once all were there, what they need is there too; what came before was arriving.
    await asyncio.sleep(min(30.0, SECONDS / 10))
    arrived = await asyncio.to_thread(memory.take)
    memory.samples.clear()
    tally.forget()
    end_s = time.monotonic() + SECONDS
    while time.monotonic() < end_s and not tally.errors:
        await asyncio.to_thread(memory.take)
        await asyncio.sleep(min(SAMPLE_EVERY_S, SECONDS / 10))
    stop.set()
    await asyncio.gather(*tasks)
    return arrived


@pytest.mark.prove
@pytest.mark.timeout(SECONDS + VIEWERS + 300)
def test_a_hundred_viewers_work_on_two_render_nodes_without_error_or_growth(tmp_path: Path) -> None:
    with running_distributed_system() as system:
        doctors = system.add_doctors(DOCTORS)
        for number in range(1, DOCTORS + 1):
            eventually(partial(is_known, system, number), 20, "the AE title of a new doctor")
            send_study(system, tmp_path, number)
        administrator = system.administrator()
        eventually(lambda: all(one["state"] == "online" for one in system.nodes(administrator).values()), 20)
        memory, tally = Memory(system), Tally()
        idle = memory.take()
        arrived = asyncio.run(work(system, doctors, memory, tally))
        sessions = [system.nodes(administrator)[name]["sessions"] for name in ("render-1", "render-2")]
        assert memory.samples, tally.errors[:20]
        begin, end = memory.fifth(last=False), memory.fifth(last=True)
        loud = [
            line["message"] for name in NODES for line in system.log(name) if line["level"] in {"error", "critical"}
        ]
        report = {
            "viewers": VIEWERS,
            "doctors": DOCTORS,
            "seconds": SECONDS,
            "cores": os.cpu_count(),
            "canvas_px": [512, 512],
            "inputs": tally.inputs,
            "frames": tally.frames,
            "octets_per_s": round(tally.octets / SECONDS),
            "input_to_frame_ms": percentiles(tally.input_to_frame_ms),
            "input_to_full_quality_ms": percentiles(tally.input_to_still_ms),
            "errors": tally.errors[:20],
            "sessions_of_render_nodes": sessions,
            "pss_mib": {
                moment: {name: round(size, 1) for name, size in sizes.items()}
                for moment, sizes in (("idle", idle), ("arrived", arrived), ("begin", begin), ("end", end))
            },
            "pss_mib_per_session": round((sum(end.values()) - sum(idle.values())) / VIEWERS, 2),
            "growth_mib": {name: round(end[name] - begin[name], 1) for name in NODES},
        }
        (ROOT / "build").mkdir(exist_ok=True)
        (ROOT / "build/hundred-viewers.json").write_text(json.dumps(report, indent=2) + "\n", "utf-8")
        assert tally.errors == []
        assert loud == []
        assert abs(sessions[0] - sessions[1]) <= 1
        for name in NODES:
            allowed = GROWTH_MIB + GROWTH_SHARE * begin[name]
            assert end[name] - begin[name] < allowed, f"{name} grew from {begin[name]:.0f} to {end[name]:.0f} MiB"
