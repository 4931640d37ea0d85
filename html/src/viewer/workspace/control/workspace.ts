/**
 * A doctor's work on one study, kept over reloads: `Workspace` writes layout, viewport states and measurements of a
 * viewer to the browser's storage, and brings them back.
 *
 * - The viewport states come back at once, so that the right image is the first one asked for. The measurements wait for
 *   the study: its UID must be the one that they were drawn on, or all of it is dropped.
 * - A measurement on an image belongs to a SOP instance and a frame. Where the server numbers the instance otherwise now,
 *   the measurement follows. Where the instance is not there, the measurement stays stored and is not shown.
 * - Values are never stored: a restored measurement is asked for again.
 * - Changes are written within half a second, and when the page is hidden or left.
 * - Stored JSON may be anything. What is broken is dropped, and nothing that reads it throws into the page.
 */

import type { StudyWithSeries } from '../../../shared/api/types';
import { startData, startPresentation } from '../../control/cellState';
import { Store } from '../../control/store';
import { startOfViewer, type ViewerController, type ViewerMode } from '../../control/viewer';
import type { Measures } from '../../measure/control/measures';
import { firstSeries, type SeriesDetail } from '../../model/series';
import type { Clock } from '../../stream/clock';
import { imagesJson, readImages } from '../model/cells';
import { Digests, digestOfInstance, frameWith } from '../model/digest';
import { objectIn, parsed, textIn, wholeIn } from '../model/json';
import type { StorageFault, WorkStorage } from './browserStorage';
import type { Entries } from './entries';
import { FigureEntries } from './figureEntries';
import { MeasurementEntries } from './measurementEntries';

export const SAVE_AFTER_MS = 500;
const VERSION = 1;
/** What the address of the page asked for when the work was stored. */
export interface Asked {
  mode: ViewerMode;
  seriesId: number | null;
}

export class Workspace {
  /** Why measurements were not kept when they were stored last; null while they are. */
  readonly store = new Store<{ fault: StorageFault | null }>({ fault: null });
  readonly #viewer: ViewerController;
  readonly #measures: Measures;
  readonly #storage: WorkStorage;
  readonly #clock: Clock;
  readonly #nowMs: () => number;
  readonly #digests: Digests;
  readonly #kinds: readonly Entries[];
  readonly #studyId: number;
  #asked: Asked = { mode: 'image', seriesId: null };
  #restoredFor: Asked | null = null;
  #study: StudyWithSeries | null = null;
  #digestOfStudy: string | null = null;
  #isGone = false;
  #timer: number | null = null;
  #hasRoom = false;
  /** The entries by their names, as this tab or another stored them last. */
  readonly #stored = new Map<string, string>();
  /** The record as it was stored last, without its time. */
  #storedState = '';
  readonly #cellDigests = new Map<number, string>();

  constructor(viewer: ViewerController, measures: Measures, storage: WorkStorage, userId: number, studyId: number, nowMs: () => number = Date.now) {
    this.#viewer = viewer;
    this.#measures = measures;
    this.#storage = storage;
    this.#digests = new Digests(userId);
    this.#kinds = [new MeasurementEntries(viewer, measures, this.#digests), new FigureEntries(viewer.sections, this.#digests)];
    this.#studyId = studyId;
    this.#clock = viewer.clock;
    this.#nowMs = nowMs;
  }

  /** Brings the viewport states back; true where the page then shows what it showed for the same address. Never throws. */
  restore(asked: Asked): boolean {
    this.#asked = asked;
    try {
      return this.#restore(asked);
    } catch {
      // The record stays until the next save writes it anew: without a record, the study's measurements count as evicted.
      this.#restoredFor = null;
      this.#cellDigests.clear();
      this.#viewer.sections.restore({});
      this.#viewer.restore({ ...startOfViewer, cells: new Map() });
      return false;
    }
  }

  #restore(asked: Asked): boolean {
    const record = parsed(this.#storage.readRecord(this.#studyId));
    if (record === null || record['version'] !== VERSION) return false;
    const sections = objectIn(record['sections']);
    const digest = textIn(record['study'], 64);
    if (sections === null || digest === null) return false;
    this.#digestOfStudy = digest;
    this.#viewer.sections.restore(sections);
    const images = this.#viewer.sections.read('images', readImages);
    if (images === null || images.start.cells.size === 0) return false;
    for (const [number, one] of images.digests) if (one !== null) this.#cellDigests.set(number, one);
    this.#viewer.restore(images.start);
    const before = objectIn(record['asked']);
    const sameSeries = before?.['seriesId'] === asked.seriesId || asked.seriesId === null;
    if (sameSeries && before?.['mode'] === asked.mode) this.#restoredFor = asked;
    return this.#restoredFor !== null;
  }

  /** What the address asks for now; true where the page shows what it showed for that address before it was loaded. */
  ask(asked: Asked): boolean {
    if (this.#asked.mode !== asked.mode || this.#asked.seriesId !== asked.seriesId) {
      this.#restoredFor = null;
      this.#asked = asked;
      this.#touch();
    }
    return this.#restoredFor !== null;
  }

  /** Begins to store what changes; what it returns stores the last change and ends it. */
  start(target: Window = window): () => void {
    const { viewer, measures } = { viewer: this.#viewer, measures: this.#measures };
    const touch = (): void => this.#touch();
    const save = (): void => this.save();
    const shown = (): void => {
      if (target.document.hidden) this.save();
      else this.#merge();
    };
    const changed = (event: StorageEvent): void => this.#hear(event);
    const cameBack = (event: PageTransitionEvent): void => {
      if (event.persisted) this.#merge();
    };
    viewer.sections.provide('images', () => imagesJson(viewer, ({ detail, reference }) => (reference.image === null ? null : digestOfInstance(this.#digests, detail, reference.image.instance_id))));
    const leave = [
      ...viewer.cells.map((cell) => cell.store.subscribe(touch)),
      viewer.store.subscribe(touch),
      viewer.sections.onTouch(touch),
      viewer.onDetail((detail) => this.detailCame(detail)),
      measures.store.subscribe(touch),
    ];
    target.addEventListener('pagehide', save);
    target.addEventListener('pageshow', cameBack);
    target.addEventListener('storage', changed);
    target.document.addEventListener('visibilitychange', shown);
    return () => {
      this.save();
      for (const stop of leave) stop();
      target.removeEventListener('pagehide', save);
      target.removeEventListener('pageshow', cameBack);
      target.removeEventListener('storage', changed);
      target.document.removeEventListener('visibilitychange', shown);
    };
  }

  /** The study is known: measurements come back if it is the one that they were drawn on. */
  studyCame(study: StudyWithSeries): void {
    const isFirst = this.#study === null;
    this.#study = study;
    for (const kind of this.#kinds) kind.studyCame(study);
    if (!isFirst) return;
    const digest = this.#digests.of(study.study_instance_uid);
    const isOther = this.#digestOfStudy !== null && this.#digestOfStudy !== digest;
    this.#digestOfStudy = digest;
    if (isOther) {
      this.#storage.removeStudy(this.#studyId);
      this.#viewer.sections.restore({});
    }
    this.#dropCells(study, isOther);
    this.#merge();
    this.#touch();
  }

  /** Cells that came back with a series that the study does not have begin anew. */
  #dropCells(study: StudyWithSeries, all: boolean): void {
    const known = new Set(study.series.map((one) => one.series_id));
    const lost = this.#viewer.cells.some(({ state }) => state.reference.seriesId !== null && !known.has(state.reference.seriesId));
    if (!lost && !all) return;
    const first = firstSeries(study.series);
    this.#cellDigests.clear();
    this.#restoredFor = null;
    this.#viewer.restore({
      ...startOfViewer,
      cells: first === null ? new Map() : new Map([[0, { seriesId: first.series_id, image: null, presentation: startPresentation, data: startData }]]),
    });
  }

  /** The images of a series are known: cells and measurements go to the numbers that their SOP instances have now. */
  detailCame(detail: SeriesDetail): void {
    for (const cell of this.#viewer.cells) {
      const digest = this.#cellDigests.get(cell.number);
      const { seriesId, image } = cell.state.reference;
      if (digest === undefined || seriesId !== detail.series_id) continue;
      this.#cellDigests.delete(cell.number);
      if (image === null || digestOfInstance(this.#digests, detail, image.instance_id) === digest) continue;
      cell.change({ reference: { image: frameWith(this.#digests, detail, digest, image.frame_number) } }, 0, false);
    }
    for (const kind of this.#kinds) kind.detailCame(detail);
  }

  /** The study is deleted: so is what was kept of it, and nothing is stored any more. */
  studyGone(): void {
    this.#isGone = true;
    if (this.#timer !== null) this.#clock.clearTimeout(this.#timer);
    this.#timer = null;
    this.#storage.removeStudy(this.#studyId);
  }

  /** Stores what has changed since the last time. */
  save(): void {
    if (this.#timer !== null) this.#clock.clearTimeout(this.#timer);
    this.#timer = null;
    // Before the study is known nothing can have been drawn, and it is not known whose state this is.
    if (this.#isGone || this.#study === null || this.#digestOfStudy === null) return;
    if (!this.#storage.has(this.#studyId)) this.#stored.clear(); // evicted meanwhile: write all of it again
    const fault = this.#saveRecord(this.#digestOfStudy) ?? this.#saveEntries();
    if (!this.#hasRoom) this.#storage.makeRoom(this.#studyId);
    this.#hasRoom = true;
    // Without a figure nothing is lost that a doctor would miss.
    const known = this.store.get().fault;
    if (fault !== null && known === null && this.#kinds.some(({ count }) => count > 0)) this.store.set({ fault });
    if (fault === null && known !== null) this.store.set({ fault: null });
  }

  #saveRecord(study: string): StorageFault | null {
    const state = JSON.stringify({ version: VERSION, study, asked: this.#asked, sections: this.#viewer.sections.all() });
    if (state === this.#storedState && this.#storage.has(this.#studyId)) return null;
    const fault = this.#storage.writeRecord(this.#studyId, state.replace('{', `{"saved_at":${this.#nowMs()},`));
    this.#storedState = fault === null ? state : '';
    return fault;
  }

  #saveEntries(): StorageFault | null {
    let fault: StorageFault | null = null;
    for (const kind of this.#kinds) {
      const texts = kind.texts();
      for (const [id, text] of texts) {
        const name = `${kind.letter}${id}`;
        if (this.#stored.get(name) === text) continue;
        const own = this.#storage.writeFigure(this.#studyId, name, text);
        if (own === null) this.#stored.set(name, text);
        fault ??= own;
      }
      for (const name of [...this.#stored.keys()]) {
        const id = idIn(name, kind);
        if (id === null || texts.has(id) || kind.hides(id)) continue;
        this.#storage.removeFigure(this.#studyId, name);
        this.#stored.delete(name);
      }
    }
    return fault;
  }

  /** Takes over what other tabs stored while this one did not listen. */
  #merge(): void {
    if (this.#isGone || this.#study === null) return;
    if (this.#timer !== null) this.save();
    const figures = this.#storage.readFigures(this.#studyId);
    for (const [figure, text] of figures) this.#entryCame(figure, text);
    if (!this.#storage.has(this.#studyId)) return; // evicted: what is shown here stays
    for (const name of [...this.#stored.keys()]) if (!figures.has(name)) this.#entryCame(name, null);
  }

  #hear(event: StorageEvent): void {
    const change = this.#storage.changeOf(event);
    if (change === null || change.studyId !== this.#studyId || this.#isGone || this.#study === null) return;
    if (change.kind === 'evicted') {
      this.#stored.clear();
      return;
    }
    // The event may be older than what is stored now. Without its record the study was evicted, not its figures deleted.
    const text = this.#storage.readFigure(this.#studyId, change.figure);
    if (text !== null || this.#storage.has(this.#studyId)) this.#entryCame(change.figure, text);
  }

  /** One entry as another page stored it, null = deleted there. */
  #entryCame(name: string, text: string | null): void {
    for (const kind of this.#kinds) {
      const id = idIn(name, kind);
      if (id === null || this.#stored.get(name) === text) continue;
      if (text === null) {
        this.#stored.delete(name);
        kind.drop(id);
        continue;
      }
      this.#stored.set(name, text);
      if (isTaken(kind, id, text)) continue;
      this.#stored.delete(name);
      this.#storage.removeFigure(this.#studyId, name); // broken
    }
  }

  #touch(): void {
    if (this.#isGone || this.#timer !== null) return;
    this.#timer = this.#clock.setTimeout(() => {
      this.#timer = null;
      this.save();
    }, SAVE_AFTER_MS);
  }
}

/** Whether an entry is good; one whose reading throws is broken. */
function isTaken(kind: Entries, id: number, text: string): boolean {
  try {
    return kind.take(id, text);
  } catch {
    return false;
  }
}

/** The identifier in the name of an entry; null where the entry is of another kind. */
function idIn(name: string, { letter }: Entries): number | null {
  return name.startsWith(letter) ? wholeIn(Number(name.slice(letter.length)), 1) : null;
}
