"""``WebViewerAdmin``: nodes and users from a terminal, on the control database itself.

``WebViewerAdmin -c controlnodeconfig.json nodes list``. It needs no running control node; nodes that run are told what
concerns them. A password comes from a terminal, from standard input or from a file, never from the command line, where
every process of the machine could read it.
"""

from __future__ import annotations

import argparse
import getpass
import json
import logging
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from webviewer import __version__
from webviewer.bootstrap import Administration, make_administration, require_ready
from webviewer.config import MAIN_FILES, Configuration, Role, load_configuration
from webviewer.core.errors import Conflict, InvalidInput, NotFound, WebviewerError
from webviewer.placement import HEARTBEAT_S, Node, NodeId, NodeKind
from webviewer.usecases.nodes import Actor, NodeView

GOOD: Final = 0
FAILED: Final = 1
TELL_S: Final = 10.0  # nodes that run hear of a change at once; those that do not, when they are back

STRONG_FROM: Final = 8  # characters
NOT_JOINED: Final = "No join secret is set here: WEBVIEWER_INTERNAL_TOKEN_FILE names its file."

_NO_LOG: Final = logging.NullHandler()  # what concerns the person at the terminal is said in words

Command = Callable[[Administration, argparse.Namespace], int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the console script; returns 0, 1 where something was refused, 2 for a wrong command line."""
    options = make_parser().parse_args(arguments)
    command: Command = options.run
    logging.getLogger().addHandler(_NO_LOG)
    untold: list[tuple[str, str]] = []
    try:
        configuration = _configuration(options.config)
        for warning in configuration.warnings:
            sys.stderr.write(f"WebViewerAdmin: warning: {warning}\n")
        options.has_secret = "internal_token" in configuration.given
        administration = make_administration(
            configuration.settings, on_untold=lambda address, reason: untold.append((address, reason))
        )
    except WebviewerError as exc:
        return _refuse(exc)
    try:
        return command(administration, options)
    except WebviewerError as exc:
        return _refuse(exc)
    finally:
        administration.flush(TELL_S)
        _say_untold(administration, dict(untold), has_secret=options.has_secret)
        administration.dispose()


def _say_untold(administration: Administration, untold: dict[str, str], *, has_secret: bool) -> None:
    """Say which nodes did not take a notice: no fault, as each asks, or is asked, within seconds."""
    for view in administration.nodes.all() if untold else ():
        node = view.node
        if node.address in untold:
            reason = untold[node.address].rstrip(".") if has_secret else f"n{NOT_JOINED[1:-1]}"
            when = "when the control node asks it next" if node.added_by_hand else "with its next heartbeat"
            _say(f"Node {node.node_id} did not take the notice: {reason}; it hears of it {when}.")


class _Parser(argparse.ArgumentParser):
    """Takes no shortened words, in its commands either: ``--password`` is not ``--password-file``."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "allow_abbrev": False})


def make_parser() -> argparse.ArgumentParser:
    """Build the command line."""
    parser = _Parser(prog="WebViewerAdmin", description="Web DICOM viewer, nodes and users.")
    parser.add_argument("-v", "--version", action="version", version=f"WebViewerAdmin {__version__}")
    parser.add_argument(
        "-c",
        "--config",
        metavar="FILE",
        type=Path,
        default=Path(MAIN_FILES[Role.CONTROL]),
        help="configuration file of the control node, or of the unified build (%(default)s)",
    )
    subjects = parser.add_subparsers(required=True, metavar="nodes|users")
    _add_nodes(subjects.add_parser("nodes", help="storage and render nodes").add_subparsers(required=True))
    _add_users(subjects.add_parser("users", help="users").add_subparsers(required=True))
    return parser


def _add_nodes(commands: argparse._SubParsersAction[_Parser]) -> None:
    listing = commands.add_parser("list", help="show all nodes")
    listing.add_argument("--json", action="store_true", help="as JSON, for programs")
    listing.set_defaults(run=_list_nodes)
    adding = commands.add_parser("add", help="make a node known that cannot reach the control node, which calls it")
    adding.add_argument("kind", choices=[kind.value for kind in NodeKind])
    adding.add_argument("address", help="http://<IP-address>:<port>")
    adding.add_argument("--id", type=int, help="its number; the next one if left out")
    adding.set_defaults(run=_add_node)
    setting = commands.add_parser("set", help="change a node")
    setting.add_argument("id", type=int)
    setting.add_argument("--address", help="http://<IP-address>:<port>")
    setting.add_argument("--scu", help="AE title of a storage node as SCU")
    status = setting.add_mutually_exclusive_group()
    status.add_argument("--active", action="store_true", default=None, help="it takes sessions")
    status.add_argument("--inactive", dest="active", action="store_false", help="it takes none, and drains")
    setting.set_defaults(run=_set_node)
    for name, words, run in (
        ("ping", "ask a node whether it is well", _ping),
        ("remove", "remove a node", _remove_node),
    ):
        command = commands.add_parser(name, help=words)
        command.add_argument("id", type=int)
        command.set_defaults(run=run)


def _add_users(commands: argparse._SubParsersAction[_Parser]) -> None:
    listing = commands.add_parser("list", help="show all users")
    listing.add_argument("--json", action="store_true", help="as JSON, for programs")
    listing.set_defaults(run=_list_users)
    adding = commands.add_parser("add", help="make a user")
    adding.add_argument("name", help="starts with a letter; Latin letters, digits, underscores; at most 32")
    adding.add_argument("--administrator", action="store_true", help="may use the administrator's console")
    adding.add_argument("--ae-title", metavar="TITLE", help="what modalities call to send into this user's storage")
    adding.add_argument(
        "--storage-node",
        metavar="ID",
        type=int,
        help="keeps the user's studies; that with the fewest users if left out",
    )
    adding.add_argument(
        "--evaluation", action="store_true", help="the password is well known: good on a server of loopback alone"
    )
    changing = commands.add_parser("password", help="give a user another password; the user's sessions end")
    changing.add_argument("name")
    for command, run in ((adding, _add_user), (changing, _set_password)):
        command.add_argument(
            "--password-file",
            metavar="FILE",
            type=Path,
            help="its first line; asked for, or read, if left out. "
            f"Of any length but none; one below {STRONG_FROM} characters is called weak",
        )
        command.set_defaults(run=run)
    moving = commands.add_parser(
        "set-storage", help="let another storage node keep what comes from now on; stored studies stay where they are"
    )
    moving.add_argument("name")
    moving.add_argument("storage_node", metavar="ID", type=int)
    moving.set_defaults(run=_set_storage)


# -- nodes -------------------------------------------------------------------------------------------------------------


def _list_nodes(administration: Administration, options: argparse.Namespace) -> int:
    views = administration.nodes.all()
    users = Counter(one.storage_node_id for one in administration.accounts.all())
    if options.json:
        _say(json.dumps([{**_plain(view), "users": users[view.node.node_id]} for view in views], indent=2))
        return GOOD
    rows = [
        (
            str(view.node.node_id),
            view.node.kind.value,
            view.node.address,
            str(view.node.facts.get("dicom_port", "")),
            _state(view),
            _status(view.node),
            str(users[view.node.node_id]) if view.node.kind is NodeKind.STORAGE else "",
            str(view.sessions),
            view.node.scu or "",
        )
        for view in views
    ]
    _table(("ID", "Type", "Address", "DICOM", "State", "Status", "Users", "Sessions", "SCU"), rows)
    return GOOD


def _add_node(administration: Administration, options: argparse.Namespace) -> int:
    node_id = None if options.id is None else NodeId(options.id)
    node = administration.nodes.add(NodeKind(options.kind), options.address, Actor(), node_id)
    _say(
        f"Node {node.node_id} is added. The control node calls it at {node.address} every {HEARTBEAT_S:g} s while it "
        "does not report by itself, and it is online once it has answered."
    )
    return GOOD


def _set_node(administration: Administration, options: argparse.Namespace) -> int:
    if options.address is None and options.scu is None and options.active is None:
        raise InvalidInput("Nothing to change: say --address, --scu, --active or --inactive.")
    node = administration.nodes.change(
        NodeId(options.id), Actor(), address=options.address, scu=options.scu, is_active=options.active
    )
    _say(f"Node {node.node_id}: {node.address}, {_status(node)}{f', SCU {node.scu}' if node.scu else ''}.")
    return GOOD


def _ping(administration: Administration, options: argparse.Namespace) -> int:
    node = administration.nodes.get(NodeId(options.id)).node
    if not options.has_secret:
        raise InvalidInput(NOT_JOINED)
    began_s = time.perf_counter()
    said = administration.node_probe.health(node.address)
    ms = (time.perf_counter() - began_s) * 1000
    if not said.ok:
        _say(f"Node {node.node_id} at {node.address} {said.reason}.")
        return FAILED
    _say(f"Node {node.node_id} at {node.address} answers after {ms:.0f} ms.")
    return GOOD


def _remove_node(administration: Administration, options: argparse.Namespace) -> int:
    administration.nodes.remove(NodeId(options.id), Actor())
    _say(f"Node {options.id} is removed.")
    return GOOD


def _plain(view: NodeView) -> dict[str, object]:
    node = view.node
    heard_at = node.last_heartbeat_at
    return {
        "node_id": node.node_id,
        "kind": node.kind.value,
        "address": node.address,
        "state": _state(view).lower(),
        "status": _status(node).lower(),
        "sessions": view.sessions,
        "dicom_port": node.facts.get("dicom_port"),
        "scu": node.scu,
        "version": node.version,
        "last_heartbeat_at": None if heard_at is None else heard_at.isoformat(),
    }


def _state(view: NodeView) -> str:
    return "Online" if view.is_online else "Offline"


def _status(node: Node) -> str:
    return "Active" if node.is_active else "Inactive"


# -- users -------------------------------------------------------------------------------------------------------------


def _list_users(administration: Administration, options: argparse.Namespace) -> int:
    accounts = administration.accounts.all()
    if options.json:
        hidden = {"password_hash", "created_at"}
        users = [{key: value for key, value in asdict(one).items() if key not in hidden} for one in accounts]
        _say(json.dumps(users, indent=2))
        return GOOD
    rows = [
        (
            str(one.user_id),
            one.user_name,
            "Active" if one.is_active else "Inactive",
            "yes" if one.is_administrator else "",
            one.ae_title or "",
            "" if one.storage_node_id is None else str(one.storage_node_id),
        )
        for one in accounts
    ]
    _table(("ID", "User name", "Status", "Administrator", "AE title", "Storage node"), rows)
    return GOOD


def _add_user(administration: Administration, options: argparse.Namespace) -> int:
    storage_node_id = None if options.storage_node is None else NodeId(options.storage_node)
    if storage_node_id is not None:
        _require_storage_node(administration, storage_node_id)
    try:
        administration.accounts.check_new(options.name, options.ae_title, storage_node_id)  # before somebody types
    except Conflict as exc:
        if exc.code != "user_name_taken":
            raise
        raise Conflict(f"{exc.message} To give this user a new password: users password {options.name}.") from exc
    password = _password(options.name, options.password_file)
    account = administration.accounts.create_user(
        options.name,
        password,
        ae_title=options.ae_title,
        is_administrator=options.administrator,
        evaluation_password=options.evaluation,
        storage_node_id=storage_node_id,
    )
    where = "no storage node yet" if account.storage_node_id is None else f"storage node {account.storage_node_id}"
    _say(f"User {account.user_name} is added ({where}).")
    if not options.evaluation:
        _say_strength(password)
    return GOOD


def _set_password(administration: Administration, options: argparse.Namespace) -> int:
    account = administration.accounts.find(options.name)
    if account is None:
        raise NotFound(f"There is no user {options.name!r}.")
    password = _password(options.name, options.password_file)
    administration.accounts.set_password(account.user_id, password)
    _say(f"The password of {account.user_name} is changed.")
    _say_strength(password)
    return GOOD


def _set_storage(administration: Administration, options: argparse.Namespace) -> int:
    account = administration.accounts.find(options.name)
    if account is None:
        raise NotFound(f"There is no user {options.name!r}.")
    _require_storage_node(administration, NodeId(options.storage_node))
    administration.accounts.set_storage_node(account.user_id, NodeId(options.storage_node))
    _say(f"What comes for {account.user_name} from now on is kept by storage node {options.storage_node}.")
    return GOOD


def _require_storage_node(administration: Administration, node_id: NodeId) -> None:
    """Refuse a number that is no storage node's, and name the storage nodes that there are."""
    nodes = [view.node for view in administration.nodes.all()]
    kinds = {node.node_id: node.kind for node in nodes}
    if kinds.get(node_id) is NodeKind.STORAGE:
        return
    wrong = f"Node {node_id} is a render node" if node_id in kinds else f"There is no node with the ID {node_id}"
    known = ", ".join(f"{node.node_id} ({node.address})" for node in nodes if node.kind is NodeKind.STORAGE)
    if known:
        raise InvalidInput(f"{wrong}. Storage nodes: {known}.")
    raise NotFound(f"{wrong}. No storage node has registered yet: start one, then see nodes list.")


def _say_strength(password: str) -> None:
    """Indicate a weak password: the manual (3.5.1) limits no length, and has the strength shown."""
    if len(password) < STRONG_FROM:
        _say(f"The password is weak, as it is soon guessed: it has fewer than {STRONG_FROM} characters.")


def _password(name: str, file: Path | None) -> str:
    if file is not None:
        try:
            return file.read_text("utf-8").partition("\n")[0].rstrip("\r")
        except (OSError, UnicodeDecodeError) as exc:
            raise InvalidInput(f"The password file {str(file)!r} cannot be read: {exc}.") from exc
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    password = getpass.getpass(f"New password of {name}: ")
    if getpass.getpass("Once more: ") != password:
        raise InvalidInput("The two passwords differ; nothing is changed.")
    return password


# -- the terminal ------------------------------------------------------------------------------------------------------


def _configuration(file: Path) -> Configuration:
    role = Role.UNIFIED if file.name == MAIN_FILES[Role.UNIFIED] else Role.CONTROL
    configuration = load_configuration(file, role=role)
    require_ready(configuration.settings.database)
    return configuration


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    widths = [max(len(line[column]) for line in (head, *rows)) for column in range(len(head))]
    for line in (head, *rows):
        _say("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")


def _refuse(error: WebviewerError) -> int:
    sys.stderr.write(f"WebViewerAdmin: {error.message}\n")
    return FAILED


if __name__ == "__main__":
    sys.exit(main())
