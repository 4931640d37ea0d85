"""A storage node says that its database is locked or damaged, goes on living, and is ready again by itself."""

from __future__ import annotations

import os
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import requests

from tests.dimse.node import AE_TITLE, TOKEN, Node, running_node
from tests.support.phantom_files import make_ct_series, to_bytes
from tests.support.waiting import eventually

NOT_READY = {"ready": False, "reason": "The database cannot be used."}


def health(node: Node) -> tuple[int, dict[str, object]]:
    answer = requests.get(f"http://127.0.0.1:{node.port}/internal/v1/health", timeout=10)
    return answer.status_code, answer.json()


def metric(node: Node, name: str) -> float | None:
    text = requests.get(f"http://127.0.0.1:{node.port}/metrics", timeout=10).text
    values = [line.split()[1] for line in text.splitlines() if line.split(" ")[0] == name]
    return float(values[0]) if values else None


def overwrite(file: Path, data: bytes, offset: int) -> None:
    # By another process: closing the file here would take the locks of this process away.
    if (child := os.fork()) == 0:
        with file.open("r+b") as opened:
            opened.seek(offset)
            opened.write(data)
        os._exit(0)
    os.waitpid(child, 0)


def test_a_locked_database_is_noticed_and_its_release_too(tmp_path: Path) -> None:
    with running_node(tmp_path) as node:
        eventually(lambda: health(node)[0] == 200)
        assert node.process is not None
        with closing(sqlite3.connect(node.database.name, isolation_level=None)) as holder:
            holder.execute("BEGIN EXCLUSIVE")
            eventually(lambda: health(node) == (503, NOT_READY))
            assert metric(node, "webviewer_database_usable") == 0.0
            holder.execute("ROLLBACK")
        eventually(lambda: health(node)[0] == 200)
        assert metric(node, "webviewer_database_usable") == 1.0
        assert node.process.poll() is None
        assert "database is locked" in node.log


def test_a_damaged_database_is_noticed_under_a_running_node_and_its_repair_too(tmp_path: Path) -> None:
    with running_node(tmp_path) as node:
        eventually(lambda: metric(node, "webviewer_database_damaged") == 0.0)
        with closing(sqlite3.connect(node.database.name)) as file:
            file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            roots = dict(file.execute("SELECT name, rootpage FROM sqlite_master WHERE rootpage > 0"))
        good = Path(node.database.name).read_bytes()
        offset = (roots["ix_study_search"] - 1) * 4096
        overwrite(Path(node.database.name), b"\xa5" * 4096, offset)
        eventually(lambda: health(node) == (503, NOT_READY))
        eventually(lambda: metric(node, "webviewer_database_damaged") == 1.0)
        status = requests.get(
            f"http://127.0.0.1:{node.port}/internal/v1/status", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=10
        ).json()
        assert status["database_problem"].startswith("it is damaged: ")
        overwrite(Path(node.database.name), good[offset : offset + 4096], offset)
        eventually(lambda: health(node)[0] == 200, 60)
        assert node.process is not None
        assert node.process.poll() is None


def test_the_scrub_of_a_running_node_finds_damage_and_counts_it(tmp_path: Path) -> None:
    with running_node(tmp_path / "node") as node:
        files = []
        for number, ds in enumerate(make_ct_series(2)):
            files.append(tmp_path / f"{number}.dcm")
            files[-1].write_bytes(to_bytes(ds))
        subprocess.run(
            ["storescu", "-aec", AE_TITLE, "127.0.0.1", str(node.dicom_port), *map(str, files)], check=True, timeout=60
        )
        victim = sorted(path for path in (node.storage / "data").rglob("*") if path.is_file() and path.stat().st_size)[
            0
        ]
        os.truncate(victim, 700)
        truncated = 'webviewer_stored_files_damaged{damage="truncated"}'
        eventually(lambda: metric(node, truncated) == 1.0, 60)
        assert metric(node, 'webviewer_stored_files_damaged{damage="altered"}') == 0.0
        eventually(lambda: metric(node, "webviewer_scrub_files_total") == 2.0)
        assert metric(node, "webviewer_scrub_round_ended_seconds") is not None
        assert "stored_file_damaged" in node.log
