"""A PostgreSQL 15 server of our own for the distributed system on one machine: its files, its start and its end."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from webviewer.core.process import Lifeline

PROGRAMS = Path("/usr/lib/postgresql/15/bin")
MASTER_USER = "postgres"
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 20.0


@dataclass(frozen=True, slots=True)
class PostgresqlFiles:
    """Where a server keeps its data and listens; root runs it as the user ``postgres``, which it insists on."""

    folder: Path
    port: int

    @property
    def data(self) -> Path:
        """Its data directory."""
        return self.folder / "data"

    @property
    def user(self) -> str | None:
        """The user of the system that runs it; None: whoever runs us."""
        return MASTER_USER if os.getuid() == 0 else None

    def prepare(self, master_password: str) -> None:
        """Make the data directory where there is none.

        Parameters
        ----------
        master_password
            Of the database user ``postgres``.

        Raises
        ------
        RuntimeError
            It could not be made, with the reason in words.
        """
        if (self.data / "PG_VERSION").exists():
            return
        shutil.rmtree(self.folder, ignore_errors=True)  # half made
        self.folder.mkdir(parents=True)
        self.folder.chmod(0o700)
        password_file = self.folder / "password"
        password_file.touch(0o600)
        password_file.write_text(master_password, "utf-8")
        if self.user is not None:
            entry = pwd.getpwnam(self.user)
            for path in (self.folder, password_file):
                os.chown(path, entry.pw_uid, entry.pw_gid)
            for parent in self.folder.parents[:2]:  # `postgres` goes through ours, and lists nothing
                parent.chmod(parent.stat().st_mode | 0o011)
        command = [str(PROGRAMS / "initdb"), "-D", str(self.data), "-U", MASTER_USER, "--pwfile", str(password_file)]
        command += ["-A", "scram-sha-256", "-E", "UTF8", "--locale=C", "--no-sync"]
        made = subprocess.run(command, user=self.user, cwd="/", check=False, capture_output=True, text=True)
        password_file.unlink()
        if made.returncode != 0:
            hint = "" if self.user is None else f" It runs as the user {self.user}, who must be able to go there."
            raise RuntimeError(f"PostgreSQL's files {self.data} could not be made: {made.stderr.strip()}{hint}")

    def start(self, lifeline: Lifeline, log_file: Path) -> subprocess.Popen[bytes]:
        """Start the server and wait until it takes connections.

        Raises
        ------
        RuntimeError
            It ended at once or does not answer in time.
        """
        options = [f"port={self.port}", "listen_addresses=127.0.0.1", f"unix_socket_directories={self.folder}"]
        command = [sys.executable, "-m", "tools.keeper", "--stop", "INT"]
        command += [] if self.user is None else ["--user", self.user]
        command += ["--", str(PROGRAMS / "postgres"), "-D", str(self.data)]
        for option in (*options, "max_connections=200"):
            command += ["-c", option]
        with log_file.open("ab") as log:
            process = subprocess.Popen(
                command,
                env={**os.environ, **lifeline.environment()},
                pass_fds=lifeline.pass_fds,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        asked = [str(PROGRAMS / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        give_up_s = time.monotonic() + START_TIMEOUT_S
        while subprocess.run(asked, check=False).returncode != 0:
            if process.poll() is not None or time.monotonic() > give_up_s:
                stop(process)
                raise RuntimeError(f"PostgreSQL did not start on port {self.port}; see {log_file}.")
            time.sleep(0.1)
        return process


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a server in good order, or at once when that takes too long."""
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
