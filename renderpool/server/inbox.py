"""Messages of one stream that wait to be parsed: of the views of a cell, only the newest.

A flood of views costs a search for three numbers each, not a parse. Rules:

- A view replaces an older view of the same cell. A view with a lower revision than the waiting one is dropped, as the
  cell itself would drop it.
- Every other message stays, in the order of its arrival.
- A message that may depend on the cell's view or change the cell (`open`, `ask`, `edit`, `close`, …) ends the
  replacement: views before it stay before it. `ack`, `ping` and `pong` depend on no view.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

# An unescaped quote ends a JSON string, so no name or other text of a message can look like one of these keys.
_TYPE = re.compile(r'"type"\s*:\s*"([a-z_]{1,16})"')
_CELL = re.compile(r'"cell"\s*:\s*(\d{1,3})(?=\s*[,}])')
_REVISION = re.compile(r'"revision"\s*:\s*(\d{1,10})(?=\s*[,}])')

_VIEWS = {"view": "image", "plane": "volume", "camera": "volume"}
_INDEPENDENT = frozenset({"ack", "ping", "pong"})

ViewKey = tuple[str, str]


@dataclass(slots=True)
class _WaitingView:
    place: int
    revision: int


class Inbox:
    """Texts of messages in the order of their arrival, without views that a newer one has replaced."""

    def __init__(self) -> None:
        self._texts: dict[int, str] = {}
        self._views: dict[ViewKey, _WaitingView] = {}  # those that a later one may replace
        self._next_place = 0
        self.size_bytes = 0  # characters, which are bytes in nearly all messages

    def __len__(self) -> int:
        return len(self._texts)

    def put(self, text: str) -> None:
        """Take the next message of the stream."""
        kind = _TYPE.search(text)
        family = None if kind is None else _VIEWS.get(kind[1])
        if family is not None:
            self._put_view(family, text)
            return
        if kind is None or kind[1] not in _INDEPENDENT:
            self._views.clear()
        self._append(text)

    def take(self) -> list[str]:
        """Return all messages that wait, and forget them."""
        texts = list(self._texts.values())
        self._texts.clear()
        self._views.clear()
        self.size_bytes = 0
        return texts

    def _put_view(self, family: str, text: str) -> None:
        cell, revision = _CELL.search(text), _REVISION.search(text)
        if cell is None or revision is None:  # the parser says what is wrong with it
            self._views.clear()
            self._append(text)
            return
        key, number = (family, cell[1]), int(revision[1])
        waiting = self._views.get(key)
        if waiting is not None:
            if number < waiting.revision:
                return
            self.size_bytes -= len(self._texts.pop(waiting.place))
        self._views[key] = _WaitingView(self._append(text), number)

    def _append(self, text: str) -> int:
        place = self._next_place
        self._next_place += 1
        self._texts[place] = text
        self.size_bytes += len(text)
        return place
