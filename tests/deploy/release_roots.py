"""Bare roots of the supported releases of Debian and Ubuntu, to install the packages in by the release's own apt.

::

    with release_root("ubuntu-22.04") as root:
        root.copy(packages()["unified"], "/root")
        root.run("apt-get install -y /root/*.deb")

There is no systemd in them (`systemd_container.py` has one): programs are started as the service user. The untouched
roots are archives that are kept between runs. This takes root and mmdebstrap, which knows the archives of both
distributions. Debian's own sources are those of this machine.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tools.bare_machine import remove_root
from tools.bare_sources import apt_settings, debian_sources, files_to_copy

CACHE = Path("/var/cache/web-dicom-viewer/releases")
RELEASES = {"debian-12": "bookworm", "debian-13": "trixie", "ubuntu-22.04": "jammy", "ubuntu-24.04": "noble"}
# The key that Ubuntu signs its archive with since 2018. Debian has no package of it, so the key ring comes from the
# archive itself and is taken only if it is this one.
UBUNTU_KEY = "F6ECB3762474EDA9D21B7022871920D1991BC93C"
_KEY_RING = "usr/share/keyrings/ubuntu-archive-keyring.gpg"

_ENTER = """
root=$1; shift
mount -t proc proc "$root/proc" && mount --rbind /sys "$root/sys" && mount --rbind /dev "$root/dev" || exit 125
case $1 in own) ip link set lo up || exit 125 ;; esac
exec chroot "$root" env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
	sh -c "$2"
"""


@dataclass(frozen=True)
class Root:
    """A root of one release, in a folder."""

    folder: Path

    def ask(
        self, command: str, *, network: str = "own", stdin: str = "", timeout_s: float = 900
    ) -> subprocess.CompletedProcess[str]:
        """Run a line of shell in it as root; the caller judges its exit code.

        Parameters
        ----------
        command
            Its processes end with it.
        network
            ``own``: a loopback of the command's own; ``host``: to fetch packages.
        stdin
            What it reads.
        timeout_s
            Seconds after which it is ended.
        """
        apart = ["unshare", "--mount", "--pid", "--fork", "--kill-child", *(["--net"] if network == "own" else [])]
        words = [*apart, "sh", "-c", _ENTER, "sh", str(self.folder), network, command]
        return subprocess.run(words, input=stdin, capture_output=True, text=True, check=False, timeout=timeout_s)

    def run(self, command: str, *, network: str = "own", stdin: str = "", timeout_s: float = 900) -> str:
        """Run a line of shell in it as root and return what it wrote; fails with its words."""
        done = self.ask(command, network=network, stdin=stdin, timeout_s=timeout_s)
        assert done.returncode == 0, f"{command!r} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
        return done.stdout

    def inside(self, path: str) -> Path:
        """Return a path of the root as this machine sees it."""
        return self.folder / path.lstrip("/")

    def copy(self, file: Path, folder: str) -> None:
        """Copy a file into a folder of it."""
        shutil.copy(file, self.inside(folder))


@contextlib.contextmanager
def release_root(release: str) -> Iterator[Root]:
    """Unpack a fresh root of a release, with lists of packages; it is removed at the end."""
    CACHE.mkdir(parents=True, exist_ok=True, mode=0o755)
    archive = _archive(RELEASES[release])
    folder = Path(tempfile.mkdtemp(prefix="root.", dir=CACHE))
    try:
        folder.chmod(0o755)
        subprocess.run(["tar", "--numeric-owner", "-xpf", str(archive), "-C", str(folder)], check=True)
        for place, source in files_to_copy(os.environ, Path.home()).items():
            target = folder / place.relative_to("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.unlink(missing_ok=True)
            shutil.copyfile(source, target)
        root = Root(folder)
        root.run("apt-get update", network="host")
        yield root
    finally:
        remove_root(folder)


def _archive(suite: str) -> Path:
    archive = CACHE / f"{suite}.tar"
    if archive.is_file():
        return archive
    with tempfile.TemporaryDirectory(prefix="making.", dir=CACHE) as name:
        making = Path(name)
        making.chmod(0o755)
        dump = subprocess.run(["apt-config", "dump"], stdout=subprocess.PIPE, text=True, check=True).stdout
        settings = making / "settings"
        settings.write_text(apt_settings(dump))
        options = ["--variant=minbase", "--include=apt,ca-certificates", f"--aptopt={settings}"]
        places: list[str] = []
        if suite in ("jammy", "noble"):
            ring = _ubuntu_key_ring(making, settings)
            options += [f"--keyring={ring}", f'--setup-hook=mkdir -p "$1/{_KEY_RING}" && rmdir "$1/{_KEY_RING}"']
            options += [f'--setup-hook=cp {ring} "$1/{_KEY_RING}"']
        else:
            places = _debian_sources(making, suite)
        _mmdebstrap(*options, suite, str(making / "root.tar"), *places)
        (making / "root.tar").rename(archive)  # whole, or not there
    return archive


def _debian_sources(folder: Path, suite: str) -> list[str]:
    lists = [Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*"))]
    found = debian_sources(path.read_text("utf-8") for path in lists if path.is_file())
    entries = [re.sub(r"^#.*\n", "", entry.replace("bookworm", suite), flags=re.MULTILINE) for entry in found]
    files = []
    for ending, chosen in (
        ("sources", [e for e in entries if "\n" in e]),
        ("list", [e for e in entries if "\n" not in e]),
    ):
        if chosen:
            files.append(str(folder / f"debian.{ending}"))
            Path(files[-1]).write_text("\n\n".join(chosen) + "\n")
    return files


def _ubuntu_key_ring(folder: Path, settings: Path) -> Path:
    """Take the key ring out of its package, which is only unpacked, and see whose keys it holds."""
    insecure = ["Acquire::AllowInsecureRepositories", "APT::Get::AllowUnauthenticated"]
    options = [f'--aptopt={name} "true"' for name in insecure]
    archive = folder / "keys.tar"
    _mmdebstrap(
        *("--variant=extract", "--include=ubuntu-keyring", f"--aptopt={settings}", *options, "jammy", str(archive))
    )
    with tarfile.open(archive) as opened:
        member = opened.extractfile(f"./{_KEY_RING}")
        assert member is not None
        ring = folder / "ubuntu-archive-keyring.gpg"
        ring.write_bytes(member.read())
    command = ["gpg", "--show-keys", "--with-colons", str(ring)]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert UBUNTU_KEY in re.findall(r"^fpr:+([0-9A-F]{40}):", shown, re.MULTILINE), "not the key of Ubuntu's archive"
    # of the ring nothing but that key is trusted
    exported = subprocess.run(
        ["gpg", "--no-default-keyring", "--keyring", str(ring), "--export", UBUNTU_KEY], capture_output=True, check=True
    ).stdout
    ring.write_bytes(exported)
    return ring


def _mmdebstrap(*words: str) -> None:
    done = subprocess.run(
        ["mmdebstrap", "--quiet", *words], capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
    )
    assert done.returncode == 0, f"mmdebstrap {' '.join(words)}:\n{done.stdout}{done.stderr}"
