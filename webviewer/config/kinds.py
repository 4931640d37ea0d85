"""Kinds of values: how one is read from JSON or from a variable, checked, and written for a child process."""

from __future__ import annotations

import ipaddress
import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import urlsplit

from webviewer.config.records import PeerRule

MAX_PATH_BYTES: Final = 4095
MAX_NAME_BYTES: Final = 255


class Kind(Protocol):
    """How a value is read, checked and written."""

    @property
    def rule(self) -> str:
        """What is allowed, as words after "must be"."""

    def read(self, value: object, folder: Path) -> object:
        """Check a value from a file or the environment; ValueError if it breaks the rule."""

    def write(self, value: object) -> str:
        """Write the value for the environment."""


@dataclass(frozen=True, slots=True)
class Text:
    """A text on one line."""

    rule: str = "a text on one line"
    pattern: str = r"[^\r\n\0]+"

    def read(self, value: object, folder: Path) -> object:  # noqa: ARG002  a port's signature
        """Check the text."""
        if not isinstance(value, str) or re.fullmatch(self.pattern, value) is None:
            raise ValueError
        value.encode()  # half a character fits no file and no variable: UnicodeEncodeError is a ValueError
        return value

    def write(self, value: object) -> str:
        """Write it as it is."""
        return str(value)


@dataclass(frozen=True, slots=True)
class Number:
    """A number in a range; whole unless ``fraction``."""

    least: int
    most: int
    fraction: bool = False

    @property
    def rule(self) -> str:
        """The range in words."""
        return f"a {'' if self.fraction else 'whole '}number from {self.least} to {self.most}"

    def read(self, value: object, folder: Path) -> object:  # noqa: ARG002
        """Check the number, or the text of one."""
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise ValueError
        number: float
        if self.fraction:
            number = float(value)
        else:
            if isinstance(value, float) and not value.is_integer():
                raise ValueError
            number = int(value)
        if not self.least <= number <= self.most:  # a NaN fails too
            raise ValueError
        return number

    def write(self, value: object) -> str:
        """Write the digits."""
        return str(value)


@dataclass(frozen=True, slots=True)
class Flag:
    """Yes or no."""

    rule: str = "true or false"

    def read(self, value: object, folder: Path) -> object:  # noqa: ARG002
        """Take true, false and their usual spellings in the environment."""
        if isinstance(value, bool):
            return value
        words = {
            "true": True,
            "1": True,
            "yes": True,
            "on": True,
            "false": False,
            "0": False,
            "no": False,
            "off": False,
        }
        if not isinstance(value, str) or value.lower() not in words:
            raise ValueError
        return words[value.lower()]

    def write(self, value: object) -> str:
        """Write ``true`` or ``false``."""
        return "true" if value else "false"


@dataclass(frozen=True, slots=True)
class Choice:
    """One of some words."""

    words: tuple[str, ...]
    make: Callable[[str], object] = str

    @property
    def rule(self) -> str:
        """The words."""
        return f"one of {', '.join(self.words)}"

    def read(self, value: object, folder: Path) -> object:  # noqa: ARG002
        """Check the word."""
        if not isinstance(value, str) or value not in self.words:
            raise ValueError
        return self.make(value)

    def write(self, value: object) -> str:
        """Write the word."""
        return str(value)


@dataclass(frozen=True, slots=True)
class Choices:
    """Some of some words: a list, or one text with commas."""

    words: tuple[str, ...]
    make: Callable[[str], object] = str

    @property
    def rule(self) -> str:
        """The words."""
        return f"one or more of {', '.join(self.words)}"

    def read(self, value: object, folder: Path) -> object:  # noqa: ARG002
        """Check each word."""
        if isinstance(value, str):
            value = [word.strip() for word in value.split(",")]
        if not isinstance(value, list | tuple | frozenset) or not value or not set(value) <= set(self.words):
            raise ValueError
        return frozenset(self.make(word) for word in value)

    def write(self, value: object) -> str:
        """Write the words with commas."""
        if not isinstance(value, frozenset):
            raise TypeError
        return ",".join(sorted(value))


@dataclass(frozen=True, slots=True)
class Location:
    """A path; a relative one starts at the folder of the file that names it."""

    rule: str = f"a path of at most {MAX_PATH_BYTES} bytes, each name in it of at most {MAX_NAME_BYTES}"

    def read(self, value: object, folder: Path) -> object:
        """Make the path absolute."""
        if isinstance(value, Path):
            value = str(value)
        if not isinstance(value, str) or not value or "\0" in value or "\n" in value:
            raise ValueError
        path = os.path.normpath(folder.absolute() / Path(value).expanduser())
        names = Path(path).as_posix().encode().split(b"/")
        if len(b"/".join(names)) > MAX_PATH_BYTES or any(len(name) > MAX_NAME_BYTES for name in names):
            raise ValueError
        return Path(path)

    def write(self, value: object) -> str:
        """Write the absolute path."""
        return str(value)


@dataclass(frozen=True, slots=True)
class Address:
    """The address of a node, ``http://host:port``; the manual's ``host:port`` is understood too."""

    rule: str = "an address such as http://127.0.0.1:8090"

    def read(self, value: object, folder: Path) -> object:  # noqa: ARG002
        """Check scheme, host and port."""
        if not isinstance(value, str):
            raise ValueError
        value.encode()
        text = value if "://" in value else f"http://{value}"
        parts = urlsplit(text)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.query:
            raise ValueError
        _ = parts.port  # raises ValueError outside 0 to 65535
        return text.rstrip("/")

    def write(self, value: object) -> str:
        """Write it as it is."""
        return str(value)


@dataclass(frozen=True, slots=True)
class Networks:
    """Address ranges."""

    rule: str = 'a list of networks such as ["127.0.0.0/8", "10.0.0.7/32"]'

    def read(self, value: object, folder: Path) -> object:  # noqa: ARG002
        """Check each network."""
        if isinstance(value, str):
            value = json.loads(value)
        if not isinstance(value, list | tuple) or not all(isinstance(entry, str) for entry in value):
            raise ValueError
        return tuple(str(ipaddress.ip_network(entry, strict=False)) for entry in value)

    def write(self, value: object) -> str:
        """Write the list as JSON."""
        if not isinstance(value, tuple):
            raise TypeError
        return json.dumps(value)


@dataclass(frozen=True, slots=True)
class Peers:
    """Who may open DICOM associations."""

    rule: str = 'a list such as [{"calling_ae": "CT1", "network": "10.0.0.0/24"}], where "*" means any AE title'

    def read(self, value: object, folder: Path) -> object:  # noqa: ARG002
        """Check AE titles (at most 16 characters) and networks."""
        if isinstance(value, tuple):
            return value
        if isinstance(value, str):
            value = json.loads(value)
        if not isinstance(value, list):
            raise ValueError
        rules: list[PeerRule] = []
        for entry in value:
            if not isinstance(entry, dict) or set(entry) != {"calling_ae", "network"}:
                raise ValueError
            calling_ae, network = entry["calling_ae"], entry["network"]
            if not isinstance(calling_ae, str) or re.fullmatch(r"[\x20-\x5b\x5d-\x7e]{1,16}", calling_ae) is None:
                raise ValueError
            rules.append(PeerRule(calling_ae.strip(), str(ipaddress.ip_network(network, strict=False))))
        return tuple(rules)

    def write(self, value: object) -> str:
        """Write the list as JSON."""
        if not isinstance(value, tuple):
            raise TypeError
        return json.dumps([{"calling_ae": rule.calling_ae, "network": rule.network} for rule in value])
