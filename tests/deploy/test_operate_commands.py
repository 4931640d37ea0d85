"""The commands of ``docs/operate.md`` as printed, in order, on Debian machines with a real systemd and our packages.

What the guide promises is looked at between its commands: doctors sign in, a study arrives, and after the restore on a
new server the same doctor sees the same study.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.operate_guide import Block, at
from tests.deploy.systemd_container import PRODUCT, Machine, newer, packages, podman, running_machine
from tests.support.waiting import eventually

pytestmark = [pytest.mark.prove, pytest.mark.timeout(3000)]

MASTER_PASSWORD = "of-the-test"  # as the guide's blocks type it
MUELLER = "a long password of Mueller"
ADMINISTRATOR = "a long password of the administrator"


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """A folder of this machine by which backups travel."""
    return tmp_path


def prepared(machine: Machine, build_type: str) -> None:
    """Lay the package where an operator has it: in the folder of the first command."""
    package = packages()[build_type]
    assert podman("cp", str(package), f"{machine.name}:/root/{package.name}").returncode == 0


def run(machine: Machine, block: Block) -> None:
    """Run a block as printed; fails with what it wrote."""
    output = ""

    def answered() -> bool:
        nonlocal output
        command = f"cd /root\nset -e\n{block.script}"
        done = machine.ask(command, stdin=f"{block.typed}\n" if block.typed else "", timeout_s=900)
        output = done.stdout + done.stderr
        if not block.until:
            assert done.returncode == 0, f"{block.name}:\n{block.script}\n{output}"
            return True
        return re.search(block.until, done.stdout) is not None

    try:
        eventually(answered, 180, block.name)
    except AssertionError as exc:
        raise AssertionError(f"{exc}\n{output}") from None


def bring(source: Machine, target: Machine, shared: Path) -> None:
    """Bring the backup to another machine, as any means that keeps modes does."""
    archive = shared / "backup.tar"
    source.run("tar -C / -cf /root/backup.tar backup")
    for words in (
        ("cp", f"{source.name}:/root/backup.tar", str(archive)),
        ("cp", str(archive), f"{target.name}:/root/backup.tar"),
    ):
        assert podman(*words).returncode == 0
    target.run("tar -C / -xf /root/backup.tar")


def sees_the_study(machine: Machine, name: str, password: str) -> None:
    """Sign in, look at the one study, once all nodes that were started are there."""
    machine.wait_ready()

    def answered() -> bool:
        try:
            seen.update(machine.sign_in(name, password, look=True))
        except AssertionError as exc:  # 503 while a storage or a render node starts
            seen["refused"] = str(exc)
            return False
        return True

    seen: dict[str, Any] = {}
    try:
        eventually(answered, 120, "a look at the study")
    except AssertionError as exc:
        raise AssertionError(f"{exc}\n{seen['refused']}") from None
    assert (seen["user"], seen["studies"]) == (name, 1)
    assert seen["octets"] > 500


@pytest.fixture
def machine(request: pytest.FixtureRequest) -> Iterator[Machine]:
    with running_machine("guide") as found:
        yield found


def test_several_machines_from_the_install_to_a_restore_on_a_new_server(
    machine: Machine, shared: Path, tmp_path: Path
) -> None:
    machine.start_postgresql(MASTER_PASSWORD)
    prepared(machine, "distributed")
    for block in at("distributed"):
        if "pg_dump" in block.script:  # there is something to back up
            eventually(
                lambda: machine.ask("echoscu -aec MUELLER 127.0.0.1 3000").returncode == 0, 120, "the AE title is known"
            )
            machine.receive_study("MUELLER", tmp_path)
            sees_the_study(machine, "mueller", MUELLER)
        if "./new/" in block.script:
            package = newer(packages()["distributed"], tmp_path, "99.0.0-r1", lambda _: None)
            machine.run("mkdir -p /root/new")
            name = f"{PRODUCT}-99.0.0-r1-debian-12-x64-distributed.deb"
            assert podman("cp", str(package), f"{machine.name}:/root/new/{name}").returncode == 0
        run(machine, block)
    assert machine.run("dpkg-query -W -f '${Version}' 'inobitec*'") == "99.0.0-r1"
    assert machine.ask("ls /srv/images/data").returncode == 0
    sees_the_study(machine, "mueller", MUELLER)
    for name, password in (("admin", ADMINISTRATOR), ("schmidt", "a long password of Schmidt")):
        assert machine.sign_in(name, password)["user"] == name

    with running_machine("guide-new") as new:
        new.run("useradd --system --no-create-home another")  # so that the service's user has another number
        new.start_postgresql(MASTER_PASSWORD)
        prepared(new, "distributed")
        bring(machine, new, shared)
        for block in at("new"):
            run(new, block)
            if "nodes list" in block.script:
                sees_the_study(new, "mueller", MUELLER)
        sees_the_study(new, "mueller", MUELLER)  # also after files without a row were removed


def test_one_server_from_the_install_to_a_restore_and_to_postgresql(
    machine: Machine, shared: Path, tmp_path: Path
) -> None:
    prepared(machine, "unified")
    admin = "/opt/inobitec-web-dicom-viewer-server/bin/WebViewerAdmin -c renderserverconfig.json"
    for block in at("unified"):
        if "sqlite3" in block.script:
            command = f"cd /etc/{PRODUCT} && sudo -u inobitec-web-viewer {admin} users add mueller --ae-title MUELLER"
            machine.run(command, stdin=f"{MUELLER}\n")
            eventually(
                lambda: machine.ask("echoscu -aec MUELLER 127.0.0.1 3000").returncode == 0, 120, "the AE title is known"
            )
            machine.receive_study("MUELLER", tmp_path)
            sees_the_study(machine, "mueller", MUELLER)
        run(machine, block)
    assert machine.sign_in("admin", ADMINISTRATOR)["user"] == "admin"

    with running_machine("guide-new-sqlite") as new:
        prepared(new, "unified")
        bring(machine, new, shared)
        for block in at("new-sqlite"):
            run(new, block)
        sees_the_study(new, "mueller", MUELLER)

    machine.start_postgresql(MASTER_PASSWORD)
    for block in at("unified-postgresql"):
        run(machine, block)
    machine.wait_ready()
    assert machine.sign_in("admin", "admin")["user"] == "admin"  # a new database, as the guide says
