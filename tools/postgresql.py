"""A PostgreSQL 15 server of our own for the distributed system on one machine: its files, its start and its end."""

from __future__ import annotations

import contextlib
import logging
import os
import pwd
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from functions.supervisor import HEALTHY_AFTER_S, cause_of_end, restart_delay_s
from webviewer.core.process import Lifeline

logger = logging.getLogger("tools.postgresql")

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
        password_file = self.folder / "password"
        # The password goes when initdb has done its work: a kill in the middle leaves it there.
        if (self.data / "PG_VERSION").exists() and not password_file.exists():
            return
        shutil.rmtree(self.folder, ignore_errors=True)  # half made
        self.folder.mkdir(parents=True)
        self.folder.chmod(0o700)
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
        if made.returncode != 0:
            hint = "" if self.user is None else f" It runs as the user {self.user}, who must be able to go there."
            raise RuntimeError(f"PostgreSQL's files {self.data} could not be made: {made.stderr.strip()}{hint}")
        password_file.unlink()

    def launch(self, lifeline: Lifeline, log_file: Path) -> subprocess.Popen[bytes]:
        """Start the server; a server that an earlier start left behind is stopped first."""
        self.stop_orphan()
        options = [f"port={self.port}", "listen_addresses=127.0.0.1", f"unix_socket_directories={self.folder}"]
        command = [sys.executable, "-m", "tools.keeper", "--stop", "INT"]
        command += [] if self.user is None else ["--user", self.user]
        command += ["--", str(PROGRAMS / "postgres"), "-D", str(self.data)]
        for option in (*options, "max_connections=200"):
            command += ["-c", option]
        with log_file.open("ab") as log:
            return subprocess.Popen(
                command,
                env={**os.environ, **lifeline.environment()},
                pass_fds=lifeline.pass_fds,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def answers(self) -> bool:
        """Say whether the server takes connections."""
        asked = [str(PROGRAMS / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(asked, check=False).returncode == 0

    def server_pid(self) -> int | None:
        """Return the process that works on these files, None if there is none."""
        try:
            pid = int((self.data / "postmaster.pid").read_text("utf-8").partition("\n")[0])
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except (OSError, ValueError):
            return None
        return pid if os.fsencode(self.data) in words else None  # the number may be another program's by now

    def stop_orphan(self) -> None:
        """End a server whose keeper is gone: in good order, or at once when that takes too long."""
        pid = self.server_pid()
        if pid is None:
            return
        logger.warning("postgresql_left_behind", extra={"server_pid": pid})
        for number in (signal.SIGINT, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
            give_up_s = time.monotonic() + STOP_TIMEOUT_S / 2
            while self.server_pid() == pid and time.monotonic() < give_up_s:
                time.sleep(0.05)


class PostgresqlServer:
    """A running server that is started again when it ends, and is gone when it was stopped.

    Parameters
    ----------
    files
        Of the server.
    lifeline
        With which it leaves.
    log_file
        Takes what it prints.
    say
        Takes one line for the person at the console when it ends by itself.
    """

    def __init__(self, files: PostgresqlFiles, lifeline: Lifeline, log_file: Path, say: Callable[[str], None]) -> None:
        self._files = files
        self._lifeline = lifeline
        self._log_file = log_file
        self._say = say
        self._leaving = threading.Event()
        self._lock = threading.Lock()
        self._process = self._launch()
        self._watcher = threading.Thread(target=self._watch, name="postgresql", daemon=True)

    def wait_until_ready(self) -> None:
        """Wait until it takes connections; from then on it is started again when it ends.

        Raises
        ------
        RuntimeError
            It ended at once or does not answer in time.
        """
        give_up_s = time.monotonic() + START_TIMEOUT_S
        while not self._files.answers():
            if self._process.poll() is not None or time.monotonic() > give_up_s:
                self.stop()
                raise RuntimeError(f"PostgreSQL did not start on port {self._files.port}; see {self._log_file}.")
            time.sleep(0.1)
        self._watcher.start()

    def stop(self) -> None:
        """End it in good order, or at once when that takes too long."""
        self._leaving.set()
        with self._lock:
            process = self._process
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        self._files.stop_orphan()

    def _launch(self) -> subprocess.Popen[bytes]:
        process = self._files.launch(self._lifeline, self._log_file)
        logger.info("node_started", extra={"child": "postgresql", "child_pid": process.pid})
        return process

    def _watch(self) -> None:
        failures, started_s = 0, time.monotonic()
        while True:
            code = self._process.wait()
            if self._leaving.is_set():
                return
            failures = 1 if time.monotonic() - started_s >= HEALTHY_AFTER_S else failures + 1
            delay_s = restart_delay_s(failures)
            facts = {"child": "postgresql", "child_pid": self._process.pid, "cause": cause_of_end(code)}
            logger.error("node_ended", extra={**facts, "restart_in_s": delay_s})
            self._say(f"PostgreSQL ended ({cause_of_end(code)}); it starts again in {delay_s:g} s.")
            if self._leaving.wait(delay_s):
                return
            with self._lock:
                if self._leaving.is_set():
                    return
                self._process = self._launch()
            started_s = time.monotonic()
