"""``WebViewerAdmin``: nodes and users on the control database, passwords from anywhere but the command line."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from functions import admin_command
from functions.admin_command import main
from tests.support.node_http import node_http
from webviewer.adapters.db.maintenance import create_database
from webviewer.bootstrap import make_administration
from webviewer.config import Role, TableSet, load_settings
from webviewer.placement import NodeKind, NodeReport

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "join-secret-of-the-tests"
REFUSED = "The node does not take our token; all nodes are to have the same one"


class Terminal:
    """Runs the command as a console script would."""

    def __init__(self, config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self.config = config
        self._capsys = capsys
        self._patch = monkeypatch

    def run(self, *words: str, typed: str = "") -> tuple[int, str, str]:
        """Return exit code, output and errors; what is typed comes from standard input."""
        self._patch.setattr(sys, "stdin", io.StringIO(typed))
        code = main(["-c", str(self.config), *words])
        captured = self._capsys.readouterr()
        return code, captured.out, captured.err

    def json(self, *words: str) -> list[dict[str, object]]:
        found: list[dict[str, object]] = json.loads(self.run(*words, "--json")[1])
        return found


@pytest.fixture
def terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.setenv("WEBVIEWER_INTERNAL_TOKEN", TOKEN)
    config = tmp_path / "controlnodeconfig.json"
    config.write_text(json.dumps({"storage": "s", "driver": "QSQLITE"}))
    settings = load_settings(config, role=Role.CONTROL)
    assert settings.database.tables == {TableSet.CONTROL}
    create_database(settings.database)
    return Terminal(config, capsys, monkeypatch)


def test_nodes_are_added_shown_changed_pinged_and_removed(terminal: Terminal) -> None:
    with node_http({"GET /internal/v1/health": {"ready": True}}) as node:
        calls = f"The control node calls it at {node.address} every 3 s while it does not report by itself"
        added = f"Node 1 is added. {calls}, and it is online once it has answered.\n"
        assert terminal.run("nodes", "add", "storage", node.address)[:2] == (0, added)
        assert terminal.run("nodes", "add", "render", "http://127.0.0.1:9", "--id", "4")[0] == 0
        code, out, _ = terminal.run("nodes", "set", "1", "--scu", "MY-AE", "--inactive")
        assert (code, out) == (0, f"Node 1: {node.address}, Inactive, SCU MY-AE.\n")
        assert node.bodies("PUT /internal/v1/active") == [{"active": False}]  # told before the program ends
        assert node.headers[-1]["Authorization"].startswith("Bearer call.")
        assert TOKEN not in str(node.headers)
        code, out, _ = terminal.run("nodes", "ping", "1")
        assert code == 0
        assert out.startswith(f"Node 1 at {node.address} answers after ")
    code, out, _ = terminal.run("nodes", "ping", "1")
    assert (code, out) == (1, f"Node 1 at {node.address} does not answer (NewConnectionError).\n")
    lines = terminal.run("nodes", "list")[1].splitlines()
    assert [line.split() for line in lines] == [
        ["ID", "Type", "Address", "DICOM", "State", "Status", "Users", "Sessions", "SCU"],
        ["1", "storage", node.address, "Offline", "Inactive", "0", "0", "MY-AE"],
        ["4", "render", "http://127.0.0.1:9", "Offline", "Active", "0"],
    ]
    assert terminal.run("nodes", "remove", "4")[0] == 0
    assert [one["node_id"] for one in terminal.json("nodes", "list")] == [1]


def online_node(terminal: Terminal, address: str) -> None:
    """Let a render node be heard of, as the control node does when it reports."""
    settings = load_settings(terminal.config, role=Role.CONTROL)
    administration = make_administration(settings)
    administration.nodes.hear(NodeReport(NodeKind.RENDER, "render-1", address))
    administration.dispose()


def test_a_notice_that_a_node_does_not_take_is_told_in_words(terminal: Terminal) -> None:
    with node_http({}, refusing={"PUT /internal/v1/active"}) as node:
        online_node(terminal, node.address)
        code, out, err = terminal.run("nodes", "set", "1", "--inactive")
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        f"Node 1: {node.address}, Inactive.",
        (
            "Node 1 did not take the notice: The node does not take our token; all nodes are to have the same one; it "
            "hears of it with its next heartbeat."
        ),
    ]
    code, out, err = terminal.run("nodes", "set", "1", "--active")
    assert (code, err) == (0, "")
    assert out.splitlines()[1].startswith("Node 1 did not take the notice: The node ")
    terminal.run("nodes", "add", "render", "http://127.0.0.1:9")
    out = terminal.run("nodes", "set", "2", "--inactive")[1]
    assert out.endswith("it hears of it when the control node asks it next.\n")


def test_without_a_join_secret_it_is_not_the_node_that_is_blamed(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    with node_http({"GET /internal/v1/health": {"ready": True}}, refusing={"PUT /internal/v1/active"}) as node:
        online_node(terminal, node.address)
        monkeypatch.delenv("WEBVIEWER_INTERNAL_TOKEN")
        missing = "No join secret is set here: WEBVIEWER_INTERNAL_TOKEN_FILE names its file"
        assert terminal.run("nodes", "ping", "1") == (1, "", f"WebViewerAdmin: {missing}.\n")
        code, out, err = terminal.run("nodes", "set", "1", "--inactive")
        assert (code, err) == (0, "")
        assert out.splitlines()[1] == (
            f"Node 1 did not take the notice: n{missing[1:]}; it hears of it with its next heartbeat."
        )


def test_users_get_a_storage_node_and_their_password_from_a_file_or_standard_input(
    terminal: Terminal, tmp_path: Path
) -> None:
    terminal.run("nodes", "add", "storage", "http://127.0.0.1:9")
    secret = tmp_path / "password"
    secret.write_text("from a file\n")
    words = ("users", "add", "mueller", "--ae-title", "MUELLER", "--storage-node", "1", "--password-file", str(secret))
    assert terminal.run(*words)[:2] == (0, "User mueller is added (storage node 1).\n")
    assert terminal.run("users", "add", "boss", "--administrator", typed="typed by hand\n")[:2] == (
        0,
        "User boss is added (no storage node yet).\n",
    )
    users = {str(one["user_name"]): one for one in terminal.json("users", "list")}
    assert (users["mueller"]["ae_title"], users["mueller"]["storage_node_id"]) == ("MUELLER", 1)
    assert (users["boss"]["is_administrator"], users["boss"]["storage_node_id"]) == (True, None)
    assert "password" not in json.dumps(users).replace("evaluation_password", "")
    assert terminal.run("users", "set-storage", "boss", "1")[0] == 0
    assert terminal.run("users", "password", "boss", typed="another one\n")[:2] == (
        0,
        "The password of boss is changed.\n",
    )


def test_the_list_shows_users_and_the_dicom_port_in_columns(terminal: Terminal) -> None:
    administration = make_administration(load_settings(terminal.config, role=Role.CONTROL))
    facts = {"dicom_port": 11112}
    administration.nodes.hear(NodeReport(NodeKind.STORAGE, "storage-1", "http://127.0.0.1:9", facts=facts))
    administration.nodes.hear(NodeReport(NodeKind.RENDER, "render-1", "http://127.0.0.1:10009"))
    administration.dispose()
    terminal.run("users", "add", "mueller", "--ae-title", "MUELLER", "--evaluation", typed="x\n")
    assert terminal.run("nodes", "list")[1].splitlines() == [
        "ID  Type     Address                 DICOM  State   Status  Users  Sessions  SCU",
        "1   storage  http://127.0.0.1:9      11112  Online  Active  1      0",
        "2   render   http://127.0.0.1:10009         Online  Active         0",
    ]
    listed = terminal.json("nodes", "list")
    assert [(one["dicom_port"], one["users"]) for one in listed] == [(11112, 1), (None, 0)]


def test_what_is_taken_is_refused_before_the_password_is_asked_for(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal.run("nodes", "add", "render", "http://127.0.0.1:9")
    terminal.run("users", "add", "mueller", "--ae-title", "MUELLER", typed="long enough\n")

    def asked(*_: object) -> str:
        raise AssertionError("the password was asked for")

    monkeypatch.setattr(admin_command, "_password", asked)
    none = "No storage node has registered yet: start one"
    for words, error in (
        (("Mueller",), "There is a user 'Mueller' already. To give this user a new password: users password Mueller."),
        (("m4", "--ae-title", "MUELLER"), "The AE title 'MUELLER' belongs to user 'mueller' already."),
        (("m4", "--ae-title", "A B"), "AE title 'A B' is invalid"),
        (("m4", "--storage-node", "7"), f"There is no node with the ID 7. {none}"),
        (("m4", "--storage-node", "1"), f"Node 1 is a render node. {none}"),
        (("4m",), "User name '4m' is invalid"),
    ):
        code, out, err = terminal.run("users", "add", *words)
        assert (code, out) == (1, "")
        assert err.startswith(f"WebViewerAdmin: {error}")


def test_a_wrong_number_of_a_storage_node_is_answered_with_the_right_ones(terminal: Terminal) -> None:
    terminal.run("nodes", "add", "render", "http://127.0.0.1:9")
    terminal.run("nodes", "add", "storage", "http://127.0.0.1:10", "--id", "4")
    terminal.run("nodes", "add", "storage", "http://127.0.0.1:11", "--id", "6")
    terminal.run("users", "add", "boss", typed="long enough\n")
    known = "Storage nodes: 4 (http://127.0.0.1:10), 6 (http://127.0.0.1:11).\n"
    for words in (("add", "m", "--storage-node"), ("set-storage", "boss")):
        for number, wrong in (("1", "Node 1 is a render node"), ("7", "There is no node with the ID 7")):
            assert terminal.run("users", *words, number) == (1, "", f"WebViewerAdmin: {wrong}. {known}")


def test_a_weak_password_is_taken_and_called_so(terminal: Terminal) -> None:
    weak = "The password is weak, as it is soon guessed: it has fewer than 8 characters."
    assert terminal.run("users", "add", "one", typed="x\n")[1].splitlines()[1:] == [weak]
    assert terminal.run("users", "password", "one", typed="seven77\n")[1].splitlines()[1:] == [weak]
    assert "weak" not in terminal.run("users", "password", "one", typed="eight888\n")[1]
    assert "weak" not in terminal.run("users", "add", "two", "--evaluation", typed="x\n")[1]


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("users", "add", "1x"), "User name '1x' is invalid"),
        (("users", "add", "x"), "The password is empty."),
        (("users", "password", "nobody"), "There is no user 'nobody'."),
        (("users", "add", "x", "--password-file", "/nowhere"), "The password file '/nowhere' cannot be read"),
        (("nodes", "add", "storage", "10.0.0.1"), "Address '10.0.0.1' is invalid"),
        (("nodes", "set", "1", "--active"), "There is no node with the ID 1."),
        (("nodes", "set", "1"), "Nothing to change"),
        (("nodes", "remove", "1"), "There is no node with the ID 1."),
    ],
)
def test_what_is_refused_is_one_line(terminal: Terminal, words: tuple[str, ...], error: str) -> None:
    code, out, err = terminal.run(*words)
    assert (code, out) == (1, "")
    assert err.startswith(f"WebViewerAdmin: {error}")
    assert err.count("\n") == 1


def test_a_password_has_no_place_on_the_command_line(terminal: Terminal) -> None:
    with pytest.raises(SystemExit) as ended:
        terminal.run("users", "add", "x", "--password", "secret")
    assert ended.value.code == 2


def test_without_a_database_it_says_so_as_a_program_of_its_own(tmp_path: Path) -> None:
    config = tmp_path / "controlnodeconfig.json"
    config.write_text(json.dumps({"storage": "s", "driver": "QSQLITE"}))
    command = [sys.executable, "-m", "functions.admin_command", "-c", str(config), "nodes", "list"]
    environ = {**os.environ, "WEBVIEWER_INTERNAL_TOKEN": TOKEN}
    result = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 1
    assert result.stderr.startswith("WebViewerAdmin: Database ")
    assert result.stderr.count("\n") == 1
