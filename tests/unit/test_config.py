"""Settings: files, environment, command line; every key is read, checked, written and documented."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import pytest

from webviewer.config import (
    KEYS,
    KNOWN_VARIABLES,
    MAIN_FILE,
    MAIN_FILES,
    MASTER_PASSWORD_VARIABLE,
    SECRET_VARIABLES,
    DatabaseDriver,
    Function,
    LinkByParamsPolicy,
    PeerRule,
    Role,
    Settings,
    TableSet,
    environment_of,
    load_configuration,
    load_settings,
    secret_of,
)
from webviewer.config.keys import Key
from webviewer.core.errors import ConfigError
from webviewer.core.process import LIFELINE_VARIABLE

ROOT = Path(__file__).resolve().parents[2]
PATH_RULE = "a path of at most 4095 bytes, each name in it of at most 255"


def write(folder: Path, **files: object) -> Path:
    for name, content in files.items():
        (folder / f"{name}.json").write_text(content if isinstance(content, str) else json.dumps(content))
    return folder / "renderserverconfig.json"


def test_an_empty_file_gives_the_defaults_of_the_manual(tmp_path: Path) -> None:
    settings = load_settings(write(tmp_path, renderserverconfig={"storage": "s"}), environ={})
    assert (settings.control.host, settings.control.port) == ("127.0.0.1", 8090)
    assert (settings.storage.dicom_port, settings.storage.port, settings.render.port) == (3000, 8081, 8080)
    assert settings.database.driver is DatabaseDriver.SQLITE
    assert settings.storage.storage == tmp_path / "s"
    assert settings.database.name == str(tmp_path / "s" / "webviewer-database")
    assert settings.link_by_params_policy is LinkByParamsPolicy.FORBIDDEN
    assert settings.storage.peers == (PeerRule("*", "127.0.0.0/8"), PeerRule("*", "::1/128"))
    assert settings.node.control_url == "http://127.0.0.1:8091"


def test_all_three_files_are_read_and_paths_start_at_their_folder(tmp_path: Path) -> None:
    config = write(
        tmp_path,
        renderserverconfig={
            "storage": "objects",
            "driver": "QPSQL",
            "name": "webviewer",
            "host": "db.local",
            "port": 5433,
            "user": "viewer",
            "password": "secret",
            "link_by_params_policy": "anonymized",
        },
        control={"host": "0.0.0.0", "port": 80, "html": "../pages"},
        storage={"port": 9001, "dicom_port": 104, "peers": [{"calling_ae": "CT1", "network": "10.0.0.7/24"}]},
    )
    settings = load_settings(config, environ={})
    database = settings.database
    assert (database.driver, database.name, database.host, database.port, database.user, database.password) == (
        DatabaseDriver.POSTGRESQL,
        "webviewer",
        "db.local",
        5433,
        "viewer",
        "secret",
    )
    assert settings.link_by_params_policy is LinkByParamsPolicy.ANONYMIZED
    assert (settings.control.host, settings.control.port) == ("0.0.0.0", 80)
    assert settings.control.html == tmp_path.parent / "pages"
    assert (settings.storage.port, settings.storage.dicom_port) == (9001, 104)
    assert settings.storage.peers == (PeerRule("CT1", "10.0.0.0/24"),)
    assert "secret" not in repr(settings)


def test_the_environment_wins_over_files_and_the_command_line_over_both(tmp_path: Path) -> None:
    config = write(tmp_path, renderserverconfig={"storage": "s"}, control={"port": 1001, "host": "10.0.0.1"})
    environ = {"WEBVIEWER_PORT": "1002", "WEBVIEWER_IMAGE_CACHE": "no", "WEBVIEWER_DEVICE": ""}
    configuration = load_configuration(config, {"control.port": 1003, "render.device": None}, environ)
    assert configuration.settings.control.port == 1003
    assert load_settings(config, environ=environ).control.port == 1002
    assert configuration.settings.control.host == "10.0.0.1"
    assert configuration.settings.render.image_cache is False
    assert configuration.settings.render.device is None
    assert configuration.given == {"storage.storage", "control.port", "control.host", "render.image_cache"}


def test_unknown_keys_are_warned_of(tmp_path: Path) -> None:
    config = write(tmp_path, renderserverconfig={"storage": "s", "stroage": "x"}, storage={"html": "x"})
    assert load_configuration(config, environ={}).warnings == (
        f"{tmp_path}/renderserverconfig.json: key 'stroage' is unknown and has no effect.",
        f"{tmp_path}/storage.json: key 'html' is unknown and has no effect.",
    )


@pytest.mark.parametrize(
    ("file", "key", "value", "words"),
    [
        ("control", "port", 0, "0 is invalid: must be a whole number from 1 to 65535."),
        ("control", "port", 8090.5, "8090.5 is invalid: must be a whole number from 1 to 65535."),
        ("control", "port", True, "true is invalid: must be a whole number from 1 to 65535."),
        ("control", "secure_cookie", 1, "1 is invalid: must be true or false."),
        ("control", "host", "a b", '"a b" is invalid: must be a host name or an address.'),
        ("storage", "control", "ftp://x", '"ftp://x" is invalid: must be an address such as http://127.0.0.1:8090.'),
        ("renderserverconfig", "driver", "QMYSQL", '"QMYSQL" is invalid: must be one of QSQLITE, QPSQL.'),
        (
            "renderserverconfig",
            "link_by_params_policy",
            "yes",
            '"yes" is invalid: must be one of forbidden, anonymized, allowed, download.',
        ),
        ("renderserverconfig", "password", ["x"], "the value (not shown) is invalid: must be a text on one line."),
        ("storage", "idle_timeout_s", 0, "0 is invalid: must be a number from 1 to 3600."),
        ("control", "html", "\ud800", rf'"\ud800" is invalid: must be {PATH_RULE}.'),
        ("control", "html", "x" * 5000, f'"{"x" * 199}... (5002 characters) is invalid: must be {PATH_RULE}.'),
        ("control", "html", "x/" * 2500, f'"{"x/" * 99}x... (5002 characters) is invalid: must be {PATH_RULE}.'),
        ("control", "html", "~nobody_here/x", f'"~nobody_here/x" is invalid: must be {PATH_RULE}.'),
        ("renderserverconfig", "user", "\ud800", '"\\ud800" is invalid: must be a text on one line.'),
        (
            "storage",
            "peers",
            [{"calling_ae": "MORE THAN SIXTEEN", "network": "10.0.0.0/8"}],
            (
                '[{"calling_ae": "MORE THAN SIXTEEN", "network": "10.0.0.0/8"}] is invalid: must be a list such as '
                '[{"calling_ae": "CT1", "network": "10.0.0.0/24"}], where "*" means any AE title.'
            ),
        ),
    ],
)
def test_a_wrong_value_is_refused_with_file_key_value_and_rule(
    tmp_path: Path, file: str, key: str, value: object, words: str
) -> None:
    files: dict[str, object] = {"renderserverconfig": {"storage": "s"}, file: {key: value}}
    with pytest.raises(ConfigError) as caught:
        load_settings(write(tmp_path, **files), environ={})
    assert caught.value.message == f"{tmp_path}/{file}.json: key '{key}': {words}"


def test_a_number_of_thousands_of_digits_is_refused(tmp_path: Path) -> None:
    file = write(tmp_path, renderserverconfig='{"storage": "s"}', control='{"port": ' + "9" * 5000 + "}")
    with pytest.raises(ConfigError) as caught:
        load_settings(file, environ={})
    assert caught.value.message == (
        f"{tmp_path}/control.json: key 'port': Infinity is invalid: must be a whole number from 1 to 65535."
    )
    with pytest.raises(ConfigError, match="must be a whole number from 1 to 65535"):
        load_settings(None, environ={"WEBVIEWER_PORT": "9" * 5000})
    with pytest.raises(ConfigError, match="must be a list of networks"):
        load_settings(None, environ={"WEBVIEWER_TRUSTED_PROXIES": "[" * 200_000})


def test_a_wrong_variable_is_refused() -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings(None, environ={"WEBVIEWER_DICOM_PORT": "three"})
    assert caught.value.message == (
        'environment variable WEBVIEWER_DICOM_PORT: "three" is invalid: must be a whole number from 1 to 65535.'
    )


def test_a_wrong_secret_is_not_shown() -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings(None, environ={"WEBVIEWER_INTERNAL_TOKEN": "too short"})
    assert "too short" not in caught.value.message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "is not JSON: Expecting property name enclosed in double quotes in line 1, column 2."),
        ("[]", "must hold one JSON object."),
        pytest.param("[" * 200_000, "cannot be read: it is nested too deep.", id="nested"),
        pytest.param('{"port":' * 200_000, "cannot be read: it is nested too deep.", id="nested-objects"),
    ],
)
def test_a_broken_file_is_refused(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings(write(tmp_path, renderserverconfig=text), environ={})
    assert caught.value.message == f"Configuration file '{tmp_path}/renderserverconfig.json' {words}"


def test_two_listeners_cannot_have_one_port(tmp_path: Path) -> None:
    config = write(tmp_path, renderserverconfig={"storage": "s"}, storage={"dicom_port": 8090})
    with pytest.raises(ConfigError, match=r"Port 8090 is given to control\.port and to storage\.dicom_port"):
        load_settings(config, environ={})


@pytest.mark.parametrize("port", [8080, 8081, 8091])
def test_the_unified_build_may_have_a_port_that_a_node_would_have_by_itself(port: int) -> None:
    assert load_settings(None, {"control.port": port}, {}).control.port == port
    with pytest.raises(ConfigError, match=f"Port {port} is given to control"):
        load_settings(None, {"control.port": port}, {"WEBVIEWER_RENDER_PORT": str(port)})


def test_secrets_can_come_from_files(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("p4ss\n")
    settings = load_settings(None, environ={"WEBVIEWER_DATABASE_PASSWORD_FILE": str(tmp_path / "password")})
    assert settings.database.password == "p4ss"
    with pytest.raises(ConfigError, match="WEBVIEWER_INTERNAL_TOKEN_FILE"):
        load_settings(None, environ={"WEBVIEWER_INTERNAL_TOKEN_FILE": str(tmp_path / "none")})


@pytest.mark.parametrize("variable", SECRET_VARIABLES)
def test_a_secret_of_a_file_gives_way_to_the_variable_unless_that_is_empty(variable: str, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("of-the-file-0123456789\r\n", "utf-8-sig")
    environ = {f"{variable}_FILE": str(tmp_path / "secret")}
    assert secret_of(variable, environ) == "of-the-file-0123456789"
    assert secret_of(variable, {**environ, variable: ""}) == "of-the-file-0123456789"
    assert secret_of(variable, {**environ, variable: "of-the-variable"}) == "of-the-variable"
    assert secret_of(variable, {f"{variable}_FILE": ""}) is None
    (tmp_path / "secret").write_text("one\ntwo\n")
    with pytest.raises(ConfigError) as caught:
        secret_of(variable, environ)
    assert caught.value.message == (
        f"{variable}_FILE: file {str(tmp_path / 'secret')!r} must hold the secret alone, on one line."
    )


def test_the_byte_order_mark_of_an_editor_is_no_part_of_a_file(tmp_path: Path) -> None:
    file = write(tmp_path, renderserverconfig={})
    file.write_text(json.dumps({"storage": "Ablage für Bilder"}), "utf-8-sig")
    assert load_settings(file, environ={}).storage.storage == tmp_path / "Ablage für Bilder"


def test_an_unknown_variable_is_warned_of(tmp_path: Path) -> None:
    environ = {"WEBVIEWER_PROT": "8080", "WEBVIEWER_PORT_FILE": "x", "WEBVIEWER_PORT": "8080", "PATH": "/bin"}
    assert load_configuration(None, environ=environ).warnings == (
        "Environment variable WEBVIEWER_PORT_FILE is unknown and has no effect.",
        "Environment variable WEBVIEWER_PROT is unknown and has no effect.",
    )
    known = dict.fromkeys(KNOWN_VARIABLES, "")
    assert load_configuration(None, environ=known).warnings == ()


def test_a_token_that_nobody_gave_is_new_each_time() -> None:
    first, second = (load_settings(None, environ={}).internal_token for _ in range(2))
    assert len(first) >= 32
    assert first != second


def test_child_processes_load_the_same_settings_from_their_environment(tmp_path: Path) -> None:
    config = write(
        tmp_path,
        renderserverconfig={"storage": "s", "device": 1, "render_bandwidth": 5_000_000, "image_cache": False},
        storage={"peers": [{"calling_ae": "CT 1", "network": "::/0"}], "idle_timeout_s": 7.5},
    )
    settings = load_settings(config, {"log.file": "x.log", "log.level": "debug", "log.to_console": False}, {})
    assert load_settings(None, environ=environment_of(settings)) == settings


def _names(settings: Settings) -> set[str]:
    result = set()
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        if dataclasses.is_dataclass(value):
            result |= {f"{field.name}.{inner.name}" for inner in dataclasses.fields(value)}
        else:
            result.add(field.name)
    return result


def test_the_table_has_every_setting_exactly_once() -> None:
    names = [key.name for key in KEYS]
    assert len(names) == len(set(names))
    assert set(names) == _names(load_settings(None, environ={})) - {"database.tables"}  # the role's own
    variables = [key.variable for key in KEYS]
    assert len(variables) == len(set(variables))


def row_of(key: Key) -> str:
    """What README says of a setting."""
    file = {"": "–", MAIN_FILE: f"main file: `{key.json_key}`"}.get(key.file, f"{key.file}: `{key.json_key}`")
    no_effect = f"; no effect: {key.no_effect_yet}" if key.no_effect_yet else ""
    return f"| `{key.variable}` | {file} | {key.help}{no_effect} | {key.kind.rule} |"


def test_the_readme_says_every_setting_as_the_program_does() -> None:
    lines = set((ROOT / "README.md").read_text("utf-8").splitlines())
    assert [row for row in map(row_of, KEYS) if row not in lines] == []


def test_the_readme_names_every_variable_that_is_read_and_no_other() -> None:
    rows = [line for line in (ROOT / "README.md").read_text("utf-8").splitlines() if line.startswith("| `WEBVIEWER_")]
    named = {name for row in rows for name in re.findall(r"`(WEBVIEWER_[A-Z_]+)`", row.split("|")[1])}
    assert named == KNOWN_VARIABLES - {LIFELINE_VARIABLE}  # that one is between our own processes
    folders = ("webviewer", "functions", "dicom_gateway", "renderpool")
    files = [file for folder in folders for file in (ROOT / folder).rglob("*.py")]
    read = {name for file in files for name in re.findall(r'"(WEBVIEWER_[A-Z_]+[A-Z])"', file.read_text("utf-8"))}
    assert read - {f"{variable}_FILE" for variable in SECRET_VARIABLES} <= KNOWN_VARIABLES
    assert MASTER_PASSWORD_VARIABLE in read


@pytest.mark.parametrize("name", sorted(path.name for path in (ROOT / "config").glob("*config*.json")))
def test_a_sample_file_says_the_defaults_of_the_manual(name: str) -> None:
    stem, _, kind = name.removesuffix(".json").partition("-")
    role = {file.removesuffix(".json"): role for role, file in MAIN_FILES.items()}[stem]
    configuration = load_configuration(ROOT / "config" / name, environ={}, role=role)
    assert configuration.warnings == ()
    settings, word = configuration.settings, {Role.UNIFIED: "webviewer"}.get(role, str(role))
    database = settings.database
    folder = f"InobitecWebViewer{'Control' if role is Role.CONTROL else 'Storage'}"
    if kind == "postgresql":
        assert (database.driver, database.name, database.user, database.password) == ("QPSQL", word, word, word)
        assert (database.host, database.port) == ("localhost", 5432)
        assert settings.storage.storage.name == f"{folder}.postgres"
    else:
        assert database.driver == "QSQLITE"
        assert database.name == f"/var/lib/inobitec-web-viewer/{folder}.sqlite/webviewer-database"
    assert (settings.control.port, settings.control.internal_port) == (8090, 8091)
    assert (settings.storage.port, settings.storage.dicom_port, settings.node.scu) == (8081, 3000, "STORAGE-AE")
    assert settings.node.control_url == ("" if role is Role.CONTROL else "http://127.0.0.1:8091")


def test_there_is_a_sample_of_every_main_file_for_each_database() -> None:
    stems = [file.removesuffix(".json") for file in MAIN_FILES.values()]
    names = {path.name for path in (ROOT / "config").iterdir()}
    assert {f"{stem}-{kind}.json" for stem in stems for kind in ("sqlite", "postgresql")} <= names
    assert names >= {"renderserverconfig.json", "control.json", "storage.json"}


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("link_by_params_policy", "allowed", "this version makes no links yet"),
    ],
)
def test_a_key_without_effect_is_warned_of(tmp_path: Path, key: str, value: object, words: str) -> None:
    config = write(tmp_path, renderserverconfig={"storage": "s", key: value})
    (warning,) = load_configuration(config, environ={}).warnings
    assert warning.startswith(f"{key} (WEBVIEWER_")
    assert warning.endswith(f"is set, but {words}.")


def test_a_program_s_default_gives_way_to_everything_and_counts_as_not_given(tmp_path: Path) -> None:
    config, defaults = write(tmp_path, renderserverconfig={"storage": "s"}), {"log.file": "default.log"}
    plain = load_configuration(config, environ={}, defaults=defaults)
    assert plain.settings.log.file == Path.cwd() / "default.log"
    assert "log.file" not in plain.given
    said = load_configuration(config, environ={"WEBVIEWER_LOG_FILE": "/x/said.log"}, defaults=defaults)
    assert said.settings.log.file == Path("/x/said.log")


def test_the_storage_node_finds_the_internal_port_wherever_it_listens(tmp_path: Path) -> None:
    def url(**control: object) -> str:
        return load_settings(write(tmp_path, renderserverconfig={}, control=control), environ={}).node.control_url

    assert url() == "http://127.0.0.1:8091"
    assert url(internal_host="0.0.0.0", internal_port=9) == "http://127.0.0.1:9"
    assert url(internal_host="10.0.0.5") == "http://10.0.0.5:8091"
    assert url(internal_host="::1") == "http://[::1]:8091"


ROLES = [
    (Role.UNIFIED, "QSQLITE", "", frozenset(TableSet)),
    (Role.CONTROL, "QPSQL", "control", frozenset({TableSet.CONTROL})),
    (Role.STORAGE, "QPSQL", "storage", frozenset({TableSet.STORAGE})),
    (Role.RENDER, "QSQLITE", "", frozenset()),
]


@pytest.mark.parametrize(("role", "driver", "user", "tables"), ROLES, ids=[case[0] for case in ROLES])
def test_a_role_has_its_own_database(role: Role, driver: str, user: str, tables: frozenset[TableSet]) -> None:
    database = load_settings(None, environ={}, role=role).database
    assert (database.driver, database.user, database.tables) == (driver, user, tables)
    if user:
        assert database.name == user
    assert database.password == ""


def test_a_role_reads_its_own_files_alone(tmp_path: Path) -> None:
    main = {"driver": "QSQLITE", "storage": "s", "link_by_params_policy": "forbidden", "device": 1}
    write(tmp_path, renderserverconfig=main, control={"port": 1001}, storage={"dicom_port": 1002})

    def loaded(role: Role) -> tuple[int, int, list[str]]:
        configuration = load_configuration(tmp_path / "renderserverconfig.json", environ={}, role=role)
        unknown = [warning.split("'")[1] for warning in configuration.warnings]
        return configuration.settings.control.port, configuration.settings.storage.dicom_port, unknown

    assert loaded(Role.UNIFIED) == (1001, 1002, [])
    assert loaded(Role.CONTROL) == (1001, 3000, ["device"])
    assert loaded(Role.STORAGE) == (8090, 1002, ["link_by_params_policy", "device"])


def test_a_role_minds_the_ports_of_its_own_listeners_alone() -> None:
    environ = {"WEBVIEWER_STORAGE_PORT": "8090"}
    assert load_settings(None, environ=environ, role=Role.STORAGE).storage.port == 8090
    with pytest.raises(ConfigError, match=r"Port 8090 is given to control\.port and to storage\.port"):
        load_settings(None, environ=environ)
    with pytest.raises(ConfigError, match=r"Port 3000 is given to storage\.port and to storage\.dicom_port"):
        load_settings(None, environ={"WEBVIEWER_STORAGE_PORT": "3000"}, role=Role.STORAGE)


def test_the_role_of_the_environment_holds_where_the_program_says_none() -> None:
    environ = {"WEBVIEWER_ROLE": "storage"}
    assert load_settings(None, environ=environ).role is Role.STORAGE
    assert load_settings(None, environ=environ, role=Role.CONTROL).role is Role.CONTROL


def test_a_control_process_serves_some_functions_or_all(tmp_path: Path) -> None:
    def served(**control: object) -> frozenset[Function]:
        return load_settings(write(tmp_path, renderserverconfig={}, control=control), environ={}).control.functions

    assert served() == frozenset(Function)
    assert served(functions=["auth", "pages"]) == served(functions="auth, pages") == {Function.AUTH, Function.PAGES}
    with pytest.raises(ConfigError, match='"autz" is invalid: must be one or more of auth, admin, studies, settings'):
        served(functions="autz")


def test_nodes_of_the_distributed_build_register_nowhere_unless_they_are_told() -> None:
    assert load_settings(None, environ={}, role=Role.STORAGE).node.control_url == ""
    assert load_settings(None, environ={}, role=Role.RENDER).node.control_url == ""
