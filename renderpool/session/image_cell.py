"""A cell that shows the images of a series.

It waits for at most one image. If the doctor has scrolled on meanwhile, the image that came is still shown as a light
frame (something moves), and the newest one is asked for. At most ``_MAX_LOADS`` images of a cell number are asked for
at a time, however often it is opened.
"""

from __future__ import annotations

from collections.abc import Callable

from renderpool.session.cell import Cell, Surroundings
from renderpool.session.job import Job
from renderpool.session.loaded_image import LoadedImage
from renderpool.session.painting import Painting
from renderpool.session.prefetch import Prefetcher
from renderpool.session.series_voi import ValuesOfSeries, recommended_voi, representative_wanted
from renderpool.session.source import FrameKey, SeriesFrames
from webviewer.core.errors import DataError, WebviewerError
from webviewer.protocol.messages import Open, Opened, View

_MAX_LOADS = 2  # of one cell: the image of the series before must not hold up the first one of the next


class ImageCell(Cell[SeriesFrames]):
    """One window with images."""

    wish: View | None

    def __init__(self, number: int, around: Surroundings) -> None:
        super().__init__(number, around)
        self.series: SeriesFrames | None = None
        self._prefetcher: Prefetcher | None = None
        self._loading: FrameKey | None = None
        self._values = ValuesOfSeries()
        self._loading_values: FrameKey | None = None  # the representative image that is asked for
        self._is_shown = False  # whether the series has been
        self._asked_at_revision = -1  # of the wish at which a missed representative image was asked for again

    def open(self, message: Open) -> None:
        """Show a series, or what it has now."""
        self.generation = self._around.next_generation()
        self._loading, self._loading_values, self._progress = None, None, None
        if self.series_id != message.series_id:
            self.close()
            self.series, self._prefetcher = None, None
            self._forget_pictures()
            self._is_shown = False
            if self.wish is not None and self.wish.revision <= self._sent_revision:
                self.wish = None  # that wish was for the series before
        self.series_id = message.series_id
        self.load_series()

    def _preparation(self) -> Callable[[SeriesFrames], SeriesFrames]:
        def prepared(series: SeriesFrames) -> SeriesFrames:
            series.windows  # noqa: B018 - of 50,000 frames it takes a while: here, not under the lock
            return series

        return prepared

    def _on_series(self, made: SeriesFrames) -> None:
        self.close()
        self.series = made
        self._values = ValuesOfSeries()
        generation = self.generation
        self._prefetcher = Prefetcher(
            self._around.images,
            self._around.owner_id,
            made,
            lambda loaded, total: self._on_progress(generation, loaded, total),
        )
        self._around.send(Opened(cell=self.number, series_id=made.series_id, frame_count=len(made.frames)))
        self._advance()

    def close(self) -> None:
        """Load no more of the series."""
        if self._prefetcher is not None:
            self._prefetcher.cancel()

    def _advance(self) -> None:
        view, series = self.wish, self.series
        if view is None or series is None:
            return
        if not series.frames:
            self._send_error(view, "not_found", "This series has no images to show.")
            return
        key = series.frames[0] if view.image is None else (view.image.instance_id, view.image.frame_number)
        if key not in series.positions:
            self._send_error(view, "not_found", "This image is not in the series.")
            return
        self._knows_window(view, series, key)  # else its image is asked for beside this one
        shown = None if self._ready is None else self._ready[1]
        is_shown = isinstance(shown, LoadedImage) and shown.cache_key == series.cache_key(key)
        image = shown if is_shown else self._around.images.get(series, key)
        if isinstance(image, LoadedImage):
            self._show(view, series, image)
            return
        error = self._around.images.failure(series, key)
        if error is not None:
            self._send_failure(view, error, key)
            self._prefetch_around(key)
            return
        if self._loading is None and self._around.image_loads[self.number] < _MAX_LOADS:
            self._load(view, series, key)

    def _load(self, view: View, series: SeriesFrames, key: FrameKey) -> None:
        around, generation = self._around, self.generation
        self._loading = key
        around.image_loads[self.number] += 1

        def loaded(_key: FrameKey, outcome: LoadedImage | WebviewerError) -> None:
            with around.lock:
                around.image_loads[self.number] -= 1
                cell = around.cell_of(self.number)
                if cell is self and self.generation == generation:
                    self._on_image(view, key, outcome)
                elif isinstance(cell, ImageCell):
                    cell.on_turn()
                around.lock.notify_all()

        around.images.request(around.owner_id, series, key, loaded)

    def on_turn(self) -> None:
        """Go on: an image that was asked for before has come, and this cell may have waited for its turn."""
        if self._ready is None or self.wish is None or self._ready[0].revision < self.wish.revision:
            self._advance()

    def _knows_window(self, view: View, series: SeriesFrames, key: FrameKey) -> bool:
        """Say whether the window of a frame is known; else ask for the image whose values tell it."""
        while True:
            wanted = representative_wanted(series, key, view.window, self._values)
            if wanted is None:
                if view.revision != self._asked_at_revision:
                    self._asked_at_revision = view.revision
                    self._ask_again(series)
                return True
            image = self._around.images.get(series, wanted)
            if image is None and self._around.images.failure(series, wanted) is None:
                break
            self._values.put(wanted, image)
        if self._loading_values is None and self._around.image_loads[self.number] < _MAX_LOADS:
            self._load_values(series, wanted)
        return False

    def _load_values(self, series: SeriesFrames, key: FrameKey) -> None:
        around, generation = self._around, self.generation
        self._loading_values = key
        around.image_loads[self.number] += 1

        def loaded(_key: FrameKey, outcome: LoadedImage | WebviewerError) -> None:
            image = outcome if isinstance(outcome, LoadedImage) else None
            if image is not None:
                image.recommended_to_others  # noqa: B018 - reads all values: here, not under the lock
            with around.lock:
                around.image_loads[self.number] -= 1
                cell = around.cell_of(self.number)
                if cell is self and self.generation == generation:
                    self._take_values(key, image, outcome)
                if isinstance(cell, ImageCell):
                    cell.on_turn()
                around.lock.notify_all()

        around.images.request(around.owner_id, series, key, loaded)

    def _take_values(self, key: FrameKey, image: LoadedImage | None, outcome: LoadedImage | WebviewerError) -> None:
        self._loading_values = None
        was_missed = self._values.missed == key
        if image is None and not isinstance(outcome, DataError):
            self._values.miss(key)
            self._asked_at_revision = -1 if self.wish is None else self.wish.revision
            return
        self._values.put(key, image)
        if was_missed and self._ready is not None and self._ready[0] is self.wish:
            self._advance()  # the picture on the page has another window

    def _ask_again(self, series: SeriesFrames) -> None:
        """Ask once more, at a new wish, for the image that could not be had; the picture does not wait for it."""
        key = self._values.missed
        is_free = self._loading_values is None and self._around.image_loads[self.number] < _MAX_LOADS
        if key is not None and is_free:
            self._load_values(series, key)

    def _show(self, view: View, series: SeriesFrames, image: LoadedImage) -> None:
        if not self._knows_window(view, series, image.key):
            return
        self._recommended = recommended_voi(series, image.key, view.window, self._values)
        self._set_ready(view, image)
        if self._is_shown:  # the first picture comes first; the others are loaded once it is out
            self._prefetch_around(image.key)

    def _prefetch_around(self, key: FrameKey) -> None:
        if self._prefetcher is not None and self.series is not None:
            self._prefetcher.move(self.series.positions[key])

    def _on_image(self, view: View, key: FrameKey, outcome: LoadedImage | WebviewerError) -> None:
        self._loading = None
        newest = self.wish is not None and self.wish.revision == view.revision
        if isinstance(outcome, WebviewerError):
            if newest:
                self._send_failure(view, outcome, key)
                self._prefetch_around(key)
                return
        elif newest and self.series is not None:
            self._show(view, self.series, outcome)
            return
        elif self._may_show_meanwhile(view, key):
            self._ready, self._painting = (view, outcome), None
            self._light_due, self._still_at_s = True, None
        self._advance()

    def _may_show_meanwhile(self, view: View, key: FrameKey) -> bool:
        """Say whether an image that is not wanted any more is newer than the last one, and take its window."""
        is_newer = self._ready is None or view.revision > self._ready[0].revision
        if not is_newer or self.series is None or not self._knows_window(view, self.series, key):
            return False
        self._recommended = recommended_voi(self.series, key, view.window, self._values)
        return True

    def _on_progress(self, generation: int, loaded: int, total: int) -> None:
        with self._around.lock:
            if self.is_current and self.generation == generation:
                self._send_progress(loaded, total)

    # -- drawing -------------------------------------------------------------------------------------------------------

    def on_sent(self, job: Job, painting: Painting, *, still: bool) -> None:
        """Load the other images once the first is out."""
        super().on_sent(job, painting, still=still)
        if not self._is_shown:
            self._shown(job)

    def on_failed(self, job: Job, error: WebviewerError) -> None:
        """Say that an image could not be drawn."""
        self._shown(job)
        super().on_failed(job, error)

    def _shown(self, job: Job) -> None:
        self._is_shown = True
        if isinstance(job.shown, LoadedImage):
            self._prefetch_around(job.shown.key)
