"""Statuses of DIMSE responses are words of ``dicom_gateway/status.py``: no bare number stands anywhere else."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from dicom_gateway.status import Status

ROOT = Path(__file__).parents[2]
HOME = "dicom_gateway/status.py"
PACKAGES = ("webviewer", "functions", "dicom_gateway", "renderpool", "tools")
# PS3.7 annex C, PS3.4 annexes B and C. What is used for nothing else in our code; 0 is looked at below.
STATUSES: frozenset[int] = frozenset().union(
    range(0x0110, 0x0125),
    range(0x0210, 0x0214),
    range(0xA700, 0xA800),
    range(0xA900, 0xAA00),
    range(0xC000, 0xC100),
    {0xB000, 0xB006, 0xB007, 0xFE00, 0xFF00, 0xFF01},
)
# Message ID and Message ID Being Responded To: elements of a command, (0000,0110) and (0000,0120)
ELEMENTS: dict[str, set[int]] = {"dicom_gateway/command.py": {0x0110, 0x0120}}


def is_number(node: ast.AST | None) -> bool:
    return isinstance(node, ast.Constant) and type(node.value) is int


def name_of(node: ast.AST) -> str:
    return getattr(node, "attr", None) or getattr(node, "id", None) or ""


def bare_statuses(text: str, file: str) -> list[str]:
    """Say where a bare number stands for a status: ``line: why``."""
    found = []
    # In the gateway but for its HTTP end, whatever is called a status is a DIMSE status.
    is_dimse = file.startswith("dicom_gateway/") and not file.startswith("dicom_gateway/api/")
    for node in ast.walk(ast.parse(text)):
        if (
            isinstance(node, ast.Constant)
            and type(node.value) is int
            and node.value in STATUSES - ELEMENTS.get(file, set())
        ):
            # A number written as hexadecimal digits: 272 or 65280 is a count, 0x0110 or 0xFF00 a status.
            written = ast.get_source_segment(text, node) or ""
            if written.lower().startswith("0x") and len(written) == 6:
                found.append(f"{node.lineno}: {written}")
        if not is_dimse:
            continue
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            if any(name_of(side).lower() == "status" for side in sides) and any(map(is_number, sides)):
                found.append(f"{node.lineno}: a status is compared with a number")
        elif isinstance(node, ast.keyword) and node.arg is not None and node.arg.lower() == "status":
            if is_number(node.value):
                found.append(f"{node.value.lineno}: a number is given as a status")
        elif isinstance(node, ast.Assign | ast.AnnAssign) and is_number(node.value):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(name_of(target).lower() == "status" for target in targets):
                found.append(f"{node.lineno}: a status is set to a number")
    return found


def test_no_bare_status_stands_outside_its_home() -> None:
    files = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    assert len(files) > 150
    found = {}
    for path in files:
        name = path.relative_to(ROOT).as_posix()
        if name != HOME and (places := bare_statuses(path.read_text("utf-8"), name)):
            found[name] = places
    assert found == {}


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("answer(0xA700)", "1: 0xA700"),
        ("x = 0xff00", "1: 0xff00"),
        ("x = {'a': 0x0122}", "1: 0x0122"),
        ("if response.Status == 0: pass", "1: a status is compared with a number"),
        ("if 0 != status: pass", "1: a status is compared with a number"),
        ("\nanswer(status=0)", "2: a number is given as a status"),
        ("response.Status = 0", "1: a status is set to a number"),
        ("status: int = 0", "1: a status is set to a number"),
    ],
)
def test_a_planted_status_is_seen(code: str, words: str) -> None:
    assert bare_statuses(code, "dicom_gateway/scp_store.py") == [words]


@pytest.mark.parametrize(
    ("code", "file"),
    [
        ("if response.status == 200: pass", "dicom_gateway/api/app.py"),
        ("length = 272", "dicom_gateway/pdu.py"),
        ("answer(status=Status.SUCCESS)", "dicom_gateway/scp_store.py"),
        ("x = 0xFFFE", "webviewer/dicom/dataset.py"),
    ],
)
def test_other_numbers_are_let_be(code: str, file: str) -> None:
    assert bare_statuses(code, file) == []


def test_every_status_that_we_use_is_one_that_the_check_knows() -> None:
    assert {int(status) for status in Status} - STATUSES == {0}
