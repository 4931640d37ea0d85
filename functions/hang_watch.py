"""Ends a node of the unified build that hangs, so that the supervisor starts it again.

A process that stands still does not die by itself, and in the unified build no other node could take its work over.
A node is judged by its answers to a request for its health. One that does not answer is not judged while it is

- stopped by a signal or a debugger,
- busy: it uses a processor, or waits for one, for a disk or for memory that was swapped out,
- asked by a watch that did not run itself: the machine slept, was stopped, or is overloaded.

A node that answers that it cannot draw has judged itself by the same rules (`renderpool.server.drawing_watch`). Time
without an answer is counted in looks of a known length: a clock that jumps adds nothing.
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
from enum import Enum
from http import HTTPStatus
from typing import Final

from functions.process_activity import Activity, activity_of

logger = logging.getLogger(__name__)

ASK_EVERY_S: Final = 3.0
ANSWER_WITHIN_S: Final = 5.0
HANGS_AFTER_S: Final = 20.0
SPINS_AFTER_CPU_S: Final = 300.0
"""Of processor time without one answer: no picture and no decoder needs so much, so it is a loop without end."""
_BUSY_SHARE: Final = 0.05  # of a processor; heartbeats of a node that hangs use far less


class Answer(Enum):
    """What a node answers to the request for its health."""

    WELL = 1
    CANNOT_WORK = 2
    NONE = 3


class Judgement:
    """What is known of one process: a pure account of looks.

    Parameters
    ----------
    look_s
        The longest time from one look to the next, if the watch runs in time.
    """

    def __init__(self, look_s: float, hangs_after_s: float) -> None:
        self._look_s = look_s
        self._hangs_after_s = hangs_after_s
        self._before: Activity | None = None
        self._has_been_well = False
        self.silent_s = 0.0
        """Time without a good answer, of looks that count."""
        self._spun_s = 0.0

    def look(self, answer: Answer, activity: Activity | None, took_s: float) -> bool:
        """Take one look in; returns whether the process hangs.

        Parameters
        ----------
        activity
            What the process does after it was asked.
        took_s
            Seconds since the last look, by the watch's clock.
        """
        before, self._before = self._before, activity
        if answer is Answer.WELL:
            self._has_been_well, self.silent_s, self._spun_s = True, 0.0, 0.0
            return False
        if not self._has_been_well or took_s > 2 * self._look_s:
            return False  # it may be starting; or the watch itself did not run
        if answer is Answer.NONE and activity is not None:
            used_s = 0.0 if before is None else activity.cpu_s - before.cpu_s
            if activity.is_stopped or (before is not None and before.is_stopped):
                return False
            if activity.is_waiting or used_s > _BUSY_SHARE * took_s:
                self._spun_s += used_s
                return self._spun_s >= SPINS_AFTER_CPU_S
        self.silent_s += took_s
        return self.silent_s >= self._hangs_after_s


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
        watched: int | None = None
        judgement = self._new_judgement()
        looked_s = time.monotonic()
        while True:
            time.sleep(self._ask_every_s)
            process_id = self._process_id()
            if process_id is None:
                continue
            answer = self._ask()
            activity = activity_of(process_id)
            if self._process_id() != process_id:
                continue  # nobody knows which of the two answered, or did not
            if watched != process_id:
                watched, judgement = process_id, self._new_judgement()
            now_s = time.monotonic()
            if judgement.look(answer, activity, now_s - looked_s):
                silent_s = round(judgement.silent_s)
                logger.error("node_hangs", extra={"child": self._name, "child_pid": process_id, "silent_s": silent_s})
                with suppress(ProcessLookupError):
                    os.killpg(process_id, signal.SIGKILL)
                judgement = self._new_judgement()
            looked_s = now_s

    def _new_judgement(self) -> Judgement:
        return Judgement(self._ask_every_s + self._answer_within_s, self._hangs_after_s)

    def _ask(self) -> Answer:
        connection = http.client.HTTPConnection(self._host, self._port, timeout=self._answer_within_s)
        try:
            connection.request("GET", "/internal/v1/health")
            return Answer.WELL if connection.getresponse().status == HTTPStatus.OK else Answer.CANNOT_WORK
        except (OSError, http.client.HTTPException):
            return Answer.NONE
        finally:
            connection.close()
