"""What the chart's pods run beside the images' executables: migration, and waiting for it."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg2
import pytest
from sqlalchemy import create_engine

from tests.deploy import chart
from tests.deploy.chart_processes import BIN, environ_of, lay_out, run_to_the_end
from tests.support.databases import PostgresqlServer, postgresql_server  # noqa: F401  a fixture
from webviewer.adapters.db.metadata import control_metadata, storage_metadata

CONTROL = f"{chart.FULL_NAME}-control"

# Takes its state from a file, says what it was called with, and does to the state what the real one does.
FAKE = """#!/bin/sh
read -r state <state
echo "$*" >>calls
case "$*" in
*--check-database) exit "$state" ;;
*--create-db-user*) [ "$state" = 2 ] && [ ! -e refuse ] ;;
*--create-database*) [ ! -e refuse ] && echo "${AFTER_CREATE:-0}" >state ;;
*--create-db-scheme) echo 0 >state ;;
*--update-database) [ ! -e refuse ] && echo 0 >state ;;
esac
"""


def run_script(folder: Path, script: str, state: int, **environ: str) -> tuple[int, list[str]]:
    """Run a script of the chart with the stand-in; returns its exit code and the calls."""
    fake = folder / "node"
    fake.write_text(FAKE)
    fake.chmod(0o755)
    (folder / "state").write_text(f"{state}\n")
    text = (chart.CHART / "files" / script).read_text()
    done = subprocess.run(
        ["/bin/sh", "-c", text, script, str(fake), "-c", "config.json"],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "PAUSE_S": "0.05", "TRIES": "4", **environ},
        timeout=30,
        check=False,
    )
    calls = (folder / "calls").read_text().splitlines()
    assert all(call.startswith("-c config.json --") for call in calls)
    return done.returncode, [call.split()[2] for call in calls]


CHECK = "--check-database"


@pytest.mark.parametrize(
    ("state", "master", "calls"),
    [
        (0, False, [CHECK]),
        (3, False, [CHECK, "--create-db-scheme", CHECK]),
        (7, False, [CHECK, "--update-database", CHECK]),
        (2, True, [CHECK, "--create-db-user", "--create-database", CHECK]),
    ],
)
def test_a_database_in_any_state_is_brought_to_this_version(
    state: int, master: bool, calls: list[str], tmp_path: Path
) -> None:
    environ = {"MASTER_USER": "postgres", "MASTER_DATABASE": "postgres"} if master else {}
    assert run_script(tmp_path, "migrate-database.sh", state, **environ) == (0, calls)


def test_a_database_that_is_made_empty_gets_its_tables(tmp_path: Path) -> None:
    environ = {"MASTER_USER": "postgres", "MASTER_DATABASE": "postgres", "AFTER_CREATE": "3"}
    code, calls = run_script(tmp_path, "migrate-database.sh", 2, **environ)
    assert code == 0
    assert calls[-2:] == ["--create-db-scheme", CHECK]


@pytest.mark.parametrize("state", [1, 4, 5, 6])
def test_a_database_that_is_not_ours_to_change_is_left_alone(state: int, tmp_path: Path) -> None:
    assert run_script(tmp_path, "migrate-database.sh", state, MASTER_USER="postgres") == (state, [CHECK])


def test_a_server_that_does_not_answer_is_given_up_in_the_end(tmp_path: Path) -> None:
    assert run_script(tmp_path, "migrate-database.sh", 2) == (2, [CHECK] * 4)


def test_a_step_that_fails_is_tried_again_and_given_up_in_the_end(tmp_path: Path) -> None:
    (tmp_path / "refuse").touch()
    assert run_script(tmp_path, "migrate-database.sh", 7) == (7, [CHECK, "--update-database"] * 4)


@pytest.mark.parametrize("state", [1, 4, 5, 6])
def test_nobody_waits_for_a_database_that_will_never_be_ready(state: int, tmp_path: Path) -> None:
    assert run_script(tmp_path, "wait-for-database.sh", state) == (state, [CHECK])


@pytest.mark.parametrize("state", [2, 3, 7])
def test_a_pod_waits_until_the_migration_is_done(state: int, tmp_path: Path) -> None:
    def migrate_at_the_third_call() -> None:
        calls = tmp_path / "calls"
        while not calls.exists() or len(calls.read_text().splitlines()) < 3:
            time.sleep(0.02)
        (tmp_path / "state").write_text("0\n")

    done = threading.Thread(target=migrate_at_the_third_call, daemon=True)
    done.start()
    code, calls = run_script(tmp_path, "wait-for-database.sh", state)
    done.join()
    assert code == 0
    assert len(calls) > 2


def command_of_the_notes(notes: str) -> tuple[list[str], list[str]]:
    """Return what makes the first administrator: kubectl's own words, and those that run in the pod."""
    [text] = re.findall(r"^ +(kubectl .* users .*)$", notes.replace("\\\n", " "), re.MULTILINE)
    words = shlex.split(text)
    cut = words.index("--")
    return words[:cut], words[cut + 1 :]


# --- the rendered Job on a real server ------------------------------------------------------------------------------


def tables(server: PostgresqlServer, name: str, user: str) -> set[str]:
    """Return the names of a database's tables as its user sees them."""
    connection = psycopg2.connect(host="127.0.0.1", port=server.port, user=user, dbname=name)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
            return {row[0] for row in cursor.fetchall()}
    finally:
        connection.close()


def sessions_that_keda_counts(server: PostgresqlServer) -> int:
    """Make two open sessions, an expired one and an ended one, and ask as KEDA does."""
    now = datetime.now(UTC)
    hour = timedelta(hours=1)
    url = f"postgresql+psycopg2://{CONTROL}@127.0.0.1:{server.port}/{CONTROL}"
    engine = create_engine(url)
    person = {
        "user_id": 1001,
        "user_name": "a",
        "user_name_folded": "a",
        "password_hash": "$argon2id$",
        "is_active": True,
        "is_administrator": False,
        "evaluation_password": False,
        "created_at": now,
    }
    opened = {"user_id": 1001, "ip_address": "-", "created_at": now, "last_seen_at": now}
    with engine.begin() as connection:
        connection.execute(control_metadata.tables["account"].insert().values(person))
        for number, (expires, ended) in enumerate(((hour, None), (hour, None), (-hour, None), (hour, now))):
            row = {**opened, "token_hash": bytes([number]) * 32, "expires_at": now + expires, "ended_at": ended}
            connection.execute(control_metadata.tables["session"].insert().values(row))
    engine.dispose()
    scaled = chart.find(chart.objects(chart.ci("keda")), "ScaledObject", "render-node")
    asked = scaled["spec"]["triggers"][0]["metadata"]
    keda = psycopg2.connect(host="127.0.0.1", port=server.port, user=asked["userName"], dbname=asked["dbName"])
    try:
        with keda.cursor() as cursor:
            cursor.execute(asked["query"])
            [(count,)] = cursor.fetchall()
    finally:
        keda.close()
    spare = chart.default_values()["scaling"]
    return int(count) - int(spare["warmSpare"]) * int(spare["targetSessions"])


def test_the_migration_makes_every_database_and_the_pods_find_them_ready(
    postgresql_server: PostgresqlServer,  # noqa: F811
    tmp_path: Path,
) -> None:
    rendered = chart.objects(chart.ci("tryout"))
    lay_out(tmp_path)
    [job] = [one for one in rendered if one["kind"] == "Job"]
    said = ""
    steps = chart.containers(job["spec"]["template"])
    for container in [*steps, steps[0]]:  # an upgrade runs them again
        said += run_to_the_end(container, tmp_path, postgresql_server.port)
    assert "secret of" not in said
    control = set(control_metadata.tables)
    storage = set(storage_metadata.tables)
    found = tables(postgresql_server, CONTROL, CONTROL)
    assert control <= found
    assert not (storage - control) & found
    found = tables(postgresql_server, f"{chart.FULL_NAME}-storage-node-0", f"{chart.FULL_NAME}-storage")
    assert storage <= found
    assert not (control - storage) & found

    assert sessions_that_keda_counts(postgresql_server) == 2

    waiting = chart.find(rendered, "Deployment", "auth")["spec"]["template"]["spec"]["initContainers"]
    run_to_the_end(waiting[0], tmp_path, postgresql_server.port)
    waiting = chart.find(rendered, "StatefulSet", "storage-node")["spec"]["template"]["spec"]["initContainers"]
    run_to_the_end(
        waiting[0], tmp_path, postgresql_server.port, **{"metadata.name": f"{chart.FULL_NAME}-storage-node-0"}
    )

    # what the notes tell to run makes the first administrator, in the pod that they name
    kubectl, command = command_of_the_notes(chart.notes(chart.ci("tryout")))
    assert kubectl == [
        *("kubectl", "-n", chart.NAMESPACE, "exec", "-it", f"deploy/{chart.FULL_NAME}-nodes", "-c", "function")
    ]
    [pod] = chart.find(rendered, "Deployment", "nodes")["spec"]["template"]["spec"]["containers"]
    assert pod["name"] == "function"
    environ = environ_of(pod, tmp_path, postgresql_server.port, {})
    words = [word.replace("/etc/web-viewer", str(tmp_path)) for word in command]
    words[0] = str(BIN / words[0])

    def run(*words: str, stdin: str = "") -> str:
        done = subprocess.run(
            words, env=environ, cwd=tmp_path, input=stdin, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    assert "a long password" not in run(*words, stdin="a long password of the first one\n")
    found = json.loads(run(*words[: words.index("add")], "list", "--json"))
    [made] = [one for one in found if one["user_name"] == "admin"]
    assert (made["is_administrator"], made["is_active"]) == (True, True)
