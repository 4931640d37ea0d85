"""A Debian 12 machine with a real systemd, as a container of podman; and the real packages to install in it.

::

    with running_machine("unified") as machine:
        machine.install(packages()["unified"])
        machine.run("systemctl start inobitec-render-server")

It has no network: everything talks on its loopback. The image is made once, of Debian's packages, by mmdebstrap.
"""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import subprocess
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tests.deploy.podman import CONFIGURATION
from tests.support.phantom_files import make_ct, to_bytes
from tests.support.waiting import eventually
from tools.make_deb import BUILD_TYPES, NAME, ROOT, build, inputs

FOLDER = ROOT / "build/systemd"
SOURCES = Path("/etc/apt/sources.list.d/debian.sources")
# what the packages depend on, and what a machine of the manual has besides: PostgreSQL, sudo, tools to ask with
PACKAGES = (
    *("systemd", "systemd-sysv", "dbus", "procps", "python3", "postgresql-15", "dcmtk", "libegl1", "libegl-mesa0"),
    *("libgles2", "libgl1", "libgl1-mesa-dri", "sudo", "curl", "adduser", "logrotate", "ca-certificates"),
    *("nginx-light", "iproute2", "openssl", "rsync", "sqlite3"),
)
IMAGE = "localhost/webviewer-systemd:" + hashlib.sha256(" ".join(PACKAGES).encode()).hexdigest()[:12]
PRODUCT = "inobitec-web-dicom-viewer-server"
ETC, HOME, LOGS = f"/etc/{PRODUCT}", f"/opt/{PRODUCT}", f"/var/log/{PRODUCT}"
STATE = "/var/lib/inobitec-web-viewer"
USER = "inobitec-web-viewer"

# what a browser does, for a machine without one: sign in, wait for the study, look at its first series
DOCTOR = r"""
import http.cookiejar, json, sys, time, urllib.request
base, name, password, look = sys.argv[1:]
opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
def ask(path, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(base + path, data=data, headers={"Content-Type": "application/json"})
    with opener.open(request, timeout=30) as answer:
        return answer.headers.get_content_type(), answer.read()
signed_in = json.loads(ask("/v2/auth/sign-in", {"user_name": name, "password": password})[1])
said = {"user": signed_in["user"]["user_name"]}
if look == "look":
    until = time.monotonic() + 60
    while not (studies := json.loads(ask("/v2/studies")[1])["studies"]) and time.monotonic() < until:
        time.sleep(0.5)
    study = json.loads(ask(f"/v2/studies/{studies[0]['study_id']}")[1])
    kind, picture = ask(f"/v2/render/series/{study['series'][0]['series_id']}/thumbnail?size=160")
    said |= {"studies": len(studies), "picture": kind, "octets": len(picture)}
print(json.dumps(said))
"""


def podman(*words: str, timeout_s: float = 600, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run podman with a storage of its own; the caller judges its exit code."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    configuration = FOLDER / "containers.conf"
    configuration.write_text(CONFIGURATION)
    driver = "overlay" if os.getuid() == 0 or Path("/dev/fuse").exists() else "vfs"
    command = ["podman", "--root", str(FOLDER / "storage"), "--runroot", str(FOLDER / "run")]
    command += ["--storage-driver", driver, *words]
    environ = {**os.environ, "CONTAINERS_CONF": str(configuration)}
    return subprocess.run(
        command, input=stdin, capture_output=True, text=True, timeout=timeout_s, check=False, env=environ
    )


def _must(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, f"{shlex.join(done.args)} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
    return done.stdout


@cache
def packages() -> dict[str, Path]:
    """Return the packages of both builds: those of WEBVIEWER_DEB_FOLDER, else built of the tree as it is now."""
    given = os.environ.get("WEBVIEWER_DEB_FOLDER")
    folder = Path(given) if given else FOLDER / "deb"
    digest = FOLDER / "deb.sha256"
    if not given:
        now = hashlib.sha256()
        for path in inputs():
            now.update(f"{path}\0".encode() + path.read_bytes() + b"\0")
        if not digest.exists() or digest.read_text() != now.hexdigest():
            digest.unlink(missing_ok=True)
            build(folder, FOLDER / "deb-work")
            digest.write_text(now.hexdigest())
    found = {}
    for build_type in BUILD_TYPES:
        [found[build_type]] = folder.glob(f"{NAME}-*-{build_type}.deb")
    return found


@cache
def image() -> str:
    """Return the name of the machine's image; it is made if it is not there."""
    if podman("image", "exists", IMAGE).returncode != 0:
        archive = FOLDER / "rootfs.tar"
        command = ["mmdebstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}", "bookworm", str(archive)]
        _must(
            subprocess.run(
                [*command, str(SOURCES)], capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
            )
        )
        _must(podman("import", str(archive), IMAGE))
        archive.unlink()
    return IMAGE


@dataclass(frozen=True)
class Machine:
    """A running one, by the name of its container."""

    name: str

    def ask(self, command: str, *, stdin: str = "", timeout_s: float = 300) -> subprocess.CompletedProcess[str]:
        """Run a line of shell as root; the caller judges its exit code."""
        words = ["exec", "--interactive", "--env", "DEBIAN_FRONTEND=noninteractive", "--env", "LC_ALL=C.UTF-8"]
        return podman(*words, self.name, "sh", "-c", command, timeout_s=timeout_s, stdin=stdin)

    def run(self, command: str, *, stdin: str = "", timeout_s: float = 300) -> str:
        """Run a line of shell as root and return what it wrote; fails with its words."""
        done = self.ask(command, stdin=stdin, timeout_s=timeout_s)
        assert done.returncode == 0, f"{command!r} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
        return done.stdout

    def write(self, path: str, text: str) -> None:
        """Write into a file as an editor does: owner and mode stay."""
        self.run(f"cat > {shlex.quote(path)}", stdin=text)

    def install(self, package: Path, *, options: str = "") -> str:
        """Install a file as manual 2.4 says."""
        _must(podman("cp", str(package), f"{self.name}:/root/{package.name}"))
        return self.run(f"cd /root && sudo apt install -y {options} ./{package.name}", timeout_s=900)

    def modes(self, *paths: str) -> dict[str, str]:
        """Return owner, group and mode of files."""
        lines = self.run(f"stat -c '%n %U:%G %a' {shlex.join(paths)}").splitlines()
        return {line.split(" ", 1)[0]: line.split(" ", 1)[1] for line in lines}

    def unit(self, name: str, fact: str) -> str:
        """Return a property of a unit."""
        return self.run(f"systemctl show --property {fact} --value {name}").strip()

    def main_process(self, unit: str) -> int:
        """Return the number of a service's first process; 0 if it does not run."""
        return int(self.unit(unit, "MainPID"))

    def answers(self, url: str) -> int:
        """Return the status that a URL answers with; 0 if nothing listens there."""
        return int(self.ask(f"curl -sk -m 5 -o /dev/null -w '%{{http_code}}' {shlex.quote(url)}").stdout or 0)

    def wait_ready(self, url: str = "http://127.0.0.1:8090/v2/health/ready", within_s: float = 240) -> None:
        """Wait until the server says that it is ready."""
        try:
            eventually(lambda: self.answers(url) == 200, within_s, f"{url} answers 200")
        except AssertionError as exc:
            said = self.ask(f"curl -s {url}; journalctl --no-pager -n 40; tail -n 20 {LOGS}/*.log").stdout
            raise AssertionError(f"{exc}\n{said}") from None

    def sign_in(self, name: str, password: str, *, look: bool = False) -> dict[str, Any]:
        """Sign in as a doctor does, look at the first study if wished, and return what was seen."""
        words = shlex.join(["http://127.0.0.1:8090", name, password, "look" if look else "-"])
        return dict(json.loads(self.run(f"python3 - {words}", stdin=DOCTOR)))

    def receive_study(self, called: str, folder: Path) -> None:
        """Let a modality of this machine send a CT image to the storage of the user with that AE title."""
        file = folder / "ct.dcm"
        file.write_bytes(to_bytes(make_ct()))
        _must(podman("cp", str(file), f"{self.name}:/root/ct.dcm"))
        self.run(f"storescu -aec {called} 127.0.0.1 3000 /root/ct.dcm")

    def stop(self, unit: str) -> None:
        """Stop a service by the manual's command; systemd would say "timeout" of one that it had to kill."""
        self.run(f"sudo systemctl stop {unit}")
        assert self.unit(unit, "ActiveState") == "inactive", self.run(f"systemctl status {unit} || true")
        assert self.unit(unit, "Result") == "success"

    def exposure(self, unit: str) -> float:
        """Return what systemd-analyze security says of a unit: 0 nothing to reach, 10 everything."""
        lines = self.run(f"systemd-analyze security --no-pager {unit}").splitlines()
        [line] = [line for line in lines if "Overall exposure level" in line]
        return float(line.split(":", 1)[1].split()[0])

    def start_postgresql(self, password: str) -> None:
        """Start Debian's PostgreSQL and give its administrator a password."""
        self.run("systemctl start postgresql@15-main")
        self.run("sudo -u postgres psql -q", stdin=f"ALTER ROLE postgres PASSWORD '{password}';\n")


@contextmanager
def running_machine(purpose: str) -> Iterator[Machine]:
    """Start a machine and wait until its systemd has started everything; it is gone afterwards."""
    name = f"webviewer-{purpose}-{uuid.uuid4().hex[:8]}"
    options = ["--detach", "--name", name, "--hostname", "viewer", "--systemd=always", "--network", "none"]
    _must(podman("run", *options, image(), "/lib/systemd/systemd"))
    machine = Machine(name)
    try:
        eventually(
            lambda: machine.ask("systemctl is-system-running").stdout.strip() == "running", 120, "systemd is running"
        )
        yield machine
    finally:
        podman("rm", "--force", "--time", "10", name)


def newer(package: Path, folder: Path, version: str, change: Callable[[Path], None]) -> Path:
    """Return the package once more with a higher version and whatever is changed in its tree."""
    tree = folder / "tree"
    _must(_dpkg_deb("--raw-extract", str(package), str(tree)))
    control = tree / "DEBIAN/control"
    lines = control.read_text("utf-8").splitlines()
    control.write_text(
        "".join(f"Version: {version}\n" if line.startswith("Version:") else line + "\n" for line in lines), "utf-8"
    )
    change(tree)
    made = folder / f"newer-{package.name}"
    _must(_dpkg_deb("--root-owner-group", "-Znone", "--build", str(tree), str(made)))
    return made


def _dpkg_deb(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["dpkg-deb", *words], capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
