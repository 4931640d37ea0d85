"""The executables as tests of their database commands call them: in this process, or in one of their own."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import dicom_gateway.main
import functions.control_node
import functions.render_server
from webviewer.config import DatabaseDriver, DatabaseSettings, Role, load_settings

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS: Mapping[Role, Callable[[list[str]], int]] = {
    Role.UNIFIED: functions.render_server.main,
    Role.CONTROL: functions.control_node.main,
    Role.STORAGE: dicom_gateway.main.main,
}
NAMES = {Role.UNIFIED: "RenderServer", Role.CONTROL: "ControlNode", Role.STORAGE: "StorageNode"}


@dataclass(frozen=True)
class Node:
    """An executable with a configuration file of its own."""

    role: Role
    folder: Path
    content: Mapping[str, object] = field(repr=False)

    @property
    def config(self) -> Path:
        return self.folder / f"{self.role}.json"

    @property
    def log(self) -> Path:
        return self.folder / f"{self.role}.log"

    @property
    def settings(self) -> DatabaseSettings:
        return load_settings(self._written(), environ={}, role=self.role).database

    def words(self, *words: str) -> list[str]:
        return ["-c", str(self._written()), "-l", str(self.log), "--no-log-to-console", *words]

    def run(self, *words: str) -> int:
        """Run its main function and return the exit code."""
        with as_before():
            return PROGRAMS[self.role](self.words(*words))

    def start(self, *words: str, **environ: str) -> subprocess.Popen[str]:
        """Start the console script as a process."""
        program = Path(sys.executable).with_name(NAMES[self.role])
        return subprocess.Popen(
            [str(program), *self.words(*words)],
            env={**os.environ, **environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def finish(self, *words: str, **environ: str) -> tuple[int, str, str]:
        """Run the console script; returns the exit code and what it said."""
        process = self.start(*words, **environ)
        out, err = process.communicate(timeout=120)
        return process.returncode, out, err

    def _written(self) -> Path:
        if not self.config.exists():
            self.config.write_text(json.dumps(self.content))
        return self.config


def node_for(role: Role, folder: Path, database: DatabaseSettings, **more: object) -> Node:
    """Return an executable that is configured for a database."""
    folder.mkdir(exist_ok=True)
    content: dict[str, object] = {"driver": database.driver, "name": database.name, "storage": "storage"}
    if database.driver is DatabaseDriver.POSTGRESQL:
        content |= {"host": database.host, "port": database.port, "user": database.user}
    if database.password:
        content["password"] = database.password
    return Node(role, folder, {**content, **more})


@contextmanager
def as_before() -> Iterator[None]:
    """Give the root logger back as it was: a main function takes it over."""
    root = logging.getLogger()
    before, level, raises = list(root.handlers), root.level, logging.raiseExceptions
    try:
        yield
    finally:
        for handler in root.handlers:
            if handler not in before:
                handler.close()
        root.handlers[:] = before
        root.setLevel(level)
        logging.raiseExceptions = raises
        logging.captureWarnings(False)
