/** Measurements on images and planes in the browser's storage. */

import type { StudyWithSeries } from '../../../shared/api/types';
import type { ViewerController } from '../../control/viewer';
import type { Measures } from '../../measure/control/measures';
import type { Place } from '../../measure/model/place';
import type { SeriesDetail } from '../../model/series';
import { type Digests, digestOfInstance, frameWith, seriesWith } from '../model/digest';
import { measurementText, readMeasurement, type StoredMeasurement } from '../model/figure';
import type { Entries } from './entries';

export class MeasurementEntries implements Entries {
  readonly letter = 'm';
  readonly #viewer: ViewerController;
  readonly #measures: Measures;
  readonly #digests: Digests;
  #study: StudyWithSeries | null = null;
  /** Digests of the SOP instances, or series, that measurements belong to. */
  readonly #owners = new Map<number, string>();
  readonly #hidden = new Map<number, StoredMeasurement>();

  constructor(viewer: ViewerController, measures: Measures, digests: Digests) {
    this.#viewer = viewer;
    this.#measures = measures;
    this.#digests = digests;
  }

  get count(): number {
    return this.#measures.state.items.length;
  }

  texts(): ReadonlyMap<number, string> {
    const texts = new Map<number, string>();
    for (const item of this.#measures.state.items) {
      const owner = this.#owners.get(item.id) ?? this.#ownerOf(item.place);
      if (owner === null) continue;
      this.#owners.set(item.id, owner);
      texts.set(item.id, measurementText(item, owner));
    }
    return texts;
  }

  hides(id: number): boolean {
    return this.#hidden.has(id);
  }

  take(id: number, text: string): boolean {
    const read = readMeasurement(id, text);
    if (read === null) return false;
    this.#owners.set(id, read.digest);
    this.#hidden.set(id, read);
    this.#show(id);
    return true;
  }

  drop(id: number): void {
    this.#hidden.delete(id);
    this.#measures.takeOver({ put: [], removed: new Set([id]) });
  }

  studyCame(study: StudyWithSeries): void {
    this.#study = study;
    for (const id of [...this.#hidden.keys()]) this.#show(id);
  }

  detailCame(detail: SeriesDetail): void {
    for (const item of this.#measures.state.items) {
      const digest = this.#owners.get(item.id);
      const { place } = item;
      if (digest === undefined || place.kind !== 'image' || place.seriesId !== detail.series_id) continue;
      if (digestOfInstance(this.#digests, detail, place.image.instance_id) === digest) continue;
      this.#hidden.set(item.id, { item: { ...item, answers: {} }, digest });
      this.#measures.takeOver({ put: [], removed: new Set([item.id]) });
    }
    for (const [id, { item }] of [...this.#hidden]) if (item.place.seriesId === detail.series_id) this.#show(id);
  }

  #show(id: number): void {
    const read = this.#hidden.get(id);
    const place = read === undefined ? null : this.#placeNow(read);
    if (read === undefined || place === null) return;
    this.#hidden.delete(id);
    this.#measures.takeOver({ put: [{ ...read.item, place }], removed: new Set() });
  }

  /** Where a stored measurement belongs now; null where that is not there. */
  #placeNow({ item: { place }, digest }: StoredMeasurement): Place | null {
    if (place.kind === 'plane') {
      const series = seriesWith(this.#digests, this.#study, digest);
      return series === null ? null : { ...place, seriesId: series.series_id };
    }
    if (this.#study?.series.some((one) => one.series_id === place.seriesId) !== true) return null;
    const detail = this.#viewer.detail(place.seriesId);
    // Until the images are known, the number counts; `detailCame` looks again.
    if (detail === null || digestOfInstance(this.#digests, detail, place.image.instance_id) === digest) return place;
    const image = frameWith(this.#digests, detail, digest, place.image.frame_number);
    return image === null ? null : { ...place, image };
  }

  #ownerOf(place: Place): string | null {
    if (place.kind === 'image') return digestOfInstance(this.#digests, this.#viewer.detail(place.seriesId), place.image.instance_id);
    const series = this.#study?.series.find((one) => one.series_id === place.seriesId);
    return series === undefined ? null : this.#digests.of(series.series_instance_uid);
  }
}
