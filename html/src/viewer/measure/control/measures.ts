/**
 * The measurements of one study: what was drawn where, which one is chosen, what the server says of it. Numbers are the
 * server's, always; while something is dragged the newest question wins, at most twenty a second. No React.
 */

import type { Measured } from '../../../shared/protocol/messages';
import { nextStep } from '../../control/steps';
import { Store } from '../../control/store';
import type { Point } from '../../model/geometry';
import type { MeasureTool } from '../../model/tools';
import type { Clock } from '../../stream/clock';
import { AskFault, type Answer as Told, type Question } from '../../stream/questions';
import { type MeasureSurface, type Place, samePlace } from '../model/place';
import { toolShapes } from '../model/shapes';

/** What the server said, and of which points. */
export interface Answer {
  points: readonly Point[];
  measured: Measured | null;
  fault: { code: string; message: string } | null;
}

export type Answers = Readonly<Record<string, Answer>>;

export interface Measurement {
  id: number;
  tool: MeasureTool;
  place: Place;
  points: readonly Point[];
  /** Where the doctor put the label, pixels of the interface from the shape's middle; null where it stands by itself. */
  label: Point | null;
  /** By the basis of the surface that asked. */
  answers: Answers;
}

/** What is being drawn. */
export interface Draft {
  tool: MeasureTool;
  place: Place;
  cellNumber: number;
  fixed: readonly Point[];
  /** Follows the pointer; null where the next point begins a line of its own. */
  floating: Point | null;
  answers: Answers;
}

/** The value under the pointer. */
export interface Probe {
  place: Place;
  cellNumber: number;
  point: Point;
  answers: Answers;
}

export interface MeasureState {
  items: readonly Measurement[];
  draft: Draft | null;
  chosen: number | null;
  /** What a click would take hold of. */
  hovered: number | null;
  /** What the context menu is about. */
  menu: number | null;
  probe: Probe | null;
  /** Whether the list is open as a dialog. */
  listed: boolean;
  /** Where the keyboard draws: pixels of the interface in a window. */
  cursor: { cellNumber: number; at: Point } | null;
}

export interface MeasureDependencies {
  ask: (cell: number, what: Question, key: string) => Promise<Told>;
  clock: Clock;
  /** An identifier that no other measurement has, in this or another browser tab; later ones are larger. */
  newId: () => number;
}

/** A change of the measurements that came from elsewhere: the browser's storage, another browser tab. */
export interface OutsideChange {
  put: readonly Measurement[];
  removed: ReadonlySet<number>;
}

/** At most twenty questions a second about one thing. */
export const ASK_EVERY_MS = 50;
/** What comes by itself is asked for again. */
export const AGAIN_MS = 1000;
const PASSING: ReadonlySet<string> = new Set(['volume_loading', 'unavailable', 'device_lost', 'out_of_resources']);
const LOST: ReadonlySet<string> = new Set(['lost', 'gone']);
const MAX_STEPS = 100;

interface Asking {
  points: readonly Point[];
  basis: string;
}

interface Turn {
  due: number;
  timer: number | null;
  run: () => void;
}

export class Measures {
  readonly store = new Store<MeasureState>({ items: [], draft: null, chosen: null, hovered: null, menu: null, probe: null, listed: false, cursor: null });
  readonly #deps: MeasureDependencies;
  readonly #asking = new Map<string, Asking>();
  readonly #turns = new Map<string, Turn>();
  #steps: { step: number; items: readonly Measurement[] }[] = [];

  constructor(deps: MeasureDependencies) {
    this.#deps = deps;
  }

  get state(): MeasureState {
    return this.store.get();
  }

  item(id: number | null): Measurement | null {
    return this.state.items.find((one) => one.id === id) ?? null;
  }

  /** What is to be seen on a surface. */
  shown(surface: MeasureSurface): readonly Measurement[] {
    return this.state.items.filter((one) => surface.shows(one.place));
  }

  // -- drawing ----------------------------------------------------------------------------------------------------

  setDraft(draft: Draft | null, surface: MeasureSurface | null): void {
    this.store.set({ draft });
    if (draft === null || surface === null) return;
    const points = draft.floating === null ? draft.fixed : [...draft.fixed, draft.floating];
    if (points.length < toolShapes[draft.tool].points) return;
    this.#ask('draft', draft.tool, draft.place, points, surface);
  }

  /** The shape is whole: from now on it stays. */
  finish(draft: Draft): Measurement {
    const item: Measurement = { id: this.#deps.newId(), tool: draft.tool, place: draft.place, points: draft.fixed, label: null, answers: draft.answers };
    this.#forget('draft');
    this.#remember();
    this.store.set({ items: [...this.state.items, item], draft: null, chosen: item.id, hovered: null });
    return item;
  }

  // -- what is there ----------------------------------------------------------------------------------------------

  choose(id: number | null): void {
    if (this.state.chosen !== id) this.store.set({ chosen: id });
  }

  hover(id: number | null): void {
    if (this.state.hovered !== id) this.store.set({ hovered: id });
  }

  /** A drag of a shape or its label begins: one step to undo. */
  beginEdit(): void {
    this.#remember();
  }

  change(id: number, patch: Partial<Pick<Measurement, 'points' | 'label'>>, surface: MeasureSurface): void {
    this.#set(id, patch);
    this.ensure(surface);
  }

  remove(gone: (item: Measurement) => boolean): void {
    const items = this.state.items.filter((one) => !gone(one));
    if (items.length === this.state.items.length) return;
    this.#remember();
    for (const one of this.state.items) if (gone(one)) this.#forget(keyOf(one.id));
    this.#put(items);
  }

  removeOne(id: number): void {
    this.remove((one) => one.id === id);
  }

  removeAllOf(place: Place): void {
    this.remove((one) => samePlace(one.place, place));
  }

  removeAllOfSeries(seriesId: number): void {
    this.remove((one) => one.place.seriesId === seriesId);
  }

  /** Takes back the last thing that was drawn, changed or deleted; false when there is none. */
  undo(): boolean {
    const before = this.#steps.pop();
    if (before === undefined) return false;
    this.#put(before.items);
    return true;
  }

  /** Takes over a change from elsewhere. It is no step to undo, and undoing a step here does not take it back. */
  takeOver({ put, removed }: OutsideChange): void {
    if (put.length === 0 && removed.size === 0) return;
    const ids = new Set([...removed, ...put.map(({ id }) => id)]);
    for (const id of ids) this.#forget(keyOf(id));
    const changed = (items: readonly Measurement[]): readonly Measurement[] => [...items.filter(({ id }) => !ids.has(id)), ...put].sort((one, other) => one.id - other.id);
    this.#steps = this.#steps.map(({ step, items }) => ({ step, items: changed(items) }));
    this.#put(changed(this.state.items));
  }

  get canUndo(): boolean {
    return this.#steps.length > 0;
  }

  /** Which step `undo` takes back; 0 = none. */
  get lastStep(): number {
    return this.#steps.at(-1)?.step ?? 0;
  }

  // -- the value under the pointer ----------------------------------------------------------------------------------

  probe(point: Point | null, surface: MeasureSurface | null): void {
    const place = surface?.place ?? null;
    if (point === null || surface === null || place === null) {
      if (this.state.probe !== null) this.store.set({ probe: null });
      this.#forget('probe');
      return;
    }
    const before = this.state.probe;
    const answers = before !== null && samePlace(before.place, place) ? before.answers : {};
    this.store.set({ probe: { place, cellNumber: surface.cellNumber, point, answers } });
    this.#ask('probe', 'point', place, [point], surface);
  }

  // -- values -----------------------------------------------------------------------------------------------------

  /** Asks for what is seen on a surface and has no answer there yet. */
  ensure(surface: MeasureSurface): void {
    for (const item of this.shown(surface)) {
      if (item.answers[surface.basis]?.points === item.points) continue;
      this.#ask(keyOf(item.id), item.tool, item.place, item.points, surface);
    }
  }

  #ask(key: string, tool: MeasureTool, place: Place, points: readonly Point[], surface: MeasureSurface): void {
    const own = `${key}/${surface.basis}`;
    const asking = this.#asking.get(own);
    if (asking !== undefined && asking.points === points) return;
    const mine: Asking = { points, basis: surface.basis };
    this.#asking.set(own, mine);
    const what = surface.question(toolShapes[tool].shape, points, place);
    this.#inTurn(own, () => {
      this.#deps.ask(surface.cellNumber, what, `measure ${own}`).then(
        (told) => {
          if (told.type === 'measured') this.#take(key, own, mine, { points, measured: told, fault: null });
        },
        (fault: unknown) => this.#refused(key, own, mine, fault),
      );
    });
  }

  #refused(key: string, own: string, mine: Asking, fault: unknown): void {
    const code = fault instanceof AskFault ? fault.code : 'internal_error';
    if (code === 'superseded' || this.#asking.get(own) !== mine) return;
    if (LOST.has(code) || PASSING.has(code)) {
      // Whoever shows it next asks again; what the server is about to have, in a moment.
      this.#deps.clock.setTimeout(() => {
        if (this.#asking.get(own) !== mine) return;
        this.#asking.delete(own);
        this.store.set({});
      }, AGAIN_MS);
      if (LOST.has(code)) return;
    }
    this.#take(key, own, mine, { points: PASSING.has(code) ? [] : mine.points, measured: null, fault: { code, message: fault instanceof Error ? fault.message : '' } });
  }

  #take(key: string, own: string, mine: Asking, answer: Answer): void {
    if (this.#asking.get(own) === mine && answer.fault === null) this.#asking.delete(own);
    const { draft, probe } = this.state;
    const add = (answers: Answers): Answers => ({ ...answers, [mine.basis]: answer });
    if (key === 'draft') {
      if (draft !== null) this.store.set({ draft: { ...draft, answers: add(draft.answers) } });
    } else if (key === 'probe') {
      if (probe !== null) this.store.set({ probe: { ...probe, answers: add(probe.answers) } });
    } else {
      const item = this.state.items.find((one) => keyOf(one.id) === key);
      if (item !== undefined) this.#set(item.id, { answers: add(item.answers) });
    }
  }

  /** Runs now, or when the last one of the same key is old enough; only the newest runs. */
  #inTurn(key: string, run: () => void): void {
    const now = this.#deps.clock.now();
    const turn = this.#turns.get(key) ?? { due: now, timer: null, run };
    turn.run = run;
    this.#turns.set(key, turn);
    if (turn.timer !== null) return;
    const go = (): void => {
      turn.timer = null;
      turn.due = this.#deps.clock.now() + ASK_EVERY_MS;
      turn.run();
    };
    if (turn.due <= now) go();
    else turn.timer = this.#deps.clock.setTimeout(go, turn.due - now);
  }

  /** Answers that are on their way are of nobody any more. */
  #forget(key: string): void {
    for (const own of [...this.#asking.keys()]) if (own.startsWith(`${key}/`)) this.#asking.delete(own);
    for (const [own, turn] of [...this.#turns]) {
      if (!own.startsWith(`${key}/`)) continue;
      if (turn.timer !== null) this.#deps.clock.clearTimeout(turn.timer);
      this.#turns.delete(own);
    }
  }

  #set(id: number, patch: Partial<Measurement>): void {
    this.store.set({ items: this.state.items.map((one) => (one.id === id ? { ...one, ...patch } : one)) });
  }

  #put(items: readonly Measurement[]): void {
    const there = (id: number | null): number | null => (items.some((one) => one.id === id) ? id : null);
    const { chosen, hovered, menu } = this.state;
    this.store.set({ items, chosen: there(chosen), hovered: there(hovered), menu: there(menu) });
  }

  #remember(): void {
    this.#steps.push({ step: nextStep(), items: this.state.items });
    if (this.#steps.length > MAX_STEPS) this.#steps.shift();
  }
}

function keyOf(id: number): string {
  return `item ${id}`;
}
