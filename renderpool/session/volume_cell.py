"""A cell that shows a volume: planes of it, or all of it seen by a camera.

It waits for its series, then for the first slices of the volume. While not all of them are there, a wish is answered by
light frames (marked coarse), again whenever more has come; the still one follows when the volume is whole. The hold on
the volume goes with the cell, or when the load fails: the doctor reads why, and may open it again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from renderpool.session.cell import Cell, Surroundings
from renderpool.session.cell_edits import CellEdits, CutFailed
from renderpool.session.job import Job, ShownVolume
from renderpool.session.loaded_volume import LoadedVolume
from renderpool.session.painting import Painting
from renderpool.session.source import SeriesFrames
from renderpool.session.volume_cache import VolumeUse
from renderpool.session.volume_facts import volume_facts
from renderpool.session.volume_words import sentence_of, volume_opened
from webviewer.core.errors import NotFound, Unavailable, WebviewerError
from webviewer.dicom.sentence import Sentence as Words
from webviewer.protocol.messages import ServerMessage
from webviewer.protocol.volumes import CameraView, Edit, EditNote, OpenVolume, PlaneView

_COARSE_EVERY_S = 0.3  # drawing holds up what is being loaded


class Told(Enum):
    """What the browser has been told of the values."""

    NOTHING = 0
    FIRST = 1
    WHOLE = 2


@dataclass(frozen=True, slots=True)
class OpenedVolume:
    """A hold on a volume, and what the browser is told of it at once."""

    use: VolumeUse
    opened: ServerMessage


class VolumeCell(Cell[OpenedVolume]):
    """One window with a volume."""

    wish: PlaneView | CameraView | None

    def __init__(self, number: int, around: Surroundings) -> None:
        super().__init__(number, around)
        self._volume_number = 0
        self._use: VolumeUse | None = None
        self._error: WebviewerError | None = None  # why there is no volume to show
        self._told = Told.NOTHING
        self._is_telling = False
        self._coarse_at_s = float("-inf")  # when the last picture of what has come went out
        self._edits = CellEdits(around, self._on_cut, self._on_note)

    @property
    def volume(self) -> LoadedVolume:
        """The volume that is open; raises why there is none."""
        if self._error is not None:
            raise self._error
        if self._use is None:
            raise NotFound("No volume is open in this window.", code="not_open")
        return self._use.volume

    def shows(self, volume: LoadedVolume) -> bool:
        """Whether it is the cell of its number still, with this volume; also without the lock."""
        use = self._use
        return self.is_current and use is not None and use.volume is volume

    @property
    def seen(self) -> tuple[ShownVolume, CameraView]:
        """What the newest camera sees; raises why nothing is seen."""
        volume, wish = self.volume, self.wish
        if not isinstance(wish, CameraView):
            raise NotFound("This window shows no volume seen by a camera.", code="not_open")
        try:
            cut = self._edits.cut(volume, wish.edits)
        except CutFailed as exc:
            raise exc.why from exc
        if cut is None:
            raise Unavailable("What was cut away is still being made.", code="cut_in_work")
        return ShownVolume(volume, cut.mask), wish

    def open(self, message: OpenVolume) -> None:
        """Show a volume of a series, or what it is now."""
        self.generation = self._around.next_generation()
        self._progress, self._error, self._told = None, None, Told.NOTHING
        if (self.series_id, self._volume_number) != (message.series_id, message.volume):
            self.close()
            self._edits.clear()
            self._forget_pictures()
            if self.wish is not None and self.wish.revision <= self._sent_revision:
                self.wish = None  # that wish was for the volume before
        self.series_id, self._volume_number = message.series_id, message.volume
        self.load_series()

    def _preparation(self) -> Callable[[SeriesFrames], OpenedVolume]:
        around, cell, number, generation = self._around, self.number, self._volume_number, self.generation

        def prepare(series: SeriesFrames) -> OpenedVolume:
            volumes = around.volumes.volumes_of(series)
            opened = volume_opened(cell, volumes, number)
            use = around.volumes.open(
                around.owner_id, series, number, lambda done, total: self._on_progress(generation, done, total)
            )
            return OpenedVolume(use, opened)

        return prepare

    def _discard(self, made: OpenedVolume) -> None:
        self._leave(made.use)

    def _on_series(self, made: OpenedVolume) -> None:
        if self._use is not None and self._use.volume is not made.use.volume:
            self._forget_pictures()  # images were added: it is another one
        self.close()
        self._use = made.use
        self._around.send(made.opened)
        volume = made.use.volume
        if volume.is_whole:
            self._send_progress(len(volume.frame_keys), len(volume.frame_keys))
        self._follow(made.use)

    def _on_refusal(self, error: WebviewerError) -> None:
        self.close()
        self._forget_pictures()
        self._error = error
        super()._on_refusal(error)

    def _on_progress(self, generation: int, done: int, total: int) -> None:
        """Take the word of the volume's load, in its thread."""
        with self._around.lock:
            if self.is_current and self.generation == generation and self._use is not None:
                self._send_progress(done, total)
                is_due = self._around.clock() >= self._coarse_at_s + _COARSE_EVERY_S and not self._light_due
                if is_due or done >= total:
                    self._follow(self._use)
                self._around.lock.notify_all()

    def _follow(self, use: VolumeUse) -> None:
        """Show what has come of the volume, or say why nothing will."""
        error = use.volume.error
        if error is not None:
            self._on_refusal(error)
            return
        self._tell(use.volume)
        self._advance()

    def _tell(self, volume: LoadedVolume) -> None:
        """Say what the values are: of the first slices, and once more of all."""
        is_due = self._told is Told.NOTHING or (self._told is Told.FIRST and volume.is_whole)
        if volume.revision == 0 or self._is_telling or not is_due:
            return
        around, generation = self._around, self.generation

        def tell() -> None:
            try:
                facts = volume_facts(self.number, volume)
            finally:
                with around.lock:
                    self._is_telling = False
            with around.lock:
                if not self.is_current or self._use is None or self._use.volume is not volume:
                    return
                if self.generation != generation:
                    self._tell(volume)
                elif facts is not None:
                    self._told = Told.WHOLE if facts.whole else Told.FIRST
                    around.send(facts)
                    self._tell(volume)  # it may be whole by now

        self._is_telling = around.workers.run(around.whose, tell)

    def on_edit(self, message: Edit) -> None:
        """Take an edit."""
        try:
            self._edits.put(message.number, message.step)
        except WebviewerError as exc:
            self._send_failure(self.wish, exc, edit=message.number)

    def _on_cut(self) -> None:
        if self.is_current:
            self._advance()

    def _on_note(self, number: int, note: Words) -> None:
        if self.is_current:
            self._around.send(EditNote(cell=self.number, number=number, note=sentence_of(note)))

    def close(self) -> None:
        """Let go of the volume."""
        self._edits.close()
        if self._use is not None:
            self._leave(self._use)
            self._use = None

    def _leave(self, use: VolumeUse) -> None:
        # The last one out frees the memory, which takes a while: not here, where the lock is held.
        if not self._around.workers.run(self._around.whose, use.close):
            use.close()

    def _advance(self) -> None:
        wish, use = self.wish, self._use
        if wish is None:
            return
        if self._error is not None:
            self._send_failure(wish, self._error)
            return
        if use is None:
            return
        if isinstance(wish, CameraView):
            use.volume.want_bricks()
        if use.volume.revision == 0:
            return
        if isinstance(wish, CameraView):
            self._see(wish, use.volume)
        else:
            self._show(wish, ShownVolume(use.volume))

    def _see(self, wish: CameraView, volume: LoadedVolume) -> None:
        """Show what edits have left; while that is being made, what the ones before had, as long as something moves."""
        try:
            cut = self._edits.cut(volume, wish.edits)
        except CutFailed as exc:
            self._send_failure(wish, exc.why, edit=exc.edit)
            return
        except WebviewerError as exc:
            self._send_failure(wish, exc)
            return
        made = self._edits.made
        if cut is not None:
            self._show(wish, ShownVolume(volume, cut.mask))
        elif made is not None and made.volume is volume and wish.moving:
            self._show(wish, ShownVolume(volume, made.mask))
            self._still_at_s = None

    def _show(self, wish: PlaneView | CameraView, shown: ShownVolume) -> None:
        self._set_ready(wish, shown)
        if not shown.volume.is_whole:
            self._light_due, self._still_at_s = True, None

    # -- drawing -------------------------------------------------------------------------------------------------------

    def on_sent(self, job: Job, painting: Painting, *, still: bool) -> None:
        """Have a picture that was begun before all was in the device drawn again."""
        super().on_sent(job, painting, still=still)
        self._coarse_at_s = self._around.clock()
        if painting.coarse and self._still_at_s is None and self._use is not None and self._use.volume.is_whole:
            self._still_at_s = self._around.clock()

    def on_failed(self, job: Job, error: WebviewerError) -> None:
        """Say that a picture could not be drawn, unless another volume is shown by now."""
        is_open = self._use is not None and isinstance(job.shown, ShownVolume) and job.shown.volume is self._use.volume
        if is_open:
            super().on_failed(job, error)
