"""What an administrator's command costs: the CPU of ``WebViewerAdmin nodes list`` from start to end."""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.bench.harness import Row
from webviewer.adapters.db.maintenance import create_database
from webviewer.config import Role, load_settings

IDS = ("admin_command",)
GOAL_MS = 500.0
REPEATS = 7


def cpu_ms(command: list[str]) -> float:
    """Return the CPU time of a program in milliseconds, user and system."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1000


def run() -> list[Row]:
    """Measure it on a database of its own."""
    with tempfile.TemporaryDirectory(prefix="webviewer-bench-") as folder:
        config = Path(folder) / "controlnodeconfig.json"
        config.write_text(json.dumps({"driver": "QSQLITE", "name": str(Path(folder) / "control.db")}))
        create_database(load_settings(config, environ={}, role=Role.CONTROL).database)
        program = str(Path(sys.executable).with_name("WebViewerAdmin"))
        ours = statistics.median(cpu_ms([program, "-c", str(config), "nodes", "list"]) for _ in range(REPEATS))
    return [
        Row(
            id=IDS[0],
            what="CPU of WebViewerAdmin nodes list, from start to end, SQLite",
            unit="CPU ms",
            ours=ours,
            goal=f"< {GOAL_MS:.0f} ms",
            met=ours < GOAL_MS,
        )
    ]
