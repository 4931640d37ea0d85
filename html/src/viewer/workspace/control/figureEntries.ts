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
      if (series !== undefined) texts.set(id, figureText(figure, this.#digests.of(series.series_instance_uid)));
    }
    return texts;
  }

  hides(id: number): boolean {
    return this.#hidden.has(id);
  }

  take(id: number, text: string): boolean {
    const read = readFigure(text);
    if (read === null) return false;
    this.#hidden.set(id, read);
    this.#showAll();
    return true;
  }

  drop(id: number): void {
    this.#hidden.delete(id);
    this.#sections.changeFigures(new Map(), new Set([id]));
  }

  studyCame(study: StudyWithSeries): void {
    this.#study = study;
    this.#showAll();
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
