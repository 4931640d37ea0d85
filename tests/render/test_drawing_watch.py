"""The watch over the drawing thread: looks are counted, on a clock and with processor times of the test."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from renderpool.server.drawing_watch import HANGS_AFTER_LOOKS, DrawingWatch, ProcessorTime, own_processor_time
from tests.render.counted_drawing import Clock


@dataclass
class Machine:
    """A drawing thread, and a machine whose processors it gets or not."""

    work_number: int | None = 1
    ran_s: float = 0.0
    waited_s: float = 0.0

    def __post_init__(self) -> None:
        self.clock = Clock()
        self.watch = DrawingWatch(self, self.clock, lambda: ProcessorTime(self.ran_s, self.waited_s))

    def look(self, times: int = 1, *, every_s: float = 1.0, ran_s: float = 0.0, waited_s: float = 0.0) -> bool:
        """Look so often, while the process runs and waits for so many seconds each time."""
        for _ in range(times):
            self.clock.now_s += every_s
            self.ran_s += ran_s
            self.waited_s += waited_s
            self.watch.look()
        return self.watch.hangs


@pytest.mark.parametrize("ran_s", [0.0, 0.01, 2.0], ids=["blocked in the driver", "with heartbeats", "without end"])
def test_a_thread_that_does_not_come_back_from_the_driver_hangs(ran_s: float) -> None:
    machine = Machine()
    assert not machine.look(HANGS_AFTER_LOOKS + 1, ran_s=ran_s)
    assert machine.look(1, ran_s=ran_s)


def test_a_thread_that_waits_for_work_never_hangs() -> None:
    assert not Machine(work_number=None).look(1000)


def test_a_thread_that_goes_from_part_to_part_never_hangs() -> None:
    machine = Machine()
    for number in range(1000):
        machine.work_number = number // 20
        assert not machine.look(ran_s=2.0)


def test_a_part_that_gets_no_processor_does_not_hang() -> None:
    machine = Machine()
    assert not machine.look(1000, ran_s=0.02, waited_s=3.0)
    assert machine.look(HANGS_AFTER_LOOKS, ran_s=1.0, waited_s=1.0), "half of a processor is enough for a part"


def test_a_node_that_stood_still_does_not_hang() -> None:
    machine = Machine()
    assert not machine.look(1000, every_s=30.0)
    assert not machine.look(1000, every_s=1e6)


def test_the_end_of_a_part_ends_what_was_counted() -> None:
    machine = Machine()
    machine.look(HANGS_AFTER_LOOKS)
    machine.work_number = 2
    assert not machine.look(HANGS_AFTER_LOOKS + 1)
    assert machine.look()
    machine.work_number = None
    assert not machine.look()


def test_the_kernel_counts_what_this_process_ran() -> None:
    before = own_processor_time()
    sum(range(3_000_000))
    after = own_processor_time()
    assert after.ran_s > before.ran_s
    assert after.waited_s >= 0
