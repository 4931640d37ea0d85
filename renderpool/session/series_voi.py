"""Recommended windows of an image in its series: shared with images of its kind, or its own. Used by cells."""

from __future__ import annotations

from renderpool.session.loaded_image import LoadedImage
from renderpool.session.source import FrameKey, SeriesFrames
from webviewer.dicom.lut import VoiChoice, recommended_windows
from webviewer.dicom.series_window import SeriesWindow, in_order_of, recommendation_of
from webviewer.protocol.windows import WindowFullDynamic, WindowRecommended, WindowValues


class ValuesOfSeries:
    """Windows that only the values of a representative image tell, by its key; of one series."""

    def __init__(self) -> None:
        self._choices: dict[FrameKey, tuple[VoiChoice, ...] | None] = {}
        self.missed: FrameKey | None = None  # an image that could not be had for a reason that may pass

    def get(self, key: FrameKey) -> tuple[VoiChoice, ...] | None:
        """Return the windows of an image.

        None if it could not be shown, so that images keep their own; empty if its values have no range.
        """
        return self._choices[key]

    def knows(self, key: FrameKey) -> bool:
        """Tell whether an image has come, or failed."""
        return key in self._choices

    def put(self, key: FrameKey, image: LoadedImage | None) -> None:
        """Take in an image; None for one that cannot be shown."""
        self._choices[key] = None if image is None else image.recommended_to_others
        if self.missed == key:
            self.missed = None

    def miss(self, key: FrameKey) -> None:
        """Let images keep their own windows until an image comes that could not be had now."""
        self._choices[key] = None
        self.missed = key


def representative_wanted(
    series: SeriesFrames,
    key: FrameKey,
    window: WindowRecommended | WindowFullDynamic | WindowValues,
    values: ValuesOfSeries,
) -> FrameKey | None:
    """Return an image whose values must be known for the window of a frame; None where it can be told.

    Ask again with its values: where they have no range, another image is wanted.
    """
    if not isinstance(window, WindowRecommended) or window.scope == "image":
        return None
    shared = _shared(series, key, window)
    return None if shared is None or shared.choices else _by_values(series, shared, values)[0]


def candidates(series: SeriesFrames, key: FrameKey) -> tuple[FrameKey, ...]:
    """Return the images on which the recommended window of a frame may depend, its own image where it shares none."""
    shared = series.shared_window(key)
    if shared is None:
        return (key,)
    if shared.choices:
        return (series.frames[shared.representative],)
    return tuple(series.frames[place] for place in series.windows.nearest(shared.representative))


def recommended_voi(
    series: SeriesFrames,
    key: FrameKey,
    window: WindowRecommended | WindowFullDynamic | WindowValues,
    values: ValuesOfSeries,
) -> tuple[VoiChoice, ...] | None:
    """Return the recommended windows for a frame, None = its own in its own order.

    Parameters
    ----------
    values
        Knows every image that `representative_wanted` has named.
    """
    if not isinstance(window, WindowRecommended):
        return None
    shared = _shared(series, key, window)
    if shared is None:
        return None
    if window.scope == "image":
        own = recommended_windows(series.instances[key[0]], key[1])
        return in_order_of(own, shared.choices) if own else None
    return shared.choices or _by_values(series, shared, values)[1]


def _by_values(
    series: SeriesFrames, shared: SeriesWindow, values: ValuesOfSeries
) -> tuple[FrameKey | None, tuple[VoiChoice, ...] | None]:
    """Return the next image to be known, else the windows that values tell; neither where images keep their own."""
    for place in series.windows.nearest(shared.representative):
        key = series.frames[place]
        if not values.knows(key):
            return key, None
        found = values.get(key)
        if found is None or found:
            return None, found
    return None, None


def _shared(series: SeriesFrames, key: FrameKey, window: WindowRecommended) -> SeriesWindow | None:
    """Return what a frame shares with others: what the image of a wish recommends, if it is of the frame's kind."""
    shared = series.shared_window(key)
    if shared is None or window.image is None or window.scope == "image":
        return shared
    named = window.image.instance_id, window.image.frame_number
    place = series.positions.get(named)
    if place is None or place == shared.representative or series.shared_window(named) is not shared:
        return shared
    return recommendation_of(series.instances[named[0]], named[1], place)
