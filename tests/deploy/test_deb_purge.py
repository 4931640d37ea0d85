"""Each way from one state of the two Debian packages to the next: what stays, what goes, and whose it is.

Each package is absent, installed, or removed with its configuration kept; both are never installed at once. Real dpkg,
ucf and maintainer scripts work in one root of Debian 12. The packages lack their interpreter, libraries and pages here,
so a step takes less than a second; `test_deb_releases.py` has the whole ones.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.release_roots import Root, release_root
from tests.deploy.systemd_container import ETC, HOME, LOGS, STATE, newer, packages
from tools.make_deb import BUILD_TYPES, NAME

pytestmark = [pytest.mark.prove, pytest.mark.timeout(3000)]

UNIFIED, DISTRIBUTED = (f"{NAME}-{build_type}" for build_type in BUILD_TYPES)
# what dpkg installs, what an administrator makes by the guide, what the services write
OWN = {
    UNIFIED: {
        *(f"{ETC}/renderserverconfig.json", f"{ETC}/renderserverconfig-sqlite.json"),
        *(f"{ETC}/renderserverconfig-postgresql.json", f"{LOGS}/renderserver.log", f"{LOGS}/renderserver.log.1"),
    },
    DISTRIBUTED: {
        *(f"{ETC}/controlnodeconfig-sqlite.json", f"{ETC}/controlnodeconfig-postgresql.json"),
        *(f"{ETC}/storagenodeconfig-sqlite.json", f"{ETC}/storagenodeconfig-postgresql.json"),
        *(f"{ETC}/controlnodeconfig.json", f"{ETC}/storagenodeconfig.json", f"{ETC}/rendernode.env"),
        *(f"{ETC}/join-secret", f"{LOGS}/controlnode.log", f"{LOGS}/storagenode.log", f"{LOGS}/rendernode.log.2.gz"),
    },
}
SHARED = {
    *(f"{ETC}/control.json", f"{ETC}/storage.json", f"{HOME}/html/.config.json"),
    *(f"/etc/logrotate.d/{NAME}", f"{LOGS}/webvieweradmin.log"),
}
MADE = {path for path in (*OWN[UNIFIED], *OWN[DISTRIBUTED], *SHARED) if path.startswith(LOGS)} | {
    f"{ETC}/controlnodeconfig.json",
    f"{ETC}/storagenodeconfig.json",
}
DATA = f"{STATE}/objects/of-a-patient.dcm"
# An administrator's own words in a file; each is seen again as long as a package that has the file is known.
EDITED = {
    UNIFIED: f"{ETC}/renderserverconfig.json",
    DISTRIBUTED: f"{ETC}/controlnodeconfig.json",
    "": f"{ETC}/control.json",
}
ABSENT, INSTALLED, KEPT = "absent", "installed", "kept"
State = tuple[str, str]
ACTIONS = [(verb, package) for verb in ("install", "remove", "purge") for package in (UNIFIED, DISTRIBUTED)]


def after(state: State, verb: str, package: str) -> State:
    """Return what dpkg makes of a state."""
    states = dict(zip((UNIFIED, DISTRIBUTED), state, strict=True))
    [other] = {UNIFIED, DISTRIBUTED} - {package}
    if verb == "install":
        states[package] = INSTALLED
        if states[other] == INSTALLED:
            states[other] = KEPT
    elif verb == "remove" and states[package] == INSTALLED:
        states[package] = KEPT
    elif verb == "purge":
        states[package] = ABSENT
    return states[UNIFIED], states[DISTRIBUTED]


def walk() -> list[tuple[str, str]]:
    """Return a row of actions that takes each action in each state that can be reached."""
    tried: set[tuple[State, tuple[str, str]]] = set()
    state: State = (ABSENT, ABSENT)
    row = []
    while path := _way_to_an_untried(state, tried):
        for action in path:
            tried.add((state, action))
            state = after(state, *action)
            row.append(action)
    return row


def _way_to_an_untried(start: State, tried: set[tuple[State, tuple[str, str]]]) -> list[tuple[str, str]]:
    ways: list[tuple[State, list[tuple[str, str]]]] = [(start, [])]
    seen = {start}
    for state, way in ways:
        for action in ACTIONS:
            if (state, action) not in tried:
                return [*way, action]
        for action in ACTIONS:
            reached = after(state, *action)
            if reached not in seen:
                seen.add(reached)
                ways.append((reached, [*way, action]))
    return []


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Root]:
    with release_root("debian-12") as found:
        found.run("apt-get install -y --no-install-recommends adduser ucf", network="host")
        for build_type in BUILD_TYPES:
            thin = newer(packages()[build_type], tmp_path_factory.mktemp(build_type), "1.0.0-r1", without_contents)
            found.inside("/root").joinpath(f"{NAME}-{build_type}.deb").write_bytes(thin.read_bytes())
        yield found


def without_contents(tree: Path) -> None:
    home = tree / HOME.lstrip("/")
    for name in ("venv", "python", "html/assets"):
        shutil.rmtree(home / name, ignore_errors=True)
    (home / "venv/bin").mkdir(parents=True)
    # compiles nothing, and leaves what compiling leaves
    (home / "venv/bin/python3").write_text(
        f"#!/bin/sh\nmkdir -p {HOME}/venv/__pycache__\n>{HOME}/venv/__pycache__/a.pyc\n"
    )
    (home / "venv/bin/python3").chmod(0o755)


def carry_out(root: Root, verb: str, package: str) -> None:
    # what the packages depend on besides is not installed here
    option = f"--install /root/{package}.deb" if verb == "install" else f"--{verb} {package}"
    root.run(f"dpkg --force-depends {option}")


def states_of(root: Root) -> State:
    words = {"": ABSENT, "not-installed": ABSENT, "installed": INSTALLED, "config-files": KEPT}
    shown = [
        root.ask(f"dpkg-query -W -f '${{db:Status-Status}}' {package}").stdout for package in (UNIFIED, DISTRIBUTED)
    ]
    return words[shown[0]], words[shown[1]]


def use(root: Root, package: str) -> None:
    """Do what an administrator and the services do while a package is installed."""
    files = sorted(path for path in MADE & (OWN[package] | SHARED))
    root.run("".join(f"[ -e {path} ] || echo of-{package} >{path}\n" for path in files))
    root.run(f"mkdir -p {STATE}/objects && echo pixels >{DATA}")
    for owner in (package, ""):
        root.run(f"grep -q my-own-words {EDITED[owner]} || echo my-own-words >>{EDITED[owner]}")


def test_the_walk_takes_each_action_in_each_state() -> None:
    seen = set()
    state: State = (ABSENT, ABSENT)
    for action in walk():
        seen.add((state, action))
        state = after(state, *action)
    states = {state for state, _ in seen}
    assert len(states) == 8
    assert len(seen) == 48


def test_purge_removes_what_its_own_package_owns_and_nothing_else(root: Root) -> None:
    done: list[str] = []
    state: State = (ABSENT, ABSENT)
    for verb, package in walk():
        carry_out(root, verb, package)
        state = after(state, verb, package)
        done.append(f"{verb} {package.removeprefix(NAME)}")
        story = "\n".join(done[-12:])
        assert states_of(root) == state, story
        if verb == "install":
            use(root, package)
        known = {name for name, one in zip((UNIFIED, DISTRIBUTED), state, strict=True) if one != ABSENT}
        expected = {path for name in known for path in OWN[name]} | (SHARED if known else set())
        found = root.run(
            f"find {ETC} {LOGS} /etc/logrotate.d/{NAME} {HOME}/html/.config.json -type f 2>/dev/null || true"
        )
        assert set(found.split()) == expected, story
        for owner, path in EDITED.items():
            if owner in known or (owner == "" and known):
                assert "my-own-words" in root.run(f"cat {path}"), story
        if INSTALLED not in state:
            assert root.run(f"find {HOME} -name __pycache__ 2>/dev/null || true") == "", story
        if not known:
            left = root.run(
                "find / -xdev -path /proc -prune -o -path /root -prune -o -name '*inobitec*' -print"
            ).split()
            assert left == [STATE], story
            assert root.ask("grep -r inobitec /var/lib/ucf/hashfile /var/lib/ucf/registry").stdout == "", story
        if len(done) > 1:
            assert root.run(f"cat {DATA}") == "pixels\n", story
    assert len(done) >= 48


def test_files_of_an_administrators_own_outlive_all_packages(root: Root) -> None:
    carry_out(root, "install", UNIFIED)
    root.run(f"echo mine >{ETC}/notes.txt")
    for package in (UNIFIED, DISTRIBUTED):
        carry_out(root, "purge", package)
    assert root.run(f"find {ETC} -type f").split() == [f"{ETC}/notes.txt"]
    root.run(f"rm -r {ETC}")


def test_a_default_that_changes_reaches_an_untouched_file_alone(root: Root, tmp_path: Path) -> None:
    def change(tree: Path) -> None:
        for name in ("control.json", "storage.json"):
            (tree / f"usr/share/{UNIFIED}/defaults/{name}").write_text('{"of": "the new version"}\n')

    carry_out(root, "install", UNIFIED)
    root.run(f"echo my-own-words >{ETC}/control.json")
    modes = root.run(f"stat -c '%n %U:%G %a' {ETC}/control.json {ETC}/storage.json")
    thin = root.inside(f"/root/{UNIFIED}.deb")
    newer_thin = newer(thin, tmp_path, "99.0.0-r1", change)
    root.copy(newer_thin, "/root")
    root.run(f"dpkg --force-depends --install /root/{newer_thin.name}")
    assert root.run(f"cat {ETC}/control.json") == "my-own-words\n"
    assert root.run(f"cat {ETC}/storage.json") == '{"of": "the new version"}\n'
    assert root.run(f"stat -c '%n %U:%G %a' {ETC}/control.json {ETC}/storage.json") == modes
    carry_out(root, "purge", UNIFIED)
    assert root.ask(f"ls {ETC}").returncode != 0


def test_an_upgrade_leaves_no_compiled_file_of_the_version_before(root: Root, tmp_path: Path) -> None:
    carry_out(root, "install", UNIFIED)
    root.run(f"mkdir {HOME}/venv/lib/__pycache__ -p && echo old >{HOME}/venv/lib/__pycache__/gone.cpython-311.pyc")
    newer_thin = newer(root.inside(f"/root/{UNIFIED}.deb"), tmp_path, "99.0.0-r1", lambda _: None)
    root.copy(newer_thin, "/root")
    root.run(f"dpkg --force-depends --install /root/{newer_thin.name}")
    assert root.run(f"find {HOME} -name '*.pyc'").split() == [f"{HOME}/venv/__pycache__/a.pyc"]
    carry_out(root, "purge", UNIFIED)
