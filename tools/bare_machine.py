"""A bare Debian 12 in a folder, to try ``make run`` and ``make test`` where nothing is installed.

``run`` runs ``make run`` of a bare clone there until the demo study is listed and a thumbnail is drawn, and stops it.
``make TARGET…`` runs other targets there. Both take root and ``mmdebstrap``.

- The untouched root is an archive that is kept between runs; each run unpacks its own copy and removes it.
- Mounts and processes of a run live in namespaces of their own. The kernel ends them with the run, however it ends,
  and the machine never sees a mount below the copy.
- The last commit is cloned: changes that are not committed are not tried.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import hashlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from tools.bare_server import Refused, free_ports, try_server
from tools.bare_sources import SUITE, apt_settings, debian_sources, files_to_copy, passed_variables

PROJECT = Path(__file__).resolve().parents[1]
CACHE = Path("/var/cache/web-dicom-viewer/bare-machine")
PACKAGES = "git,make,ca-certificates,python3"
CLONE = "/root/project"
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"

# The first process of the run's namespaces. It must not become the command itself (hence the `exit`), so that
# processes whose parents have ended are taken in and waited for. What is left when the command has ended is named;
# README grants it three seconds.
FIRST_PROCESS = """
set -u
root=$1; shift
mount -t proc proc "$root/proc" && mount --rbind /sys "$root/sys" && mount --rbind /dev "$root/dev" || exit 125
chroot "$root" "$@"
code=$?
left() {
	for process in "$root"/proc/[0-9]*; do
		[ "${process##*/}" = 1 ] || { [ -s "$process/cmdline" ] && tr '\\0' ' ' <"$process/cmdline" && echo; }
	done
}
for second in 0 1 2 3; do
	left >"$root/root/left"
	[ -s "$root/root/left" ] || break
	sleep $((second < 3))
done
exit $code
"""


def main(words: Sequence[str]) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python3 -m tools.bare_machine", description=__doc__)
    parser.add_argument("--cache", type=Path, default=CACHE, metavar="FOLDER", help="where the untouched root is kept")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("run", help="make run, until a thumbnail is drawn")
    make = commands.add_parser("make", help="other targets, with options of make such as -k")
    make.add_argument("targets", nargs="+", metavar="TARGET")
    given, options = parser.parse_known_args(words)
    if options and given.command == "run":
        parser.error(f"unknown: {' '.join(options)}")
    try:
        _require_means()
        with fresh_root(given.cache.resolve()) as root:  # the kernel names roots and mounts so
            clone_project(root)
            if given.command == "run":
                run_server(root)
                return 0
            with processes(root, ["make", *options, *given.targets]) as command:
                return command.wait()
    except Refused as exc:
        print(f"bare machine: {exc}", file=sys.stderr)
        return 1


def _require_means() -> None:
    if os.geteuid() != 0:
        raise Refused("This takes root, for chroot and mounts. Run it as root, for example with sudo.")
    for program in ("mmdebstrap", "unshare", "setpriv", "chroot", "mount", "tar", "git"):
        if shutil.which(program) is None:
            raise Refused(f"{program} is missing. On Debian, `tools/system_packages.sh bare` installs it.")


# -- the root ----------------------------------------------------------------------------------------------------------


def kept_archive(cache: Path) -> Path:
    """Return the archive of the untouched root for this machine's package sources; made where it is not there."""
    lists = [Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*"))]
    sources = debian_sources(path.read_text("utf-8") for path in lists if path.is_file())
    settings = ""
    if shutil.which("apt-config") is not None:
        dump = subprocess.run(["apt-config", "dump"], stdout=subprocess.PIPE, text=True, check=True).stdout
        settings = apt_settings(dump)
    key = hashlib.sha256("\n\n".join([PACKAGES, *sources, settings]).encode()).hexdigest()[:16]
    archive = cache / f"{SUITE}-{key}.tar"
    if archive.is_file():
        return archive
    print(f"== a minimal Debian 12 into {archive} (half a minute, once)", flush=True)
    with tempfile.TemporaryDirectory(prefix="making.", dir=cache) as name:
        making = Path(name)
        making.chmod(0o755)
        (making / "settings").write_text(settings)
        command = ["mmdebstrap", "--variant=minbase", f"--include={PACKAGES}", f"--aptopt={making / 'settings'}"]
        command += [SUITE, str(making / "root.tar"), *_source_files(making, sources)]
        if subprocess.run(command, stdin=subprocess.DEVNULL, check=False).returncode != 0:
            raise Refused("mmdebstrap could not make the root; its words stand above.")
        (making / "root.tar").rename(archive)  # whole, or not there
    return archive


def _source_files(folder: Path, sources: list[str]) -> list[str]:
    """Write package sources in the two forms that mmdebstrap reads; none: it takes Debian's own."""
    files = []
    for name, entries in (
        ("debian.sources", [one for one in sources if "\n" in one]),
        ("debian.list", [one for one in sources if "\n" not in one]),
    ):
        if entries:
            (folder / name).write_text("\n\n".join(entries) + "\n")
            files.append(str(folder / name))
    return files


@contextlib.contextmanager
def fresh_root(cache: Path) -> Iterator[Path]:
    """Unpack a copy of the untouched root, give it the machine's certificates, and remove it at the end."""
    cache.mkdir(parents=True, exist_ok=True, mode=0o755)
    _remove_abandoned(cache)
    archive = kept_archive(cache)
    root = Path(tempfile.mkdtemp(prefix="machine.", dir=cache))
    held = os.open(root, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)  # by this a later run sees whether somebody still uses the folder
        root.chmod(0o755)
        # it holds the lock, too: where this process is killed, it goes on for some seconds
        unpack = ["tar", "--numeric-owner", "-xpf", str(archive), "-C", str(root)]
        subprocess.run(unpack, check=True, pass_fds=(held,))
        for place, source in files_to_copy(os.environ, Path.home()).items():
            target = root / place.relative_to("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.unlink(missing_ok=True)
            shutil.copyfile(source, target)
        yield root
    finally:
        remove_root(root)
        os.close(held)


def _remove_abandoned(cache: Path) -> None:
    """Remove copies of runs that were killed."""
    for root in cache.glob("machine.*"):
        held = os.open(root, os.O_RDONLY)
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            remove_root(root)
        except BlockingIOError:
            pass  # in use
        except OSError as exc:
            print(f"{root} could not be removed; a later run tries again: {exc}", file=sys.stderr)
        finally:
            os.close(held)


def mounts_below(folder: Path, mountinfo: str) -> list[Path]:
    """Return the mounts at a folder and below it, by ``/proc/self/mountinfo``; innermost first."""
    found = []
    for line in mountinfo.splitlines():
        # blanks and such stand there as octal numbers of three digits
        place = Path(line.split(" ")[4].encode().decode("unicode_escape").encode("latin-1").decode())
        if place == folder or folder in place.parents:
            found.append(place)
    return sorted(found, reverse=True)


def remove_root(root: Path) -> None:
    """Remove a root, and nothing that is mounted in it.

    Raises
    ------
    Refused
        Something is still mounted there. Nothing is removed then.
    """
    for place in mounts_below(root, Path("/proc/self/mountinfo").read_text()):
        subprocess.run(["umount", "-R", "-l", str(place)], check=False)
    if left := mounts_below(root, Path("/proc/self/mountinfo").read_text()):
        raise Refused(f"{left[0]} is still mounted, so {root} stays. Unmount it, then remove the folder.")
    shutil.rmtree(root)


def clone_project(root: Path) -> None:
    """Clone the last commit of this project into a root; the clone knows no other folder of the machine."""
    target = root / CLONE.lstrip("/")
    with tempfile.NamedTemporaryFile("w", suffix=".gitconfig") as settings:
        settings.write("[safe]\n\tdirectory = *\n")  # root also reads what another user has checked out
        settings.flush()
        environ = {**os.environ, "GIT_CONFIG_GLOBAL": settings.name}

        def git(folder: Path, *words: str) -> str:
            command = ["git", "-C", str(folder), *words]
            return subprocess.run(command, env=environ, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()

        git(PROJECT, "clone", "--quiet", "--no-hardlinks", "--no-checkout", str(PROJECT), str(target))
        git(target, "checkout", "--quiet", "--detach", git(PROJECT, "rev-parse", "HEAD"))
        git(target, "remote", "remove", "origin")


# -- what runs in it ---------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def processes(root: Path, command: Sequence[str]) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command in the clone of a root, as on a machine that has only that root; end all its processes at last."""
    environ = {"HOME": "/root", "PATH": PATH, **passed_variables(os.environ)}
    isolated = ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--fork", "--kill-child"]
    inside = ["env", "-C", CLONE, *command]
    print(f"== on a bare machine: {shlex.join(command)}", flush=True)
    process = subprocess.Popen(
        [*isolated, "sh", "-c", FIRST_PROCESS, "sh", str(root), *inside],
        env=environ,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def run_server(root: Path) -> None:
    """Run ``make run`` as a newcomer does, and stop it as he does.

    Raises
    ------
    Refused
        It ended early, was not ready in time, lacks something, or left a process behind.
    """
    http, dicom = free_ports(2)
    with processes(root, ["make", "run", f"PORT={http}", f"DICOM_PORT={dicom}"]) as command:
        thumbnail = try_server(f"http://127.0.0.1:{http}", command.poll)
        _require_picture(root, thumbnail)
        interrupt(root, command.pid)
        try:
            command.wait(60)
        except subprocess.TimeoutExpired:
            raise Refused("Ctrl+C did not stop `make run` within 60 s.") from None
    if left := (root / "root/left").read_text():
        raise Refused(f"`make run` left processes behind:\n{left}")
    print("== make run works on a bare machine", flush=True)


def interrupt(root: Path, group: int) -> None:
    """Send SIGINT to the processes of a root that are of one process group, as a terminal does at Ctrl+C."""
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended
            # `unshare`, of the same group but outside, would end all of them at once
            if (entry / "root").readlink() == root and os.getpgid(int(entry.name)) == group:
                os.kill(int(entry.name), signal.SIGINT)


def _require_picture(root: Path, thumbnail: bytes) -> None:
    """Decode a JPEG with the means of the root and look whether something is seen in it."""
    code = (
        "import sys, simplejpeg; pixels = simplejpeg.decode_jpeg(sys.stdin.buffer.read()); "
        "print(*pixels.shape[:2], int(pixels.max()) - int(pixels.min()))"
    )
    command = ["chroot", str(root), f"{CLONE}/.venv/bin/python", "-c", code]
    result = subprocess.run(command, input=thumbnail, stdout=subprocess.PIPE, env={"PATH": PATH}, check=True)
    height_px, width_px, contrast = (int(word) for word in result.stdout.split())
    if min(height_px, width_px) < 64 or contrast < 100:
        raise Refused(f"The thumbnail shows nothing: {width_px} × {height_px} pixels, contrast {contrast} of 255.")
    print(f"== a thumbnail is drawn: {width_px} × {height_px} pixels, contrast {contrast} of 255", flush=True)


if __name__ == "__main__":
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, lambda number, _frame: sys.exit(128 + number))  # an end from outside cleans up as well
    sys.exit(main(sys.argv[1:]))
