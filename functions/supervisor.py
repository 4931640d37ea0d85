"""Starts the nodes of the unified build as processes, restarts what dies, and leaves nothing behind.

Process craft: signal handlers only queue, one loop does everything else; each node leads a session and process group of
its own, so that a Ctrl+C in the terminal reaches the supervisor alone and a node's own children can be ended with it;
every node watches the supervisor's pipe (`webviewer.core.process`), so that ``kill -9`` of the supervisor ends all.
"""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import re
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from webviewer.core.errors import WebviewerError
from webviewer.core.process import Lifeline
from webviewer.core.system import STOP_SIGNALS

logger = logging.getLogger(__name__)

FIRST_DELAY_S = 0.2
LONGEST_DELAY_S = 10.0
HEALTHY_AFTER_S = 30.0  # a node that lived so long begins with the first delay again
STOP_GRACE_S = 12.0  # a storage node may take 9 s to end in good order, a control node 5
IMPATIENT_AFTER_S = 1.0  # sooner it is the same wish: make passes on what the terminal or `timeout` gave to both

_LONGEST_OUTPUT_LINE_BYTES = 16 * 1024
_PROGRAM_NAME = re.compile(r"^[A-Za-z_.]+: (error: )?")  # before the reason in a program's last line
_HANG_UP = getattr(signal, "SIGHUP", None)  # the terminal is gone; Windows has no such signal
_STOP_SIGNALS = STOP_SIGNALS if _HANG_UP is None else (*STOP_SIGNALS, _HANG_UP)


class NodeCannotStart(WebviewerError):
    """A node ended at its start with an exit code that says: another start ends in the same way.

    Parameters
    ----------
    name
        Of the node.
    exit_code
        Of its process.
    reason
        The node's last line; may be empty.
    """

    default_code = "node_cannot_start"

    def __init__(self, name: str, exit_code: int, reason: str) -> None:
        said = reason or f"it ended with exit code {exit_code}; its log says more."
        super().__init__(f"The {name} node cannot start: {said}")
        self.exit_code = exit_code


@dataclass(frozen=True, slots=True)
class NodeCommand:
    """How one node is started.

    Parameters
    ----------
    name
        Word for the log: ``control``, ``storage``, ``render``.
    arguments
        Program and its arguments.
    environ
        The whole environment of the process.
    """

    name: str
    arguments: tuple[str, ...]
    environ: Mapping[str, str] = field(repr=False)  # secrets are in there


@dataclass(slots=True)
class _Node:
    command: NodeCommand
    process: subprocess.Popen[bytes] | None = None
    started_s: float = 0.0
    failures: int = 0
    start_at_s: float = 0.0
    partial_line: bytes = b""
    last_line: str = ""
    was_healthy: bool = False


def restart_delay_s(failures: int) -> float:
    """Return how long to wait before the next start.

    Parameters
    ----------
    failures
        Ends in a row without a healthy time between them, 1 for the first.

    Examples
    --------
    >>> [restart_delay_s(n) for n in (1, 2, 3, 7, 50)]
    [0.2, 0.4, 0.8, 10.0, 10.0]
    """
    return float(min(LONGEST_DELAY_S, FIRST_DELAY_S * 2 ** min(failures - 1, 16)))


def cause_of_end(return_code: int) -> str:
    """Say in words how a process ended, from `subprocess.Popen.returncode`.

    Examples
    --------
    >>> cause_of_end(-9), cause_of_end(3)
    ('signal SIGKILL', 'exit code 3')
    """
    if return_code >= 0:
        return f"exit code {return_code}"
    with contextlib.suppress(ValueError):
        return f"signal {signal.Signals(-return_code).name}"
    return f"signal {-return_code}"


class Supervisor:
    """Keeps nodes running until it is told to stop.

    Parameters
    ----------
    commands
        The nodes, in the order of their start.
    stop_grace_s
        Seconds between SIGTERM and SIGKILL at the end.
    lasting_exit_codes
        Exit codes of a node for reasons that a restart cannot mend. They end the supervisor while the node has never
        been healthy. A node that was healthy had a good reason to start, which may come back, and the other nodes
        go on receiving images: it is tried again.
    say
        Takes one line for the person at the console when a node ends.
    relay_output
        Takes lines of nodes' consoles that are log lines already (duplicates of what is in the log file).
    say_output
        Takes the other lines of nodes' consoles, which go into the log too.
    on_stopping
        Called once the end was asked for, before any node is told.
    """

    def __init__(
        self,
        commands: Sequence[NodeCommand],
        *,
        stop_grace_s: float = STOP_GRACE_S,
        lasting_exit_codes: Collection[int] = (),
        say: Callable[[str], None] = lambda _: None,
        relay_output: Callable[[bytes], None] = lambda _: None,
        say_output: Callable[[str], None] = lambda _: None,
        on_stopping: Callable[[], None] = lambda: None,
    ) -> None:
        self._nodes = [_Node(command) for command in commands]
        self._stop_grace_s = stop_grace_s
        self._lasting_exit_codes = lasting_exit_codes
        self._say = say
        self._relay_output = relay_output
        self._say_output = say_output
        self._on_stopping = on_stopping
        self._signals: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._selector = selectors.DefaultSelector()
        self._wake_receive, self._wake_send = socket.socketpair()
        self._lifeline = Lifeline()

    def process_ids(self) -> dict[str, int]:
        """Return the process id of every node that runs now; may be called from any thread."""
        running = [(node.command.name, node.process) for node in self._nodes]
        return {name: process.pid for name, process in running if process is not None}

    def stop(self) -> None:
        """Ask `run` to end, from any thread."""
        self._signals.put(signal.SIGTERM)
        self._wake_send.send(b"\0")

    def run(self) -> int:
        """Start the nodes and watch them until SIGTERM, SIGINT or SIGHUP; must run in the main thread.

        Returns
        -------
        int
            The exit code: 0, or 1 where a node had to be killed.

        Raises
        ------
        NodeCannotStart
            A node cannot start, and a restart does not help; the other nodes are stopped.
        """
        self._wake_receive.setblocking(False)
        self._wake_send.setblocking(False)
        self._selector.register(self._wake_receive, selectors.EVENT_READ, None)
        old_handlers = {
            number: signal.signal(number, self._queue_signal) for number in (*_STOP_SIGNALS, signal.SIGCHLD)
        }
        old_wakeup = signal.set_wakeup_fd(self._wake_send.fileno(), warn_on_full_buffer=False)
        try:
            while True:
                for node in self._nodes:
                    if node.process is None and time.monotonic() >= node.start_at_s:
                        self._start(node)
                self._wait()
                try:
                    self._reap()
                except NodeCannotStart:
                    self._on_stopping()
                    self._end()
                    raise
                number = self._next_stop_signal()
                if number is not None:
                    logger.info("supervisor_stopping", extra={"signal": signal.Signals(number).name})
                    self._on_stopping()
                    return self._end()
        finally:
            self._kill_all()
            signal.set_wakeup_fd(old_wakeup)
            for number, handler in old_handlers.items():
                signal.signal(number, handler)
            self._selector.close()
            self._wake_receive.close()
            self._wake_send.close()
            self._lifeline.close()

    def _queue_signal(self, number: int, _frame: object) -> None:
        self._signals.put(number)  # nothing else: no logging, no locks; the loop does the work

    def _next_stop_signal(self) -> int | None:
        with contextlib.suppress(queue.Empty):
            while True:
                number = self._signals.get_nowait()
                if number in _STOP_SIGNALS:
                    return number
        return None

    def _start(self, node: _Node) -> None:
        command = node.command
        try:
            process = subprocess.Popen(
                command.arguments,
                env={**command.environ, **self._lifeline.environment()},
                pass_fds=self._lifeline.pass_fds,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as exc:  # out of processes or memory: as if it had died at once
            self._plan_restart(node, f"it could not be started: {exc.strerror}")
            return
        node.process = process
        node.started_s = time.monotonic()
        node.partial_line = b""
        node.last_line = ""
        if process.stdout is not None:
            os.set_blocking(process.stdout.fileno(), False)
            self._selector.register(process.stdout, selectors.EVENT_READ, node)
        logger.info("node_started", extra={"child": command.name, "child_pid": process.pid})

    def _wait(self) -> None:
        now_s = time.monotonic()
        timeout_s = min((node.start_at_s - now_s for node in self._nodes if node.process is None), default=None)
        for key, _ in self._selector.select(None if timeout_s is None else max(0.0, timeout_s)):
            if key.data is None:
                with contextlib.suppress(BlockingIOError):
                    self._wake_receive.recv(4096)
            else:
                self._read_output(key.data)

    def _read_output(self, node: _Node) -> bool:
        """Read what a node printed; say whether there may be more."""
        if node.process is None or node.process.stdout is None or node.process.stdout.closed:
            return False
        try:
            data = os.read(node.process.stdout.fileno(), 65536)
        except BlockingIOError:
            return False
        if not data:
            self._forget_output(node)
            return False
        *lines, node.partial_line = (node.partial_line + data).split(b"\n")
        if len(node.partial_line) > _LONGEST_OUTPUT_LINE_BYTES:
            lines.append(node.partial_line)
            node.partial_line = b""
        for line in lines:
            self._take_output(node, line)
        return True

    def _take_output(self, node: _Node, line: bytes) -> None:
        if line.startswith(b'{"time": '):  # of the node's own log: it is in the log file already
            self._relay_output(line)
        elif line.strip():
            text = node.last_line = line[:_LONGEST_OUTPUT_LINE_BYTES].decode("utf-8", "replace")
            logger.info("node_output", extra={"child": node.command.name, "text": text})
            self._say_output(text)

    def _forget_output(self, node: _Node) -> None:
        if node.process is None or node.process.stdout is None or node.process.stdout.closed:
            return
        with contextlib.suppress(KeyError):
            self._selector.unregister(node.process.stdout)
        node.process.stdout.close()
        if node.partial_line:
            self._take_output(node, node.partial_line)
            node.partial_line = b""

    def _reap(self) -> None:
        for node in self._nodes:
            process = node.process
            if process is None or process.poll() is None:
                continue
            _kill_group(process.pid)  # its own children, so that their ports and locks are free again
            self._drain_output(node)
            node.process = None
            lived_s = time.monotonic() - node.started_s
            if lived_s >= HEALTHY_AFTER_S:
                node.failures = 0
                node.was_healthy = True
            if process.returncode in self._lasting_exit_codes and not node.was_healthy:
                raise NodeCannotStart(node.command.name, process.returncode, _PROGRAM_NAME.sub("", node.last_line))
            self._plan_restart(node, cause_of_end(process.returncode), pid=process.pid, lived_s=round(lived_s, 1))

    def _drain_output(self, node: _Node) -> None:
        # last words (a traceback) wait in the pipe; bounded, as a killed grandchild could still hold it open
        for _ in range(64):
            if not self._read_output(node):
                break
        self._forget_output(node)

    def _plan_restart(self, node: _Node, cause: str, **facts: object) -> None:
        node.failures += 1
        delay_s = restart_delay_s(node.failures)
        node.start_at_s = time.monotonic() + delay_s
        name = node.command.name
        logger.error("node_ended", extra={"child": name, "cause": cause, "restart_in_s": delay_s, **facts})
        self._say(f"The {name} node ended ({cause}); it starts again in {delay_s:g} s.")

    def _end(self) -> int:
        """Stop all nodes: SIGTERM, after the grace (or at a second signal) SIGKILL to what is left of their groups."""
        for node in self._nodes:
            if node.process is not None:
                with contextlib.suppress(ProcessLookupError):
                    node.process.terminate()
        begin_s = time.monotonic()
        give_up_s = begin_s + self._stop_grace_s
        killed = False
        while any(node.process is not None for node in self._nodes):
            now_s = time.monotonic()
            asked_again = self._next_stop_signal() is not None and now_s - begin_s > IMPATIENT_AFTER_S
            if now_s >= give_up_s or asked_again:
                for node in self._nodes:
                    if node.process is not None:
                        killed = True
                        logger.warning("node_killed", extra={"child": node.command.name})
                        _kill_group(node.process.pid)
                give_up_s = now_s + self._stop_grace_s
            for key, _ in self._selector.select(max(0.0, min(0.5, give_up_s - now_s))):
                if key.data is None:
                    with contextlib.suppress(BlockingIOError):
                        self._wake_receive.recv(4096)
                else:
                    self._read_output(key.data)
            for node in self._nodes:
                process = node.process
                if process is not None and process.poll() is not None:
                    _kill_group(process.pid)
                    self._drain_output(node)
                    node.process = None
                    facts = {"child": node.command.name, "cause": cause_of_end(process.returncode)}
                    logger.info("node_stopped", extra=facts)
        return 1 if killed else 0

    def _kill_all(self) -> None:
        for node in self._nodes:
            if node.process is None:
                continue
            _kill_group(node.process.pid)
            node.process.wait()
            self._forget_output(node)
            node.process = None


def _kill_group(leader_pid: int) -> None:
    # no such group: nothing is left; not permitted: only zombies are left (macOS says so)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader_pid, signal.SIGKILL)


def python_module(module: str, *arguments: str) -> tuple[str, ...]:
    """Return the command that runs one of our modules with this interpreter."""
    return (sys.executable, "-m", module, *arguments)
