"""``make deb``: the two Debian packages of the manual (2.4), under their names in the manual's format.

``python -m tools.make_deb [--output FOLDER] [--work FOLDER] [--architecture amd64]`` lays a clean source tree out
(files that git does not ignore, the built pages, our wheel, ``packaging/debian``), runs ``dpkg-buildpackage`` on it,
and gives the files their names. The packages carry their Python interpreter (`tools/deb_interpreter.py`), so one file
serves all supported releases of Debian and Ubuntu. ``--architecture arm64`` makes the packages of the other
architecture on the same machine.
"""

from __future__ import annotations

import argparse
import email.utils
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tools.deb_interpreter import (
    BuildError,
    Part,
    build_source_only,
    fetch_interpreter,
    lay_out_interpreter,
    lay_out_libraries,
    require_architecture,
    run_pip,
)
from tools.sbom import bill, debian_package, page_libraries, python_libraries
from webviewer import __version__

ROOT = Path(__file__).resolve().parents[1]
NAME = "inobitec-web-dicom-viewer-server"
BUILD_TYPES = ("unified", "distributed")
SUFFIX = "r1"
# in file names: the release whose Python is carried, the oldest Debian that the packages are for
SYSTEM = "debian-12"

SOURCES = ("webviewer", "functions", "dicom_gateway", "renderpool", "config", "nginx")
FILES = ("pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE", "requirements.lock", "docs/operate.md")
# the container images have theirs by it too
LICENCES = ROOT / "helm/images/licences.mjs"


def bitness_of(architecture: str) -> str:
    """Return the manual's word for an architecture of Debian: ``x64`` for ``amd64``."""
    return {"amd64": "x64", "i386": "x86"}.get(architecture, architecture)


def file_name(version: str, suffix: str, system: str, architecture: str, build_type: str) -> str:
    """Return the name of a package file in the format of manual 2.4.

    Examples
    --------
    >>> file_name("2.10.2", "rW", "ubuntu-20.04", "amd64", "unified")
    'inobitec-web-dicom-viewer-server-2.10.2-rW-ubuntu-20.04-x64-unified.deb'
    """
    return f"{NAME}-{version}-{suffix}-{system}-{bitness_of(architecture)}-{build_type}.deb"


def changelog(version: str, suffix: str, date_s: int) -> str:
    """Return ``debian/changelog``: the version is the program's, so it is written down in one place only."""
    date = email.utils.formatdate(date_s)
    maintainer = "Web DICOM viewer maintainers <maintainers@users.noreply.github.com>"
    return (
        f"{NAME} ({version}-{suffix}) stable; urgency=medium\n\n  * Version {version}; see CHANGELOG.md.\n\n"
        f" -- {maintainer}  {date}\n"
    )


def build(
    output: Path, work: Path, *, version: str = __version__, suffix: str = SUFFIX, architecture: str = ""
) -> list[Path]:
    """Build both packages.

    Parameters
    ----------
    output
        Where the packages go; made if missing.
    work
        Scratch folder; emptied first.
    version
        Of the packages; tests of upgrades make another one.
    suffix
        The manual's suffix, and the revision of the package's version.
    architecture
        Debian's name: ``amd64`` or ``arm64``; that of this machine if empty.

    Returns
    -------
    list of Path
        The two files.

    Raises
    ------
    BuildError
        A tool or the built pages are missing, or the build failed.
    """
    for tool, package in (("dpkg-buildpackage", "dpkg-dev"), ("dh", "debhelper")):
        if shutil.which(tool) is None:
            raise BuildError(f"{tool} is missing: install the Debian package {package}.")
    if not (ROOT / "html/dist/index.html").is_file():
        raise BuildError("html/dist holds no pages: build them with make setup.")
    architecture = architecture or _run("dpkg", "--print-architecture").strip()
    require_architecture(architecture)
    shutil.rmtree(work, ignore_errors=True)
    tree = work / "tree"
    tree.mkdir(parents=True)
    date_s = int(_run("git", "log", "-1", "--format=%ct", cwd=ROOT).strip())
    _lay_out(tree, date_s, version, suffix)
    packages = fetch_interpreter(architecture, work)
    parts = lay_out_interpreter(packages, tree / "python", work)
    lay_out_libraries(tree / "requirements.lock", tree / "wheel", tree / "site-packages", architecture)
    _write_bill(tree, version, parts, date_s)
    environ = os.environ | {"SOURCE_DATE_EPOCH": str(date_s), "LC_ALL": "C.UTF-8", "TZ": "UTC"}
    # the tools of the machine, not others on the path; and no virtual environment of ours
    environ["PATH"] = "/usr/sbin:/usr/bin:/sbin:/bin"
    for name in ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "MAKEFLAGS", "MFLAGS", "MAKELEVEL"):
        environ.pop(name, None)
    log = work / "build.log"
    with log.open("wb") as out:
        command = ["dpkg-buildpackage", "-us", "-uc", "-b", "-d", f"--host-arch={architecture}"]
        code = subprocess.run(command, cwd=tree, env=environ, stdout=out, stderr=subprocess.STDOUT, check=False)
    if code.returncode != 0:
        last = "\n".join(log.read_text("utf-8", "replace").splitlines()[-30:])
        raise BuildError(f"dpkg-buildpackage failed ({code.returncode}); the end of {log}:\n{last}")
    return _take(output, work, version, suffix, architecture)


def inputs() -> list[Path]:
    """Return all files of the tree that the packages are made of, in one order: they are stale when one is changed."""
    others = [ROOT / "requirements-dev.lock", ROOT / "html/package-lock.json", LICENCES, Path(__file__)]
    others += [ROOT / "tools/deb_interpreter.py", ROOT / "tools/sbom.py"]
    return sorted({*_sources(), *others, *(path for path in (ROOT / "html/dist").rglob("*") if path.is_file())})


def _sources() -> list[Path]:
    places = (*SOURCES, *FILES, "packaging/debian")
    listed = _run("git", "ls-files", "-z", "-co", "--exclude-standard", "--", *places, cwd=ROOT)
    # what is deleted in the working tree is listed too
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def _lay_out(tree: Path, date_s: int, version: str, suffix: str) -> None:
    for source in _sources():
        name = source.relative_to(ROOT).as_posix()
        target = tree / (Path(name).relative_to("packaging") if name.startswith("packaging/") else name)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)
    shutil.copytree(ROOT / "html/dist", tree / "html")
    shutil.copy(ROOT / "html/package-lock.json", tree)
    _lay_out_page_licences(tree / "LICENCES-OF-LIBRARIES")
    (tree / "debian/changelog").write_text(changelog(version, suffix, date_s), "utf-8")
    environ = os.environ | {"SOURCE_DATE_EPOCH": str(date_s)}
    build_source_only(tree / "requirements.lock", tree / "wheel", environ)
    run_pip("wheel", "--no-deps", "--no-build-isolation", "-w", "wheel", ".", environ=environ, cwd=tree)


def _write_bill(tree: Path, version: str, parts: list[Part], date_s: int) -> None:
    """Write what both packages carry of other makers, as CycloneDX."""
    carried = [debian_package(part.name, part.version, part.architecture) for part in parts]
    carried += python_libraries(tree / "site-packages") + page_libraries(tree / "package-lock.json")
    (tree / "sbom.cdx.json").write_text(bill(NAME, version, carried, date_s), "utf-8")


def _lay_out_page_licences(target: Path) -> None:
    """Write the licence texts of the libraries in the pages: bundling leaves them out of the built files."""
    command = [str(ROOT / "tools/with_node.sh"), "node", str(LICENCES)]
    done = subprocess.run(command, cwd=ROOT / "html", capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BuildError(f"The licence texts of the pages' libraries could not be gathered:\n{done.stderr}")
    if not done.stdout:
        raise BuildError("html/node_modules holds none of the pages' libraries: install them with make setup.")
    target.write_text(done.stdout, "utf-8")


def _take(output: Path, work: Path, version: str, suffix: str, architecture: str) -> list[Path]:
    output.mkdir(parents=True, exist_ok=True)
    taken = []
    for build_type in BUILD_TYPES:
        built = work / f"{NAME}-{build_type}_{version}-{suffix}_{architecture}.deb"
        target = output / file_name(version, suffix, SYSTEM, architecture, build_type)
        shutil.move(built, target)
        taken.append(target)
    return taken


def _run(*command: str, cwd: Path | None = None) -> str:
    return subprocess.run(command, cwd=cwd, check=True, capture_output=True, text=True).stdout


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.make_deb", description=__doc__)
    parser.add_argument("--output", type=Path, default=ROOT / "build/deb", metavar="FOLDER")
    parser.add_argument("--work", type=Path, default=ROOT / "build/deb-work", metavar="FOLDER")
    parser.add_argument("--suffix", default=SUFFIX)
    parser.add_argument("--architecture", default="", metavar="NAME", help="amd64 or arm64 (that of this machine)")
    options = parser.parse_args()
    try:
        packages = build(
            options.output.absolute(), options.work.absolute(), suffix=options.suffix, architecture=options.architecture
        )
    except BuildError as exc:
        print(exc, file=sys.stderr)
        return 1
    shutil.rmtree(options.work, ignore_errors=True)
    for package in packages:
        print(f"{package}  {package.stat().st_size / 1024**2:.0f} MiB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
