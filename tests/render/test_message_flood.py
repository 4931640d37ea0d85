"""Floods of stream messages: what is left out, what is paid for, and who is refused, on a counted clock.

`Line` stands for the socket of one viewer: the messages of a list, one after the other, as fast as they are asked for.
"""

from __future__ import annotations

import asyncio
import json
import selectors
from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from aiohttp import WSMessage, WSMsgType

from renderpool.server.allowance import HANDLED_PER_S, READ_BYTES_PER_S, READ_PER_S, Allowance, Allowances, Bucket
from renderpool.server.inbox import Inbox
from renderpool.server.intake import MAX_WAITING, MAX_WAITING_BYTES, Intake
from tests.render.counted_drawing import Clock
from webviewer.core.errors import LimitExceeded, ProtocolError
from webviewer.protocol.messages import Ack, View


def text(kind: str, **fields: Any) -> str:
    return json.dumps({"type": kind, **fields}, separators=(",", ":"))


def view(revision: int, cell: int = 0, kind: str = "view") -> str:
    return text(kind, cell=cell, revision=revision, width_px=512, height_px=512)


def taken(texts: Iterable[str]) -> list[str]:
    inbox = Inbox()
    for one in texts:
        inbox.put(one)
    return inbox.take()


# -- what an inbox leaves out ------------------------------------------------------------------------------------------


def test_of_the_views_of_a_cell_only_the_newest_is_kept() -> None:
    assert taken(view(revision) for revision in range(1, 1001)) == [view(1000)]


def test_each_cell_keeps_its_own_newest_view() -> None:
    sent = [view(revision, cell) for revision in range(1, 101) for cell in range(16)]
    assert taken(sent) == [view(100, cell) for cell in range(16)]


def test_a_view_of_an_older_revision_does_not_replace_a_newer_one() -> None:
    assert taken([view(7), view(5), view(7, cell=1), view(6)]) == [view(7), view(7, cell=1)]


def test_planes_and_cameras_replace_one_another_and_no_view_of_images() -> None:
    assert taken([view(1), view(2, kind="plane"), view(3, kind="camera")]) == [view(1), view(3, kind="camera")]


@pytest.mark.parametrize(
    "between",
    [
        text("open", cell=0, series_id=1),
        text("open_volume", cell=0, series_id=1),
        text("close", cell=0),
        text("edit", cell=0, number=1, step={"kind": "table"}),
        text("ask", cell=0, question=1, what={"kind": "pick", "x_px": 1, "y_px": 1}),
        text("hello", version=1),
        text("what_is_this"),
        "no JSON",
    ],
)
def test_every_other_message_stays_between_the_views_before_and_behind_it(between: str) -> None:
    sent = [view(1), view(2), between, view(3), view(4), between]
    assert taken(sent) == [view(2), between, view(4), between]


def test_acknowledgements_and_pings_are_all_kept_in_their_order_and_end_no_replacement() -> None:
    acks = [text("ack", sequence=number) for number in range(1, 4)]
    sent = [view(1), acks[0], text("ping"), view(2), acks[1], text("pong"), view(3), acks[2]]
    assert taken(sent) == [acks[0], text("ping"), acks[1], text("pong"), view(3), acks[2]]


def test_keys_may_stand_in_any_order_and_with_blanks() -> None:
    sent = ['{ "width_px": 5, "revision" : 1, "cell" :3 , "type": "view" }', '{"revision":2,"type":"view","cell":3}']
    assert taken(sent) == sent[1:]


def test_words_of_a_tissue_that_look_like_keys_are_no_keys() -> None:
    named = text("camera", cell=2, look={"tissues": [{"name": '"type":"ack","cell":9,"revision":99,'}]}, revision=4)
    assert taken([view(3, cell=2, kind="camera"), named, view(5, cell=9, kind="camera")]) == [
        named,
        view(5, cell=9, kind="camera"),
    ]


def test_a_view_without_cell_or_revision_is_left_to_the_parser() -> None:
    sent = [view(1), '{"type":"view"}', view(2)]
    assert taken(sent) == sent


def test_an_inbox_counts_what_waits() -> None:
    inbox = Inbox()
    for one in (view(10), view(11), text("ping")):
        inbox.put(one)
    assert (len(inbox), inbox.size_bytes) == (2, len(view(11)) + len(text("ping")))
    inbox.take()
    assert (len(inbox), inbox.size_bytes) == (0, 0)


# -- what a user may take ----------------------------------------------------------------------------------------------


def test_a_bucket_gives_a_second_at_once_and_then_what_flows_in() -> None:
    clock = Clock()
    bucket = Bucket(100.0, clock)
    assert bucket.take(100) == 0
    assert bucket.take(50) == pytest.approx(0.5)
    clock.now_s += 0.5
    assert bucket.take(10) == pytest.approx(0.1)
    clock.now_s += 1000
    assert (bucket.is_full, bucket.take(100), bucket.is_full) == (True, 0, False)


def test_streams_of_one_user_share_what_he_may_send_and_another_user_has_his_own() -> None:
    allowances = Allowances(Clock())
    streams = [allowances.open("a") for _ in range(16)]
    assert [stream.read(READ_PER_S / 16, 0) for stream in streams] == [0.0] * 16
    assert streams[3].read(READ_PER_S, 0) == pytest.approx(1.0)
    assert allowances.open("b").read(READ_PER_S, 0) == 0


def test_a_new_stream_brings_no_fresh_allowance_until_all_is_paid() -> None:
    clock = Clock()
    allowances = Allowances(clock)
    first = allowances.open("a")
    first.read(2 * READ_PER_S, 0)
    allowances.close(first)
    second = allowances.open("a")
    assert second.read(1, 0) > 0.9
    allowances.close(second)
    allowances.close(allowances.open("b"))
    assert len(allowances) == 2
    clock.now_s += 10
    allowances.open("c")
    assert len(allowances) == 1, "users without streams and debts are forgotten"


# -- an intake ---------------------------------------------------------------------------------------------------------


class Line:
    """Messages that come as soon as they are asked for; at the end the peer closes."""

    def __init__(self, messages: Iterable[str | WSMessage]) -> None:
        self._messages = iter(messages)
        self.read, self.pongs = 0, 0

    async def receive(self) -> WSMessage:
        message = next(self._messages, None)
        if message is None:
            return WSMessage(WSMsgType.CLOSE, 1000, "")
        self.read += 1
        return WSMessage(WSMsgType.TEXT, message, "") if isinstance(message, str) else message

    async def pong(self, message: bytes) -> None:
        self.pongs += 1


class CountedSelector(selectors.DefaultSelector):
    """Moves the clock where an event loop would wait."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        assert timeout is not None, "all wait for one another"
        self._clock.now_s += max(0.0, timeout)
        return super().select(0)


class Running:
    """An intake in an event loop whose clock moves by waits alone."""

    def __init__(self, line: Line, clock: Clock | None = None) -> None:
        self.clock = clock or Clock()
        self.handled: list[Any] = []
        self.pongs = 0
        self.took_s = 0.0
        self._began_s = self.clock.now_s
        self._line = line

    def run(self) -> None:
        loop = asyncio.SelectorEventLoop(CountedSelector(self.clock))
        loop.time = self.clock  # type: ignore[method-assign]  # the test turns the clock
        try:
            loop.run_until_complete(self._run())
        finally:
            loop.close()

    async def _run(self) -> None:
        intake = Intake(self._line, Allowance(self.clock), self._handle, self._pong, clock=self.clock)
        tasks: list[asyncio.Task[None]] = [asyncio.create_task(work) for work in (intake.read(), intake.handle())]
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        self.took_s = self.clock.now_s - self._began_s
        await asyncio.sleep(5)  # what waits is handled
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for task in done:
            task.result()

    def _handle(self, messages: Sequence[Any]) -> None:
        self.handled += messages

    def _pong(self) -> None:
        self.pongs += 1


def test_a_second_of_100_000_views_is_parsed_at_most_some_hundred_times_and_the_last_one_is() -> None:
    line = Line(view(revision) for revision in range(1, 30_001))
    running = Running(line)
    running.run()
    revisions = [message.revision for message in running.handled]
    assert revisions == sorted(set(revisions))
    assert revisions[-1] == 30_000
    assert len(revisions) <= 30_000 / MAX_WAITING + 1
    assert running.took_s == pytest.approx(30_000 / READ_PER_S - 1, abs=0.1), "TCP holds the rest back"


def test_other_messages_among_a_flood_of_views_all_come_in_their_order() -> None:
    sent: list[str] = []
    for number in range(1, 2001):
        sent += [view(number), view(number, cell=1)]
        if number % 10 == 0:
            sent.append(text("ack", sequence=number))
        if number % 100 == 0:
            sent.append(text("close", cell=1))
    running = Running(Line(sent))
    running.run()
    acks = [message.sequence for message in running.handled if isinstance(message, Ack)]
    assert acks == list(range(10, 2001, 10))
    order = [message for message in running.handled if not isinstance(message, Ack) and message.cell == 1]
    closes = [place for place, message in enumerate(order) if not isinstance(message, View)]
    assert len(closes) == 20
    for count, place in enumerate(closes, 1):
        assert order[place - 1].revision == count * 100, "the newest view before a close comes before it"
    assert max(message.revision for message in running.handled if isinstance(message, View)) == 2000


def endless(*texts: str) -> Iterable[str]:
    while True:
        yield from texts


@pytest.mark.parametrize(
    "flood",
    [
        [view(5)],
        [view(5, cell) for cell in range(16)],
        [text("ack", sequence=1)],
        [text("ping")],
        [text("pong")],
        [text("open", cell=0, series_id=1), text("close", cell=0)],
        [text("ask", cell=0, question=1, what={"kind": "pick", "x_px": 1, "y_px": 1})],
        [view(5) + " " * 60_000],
        [text("ack", sequence=1) + " " * 60_000],
    ],
    ids=["views", "views of all cells", "acks", "pings", "pongs", "layouts", "questions", "long views", "long acks"],
)
def test_a_flood_that_goes_on_is_refused_and_reads_no_more_than_a_user_may_send(flood: list[str]) -> None:
    line = Line(endless(*flood))
    running = Running(line)
    with pytest.raises(LimitExceeded) as refused:
        running.run()
    assert refused.value.code == "too_many_messages"
    took_s = running.took_s
    assert took_s < 20, "it is refused in some seconds"
    most = min(READ_PER_S, READ_BYTES_PER_S / len(flood[0])) * (took_s + 1) + 2 * MAX_WAITING
    assert line.read <= most
    assert len(running.handled) + running.pongs <= HANDLED_PER_S * (took_s + 1) + 2 * MAX_WAITING


def test_pings_of_the_websocket_protocol_are_answered_and_a_flood_of_them_is_refused() -> None:
    line = Line(endless_pings())
    running = Running(line)
    with pytest.raises(LimitExceeded):
        running.run()
    assert line.pongs == line.read
    assert line.read <= READ_PER_S / 4 * (running.took_s + 1) + 2 * MAX_WAITING


def endless_pings() -> Iterable[WSMessage]:
    while True:
        yield WSMessage(WSMsgType.PING, b"relay", "")


class Mouse(Line):
    """A doctor's page: so many views each time that the mouse moves."""

    def __init__(self, clock: Clock, per_s: float, cells: int, seconds: float) -> None:
        count = round(per_s * seconds)
        super().__init__(view(number, cell) for number in range(1, count + 1) for cell in range(cells))
        self._clock, self._per_s, self._cells = clock, per_s, cells

    async def receive(self) -> WSMessage:
        until_s = 1000.0 + self.read // self._cells / self._per_s
        if self._clock() < until_s:
            await asyncio.sleep(until_s - self._clock())
        return await super().receive()


@pytest.mark.parametrize(("per_s", "cells"), [(1000.0, 1), (1000.0, 4), (240.0, 16)])
def test_an_ordinary_doctor_is_never_refused(per_s: float, cells: int) -> None:
    clock = Clock()
    running = Running(Mouse(clock, per_s, cells, seconds=15), clock)
    running.run()
    last = {message.cell: message.revision for message in running.handled}
    assert last == dict.fromkeys(range(cells), round(per_s * 15))
    assert running.took_s == pytest.approx(15, abs=1), "nothing lags behind the mouse"


def test_a_node_that_stood_still_refuses_nobody_for_it() -> None:
    clock = Clock()

    def messages() -> Iterable[str]:
        for burst in range(20):
            for number in range(9000):  # more than a second's allowance at once
                yield view(burst * 9000 + number)
            clock.now_s += 3600.0  # the process was stopped, or the machine slept

    running = Running(Line(messages()), clock)
    running.run()
    assert running.handled[-1].revision == 20 * 9000 - 1


def test_what_waits_in_memory_is_bounded_while_nothing_is_handled() -> None:
    async def work(sent: str) -> int:
        line = Line(endless(sent))
        clock = Clock()
        intake = Intake(line, Allowance(clock), lambda _: None, lambda: None, clock=clock)
        reading = asyncio.create_task(intake.read())
        for _ in range(1000):
            await asyncio.sleep(0)
        reading.cancel()
        return line.read

    assert asyncio.run(work(text("ack", sequence=1))) == MAX_WAITING
    long = text("ack", sequence=1) + " " * 60_000
    assert asyncio.run(work(long)) == MAX_WAITING_BYTES // len(long) + 1


def test_a_binary_message_breaks_the_contract() -> None:
    with pytest.raises(ProtocolError, match="Binary"):
        Running(Line([WSMessage(WSMsgType.BINARY, b"x", "")])).run()


@pytest.mark.parametrize("broken", ["", "{", '{"type":"view"}', text("hello", version=1), "[" * 60_000])
def test_a_broken_message_ends_the_stream_at_once(broken: str) -> None:
    line = Line([view(1), *endless_list(broken)])
    with pytest.raises(ProtocolError):
        Running(line).run()
    assert line.read <= 2 * MAX_WAITING


def endless_list(broken: str) -> list[str]:
    return [broken] * 10_000
