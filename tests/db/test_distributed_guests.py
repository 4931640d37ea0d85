"""What greets the owner of ``make run-distributed``: true numbers of nodes, and a command line that works."""

from __future__ import annotations

import json
import shlex
import subprocess
from pathlib import Path

import pytest

from tools.distributed_guests import DOCTORS, GuestBook, make_users
from tools.distributed_profile import Ports, Profile
from webviewer.adapters.db.maintenance import create_database
from webviewer.bootstrap import make_administration
from webviewer.config import Role, load_settings
from webviewer.placement import NodeKind, NodeReport


@pytest.fixture
def profile(tmp_path: Path) -> Profile:
    made = Profile(tmp_path / "a house", Ports.choose(0, 0, 0, 1))
    config = made.config_file(Role.CONTROL, 1)
    config.parent.mkdir(parents=True)
    config.write_text(json.dumps({"storage": "s", "driver": "QSQLITE"}))
    made.secret("join")
    create_database(load_settings(config, role=Role.CONTROL).database)
    return made


def test_the_banner_names_the_ids_that_nodes_got_and_the_whole_admin_command(profile: Profile) -> None:
    config = profile.config_file(Role.CONTROL, 1)
    addresses = [f"http://127.0.0.1:{port}" for port in profile.ports.storage]
    administration = make_administration(load_settings(config, role=Role.CONTROL))
    for number in (2, 1):  # the second was quicker
        administration.nodes.hear(NodeReport(NodeKind.STORAGE, f"storage-{number}", addresses[number - 1]))
    ids = make_users(config, addresses)
    assert ids == [2, 1]
    found = [administration.accounts.find(doctor.name) for doctor in DOCTORS]
    assert [account and account.storage_node_id for account in found] == ids
    administration.dispose()

    lines = GuestBook(profile, demo=False, on_ready=lambda: None).words(ids)
    doctors = [line for line in lines if line.startswith("  Doctor")]
    assert "node 2 (storage-1): storescu -aec USER-AE" in doctors[0]
    assert "node 1 (storage-2): storescu -aec USER2-AE" in doctors[1]
    command = next(line for line in lines if line.startswith("  Admin tool")).removeprefix("  Admin tool").strip()
    assert shlex.split(command)[-2:] == ["nodes", "list"]
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[0].startswith("ID  Type")
    assert addresses[0] in done.stdout
