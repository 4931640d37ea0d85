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
 */

import type { StudyWithSeries } from '../../../shared/api/types';
import { startData, startPresentation } from '../../control/cellState';
import { Store } from '../../control/store';
import { startOfViewer, type ViewerController, type ViewerMode } from '../../control/viewer';
import type { Measurement, Measures } from '../../measure/control/measures';
import type { Place } from '../../measure/model/place';
import { firstSeries, type SeriesDetail } from '../../model/series';
import type { Clock } from '../../stream/clock';
import { imagesJson, readImages } from '../model/cells';
import { digestOf } from '../model/digest';
import { measurementText, readMeasurement, type StoredMeasurement } from '../model/figure';
import { objectIn, parsed, textIn, wholeIn } from '../model/json';
import type { StorageFault, WorkStorage } from './browserStorage';

export const SAVE_AFTER_MS = 500;
const VERSION = 1;
/** Names of the measurements' entries begin with it; other kinds of figures have other letters. */
const MEASUREMENT = 'm';

/** What the address of the page asked for when the work was stored. */
export interface Asked {
  mode: ViewerMode;
  seriesId: number | null;
}

export class Workspace {
  /** Why measurements cannot be kept; null while they can. */
  readonly store = new Store<{ fault: StorageFault | null }>({ fault: null });
  readonly #viewer: ViewerController;
  readonly #measures: Measures;
  readonly #storage: WorkStorage;
  readonly #clock: Clock;
  readonly #nowMs: () => number;
  readonly #userId: number;
  readonly #studyId: number;
  #asked: Asked = { mode: 'image', seriesId: null };
  #restoredFor: Asked | null = null;
  #study: StudyWithSeries | null = null;
  #digestOfStudy: string | null = null;
  #isGone = false;
  #timer: number | null = null;
  #hasRoom = false;
  /** Texts of the measurements as this tab or another stored them last. */
  readonly #stored = new Map<number, string>();
  /** Digests of the SOP instances, or series, that measurements belong to. */
  readonly #digests = new Map<number, string>();
  /** Measurements whose image or series is not there now. */
  readonly #dormant = new Map<number, StoredMeasurement>();
  readonly #cellDigests = new Map<number, string>();
  #items: readonly Measurement[] = [];

  constructor(viewer: ViewerController, measures: Measures, storage: WorkStorage, userId: number, studyId: number, nowMs: () => number = Date.now) {
    this.#viewer = viewer;
    this.#measures = measures;
    this.#storage = storage;
    this.#userId = userId;
    this.#studyId = studyId;
    this.#clock = viewer.clock;
    this.#nowMs = nowMs;
  }

  /** Brings the viewport states back; true where the page then shows what it showed for the same address. */
  restore(asked: Asked): boolean {
    this.#asked = asked;
    const record = parsed(this.#storage.readRecord(this.#studyId));
    if (record === null || record['version'] !== VERSION) return false;
    const sections = objectIn(record['sections']);
    const digest = textIn(record['study'], 64);
    if (sections === null || digest === null) return false;
    this.#digestOfStudy = digest;
    this.#viewer.sections.restore(sections);
    const images = readImages(sections['images']);
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
    viewer.sections.provide('images', () => imagesJson(viewer, (state) => this.#digestOfImage(state.reference.seriesId, state.reference.image?.instance_id ?? null)));
    const leave = [
      ...viewer.cells.map((cell) => cell.store.subscribe(touch)),
      viewer.store.subscribe(touch),
      viewer.sections.onTouch(touch),
      viewer.onDetail((detail) => this.detailCame(detail)),
      measures.store.subscribe(() => {
        if (measures.state.items !== this.#items) this.#touch();
      }),
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
    if (!isFirst) {
      for (const id of [...this.#dormant.keys()]) this.#wake(id);
      return;
    }
    const digest = digestOf(this.#userId, study.study_instance_uid);
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
      if (image === null || this.#digestOfImage(seriesId, image.instance_id, detail) === digest) continue;
      const now = this.#frameWith(detail, digest, image.frame_number);
      cell.change({ reference: { image: now } }, 0, false);
    }
    const items = this.#measures.state.items.filter(({ id, place }) => this.#digests.has(id) && place.kind === 'image' && place.seriesId === detail.series_id);
    for (const { id, place } of items) this.#recheck(id, place, detail);
    for (const [id, { item }] of [...this.#dormant]) if (item.place.kind === 'image' && item.place.seriesId === detail.series_id) this.#wake(id);
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
    const record = { version: VERSION, saved_at: this.#nowMs(), study: this.#digestOfStudy, asked: this.#asked, sections: this.#viewer.sections.all() };
    const fault = this.#storage.writeRecord(this.#studyId, JSON.stringify(record)) ?? this.#saveMeasurements();
    if (!this.#hasRoom) this.#storage.makeRoom(this.#studyId);
    this.#hasRoom = true;
    // Without a measurement nothing is lost that a doctor would miss.
    if (fault !== null && this.#measures.state.items.length > 0 && this.store.get().fault === null) this.store.set({ fault });
  }

  #saveMeasurements(): StorageFault | null {
    const { items } = this.#measures.state;
    this.#items = items;
    let fault: StorageFault | null = null;
    const there = new Set<number>();
    for (const item of items) {
      there.add(item.id);
      const digest = this.#digests.get(item.id) ?? this.#digestOfPlace(item.place);
      if (digest === null) continue;
      this.#digests.set(item.id, digest);
      const text = measurementText(item, digest);
      if (this.#stored.get(item.id) === text) continue;
      const own = this.#storage.writeFigure(this.#studyId, `${MEASUREMENT}${item.id}`, text);
      if (own === null) this.#stored.set(item.id, text);
      fault ??= own;
    }
    for (const id of [...this.#stored.keys()]) {
      if (there.has(id) || this.#dormant.has(id)) continue;
      this.#storage.removeFigure(this.#studyId, `${MEASUREMENT}${id}`);
      this.#stored.delete(id);
    }
    return fault;
  }

  /** Takes over what other tabs stored while this one did not listen. */
  #merge(): void {
    if (this.#isGone || this.#study === null) return;
    if (this.#timer !== null) this.save();
    const figures = this.#storage.readFigures(this.#studyId);
    for (const [figure, text] of figures) this.#figureCame(figure, text);
    if (!this.#storage.has(this.#studyId)) return; // evicted: what is shown here stays
    for (const id of [...this.#stored.keys()]) if (!figures.has(`${MEASUREMENT}${id}`)) this.#figureCame(`${MEASUREMENT}${id}`, null);
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
    if (text !== null || this.#storage.has(this.#studyId)) this.#figureCame(change.figure, text);
  }

  /** One figure as another page stored it, null = deleted there. */
  #figureCame(figure: string, text: string | null): void {
    const id = figure.startsWith(MEASUREMENT) ? wholeIn(Number(figure.slice(MEASUREMENT.length)), 1) : null;
    if (id === null) return;
    if (text === null) {
      this.#stored.delete(id);
      this.#dormant.delete(id);
      this.#measures.takeOver({ put: [], removed: new Set([id]) });
      return;
    }
    if (this.#stored.get(id) === text) return;
    const read = readMeasurement(id, text);
    if (read === null) {
      this.#storage.removeFigure(this.#studyId, figure); // broken
      return;
    }
    this.#stored.set(id, text);
    this.#digests.set(id, read.digest);
    this.#dormant.set(id, read);
    this.#wake(id);
  }

  /** Shows a measurement if what it belongs to is there. */
  #wake(id: number): void {
    const read = this.#dormant.get(id);
    const place = read === undefined ? null : this.#placeNow(read);
    if (read === undefined || place === null) return;
    this.#dormant.delete(id);
    this.#measures.takeOver({ put: [{ ...read.item, place }], removed: new Set() });
    this.#items = this.#measures.state.items;
  }

  /** Where a stored measurement belongs now; null where that is not there. */
  #placeNow({ item, digest }: StoredMeasurement): Place | null {
    const { place } = item;
    if (place.kind === 'plane') {
      const series = this.#study?.series.find((one) => digestOf(this.#userId, one.series_instance_uid) === digest);
      return series === undefined ? null : { ...place, seriesId: series.series_id };
    }
    if (this.#study?.series.some((one) => one.series_id === place.seriesId) !== true) return null;
    const detail = this.#viewer.detail(place.seriesId);
    // Until the images are known, the number counts; `detailCame` looks again.
    if (detail === null || this.#digestOfImage(place.seriesId, place.image.instance_id, detail) === digest) return place;
    const image = this.#frameWith(detail, digest, place.image.frame_number);
    return image === null ? null : { ...place, image };
  }

  #recheck(id: number, place: Place, detail: SeriesDetail): void {
    const digest = this.#digests.get(id);
    if (place.kind !== 'image' || digest === undefined || this.#digestOfImage(detail.series_id, place.image.instance_id, detail) === digest) return;
    const item = this.#measures.item(id);
    if (item === null) return;
    this.#dormant.set(id, { item: { ...item, answers: {} }, digest });
    this.#measures.takeOver({ put: [], removed: new Set([id]) });
    this.#wake(id);
  }

  #frameWith(detail: SeriesDetail, digest: string, frameNumber: number): { instance_id: number; frame_number: number } | null {
    const frame = detail.frames.find((one) => one.frame_number === frameNumber && digestOf(this.#userId, one.sop_instance_uid) === digest);
    return frame === undefined ? null : { instance_id: frame.instance_id, frame_number: frame.frame_number };
  }

  #digestOfPlace(place: Place): string | null {
    if (place.kind === 'image') return this.#digestOfImage(place.seriesId, place.image.instance_id);
    const series = this.#study?.series.find((one) => one.series_id === place.seriesId);
    return series === undefined ? null : digestOf(this.#userId, series.series_instance_uid);
  }

  #digestOfImage(seriesId: number | null, instanceId: number | null, detail = seriesId === null ? null : this.#viewer.detail(seriesId)): string | null {
    if (instanceId === null) return null;
    const frame = detail?.frames.find((one) => one.instance_id === instanceId);
    return frame === undefined ? null : digestOf(this.#userId, frame.sop_instance_uid);
  }

  #touch(): void {
    if (this.#isGone || this.#timer !== null) return;
    this.#timer = this.#clock.setTimeout(() => {
      this.#timer = null;
      this.save();
    }, SAVE_AFTER_MS);
  }
}
