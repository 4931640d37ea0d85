"""The Python interpreter and the Python libraries that the Debian packages carry, for one architecture.

The interpreter is Debian 12's own, taken from the machine's signed package sources: its programs need glibc 2.35, so
they run on Debian 12 and 13 and on Ubuntu 22.04 and 24.04, and Debian's security team mends them. OpenSSL, SQLite and
the other system libraries stay those of the release, which mends them, too. The libraries are wheels of the lock file.

Nothing of either is run here, so packages for another architecture are made in the same way.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tools.bare_sources import apt_settings, debian_sources

VERSION = "3.11"
PACKAGES = ("libpython3.11-minimal", "python3.11-minimal", "libpython3.11-stdlib")
# the oldest glibc of the supported releases, Ubuntu 22.04's: wheels for a newer one are not taken
NEWEST_GLIBC_MINOR = 35
MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
# Modules that need further system libraries, or a terminal, or that only test Python: the programs import none of them.
LEFT_OUT = (
    *("test", "pydoc_data", "turtle.py", "sitecustomize.py", "EXTERNALLY-MANAGED", "LICENSE.txt"),
    *("curses", "dbm/gnu.py", "dbm/ndbm.py", "lib-dynload/_curses.*", "lib-dynload/_curses_panel.*"),
    *("lib-dynload/readline.*", "lib-dynload/nis.*", "lib-dynload/_dbm.*", "lib-dynload/_gdbm.*"),
    *("lib-dynload/ossaudiodev.*", "lib-dynload/_test*", "lib-dynload/_ctypes_test.*", "lib-dynload/_xxtestfuzz.*"),
)
# pure Python that its maker gives out as source alone
SOURCE_ONLY = ("psycogreen",)


class BuildError(Exception):
    """The packages cannot be built here; the message says why."""


@dataclass(frozen=True)
class Part:
    """One Debian package of the interpreter."""

    name: str
    version: str
    architecture: str


def require_architecture(name: str) -> str:
    """Return the machine's name of Debian's architecture in wheels: ``x86_64`` for ``amd64``.

    Raises
    ------
    BuildError
        The packages are not made for it.
    """
    if name not in MACHINES:
        raise BuildError(f"There are no packages for {name}: must be one of {', '.join(MACHINES)}.")
    return MACHINES[name]


def fetch_interpreter(architecture: str, work: Path) -> list[Path]:
    """Download the interpreter's packages with apt into a scratch folder and return their files.

    The lists of the machine's own apt stay as they are. apt checks signatures as it always does.

    Raises
    ------
    BuildError
        The machine has no package sources of Debian 12, or apt failed.
    """
    lists = [Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*"))]
    sources = debian_sources(path.read_text("utf-8") for path in lists if path.is_file())
    if not sources:
        raise BuildError(
            "The packages carry the Python of Debian 12, and no package source of this machine is Debian 12's: "
            "add one to /etc/apt/sources.list.d, or build on Debian 12."
        )
    state = work / "apt"
    for folder in ("lists/partial", "archives/partial", "sources"):
        (state / folder).mkdir(parents=True, exist_ok=True)
    for number, source in enumerate(sources):
        ending = "sources" if "\n" in source else "list"
        (state / "sources" / f"{number}.{ending}").write_text(source + "\n")
    dump = subprocess.run(["apt-config", "dump"], stdout=subprocess.PIPE, text=True, check=True).stdout
    settings = {
        "Dir::Etc::main": "/dev/null",
        "Dir::Etc::parts": "/dev/null",
        "Dir::Etc::sourcelist": "/dev/null",
        "Dir::Etc::sourceparts": state / "sources",
        "Dir::State": state,
        "Dir::State::status": "/dev/null",
        "Dir::Cache": state,
        "APT::Architecture": architecture,
        "APT::Architectures": architecture,
        "APT::Sandbox::User": "root" if os.geteuid() == 0 else "",
        "Acquire::Languages": "none",
    }
    configuration = state / "apt.conf"
    configuration.write_text(
        "".join(f'{name} "{value}";\n' for name, value in settings.items())
        + f'#clear APT::Architectures;\nAPT::Architectures {{ "{architecture}"; }};\n'
        + apt_settings(dump)
    )
    environ = {**os.environ, "APT_CONFIG": str(configuration), "LC_ALL": "C.UTF-8"}
    archives = state / "taken"
    archives.mkdir()
    for command in (["apt-get", "-q", "update"], ["apt-get", "-q", "download", *PACKAGES]):
        done = subprocess.run(command, cwd=archives, env=environ, capture_output=True, text=True, check=False)
        if done.returncode:
            raise BuildError(f"{' '.join(command)} for {architecture} failed:\n{done.stdout}{done.stderr}")
    return sorted(archives.glob("*.deb"))


def lay_out_interpreter(packages: list[Path], target: Path, work: Path) -> list[Part]:
    """Unpack the interpreter into ``target/bin`` and ``target/lib``, and return the packages that it came in."""
    unpacked = work / "interpreter"
    parts = []
    for package in packages:
        subprocess.run(["dpkg-deb", "--extract", str(package), str(unpacked)], check=True)
        fields = ("Package", "Version", "Architecture")
        # one field alone is shown without its name
        shown = subprocess.run(
            ["dpkg-deb", "--show", "--showformat", "\t".join(f"${{{field}}}" for field in fields), str(package)],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        parts.append(Part(*shown.split("\t")))
    library = target / f"lib/python{VERSION}"
    shutil.copytree(unpacked / f"usr/lib/python{VERSION}", library, symlinks=True)
    (target / "bin").mkdir()
    shutil.copy2(unpacked / f"usr/bin/python{VERSION}", target / "bin")
    shutil.copy2(unpacked / f"usr/share/doc/python{VERSION}-minimal/copyright", target.parent / "LICENCE-OF-PYTHON")
    for pattern in LEFT_OUT:
        for path in library.glob(pattern):
            _remove(path)
    broken = [path for path in library.rglob("*") if path.is_symlink() and not path.exists()]
    if broken:
        raise BuildError(f"{broken[0].relative_to(target)} leads to a file that is not carried.")
    return parts


def lay_out_libraries(locked: Path, wheels: Path, target: Path, architecture: str) -> None:
    """Install the libraries of a lock file, then the wheels of a folder, without running anything of them.

    Raises
    ------
    BuildError
        A library has no wheel for the architecture, or not the locked contents.
    """
    machine = require_architecture(architecture)
    platforms = [f"manylinux_2_{minor}_{machine}" for minor in range(NEWEST_GLIBC_MINOR, 4, -1)]
    chosen = [word for name in (*platforms, f"manylinux2014_{machine}") for word in ("--platform", name)]
    chosen += ["--python-version", VERSION, "--implementation", "cp", "--only-binary", ":all:"]
    text = locked.read_text("utf-8")
    for name in SOURCE_ONLY:
        text = text.replace(entry_of(text, name), "")
    binary = locked.with_name("requirements-binary.lock")
    binary.write_text(text, "utf-8")
    install = ["install", "--no-compile", "--no-deps", "--no-cache-dir", "--target", str(target), *chosen]
    run_pip(*install, "--require-hashes", "-r", str(binary))
    run_pip(*install, "--no-index", *(str(wheel) for wheel in sorted(wheels.glob("*.whl"))))
    _trim(target)


def build_source_only(locked: Path, wheels: Path, environ: dict[str, str]) -> None:
    """Build wheels of the libraries that have none, with the setuptools of the virtual environment, which is locked."""
    text = locked.read_text("utf-8")
    sources = locked.with_name("requirements-source.lock")
    sources.write_text("".join(entry_of(text, name) for name in SOURCE_ONLY), "utf-8")
    run_pip(
        *("wheel", "--no-deps", "--no-build-isolation", "--require-hashes", "--no-cache-dir", "--no-binary", ":all:"),
        *("-w", str(wheels), "-r", str(sources)),
        environ=environ,
    )


def run_pip(*words: str, environ: dict[str, str] | None = None, cwd: Path | None = None) -> None:
    """Run the pip of the virtual environment.

    Raises
    ------
    BuildError
        It failed.
    """
    command = [sys.executable, "-m", "pip", words[0], "--quiet", "--disable-pip-version-check", *words[1:]]
    done = subprocess.run(command, env=environ, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BuildError(f"pip {words[0]} failed:\n{done.stdout}{done.stderr}")


def entry_of(lock: str, package: str) -> str:
    """Return the lines of one package in a lock file: its version and hashes.

    Raises
    ------
    BuildError
        It is not in there.
    """
    found = re.search(rf"^{re.escape(package)}==.*?(?=^\S|\Z)", lock, re.MULTILINE | re.DOTALL)
    if found is None:
        raise BuildError(f"{package} is not locked.")
    return found[0]


def _trim(site: Path) -> None:
    """Remove tests of libraries, their programs, and notes of pip on where this build had its files."""
    for path in sorted(site.rglob("tests"), reverse=True):
        _remove(path)
    for pattern in ("direct_url.json", "conftest.py"):
        for path in site.rglob(pattern):
            _remove(path)
    for name in ("bin", "share", "include", "sqlalchemy/testing", "pynetdicom/apps"):
        _remove(site / name)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
