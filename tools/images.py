"""Build the container images of ``helm/images``: ``python -m tools.images build [IMAGE…]``.

With ``--engine docker`` this is a plain ``docker build``. The default is buildah, which needs no service; where no
registry is reachable it makes the base image ``debian:bookworm-slim`` from Debian's packages first (mmdebstrap).

What is this machine's own (authorities' certificates, pip's and npm's configuration) is mounted for the steps that
fetch packages, and gets into no layer. Both engines take proxies from the environment and keep none.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from webviewer import __version__

ROOT = Path(__file__).resolve().parents[1]
FILES = Path("helm/images")
IMAGES = ("functions", "gateway", "renderer", "controller", "nginx")
BASE = "docker.io/library/debian:bookworm-slim"
STORAGE = ROOT / "build/images"
# What images are made of, as Dockerfile.dockerignore says.
_SOURCES = (
    "pyproject.toml README.md LICENSE requirements*.lock webviewer functions dicom_gateway renderpool html helm/images "
    "tools/sbom.py"
)

SECRETS = {
    # where build machines keep what they need to reach a package registry
    "pip": ("/etc/pip.conf", "~/.config/pip/pip.conf", "~/.pip/pip.conf"),
    "npm": ("~/.npmrc", "/etc/npmrc"),
    "certificates": ("/etc/ssl/certs/ca-certificates.crt",),
}
# What Debian's own slim image leaves out.
_SLIM = ("doc", "info", "locale", "man", "groff", "lintian", "linda")


@dataclass(frozen=True)
class Storage:
    """Where buildah and podman keep images; both must be told the same.

    Parameters
    ----------
    folder
        Holds layers (``storage``) and what runs (``run``).
    """

    folder: Path = STORAGE

    def command(self, program: str, *words: str) -> list[str]:
        """Return a command line of buildah or podman."""
        driver = "vfs" if os.getuid() != 0 and not Path("/dev/fuse").exists() else "overlay"
        places = ["--root", str(self.folder / "storage"), "--runroot", str(self.folder / "run")]
        return [program, *places, "--storage-driver", driver, *words]

    def run(self, program: str, *words: str, quiet: bool = False) -> str:
        """Run buildah or podman and return what it says; SystemExit with its words when it fails."""
        done = subprocess.run(
            self.command(program, *words), capture_output=quiet, text=True, check=False, env=_environ()
        )
        if done.returncode:
            raise SystemExit(f"{program} {words[0]} ended with {done.returncode}.\n{done.stderr or ''}")
        return done.stdout or ""

    def has(self, image: str) -> bool:
        """Say whether an image is there."""
        command = self.command("buildah", "inspect", "--type", "image", image)
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    def remove(self) -> None:
        """Remove all of it, also what an interrupted build left mounted, which `rm -rf` would stop at."""
        mounted = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
        for place in reversed(mounted):
            if Path(place).is_relative_to(self.folder.resolve()):
                subprocess.run(["umount", place], check=True)
        if self.folder.exists():
            shutil.rmtree(self.folder)


def _environ() -> dict[str, str]:
    return {**os.environ, "BUILDAH_ISOLATION": "chroot"}


def make_base(storage: Storage) -> None:
    """Make ``debian:bookworm-slim`` from Debian's packages, by the sources of this machine's own Debian."""
    sources = Path("/etc/apt/sources.list.d/debian.sources")
    if not sources.exists():
        sources = Path("/etc/apt/sources.list")
    with tempfile.TemporaryDirectory(prefix="web-viewer-base-") as folder:
        tarball = f"{folder}/rootfs.tar"
        command = ["mmdebstrap", "--quiet", "--variant=minbase", "--include=usr-is-merged"]
        # usrmerge comes first, by a dependency that has a choice, and brings all of Perl along
        unwanted = '?installed?name("^(usrmerge|perl|perl-modules-.*|libperl.*|.*-perl|libgdbm.*)$")'
        command.append(f"--customize-hook=chroot \"$1\" apt-get purge --quiet --yes '{unwanted}' >&2")
        command.append('--customize-hook=rm -f "$1"/var/cache/apt/*.bin "$1"/var/cache/ldconfig/aux-cache')
        for place in _SLIM:
            command.append(f"--dpkgopt=path-exclude=/usr/share/{place}/*")
        command += ["--dpkgopt=path-include=/usr/share/doc/*/copyright", "bookworm", tarball, str(sources)]
        dated = {**os.environ, "SOURCE_DATE_EPOCH": "315532800"}  # of the accounts that packages make
        subprocess.run(command, check=True, env=dated)
        container = storage.run("buildah", "from", "scratch", quiet=True).strip()
        storage.run("buildah", "add", "--quiet", container, tarball, "/", quiet=True)
        storage.run("buildah", "config", "--cmd", "bash", container, quiet=True)
        storage.run("buildah", "commit", "--quiet", "--rm", "--timestamp", "0", container, BASE, quiet=True)


def source_date() -> str:
    """Return the time that all files of the images get: that of the last commit to them, or SOURCE_DATE_EPOCH."""
    if given := os.environ.get("SOURCE_DATE_EPOCH"):
        return given
    asked = subprocess.run(
        ["git", "log", "-1", "--format=%ct", "--", *_SOURCES.split()],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip()
    return asked or "0"


def build(
    image: str, tag: str, *, storage: Storage, engine: str = "buildah", cache: bool = True, tree: Path = ROOT
) -> str:
    """Build one image and return its name.

    Parameters
    ----------
    image
        One of `IMAGES`.
    tag
        Its tag.
    storage
        Where buildah keeps it.
    engine
        ``buildah`` or ``docker``.
    cache
        Whether layers of an earlier build may be used.
    tree
        The repository, or a copy of it.
    """
    name = f"web-viewer-{image}:{tag}"
    date = source_date()
    files = tree / FILES
    options = ["--file", str(files / "Dockerfile"), "--target", image, "--build-arg", f"VERSION={__version__}"]
    for secret, places in SECRETS.items():
        file = next((path for place in places if (path := Path(place).expanduser()).is_file()), None)
        if file is not None:
            options += ["--secret", f"id={secret},src={file}"]
    if not cache:
        options.append("--no-cache")
    if engine == "docker":
        dated = ["--build-arg", f"SOURCE_DATE_EPOCH={date}"]  # BuildKit knows this one by itself
        subprocess.run(["docker", "build", *options, *dated, "--tag", name, str(tree)], check=True)
        return name
    options += ["--quiet", "--pull-never", "--layers", "--timestamp", date, "--format", "oci"]
    options += ["--ignorefile", str(files / "Dockerfile.dockerignore"), "--tag", f"localhost/{name}"]
    storage.run("buildah", "bud", *options, str(tree))
    return f"localhost/{name}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Build what is asked for; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.images", description="Container images of the viewer.")
    actions = parser.add_subparsers(dest="action", required=True)
    one = actions.add_parser("build", help="build images")
    one.add_argument("images", nargs="*", metavar="IMAGE", help=f"of {', '.join(IMAGES)} (all)")
    one.add_argument("--tag", default=__version__, help="tag of all (%(default)s)")
    one.add_argument("--engine", choices=("buildah", "docker"), default="buildah")
    one.add_argument("--storage", type=Path, default=STORAGE, help="folder of buildah's images (%(default)s)")
    one.add_argument("--no-cache", dest="cache", action="store_false", help="build every layer anew")
    other = actions.add_parser("remove", help="remove all that buildah keeps for them; nothing of it may run")
    other.add_argument("--storage", type=Path, default=STORAGE, help="folder of buildah's images (%(default)s)")
    options = parser.parse_args(arguments)
    if options.action == "remove":
        Storage(options.storage).remove()
        return 0
    if unknown := sorted(set(options.images) - set(IMAGES)):
        parser.error(f"there is no image {', '.join(unknown)}: must be of {', '.join(IMAGES)}")
    storage = Storage(options.storage)
    if options.engine == "buildah":
        if missing := [name for name in ("buildah", "mmdebstrap") if shutil.which(name) is None]:
            parser.error(f"{' and '.join(missing)} must be installed (tools/system_packages.sh images)")
        if not storage.has(BASE):
            sys.stdout.write(f"== {BASE} from Debian's packages (about a minute)\n")
            sys.stdout.flush()
            make_base(storage)
    for image in options.images or IMAGES:
        sys.stdout.write(f"== web-viewer-{image}\n")
        sys.stdout.flush()
        build(image, options.tag, storage=storage, engine=options.engine, cache=options.cache)
    return 0


if __name__ == "__main__":
    sys.exit(main())
