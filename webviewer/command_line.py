"""The command line of all executables (manual 2.8): words, settings, log, database commands, and exit codes.

Everything that is wrong at the start (no configuration, a wrong value, a busy port, a log that cannot be written) is
one line on the console and an exit code of its own.
"""

from __future__ import annotations

import argparse
import gc
import logging
import os
import socket
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Final, NoReturn

from webviewer import __version__
from webviewer.config import (
    MAIN_FILES,
    MASTER_PASSWORD_VARIABLE,
    Configuration,
    Role,
    Settings,
    load_configuration,
    process_environment,
    secret_of,
)
from webviewer.core import log
from webviewer.core.errors import ConfigError, WebviewerError
from webviewer.core.system import can_fork, raise_open_files_limit, reuse_address

logger = logging.getLogger(__name__)

CHECK = "--check-database"
INTERNAL_ERROR = 1  # of --check-database: wrong settings, or no driver
VERIFY = "--verify"
COMMANDS = ("--create-database", "--create-db-user", "--drop-database", "--update-database", "--create-db-scheme")


class ExitCode(IntEnum):
    """What a start script can tell apart; ``--check-database`` has codes of its own (0 to 7)."""

    GOOD = 0
    FAILED = 1  # something nobody foresaw, or a node had to be killed at the end
    USAGE = 2
    CONFIG = 3
    PORT_BUSY = 4
    LOG = 5
    DEVICE = 5  # of the render node
    STORAGE = 6
    DATABASE = 7
    WRONG_WITH_CHECK = 8  # a command line with --check-database that cannot be: 2 would say "no connection"
    DATABASE_AWAY = 9  # the database server does not answer now
    DAMAGED_FILES = 10  # of --verify: stored files are missing or damaged
    UNINDEXED_FILES = 11  # of --verify: all stored files are whole, but the folder holds others besides


# Another start with the same settings ends in the same way. A busy port, a storage folder and a database server may
# be free, mounted or running a moment later. The systemd units list the same numbers (RestartPreventExitStatus).
LASTING_EXIT_CODES: Final = frozenset({ExitCode.USAGE, ExitCode.CONFIG, ExitCode.DEVICE, ExitCode.DATABASE})


class StartError(WebviewerError):
    """The program cannot start, or a command cannot be done; ``exit_code`` says why to scripts."""

    default_code = "cannot_start"

    def __init__(self, message: str, exit_code: ExitCode) -> None:
        super().__init__(message)
        self.exit_code = exit_code


@dataclass(frozen=True, slots=True)
class Program:
    """An executable.

    Parameters
    ----------
    name
        As the manual calls it.
    role
        What it is to the system.
    description
        One line for ``--help``.
    log_file
        Name of its log, in the folder in which it is started.
    node
        Its name in the lines of the log.
    has_database
        Whether it has a configuration file and a database to maintain.
    draws
        Whether it has a rendering device.
    forks
        Whether its work is done by forked processes, which Windows does not have.
    """

    name: str
    role: Role
    description: str
    log_file: str
    node: str
    has_database: bool = True
    draws: bool = False
    forks: bool = True


Serve = Callable[[Configuration, Path | None], int]


def run(program: Program, arguments: Sequence[str] | None, serve: Serve) -> int:
    """Run an executable.

    Parameters
    ----------
    program
        Which one.
    arguments
        Words after its name; those of the process if None.
    serve
        Does its work until a signal and returns the exit code; gets the configuration and the path of its file.

    Returns
    -------
    int
        An `ExitCode`, or the state of the database where that was asked.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    parser = make_parser(program, checks=CHECK in words)
    options = parser.parse_args(words)
    checks = program.has_database and options.check_database
    chosen = commands_of(options) if program.has_database else ()
    verifies = has_storage(program) and options.verify
    if checks and (chosen or verifies):
        others = (*chosen, VERIFY) if verifies else chosen
        parser.error(f"{CHECK} cannot go with {', '.join(others)}: nothing was done")
    if verifies and chosen:
        parser.error(f"{VERIFY} cannot go with {', '.join(chosen)}: nothing was done")
    try:
        file = config_file_of(program, options)
        configuration = load_configuration(
            file, overrides_of(program, options), defaults={"log.file": program.log_file}, role=role_of(program)
        )
        _configure_log(program, configuration.settings)
        for warning in configuration.warnings:
            logger.warning("config_warning", extra={"reason": warning})
        if checks or chosen:
            # imported only here: what draws or supervises need not hold SQLAlchemy in its memory
            from webviewer import database_commands

            if checks:
                return database_commands.check(configuration.settings.database)
            return _maintain(configuration.settings, chosen, options)
        if verifies:
            require_fork(program)
            return _verify(configuration.settings)
        require_fork(program)
        require_join_secret(configuration)
        raise_open_files_limit()
        return serve(configuration, file)
    except ConfigError as exc:
        return refuse(program.name, exc.message, INTERNAL_ERROR if checks else ExitCode.CONFIG)
    except StartError as exc:
        return refuse(program.name, exc.message, INTERNAL_ERROR if checks else exc.exit_code)
    except WebviewerError as exc:
        return refuse(program.name, exc.message, ExitCode.FAILED)
    finally:
        gc.freeze()  # the last collections find nothing worth half a second of the time that a node has to stop


class _Parser(argparse.ArgumentParser):
    usage_exit = ExitCode.USAGE

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(self.usage_exit, f"{self.prog}: error: {message}\n")


def make_parser(program: Program, *, checks: bool = False) -> argparse.ArgumentParser:
    """Build the command line of manual 2.8.

    Parameters
    ----------
    program
        Which executable.
    checks
        Whether ``--check-database`` is among the words, whose exit code 2 is taken.
    """
    parser = _Parser(prog=program.name, description=program.description, add_help=False, allow_abbrev=False)
    parser.usage_exit = ExitCode.WRONG_WITH_CHECK if checks else ExitCode.USAGE
    help_flags = ("-?", "-h", "--help") if sys.platform == "win32" else ("-h", "--help")
    parser.add_argument(*help_flags, action="help", help="show this list and end")
    parser.add_argument(
        "-v", "--version", action="version", version=f"{program.name} {__version__}", help="show the version and end"
    )
    if program.has_database:
        parser.add_argument(
            "-c", "--config", metavar="FILE", type=Path, help=f"configuration file ({MAIN_FILES[program.role]})"
        )
    _add_log(parser, program)
    if program.draws:
        _add_drawing(parser, program)
    if program.has_database:
        _add_database(parser)
    if has_storage(program):
        _add_verification(parser)
    return parser


def has_storage(program: Program) -> bool:
    """Return whether the program keeps stored files."""
    return program.role in (Role.STORAGE, Role.UNIFIED)


def _add_log(parser: argparse.ArgumentParser, program: Program) -> None:
    logs = parser.add_argument_group("log")
    logs.add_argument("-l", "--log", metavar="FILE", help=f"log file ({program.log_file})")
    logs.add_argument("--log-level", choices=tuple(log.LEVELS), help="how much is logged (info)")
    for name, words in (
        ("log-to-console", "log to the console too"),
        ("log-flush", "write each message to the log file at once"),
        ("log-high-precision-time", "microseconds in the time stamps of the log"),
    ):
        logs.add_argument(f"--{name}", action=argparse.BooleanOptionalAction, help=words)


def _add_drawing(parser: argparse.ArgumentParser, program: Program) -> None:
    port = 8090 if program.role is Role.UNIFIED else 8080
    draws = parser.add_argument_group("drawing")
    draws.add_argument("--port", type=int, metavar="PORT", help=f"TCP port of the HTTP listener ({port})")
    draws.add_argument(
        "--device",
        type=int,
        metavar="INDEX",
        help="number of the rendering device in the list that is printed at the start (the fastest)",
    )
    draws.add_argument(
        "--render-bandwidth",
        type=int,
        metavar="CPS",
        help="bytes per second that one render context may send (no limit)",
    )
    draws.add_argument(
        "--max-thread-pool-threads", type=int, metavar="COUNT", help="threads of rendering operations (4)"
    )
    draws.add_argument("--no-image-cache", action="store_true", help="do not keep images for other contexts")
    draws.add_argument(
        "--no-volume-cache", action="store_true", help="let volumes go when nobody looks at them any more"
    )
    draws.add_argument("--no-cache", action="store_true", help="keep nothing of either")


def _add_database(parser: argparse.ArgumentParser) -> None:
    database = parser.add_argument_group("database", "Each of these does its work and ends.")
    database.add_argument(
        CHECK,
        action="store_true",
        help="say what state it is in, by the exit code too: 0 ready, 1 internal error, 2 no connection, 3 empty, "
        "4 wrong tables, 5 outdated contents, 6 newer version, 7 older version; goes with none of the following",
    )
    for word, words in (
        ("--drop-database", "delete the database with all that is in it; asks first"),
        ("--create-db-user", "make the database user that the configuration names (PostgreSQL)"),
        ("--create-database", "make the database that the configuration names, and its tables"),
        ("--create-db-scheme", "make the tables in an empty database"),
        ("--update-database", "bring an older database to this version; SQLite is backed up first"),
        ("--yes", "do not ask before --drop-database"),
    ):
        database.add_argument(word, action="store_true", help=words)
    database.add_argument(
        "--master-db-user",
        metavar="NAME",
        help="database administrator (postgres; a database can be dropped without one, as its own user)",
    )
    database.add_argument(
        "--master-db-password",
        metavar="PASSWORD",
        help="the administrator's password; everybody on this machine sees a command line: better in the environment, "
        "WEBVIEWER_MASTER_DB_PASSWORD or WEBVIEWER_MASTER_DB_PASSWORD_FILE",
    )
    database.add_argument(
        "--master-db-name",
        metavar="NAME",
        default="postgres",
        help="database to which the administrator connects (%(default)s)",
    )


def _add_verification(parser: argparse.ArgumentParser) -> None:
    storage = parser.add_argument_group("stored files")
    storage.add_argument(
        VERIFY,
        action="store_true",
        help="compare all stored files with the index and end, also while the program serves; exit code 0 all are "
        f"whole, {ExitCode.DAMAGED_FILES} some are missing or damaged, {ExitCode.UNINDEXED_FILES} the folder holds "
        "files that the index does not know",
    )


def commands_of(options: argparse.Namespace) -> tuple[str, ...]:
    """Return the database commands that were given."""
    return tuple(word for word in COMMANDS if getattr(options, word[2:].replace("-", "_")))


def overrides_of(program: Program, options: argparse.Namespace) -> dict[str, object]:
    """Translate the command line into names of settings; ``None`` for what was not said."""
    values: dict[str, object] = {
        "log.file": options.log,
        "log.level": options.log_level,
        "log.to_console": options.log_to_console,
        "log.flush": options.log_flush,
        "log.high_precision_time": options.log_high_precision_time,
    }
    if program.draws:
        values |= {
            "control.port" if program.role is Role.UNIFIED else "render.port": options.port,
            "render.device": options.device,
            "render.render_bandwidth_bytes_per_s": options.render_bandwidth,
            "render.max_thread_pool_threads": options.max_thread_pool_threads,
            "render.image_cache": False if options.no_image_cache or options.no_cache else None,
            "render.volume_cache": False if options.no_volume_cache or options.no_cache else None,
        }
    return values


def role_of(program: Program) -> Role:
    """Return the program's role, or unified where the environment says that it is a part of the unified build.

    Raises
    ------
    ConfigError
        The environment says another role.
    """
    said = process_environment().get("WEBVIEWER_ROLE") or program.role
    if said not in (program.role, Role.UNIFIED):
        raise ConfigError(
            f'environment variable WEBVIEWER_ROLE: "{said}" is invalid: must be {program.role} for {program.name}, '
            f"or {Role.UNIFIED}."
        )
    return Role(said)


def config_file_of(program: Program, options: argparse.Namespace) -> Path | None:
    """Return the configuration file: the one given, or the program's own name in the folder in which it is started.

    Raises
    ------
    ConfigError
        There is none, and no environment that stands for it.
    """
    if not program.has_database:
        return None
    if options.config is not None:
        given: Path = options.config
        return given
    environ = process_environment()
    if environ.get("WEBVIEWER_ROLE") == Role.UNIFIED and program.role is not Role.UNIFIED:
        return None  # RenderServer has read the files and says it all in the environment
    file = Path(MAIN_FILES[program.role])
    if file.is_file():
        return file
    if environ.get("WEBVIEWER_DATABASE_DRIVER"):
        return None  # a container: the environment is the configuration
    raise ConfigError(
        f"There is no configuration file {file.name} in {Path.cwd()}: start with -c FILE, or set "
        "WEBVIEWER_DATABASE_DRIVER and the other variables in its place."
    )


def require_fork(program: Program) -> None:
    """Refuse to serve where the program's processes cannot be made.

    Raises
    ------
    StartError
        Says where it serves, and what works here.
    """
    if program.forks and not can_fork():
        raise StartError(
            f"{program.name} serves on Linux alone: this system cannot fork its processes. The database commands work "
            "here; docs/windows.md says how to serve on a Windows machine.",
            ExitCode.FAILED,
        )


def require_join_secret(configuration: Configuration) -> None:
    """Refuse to start a node of the distributed build that no other node could talk to.

    Raises
    ------
    ConfigError
        Nobody gave a join secret.
    """
    if configuration.settings.role is not Role.UNIFIED and "internal_token" not in configuration.given:
        raise ConfigError(
            "There is no join secret: WEBVIEWER_INTERNAL_TOKEN, or the file that WEBVIEWER_INTERNAL_TOKEN_FILE names, "
            "must hold at least 16 characters without spaces, the same at all nodes of the system."
        )


def require_database(settings: Settings) -> None:
    """Refuse to work on a database that is not of this version.

    Raises
    ------
    StartError
        Says what is wrong with it and what to do.
    """
    from webviewer.adapters.db.states import DatabaseState, examine, name_of

    found = examine(settings.database)
    if found.state is not DatabaseState.READY:
        code = ExitCode.DATABASE_AWAY if found.may_pass else ExitCode.DATABASE
        raise StartError(found.words(name_of(settings.database)), code)


def require_port(host: str, port: int, purpose: str = "HTTP", where: str = "port in control.json") -> None:
    """Refuse to start where somebody listens already, or nobody may.

    Raises
    ------
    StartError
        Names the port and where another one is set.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        reuse_address(listener)
        try:
            listener.bind((host, port))
            listener.listen(1)
        except OSError as exc:
            reason = os.strerror(exc.errno) if exc.errno else str(exc)
            message = f"{purpose} port {port} on {host} cannot be used: {reason}. Set another one ({where})."
            raise StartError(message, ExitCode.PORT_BUSY) from exc


def refuse(name: str, message: str, code: int) -> int:
    """Say in one line why the program ends, into the log too; returns the code."""
    root = logging.getLogger()
    for handler in tuple(root.handlers):
        if isinstance(handler, logging.StreamHandler):
            root.removeHandler(handler)  # the console gets the one line below
    if root.handlers:
        logger.error("cannot_start", extra={"reason": message, "exit_code": int(code)})
    sys.stderr.write(f"{name}: {message}\n")
    return int(code)


def _verify(settings: Settings) -> int:
    require_database(settings)
    from webviewer import verify_command

    try:
        damaged, unindexed = verify_command.verify(settings.database, settings.storage.storage)
    except verify_command.StorageInUse as exc:
        raise StartError(exc.message, ExitCode.STORAGE) from exc
    except WebviewerError as exc:
        raise StartError(exc.message, ExitCode.DATABASE_AWAY) from exc
    except KeyboardInterrupt:
        raise StartError("The verification was stopped; the next one goes on there.", ExitCode.FAILED) from None
    if damaged:
        return ExitCode.DAMAGED_FILES
    return ExitCode.UNINDEXED_FILES if unindexed else ExitCode.GOOD


def _maintain(settings: Settings, chosen: tuple[str, ...], options: argparse.Namespace) -> int:
    from webviewer import database_commands

    password = options.master_db_password
    if password is None:
        password = secret_of(MASTER_PASSWORD_VARIABLE) or ""
    master = database_commands.Master(options.master_db_user or "postgres", password, options.master_db_name)
    if chosen == ("--drop-database",) and not (options.master_db_user or password):
        own = settings.database
        master = database_commands.Master(own.user, own.password, options.master_db_name)
    try:
        database_commands.carry_out(settings.database, chosen, master, asks=not options.yes)
    except WebviewerError as exc:
        raise StartError(exc.message, ExitCode.DATABASE) from exc
    return ExitCode.GOOD


def _configure_log(program: Program, settings: Settings) -> None:
    try:
        log.configure(settings.log, program.node)
    except ConfigError as exc:
        raise StartError(exc.message, ExitCode.LOG) from exc
