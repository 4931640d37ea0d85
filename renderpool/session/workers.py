"""Threads for what takes a while and is no loading, for all sessions: nobody's work holds up everybody's."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor

_LOG = logging.getLogger(__name__)

_THREADS = 2
_MAKING = 32  # series under way; most of their threads wait for a turn
_TURN_S = 1.0  # some images, before another one's series has its turn
_LOOK_AGAIN_S = 0.1

Call = Callable[[], None]


class Workers:
    """A few threads of each kind, shared by owners in turn.

    Who uses them keeps at most a few calls waiting, each of which raises nothing. ``owner`` says whose call it is.
    """

    def __init__(self) -> None:
        self._short = FairPool("work", _THREADS, most_per_owner=_THREADS)
        self._regions = FairPool("measure", _THREADS, most_per_owner=1)
        self._cuts = FairPool("cut", _THREADS, most_per_owner=1)
        self._long = FairPool("make", _MAKING, most_per_owner=1)
        self.making = Turnstile(_THREADS)
        """What series go through that are being made, some images at a time."""

    def run(self, owner: Hashable, call: Call) -> bool:
        """Have something done that takes some 100 ms, such as an answer; False when the node stops."""
        return self._short.submit(owner, call)

    def measure(self, owner: Hashable, call: Call) -> bool:
        """Have the values of a region looked at, seconds, one region of an owner at a time; False as of `run`."""
        return self._regions.submit(owner, call)

    def cut(self, owner: Hashable, call: Call) -> bool:
        """Have something cut out of a volume, seconds, one of an owner at a time; False as of `run`."""
        return self._cuts.submit(owner, call)

    def make(self, owner: Hashable, call: Call) -> bool:
        """Have something made that takes minutes, one of an owner at a time; it works in turns of `making`.

        False as of `run`.
        """
        return self._long.submit(owner, call)

    def close(self) -> None:
        """Begin nothing any more; what takes long is told by whoever it is for."""
        for pool in (self._short, self._regions, self._cuts, self._long):
            pool.close()


class FairPool:
    """Threads that owners have in turn, however much one of them has waiting.

    Parameters
    ----------
    most_per_owner
        So many calls of an owner run at once; his others wait, and hold no thread.
    """

    def __init__(self, name: str, threads: int, *, most_per_owner: int) -> None:
        self._threads = threads
        self._most_per_owner = most_per_owner
        self._executor = ThreadPoolExecutor(threads, name)
        self._lock = threading.Lock()
        self._waiting: OrderedDict[Hashable, deque[Call]] = OrderedDict()  # whose turn is next comes first
        self._running: Counter[Hashable] = Counter()
        self._is_closed = False

    def submit(self, owner: Hashable, call: Call) -> bool:
        """Have a call done when it is its owner's turn; False when the pool is closed."""
        with self._lock:
            if self._is_closed:
                return False
            self._waiting.setdefault(owner, deque()).append(call)
            self._start()
        return True

    def close(self) -> None:
        """Begin no call any more."""
        with self._lock:
            self._is_closed = True
            self._waiting.clear()
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _start(self) -> None:
        while self._running.total() < self._threads:
            owner = next((one for one in self._waiting if self._running[one] < self._most_per_owner), None)
            if owner is None:
                return
            calls = self._waiting.pop(owner)
            call = calls.popleft()
            if calls:
                self._waiting[owner] = calls  # behind the others
            self._running[owner] += 1
            self._executor.submit(self._do, owner, call)

    def _do(self, owner: Hashable, call: Call) -> None:
        try:
            call()
        except Exception:  # noqa: BLE001  an edge: the thread goes on with others' calls
            _LOG.exception("work_failed")
        finally:
            with self._lock:
                self._running[owner] -= 1
                if not self._running[owner]:
                    del self._running[owner]
                if not self._is_closed:
                    self._start()


class Turnstile:
    """Lets a few through at once, in the order in which they came.

    Parameters
    ----------
    turn_s
        How long one stays while others wait.
    """

    def __init__(self, at_once: int, turn_s: float = _TURN_S) -> None:
        self._at_once = at_once
        self._turn_s = turn_s
        self._changed = threading.Condition()
        self._waiting: deque[object] = deque()
        self._since_s: dict[object, float] = {}  # of those inside

    def enter(self, who: object, goes_on: Callable[[], bool]) -> bool:
        """Wait for a turn; False, and none is had, when asked now and then whether to go on, the answer was no."""
        with self._changed:
            self._waiting.append(who)
            try:
                while self._waiting[0] is not who or len(self._since_s) >= self._at_once:
                    self._changed.wait(_LOOK_AGAIN_S)
                    if not goes_on():
                        return False
                self._since_s[who] = time.monotonic()
                return True
            finally:
                self._waiting.remove(who)
                self._changed.notify_all()

    def is_over(self, who: object) -> bool:
        """Say whether somebody waits, and one that is inside has had its time."""
        with self._changed:
            return bool(self._waiting) and time.monotonic() >= self._since_s[who] + self._turn_s

    def leave(self, who: object) -> None:
        """Give the turn back, if it is had."""
        with self._changed:
            self._since_s.pop(who, None)
            self._changed.notify_all()
