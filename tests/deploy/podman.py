"""Containers of our images under podman and runc, confined as the chart confines them: no more than a pod may."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.images import Storage

CONFIGURATION = """
[containers]
default_ulimits = ["nofile=20000:20000", "nproc=32768:32768"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
"""
WRITABLE = "/tmp"  # noqa: S108  in a container
# As the chart's securityContext and its one writable volume say; podman's own tmpfs on /run and /var/tmp would hide
# what writes there.
CONFINED = (
    "--read-only",
    "--read-only-tmpfs=false",
    "--cap-drop=all",
    "--security-opt=no-new-privileges",
    "--http-proxy=false",
    f"--mount=type=tmpfs,destination={WRITABLE},tmpfs-mode=1777,tmpfs-size=1g",
)


@dataclass(frozen=True)
class Mount:
    """A file or folder of this machine in a container."""

    here: Path
    there: str
    read_only: bool = True

    @property
    def option(self) -> str:
        """Return podman's option."""
        return f"--volume={self.here}:{self.there}:{'ro' if self.read_only else 'rw'}"


@dataclass(frozen=True)
class Done:
    """A container that ended by itself."""

    code: int
    output: str


@dataclass(frozen=True)
class Container:
    """A running one."""

    podman: Podman
    name: str

    def output(self) -> str:
        """Return all that it wrote."""
        done = self.podman.ask("logs", self.name)
        return done.stdout + done.stderr

    def state(self) -> dict[str, Any]:
        """Return podman's facts on its process."""
        [found] = json.loads(self.podman.call("container", "inspect", self.name))
        return dict(found["State"])

    def is_running(self) -> bool:
        """Say whether its process is there."""
        return bool(self.state()["Running"])

    def run(self, *command: str, stdin: str | None = None) -> Done:
        """Run a command in it, as `kubectl exec` and probes do."""
        interactive = ["--interactive"] if stdin is not None else []
        done = self.podman.ask("exec", *interactive, self.name, *command, stdin=stdin)
        return Done(done.returncode, done.stdout + done.stderr)

    def stop(self, within_s: int) -> int:
        """Send the image's stop signal, SIGKILL after a time; return the exit code: 137 of one that was killed."""
        self.podman.call("stop", "--time", str(within_s), self.name)
        return int(self.state()["ExitCode"])

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        """Send a signal to its first process."""
        self.podman.call("kill", "--signal", str(number.value), self.name)


@dataclass(frozen=True)
class Podman:
    """Podman on the images of a storage; `folder` holds its configuration."""

    storage: Storage
    folder: Path

    def __post_init__(self) -> None:
        (self.folder / "containers.conf").write_text(CONFIGURATION)

    def ask(self, *words: str, stdin: str | None = None, timeout_s: float = 120) -> subprocess.CompletedProcess[str]:
        """Run podman; the caller judges its exit code."""
        return subprocess.run(
            self.storage.command("podman", *words),
            input=stdin if stdin is not None else "",
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
            env={**os.environ, "CONTAINERS_CONF": str(self.folder / "containers.conf")},
        )

    def call(self, *words: str, timeout_s: float = 120) -> str:
        """Run podman and return what it says; fails with its words."""
        done = self.ask(*words, timeout_s=timeout_s)
        assert done.returncode == 0, f"podman {' '.join(words)} ended with {done.returncode}.\n{done.stderr}"
        return done.stdout

    def run(self, image: str, *command: str, entrypoint: bool = True, **wishes: Any) -> Done:
        """Run a container until it ends by itself; see `options` for the wishes."""
        chosen = [] if entrypoint else ["--entrypoint="]
        done = self.ask("run", "--rm", *chosen, *self.options(**wishes), image, *command, timeout_s=300)
        return Done(done.returncode, done.stdout + done.stderr)

    @contextmanager
    def running(self, name: str, image: str, command: Sequence[str] = (), **wishes: Any) -> Iterator[Container]:
        """Run a container until the block ends. With a command the image's own entry point is left out, as in a pod."""
        chosen = ["--entrypoint=" if command else "--pull=never"]
        self.call("run", "--detach", "--name", name, *chosen, *self.options(**wishes), image, *command)
        try:
            yield Container(self, name)
        finally:
            with suppress(subprocess.TimeoutExpired):
                self.ask("rm", "--force", "--time", "0", "--volumes", name)

    def options(
        self,
        *,
        network: str = "none",
        environ: Mapping[str, str] | None = None,
        mounts: Sequence[Mount] = (),
        hosts: Mapping[str, str] | None = None,
        user: str = "",
    ) -> list[str]:
        """Return the options of a confined container.

        Parameters
        ----------
        network
            ``none``, ``host`` or ``ns:FILE``.
        environ, mounts
            As a pod has them.
        hosts
            Address by name, in the place of the cluster's DNS.
        user
            ``user:group``; empty for the image's own.
        """
        result = [*CONFINED, "--pull=never", f"--network={network}"]
        result += [f"--env={name}={value}" for name, value in (environ or {}).items()]
        result += [mount.option for mount in mounts]
        result += [f"--add-host={name}:{address}" for name, address in (hosts or {}).items()]
        if user:
            result.append(f"--user={user}")
        return result
