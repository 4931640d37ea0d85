"""Structured logging: one JSON object a line, from all processes into one file, without secrets or patients.

Only main functions call `configure`; all else takes ``logging.getLogger(__name__)``, %-arguments and ``extra={}``.
Event names are snake case; identifying data of patients never come near a log call.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from webviewer.core.correlation import correlation_id
from webviewer.core.errors import ConfigError, WebviewerError
from webviewer.core.system import OPEN_FLAGS

LEVELS: Mapping[str, int] = {
    "error": logging.ERROR,
    "warning": logging.WARNING,
    "info": logging.INFO,
    "debug": logging.DEBUG,
}

_BUFFER_BYTES = 64 * 1024
_MAX_LINE_BYTES = 32 * 1024
_MAX_CAUSES = 8

# attributes that every LogRecord has: what is beside them came from `extra`
_OWN_ATTRIBUTES = frozenset(vars(logging.LogRecord("", 0, "", 0, "", (), None))) | {"message", "asctime", "taskName"}

_HIDDEN_NAMES = (
    r"(?:[a-z0-9_.-]*(?:password|passwd|secret|token|ticket|api[-_]?key|session|credential|signature)|link|key)"
)
_SECRETS = (
    # a query string or form: ?ticket=abc&x=1
    re.compile(rf"([?&;\s]{_HIDDEN_NAMES}=)[^&\s\"'#;]+", re.IGNORECASE),
    # the start of a form body
    re.compile(rf"(^{_HIDDEN_NAMES}=)[^&\s\"'#;]+", re.IGNORECASE),
    # headers: Authorization: Bearer abc, and the subprotocol ticket.abc
    re.compile(r"(\bBearer\s+)[A-Za-z0-9._~+/=-]+", re.IGNORECASE),
    re.compile(r"(\bticket\.)[A-Za-z0-9_-]{8,}", re.IGNORECASE),
    # JSON: "password": "abc"
    re.compile(rf"(\"{_HIDDEN_NAMES}\"\s*:\s*\")[^\"]*", re.IGNORECASE),
    # user:password@ in an address
    re.compile(r"(://[^:/@\s]*:)[^@/\s]+(?=@)"),
)
_SECRET_FIELD = re.compile(_HIDDEN_NAMES.replace("|link|key", ""), re.IGNORECASE)


class LogOptions(Protocol):
    """What `configure` needs to know; `webviewer.config.LogSettings` has it."""

    @property
    def file(self) -> Path | None:
        """Path of the log file, or none."""

    @property
    def level(self) -> str:
        """One of `LEVELS`."""

    @property
    def to_console(self) -> bool:
        """Whether each message is written to the console too."""

    @property
    def flush(self) -> bool:
        """Whether each message goes to the file at once."""

    @property
    def high_precision_time(self) -> bool:
        """Microseconds in time stamps in place of milliseconds."""


def redact(text: str) -> str:
    """Replace the values of secrets in ``text`` by ``***``.

    Examples
    --------
    >>> redact("GET /eventQueue?ticket=abc&page=2")
    'GET /eventQueue?ticket=***&page=2'
    >>> redact("Authorization: Bearer 0123456789abcdef")
    'Authorization: Bearer ***'
    """
    for pattern in _SECRETS:
        text = pattern.sub(r"\1***", text)
    return text


def stack_of(error: BaseException) -> str:
    """Return the kinds of an error and of its causes, and where each was raised, without a word of their messages.

    What a library says of an error may hold a patient's name. Ours never do, and keep their words and their code;
    of an error of the system its number is told.
    """
    told: list[str] = []
    found: BaseException | None = error
    while found is not None and len(told) < _MAX_CAUSES:
        words = ""
        if isinstance(found, WebviewerError):
            words = f" ({found.code}): {found.message}"
        elif isinstance(found, OSError) and found.errno is not None:
            words = f" (errno {found.errno})"
        frames = traceback.StackSummary.extract(traceback.walk_tb(found.__traceback__), lookup_lines=False)
        lines = [f"  {frame.filename}:{frame.lineno} in {frame.name}" for frame in frames]
        told.append("\n".join([f"{type(found).__module__}.{type(found).__qualname__}{words}", *lines]))
        found = found.__cause__ or (None if found.__suppress_context__ else found.__context__)
    return "\nbecause of ".join(told)


class RedactSecrets(logging.Filter):
    """Takes secrets out of the message and of the extra fields of every record."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Change the record in place; all pass."""
        message = record.getMessage()
        clean = redact(message)
        if clean != message:
            record.msg, record.args = clean, None
        for name, value in vars(record).items():
            if name in _OWN_ATTRIBUTES:
                continue
            if _SECRET_FIELD.fullmatch(name) and not isinstance(value, bool | int | float):
                setattr(record, name, "***")
            elif isinstance(value, str):
                setattr(record, name, redact(value))
        return True


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, node, process, logger, message, `correlation_id`, extra fields, the error.

    An error, which ``exc_info`` brings, is told as `stack_of` does: whoever logs one need not know what its words hold.

    Parameters
    ----------
    node
        Which process this is: ``supervisor``, ``control``, ``storage``, ``render``.
    high_precision_time
        Microseconds in place of milliseconds.
    """

    def __init__(self, node: str, *, high_precision_time: bool = False) -> None:
        super().__init__()
        self._node = node
        self._timespec = "microseconds" if high_precision_time else "milliseconds"

    def format(self, record: logging.LogRecord) -> str:
        """Return the line without its end."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec=self._timespec),
            "level": record.levelname.lower(),
            "node": self._node,
            "pid": record.process,
            "logger": record.name,
            "message": record.getMessage(),
        }
        current = correlation_id()
        if current:
            line["correlation_id"] = current
        for name, value in vars(record).items():
            if name not in _OWN_ATTRIBUTES and not name.startswith("_"):
                line[name] = value
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            line["error"] = redact(stack_of(error))
        text = json.dumps(line, ensure_ascii=False, default=str)
        if len(text) > _MAX_LINE_BYTES:  # a runaway message must not tear the lines of the other processes apart
            kept = ("time", "level", "node", "pid", "logger", "correlation_id")
            line = {name: line[name] for name in kept if name in line}
            line["message"] = record.getMessage()[: _MAX_LINE_BYTES // 4]
            line["cut"] = True
            text = json.dumps(line, ensure_ascii=False, default=str)
        return text


class SharedFileHandler(logging.Handler):
    """Appends whole lines to a file that several processes write, and follows it when logrotate moves it.

    Parameters
    ----------
    file
        Path of the log; made with mode 0640.
    flush_each
        Write every line at once; otherwise lines wait in a buffer of 64 KiB, and a warning or worse empties it.

    Raises
    ------
    OSError
        The file cannot be opened for appending.
    """

    def __init__(self, file: Path, *, flush_each: bool = True) -> None:
        super().__init__()
        self._file = file
        self._flush_each = flush_each
        self._buffer = bytearray()
        self._fd = self._open()

    def _open(self) -> int:
        return os.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | OPEN_FLAGS, 0o640)

    def emit(self, record: logging.LogRecord) -> None:
        """Append one record."""
        try:
            self._buffer += (self.format(record) + "\n").encode("utf-8", "backslashreplace")
            if self._flush_each or record.levelno >= logging.WARNING or len(self._buffer) >= _BUFFER_BYTES:
                self.flush()
        except Exception:  # noqa: BLE001  a full disk must not stop the service; logging's own way of saying so
            self._buffer.clear()
            self.handleError(record)

    def flush(self) -> None:
        """Write what waits, in one call so that lines of different processes do not mix."""
        with self.lock or _NoLock():
            if not self._buffer or self._fd < 0:
                return
            self._follow_rotation()
            data, self._buffer = self._buffer, bytearray()
            os.write(self._fd, data)

    def _follow_rotation(self) -> None:
        try:
            there = self._file.stat()
        except OSError:
            there = None
        ours = os.fstat(self._fd)
        if there is not None and (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino):
            return
        # Opened before the old one is closed: a number that nobody holds would soon be another file's.
        try:
            fresh = self._open()
        except OSError:
            return  # the old file goes on; the next line tries again
        old, self._fd = self._fd, fresh
        os.close(old)

    def close(self) -> None:
        """Write what waits and let go of the file."""
        try:
            self.flush()
        finally:
            if self._fd >= 0:
                os.close(self._fd)
                self._fd = -1
            super().close()


class _NoLock:
    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        return None


def configure(options: LogOptions, node: str) -> None:
    """Set the root logger of this process up. Called once, by main functions only.

    Parameters
    ----------
    options
        File, level, console, flush, precision.
    node
        Name of the process in each line.

    Raises
    ------
    ConfigError
        The level is unknown, or the log file cannot be written.
    """
    level = LEVELS.get(options.level)
    if level is None:
        raise ConfigError(f"Log level {options.level!r} is unknown: must be one of {', '.join(LEVELS)}.")
    handlers: list[logging.Handler] = []
    if options.file is not None:
        try:
            handlers.append(SharedFileHandler(options.file, flush_each=options.flush))
        except OSError as exc:
            raise ConfigError(f"Log file {str(options.file)!r} cannot be written: {exc.strerror or exc}.") from exc
    if options.to_console:
        handlers.append(logging.StreamHandler(sys.stderr))
    formatter = JsonFormatter(node, high_precision_time=options.high_precision_time)
    root = logging.getLogger()
    for old in tuple(root.handlers):
        root.removeHandler(old)
        old.close()
    for handler in handlers:
        handler.setFormatter(formatter)
        handler.addFilter(RedactSecrets())
        root.addHandler(handler)
    if not handlers:
        root.addHandler(logging.NullHandler())
    root.setLevel(level)
    logging.captureWarnings(True)
    logging.raiseExceptions = False  # a log that cannot be written must not print tracebacks into the console
    # libraries that tell about every connection, or (pynetdicom) about what was searched for
    quiet = {
        "urllib3": logging.WARNING,
        "alembic": logging.WARNING,
        "pynetdicom": logging.ERROR,
        "pydicom": logging.ERROR,
    }
    for name, least in quiet.items():
        logging.getLogger(name).setLevel(max(level, least))
