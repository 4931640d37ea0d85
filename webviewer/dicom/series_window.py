"""The recommended VOI window that images of a series share. Used by storage nodes, for the page, and by render nodes.

Scanners write a window for each slice. With windows of their own all slices look equally bright and cannot be compared.
So images of one kind share the recommendation of one of them, until the doctor asks for another window.

Rules
-----
1. Images of one kind: frames of one multi-frame object; in cross sections (CT, MR, PT, or any image with a place in the
   patient that is no projection) also frames of several objects. They agree in size, Image Type or Frame Type, Rescale
   Type and units, Modality LUT, polarity and b-value: where these differ, equal values do not mean equal things.
2. Radiographs, ultrasound and other single pictures keep their own windows: each needs its own.
3. The representative is the middle image of a kind in display order, as in thumbnails and volumes. Where it recommends
   nothing, the nearest image that does stands for it. A window of a width up to 1, which some software writes as a
   filler, represents only where no image has a wider one.
4. Where no image recommends anything, the default of `lut.default_voi` holds. Where that depends on values, they are
   those of the middle image. Where its values have no range (all padding, or one value), those of the nearest image
   whose values have one. Where no such image is near, or one cannot be shown, each image keeps its own.

Headers in display order decide the rest, so both nodes decide the same. Only render nodes, which have the pixels, look
for an image whose values have a range.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from webviewer.dicom.attributes import ImageAttributes, VoiWindow
from webviewer.dicom.lut import VoiChoice, default_without_values, is_inverted, recommended_windows
from webviewer.dicom.pixel_module import GREY, PROJECTIONS

_SECTIONS: Final = frozenset({"CT", "MR", "PT"})
# Of Image Type: LOCALIZER, M, P, ADC, …; PS3.3 C.7.6.1.1.2 defines the values before them.
_KIND_TYPES: Final = slice(2, 4)
# Each image that is tried is fetched and decoded before the first picture of the series.
_MOST_TRIED: Final = 64


@dataclass(frozen=True, slots=True)
class SeriesWindow:
    """The recommendation that images of one kind share.

    ``representative`` is the place of the image that recommends, in display order, from 0. ``choices`` are its windows,
    then its VOI LUTs; empty where only its values can tell.
    """

    representative: int
    choices: tuple[VoiChoice, ...]


@dataclass(frozen=True, slots=True)
class SeriesWindows:
    """The shared recommendations of a series.

    ``number_of_frame`` has for each frame which one is its own, or None. ``places`` has for each recommendation the
    places of the images that share it, in display order.
    """

    shared: tuple[SeriesWindow, ...]
    number_of_frame: tuple[int | None, ...]
    places: tuple[tuple[int, ...], ...]

    def of(self, place: int) -> SeriesWindow | None:
        """Return the shared recommendation of the frame at a place in display order; None where it has its own."""
        number = self.number_of_frame[place]
        return None if number is None else self.shared[number]

    def nearest(self, place: int) -> Iterator[int]:
        """Yield the places of images of the same kind outwards from one of them, itself first; at most 64."""
        number = self.number_of_frame[place]
        kind = () if number is None else self.places[number]
        start = bisect_left(kind, place)
        first = max(0, start - _MOST_TRIED)  # the list may be long, and is asked for with each picture
        for index in _outwards(start - first, len(kind[first : start + _MOST_TRIED]))[:_MOST_TRIED]:
            yield kind[first + index]


def series_windows(frames: Sequence[tuple[ImageAttributes, int]]) -> SeriesWindows:
    """Return the recommendations that frames share.

    Parameters
    ----------
    frames
        The image of each frame and the frame's number in it (from 1), in display order. Frames of one object have the
        same `ImageAttributes`.
    """
    kinds: dict[Hashable, list[int]] = {}
    for place, (image, frame_number) in enumerate(frames):
        kind = _kind(image, frame_number)
        if kind is not None:
            kinds.setdefault(kind, []).append(place)
    shared: list[SeriesWindow] = []
    sharing: list[tuple[int, ...]] = []
    numbers: list[int | None] = [None] * len(frames)
    for places in kinds.values():
        if len(places) < 2:
            continue
        for place in places:
            numbers[place] = len(shared)
        shared.append(_shared(frames, places))
        sharing.append(tuple(places))
    return SeriesWindows(tuple(shared), tuple(numbers), tuple(sharing))


def recommendation_of(image: ImageAttributes, frame_number: int, place: int) -> SeriesWindow:
    """Return the recommendation that the image at a place in display order makes for others of its kind."""
    choices = recommended_windows(image, frame_number)
    if not choices:
        default = default_without_values(image, frame_number)
        choices = () if default is None else (default,)
    return SeriesWindow(place, choices)


Recommendation = TypeVar("Recommendation", VoiChoice, VoiWindow)


def in_order_of(own: Sequence[Recommendation], shared: Sequence[VoiChoice]) -> tuple[Recommendation, ...]:
    """Return an image's own recommendations in the order of the shared ones.

    Some scanners write several windows in another order for each slice; their explanations tell them apart. What has no
    namesake keeps its order in the places that are left.
    """
    left = list(own)
    named = {}
    for place, choice in enumerate(shared):
        if choice.explanation:
            found = next((one for one in left if one.explanation == choice.explanation), None)
            if found is not None:
                left.remove(found)
                named[place] = found
    ordered: list[Recommendation] = []
    while left or named:
        found = named.pop(len(ordered), None)
        if found is None and not left:
            found = named.pop(min(named))
        ordered.append(left.pop(0) if found is None else found)
    return tuple(ordered)


def _kind(image: ImageAttributes, frame_number: int) -> Hashable | None:
    """Return what frames of one kind agree in; None for an image that shares nothing."""
    if image.refusal or image.photometric_interpretation not in GREY:
        return None
    frame = image.frame(frame_number)
    has_place = frame.image_position_patient is not None and frame.image_orientation_patient is not None
    is_section = image.modality in _SECTIONS or (has_place and image.modality not in PROJECTIONS)
    if not is_section and image.number_of_frames < 2:
        return None
    return (
        None if is_section else id(image),
        image.rows,
        image.columns,
        frame.image_type[_KIND_TYPES],
        frame.rescale_type,
        image.units,
        image.modality_lut is not None,
        is_inverted(image),
        image.b_value if frame.b_value is None else frame.b_value,
    )


def _shared(frames: Sequence[tuple[ImageAttributes, int]], places: Sequence[int]) -> SeriesWindow:
    middle = len(places) // 2
    filler: SeriesWindow | None = None
    for index in _outwards(middle, len(places)):
        image, frame_number = frames[places[index]]
        choices = recommended_windows(image, frame_number)
        if not choices:
            continue
        found = SeriesWindow(places[index], choices)
        if choices[0].lut is not None or choices[0].width > 1:
            return found
        filler = filler or found
    if filler is not None:
        return filler
    return recommendation_of(*frames[places[middle]], places[middle])


def _outwards(start: int, count: int) -> list[int]:
    """Return the indices of a list by their distance from one of them, the lower of two first."""
    return sorted(range(count), key=lambda index: (abs(index - start), index))
