"""The distributed package on a machine with a real systemd: the command lines of manual 2.5, all nodes on PostgreSQL.

The tests go on with one machine, in the order of the file. At the end the other build takes its place (2.4).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.systemd_container import ETC, HOME, LOGS, STATE, USER, Machine, newer, packages, running_machine
from tests.support.waiting import eventually

pytestmark = [pytest.mark.prove, pytest.mark.timeout(3000)]
UNITS = {
    "inobitec-control-node": "controlnode.log",
    "inobitec-storage-node": "storagenode.log",
    "inobitec-render-node": "rendernode.log",
}
PACKAGE = "inobitec-web-dicom-viewer-server-distributed"
MASTER = "--master-db-user postgres --master-db-password of-the-test"
ADMIN = f"sudo -u {USER} {HOME}/bin/WebViewerAdmin -c {ETC}/controlnodeconfig.json"
DATABASES = {"ControlNode": "controlnodeconfig", "StorageNode": "storagenodeconfig"}
READY_AFTER_KILL_S = 5  # of the only control node; the other nodes are away meanwhile
each_unit = pytest.mark.parametrize("unit", UNITS)
each_database = pytest.mark.parametrize(("program", "configuration"), DATABASES.items())


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    package = packages()["distributed"]
    with running_machine("distributed") as found:
        found.start_postgresql("of-the-test")
        found.install(package)
        yield found


def nodes(machine: Machine) -> dict[str, str]:
    """Return the state of each kind of node as the administrator reads it."""
    return {node["kind"]: node["state"] for node in json.loads(machine.run(f"{ADMIN} nodes list --json"))}


def all_online(machine: Machine) -> bool:
    return nodes(machine) == {"storage": "online", "render": "online"}


def test_install_makes_a_join_secret_that_the_nodes_alone_read(machine: Machine) -> None:
    secret = f"{ETC}/join-secret"
    assert machine.modes(secret) == {secret: f"root:{USER} 640"}
    assert len(machine.run(f"cat {secret}")) == 64
    assert machine.ask(f"sudo -u nobody cat {secret}").returncode != 0
    assert set(machine.modes(*machine.run(f"find {ETC} -type f").split()).values()) == {f"root:{USER} 640"}


@each_unit
def test_the_units_are_right_and_hardened_and_not_started(machine: Machine, unit: str) -> None:
    done = machine.ask(f"systemd-analyze verify --man=no {unit}.service")
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    assert machine.exposure(unit) <= 4.0
    assert machine.unit(unit, "ActiveState") == "inactive"
    assert machine.ask(f"systemctl is-enabled {unit}").stdout.strip() == "disabled"


@each_database
def test_databases_are_made_as_the_manual_says(machine: Machine, program: str, configuration: str) -> None:
    machine.run(f"cd {ETC} && sudo cp {configuration}-postgresql.json {configuration}.json")
    copied = f"{ETC}/{configuration}.json"
    assert machine.modes(copied) == {copied: f"root:{USER} 640"}
    command = f"sudo -u {USER} {HOME}/bin/{program} -c {copied}"
    assert machine.ask(f"{command} --check-database").returncode == 2
    machine.run(f"{command} --create-db-user --create-database {MASTER}")
    assert machine.ask(f"{command} --check-database").returncode == 0
    # incompatible keys (2.8): nothing is done
    assert machine.ask(f"{command} --check-database --create-database").returncode != 0


@each_unit
def test_nodes_start_by_the_manuals_command(machine: Machine, unit: str) -> None:
    machine.run(f"sudo systemctl start {unit}")
    eventually(lambda: machine.unit(unit, "ActiveState") == "active", 30, f"{unit} is active")
    eventually(lambda: machine.ask(f"test -s {LOGS}/{UNITS[unit]}").returncode == 0, 60, "it writes its log")
    assert "Active: active (running)" in machine.run(f"systemctl status {unit}")


def test_the_nodes_find_each_other(machine: Machine) -> None:
    machine.wait_ready()
    eventually(lambda: all_online(machine), 60, "both nodes are online")
    assert "<title>Web DICOM Viewer</title>" in machine.run("curl -sf http://127.0.0.1:8090/")


def test_an_image_is_received_and_drawn_inside_the_confinement(machine: Machine, tmp_path: Path) -> None:
    machine.run(f"{ADMIN} users add doctor --ae-title DOCTOR-AE", stdin="a-password-of-hers\n")
    eventually(
        lambda: machine.ask("echoscu -aec DOCTOR-AE 127.0.0.1 3000").returncode == 0, 30, "the AE title is known"
    )
    machine.receive_study("DOCTOR-AE", tmp_path)
    seen = machine.sign_in("doctor", "a-password-of-hers", look=True)
    assert seen["studies"] == 1
    assert seen["octets"] > 500


@each_unit
def test_a_node_comes_back_after_kill_9(machine: Machine, unit: str) -> None:
    before = machine.main_process(unit)
    machine.run(f"kill -9 {before}")
    eventually(lambda: machine.main_process(unit) not in (0, before), READY_AFTER_KILL_S, "systemd starts it again")
    machine.wait_ready(within_s=READY_AFTER_KILL_S)
    eventually(lambda: all_online(machine), 60, "both nodes are online")
    assert machine.sign_in("doctor", "a-password-of-hers", look=True)["studies"] == 1


def test_without_the_secret_no_node_is_believed(machine: Machine) -> None:
    url = "http://127.0.0.1:8091/internal/v1/scaling"
    assert machine.answers(url) in (401, 403)
    told = machine.run(
        f'curl -s -o /dev/null -w "%{{http_code}}" -H "Authorization: Bearer $(cat {ETC}/join-secret)" {url}'
    )
    assert told == "200"


def test_an_upgrade_keeps_the_secret_and_starts_again_what_ran(machine: Machine, tmp_path: Path) -> None:
    machine.run("sudo systemctl stop inobitec-render-node")
    secret = machine.run(f"cat {ETC}/join-secret")
    edited = machine.run(f"cat {ETC}/rendernode.env") + "WEBVIEWER_LOG_LEVEL=debug\n"
    machine.write(f"{ETC}/rendernode.env", edited)
    before = {unit: machine.main_process(unit) for unit in UNITS}
    package = newer(packages()["distributed"], tmp_path, "99.0.0-r1", lambda _: None)
    machine.install(package)
    assert machine.run(f"cat {ETC}/join-secret") == secret
    assert machine.run(f"cat {ETC}/rendernode.env") == edited
    after = {unit: machine.main_process(unit) for unit in UNITS}
    assert after["inobitec-control-node"] not in (0, before["inobitec-control-node"])
    assert after["inobitec-storage-node"] not in (0, before["inobitec-storage-node"])
    # what was stopped stays so
    assert after["inobitec-render-node"] == 0
    machine.run("sudo systemctl start inobitec-render-node")
    machine.wait_ready()
    eventually(lambda: all_online(machine), 60, "both nodes are online")


@each_unit
def test_a_node_is_enabled_and_stops_in_time(machine: Machine, unit: str) -> None:
    machine.run(f"sudo systemctl enable {unit}")
    assert machine.run(f"systemctl is-enabled {unit}").strip() == "enabled"
    machine.stop(unit)


def test_the_other_build_takes_its_place_and_keeps_configuration_and_data(machine: Machine) -> None:
    assert machine.ask(f"pgrep -u {USER} -a").stdout == ""
    machine.write(f"{ETC}/control.json", '{"host": "127.0.0.1", "port": 8090, "session_idle_s": 1234}')
    machine.install(packages()["unified"], options="-o Dpkg::Options::=--force-confold")
    installed = machine.run("dpkg-query -W -f '${Package} ${db:Status-Abbrev}\\n' 'inobitec*'").splitlines()
    assert [line.split() for line in installed] == [
        [PACKAGE, "rc"],
        ["inobitec-web-dicom-viewer-server-unified", "ii"],
    ]
    assert "1234" in machine.run(f"cat {ETC}/control.json")
    assert machine.run(f"cat {ETC}/join-secret {ETC}/controlnodeconfig.json {ETC}/storagenodeconfig.json")
    machine.run("sudo systemctl start inobitec-render-server")
    machine.wait_ready()


def test_purging_the_replaced_build_leaves_the_other_alone(machine: Machine) -> None:
    machine.run(f"sudo apt purge -y {PACKAGE}")
    assert "1234" in machine.run(f"cat {ETC}/control.json")
    assert machine.run(f"ls {ETC}/renderserverconfig.json {LOGS}/renderserver.log {HOME}/bin/RenderServer")
    machine.run("sudo systemctl restart inobitec-render-server")
    machine.wait_ready()
    assert machine.run(f"ls {STATE}/InobitecWebViewerStorage.postgres")
