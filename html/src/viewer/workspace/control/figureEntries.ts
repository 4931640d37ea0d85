/** Figures on volumes, such as markers and rulers of the 3D page, in the browser's storage. */

import type { StudyWithSeries } from '../../../shared/api/types';
import type { Figure, Sections } from '../../control/sections';
import { type Digests, seriesWith } from '../model/digest';
import { figureText, readFigure } from '../model/figure';
import type { Entries } from './entries';

export class FigureEntries implements Entries {
  readonly letter = 'v';
  readonly #sections: Sections;
  readonly #digests: Digests;
  #study: StudyWithSeries | null = null;
  /** Digests of the series that figures belong to: a series may be missing for a moment, and its figures are kept. */
  readonly #owners = new Map<number, string>();
  readonly #hidden = new Map<number, { figure: Figure; digest: string }>();

  constructor(sections: Sections, digests: Digests) {
    this.#sections = sections;
    this.#digests = digests;
  }

  get count(): number {
    return this.#sections.figures.get().all.size;
  }

  texts(): ReadonlyMap<number, string> {
    const texts = new Map<number, string>();
    for (const [id, figure] of this.#sections.figures.get().all) {
      const series = this.#study?.series.find((one) => one.series_id === figure.seriesId);
      const owner = series === undefined ? this.#owners.get(id) : this.#digests.of(series.series_instance_uid);
      if (owner === undefined) continue;
      this.#owners.set(id, owner);
      texts.set(id, figureText(figure, owner));
    }
    return texts;
  }

  hides(id: number): boolean {
    return this.#hidden.has(id);
  }

  take(id: number, text: string): boolean {
    const read = readFigure(text);
    if (read === null) return false;
    this.#owners.set(id, read.digest);
    this.#hidden.set(id, read);
    this.#showAll();
    return true;
  }

  drop(id: number): void {
    this.#hidden.delete(id);
    this.#owners.delete(id);
    this.#sections.changeFigures(new Map(), new Set([id]));
  }

  studyCame(study: StudyWithSeries): void {
    this.#study = study;
    this.#renumber(study);
    this.#showAll();
  }

  /** A series that was missing may have come back with another number. */
  #renumber(study: StudyWithSeries): void {
    const moved = new Map<number, Figure>();
    for (const [id, figure] of this.#sections.figures.get().all) {
      const owner = this.#owners.get(id);
      if (owner === undefined || study.series.some((one) => one.series_id === figure.seriesId)) continue;
      const series = seriesWith(this.#digests, study, owner);
      if (series !== null) moved.set(id, { ...figure, seriesId: series.series_id });
    }
    this.#sections.changeFigures(moved);
  }

  detailCame(): void {
    // Figures belong to volumes of a series; its images do not matter.
  }

  #showAll(): void {
    const there = new Map<number, Figure>();
    for (const [id, { figure, digest }] of this.#hidden) {
      const series = seriesWith(this.#digests, this.#study, digest);
      if (series !== null) there.set(id, { ...figure, seriesId: series.series_id });
    }
    for (const id of there.keys()) this.#hidden.delete(id);
    this.#sections.changeFigures(there);
  }
}
