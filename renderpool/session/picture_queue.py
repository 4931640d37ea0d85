"""Pictures that somebody waits for: which part of which is drawn next. Used with the scheduler's lock held."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from renderpool.session.job import Job
from renderpool.session.painters import JobPicture, Painters
from renderpool.session.painting import Painting
from renderpool.session.session import RenderSession
from renderpool.session.turns import STILL_PATIENCE_S, Turns

# Each has some MB of pixels. The first of a user is begun beyond that number: many of one user keep nobody waiting.
_MAX_BEGUN_STILLS = 8
_MAX_FIRST_STILLS = 16


@dataclass(eq=False, slots=True)
class Begun:
    """A picture that somebody waits for, as far as it is drawn."""

    session: RenderSession
    job: Job
    picture: JobPicture | None = None
    drawn_s: float = 0.0  # without what it took to bring a volume to the device
    passes: int = 0
    is_in_pass: bool = False
    was_prepared: bool = False
    preview_at_s: float = float("-inf")

    @property
    def is_still(self) -> bool:
        """Whether it is of full quality."""
        return self.job.light is None

    def step(self, painters: Painters) -> Painting | None:
        """Draw the next part."""
        if self.picture is None:
            self.picture = painters.begin(self.job)
        self.was_prepared = self.picture.is_prepared
        return self.picture.step()


def _user_of(session: RenderSession) -> Hashable:
    return session.user


class PictureQueue:
    """What is begun, and what sessions have to begin, in the order that `turns` gives."""

    def __init__(self) -> None:
        self._begun: list[Begun] = []
        self._turns = Turns(_user_of)

    def next(self, sessions: Sequence[RenderSession], now_s: float, *, lights: bool, stills: bool) -> Begun | None:
        """Return a picture of which a part is to be drawn now.

        Parameters
        ----------
        lights, stills
            Whether pictures of these kinds may be drawn: there is somebody to encode them.
        """
        self._give_up_unwanted()
        first = stills and self._turns.stills_may_go_first
        return (
            (self._still(sessions, now_s, STILL_PATIENCE_S) if first else None)
            or (self._moving(sessions, now_s) if lights else None)
            or (self._still(sessions, now_s, 0.0) if stills else None)
        )

    def _give_up_unwanted(self) -> None:
        for begun in tuple(self._begun):
            if not begun.session.is_wanted(begun.job):
                begun.session.drop(begun.job)
                self._begun.remove(begun)

    def _moving(self, sessions: Sequence[RenderSession], now_s: float) -> Begun | None:
        begun_of = {begun.session: begun for begun in self._begun if not begun.is_still}
        for session in self._turns.in_order(sessions, still=False):
            begun = begun_of.get(session) or self._begin(session, now_s, still=False)
            if begun is not None:
                return begun
        return None

    def _still(self, sessions: Sequence[RenderSession], now_s: float, patience_s: float) -> Begun | None:
        all_begun = [begun for begun in self._begun if begun.is_still and begun.session in sessions]
        limit_s = self._turns.still_limit_s(begun.session for begun in all_begun)
        stills = [begun for begun in all_begun if self._turns.still_used_s(begun.session) <= limit_s]
        current = next((begun for begun in stills if begun.is_in_pass), None)
        order = self._turns.in_order(sessions, still=True)
        for session in order:
            if self._turns.still_used_s(session) > limit_s:
                break
            if self._may_begin_still(session):
                fresh = self._begin(session, now_s, still=True, patience_s=patience_s, quick=current is not None)
                if fresh is not None:
                    return fresh
            if current is not None and session is current.session:
                break  # those who follow have used more
        # One that takes little time is finished before a pass that takes long goes on: a preset's picture is seen at
        # once, and holds the doctor's own up by its few passes and no more.
        quick = next((begun for begun in stills if not begun.job.pace.is_slow), None)
        rest = min(stills, key=lambda begun: (begun.passes, order.index(begun.session)), default=None)
        return quick or current or rest

    def _may_begin_still(self, session: RenderSession) -> bool:
        stills = [begun for begun in self._begun if begun.is_still]
        if len(stills) < _MAX_BEGUN_STILLS:
            return True
        return len(stills) < _MAX_FIRST_STILLS and all(begun.session.user != session.user for begun in stills)

    def _begin(
        self, session: RenderSession, now_s: float, *, still: bool, patience_s: float = 0.0, quick: bool = False
    ) -> Begun | None:
        job = session.pick(now_s, still=still, patience_s=patience_s, quick=quick)
        if job is None:
            return None
        begun = Begun(session, job)
        self._begun.append(begun)
        return begun

    def drawn(self, begun: Begun, took_s: float, painting: Painting | None) -> bool:
        """Count a part that was drawn; returns whether the picture is still waited for."""
        if begun not in self._begun:  # it has failed, or its session is closed
            return False
        is_finished = begun.picture is None or begun.picture.is_finished
        if begun.was_prepared:
            begun.drawn_s += took_s
        begun.is_in_pass = painting is None
        begun.passes += painting is not None
        self._turns.charge(begun.session, took_s, still=begun.is_still, is_begun=not is_finished)
        if is_finished:
            self._begun.remove(begun)
        return True

    def remove(self, job: Job) -> None:
        """Let go of a picture that has failed."""
        self._begun = [begun for begun in self._begun if begun.job is not job]

    def forget(self, session: RenderSession) -> None:
        """Forget a session that is closed."""
        self._begun = [begun for begun in self._begun if begun.session is not session]
        self._turns.forget(session)
