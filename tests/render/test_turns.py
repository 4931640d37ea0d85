"""Whose turn it is: simulated sessions on a thread whose time is counted, not measured."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import pytest

from renderpool.session.turns import STILL_PATIENCE_S, Turns


@dataclass(eq=False)
class Sitter:
    """One who has always something to draw (``every_s`` 0), or each so many seconds, in parts."""

    name: str
    part_s: float
    parts: int = 1
    every_s: float = 0.0
    still: bool = False
    due_s: float = 0.0
    left: int = 0
    used_s: float = 0.0
    user: str = ""
    waits_s: list[float] = field(default_factory=list)

    def wants(self, now_s: float) -> bool:
        return self.left > 0 or self.due_s <= now_s


def run(sitters: list[Sitter], seconds: float) -> dict[str, Sitter]:
    turns, now_s = Turns(lambda one: one.user or one.name), 0.0
    while now_s < seconds:
        moving = [one for one in turns.in_order(sitters, still=False) if not one.still and one.wants(now_s)]
        stills = [one for one in turns.in_order(sitters, still=True) if one.still and one.wants(now_s)]
        stills.sort(key=lambda one: one.left == 0)  # what is begun is finished first
        patient = [one for one in stills if one.left or one.due_s + STILL_PATIENCE_S <= now_s]
        if patient and turns.stills_may_go_first:
            chosen = patient[0]
        elif moving or stills:
            chosen = (moving or stills)[0]
        else:
            now_s = min(one.due_s for one in sitters)
            continue
        if chosen.left == 0:
            chosen.left = chosen.parts
        now_s += chosen.part_s
        chosen.left -= 1
        chosen.used_s += chosen.part_s
        turns.charge(chosen, chosen.part_s, still=chosen.still, is_begun=chosen.left > 0)
        if chosen.left == 0:
            chosen.waits_s.append(now_s - chosen.due_s)
            chosen.due_s = max(chosen.due_s + chosen.every_s, now_s) if chosen.every_s else now_s
    return {one.name: one for one in sitters}


def test_eight_who_turn_have_the_same_share_whatever_a_picture_costs() -> None:
    found = run([Sitter(str(k), 0.02, parts=1 + k) for k in range(8)], 60.0)
    shares = [one.used_s / 60.0 for one in found.values()]
    assert min(shares) > 0.9 / 8
    assert max(shares) < 1.1 / 8


def test_who_scrolls_is_drawn_at_once_among_seven_who_turn_heavy_volumes() -> None:
    turning = [Sitter(f"turns {k}", 0.025, parts=6) for k in range(7)]
    found = run([*turning, Sitter("scrolls", 0.005, every_s=0.05)], 60.0)
    assert max(found["scrolls"].waits_s[40:]) <= 0.031, "one part of another's, once it is known who uses how much"
    assert len(found["scrolls"].waits_s) > 1100
    counts = [len(one.waits_s) for one in turning]
    assert max(counts) - min(counts) <= 1


def test_a_picture_that_is_begun_is_finished_before_another_one_of_the_same_kind() -> None:
    turning = [Sitter(f"turns {k}", 0.02, parts=4) for k in range(6)]
    found = run([*turning, Sitter("scrolls", 0.005, every_s=0.03)], 60.0)
    waits_s = [wait for one in turning for wait in one.waits_s[2:]]
    assert max(waits_s) <= 6 * 4 * 0.02 * 1.2 * 1.3
    begun = sum(one.left > 0 for one in found.values())
    assert begun <= 2, "not all of them halfway at once"


def test_stills_wait_behind_moving_ones_and_get_a_quarter_when_they_have_waited() -> None:
    turning = [Sitter(f"turns {k}", 0.02, parts=3) for k in range(6)]
    resting = [Sitter(f"rests {k}", 0.03, parts=20, still=True) for k in range(2)]
    found = run([*turning, *resting], 60.0)
    share = sum(found[one.name].used_s for one in resting) / 60.0
    assert share == pytest.approx(0.25, abs=0.02)
    counts = Counter({one.name: len(one.waits_s) for one in resting})
    assert min(counts.values()) >= 5
    alone = run([Sitter("rests", 0.03, parts=20, still=True)], 6.0)["rests"]
    assert alone.waits_s[0] == pytest.approx(0.6)


def test_who_scrolls_waits_for_a_part_of_a_still_picture_at_most() -> None:
    resting = [Sitter(f"rests {k}", 0.03, parts=40, still=True) for k in range(4)]
    found = run([*resting, Sitter("scrolls", 0.008, every_s=0.04)], 60.0)
    assert max(found["scrolls"].waits_s[1:]) <= 0.03 + 0.03 + 0.008 + 1e-9
    assert sum(one.used_s for one in resting) > 0.7 * 60


def test_who_rests_and_moves_is_not_moved_less_for_it() -> None:
    """The same session draws stills that take long; the simulation charges it for them."""
    turns, order = Turns(), []
    for _ in range(400):
        turns.charge("one", 0.1, still=True, is_begun=True)
        for _ in range(3):
            (first, *_rest) = turns.in_order(["two", "one", "three"], still=False)
            order.append(first)
            turns.charge(first, 0.03, still=False, is_begun=False)
    assert set(Counter(order).values()) == {400}


def test_who_was_idle_has_no_claim_to_what_others_used_meanwhile() -> None:
    late = Sitter("late", 0.02, due_s=30.0)
    early = Sitter("early", 0.02)
    run([late, early], 31.0)
    assert late.used_s < 0.5 + 0.23, "half of the last second, and half of what it has in hand"


def test_sixteen_streams_of_one_user_have_the_share_of_one_of_another() -> None:
    many = [Sitter(f"a{number}", 0.02, parts=1 + number % 3, user="a") for number in range(16)]
    found = run([*many, Sitter("b", 0.02, parts=2)], 60.0)
    assert found["b"].used_s / 60.0 == pytest.approx(0.5, abs=0.02)
    own = [found[f"a{number}"].used_s for number in range(16)]
    assert min(own) > 0.8 * 30.0 / 16, "and they share what is theirs"


def test_one_who_scrolls_waits_for_one_part_beside_a_user_with_sixteen_streams() -> None:
    many = [Sitter(f"a{number}", 0.03, parts=20, user="a") for number in range(16)]
    found = run([*many, Sitter("b", 0.005, every_s=0.05)], 60.0)
    assert max(found["b"].waits_s[1:]) <= 0.03 + 0.005 + 1e-9


def test_a_user_who_leaves_and_comes_back_finds_the_debt_again() -> None:
    turns = Turns(lambda session: session[0])
    for _ in range(10):
        turns.charge("b1", 0.1, still=False, is_begun=False)
        turns.charge("a1", 0.1, still=False, is_begun=False)
    turns.charge("a1", 0.1, still=False, is_begun=False)
    turns.forget("a1")
    assert turns.in_order(["a2", "b1"], still=False) == ["b1", "a2"]
