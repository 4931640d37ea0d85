"""The unified package on a machine with a real systemd: the command lines of manual 2.4 and 2.7 and of README.Debian.

The tests go on with one machine, in the order of the file: install, run, be killed, rotate logs, be upgraded, go.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.systemd_container import ETC, HOME, LOGS, STATE, USER, Machine, newer, packages, running_machine
from tests.support.waiting import eventually

pytestmark = [pytest.mark.prove, pytest.mark.timeout(3000)]
UNIT = "inobitec-render-server"
READY_AFTER_KILL_S = 10
PACKAGE = "inobitec-web-dicom-viewer-server-unified"
OURS = f"{ETC} {LOGS} {HOME}"
RENDER_SERVER = f"sudo -u {USER} {HOME}/bin/RenderServer -c {ETC}/renderserverconfig.json"
MASTER = "--master-db-user postgres --master-db-password of-the-test"


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    package = packages()["unified"]
    with running_machine("unified") as found:
        found.install(package)
        yield found


def processes(machine: Machine) -> list[str]:
    return machine.ask(f"pgrep -u {USER} -a").stdout.splitlines()


def test_install_makes_the_manuals_files_user_and_folders(machine: Machine) -> None:
    machine.run("sudo systemctl daemon-reload")
    assert "inobitec-web-dicom-viewer-server-unified" in machine.run(f"apt show {PACKAGE}")
    passwd = machine.run(f"getent passwd {USER}").strip().split(":")
    assert int(passwd[2]) < 1000
    assert passwd[5:] == [STATE, "/usr/sbin/nologin"]
    assert machine.modes(ETC, HOME, f"{HOME}/html", f"{HOME}/bin", LOGS, STATE) == {
        ETC: f"root:{USER} 2755",
        HOME: "root:root 755",
        f"{HOME}/html": "root:root 755",
        f"{HOME}/bin": "root:root 755",
        LOGS: f"{USER}:{USER} 750",
        STATE: f"{USER}:{USER} 750",
    }
    files = machine.run(f"find {ETC} -type f").split()
    assert set(machine.modes(*files).values()) == {f"root:{USER} 640"}
    # who is neither root nor the service reads no password
    assert machine.ask(f"sudo -u nobody cat {ETC}/renderserverconfig.json").returncode != 0


def test_install_starts_and_enables_nothing(machine: Machine) -> None:
    assert machine.unit(UNIT, "ActiveState") == "inactive"
    assert machine.ask(f"systemctl is-enabled {UNIT}").stdout.strip() == "disabled"
    assert processes(machine) == []


def test_the_unit_is_right_and_hardened(machine: Machine) -> None:
    done = machine.ask(f"systemd-analyze verify --man=no {UNIT}.service")
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    assert machine.exposure(UNIT) <= 4.0


def test_start_as_the_manual_says(machine: Machine) -> None:
    machine.run(f"sudo systemctl start {UNIT}")
    machine.wait_ready()
    assert "Active: active (running)" in machine.run(f"systemctl status {UNIT}")
    assert "the administrator admin is made" in machine.run(f"journalctl --no-pager -u {UNIT}")
    assert all(line.split()[1].startswith(f"{HOME}/venv/bin/python3") for line in processes(machine))


def test_the_pages_are_served_and_the_manuals_administrator_signs_in(machine: Machine) -> None:
    assert "<title>Web DICOM Viewer</title>" in machine.run("curl -sf http://127.0.0.1:8090/")
    assert machine.answers("http://127.0.0.1:8090/admin/") == 200
    assert machine.sign_in("admin", "admin") == {"user": "admin"}


def test_nothing_listens_beyond_the_machine(machine: Machine) -> None:
    listening = [line.split()[3] for line in machine.run("ss -Htln").splitlines()]
    # the machine's own Nginx, which is none of ours
    listening = [address for address in listening if not address.endswith(":80")]
    assert "127.0.0.1:8090" in listening
    assert all(address.startswith(("127.", "[::1]")) for address in listening), listening


def test_an_image_is_received_and_drawn_inside_the_confinement(machine: Machine, tmp_path: Path) -> None:
    admin = f"sudo -u {USER} {HOME}/bin/WebViewerAdmin -c {ETC}/renderserverconfig.json"
    machine.run(f"{admin} users add doctor --ae-title DOCTOR-AE", stdin="a-password-of-hers\n")
    eventually(
        lambda: machine.ask("echoscu -aec DOCTOR-AE 127.0.0.1 3000").returncode == 0, 30, "the AE title is known"
    )
    machine.receive_study("DOCTOR-AE", tmp_path)
    seen = machine.sign_in("doctor", "a-password-of-hers", look=True)
    assert seen["studies"] == 1
    assert seen["picture"] in ("image/png", "image/jpeg")
    assert seen["octets"] > 500


def test_the_password_is_changed_as_readme_debian_says(machine: Machine) -> None:
    admin = f"sudo -u {USER} {HOME}/bin/WebViewerAdmin -c {ETC}/renderserverconfig.json"
    machine.run(f"{admin} users password admin", stdin="another-for-the-test\n")
    assert machine.sign_in("admin", "another-for-the-test") == {"user": "admin"}


def test_it_comes_back_after_kill_9(machine: Machine) -> None:
    before = machine.main_process(UNIT)
    machine.run(f"kill -9 {before}")
    eventually(lambda: machine.main_process(UNIT) not in (0, before), READY_AFTER_KILL_S, "systemd starts it again")
    machine.wait_ready(within_s=READY_AFTER_KILL_S)
    assert machine.unit(UNIT, "NRestarts") == "1"


def test_a_device_that_does_not_exist_ends_the_service_once_and_for_all(machine: Machine) -> None:
    restarts = machine.unit(UNIT, "NRestarts")
    machine.run(f"mkdir -p /run/systemd/system/{UNIT}.service.d")
    machine.write(f"/run/systemd/system/{UNIT}.service.d/device.conf", "[Service]\nEnvironment=WEBVIEWER_DEVICE=77\n")
    machine.run("systemctl daemon-reload")
    machine.ask(f"systemctl restart {UNIT}")
    eventually(lambda: machine.unit(UNIT, "ActiveState") == "failed", 60, "the service has failed")
    assert machine.unit(UNIT, "ExecMainStatus") == "5"
    assert "Device 77 is not there" in machine.run(f"journalctl --no-pager -u {UNIT}")
    assert machine.unit(UNIT, "NRestarts") == restarts
    machine.run(f"rm -r /run/systemd/system/{UNIT}.service.d && systemctl daemon-reload && systemctl start {UNIT}")
    machine.wait_ready()


def test_logs_are_rotated_and_followed(machine: Machine) -> None:
    machine.run("logrotate --force /etc/logrotate.d/inobitec-web-dicom-viewer-server")
    assert machine.run(f"ls {LOGS}").split().count("renderserver.log.1") == 1
    machine.run("curl -s http://127.0.0.1:8090/v2/auth/session")
    eventually(lambda: machine.ask(f"test -s {LOGS}/renderserver.log").returncode == 0, 30, "a new log is begun")
    assert machine.modes(f"{LOGS}/renderserver.log") == {f"{LOGS}/renderserver.log": f"{USER}:{USER} 640"}
    for line in machine.run(f"cat {LOGS}/renderserver.log").splitlines():
        json.loads(line)


def test_it_is_enabled_and_stops_in_time(machine: Machine) -> None:
    machine.run(f"sudo systemctl enable {UNIT}")
    assert machine.run(f"systemctl is-enabled {UNIT}").strip() == "enabled"
    machine.stop(UNIT)
    assert processes(machine) == []
    machine.run(f"sudo systemctl start {UNIT}")
    machine.wait_ready()


def test_a_wrong_configuration_is_told_and_not_tried_forever(machine: Machine) -> None:
    kept = machine.run(f"cat {ETC}/control.json")
    machine.write(f"{ETC}/control.json", '{"port": "many"}')
    machine.ask(f"systemctl restart {UNIT}")
    try:
        eventually(lambda: machine.unit(UNIT, "ActiveState") == "failed", 150, "the service gives up")
        assert "many" in machine.run(f"journalctl --no-pager -u {UNIT} -n 20")
        assert machine.unit(UNIT, "ExecMainStatus") == "3"
        assert machine.unit(UNIT, "NRestarts") == "0"
    finally:
        machine.write(f"{ETC}/control.json", kept)
    machine.run(f"systemctl reset-failed {UNIT}; systemctl start {UNIT}")
    machine.wait_ready()


def test_a_storage_folder_on_another_disk_needs_only_its_owner(machine: Machine) -> None:
    kept = machine.run(f"cat {ETC}/renderserverconfig.json")
    machine.run(f"mkdir -p /srv/images && sudo chown {USER}: /srv/images")
    machine.write(f"{ETC}/renderserverconfig.json", '{"driver": "QSQLITE", "storage": "/srv/images"}')
    machine.run(f"sudo systemctl restart {UNIT}")
    machine.wait_ready()
    assert machine.run("ls /srv/images/webviewer-database")
    machine.write(f"{ETC}/renderserverconfig.json", kept)
    machine.run(f"sudo systemctl restart {UNIT}")
    machine.wait_ready()


def test_postgresql_as_the_manual_says(machine: Machine, tmp_path: Path) -> None:
    machine.run(f"sudo systemctl stop {UNIT}")
    machine.start_postgresql("of-the-test")
    machine.run(f"cd {ETC} && sudo cp renderserverconfig-postgresql.json renderserverconfig.json")
    assert machine.modes(f"{ETC}/renderserverconfig.json") == {f"{ETC}/renderserverconfig.json": f"root:{USER} 640"}
    assert machine.ask(f"{RENDER_SERVER} --check-database").returncode == 2
    machine.run(f"{RENDER_SERVER} --create-db-user --create-database {MASTER}")
    assert machine.ask(f"{RENDER_SERVER} --check-database").returncode == 0
    machine.run(f"sudo systemctl start {UNIT}")
    machine.wait_ready()
    assert machine.sign_in("admin", "admin") == {"user": "admin"}


def test_an_upgrade_keeps_what_was_edited_and_starts_again_what_ran(machine: Machine, tmp_path: Path) -> None:
    def change(tree: Path) -> None:
        # a default that is another one in the new version, where the administrator has edited the file too
        (tree / ETC.lstrip("/") / "control.json").write_text(
            '{"host": "127.0.0.1", "port": 8090, "session_idle_s": 900}'
        )
        (tree / ETC.lstrip("/") / "renderserverconfig-sqlite.json").write_text('{"driver": "QSQLITE"}')

    edited = '{"host": "127.0.0.1", "port": 8090, "session_idle_s": 1234}'
    machine.write(f"{ETC}/control.json", edited)
    machine.write(f"{HOME}/html/.config.json", '{ "language": "pt" }')
    before = machine.main_process(UNIT)
    package = newer(packages()["unified"], tmp_path, "99.0.0-r1", change)
    machine.install(package, options="-o Dpkg::Options::=--force-confold")
    assert machine.run(f"dpkg-query -W -f '${{Version}}' {PACKAGE}") == "99.0.0-r1"
    assert machine.run(f"cat {ETC}/control.json") == edited
    assert '"pt"' in machine.run(f"cat {HOME}/html/.config.json")
    assert machine.run(f"cat {ETC}/renderserverconfig-sqlite.json") == '{"driver": "QSQLITE"}'
    assert '"QPSQL"' in machine.run(f"cat {ETC}/renderserverconfig.json")
    assert set(machine.modes(*machine.run(f"find {ETC} -name '*.json'").split()).values()) == {f"root:{USER} 640"}
    assert machine.main_process(UNIT) not in (0, before)
    machine.wait_ready()
    assert machine.run(f"systemctl is-enabled {UNIT}").strip() == "enabled"


def test_remove_keeps_configuration_logs_and_data(machine: Machine) -> None:
    machine.run(f"sudo apt remove -y {PACKAGE}")
    assert processes(machine) == []
    assert "1234" in machine.run(f"cat {ETC}/control.json")
    assert machine.ask(f"ls {HOME}/bin {HOME}/venv").stdout == ""
    assert machine.run(f"ls {LOGS}/renderserver.log {STATE}/InobitecWebViewerStorage.sqlite")
    assert machine.unit(UNIT, "LoadState") in ("not-found", "masked")


def test_purge_takes_all_but_the_patients_data(machine: Machine) -> None:
    said = machine.ask(f"sudo apt purge -y {PACKAGE}")
    assert said.returncode == 0
    assert "images of patients" in said.stdout + said.stderr
    for folder in OURS.split():
        assert machine.ask(f"test -e {folder}").returncode == 1, machine.run(f"find {folder} | head")
    assert machine.run(f"ls {STATE}/InobitecWebViewerStorage.sqlite/webviewer-database")
    # their owner stays, so that no later user gets the files with the number
    assert machine.run(f"getent passwd {USER}")
    for pattern in ("/etc/logrotate.d/inobitec*", "/etc/systemd/system/*/inobitec*", "/lib/systemd/system/inobitec*"):
        assert machine.ask(f"ls {pattern}").stdout == ""
    assert machine.run(f"dpkg-query -W -f '${{Status}}' {PACKAGE} 2>/dev/null || true") in (
        "",
        "unknown ok not-installed",
    )
