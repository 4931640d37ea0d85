"""Ends a node of the unified build that hangs, so that the supervisor starts it again.

A process that stands still does not die by itself, and in the unified build no other node could take its work over.
"""

from __future__ import annotations

import http.client
import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from typing import Final

logger = logging.getLogger(__name__)

ASK_EVERY_S: Final = 3.0
ANSWER_WITHIN_S: Final = 5.0
HANGS_AFTER_S: Final = 20.0


class HangWatch:
    """Asks one node for its health, from a thread of its own.

    Parameters
    ----------
    name
        Word for the log.
    host, port
        Of its internal HTTP.
    process_id
        Returns the process that leads the node's group now, None while there is none.
    ask_every_s, answer_within_s, hangs_after_s
        How often it is asked, how long an answer may take, and after how long without a good one it is ended. One that
        has not been well yet is left alone: a start may take its time.
    """

    def __init__(
        self,
        name: str,
        host: str,
        port: int,
        process_id: Callable[[], int | None],
        *,
        ask_every_s: float = ASK_EVERY_S,
        answer_within_s: float = ANSWER_WITHIN_S,
        hangs_after_s: float = HANGS_AFTER_S,
    ) -> None:
        self._name = name
        self._host = host
        self._port = port
        self._process_id = process_id
        self._ask_every_s = ask_every_s
        self._answer_within_s = answer_within_s
        self._hangs_after_s = hangs_after_s

    def start(self) -> None:
        """Begin; it ends with the process."""
        threading.Thread(target=self._run, name=f"watch-{self._name}", daemon=True).start()

    def _run(self) -> None:
        watched, well_at_s = None, 0.0  # a process that has been well, and when it was last
        while True:
            time.sleep(self._ask_every_s)
            process_id = self._process_id()
            if process_id is None:
                continue
            is_well = self._is_well()
            if self._process_id() != process_id:
                continue  # nobody knows which of the two answered, or did not
            if is_well:
                watched, well_at_s = process_id, time.monotonic()
            elif watched == process_id and time.monotonic() - well_at_s >= self._hangs_after_s:
                silent_s = round(time.monotonic() - well_at_s)
                logger.error("node_hangs", extra={"child": self._name, "child_pid": process_id, "silent_s": silent_s})
                with suppress(ProcessLookupError):
                    os.killpg(process_id, signal.SIGKILL)
                watched = None

    def _is_well(self) -> bool:
        connection = http.client.HTTPConnection(self._host, self._port, timeout=self._answer_within_s)
        try:
            connection.request("GET", "/internal/v1/health")
            return connection.getresponse().status == HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
