"""Log lines: JSON, one file for all processes, no secrets."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from webviewer.config import LogSettings
from webviewer.core import log
from webviewer.core.errors import ConfigError, DecodeError


@pytest.fixture(autouse=True)
def own_root_logger() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level, raises = root.handlers[:], root.level, logging.raiseExceptions
    root.handlers[:] = []
    yield
    for handler in root.handlers:
        handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.raiseExceptions = raises
    logging.captureWarnings(False)


def lines(file: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


def test_a_line_has_time_level_node_message_and_fields(tmp_path: Path) -> None:
    file = tmp_path / "server.log"
    log.configure(LogSettings(file=file, to_console=False), "storage")
    logging.getLogger("dicom_gateway").info("association_%s", "accepted", extra={"peer": "10.0.0.1"})
    (line,) = lines(file)
    assert (line["level"], line["node"], line["logger"], line["message"], line["peer"]) == (
        "info",
        "storage",
        "dicom_gateway",
        "association_accepted",
        "10.0.0.1",
    )
    assert len(str(line["time"])) == len("2026-01-31T12:00:00.123+00:00")


def test_high_precision_time_has_microseconds(tmp_path: Path) -> None:
    file = tmp_path / "server.log"
    log.configure(LogSettings(file=file, to_console=False, high_precision_time=True), "storage")
    logging.getLogger("a").info("x")
    assert len(str(lines(file)[0]["time"])) == len("2026-01-31T12:00:00.123456+00:00")


def test_the_level_decides(tmp_path: Path) -> None:
    file = tmp_path / "server.log"
    log.configure(LogSettings(file=file, to_console=False, level="warning"), "control")
    logger = logging.getLogger("a")
    for write in (logger.debug, logger.info, logger.warning, logger.error):
        write("x")
    assert [line["level"] for line in lines(file)] == ["warning", "error"]


def test_without_flush_lines_wait_until_a_warning(tmp_path: Path) -> None:
    file = tmp_path / "server.log"
    log.configure(LogSettings(file=file, to_console=False, flush=False), "control")
    logging.getLogger("a").info("first")
    assert file.read_text() == ""
    logging.getLogger("a").warning("second")
    assert [line["message"] for line in lines(file)] == ["first", "second"]


def test_the_console_gets_the_lines_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log.configure(LogSettings(file=None, to_console=True), "control")
    logging.getLogger("a").info("x")
    assert json.loads(capsys.readouterr().err)["message"] == "x"


def test_a_log_that_was_moved_away_is_opened_again(tmp_path: Path) -> None:
    file = tmp_path / "server.log"
    log.configure(LogSettings(file=file, to_console=False), "control")
    logging.getLogger("a").info("before")
    file.rename(tmp_path / "server.log.1")
    logging.getLogger("a").info("after")
    assert [line["message"] for line in lines(file)] == ["after"]


def test_while_a_new_log_cannot_be_opened_the_old_one_goes_on_and_no_other_file_is_touched(tmp_path: Path) -> None:
    folder, away = tmp_path / "log", tmp_path / "away"
    folder.mkdir()
    log.configure(LogSettings(file=folder / "server.log", to_console=False), "storage")
    logger = logging.getLogger("a")
    logger.info("before")
    folder.rename(away)
    logger.info("while away")
    other = os.open(tmp_path / "object", os.O_WRONLY | os.O_CREAT)  # gets the number of whatever was closed last
    logger.info("still away")
    os.write(other, b"pixels")
    os.close(other)
    assert (tmp_path / "object").read_bytes() == b"pixels"
    folder.mkdir()
    logger.info("back")
    assert [line["message"] for line in lines(away / "server.log")] == ["before", "while away", "still away"]
    assert [line["message"] for line in lines(folder / "server.log")] == ["back"]


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("GET /api/link?api_key=abc&study=1.2", "GET /api/link?api_key=***&study=1.2"),
        ("/viewer/image?link=Zm9v", "/viewer/image?link=***"),
        ("Authorization: Bearer 0123456789", "Authorization: Bearer ***"),
        ("webviewer.v1, ticket.abcdefgh1234", "webviewer.v1, ticket.***"),
        ('{"user_name": "u", "password": "p"}', '{"user_name": "u", "password": "***"}'),
        ("postgresql://viewer:secret@db/webviewer", "postgresql://viewer:***@db/webviewer"),
        ("Cookie: webviewer_session=abcdef; a=b", "Cookie: webviewer_session=***; a=b"),
        ("GET /v2/studies?patient_name=S*&page=2", "GET /v2/studies?patient_name=S*&page=2"),
    ],
)
def test_secrets_are_hidden(text: str, clean: str) -> None:
    assert log.redact(text) == clean


def test_secrets_are_hidden_in_fields_arguments_and_errors(tmp_path: Path) -> None:
    file = tmp_path / "server.log"
    log.configure(LogSettings(file=file, to_console=False), "control")
    try:
        raise ValueError("no ?ticket=s3cret here")
    except ValueError:
        logging.getLogger("a").exception(
            "bad %s", "/x?token=s3cret", extra={"password": "s3cret", "url": "/?key=s3cret"}
        )
    assert "s3cret" not in file.read_text()
    assert lines(file)[0]["message"] == "bad /x?token=***"


def raise_with_a_name() -> None:
    try:
        try:
            open("/none/Spur^Sina")  # noqa: PTH123, SIM115  what a library does
        except FileNotFoundError as exc:
            raise KeyError("Spur^Sina") from exc
    except KeyError as exc:
        raise DecodeError("Frame 3 cannot be read.") from exc


def test_an_error_is_told_without_the_words_of_a_library(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "server.log"
    log.configure(LogSettings(file=file, to_console=True), "storage")
    try:
        raise_with_a_name()
    except DecodeError as exc:
        logging.getLogger("a").exception("by_exception")
        logging.getLogger("a").error("by_exc_info", exc_info=exc)
    logging.getLogger("a").error("none_at_hand", exc_info=True)  # noqa: LOG014  it happens
    told = [*lines(file), *(json.loads(line) for line in capsys.readouterr().err.splitlines())]
    assert [line["message"] for line in told] == ["by_exception", "by_exc_info", "none_at_hand"] * 2
    assert "Spur" not in json.dumps(told)
    for line in told:
        if line["message"] == "none_at_hand":
            assert "error" not in line
            continue
        kinds = [part for part in str(line["error"]).splitlines() if not part.startswith("  ")]
        assert kinds == [
            "webviewer.core.errors.DecodeError (decode_error): Frame 3 cannot be read.",
            "because of builtins.KeyError",
            "because of builtins.FileNotFoundError (errno 2)",
        ]
        assert f"  {__file__}:" in str(line["error"])


def test_a_log_file_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be written: No such file or directory"):
        log.configure(LogSettings(file=tmp_path / "none" / "x.log"), "control")
