"""From files, environment and command line to checked settings."""

from __future__ import annotations

import dataclasses
import json
import logging
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from webviewer.config.keys import (
    KEY_OF_NAME,
    KEYS,
    KNOWN_VARIABLES,
    MAIN_FILE,
    SECRET_VARIABLES,
    SIDE_FILES,
    VARIABLE_PREFIX,
    Key,
)
from webviewer.config.records import (
    ControllerSettings,
    ControlSettings,
    DatabaseDriver,
    DatabaseSettings,
    LogSettings,
    NodeSettings,
    RenderSettings,
    Role,
    Settings,
    StorageSettings,
    TableSet,
    TlsSettings,
)
from webviewer.core.errors import ConfigError

logger = logging.getLogger(__name__)

_ENCODING = "utf-8-sig"  # editors of Windows put a byte order mark in front of UTF-8

_MOST_DIGITS = 400  # more are beyond any float, and so beyond any rule
_MOST_SHOWN = 200

_TABLES = {
    Role.UNIFIED: frozenset(TableSet),
    Role.CONTROL: frozenset({TableSet.CONTROL}),
    Role.STORAGE: frozenset({TableSet.STORAGE}),
    Role.RENDER: frozenset[TableSet](),
}
_DATABASE_NAMES = {Role.CONTROL: "control", Role.STORAGE: "storage"}  # and users; else webviewer, as the manual says
_PORTS = {
    Role.CONTROL: ("control.port", "control.internal_port"),
    Role.STORAGE: ("storage.port", "storage.dicom_port"),
    Role.RENDER: ("render.port",),
}
_INNER_PORTS = ("control.internal_port", "storage.port", "render.port")  # RenderServer looks for free ones


@dataclass(frozen=True, slots=True)
class Configuration:
    """What `load_configuration` found: the settings, and how they came to be."""

    settings: Settings
    given: frozenset[str]  # names (``section.field``) that a file, the environment or a caller set, not a default
    warnings: tuple[str, ...]


def load_settings(
    config_file: Path | None,
    overrides: Mapping[str, object] | None = None,
    environ: Mapping[str, str] | None = None,
    defaults: Mapping[str, object] | None = None,
    *,
    role: Role | None = None,
) -> Settings:
    """Read the settings and log what is odd about them.

    Parameters
    ----------
    config_file
        Path of ``renderserverconfig.json`` or what it is called for the role; ``control.json`` and ``storage.json``
        are looked for beside it, as far as they concern the role. ``None`` takes defaults and the environment only.
    overrides
        Values by name (``"storage.dicom_port"``) that win over everything, as from a command line; ``None`` values
        are left out.
    environ
        Environment variables ``WEBVIEWER_…``, which win over the files; the process's own by default.
    defaults
        Values by name that a program has where nobody says otherwise.
    role
        Which files are read, which tables the database holds, and some defaults; by default what the environment
        says, and the unified build where it says nothing.

    Returns
    -------
    Settings
        Checked and frozen.

    Raises
    ------
    ConfigError
        A file is missing or is not JSON, or a value breaks its rule.
    """
    configuration = load_configuration(config_file, overrides, environ, defaults, role=role)
    for warning in configuration.warnings:
        logger.warning("config_warning", extra={"reason": warning})
    return configuration.settings


def load_configuration(
    config_file: Path | None,
    overrides: Mapping[str, object] | None = None,
    environ: Mapping[str, str] | None = None,
    defaults: Mapping[str, object] | None = None,
    *,
    role: Role | None = None,
) -> Configuration:
    """Like `load_settings`, but with what was set by whom, and warnings as texts.

    Raises
    ------
    ConfigError
        A file is missing or is not JSON, or a value breaks its rule.
    """
    environ = os.environ if environ is None else environ
    said = _read_environment(environ)
    if role is None:
        told = said.get("role")
        role = told if isinstance(told, Role) else Role.UNIFIED
    values: dict[str, object] = {}
    warnings = [
        f"Environment variable {name} is unknown and has no effect."
        for name in sorted(environ)
        if name.startswith(VARIABLE_PREFIX) and name not in KNOWN_VARIABLES
    ]
    if config_file is not None:
        values |= _read_file(config_file, MAIN_FILE, role, warnings)
        for name in SIDE_FILES.get(role, ()):
            values |= _read_file(config_file.parent / name, name, role, warnings)
    values |= said | {"role": role}
    for name, value in (overrides or {}).items():
        if value is None:
            continue
        key = KEY_OF_NAME.get(name)
        if key is None:
            raise ConfigError(f"Setting {name!r} is unknown.")
        values[name] = _checked(key, value, "the command line", Path.cwd())
    given = frozenset(values) - {"role"}
    for name, value in (defaults or {}).items():
        values.setdefault(name, _checked(KEY_OF_NAME[name], value, "the default", Path.cwd()))
    settings = _assemble(values)
    warnings += [
        f"{key.json_key} ({key.variable}) is set, but {key.no_effect_yet}."
        for key in KEYS
        if key.no_effect_yet and _value_of(settings, key.name) != _value_of(_assemble({"role": role}), key.name)
    ]
    return Configuration(settings, given, tuple(warnings))


def process_environment() -> dict[str, str]:
    """Return the variables of this process, for what it starts."""
    return dict(os.environ)


def environment_of(settings: Settings) -> dict[str, str]:
    """Write the settings as environment variables, so that a child process loads the same ones.

    Parameters
    ----------
    settings
        What the parent runs with.

    Returns
    -------
    dict[str, str]
        ``WEBVIEWER_…`` variables; secrets are among them, so they go into an environment and nowhere else.
    """
    result: dict[str, str] = {}
    for key in KEYS:
        value = _value_of(settings, key.name)
        if value is None or value == "":
            continue
        result[key.variable] = key.kind.write(value)
    return result


def secret_of(variable: str, environ: Mapping[str, str] | None = None) -> str | None:
    """Return a secret of the environment: the variable's own value, else what is in the file that ``…_FILE`` names.

    Raises
    ------
    ConfigError
        The file cannot be read, or holds more than one line.
    """
    environ = os.environ if environ is None else environ
    text, file = environ.get(variable), environ.get(f"{variable}_FILE")
    if not text and file:  # an empty variable counts as none, as everywhere
        try:
            text = Path(file).read_text(_ENCODING).rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as exc:
            raise ConfigError(f"{variable}_FILE: file {file!r} cannot be read: {exc}.") from exc
        if "\n" in text or "\r" in text:
            raise ConfigError(f"{variable}_FILE: file {file!r} must hold the secret alone, on one line.")
    return text or None


def _read_file(file: Path, which: str, role: Role, warnings: list[str]) -> dict[str, object]:
    try:
        text = file.read_text(_ENCODING)
    except FileNotFoundError as exc:
        if which != MAIN_FILE:
            return {}
        raise ConfigError(f"Configuration file {str(file)!r} does not exist.") from exc
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(f"Configuration file {str(file)!r} cannot be read: {exc}.") from exc
    try:
        content = json.loads(text, parse_int=_whole_number)
    except json.JSONDecodeError as exc:
        raise ConfigError(
            f"Configuration file {str(file)!r} is not JSON: {exc.msg} in line {exc.lineno}, column {exc.colno}."
        ) from exc
    except RecursionError as exc:
        raise ConfigError(f"Configuration file {str(file)!r} cannot be read: it is nested too deep.") from exc
    if not isinstance(content, dict):
        raise ConfigError(f"Configuration file {str(file)!r} must hold one JSON object.")
    known = {key.json_key: key for key in KEYS if key.file == which and role in key.roles}
    values: dict[str, object] = {}
    for json_key, value in content.items():
        key = known.get(json_key)
        if key is None:
            warnings.append(f"{file}: key {json_key!r} is unknown and has no effect.")
        else:
            values[key.name] = _checked(key, value, f"{file}: key {json_key!r}", file.parent)
    return values


def _read_environment(environ: Mapping[str, str]) -> dict[str, object]:
    values: dict[str, object] = {}
    for key in KEYS:
        secret = key.variable in SECRET_VARIABLES
        text = secret_of(key.variable, environ) if secret else environ.get(key.variable)
        if text:
            values[key.name] = _checked(key, text, f"environment variable {key.variable}", Path.cwd())
    return values


def _checked(key: Key, value: object, where: str, folder: Path) -> object:
    try:
        return key.kind.read(value, folder)
    except (ValueError, TypeError, OverflowError, RuntimeError) as exc:  # the last: nested too deep, or ~nobody's home
        shown = "the value (not shown)" if key.variable in SECRET_VARIABLES else _shown(value)
        raise ConfigError(f"{where}: {shown} is invalid: must be {key.kind.rule}.") from exc


def _whole_number(digits: str) -> object:
    return int(digits) if len(digits) < _MOST_DIGITS else float(digits)  # int would refuse thousands of them


def _shown(value: object) -> str:
    try:
        text = json.dumps(value, default=str)
    except RecursionError:
        return "the value (nested too deep)"
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}... ({len(text)} characters)"


def _value_of(settings: Settings, name: str) -> object:
    value: object = settings
    for part in name.split("."):
        value = getattr(value, part)
    return value


def _assemble(values: Mapping[str, object]) -> Settings:
    role = values.get("role", Role.UNIFIED)
    if not isinstance(role, Role):
        raise TypeError
    distributed = role in _DATABASE_NAMES
    driver = values.get("database.driver", DatabaseDriver.POSTGRESQL if distributed else DatabaseDriver.SQLITE)
    sqlite = driver is DatabaseDriver.SQLITE
    folder = values.get("storage.storage")
    if not isinstance(folder, Path):
        what = "Control" if role is Role.CONTROL else "Storage"
        folder = Path.home() / f"InobitecWebViewer{what}.{'sqlite' if sqlite else 'postgres'}"
    name = str(values.get("database.name", ""))
    if sqlite:
        # the manual: "The SQLite database file is named webviewer-database and placed in the storage directory"
        name = str(folder / Path(name or "webviewer-database").expanduser())
    filled: dict[str, object] = {
        **values,
        "role": role,
        "storage.storage": folder,
        "database.driver": driver,
        "database.name": name or _DATABASE_NAMES.get(role, "webviewer"),
        "database.tables": _TABLES[role],
    }
    if not sqlite:
        filled.setdefault("database.user", _DATABASE_NAMES.get(role, "webviewer"))
    filled.setdefault("control.internal_port", _default(ControlSettings, "internal_port"))
    filled.setdefault("control.html", Path(__file__).resolve().parent.parent.parent / "html" / "dist")
    if role is Role.UNIFIED:
        internal_host = _reachable(str(filled.get("control.internal_host", "127.0.0.1")))
        filled.setdefault("node.control_url", f"http://{internal_host}:{filled['control.internal_port']}")
    filled.setdefault("internal_token", secrets.token_urlsafe(32))
    settings = Settings(
        database=DatabaseSettings(**_section(filled, "database")),
        control=ControlSettings(**_section(filled, "control")),
        storage=StorageSettings(**_section(filled, "storage")),
        render=RenderSettings(**_section(filled, "render")),
        node=NodeSettings(**_section(filled, "node")),
        tls=TlsSettings(**_section(filled, "tls")),
        controller=ControllerSettings(**_section(filled, "controller")),
        log=LogSettings(**_section(filled, "log")),
        **{name: value for name, value in filled.items() if "." not in name},  # type: ignore[arg-type]
    )
    _check_ports(settings, values)
    return settings


def _default(cls: type, name: str) -> object:
    return next(field.default for field in dataclasses.fields(cls) if field.name == name)


def _section(values: Mapping[str, object], section: str) -> dict[str, Any]:
    return {name.partition(".")[2]: value for name, value in values.items() if name.startswith(f"{section}.")}


def _reachable(host: str) -> str:
    if host in {"0.0.0.0", "::", "*"}:  # noqa: S104  read, not bound
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


def _check_ports(settings: Settings, given: Mapping[str, object]) -> None:
    owners: dict[int, str] = {}
    for name in _PORTS.get(settings.role, tuple(name for names in _PORTS.values() for name in names)):
        port = _value_of(settings, name)
        free_choice = settings.role is Role.UNIFIED and name in _INNER_PORTS and name not in given
        if free_choice or not isinstance(port, int):
            continue
        if port in owners:
            raise ConfigError(f"Port {port} is given to {owners[port]} and to {name}: each needs a port of its own.")
        owners[port] = name
