/** Movements of planes that can be taken back. */

import { nextStep } from '../../control/steps';
import type { CrossingPlanes } from '../../model/crossing';
import type { MprState } from '../model/state';

/** So soon after each other notches of the wheel and arrows are one movement. */
const TOGETHER_MS = 800;
const MOST = 100;

type Patch = Partial<MprState>;

interface Step {
  readonly step: number;
  readonly patch: Patch;
}

export class PlaneHistory {
  #past: Step[] = [];
  #future: Step[] = [];
  #held = false;
  /** The movement that is going on is noted already. */
  #noted = false;
  #lastAt = -Infinity;

  get canUndo(): boolean {
    return this.#past.length > 0;
  }

  /** Which step `undo` takes back; 0 = none. */
  get lastStep(): number {
    return this.#past.at(-1)?.step ?? 0;
  }

  /** All that changes until it is let go is one movement. */
  hold(): void {
    this.#held = true;
    this.#noted = false;
  }

  letGo(): void {
    this.#held = false;
    this.#lastAt = -Infinity;
  }

  clear(): void {
    this.#past = [];
    this.#future = [];
    this.letGo();
  }

  /** A change that is about to be made; what does not move planes is none of ours. */
  note(state: MprState, patch: Patch, at: number, moving: boolean): void {
    if (patch.planes === undefined || state.planes === null || patch.planes === state.planes) return;
    const goesOn = this.#held ? this.#noted : moving && at - this.#lastAt < TOGETHER_MS;
    this.#lastAt = moving ? at : -Infinity;
    this.#noted = true;
    this.#future = [];
    if (goesOn) return;
    this.#past.push({ step: nextStep(), patch: picked(state, patch) });
    if (this.#past.length > MOST) this.#past.shift();
  }

  /** What to change to be where it was before the last movement; null where nothing has moved. */
  undo(state: MprState): Patch | null {
    return this.#step(this.#past, this.#future, state);
  }

  redo(state: MprState): Patch | null {
    return this.#step(this.#future, this.#past, state);
  }

  /** What to change to have those planes again, and forgets what was done to them; null where they never were. */
  backTo(planes: CrossingPlanes): Patch | null {
    const index = this.#past.findIndex(({ patch }) => patch.planes === planes);
    const patch = this.#past[index]?.patch;
    if (patch === undefined) return null;
    this.#past = this.#past.slice(0, index);
    this.#lastAt = -Infinity;
    return patch;
  }

  #step(from: Step[], to: Step[], state: MprState): Patch | null {
    const patch = from.pop()?.patch;
    if (patch === undefined) return null;
    to.push({ step: nextStep(), patch: picked(state, patch) });
    this.#lastAt = -Infinity;
    return patch;
  }
}

/** The state's own values of what a patch changes. */
function picked(state: MprState, patch: Patch): Patch {
  return Object.fromEntries(Object.keys(patch).map((key) => [key, state[key as keyof MprState]]));
}
