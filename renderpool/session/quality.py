"""How light a moving frame must be: falls when drawing, the line or the browser is slow, rises when there is room."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LightLevel:
    """JPEG quality and size of the picture against the canvas; ``full_colour``: the JPEG halves no colours."""

    jpeg_quality: int
    scale: float
    full_colour: bool = False


LEVELS: tuple[LightLevel, ...] = (
    LightLevel(80, 1.0),
    LightLevel(75, 0.75),
    LightLevel(70, 0.5),
    LightLevel(50, 0.5),
    LightLevel(35, 0.35),
)

_TARGET_MAKE_S = 0.035  # draw and encode: over 20 frames a second with something left for the other half
SMALL_PX = 40_000
"""Pixels of a picture of a preset, at most."""
VOLUME_TARGET_MAKE_S = 0.09
"""Of pictures of volumes: the painter itself makes them so small that they come in time, if that can be."""
_TARGET_ACK_S = 0.15
_MOVING_FRAMES_PER_S = 15
_WORSE, _BETTER = 1.25, 0.45  # far enough apart that two neighbours do not swing


class QualityControl:
    """The level of one session's moving frames.

    Parameters
    ----------
    bandwidth_bytes_per_s
        Cap of the session, None = none.
    target_make_s
        What a frame may take to draw and to encode.
    """

    def __init__(self, bandwidth_bytes_per_s: int | None = None, target_make_s: float = _TARGET_MAKE_S) -> None:
        self._bandwidth = bandwidth_bytes_per_s
        self._target_make_s = target_make_s
        self._index = 0
        self._make = 0.0
        self._bytes = 0.0
        self._ack = 0.0
        self._patience = 0

    @property
    def level(self) -> LightLevel:
        """The level of the next moving frame."""
        return LEVELS[self._index]

    def made(self, make_s: float, size_bytes: int) -> None:
        """Report a moving frame: seconds to draw and encode, bytes."""
        self._make = make_s / self._target_make_s
        if self._bandwidth:
            self._bytes = size_bytes * _MOVING_FRAMES_PER_S / self._bandwidth
        self._decide()

    def acknowledged(self, ack_s: float, waiting_frames: int) -> None:
        """Report the seconds from sending to painting of a moving frame; they count when frames queue up behind it."""
        self._ack = ack_s / _TARGET_ACK_S if waiting_frames > 0 else 0.0

    def _decide(self) -> None:
        load = max(self._make, self._bytes, self._ack)
        if load > _WORSE and self._index < len(LEVELS) - 1:
            self._index += 1
            self._patience = 0
        elif load < _BETTER and self._index > 0:
            self._patience += 1
            if self._patience >= 8:  # better for a while, not once
                self._index -= 1
                self._patience = 0
        else:
            self._patience = 0


class TokenBucket:
    """A cap of bytes a second with a short burst; a frame may overdraw it, then nothing goes until it is paid."""

    def __init__(self, bytes_per_s: int | None, now_s: float, burst_s: float = 0.25) -> None:
        self._rate = bytes_per_s
        self._burst = (bytes_per_s or 0) * burst_s
        self._level = self._burst
        self._at_s = now_s

    def ready_in_s(self, now_s: float) -> float:
        """Return after how many seconds something may be sent; 0 = now."""
        if not self._rate:
            return 0.0
        self._refill(now_s)
        return 0.0 if self._level >= 0 else -self._level / self._rate

    def take(self, size_bytes: int, now_s: float) -> None:
        """Count bytes that are sent now."""
        if self._rate:
            self._refill(now_s)
            self._level -= size_bytes

    def _refill(self, now_s: float) -> None:
        rate = self._rate or 0
        self._level = min(self._burst, self._level + (now_s - self._at_s) * rate)
        self._at_s = now_s
