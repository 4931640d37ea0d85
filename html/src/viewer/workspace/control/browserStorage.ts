/**
 * Doctors' work on studies in the browser's storage: bounded, per user, without names of patients.
 *
 * - A study has one record (layout, viewport states) and one entry for each figure (a measurement). So two browser tabs
 *   that draw in one study write different entries, and the last writer of a figure wins.
 * - The record is also kept in the browser tab's own session storage: a reload comes back to what this tab showed.
 * - `localStorage` and not IndexedDB: it is written synchronously while the page goes, and it tells other tabs.
 * - Keys hold numbers only. Values hold no names of patients and no UIDs.
 */

import { parsed, wholeIn } from '../model/json';

const PREFIX = 'webviewer.work.1.';
/** A whole key: the record of a study of a user, or one of its figures. Keys of any other form are not ours. */
const KEY = /^webviewer\.work\.1\.(?<user>\d+)\.(?<study>\d+)(?:\.(?<figure>[a-z]\d+))?$/;

export interface Limits {
  /** Studies of all users of this browser. */
  studies: number;
  /** UTF-16 units of all of them; browsers take about 5 million of an origin. */
  letters: number;
  /** Of one study. */
  lettersOfStudy: number;
}

export const LIMITS: Limits = { studies: 100, letters: 3_000_000, lettersOfStudy: 1_000_000 };

/** `full` = no room even after older studies went; `blocked` = the browser keeps nothing at all. */
export type StorageFault = 'full' | 'blocked';

/** What another browser tab did. */
export type StorageChange =
  | { kind: 'figure'; studyId: number; figure: string }
  /** The whole study was evicted, or its record was removed by hand. */
  | { kind: 'evicted'; studyId: number };

export interface BrowserAreas {
  /** Of this browser tab alone. */
  tab: Storage | null;
  /** Of all tabs of the browser. */
  shared: Storage | null;
}

/** The areas of this browser; one that is blocked is null. */
export function browserAreas(): BrowserAreas {
  return { tab: areaOf(() => window.sessionStorage), shared: areaOf(() => window.localStorage) };
}

export class WorkStorage {
  readonly #areas: BrowserAreas;
  readonly #userId: number;
  readonly #limits: Limits;

  constructor(areas: BrowserAreas, userId: number, limits: Limits = LIMITS) {
    this.#areas = areas;
    this.#userId = userId;
    this.#limits = limits;
  }

  /** The record of a study: this tab's own, else the one that was written last. */
  readRecord(studyId: number): string | null {
    const key = this.#keyOf(studyId);
    return attempt(() => this.#areas.tab?.getItem(key)) ?? attempt(() => this.#areas.shared?.getItem(key)) ?? null;
  }

  writeRecord(studyId: number, text: string): StorageFault | null {
    const key = this.#keyOf(studyId);
    attempt(() => this.#areas.tab?.setItem(key, text));
    return this.#write(studyId, key, text);
  }

  /** The figures of a study by their names; none of a study whose record is gone. */
  readFigures(studyId: number): Map<string, string> {
    const found = new Map<string, string>();
    const key = this.#keyOf(studyId);
    const { shared } = this.#areas;
    if (shared === null || attempt(() => shared.getItem(key)) == null) return found;
    for (const name of keysOf(shared)) {
      const text = name.startsWith(`${key}.`) ? attempt(() => shared.getItem(name)) : null;
      if (text != null) found.set(name.slice(key.length + 1), text);
    }
    return found;
  }

  readFigure(studyId: number, figure: string): string | null {
    return attempt(() => this.#areas.shared?.getItem(`${this.#keyOf(studyId)}.${figure}`)) ?? null;
  }

  /** Whether the study's record is in the shared area. */
  has(studyId: number): boolean {
    return attempt(() => this.#areas.shared?.getItem(this.#keyOf(studyId))) != null;
  }

  writeFigure(studyId: number, figure: string, text: string): StorageFault | null {
    return this.#write(studyId, `${this.#keyOf(studyId)}.${figure}`, text);
  }

  removeFigure(studyId: number, figure: string): void {
    attempt(() => this.#areas.shared?.removeItem(`${this.#keyOf(studyId)}.${figure}`));
  }

  removeStudy(studyId: number): void {
    attempt(() => this.#areas.tab?.removeItem(this.#keyOf(studyId)));
    if (this.#areas.shared !== null) remove(this.#areas.shared, this.#keyOf(studyId));
  }

  /** Evicts the studies, of all users, that were saved longest ago, until the limits hold; never the one named. */
  makeRoom(studyId: number): void {
    while (this.#isOverLimit() && this.#evictOldest(studyId));
  }

  /** What a `storage` event of the browser says of this user's work; null if nothing. */
  changeOf(event: Pick<StorageEvent, 'key' | 'newValue' | 'storageArea'>): StorageChange | null {
    const parts = event.storageArea === this.#areas.shared ? KEY.exec(event.key ?? '')?.groups : undefined;
    const studyId = wholeIn(Number(parts?.['study']), 1);
    if (studyId === null || parts?.['user'] !== String(this.#userId)) return null;
    const { figure } = parts;
    if (figure !== undefined) return { kind: 'figure', studyId, figure };
    return event.newValue === null ? { kind: 'evicted', studyId } : null;
  }

  #keyOf(studyId: number): string {
    return `${PREFIX}${this.#userId}.${studyId}`;
  }

  #write(studyId: number, key: string, text: string): StorageFault | null {
    const { shared } = this.#areas;
    if (shared === null) return 'blocked';
    if (sizeOf(shared, this.#keyOf(studyId)) - sizeOfItem(shared, key) + key.length + text.length > this.#limits.lettersOfStudy) return 'full';
    for (;;) {
      try {
        shared.setItem(key, text);
        return null;
      } catch (error) {
        if (!(error instanceof DOMException) || !/quota/i.test(error.name)) return 'blocked';
        if (!this.#evictOldest(studyId)) return 'full';
      }
    }
  }

  #isOverLimit(): boolean {
    const { shared } = this.#areas;
    if (shared === null) return false;
    const studies = studiesOf(shared);
    return studies.size > this.#limits.studies || [...studies.keys()].reduce((sum, key) => sum + sizeOf(shared, key), 0) > this.#limits.letters;
  }

  #evictOldest(studyId: number): boolean {
    const { shared } = this.#areas;
    if (shared === null) return false;
    const own = this.#keyOf(studyId);
    const oldest = [...studiesOf(shared)].filter(([key]) => key !== own).sort(([, one], [, other]) => one - other)[0];
    if (oldest === undefined) return false;
    remove(shared, oldest[0]);
    return true;
  }
}

/** The keys of all studies' records, with the time at which each was saved; 0 where no record says it. */
function studiesOf(shared: Storage): Map<string, number> {
  const studies = new Map<string, number>();
  for (const key of keysOf(shared)) {
    const { user, study } = KEY.exec(key)?.groups ?? {};
    const name = `${PREFIX}${user}.${study}`;
    if (!studies.has(name)) studies.set(name, wholeIn(parsed(attempt(() => shared.getItem(name)) ?? null)?.['saved_at'], 0) ?? 0);
  }
  return studies;
}

function sizeOf(shared: Storage, key: string): number {
  return keysOf(shared)
    .filter((name) => name === key || name.startsWith(`${key}.`))
    .reduce((sum, name) => sum + sizeOfItem(shared, name), 0);
}

/** Letters of one key and its value; 0 where it is not there. */
function sizeOfItem(shared: Storage, key: string): number {
  const text = attempt(() => shared.getItem(key)) ?? null;
  return text === null ? 0 : key.length + text.length;
}

/** The record goes first: other tabs then know that the figures were not deleted by hand. */
function remove(shared: Storage, key: string): void {
  attempt(() => shared.removeItem(key));
  for (const name of keysOf(shared)) if (name.startsWith(`${key}.`)) attempt(() => shared.removeItem(name));
}

function keysOf(area: Storage): string[] {
  const keys = attempt(() => Array.from({ length: area.length }, (_, at) => area.key(at))) ?? [];
  return keys.filter((key) => key !== null && KEY.test(key)) as string[];
}

function areaOf(read: () => Storage): Storage | null {
  return attempt(read) ?? null;
}

/** Browsers throw where storage is blocked; that is the same as nothing stored. */
function attempt<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch {
    return undefined;
  }
}

/** Removes what this browser keeps of a user's work on deleted studies. */
export function forgetWork(userId: number, studyIds: readonly number[]): void {
  const storage = new WorkStorage(browserAreas(), userId);
  for (const studyId of studyIds) storage.removeStudy(studyId);
}
