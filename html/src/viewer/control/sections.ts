/**
 * The parts of a doctor's work on a study that outlive the page: each page of the viewer writes and reads its own part as
 * JSON. `viewer/workspace` stores them. Nothing here knows where.
 */

import { Store } from './store';

/** A figure of a page on one of the volumes of a series, as unchecked JSON. */
export interface Figure {
  readonly seriesId: number;
  readonly volume: number;
  readonly value: unknown;
}

export class Sections {
  /** Figures by their identifiers. Each is stored by itself, so that two browser tabs do not overwrite each other's. */
  readonly figures = new Store<{ all: ReadonlyMap<number, Figure> }>({ all: new Map() });
  readonly #writers = new Map<string, () => unknown>();
  readonly #listeners = new Set<() => void>();
  #read: Readonly<Record<string, unknown>> = {};

  /**
   * What an earlier page wrote, checked by `reader`; null if nothing, or nothing good. A reader that throws counts as
   * nothing good: stored JSON must never keep a page from opening.
   */
  read<T>(name: string, reader: (value: unknown) => T | null): T | null {
    if (!Object.hasOwn(this.#read, name)) return null;
    try {
      return reader(this.#read[name]);
    } catch {
      return null;
    }
  }

  /** Says how a section is written; it is asked when the work is stored next, at the latest when the page goes. */
  provide(name: string, write: () => unknown): void {
    this.#writers.set(name, write);
    this.touch();
  }

  /** Something has changed that is to be stored. */
  touch(): void {
    for (const listener of [...this.#listeners]) listener();
  }

  /** Changes figures, in one step. */
  changeFigures(put: ReadonlyMap<number, Figure>, removed: ReadonlySet<number> = new Set()): void {
    if (put.size === 0 && removed.size === 0) return;
    this.figures.set({ all: new Map([...[...this.figures.get().all].filter(([id]) => !removed.has(id)), ...put]) });
    this.touch();
  }

  onTouch(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Every section as it is now; of a page that was not opened, as it was read. */
  all(): Record<string, unknown> {
    const now = Object.fromEntries([...this.#writers].map(([name, write]) => [name, write()]));
    return { ...this.#read, ...now };
  }

  restore(sections: Readonly<Record<string, unknown>>): void {
    this.#read = sections;
  }
}
