"""Which picture goes on: parts and passes are counted, on a clock of the test."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest

from renderpool.session.job import Pace
from renderpool.session.picture_queue import PictureQueue
from renderpool.session.quality import QualityControl

PART_S = 0.05


class Doctor:
    """A session with still pictures that are to be drawn, first come first served."""

    def __init__(self, *names: str, slow: bool, user: str = "") -> None:
        self.user = user or self
        pace = Pace(QualityControl(None), still_cost_s=4.0 if slow else 0.05)
        self.jobs = [SimpleNamespace(name=name, pace=pace, light=None) for name in names]

    def pick(self, _now_s: float, *, still: bool, patience_s: float, quick: bool) -> Any:
        ready = [job for job in self.jobs if still and not (quick and job.pace.is_slow)]
        if ready:
            self.jobs.remove(ready[0])
        return ready[0] if ready else None

    def is_wanted(self, _job: Any) -> bool:
        return True


def drawn(doctor: Doctor, parts: dict[str, list[int]], count: int) -> list[str]:
    """Draw ``count`` parts; ``parts`` says how many each pass of a picture has. Returns whose they were."""
    queue, names, left = PictureQueue(), [], {name: list(passes) for name, passes in parts.items()}
    sessions: Any = [doctor]
    for number in range(count):
        begun = queue.next(sessions, number * PART_S, lights=True, stills=True)
        if begun is None:
            break
        job: Any = begun.job
        passes = left[job.name]
        passes[0] -= 1
        is_pass = passes[0] == 0
        if is_pass:
            passes.pop(0)
        picture: Any = SimpleNamespace(is_finished=not passes, is_prepared=True)
        begun.picture, begun.was_prepared = picture, True
        painting: Any = object() if is_pass else None
        queue.drawn(begun, PART_S, painting)
        names.append(job.name)
    return names


def test_pictures_of_presets_do_not_wait_for_the_passes_of_a_large_picture() -> None:
    doctor = Doctor("main", slow=True)
    doctor.jobs += Doctor("bone", "lung", slow=False).jobs
    order = drawn(doctor, {"main": [9, 9, 9, 9], "bone": [1, 1, 1, 1], "lung": [1, 1, 1, 1]}, 60)
    assert order[0] == "main"
    assert sorted(order[1:9]) == ["bone"] * 4 + ["lung"] * 4, "all their passes come before its next part"
    assert order[9:] == ["main"] * 35, "and then the doctor's own picture has all"


@pytest.mark.parametrize("presets", [1, 5])
def test_a_preset_takes_no_more_than_its_own_parts_from_the_large_picture(presets: int) -> None:
    names = [f"preset {number}" for number in range(presets)]
    doctor = Doctor("main", slow=True)
    doctor.jobs += Doctor(*names, slow=False).jobs
    order = drawn(doctor, {"main": [3, 3], **{name: [1, 1] for name in names}}, 99)
    assert order.count("main") == 6
    assert len(order) == 6 + 2 * presets


def test_large_pictures_take_their_passes_by_turns() -> None:
    doctor = Doctor("one", "other", slow=True)
    order = drawn(doctor, {"one": [2, 2], "other": [2, 2]}, 8)
    assert order == ["one", "one", "other", "other", "one", "one", "other", "other"]


class Restless(Doctor):
    """One who wishes the next still picture as soon as the last one is there."""

    def __init__(self, name: str, *, slow: bool, user: str) -> None:
        super().__init__(slow=slow, user=user)
        self.name, self.slow = name, slow
        self.picked = 0

    def pick(self, now_s: float, *, still: bool, patience_s: float, quick: bool) -> Any:
        if still and not self.jobs:
            self.picked += 1
            self.jobs += Doctor(f"{self.name} {self.picked}", slow=self.slow).jobs
        return super().pick(now_s, still=still, patience_s=patience_s, quick=quick)


def parts_of(sessions: list[Any], passes: dict[str, list[int]], count: int) -> Counter[str]:
    """Draw ``count`` parts; ``passes`` says how many parts each pass of a session's pictures has. Counts by user."""
    queue, drawn_parts = PictureQueue(), Counter[str]()
    left: dict[Any, list[int]] = {}
    for number in range(count):
        begun = queue.next(sessions, number * PART_S, lights=True, stills=True)
        assert begun is not None
        session: Any = begun.session
        rest = left.setdefault(begun, list(passes[session.name]))
        rest[0] -= 1
        is_pass = rest[0] == 0
        if is_pass:
            rest.pop(0)
        picture: Any = SimpleNamespace(is_finished=not rest, is_prepared=True)
        begun.picture, begun.was_prepared = picture, True
        painting: Any = object() if is_pass else None
        queue.drawn(begun, PART_S, painting)
        drawn_parts[session.user] += 1
    return drawn_parts


@pytest.mark.parametrize("slow", [True, False])
def test_sixteen_streams_of_one_user_take_no_more_of_the_stills_than_one_of_another(slow: bool) -> None:
    many = [Restless(f"a{number}", slow=slow, user="a") for number in range(16)]
    one = Restless("b", slow=True, user="b")
    passes = {**{session.name: [4, 4, 4] if slow else [1] for session in many}, "b": [9, 9, 9]}
    parts = parts_of([*many, one], passes, 2000)
    assert parts["b"] == pytest.approx(1000, abs=60)


def test_a_user_begins_a_still_however_many_another_has_begun() -> None:
    queue = PictureQueue()
    many: Any = [Restless(f"a{number}", slow=True, user="a") for number in range(16)]
    for number in range(400):
        begun = queue.next(many, number * PART_S, lights=True, stills=True)
        assert begun is not None
        unfinished: Any = SimpleNamespace(is_finished=False, is_prepared=True)
        painting: Any = object()
        begun.picture, begun.was_prepared = unfinished, True
        queue.drawn(begun, PART_S, painting)
    assert sum(session.picked for session in many) == 8
    late: Any = Restless("b", slow=True, user="b")
    found = queue.next([*many, late], 400 * PART_S, lights=True, stills=True)
    assert found is not None
    assert found.session is late
