"""Users of the distributed system on one machine, the words that greet its owner, and the demo study.

``python -m tools.distributed_guests --config FILE --node ADDRESS … --dicom PORT …`` waits until the nodes are online,
makes the users, and waits until the storage nodes know their AE titles.
"""

from __future__ import annotations

import argparse
import http.client
import os
import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tools.distributed_profile import HOST, STORAGE_NODES, Profile
from tools.evaluation import (
    ADMINISTRATOR,
    ADMINISTRATOR_PASSWORD,
    DEMO_STATE_FILE,
    DOCTOR,
    DOCTOR_AE_TITLE,
    DOCTOR_PASSWORD,
    is_done,
)
from tools.nginx import MANUAL_PREFIX
from webviewer.config import Role, load_settings
from webviewer.core.process import Lifeline, leave_with_parent

SECOND_DOCTOR, SECOND_AE_TITLE = "user2", "USER2-AE"
NODES_WITHIN_S = 120.0
POLL_S = 0.2


@dataclass(frozen=True, slots=True)
class Guest:
    """A doctor: whose studies lie on the storage node of this number."""

    name: str
    password: str
    ae_title: str
    storage_number: int


DOCTORS = (
    Guest(DOCTOR, DOCTOR_PASSWORD, DOCTOR_AE_TITLE, 1),
    Guest(SECOND_DOCTOR, SECOND_DOCTOR, SECOND_AE_TITLE, 2),
)


def make_users(config_file: Path, addresses: Sequence[str]) -> list[int]:
    """Make the users that are not there; returns the ids of the doctors' storage nodes, which no order of start rules.

    Parameters
    ----------
    config_file
        Of a control node.
    addresses
        Of all nodes that must be online before, the storage nodes first, in the order of their numbers.

    Raises
    ------
    RuntimeError
        A node does not come.
    """
    # imported only here: the process that stays need not hold the database's libraries
    from webviewer.bootstrap import make_administration

    administration = make_administration(load_settings(config_file, role=Role.CONTROL))
    try:
        give_up_s = time.monotonic() + NODES_WITHIN_S
        while True:
            online = {view.node.address: view.node.node_id for view in administration.nodes.all() if view.is_online}
            missing = [address for address in addresses if address not in online]
            if not missing:
                break
            if time.monotonic() > give_up_s:
                raise RuntimeError(f"These nodes did not register in {NODES_WITHIN_S:g} s: {', '.join(missing)}.")
            time.sleep(POLL_S)
        accounts = administration.accounts
        if accounts.find(ADMINISTRATOR) is None:
            accounts.create_user(ADMINISTRATOR, ADMINISTRATOR_PASSWORD, is_administrator=True, evaluation_password=True)
        for doctor in DOCTORS:
            if accounts.find(doctor.name) is None:
                accounts.create_user(
                    doctor.name,
                    doctor.password,
                    ae_title=doctor.ae_title,
                    evaluation_password=True,
                    storage_node_id=online[addresses[doctor.storage_number - 1]],
                )
        return [online[addresses[doctor.storage_number - 1]] for doctor in DOCTORS]
    finally:
        administration.dispose()


def wait_for_ae_titles(dicom_ports: Sequence[int]) -> None:
    """Wait until the storage nodes take associations for their doctors: they hear of users with their next heartbeat.

    Raises
    ------
    RuntimeError
        One does not.
    """
    from pynetdicom import AE
    from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]

    for doctor in DOCTORS:
        port = dicom_ports[doctor.storage_number - 1]
        entity = AE("GUESTS")
        entity.add_requested_context(Verification)
        give_up_s = time.monotonic() + NODES_WITHIN_S
        while True:
            association = entity.associate(HOST, port, ae_title=doctor.ae_title)
            if association.is_established:
                association.release()
                break
            if time.monotonic() > give_up_s:
                raise RuntimeError(f"DICOM port {port} did not take {doctor.ae_title} in {NODES_WITHIN_S:g} s.")
            time.sleep(POLL_S)


@dataclass(frozen=True, slots=True)
class GuestBook:
    """Welcomes people once the system runs.

    Parameters
    ----------
    profile
        Of the system.
    demo
        Whether to send the demo study.
    on_ready
        Called when it can be used.
    """

    profile: Profile
    demo: bool
    on_ready: Callable[[], None] = field(repr=False)
    _lifeline: Lifeline = field(default_factory=Lifeline, init=False, repr=False)
    _leaving: threading.Event = field(default_factory=threading.Event, init=False, repr=False)

    def welcome(self) -> None:
        """Make the users, wait until Nginx answers for all, say where to go, and send the demo study."""
        profile, ports = self.profile, self.profile.ports
        nodes = [f"http://{HOST}:{port}" for port in (*ports.storage, *ports.render)]
        module = [sys.executable, "-m", "tools.distributed_guests"]
        module += ["--config", str(profile.config_file(Role.CONTROL, 1)), "--node", *nodes]
        module += ["--dicom", *map(str, ports.dicom)]
        made, ids = self._run(module, profile.environment(os.environ), stdout=subprocess.PIPE)
        if made != 0 and not self._leaving.is_set():
            print(f"The system is not whole: see the logs in {profile.log_folder}.", file=sys.stderr, flush=True)
        if made != 0:
            return
        while not _answers(ports.http):
            if self._leaving.wait(POLL_S):
                return
        self.on_ready()
        print("\n".join(self.words([int(number) for number in ids.split()])), flush=True)
        state = profile.folder / DEMO_STATE_FILE
        if self.demo and not is_done(state):
            # Ended in the middle of its work, its workers leave locks that Python would complain of at the terminal.
            python = [sys.executable, "-W", "ignore:resource_tracker"]
            module = [*python, "-m", "tools.demo_study", "send", f"{HOST}:{ports.dicom[0]}"]
            self._run([*module, "--called", DOCTOR_AE_TITLE, "--state", str(state)], dict(os.environ))

    def leave(self) -> None:
        """End what `welcome` does: the system stops, and nobody is to wonder aloud that it does not answer."""
        self._leaving.set()
        self._lifeline.forget()

    def _run(self, command: Sequence[str], environ: dict[str, str], stdout: int | None = None) -> tuple[int, str]:
        """Run a module; returns its exit code, and what it printed where that is not for the terminal."""
        environ = {**environ, **self._lifeline.environment()}
        # In a session of its own: a Ctrl+C at the terminal is ours, and it leaves when we do.
        done = subprocess.run(
            command,
            env=environ,
            pass_fds=self._lifeline.pass_fds,
            check=False,
            start_new_session=True,
            stdout=stdout,
            text=True,
        )
        return done.returncode, done.stdout or ""

    def words(self, storage_ids: Sequence[int]) -> list[str]:
        """Return the lines that greet; the ids are those of the doctors' storage nodes."""
        ports = self.profile.ports
        lines = [
            "",
            f"  Open          http://localhost:{ports.http}{MANUAL_PREFIX}",
            f"                https://localhost:{ports.https}{MANUAL_PREFIX}   (browsers warn of its certificate)",
        ]
        admin = [f"WEBVIEWER_INTERNAL_TOKEN_FILE={shlex.quote(str(self.profile.secrets_folder / 'join'))}"]
        admin += [shlex.quote(str(Path(sys.executable).with_name("WebViewerAdmin"))), "-c"]
        admin += [shlex.quote(str(self.profile.config_file(Role.CONTROL, 1))), "nodes list"]
        for doctor, node_id in zip(DOCTORS, storage_ids, strict=True):
            port = ports.dicom[doctor.storage_number - 1]
            lines.append(
                f"  Doctor        {doctor.name} / {doctor.password}   "
                f"node {node_id} (storage-{doctor.storage_number}): "
                f"storescu -aec {doctor.ae_title} localhost {port} FILE…"
            )
        return [
            *lines,
            f"  Administrator {ADMINISTRATOR} / {ADMINISTRATOR_PASSWORD}   at http://localhost:{ports.http}{MANUAL_PREFIX}/admin/",
            f"  Nodes         {len(ports.control)} control, {STORAGE_NODES} storage, {len(ports.render)} render",
            f"  Admin tool    {' '.join(admin)}",
            f"  Logs          {self.profile.log_folder}",
            "  Stop          Ctrl+C",
            "",
        ]


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=5)
    try:
        connection.request("GET", f"{MANUAL_PREFIX}/v2/health/ready")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.distributed_guests", description=__doc__)
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="of a control node")
    parser.add_argument("--node", nargs="+", required=True, metavar="ADDRESS", help="storage nodes first")
    parser.add_argument("--dicom", nargs="+", type=int, required=True, metavar="PORT", help="of the storage nodes")
    args = parser.parse_args()
    leave_with_parent()
    try:
        ids = make_users(args.config, args.node)
        wait_for_ae_titles(args.dicom)
        print(*ids)
    except RuntimeError as exc:
        print(exc, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
